# SPDX-License-Identifier: Apache-2.0
"""Random arithmetic of whole numbers and truth values, shapes that are
computed, and functions that need numbers of their own range, for a Builder."""

import numpy as np

from builder import Rejected

INT32, INT64, UINT8, FLOAT, BOOL = 6, 7, 2, 1, 9


def _at_least(g, opset):
    if g.opset < opset:
        raise Rejected("opset")


def _whole(g, kind):
    """Whole numbers made of a float tensor, at a distance from where rounding
    decides."""
    x = g.op("Mul", g.floats(), g.constant(np.float32(g.pick((1, 3, 7)))))
    if kind == UINT8:
        x = g.op("Abs", x)
    return g.op("Cast", g.op("Floor", x), to=kind)


def _back(g, y):
    return g.op("Cast", y, to=FLOAT) if g.chance(0.6) else y


def mod(g):
    _at_least(g, 10)
    if g.chance(0.5):
        kind = g.pick((INT32, INT64))
        x = _whole(g, kind)
        w = np.array(g.pick((3, -3, 5)), np.int32 if kind == INT32
                     else np.int64)
        return _back(g, g.op("Mod", x, g.constant(w),
                             fmod=g.integer(0, 1)))
    x = g.floats()
    return g.op("Mod", x, g.constant(np.float32(g.pick((10.0, 100.0)))),
                fmod=1)


def integers(g):
    """Sums, products and quotients of whole numbers."""
    kind = g.pick((INT32, INT64))
    x = _whole(g, kind)
    dtype = np.int32 if kind == INT32 else np.int64
    w = g.constant(np.array(g.pick((2, 3, -2)), dtype))
    y = g.op(g.pick(("Add", "Sub", "Mul", "Div")), x, w)
    if g.opset >= 12 and g.chance(0.4):
        y = g.op(g.pick(("Max", "Min")), y, w)
    if g.opset >= 13 and g.chance(0.3):
        y = g.op(g.pick(("Neg", "Abs", "Sign")), y)
    return _back(g, y)


def bits(g):
    _at_least(g, 11)
    x = _whole(g, UINT8)
    w = g.constant(np.uint8(g.integer(1, 7)))
    if g.opset >= 18 and g.chance(0.6):
        kind = g.pick(("BitwiseAnd", "BitwiseOr", "BitwiseXor",
                       "BitwiseNot"))
        y = g.op(kind, x) if kind == "BitwiseNot" else g.op(kind, x, w)
    else:
        y = g.op("BitShift", x, g.constant(np.uint8(g.integer(1, 3))),
                 direction=g.pick(("LEFT", "RIGHT")))
    return _back(g, y)


def truths(g):
    """Comparisons joined, and a choice between computed tensors."""
    _at_least(g, 9)
    x = g.floats()
    a, b = (g.op(g.pick(("Less", "Greater")), x, g.constant(
        np.float32(g.rng.uniform(-0.7, 0.7)))) for _ in range(2))
    c = g.op(g.pick(("And", "Or", "Xor")), a, b)
    if g.opset >= 11 and g.chance(0.3):
        c = g.op("Equal", c, a)
    if g.opset >= 16 and g.chance(0.3):
        other = g.op("Mul", x, x)
        return g.op("Where", c, x, other)
    return g.op("Cast", c, to=FLOAT)


def equal(g):
    _at_least(g, 7)
    x = _whole(g, g.pick((INT32, INT64)))
    kind = g.values[x].dtype.type
    return g.op("Cast", g.op("Equal", x, g.constant(kind(g.integer(-1, 1)))),
                to=FLOAT)


# Functions, the bounds of what they are given, their first opset.
_BOUNDED = {"Asin": (-0.9, 0.9, 7), "Acos": (-0.9, 0.9, 7),
            "Atanh": (-0.9, 0.9, 9), "Acosh": (1.1, 5, 9),
            "Tan": (-1.2, 1.2, 7), "Sinh": (-3, 3, 9), "Cosh": (-3, 3, 9),
            "Asinh": (-5, 5, 9), "Atan": (-9, 9, 7)}


def bounded(g):
    x = g.floats()
    kind = g.pick(k for k, v in _BOUNDED.items() if v[2] <= g.opset)
    low, high, _ = _BOUNDED[kind]
    if g.opset < 11:
        x = g.op("Clip", x, min=float(low), max=float(high))
    else:
        x = g.op("Clip", x, *(g.constant(np.float32(v))
                              for v in (low, high)))
    return g.op(kind, x)


def special(g):
    """Tests for what no finite number is."""
    _at_least(g, 10)
    x = g.floats()
    return g.op("Cast", g.op(g.pick(("IsInf", "IsNaN")), x), to=FLOAT)


def rounding(g):
    _at_least(g, 11)
    x = g.op("Mul", g.floats(), g.constant(np.float32(5)))
    return g.op("Round", x)


def log_sum(g):
    """ReduceLogSum of positive numbers."""
    x = g.op("Add", g.op("Abs", g.floats()), g.constant(np.float32(0.5)))
    axis = g.integer(0, g.rank(x) - 1)
    if g.opset >= 18:
        return g.op("ReduceLogSum", x, g.integers([axis]),
                    keepdims=g.integer(0, 1))
    return g.op("ReduceLogSum", x, axes=[axis], keepdims=g.integer(0, 1))


def cast(g):
    x = g.op("Mul", g.floats(), g.constant(np.float32(4)))
    if g.opset >= 15 and g.chance(0.4):
        return g.op("CastLike", x, g.constant(np.int32(0)))
    y = g.op("Cast", x, to=10)      # half floats and back
    return g.op("Cast", y, to=FLOAT)


def computed_shape(g):
    """Reshape to a shape that is computed from the tensor's own."""
    _at_least(g, 10)
    x = g.floats(3, 4, 5)
    s = g.op("Shape", x)
    head = g.op("Slice", s, g.integers([0]), g.integers([2]))
    if g.chance(0.4):
        count = g.op("Div", g.op("Size", x), g.constant(np.int64(
            int(np.prod(g.shape(x)[:2])))))
        tail = g.op("Reshape", count, g.integers([1]))
    else:
        tail = g.integers([-1])
    y = g.op("Reshape", x, g.op("Concat", head, tail, axis=0))
    if g.chance(0.3):
        zeros = g.op("ConstantOfShape", g.op("Shape", y))
        y = g.op("Add", y, zeros)
    return y


def counted(g):
    """Positions that a Range makes, a diagonal that EyeLike makes."""
    _at_least(g, 11)
    x = g.floats(2, 3, 4)
    size = g.op("Gather", g.op("Shape", x), g.constant(np.int64(-1)), axis=0)
    if g.rank(x) == 2 and g.chance(0.4):
        return g.op("Mul", x, g.op("EyeLike", x, k=g.integer(-1, 1)))
    places = g.op("Range", g.constant(np.int64(0)), size,
                  g.constant(np.int64(1)))
    return g.op("Add", x, g.op("Mul", g.op("Cast", places, to=FLOAT),
                               g.constant(np.float32(0.1))))


def places_of_constants(g):
    """What NonZero finds in a constant is indices."""
    _at_least(g, 9)
    x = g.floats()
    mask = g.rng.random(g.shape(x)[-1]) < 0.6
    mask[0] = True
    found = g.op("NonZero", g.constant(mask.astype(np.int64)))
    found = g.op("Reshape", found, g.integers([-1]))
    return g.op("Gather", x, found, axis=g.rank(x) - 1)


def dropout(g):
    y = g.op("Dropout", g.floats())
    return g.op("Relu", y) if g.chance(0.5) else y


def constant(g):
    """A Constant among the ops."""
    _at_least(g, 12)
    x = g.floats()
    c = g.op("Constant", value_floats=[
        float(v) for v in g.rng.standard_normal(g.shape(x)[-1])])
    return g.op("Mul", x, c)


OPS = [(mod, 1), (integers, 1), (bits, 1), (truths, 1), (equal, 0.5),
       (bounded, 2), (special, 0.5), (rounding, 0.5), (log_sum, 0.5),
       (cast, 0.5), (computed_shape, 1), (counted, 1),
       (places_of_constants, 0.5), (dropout, 0.5), (constant, 0.5)]
