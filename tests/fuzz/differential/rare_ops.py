# SPDX-License-Identifier: Apache-2.0
"""Random ops of the other tiers for a Builder: selections, norms, gathers,
recurrent layers, integer and truth values."""

import numpy as np

from builder import Rejected
from single_ops import _spatial


def arg(g):
    x = g.floats()
    axis = g.integer(0, g.rank(x) - 1)
    options = {"axis": axis, "keepdims": g.integer(0, 1)}
    if g.opset >= 12 and g.chance(0.3):
        options["select_last_index"] = 1
    return g.op(g.pick(("ArgMax", "ArgMin")), x, **options)


def topk(g):
    x = g.floats()
    axis = g.integer(0, g.rank(x) - 1)
    k = g.integer(1, g.shape(x)[axis])
    if g.opset < 10:
        return g.op("TopK", x, outputs=2, axis=axis, k=k)
    largest = g.integer(0, 1) if g.opset >= 11 else None
    return g.op("TopK", x, g.integers([k]), outputs=2, axis=axis,
                largest=largest)


def cumsum(g):
    if g.opset < 11:
        raise Rejected("opset")
    x = g.floats()
    return g.op("CumSum", x, g.constant(np.int64(
        g.integer(0, g.rank(x) - 1))), exclusive=g.integer(0, 1),
        reverse=g.integer(0, 1))


def gather_elements(g):
    if g.opset < 11:
        raise Rejected("opset")
    x = g.floats()
    axis = g.integer(0, g.rank(x) - 1)
    shape = list(g.shape(x))
    shape[axis] = g.integer(1, 4)
    return g.op("GatherElements", x, g.integers(g.rng.integers(
        0, g.shape(x)[axis], shape)), axis=axis)


def gather_nd(g):
    if g.opset < 11:
        raise Rejected("opset")
    x = g.floats()
    depth = g.integer(1, g.rank(x))
    count = g.integer(1, 4)
    return g.op("GatherND", x, g.integers(np.stack(
        [g.rng.integers(0, d, count) for d in g.shape(x)[:depth]], -1)))


def scatter_elements(g):
    if g.opset < 11:
        raise Rejected("opset")
    x = g.floats()
    axis = g.integer(0, g.rank(x) - 1)
    shape = list(g.shape(x))
    shape[axis] = g.integer(1, shape[axis])
    indices = np.argsort(g.rng.random(g.shape(x)), axis)
    indices = np.take(indices, np.arange(shape[axis]), axis)
    return g.op("ScatterElements", x, g.integers(indices),
                g.weight(*shape, scale=1), axis=axis)


def einsum(g):
    """Products with a weight, its axes in any order."""
    if g.opset < 12:
        raise Rejected("opset")
    x = g.floats(2, 3, 4)
    letters = "abcd"[:g.rank(x)]
    at = g.integer(1, g.rank(x) - 1) if g.chance(0.4) else g.rank(x) - 1
    inner, outputs = g.shape(x)[at], g.integer(1, 6)
    turned = g.chance(0.4)
    w = g.weight(*((outputs, inner) if turned else (inner, outputs)),
                 scale=1 / np.sqrt(inner))
    factors = f"z{letters[at]}" if turned else f"{letters[at]}z"
    rest = letters.replace(letters[at], "")
    result = rest + "z" if g.chance(0.7) else letters.replace(
        letters[at], "z")
    return g.op("Einsum", x, w, equation=f"{letters},{factors}->{result}")


def einsum_values(g):
    """Attention's two products, of computed tensors."""
    if g.opset < 12:
        raise Rejected("opset")
    x = g.floats(3)
    width = g.shape(x)[2]
    heads = g.pick(h for h in (1, 2, 3, 4) if width % h == 0)
    q, k, v = (g.op("Reshape", g.op("MatMul", x, g.weight(width, width)),
                    g.integers([0, 0, heads, width // heads]))
               for _ in range(3))
    if g.chance(0.5):
        s = g.op("Einsum", q, k, equation="bqhd,bkhd->bhqk")
        s = g.op("Softmax", s, axis=3)
        y = g.op("Einsum", s, v, equation="bhqk,bkhd->bqhd")
    else:
        s = g.op("Einsum", q, k, equation="bthd,bshd->bhts")
        s = g.op("Softmax", s, axis=3)
        y = g.op("Einsum", s, v, equation="bhts,bshd->bthd")
    return g.op("Reshape", y, g.integers([0, 0, -1]))


def group_norm(g):
    if g.opset < 21:
        raise Rejected("opset")
    x, dims = _spatial(g)
    groups = g.pick(d for d in range(1, dims[1] + 1) if dims[1] % d == 0)
    return g.op("GroupNormalization", x, g.weight(dims[1], scale=1),
                g.weight(dims[1], scale=1), num_groups=groups)


def group_norm_parts(g):
    """As exporters write it: InstanceNormalization of groups."""
    x, dims = _spatial(g)
    groups = g.pick(d for d in range(1, dims[1] + 1) if dims[1] % d == 0)
    y = g.op("Reshape", x, g.integers([dims[0], groups, -1]))
    y = g.op("InstanceNormalization", y,
             g.constant(np.ones(groups, np.float32)),
             g.constant(np.zeros(groups, np.float32)))
    y = g.op("Reshape", y, g.integers(dims))
    shape = [dims[1]] + [1] * (len(dims) - 2)
    y = g.op("Mul", y, g.weight(*shape, scale=1))
    return g.op("Add", y, g.weight(*shape, scale=1))


def mean_variance(g):
    if g.opset < 9:
        raise Rejected("opset")
    x, dims = _spatial(g)
    axes = g.pick(([0, 2, 3], [1], [2, 3], [1, 2, 3]))
    if max(axes) >= len(dims):
        raise Rejected("rank")
    return g.op("MeanVarianceNormalization", x, axes=axes)


def lp_norm(g):
    x = g.floats()
    return g.op("LpNormalization", x, axis=g.integer(0, g.rank(x) - 1),
                p=g.integer(1, 2))


def l2_norm(g):
    """x / max(|x|, eps), as exporters write it."""
    x = g.floats(2, 3, 4)
    axis = g.pick((1, g.rank(x) - 1))
    if g.opset >= 18:
        n = g.op("ReduceL2", x, g.integers([axis]), keepdims=1)
    else:
        n = g.op("ReduceL2", x, axes=[axis], keepdims=1)
    n = g.op("Add", n, g.constant(np.float32(0.1)))
    return g.op("Div", x, n)


def shrink(g):
    if g.opset < 9:
        raise Rejected("opset")
    return g.op("Shrink", g.floats(), bias=0.2, lambd=0.5)


def hardmax(g):
    if g.opset < 13:
        raise Rejected("opset")
    x = g.floats()
    return g.op("Hardmax", x, axis=g.integer(0, g.rank(x) - 1))


def compare(g):
    """A comparison with a number, and what is made of it."""
    if g.opset < 9:
        raise Rejected("opset")
    x = g.floats()
    level = g.constant(np.float32(g.rng.uniform(-0.5, 0.5)))
    kinds = ["Less", "Greater"]
    if g.opset >= 12:
        kinds += ["LessOrEqual", "GreaterOrEqual"]
    c = g.op(g.pick(kinds), x, level)
    if g.chance(0.3):
        c = g.op("Not", c)
    way = g.integer(0, 2)
    if way == 0:
        return g.op("Where", c, x, level)
    if way == 1:
        return g.op("Mul", x, g.op("Cast", c, to=1))
    return c


def rounded(g):
    """Whole numbers at a distance from where rounding decides."""
    x = g.floats()
    y = g.op(g.pick(("Floor", "Ceil", "Sign")), x)
    return g.op("Cast", y, to=g.pick((6, 7))) if g.chance(0.5) else y


def recurrent(g):
    """All its inputs and outputs: initial states, sequence lengths,
    peepholes."""
    x = g.floats(3)
    if g.chance(0.15):  # more steps than are unrolled
        x = g.op("Concat", *[x] * (64 // g.shape(x)[0] + 1), axis=0)
    steps, batch, width = g.shape(x)
    hidden, way = g.integer(1, 5), g.pick(("forward", "reverse",
                                           "bidirectional"))
    kind = g.pick(("LSTM", "GRU", "RNN"))
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind]
    sides = 2 if way == "bidirectional" else 1
    options = {"hidden_size": hidden, "direction": way}
    if kind == "GRU":
        options["linear_before_reset"] = g.integer(0, 1)
    if g.chance(0.2):
        options["clip"] = 0.4
    if kind == "RNN" and g.chance(0.4):
        options["activations"] = [g.pick(("Relu", "Sigmoid", "Softsign"))
                                  for _ in range(sides)]
    more = [g.weight(sides, 2 * gates * hidden, scale=0.3)
            if g.chance(0.7) else ""]
    lengths = g.rng.integers(1, steps + 1, batch).astype(np.int32)
    more.append(g.constant(lengths) if g.chance(0.2) else "")
    state = g.chance(0.3)
    more.append(g.weight(sides, batch, hidden, scale=0.5) if state else "")
    if kind == "LSTM":
        more.append(g.weight(sides, batch, hidden, scale=0.5)
                    if state else "")
        more.append(g.weight(sides, 3 * hidden, scale=0.3)
                    if g.chance(0.2) else "")
    while more and not more[-1]:
        more.pop()
    y, last, *_ = g.op(
        kind, x, g.weight(sides, gates * hidden, width, scale=0.5),
        g.weight(sides, gates * hidden, hidden, scale=0.5), *more,
        outputs=3 if kind == "LSTM" else 2, **options)
    if g.chance(0.25):
        return g.op("Relu", last)
    y = g.op("Transpose", y, perm=[0, 2, 1, 3])
    return g.op("Reshape", y, g.integers([steps, batch, -1]))


def trilu(g):
    if g.opset < 14:
        raise Rejected("opset")
    k = [g.constant(np.int64(g.integer(-2, 2)))] if g.chance(0.5) else []
    return g.op("Trilu", g.floats(2, 3, 4), *k, upper=g.integer(0, 1))


def embedding(g):
    """Constant indices into a computed table, and computed into a constant
    one."""
    if g.opset < 10:
        raise Rejected("opset")
    name = g.name("ids")
    ids = g.rng.integers(0, 7, (1, g.integer(1, 6))).astype(np.int64)
    g.inputs[name] = g.values[name] = ids
    return g.op("Gather", g.weight(7, g.integer(1, 9), scale=1), name, axis=0)


def global_lp(g):
    x, _ = _spatial(g)
    return g.op("GlobalLpPool", x, p=g.integer(1, 2))


OPS = [(arg, 1), (topk, 1), (cumsum, 1), (gather_elements, 1), (gather_nd, 1),
       (scatter_elements, 1), (einsum, 1), (einsum_values, 1), (group_norm, 1),
       (group_norm_parts, 1), (mean_variance, 1), (lp_norm, 1), (l2_norm, 1),
       (shrink, 1), (hardmax, 1), (compare, 2), (rounded, 1), (recurrent, 2),
       (trilu, 1), (embedding, 2), (global_lp, 1)]
