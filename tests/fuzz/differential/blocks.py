# SPDX-License-Identifier: Apache-2.0
"""Random blocks of real networks for a Builder."""

import numpy as np

import contracting_ops
import single_ops
from builder import Rejected


def _conv(g, x, outputs, kernel=3, stride=1, group=1):
    rank = g.rank(x) - 2
    if kernel > 2 * min(g.shape(x)[2:]) + 1:
        kernel = 1
    return contracting_ops.conv(
        g, x, channels=(group, outputs), kernel_shape=[kernel] * rank,
        strides=[stride] * rank, pads=[kernel // 2] * (2 * rank))


def _image(g, least=1):
    x = g.floats(3, 4, 4, 4, 5)
    if g.shape(x)[1] < least:
        raise Rejected("channels")
    return x


def residual(g):
    x = _image(g)
    c = g.shape(x)[1]
    y = g.op("Relu", _conv(g, x, g.integer(1, 10)))
    y = _conv(g, y, c, g.pick((1, 3)))
    y = g.op("Add", *g.pick(((x, y), (y, x))))
    return g.op("Relu", y) if g.chance(0.7) else y


def inverted_residual(g):
    x = _image(g)
    c = g.shape(x)[1]
    wide = c * g.integer(1, 3)
    low = [0.0, 6.0]
    def act(v):
        if g.opset < 11:
            return g.op("Clip", v, min=0.0, max=6.0)
        return g.op("Clip", v, *(g.constant(np.float32(k)) for k in low))
    y = act(_conv(g, x, wide, 1))
    y = act(_conv(g, y, wide, 3, 1, wide))
    if g.chance(0.5):
        y = _squeeze_excite(g, y)
    return g.op("Add", x, _conv(g, y, c, 1))


def _squeeze_excite(g, x):
    c = g.shape(x)[1]
    s = g.op("GlobalAveragePool", x)
    s = g.op("Relu", _conv(g, s, max(1, c // 2), 1))
    s = _conv(g, s, c, 1)
    s = g.op(g.pick(("Sigmoid", "HardSigmoid")), s)
    return g.op("Mul", *g.pick(((x, s), (s, x))))


def squeeze_excite(g):
    return _squeeze_excite(g, _image(g))


def shuffle(g):
    """Grouped convolution, channel shuffle, grouped convolution."""
    x = _image(g, 2)
    dims = list(g.shape(x))
    groups = g.pick(d for d in range(2, dims[1] + 1) if dims[1] % d == 0)
    if g.chance(0.7):
        x = _conv(g, x, dims[1], 1, 1, groups)
    rest = dims[2:]
    y = g.op("Reshape", x, g.integers(
        [dims[0], groups, dims[1] // groups] + rest))
    y = g.op("Transpose", y, perm=[0, 2, 1] + list(range(3, 3 + len(rest))))
    y = g.op("Reshape", y, g.integers(dims))
    if g.chance(0.7):
        y = _conv(g, y, dims[1], g.pick((1, 3)), 1, groups)
    return y


def split_concat(g):
    """ShuffleNet V2: one half goes on, the other through a convolution."""
    x = _image(g, 2)
    c = g.shape(x)[1]
    half = c // 2
    if g.opset < 13:
        a, b = g.op("Split", x, outputs=2, axis=1, split=[half, c - half])
    else:
        a, b = g.op("Split", x, g.integers([half, c - half]), outputs=2,
                    axis=1)
    b = g.op("Relu", _conv(g, b, c - half, 1))
    return g.op("Concat", *g.pick(((a, b), (b, a))), axis=1)


def inception(g):
    x = _image(g)
    parts = [_conv(g, x, g.integer(1, 5), k) for k in (1, 3)]
    if g.chance(0.5):
        parts.append(x)
    parts = [g.op("Relu", p) if g.chance(0.5) else p for p in parts]
    return g.op("Concat", *parts, axis=1)


def conv_norm_act(g):
    x = _conv(g, _image(g), g.integer(1, 10), g.pick((1, 3)))
    c = g.shape(x)[1]
    x = g.op("BatchNormalization", x, *(g.weight(c, scale=0.7)
                                        for _ in range(3)),
             g.constant(g.rng.uniform(0.5, 2, c).astype(np.float32)))
    if g.chance(0.3):   # x * sigmoid(x)
        return g.op("Mul", x, g.op("Sigmoid", x))
    return g.op(g.pick(("Relu", "LeakyRelu", "Sigmoid", "Tanh")), x)


def upsample_skip(g):
    """A long skip: down, up, concatenated with where it began."""
    x, dims = single_ops._spatial(g, 4, 4)
    if dims[2] % 2 or dims[3] % 2:
        raise Rejected("odd")
    y = g.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    y = g.op("Relu", _conv(g, y, g.integer(1, 6)))
    scales = np.array([1, 1, 2, 2], np.float32)
    if g.opset < 9:
        y = g.op("Upsample", y, scales=[float(s) for s in scales],
                 mode="nearest")
    elif g.opset == 9:
        y = g.op("Upsample", y, g.constant(scales), mode="nearest")
    elif g.opset == 10:
        y = g.op("Resize", y, g.constant(scales), mode="nearest")
    else:
        y = g.op("Resize", y, g.constant(np.zeros(0, np.float32)),
                 g.constant(scales), mode="nearest",
                 coordinate_transformation_mode="asymmetric")
    return g.op("Concat", x, y, axis=1)


def pixel_shuffle(g):
    x, _ = single_ops._spatial(g, 4, 4)
    x = _conv(g, x, 4 * g.integer(1, 3))
    return g.op("DepthToSpace", x, blocksize=2,
                mode=g.pick(("DCR", "CRD")) if g.opset >= 11 else None)


def head(g):
    """Pool, flatten, classify."""
    x = _image(g)
    x = g.op("GlobalAveragePool", x) if g.chance(0.6) else x
    x = g.op("Flatten", x)
    outputs = g.integer(1, 10)
    x = g.op("Gemm", x, g.weight(outputs, g.shape(x)[1]),
             g.weight(outputs, scale=1), transB=1)
    return g.op("Softmax", x, axis=1) if g.chance(0.3) else x


def norm(g, x=None):
    """LayerNorm over the last axis as exporters before opset 17 write it."""
    x = x or g.floats(2, 3)
    width = g.shape(x)[-1]
    axes = {"axes": [-1 if g.opset >= 11 else g.rank(x) - 1]}
    def mean(v):
        if g.opset >= 18:
            return g.op("ReduceMean", v, g.integers([-1]), keepdims=1)
        return g.op("ReduceMean", v, keepdims=1, **axes)
    d = g.op("Sub", x, mean(x))
    v = g.op("Pow", d, g.constant(np.float32(2))) if g.chance(0.7) else \
        g.op("Mul", d, d)
    v = g.op("Sqrt", g.op("Add", mean(v), g.constant(np.float32(1e-2))))
    y = g.op("Div", d, v)
    y = g.op("Mul", y, g.weight(width, scale=1))
    return g.op("Add", y, g.weight(width, scale=1))


def _linear(g, x, outputs):
    inner = g.shape(x)[-1]
    y = g.op("MatMul", x, g.weight(inner, outputs, scale=1 / np.sqrt(inner)))
    if g.chance(0.7):
        y = g.op("Add", y, g.weight(outputs, scale=0.3))
    return y


def attention(g):
    """Queries, keys and values from one or three linear layers."""
    x = g.floats(3)
    batch, tokens, width = g.shape(x)
    heads, depth = g.integer(1, 5), g.integer(1, 4)
    inner = heads * depth
    if g.chance(0.4):
        y = norm(g, x)
    else:
        y = x
    if g.chance(0.5):
        y = _linear(g, y, 3 * inner)
        y = g.op("Reshape", y, g.integers([batch, tokens, 3, heads, depth]))
        y = g.op("Transpose", y, perm=[2, 0, 3, 1, 4])
        q, k, v = (g.op("Gather", y, g.integers(i), axis=0) for i in range(3))
    else:
        q, k, v = (g.op("Transpose", g.op("Reshape", _linear(
            g, y, inner), g.integers([batch, tokens, heads, depth])),
            perm=[0, 2, 1, 3]) for _ in range(3))
    s = g.op("MatMul", q, g.op("Transpose", k, perm=[0, 1, 3, 2]))
    s = g.op("Mul", s, g.constant(np.float32(depth ** -0.5)))
    if g.chance(0.3):
        s = g.op("Add", s, g.weight(1, heads, tokens, tokens, scale=1))
    if g.opset >= 13:
        s = g.op("Softmax", s, axis=-1)
    else:
        s = g.op("Softmax", s, axis=3)
    y = g.op("Transpose", g.op("MatMul", s, v), perm=[0, 2, 1, 3])
    y = g.op("Reshape", y, g.integers([batch, tokens, inner]))
    return g.op("Add", x, _linear(g, y, width))


def mlp(g):
    x = g.floats(3)
    width = g.shape(x)[-1]
    y = norm(g, x) if g.chance(0.5) else x
    y = _linear(g, y, g.integer(1, 3 * width))
    if g.opset >= 9 and g.chance(0.5):   # GELU as exporters write it
        e = g.op("Erf", g.op("Div", y, g.constant(np.float32(2 ** 0.5))))
        e = g.op("Add", e, g.constant(np.float32(1)))
        y = g.op("Mul", g.op("Mul", y, e), g.constant(np.float32(0.5)))
    else:
        y = g.op("Relu", y)
    return g.op("Add", x, _linear(g, y, width))


def patches(g):
    """A picture becomes tokens."""
    x, dims = single_ops._spatial(g, 4, 4)
    y = _conv(g, x, g.integer(2, 10), 1)
    c = g.shape(y)[1]
    y = g.op("Reshape", y, g.integers([dims[0], c, -1]))
    return g.op("Transpose", y, perm=[0, 2, 1])


BLOCKS = [(residual, 4), (inverted_residual, 3), (squeeze_excite, 2),
          (shuffle, 4), (split_concat, 3), (inception, 3), (conv_norm_act, 4),
          (upsample_skip, 2), (pixel_shuffle, 2), (head, 3), (norm, 1),
          (attention, 5), (mlp, 3), (patches, 2)]
