# SPDX-License-Identifier: Apache-2.0
"""Cases of ours, for what ONNX's packaged ones do not have: opsets 18 to 22,
and forms of ops that no packaged case asks for.

The expected values are computed with NumPy from the specification's text, by
other formulas than the compiler's. Every function below that begins with
`case_` yields (name, opset, ops, inputs, constants, outputs).
"""

import itertools

import numpy as np
from onnx import SparseTensorProto, TensorProto, helper, numpy_helper

_TYPES = {np.dtype(k): v for k, v in (
    ("float32", TensorProto.FLOAT), ("float64", TensorProto.DOUBLE),
    ("float16", TensorProto.FLOAT16), ("bool", TensorProto.BOOL),
    ("int8", TensorProto.INT8), ("uint8", TensorProto.UINT8),
    ("int16", TensorProto.INT16), ("int32", TensorProto.INT32),
    ("uint32", TensorProto.UINT32), ("int64", TensorProto.INT64))}


def _random(*shape, seed=0):
    return np.random.default_rng(seed + sum(shape)).standard_normal(
        shape).astype(np.float32)


def _one(name, opset, op_type, inputs, constants, outputs, **attributes):
    """A case of one op; its operands are inputs and constants in the order of
    their names, None leaves one out."""
    operands = [None] * (1 + max(int(k[1:]) for k in
                                 list(inputs) + list(constants)))
    for key in list(inputs) + list(constants):
        operands[int(key[1:])] = key
    node = helper.make_node(op_type, [o or "" for o in operands],
                            list(outputs), **attributes)
    return name, opset, [node], inputs, constants, outputs


# -- reductions, with their axes as an operand -------------------------------

_REDUCTIONS = {
    "ReduceMean": np.mean, "ReduceMax": np.max, "ReduceMin": np.min,
    "ReduceProd": np.prod,
    "ReduceL1": lambda x, **k: np.sum(np.abs(x), **k),
    "ReduceL2": lambda x, **k: np.sqrt(np.sum(x * x, **k)),
    "ReduceSumSquare": lambda x, **k: np.sum(x * x, **k),
    "ReduceLogSum": lambda x, **k: np.log(np.sum(x, **k)),
    "ReduceLogSumExp": lambda x, **k: np.log(np.sum(np.exp(x), **k)),
}


def case_lp_normalization():
    x = _random(3, 6, 5)
    x[1, :, 2] = 0
    for axis, p in ((-1, 2), (1, 1), (1, 2), (0, 1)):
        norm = np.sum(np.abs(x) ** p, axis, keepdims=True) ** (1 / p)
        y = np.where(norm == 0, 0, x / np.where(norm == 0, 1, norm))
        yield _one(f"lp_normalization_{axis % 3}_{p}", 18, "LpNormalization",
                   {"x0": x}, {}, {"y": y.astype(np.float32)}, axis=axis, p=p)


# What stays when nothing is summed.
_MAPS = {
    "ReduceL1": np.abs, "ReduceL2": np.abs, "ReduceSumSquare": np.square,
    "ReduceLogSum": np.log,
}


def case_reductions():
    for name, function in _REDUCTIONS.items():
        x = np.abs(_random(2, 6, 4)) + 0.5
        for axes, keep in (((1,), 1), ((0, -1), 0)):
            y = function(x, axis=axes, keepdims=bool(keep))
            yield _one(f"{name.lower()}_axes_{len(axes)}", 18, name, {"x0": x},
                       {"x1": np.array(axes, np.int64)},
                       {"y": y.astype(np.float32)}, keepdims=keep)
        yield _one(f"{name.lower()}_no_axes", 18, name, {"x0": x},
                   {"x1": np.array([], np.int64)},
                   {"y": function(x, keepdims=True).astype(np.float32)})
        signed = x if name == "ReduceLogSum" else _random(2, 6, 4)
        yield _one(f"{name.lower()}_noop", 18, name, {"x0": signed},
                   {"x1": np.array([], np.int64)},
                   {"y": _MAPS.get(name, np.array)(signed)},
                   noop_with_empty_axes=1)
    flags = _random(3, 8) > 0.5
    for name, function in (("ReduceMax", np.any), ("ReduceMin", np.all)):
        yield _one(f"{name.lower()}_bool", 20, name, {"x0": flags},
                   {"x1": np.array([1], np.int64)},
                   {"y": function(flags, axis=1)}, keepdims=0)


# -- shapes -------------------------------------------------------------------

def case_shapes():
    x = _random(2, 7, 3)
    parts = np.split(x, [3, 6], axis=1)
    yield _one("split_num_outputs", 18, "Split", {"x0": x}, {},
               {f"y{i}": p for i, p in enumerate(parts)}, axis=1,
               num_outputs=3)
    for mode, name in (("constant", "constant"), ("reflect", "reflect"),
                       ("edge", "edge"), ("wrap", "wrap")):
        y = np.pad(x, ((0, 0), (2, 1), (1, 0)), mode=mode)
        yield _one(f"pad_axes_{name}", 19, "Pad", {"x0": x},
                   {"x1": np.array([1, 2, 0, 1], np.int64),
                    "x3": np.array([-1, 1], np.int64)}, {"y": y}, mode=mode)
    yield _one("reshape_allowzero", 21, "Reshape", {"x0": x},
               {"x1": np.array([-1, 21], np.int64)},
               {"y": x.reshape(2, 21)}, allowzero=1)
    yield _one("transpose_21", 21, "Transpose", {"x0": x}, {},
               {"y": x.transpose(1, 2, 0)}, perm=[1, 2, 0])
    yield _one("flatten_21", 21, "Flatten", {"x0": x}, {},
               {"y": x.reshape(2, 21)})


# -- windows and resampling ---------------------------------------------------

def _average_pool(x, kernel, stride, pad, dilation, ceil, include):
    """One spatial dimension after the other window, as the page says."""
    n, c, h = x.shape
    reach = (kernel - 1) * dilation + 1
    free = h + 2 * pad - reach
    out = (-(-free // stride) if ceil else free // stride) + 1
    if ceil and (out - 1) * stride >= h + pad:
        out -= 1
    y = np.zeros((n, c, out), np.float32)
    for o in range(out):
        places = [o * stride - pad + k * dilation for k in range(kernel)]
        inside = [p for p in places if 0 <= p < h]
        counted = [p for p in places if -pad <= p < h + pad]
        y[:, :, o] = x[:, :, inside].sum(axis=2) / (
            len(counted) if include else len(inside))
    return y


def case_windows():
    x = _random(1, 6, 17)
    for ceil, include in itertools.product((0, 1), (0, 1)):
        yield _one(f"averagepool_dilated_{ceil}{include}", 19, "AveragePool",
                   {"x0": x}, {},
                   {"y": _average_pool(x, 3, 2, 1, 2, ceil, include)},
                   kernel_shape=[3], strides=[2], pads=[1, 1], dilations=[2],
                   ceil_mode=ceil, count_include_pad=include)


def case_unpool():
    """Values of windows of 2 x 2 go back to where they were in 7 x 7, 9 x 8
    and 6 x 6."""
    for name, shape in (("odd", (7, 7)), ("larger", (9, 8)),
                        ("same", (6, 6))):
        x = _random(2, 3, *shape)
        pooled = np.zeros((2, 3, 3, 3), np.float32)
        at = np.zeros((2, 3, 3, 3), np.int64)
        y = np.zeros_like(x)
        for n, c, i, j in np.ndindex(2, 3, 3, 3):
            window = x[n, c, 2 * i:2 * i + 2, 2 * j:2 * j + 2]
            r, s = np.unravel_index(window.argmax(), (2, 2))
            place = n, c, 2 * i + r, 2 * j + s
            pooled[n, c, i, j] = y[place] = x[place]
            at[n, c, i, j] = np.ravel_multi_index(place, x.shape)
        given = {} if name == "same" else \
            {"x2": np.array(x.shape, np.int64)}
        yield _one(f"maxunpool_{name}", 11, "MaxUnpool",
                   {"x0": pooled, "x1": at}, given, {"y": y},
                   kernel_shape=[2, 2], strides=[2, 2])


def _cubic(d, a=-0.75):
    d = abs(d)
    if d <= 1:
        return (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1
    return a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a if d < 2 else 0


def _antialiased(x, scale, weight, reach, outside):
    """The last axis resized, half_pixel."""
    extent = x.shape[-1]
    out = int(np.floor(np.float32(extent) * np.float32(scale)))
    y = np.zeros(x.shape[:-1] + (out,))
    wide = min(scale, 1.0)
    for o in range(out):
        at = (o + 0.5) / scale - 0.5
        taps = [(k, weight((k - at) * wide)) for k in range(
            int(np.floor(at - reach / wide)), int(at + reach / wide) + 2)]
        if outside:
            taps = [(k, w) for k, w in taps if 0 <= k < extent]
        total = sum(w for _, w in taps)
        for k, w in taps:
            y[..., o] += x[..., min(max(k, 0), extent - 1)] * w / total
    return y


def case_resize():
    x = _random(1, 5, 9, 12)
    triangle = lambda d: max(1 - abs(d), 0)  # noqa: E731
    for mode, weight, reach in (("linear", triangle, 1), ("cubic", _cubic, 2)):
        for outside in (0, 1):
            y = _antialiased(x, 0.6, weight, reach, outside)
            y = _antialiased(y.swapaxes(2, 3), 0.7, weight, reach,
                             outside).swapaxes(2, 3)
            yield _one(f"resize_antialias_{mode}_{outside}", 18, "Resize",
                       {"x0": x}, {"x2": np.array([0.7, 0.6], np.float32)},
                       {"y": y.astype(np.float32)}, mode=mode, axes=[2, 3],
                       antialias=1, exclude_outside=outside)
    for policy, side in (("not_larger", (4, 6)), ("not_smaller", (6, 8))):
        # 9 x 12 to at most, and at least, 6 x 6.
        y = np.zeros((1, 5) + side, np.float32)
        scale = 6 / 12 if policy == "not_larger" else 6 / 9
        side = tuple(int(np.floor(scale * e + 0.5)) for e in (9, 12))
        y = np.zeros((1, 5) + side, np.float32)
        for i, j in itertools.product(*map(range, side)):
            # round_prefer_floor of half_pixel
            r, c = ((k + 0.5) / scale - 0.5 for k in (i, j))
            y[:, :, i, j] = x[:, :, int(np.ceil(r - 0.5)),
                              int(np.ceil(c - 0.5))]
        yield _one(f"resize_{policy}", 18, "Resize", {"x0": x},
                   {"x3": np.array([6, 6], np.int64)}, {"y": y}, axes=[2, 3],
                   keep_aspect_ratio_policy=policy)


def _at(x, places, weight, reach, outside=np.nan):
    """The last axis at some places; those beyond the ends are `outside`."""
    extent = x.shape[-1]
    y = np.zeros(x.shape[:-1] + (len(places),))
    for o, at in enumerate(places):
        if not np.isnan(outside) and not 0 <= at <= extent - 1:
            y[..., o] = outside
            continue
        low = int(np.floor(at))
        for k in range(low - reach + 1, low + reach + 1):
            y[..., o] += x[..., min(max(k, 0), extent - 1)] * weight(at - k)
    return y


def case_resize_corners():
    """Scales whose product with the extent is not whole: the last element of
    the result is the corner, as in PyTorch."""
    x = _random(1, 5, 9, 12)
    triangle = lambda d: max(1 - abs(d), 0)  # noqa: E731
    nearest = lambda d: float(-0.5 < d <= 0.5)  # noqa: E731
    for mode, weight, reach in (("linear", triangle, 1), ("cubic", _cubic, 2),
                                ("nearest", nearest, 1)):
        for scale in ((1.3, 0.7), (0.6, 1.72)):
            h, w = (int(np.floor(np.float32(e) * np.float32(s)))
                    for e, s in zip((9, 12), scale))
            y = _at(x, np.linspace(0, 11, w), weight, reach)
            y = _at(y.swapaxes(2, 3), np.linspace(0, 8, h), weight,
                    reach).swapaxes(2, 3)
            yield _one(f"resize_corners_{mode}_{scale[0]}", 18, "Resize",
                       {"x0": x}, {"x2": np.array(scale, np.float32)},
                       {"y": y.astype(np.float32)}, mode=mode, axes=[2, 3],
                       coordinate_transformation_mode="align_corners")
    for axes in ((2, 3), (3, 2)):
        # The roi and the scales stand in the order of the axes.
        crop, scale = {2: (0.4, 0.6), 3: (0.1, 1.3)}, {2: 0.7, 3: 1.35}
        w, h = (int(np.floor(np.float32(e) * np.float32(scale[a])))
                for a, e in ((3, 12), (2, 9)))
        y = _at(x, np.linspace(0.1 * 11, 1.3 * 11, w), triangle, 1, 5)
        y = _at(y.swapaxes(2, 3), np.linspace(0.4 * 8, 0.6 * 8, h), triangle,
                1, 5).swapaxes(2, 3)
        roi = [crop[a][0] for a in axes] + [crop[a][1] for a in axes]
        yield _one(f"resize_crop_{axes[0]}", 18, "Resize", {"x0": x},
                   {"x1": np.array(roi, np.float32),
                    "x2": np.array([scale[a] for a in axes], np.float32)},
                   {"y": y.astype(np.float32)}, mode="linear",
                   axes=list(axes), extrapolation_value=5.0,
                   coordinate_transformation_mode="tf_crop_and_resize")


# -- scalar functions ---------------------------------------------------------

def case_scalar():
    x = _random(3, 11)
    erf = np.vectorize(__import__("math").erf)
    yield _one("gelu_none", 20, "Gelu", {"x0": x}, {},
               {"y": (x * 0.5 * (1 + erf(x / np.sqrt(2)))).astype("f4")})
    inner = np.sqrt(2 / np.pi) * (x + 0.044715 * x ** 3)
    yield _one("gelu_tanh", 20, "Gelu", {"x0": x}, {},
               {"y": (x * 0.5 * (1 + np.tanh(inner))).astype("f4")},
               approximate="tanh")
    yield _one("mish", 18, "Mish", {"x0": x}, {},
               {"y": (x * np.tanh(np.log1p(np.exp(x)))).astype("f4")})
    a = np.arange(24, dtype=np.int32).reshape(4, 6) * 37 - 400
    b = np.arange(6, dtype=np.int32) * 91 - 99
    for name, function in (("And", np.bitwise_and), ("Or", np.bitwise_or),
                           ("Xor", np.bitwise_xor)):
        yield _one(f"bitwise_{name.lower()}", 18, f"Bitwise{name}",
                   {"x0": a, "x1": b}, {}, {"y": function(a, b)})
    for kind in ("uint8", "int16"):
        value = a.astype(kind)
        yield _one(f"bitwise_not_{kind}", 18, "BitwiseNot", {"x0": value}, {},
                   {"y": np.invert(value)})
    odd = np.array([np.nan, np.inf, -np.inf, 0, 1], np.float16)
    yield _one("isinf_f16", 20, "IsInf", {"x0": odd}, {}, {"y": np.isinf(odd)})
    yield _one("isnan_f16", 20, "IsNaN", {"x0": odd}, {}, {"y": np.isnan(odd)})
    yield _one("cast_saturate", 19, "Cast", {"x0": x * 3}, {},
               {"y": (x * 3).astype(np.int32)}, to=TensorProto.INT32,
               saturate=1)
    yield _one("equal_bool", 19, "Equal", {"x0": a > 0, "x1": a > 9}, {},
               {"y": (a > 0) == (a > 9)})


def case_dynamic_quantize():
    for name, x in (("zeros", np.zeros((2, 5), np.float32)),
                    ("tiny", np.full((2, 5), 1e-43, np.float32)),
                    ("positive", np.full((2, 5), 3, np.float32))):
        step = x.max() / np.float32(255)
        step = step if step > 0 else np.float32(1)
        yield _one(f"dynamic_quantize_{name}", 11, "DynamicQuantizeLinear",
                   {"x0": x}, {},
                   {"y": np.rint(x / step).astype(np.uint8),
                    "scale": np.array(step), "zero": np.array(0, np.uint8)})


# -- normalisation ------------------------------------------------------------

def case_normalise():
    x = _random(2, 6, 3, 4)
    grouped = x.reshape(2, 3, 2, 3, 4).astype(np.float64)
    mean = grouped.mean(axis=(2, 3, 4), keepdims=True)
    normal = (grouped - mean) / np.sqrt(
        grouped.var(axis=(2, 3, 4), keepdims=True) + 1e-2)
    for opset, count in ((18, 3), (21, 6)):
        scale, bias = _random(count, seed=1), _random(count, seed=2)
        if opset == 18:
            y = (normal * scale.reshape(1, 3, 1, 1, 1)
                 + bias.reshape(1, 3, 1, 1, 1)).reshape(x.shape)
        else:
            y = normal.reshape(x.shape) * scale.reshape(1, 6, 1, 1) \
                + bias.reshape(1, 6, 1, 1)
        yield _one(f"groupnorm_{opset}", opset, "GroupNormalization",
                   {"x0": x}, {"x1": scale, "x2": bias},
                   {"y": y.astype(np.float32)}, num_groups=3, epsilon=1e-2)


# -- reading and writing by indices -------------------------------------------

def case_indices():
    x = _random(3, 5, 4)
    rng = np.random.default_rng(3)
    for axis in (0, 1, 2):
        shape = [3, 5, 4]
        shape[axis] = 6
        at = rng.integers(-x.shape[axis], x.shape[axis], shape)
        yield _one(f"gather_elements_{axis}", 13, "GatherElements",
                   {"x0": x, "x1": at}, {},
                   {"y": np.take_along_axis(x, at % x.shape[axis], axis)},
                   axis=axis)
    at = rng.integers(-5, 5, (3, 2, 1))
    yield _one("gather_nd_batch", 13, "GatherND", {"x0": x, "x1": at}, {},
               {"y": np.stack([x[b][at[b, :, 0]] for b in range(3)])},
               batch_dims=1)
    joins = {"none": lambda a, b: b, "add": np.add, "mul": np.multiply,
             "max": np.maximum, "min": np.minimum}
    at = np.array([[[1], [4], [0]], [[2], [2], [-1]]])
    smaller, whole = _random(2, 2, 2), np.array([[[4, 0], [1, -1]],
                                                  [[3, 3], [0, 2]]])
    for name, join in joins.items():
        if name != "none":
            # Every element of axis 1 for every index of the others.
            full = rng.integers(-5, 5, (3, 2, 4))
            update = _random(3, 2, 4)
            y = x.copy()
            for i, j, k in np.ndindex(3, 2, 4):
                y[i, full[i, j, k], k] = join(y[i, full[i, j, k], k],
                                              update[i, j, k])
            yield _one(f"scatter_elements_{name}", 18, "ScatterElements",
                       {"x0": x, "x1": full, "x2": update}, {}, {"y": y},
                       axis=1, reduction=name)
        y, blocks = x.copy(), np.array([[0, 1], [2, -1], [1, 0]])
        update = _random(3, 4)
        for row, (i, j) in enumerate(blocks):
            y[i, j] = join(y[i, j], update[row])
        yield _one(f"scatter_nd_{name}", 18, "ScatterND",
                   {"x0": x, "x1": blocks, "x2": update}, {}, {"y": y},
                   reduction=name)
    for axis, (begin, end) in enumerate(((1, 3), (0, 2), (2, 4))):
        band = [slice(0, n) for n in x.shape]
        band[axis] = slice(begin, end)
        places = np.stack(np.mgrid[tuple(band)], axis=-1)
        y, update = x.copy(), _random(*places.shape[:-1])
        y[tuple(band)] = update
        yield _one(f"scatter_nd_slice_{axis}", 18, "ScatterND",
                   {"x0": x, "x2": update},
                   {"x1": places - (np.array(x.shape) if axis else 0)}, {"y": y})
    y = x.copy()
    for i, j, k in np.ndindex(2, 2, 2):
        y[i, whole[i, j, k], k] = smaller[i, j, k]
    yield _one("scatter_elements_smaller", 18, "ScatterElements",
               {"x0": x, "x1": whole, "x2": smaller}, {}, {"y": y}, axis=1)
    for axis, largest in ((0, 1), (1, 0)):
        order = np.argsort(-x if largest else x, axis=axis, kind="stable")
        order = np.take(order, range(2), axis=axis)
        yield _one(f"top_k_{axis}", 11, "TopK", {"x0": x},
                   {"x1": np.array([2], np.int64)},
                   {"y0": np.take_along_axis(x, order, axis), "y1": order},
                   axis=axis, largest=largest)


def case_einsum():
    a, b, c = _random(2, 3, 4), _random(2, 4, 5), _random(5, 3)
    for name, equation, operands in (
            ("three", "bij,bjk,ki->b", (a, b, c)),
            ("outer", "bij,kl->lijbk", (a, c)),
            ("weights", "bij,jk->bik", (a, _random(4, 6))),
            ("weights_first", "kj,bij->bik", (_random(6, 4), a)),
            ("diagonal", "ii...->i...", (_random(3, 3, 4),)),
            ("implicit", "...j,jk", (a, _random(4, 6))),
            ("sum", "bij->", (a,))):
        fixed = {"x1": operands[1]} if name in ("weights", "implicit") else \
            {"x0": operands[0]} if name == "weights_first" else {}
        given = {f"x{i}": o for i, o in enumerate(operands)
                 if f"x{i}" not in fixed}
        yield _one(f"einsum_{name}", 12, "Einsum", given, fixed,
                   {"y": np.einsum(equation, *operands).astype(np.float32)},
                   equation=equation)


# -- recurrent layers ---------------------------------------------------------

def _sigmoid(v):
    return 1 / (1 + np.exp(-v))


def _lstm(x, w, r, b, lengths, h, c, p, backward):
    """One direction, after the page's equations; gates i, o, f, c."""
    steps, hidden = x.shape[0], h.shape[1]
    y = np.zeros((steps,) + h.shape)
    for n in range(x.shape[1]):
        order = range(lengths[n])
        for t in reversed(order) if backward else order:
            gates = w @ x[t, n] + r @ h[n] + b[:4 * hidden] + b[4 * hidden:]
            i, o, f, g = np.split(gates, 4)
            pi, po, pf = np.split(p, 3)
            i, f = _sigmoid(i + pi * c[n]), _sigmoid(f + pf * c[n])
            c[n] = f * c[n] + i * np.tanh(g)
            h[n] = _sigmoid(o + po * c[n]) * np.tanh(c[n])
            y[t, n] = h[n]
    return y, h, c


def case_recurrent():
    steps, batch, inputs, hidden = 5, 3, 4, 6
    x = _random(steps, batch, inputs)
    w, r = _random(2, 4 * hidden, inputs) / 2, _random(2, 4 * hidden, hidden) / 2
    b, p = _random(2, 8 * hidden) / 2, _random(2, 3 * hidden) / 2
    lengths = np.array([5, 3, 1], np.int32)
    h, c = _random(2, batch, hidden), _random(2, batch, hidden, seed=9)
    parts = [_lstm(x.astype("f8"), *(v[d].astype("f8") for v in (w, r, b)),
                   lengths, h[d].astype("f8"), c[d].astype("f8"),
                   p[d].astype("f8"), d == 1) for d in (0, 1)]
    y, yh, yc = (np.stack([q[i] for q in parts], axis=1 if i == 0 else 0)
                 .astype(np.float32) for i in range(3))
    yield _one("lstm_bidirectional_lengths", 14, "LSTM",
               {"x0": x, "x4": lengths, "x5": h, "x6": c},
               {"x1": w, "x2": r, "x3": b, "x7": p},
               {"y": y, "yh": yh, "yc": yc}, hidden_size=hidden,
               direction="bidirectional")
    yield _one("lstm_batchwise", 14, "LSTM",
               {"x0": x.transpose(1, 0, 2).copy(), "x4": lengths,
                "x5": h.transpose(1, 0, 2).copy(),
                "x6": c.transpose(1, 0, 2).copy()},
               {"x1": w, "x2": r, "x3": b, "x7": p},
               {"y": y.transpose(2, 0, 1, 3).copy(),
                "yh": yh.transpose(1, 0, 2).copy(),
                "yc": yc.transpose(1, 0, 2).copy()}, hidden_size=hidden,
               direction="bidirectional", layout=1)


# -- sampling -----------------------------------------------------------------

def case_grid():
    x, grid = _random(1, 4, 3, 4, 5), _random(1, 2, 3, 2, 3) * 0.6
    y = np.zeros((1, 4, 2, 3, 2))
    for place in np.ndindex(2, 3, 2):
        at = [(grid[(0,) + place][2 - d] + 1) / 2 * (x.shape[2 + d] - 1)
              for d in range(3)]
        for corner in itertools.product((0, 1), repeat=3):
            pixel = [int(np.floor(a)) + k for a, k in zip(at, corner)]
            weight = np.prod([1 - abs(a - q) for a, q in zip(at, pixel)])
            if all(0 <= q < e for q, e in zip(pixel, x.shape[2:])):
                y[(0, slice(None)) + place] += weight * x[
                    (0, slice(None)) + tuple(pixel)]
    yield _one("grid_sample_volume", 20, "GridSample",
               {"x0": x, "x1": grid.astype(np.float32)}, {},
               {"y": y.astype(np.float32)}, mode="linear", align_corners=1)


# -- the models ---------------------------------------------------------------

def _info(name, value):
    return helper.make_tensor_value_info(name, _TYPES[value.dtype],
                                         value.shape)


def _model(opset, nodes, inputs, constants, outputs):
    dense, sparse = [], []
    for name, value in constants.items():
        if isinstance(value, SparseTensorProto):
            sparse.append(value)
            continue
        if not isinstance(value, TensorProto):
            value = numpy_helper.from_array(value, name)
        value.name = name
        dense.append(value)
    graph = helper.make_graph(
        nodes, "local", [_info(k, v) for k, v in inputs.items()],
        [_info(k, v) for k, v in outputs.items()], dense,
        sparse_initializer=sparse)
    return helper.make_model(graph, ir_version=8, opset_imports=[
        helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)])


def all_local():
    """(name, model, inputs, outputs) of every case, in a fixed order."""
    import local_newer
    import local_runtime
    found = []
    for key, function in sorted({**globals(), **vars(local_newer),
                                 **vars(local_runtime)}.items()):
        if not key.startswith("case_"):
            continue
        for name, opset, nodes, inputs, constants, outputs in function():
            found.append((name, _model(opset, nodes, inputs, constants,
                                       outputs), inputs, outputs))
    return found
