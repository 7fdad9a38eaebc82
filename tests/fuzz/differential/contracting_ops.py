# SPDX-License-Identifier: Apache-2.0
"""Random convolutions, products and pools for a Builder."""

import numpy as np

from builder import Rejected
from single_ops import _spatial


def _window(g, dims, depth=False):
    """Random kernel, strides, dilations and pads over these dimensions."""
    kernel = [g.integer(1, min(4, d + 1)) for d in dims]
    if g.chance(0.5):
        kernel = [min(3, d) for d in dims]
    result = {"kernel_shape": kernel}
    if g.chance(0.4):
        result["strides"] = [g.integer(1, 3) for _ in dims]
    if g.chance(0.25):
        result["dilations"] = [g.integer(1, 2) for _ in dims]
    way = g.integer(0, 4)
    if way == 0:
        # With dilations, and where a window does not fit, ONNX Runtime's own
        # formula rounds towards zero.
        result.pop("dilations", None)
        result["kernel_shape"] = [min(k, d) for k, d in zip(kernel, dims)]
        result["auto_pad"] = g.pick(("SAME_UPPER", "SAME_LOWER", "VALID"))
    elif way < 3:
        result["pads"] = [k // 2 for k in kernel] * 2
    elif way == 3:
        result["pads"] = [g.integer(0, max(0, k - 1)) for k in kernel * 2]
    pads = result.get("pads", [0] * (2 * len(dims)))
    for k, d in enumerate(dims):
        reach = (result["kernel_shape"][k] - 1) * \
            result.get("dilations", [1] * len(dims))[k] + 1
        if reach > d + pads[k] + pads[k + len(dims)]:
            raise Rejected("ONNX Runtime pools what is not there")
    return result


def _groups(g, channels):
    """(groups, outputs)"""
    way = g.integer(0, 5)
    if way == 0:
        return channels, channels * g.pick((1, 1, 2))
    if way == 1:
        groups = g.pick(d for d in range(1, channels + 1)
                        if channels % d == 0)
        return groups, groups * g.integer(1, 3)
    return 1, g.integer(1, 12)


def conv(g, x=None, **options):
    if x is None:
        x = g.floats(3, 4, 4, 4, 5)
    dims = g.shape(x)
    groups, outputs = options.pop("channels", None) or _groups(g, dims[1])
    window = options or _window(g, dims[2:])
    w = g.weight(outputs, dims[1] // groups, *window["kernel_shape"])
    bias = [g.weight(outputs, scale=0.5)] if g.chance(0.6) else []
    return g.op("Conv", x, w, *bias, group=groups, **window)


def conv_transpose(g):
    x, dims = _spatial(g)
    c = dims[1]
    groups = g.pick(d for d in range(1, c + 1) if c % d == 0) \
        if g.chance(0.3) else 1
    outputs = g.integer(1, 4)
    window = _window(g, dims[2:])
    window.setdefault("strides", [g.integer(1, 3) for _ in dims[2:]])
    if g.chance(0.3):
        window["output_padding"] = [g.integer(0, s - 1)
                                    for s in window["strides"]]
    if window.get("auto_pad", "").startswith("SAME"):
        # Where the kernel is smaller than the stride ONNX Runtime's result is
        # smaller than the specification's.
        for k, s in zip(window["kernel_shape"], window["strides"]):
            if k < s:
                raise Rejected("unclear")
    w = g.weight(c, outputs, *window["kernel_shape"])
    bias = [g.weight(outputs * groups, scale=0.5)] if g.chance(0.6) else []
    return g.op("ConvTranspose", x, w, *bias, group=groups, **window)


def gemm(g):
    x = g.floats(2)
    rows, inner = g.shape(x)
    trans_a = g.chance(0.1)
    if trans_a:
        rows, inner = inner, rows
    outputs, trans_b = g.integer(1, 12), g.integer(0, 1)
    w = g.weight(*((outputs, inner) if trans_b else (inner, outputs)),
                 scale=1 / np.sqrt(inner))
    options = {"transB": trans_b}
    if trans_a:
        options["transA"] = 1
    if g.chance(0.3):
        options.update(alpha=0.5, beta=float(g.pick((1.0, 2.0))))
    shape = g.pick(((outputs,), (1, outputs), (rows, outputs), (), None))
    if shape is None:
        if g.opset < 11:
            raise Rejected("C is needed")
        return g.op("Gemm", x, w, **options)
    return g.op("Gemm", x, w, g.weight(*shape, scale=1), **options)


def matmul(g):
    x = g.floats(2, 3, 4)
    dims = g.shape(x)
    scale = 1 / np.sqrt(dims[-1])
    way = g.integer(0, 9)
    if way < 7:
        w = g.weight(dims[-1], g.integer(1, 12), scale=scale)
        return g.op("MatMul", x, w)
    if way == 7:
        w = g.weight(g.integer(1, 8), dims[-2], scale=1 / np.sqrt(dims[-2]))
        return g.op("MatMul", w, x)
    if way == 8:
        w = g.weight(*dims[:-2], dims[-1], g.integer(1, 6), scale=scale)
        return g.op("MatMul", x, w)
    return g.op("MatMul", x, g.weight(dims[-1], scale=scale))


def matmul_values(g):
    """Two computed tensors."""
    x = g.floats(2, 3, 4)
    found = [n for n, v in g.values.items() if v.dtype == np.float32 and
             2 <= v.ndim <= 4 and v.shape[-2] == g.shape(x)[-1]]
    return g.op("MatMul", x, g.pick(found))


def pool(g):
    x, dims = _spatial(g)
    kind = g.pick(("MaxPool", "AveragePool", "MaxPool", "AveragePool",
                   "LpPool"))
    window = _window(g, dims[2:])
    window.pop("dilations", None)
    if g.chance(0.3) and g.opset >= 10 and kind != "LpPool" and \
            "auto_pad" not in window:
        window["ceil_mode"] = 1
    if kind == "AveragePool" and g.opset >= 7 and g.chance(0.4):
        window["count_include_pad"] = 1
    if kind == "MaxPool" and g.opset >= 10 and g.chance(0.2) and \
            "auto_pad" not in window:
        window["dilations"] = [g.integer(1, 2) for _ in dims[2:]]
    return g.op(kind, x, **window)


def global_pool(g):
    x, _ = _spatial(g)
    return g.op(g.pick(("GlobalAveragePool", "GlobalMaxPool")), x)


OPS = [(conv, 14), (conv_transpose, 3), (gemm, 5), (matmul, 7),
       (matmul_values, 1), (pool, 4), (global_pool, 2)]
