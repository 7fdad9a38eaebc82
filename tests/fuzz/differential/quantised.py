# SPDX-License-Identifier: Apache-2.0
"""Random quantised blocks for a Builder, as exporters write them: pairs of
QuantizeLinear and DequantizeLinear around ops, weights of 8 bits, and the ops
that are integer by name.

Rounding may decide a step of a quantised value: such graphs are compared in
steps of their outputs (`judge.py`)."""

import numpy as np

from builder import Rejected

FIRST = 13


def _kind(g):
    return g.pick((np.uint8, np.int8))


def _parameters(g, x, kind):
    """(scale, zero point) that hold the values of x."""
    value = g.values[x]
    low, high = min(0.0, float(value.min())), max(0.0, float(value.max()))
    scale = np.float32(max(high - low, 1e-3) / 255)
    first = 0 if kind is np.uint8 else -128
    zero = int(np.clip(round(first - low / scale), first, first + 255))
    return g.constant(scale), g.constant(kind(zero))


def quantise(g, x):
    """x through 8 bits and back."""
    if g.opset < FIRST:
        raise Rejected("opset")
    scale, zero = _parameters(g, x, _kind(g))
    return g.op("DequantizeLinear", g.op("QuantizeLinear", x, scale, zero),
                scale, zero)


def _weights(g, shape, axis):
    """Dequantised int8 weights, one scale or one a channel."""
    q = g.constant(g.rng.integers(-127, 128, shape).astype(np.int8))
    fan = np.sqrt(np.prod(shape) / shape[axis])
    if g.chance(0.5):
        count = shape[axis]
        scale = g.constant((g.rng.uniform(0.5, 1.5, count) / 64 / fan)
                           .astype(np.float32))
        zero = g.constant(np.zeros(count, np.int8))
        return g.op("DequantizeLinear", q, scale, zero, axis=axis)
    return g.op("DequantizeLinear", q, g.constant(np.float32(1 / 64 / fan)),
                g.constant(np.int8(0)))


def conv(g):
    if g.opset < FIRST:
        raise Rejected("opset")
    x = quantise(g, g.floats(4))
    c = g.shape(x)[1]
    group = g.pick([1, 1, c] + [d for d in range(2, c) if c % d == 0])
    outputs = group * g.integer(1, 3) if group > 1 else g.integer(1, 10)
    k, d = g.pick((1, 3, 3, 5)), g.pick((1, 1, 2))
    w = _weights(g, (outputs, c // group, k, k), 0)
    bias = [g.weight(outputs, scale=0.3)] if g.chance(0.7) else []
    y = g.op("Conv", x, w, *bias, group=group, kernel_shape=[k, k],
             pads=[k // 2 * d] * 4, strides=[g.integer(1, 3)] * 2,
             dilations=[d] * 2)
    if g.chance(0.4):
        y = g.op("Relu", y)
    return quantise(g, y)


def linear(g):
    if g.opset < FIRST:
        raise Rejected("opset")
    x = quantise(g, g.floats(2, 3))
    inner, outputs = g.shape(x)[-1], g.integer(1, 10)
    if g.rank(x) == 2 and g.chance(0.6):
        w = _weights(g, (outputs, inner), 0)
        y = g.op("Gemm", x, w, g.weight(outputs, scale=0.3), transB=1)
    else:
        y = g.op("MatMul", x, _weights(g, (inner, outputs), 1))
        if g.chance(0.6):
            bias = g.weight(*g.pick(((outputs,), (1, outputs), (1,))),
                            scale=0.3)
            y = g.op("Add", *g.pick(((y, bias), (bias, y))))
    return quantise(g, y) if g.chance(0.7) else y


def product(g):
    """A product of two computed tensors, as in attention."""
    if g.opset < FIRST:
        raise Rejected("opset")
    x = g.floats(2, 3, 4)
    rank = g.rank(x)
    turned = g.op("Transpose", x, perm=[*range(rank - 2), rank - 1, rank - 2])
    y = g.op("MatMul", quantise(g, x), quantise(g, turned))
    y = g.op("Mul", y, g.constant(np.float32(0.3 / np.sqrt(g.shape(x)[-1]))))
    return quantise(g, y) if g.chance(0.5) else y


def add(g):
    """A residual add, a concatenation, a pool or a resize of 8 bits."""
    if g.opset < FIRST:
        raise Rejected("opset")
    x = quantise(g, g.floats(4))
    y = conv(g)
    way = g.integer(0, 3)
    if way == 0 and g.shape(x) == g.shape(y):
        return quantise(g, g.op("Add", x, y))
    if way == 1:
        return quantise(g, g.op("Concat", y, y, axis=1))
    if way == 2:
        return quantise(g, g.op("GlobalAveragePool", y))
    return quantise(g, g.op("MaxPool", y, kernel_shape=[2, 2]))


def integer(g):
    """ConvInteger and MatMulInteger behind DynamicQuantizeLinear."""
    if g.opset < FIRST:
        raise Rejected("opset")
    x = g.floats(2, 4)
    q, scale, zero = g.op("DynamicQuantizeLinear", x, outputs=3)
    outputs = g.integer(1, 8)
    if g.rank(x) == 2:
        w = g.constant(g.rng.integers(-9, 10, (g.shape(x)[1], outputs))
                       .astype(np.int8))
        y = g.op("MatMulInteger", q, w, zero)
    else:
        w = g.constant(g.rng.integers(-9, 10, (
            outputs, g.shape(x)[1], 1, 1)).astype(np.int8))
        y = g.op("ConvInteger", q, w, zero)
    y = g.op("Mul", g.op("Cast", y, to=1), scale)
    return g.op("Mul", y, g.constant(np.float32(0.05)))


def by_name(g):
    """QLinearConv and QLinearMatMul."""
    if g.opset < FIRST:
        raise Rejected("opset")
    x = g.floats(2, 4)
    kind = _kind(g)
    scale, zero = _parameters(g, x, kind)
    q = g.op("QuantizeLinear", x, scale, zero)
    outputs = g.integer(1, 8)
    inner = g.shape(x)[1]
    factor = 1 / 64 / np.sqrt(inner)
    per_channel = g.chance(0.5)
    shape = (outputs,) if per_channel else ()
    w_scale = g.constant((g.rng.uniform(0.5, 1.5, shape) * factor)
                         .astype(np.float32))
    w_zero = g.constant(np.zeros(shape, np.int8))
    y_scale = g.constant(np.float32(0.05))
    y_zero = g.constant(kind(128 if kind is np.uint8 else 0))
    if g.rank(x) == 2:
        w = g.constant(g.rng.integers(-127, 128, (inner, outputs))
                       .astype(np.int8))
        y = g.op("QLinearMatMul", q, scale, zero, w, w_scale, w_zero,
                 y_scale, y_zero)
    else:
        w = g.constant(g.rng.integers(-127, 128, (outputs, inner, 3, 3))
                       .astype(np.int8))
        bias = [g.constant(g.rng.integers(-99, 99, outputs)
                           .astype(np.int32))] if g.chance(0.5) else []
        y = g.op("QLinearConv", q, scale, zero, w, w_scale, w_zero, y_scale,
                 y_zero, *bias, pads=[1] * 4, kernel_shape=[3, 3])
    return g.op("DequantizeLinear", y, y_scale, y_zero)


OPS = [(conv, 2), (linear, 1), (product, 1), (add, 1), (integer, 1),
       (by_name, 1)]
