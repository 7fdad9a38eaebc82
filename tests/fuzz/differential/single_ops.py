# SPDX-License-Identifier: Apache-2.0
"""Random single ops: each function adds one op (and what it needs of
constants) to a Builder, or raises Rejected."""

import numpy as np

from builder import Rejected

# Unary functions and the first opset that has them.
_UNARY = {"Relu": 6, "LeakyRelu": 6, "Sigmoid": 6, "Tanh": 6, "HardSigmoid": 6,
          "HardSwish": 14, "Elu": 6, "Selu": 6, "Celu": 12, "Softplus": 1,
          "Softsign": 1, "Exp": 6, "Abs": 6, "Neg": 6, "Erf": 9,
          "ThresholdedRelu": 10, "Gelu": 20, "Mish": 18, "Sin": 7, "Cos": 7,
          "Identity": 1}
_ALPHA = {"LeakyRelu", "Elu", "ThresholdedRelu", "Celu", "HardSigmoid"}


def _spatial(g, low=3, high=5):
    x = g.floats(*range(low, high + 1))
    return x, list(g.shape(x))


def unary(g):
    x = g.floats()
    kind = g.pick(k for k, v in _UNARY.items() if v <= g.opset)
    alpha = float(g.rng.uniform(0.05, 1.5)) \
        if kind in _ALPHA and g.chance(0.6) else None
    return g.op(kind, x, alpha=alpha)


def clip(g):
    x = g.floats()
    low, high = sorted(float(v) for v in g.rng.uniform(-1, 2, 2))
    if g.opset < 11:
        return g.op("Clip", x, min=low, max=high)
    ends = [g.constant(np.float32(low)) if g.chance(0.8) else "",
            g.constant(np.float32(high)) if g.chance(0.8) else ""]
    return g.op("Clip", x, *ends)


def positive(g):
    """Functions of positive numbers."""
    x = g.op("Abs", g.floats())
    x = g.op("Add", x, g.constant(np.float32(0.5)))
    return g.op(g.pick(("Sqrt", "Log", "Reciprocal")), x)


def prelu(g):
    x = g.floats(2, 3, 4, 5)
    dims = g.shape(x)
    shape = g.pick(((1,), (dims[1],) + (1,) * (len(dims) - 2), dims[1:]))
    return g.op("PRelu", x, g.constant(
        g.rng.uniform(-0.5, 0.5, shape).astype(np.float32)))


def _broadcastable(g, dims):
    """A shape that broadcasts to dims."""
    shape = [d if g.chance(0.6) else 1 for d in dims]
    cut = g.integer(0, len(shape)) if g.chance(0.5) else 0
    return shape[cut:]


def binary_constant(g):
    x = g.floats()
    kind = g.pick(("Add", "Sub", "Mul", "Div", "Max", "Min", "Pow"))
    shape = _broadcastable(g, g.shape(x))
    value = g.rng.standard_normal(shape).astype(np.float32)
    if kind == "Div":
        value = np.sign(value + 0.01) * (np.abs(value) + 0.5)
    if kind == "Pow":
        value = np.float32(g.pick((2, 3)))
    if kind in ("Max", "Min") and g.opset < 8:
        value = np.broadcast_to(value, g.shape(x))
    w = g.constant(np.asarray(value, np.float32))
    sides = (x, w) if kind in ("Pow", "Div") or g.chance(0.7) else (w, x)
    return g.op(kind, *sides)


def binary(g):
    """Two computed tensors that broadcast with each other."""
    x = g.floats()
    def fits(y):
        a, b = g.shape(x), g.shape(y)
        return all(p == q or 1 in (p, q) for p, q in zip(a[::-1], b[::-1]))
    y = g.pick(n for n, v in g.values.items()
               if v.dtype == np.float32 and v.size and fits(n))
    kind = g.pick(("Add", "Add", "Mul", "Sub", "Max", "Min"))
    if g.opset < 8 and kind in ("Max", "Min") and g.shape(x) != g.shape(y):
        raise Rejected("no broadcasting before opset 8")
    return g.op(kind, *g.pick(((x, y), (y, x))))


def variadic(g):
    x = g.floats()
    same = [n for n, v in g.values.items()
            if v.dtype == np.float32 and v.shape == g.shape(x)]
    picked = [g.pick(same) for _ in range(g.integer(1, 4))]
    return g.op(g.pick(("Sum", "Mean", "Max", "Min")), *picked)


def where(g):
    x = g.floats()
    condition = g.constant(g.rng.integers(
        0, 2, _broadcastable(g, g.shape(x))).astype(bool))
    y = g.constant(np.float32(g.rng.uniform(-1, 1)))
    if g.opset < 9:
        raise Rejected("opset")
    return g.op("Where", condition, *g.pick(((x, y), (y, x))))


def batch_norm(g):
    x = g.floats(2, 3, 4, 5)
    c = g.shape(x)[1]
    scale, bias, mean = (g.weight(c, scale=s) for s in (1, 0.5, 0.5))
    var = g.constant(g.rng.uniform(0.5, 2, c).astype(np.float32))
    return g.op("BatchNormalization", x, scale, bias, mean, var,
                epsilon=g.pick((None, 1e-3)))


def instance_norm(g):
    x, dims = _spatial(g)
    return g.op("InstanceNormalization", x, g.weight(dims[1], scale=1),
                g.weight(dims[1], scale=1))


def layer_norm(g):
    if g.opset < 17:
        raise Rejected("opset")
    x = g.floats(2, 3, 4)
    rank = g.rank(x)
    axis = g.integer(1, rank - 1)
    shape = g.shape(x)[axis:]
    bias = [g.weight(*shape, scale=1)] if g.chance(0.7) else []
    return g.op("LayerNormalization", x, g.weight(*shape, scale=1), *bias,
                axis=g.pick((axis, axis - rank)))


def lrn(g):
    x, _ = _spatial(g, 4, 4)
    return g.op("LRN", x, size=g.pick((1, 3, 5)), alpha=0.1, bias=1.0)


def softmax(g):
    x = g.floats()
    axis = g.integer(-g.rank(x), g.rank(x) - 1) if g.opset >= 11 \
        else g.integer(0, g.rank(x) - 1)
    return g.op(g.pick(("Softmax", "Softmax", "LogSoftmax")), x, axis=axis)


_REDUCE = ("ReduceMean", "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin",
           "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp",
           "ReduceProd")


def reduce(g):
    x = g.floats()
    rank = g.rank(x)
    kind = g.pick(_REDUCE)
    axes = sorted(int(a) for a in g.rng.choice(
        rank, g.integer(1, rank), replace=False))
    if g.opset >= 11 and g.chance(0.3):
        axes = [a - rank for a in axes]
    keep = g.integer(0, 1)
    if kind == "ReduceSum" and g.opset >= 13 or g.opset >= 18:
        return g.op(kind, x, g.integers(axes), keepdims=keep)
    return g.op(kind, x, axes=axes, keepdims=keep)


def transpose(g):
    x = g.floats()
    order = [int(v) for v in g.rng.permutation(g.rank(x))]
    return g.op("Transpose", x, perm=order)


def _factors(g, size):
    """A random shape of `size` elements."""
    result = []
    while size > 1 and len(result) < 4:
        divisors = [d for d in range(2, size + 1) if size % d == 0]
        d = g.pick(divisors)
        result.append(d)
        size //= d
    if size > 1:
        result.append(size)
    order = g.rng.permutation(len(result))
    return [result[int(k)] for k in order]


def reshape(g):
    x = g.floats()
    dims = list(g.shape(x))
    if not dims:
        raise Rejected("a scalar")
    way = g.integer(0, 3)
    if way == 0:      # split one dimension
        axis = g.integer(0, len(dims) - 1)
        dims[axis:axis + 1] = _factors(g, dims[axis])[:3] \
            if dims[axis] > 1 else [1, 1]
        if np.prod(dims) != np.prod(g.shape(x)):
            raise Rejected("not a reshape")
    elif way == 1 and len(dims) > 1:   # merge two
        axis = g.integer(0, len(dims) - 2)
        dims[axis:axis + 2] = [dims[axis] * dims[axis + 1]]
    elif way == 2:
        dims = [dims[0]] + _factors(g, int(np.prod(dims[1:])))
    else:
        dims = _factors(g, int(np.prod(dims)))
    if dims and g.chance(0.4):
        dims[g.integer(0, len(dims) - 1)] = -1
    if len(dims) > 6:
        raise Rejected("rank")
    return g.op("Reshape", x, g.integers(dims))


def flatten(g):
    x = g.floats()
    return g.op("Flatten", x, axis=g.integer(0, g.rank(x)))


def squeeze(g):
    x = g.floats()
    rank = g.rank(x)
    ones = [a for a, d in enumerate(g.shape(x)) if d == 1]
    if ones and rank > 1 and g.chance(0.5):
        kind, axes = "Squeeze", [g.pick(ones)]
    elif rank < 5:
        kind, axes = "Unsqueeze", [g.integer(0, rank)]
    else:
        raise Rejected("rank")
    if g.opset < 13:
        return g.op(kind, x, axes=axes)
    return g.op(kind, x, g.integers(axes))


def concat(g):
    x = g.floats()
    axis = g.integer(0, g.rank(x) - 1) if g.chance(0.4) else \
        min(1, g.rank(x) - 1)
    def fits(y):
        a, b = g.shape(x), g.shape(y)
        return len(a) == len(b) and all(
            p == q for k, (p, q) in enumerate(zip(a, b)) if k != axis)
    found = [n for n, v in g.values.items()
             if v.dtype == np.float32 and v.size and fits(n)]
    parts = [g.pick(found) for _ in range(g.integer(1, 4))]
    if g.chance(0.15):
        shape = list(g.shape(x))
        shape[axis] = g.integer(1, 3)
        parts.append(g.weight(*shape, scale=1))
    return g.op("Concat", *parts, axis=axis)


def split(g):
    x = g.floats()
    axis = g.integer(0, g.rank(x) - 1) if g.chance(0.3) else \
        min(1, g.rank(x) - 1)
    size = g.shape(x)[axis]
    count = g.integer(1, min(4, size))
    cuts = sorted(int(v) for v in g.rng.choice(
        np.arange(1, size), count - 1, replace=False)) if count > 1 else []
    sizes = [int(v) for v in np.diff([0] + cuts + [size])]
    if g.opset < 13:
        return g.op("Split", x, outputs=count, axis=axis, split=sizes)
    return g.op("Split", x, g.integers(sizes), outputs=count, axis=axis)


def slice_(g):
    x = g.floats()
    rank = g.rank(x)
    axes = sorted(int(a) for a in g.rng.choice(
        rank, g.integer(1, min(2, rank)), replace=False))
    starts, ends, steps = [], [], []
    for a in axes:
        d = g.shape(x)[a]
        lo = g.integer(0, d - 1)
        hi = g.integer(lo + 1, d)
        step = g.integer(1, 3) if g.opset >= 10 else 1
        if g.opset >= 10 and g.chance(0.25):
            starts.append(hi - 1)
            ends.append(lo - 1 if lo else -d - 1)
            steps.append(-step)
        else:
            starts.append(lo - d if g.chance(0.3) else lo)
            ends.append(hi if hi < d or g.chance(0.5) else 2 ** 31 - 1)
            steps.append(step)
    if g.opset < 10:
        return g.op("Slice", x, axes=axes, starts=starts, ends=ends)
    return g.op("Slice", x, g.integers(starts), g.integers(ends),
                g.integers(axes), g.integers(steps))


def gather(g):
    x = g.floats()
    axis = g.integer(0, g.rank(x) - 1) if g.chance(0.5) else \
        min(1, g.rank(x) - 1)
    d = g.shape(x)[axis]
    shape = g.pick(((), (1,), (3,), (d,), (2, 2)))
    indices = g.rng.permutation(d) if shape == (d,) and g.chance(0.7) else \
        g.rng.integers(-d if g.opset >= 11 else 0, d, shape)
    return g.op("Gather", x, g.integers(indices), axis=axis)


def pad(g):
    x = g.floats(2, 3, 4, 5)
    rank = g.rank(x)
    mode = g.pick(("constant", "constant", "reflect", "edge"))
    pads = [0] * (2 * rank)
    for axis in range(1 if g.chance(0.3) else min(2, rank - 1), rank):
        pads[axis], pads[axis + rank] = g.integer(0, 2), g.integer(0, 2)
    if mode == "constant" and g.opset >= 11 and g.chance(0.2):
        pads[g.integer(0, 2 * rank - 1)] = -1
    value = float(g.pick((0, 0.5)))
    if g.opset < 11:
        return g.op("Pad", x, mode=mode, pads=pads,
                    value=value if mode == "constant" else None)
    extra = [g.constant(np.float32(value))] if mode == "constant" and value \
        else []
    return g.op("Pad", x, g.integers(pads), *extra, mode=mode)


def expand(g):
    x = g.floats()
    if g.opset < 8:
        raise Rejected("opset")
    dims = [g.integer(1, 3) if d == 1 and g.chance(0.5) else d
            for d in g.shape(x)]
    if g.chance(0.2) and len(dims) < 5:
        dims = [g.integer(1, 2)] + dims
    return g.op("Expand", x, g.integers(dims))


def tile(g):
    x = g.floats()
    return g.op("Tile", x, g.integers(
        [g.integer(1, 2) for _ in g.shape(x)]))


def depth_to_space(g):
    x, dims = _spatial(g, 4, 4)
    if g.chance(0.5):
        mode = g.pick(("DCR", "CRD")) if g.opset >= 11 else None
        if dims[1] % 4:
            raise Rejected("channels")
        return g.op("DepthToSpace", x, blocksize=2, mode=mode)
    return g.op("SpaceToDepth", x, blocksize=2)


_NEAREST = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
_PLACES = ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")


def _later_resize(g, x, dims, options):
    """What came with opset 18 and 19: axes, antialias, what to do with an
    aspect ratio."""
    axes = list(range(2, len(dims)))
    options["axes"] = axes
    if options["mode"] != "nearest" and g.chance(0.3) and len(dims) == 4:
        options["antialias"] = 1
    if g.chance(0.4):
        options["keep_aspect_ratio_policy"] = g.pick(
            ("stretch", "not_larger", "not_smaller"))
        return g.op("Resize", x, "", "", g.integers(
            [g.integer(1, 2 * dims[a]) for a in axes]), **options)
    return g.op("Resize", x, "", g.constant(np.array(
        [g.pick((0.5, 1.5, 2)) for _ in axes], np.float32)), **options)


def resize(g):
    x, dims = _spatial(g, 3, 5)
    scales = [1.0, 1.0] + [float(g.pick((1, 2, 2, 3, 0.5, 1.5)))
                           for _ in dims[2:]]
    if g.opset < 9:
        mode = g.pick(("nearest", "linear"))
        return g.op("Upsample", x, scales=scales, mode=mode)
    mode = g.pick(("nearest", "nearest", "linear", "cubic"))
    if mode == "cubic" and (len(dims) != 4 or g.opset < 11):
        raise Rejected("mode")
    w = g.constant(np.array(scales, np.float32))
    if g.opset == 9:
        return g.op("Upsample", x, w, mode=mode)
    if g.opset == 10:
        return g.op("Resize", x, w, mode=mode)
    options = {"mode": mode,
               "coordinate_transformation_mode": g.pick(_PLACES)}
    if mode == "nearest":
        options["nearest_mode"] = g.pick(_NEAREST)
    if mode == "cubic" and g.chance(0.4):
        options["cubic_coeff_a"] = -0.5
        options["exclude_outside"] = g.integer(0, 1)
    if g.opset >= 18 and g.chance(0.4):
        return _later_resize(g, x, dims, options)
    roi = "" if g.opset >= 13 else g.constant(np.zeros(0, np.float32))
    if g.chance(0.4):
        sizes = dims[:2] + [g.integer(1, 2 * d + 1) for d in dims[2:]]
        return g.op("Resize", x, roi, "" if g.opset >= 13 else g.constant(
            np.zeros(0, np.float32)), g.integers(sizes), **options)
    return g.op("Resize", x, roi, w, **options)


OPS = [(unary, 8), (clip, 2), (positive, 1), (prelu, 1), (binary_constant, 5),
       (binary, 6), (variadic, 2), (where, 1), (batch_norm, 3),
       (instance_norm, 1), (layer_norm, 2), (lrn, 1), (softmax, 2),
       (reduce, 3), (transpose, 3), (reshape, 3), (flatten, 1), (squeeze, 2),
       (concat, 4), (split, 3), (slice_, 3), (gather, 2), (pad, 2),
       (expand, 1), (tile, 1), (depth_to_space, 2), (resize, 2)]
