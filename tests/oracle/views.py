# SPDX-License-Identifier: Apache-2.0
"""Ops that only rearrange elements, run on arrays of element numbers.

A number says which element of which computed tensor a value is, so that one
feature read under two names (through Concat, Split, a channel shuffle...) is
recognised as one. -1 is an element that comes from a constant.
"""

import numpy as np

from graph import attributes


def _axis(value, rank):
    return int(value) % rank if rank else 0


def _reshape(ids, t, op, a):
    return ids[0].reshape(t.shape(op.output[0]))


def _transpose(ids, t, op, a):
    return np.transpose(ids[0], a.get("perm"))


def _concat(ids, t, op, a):
    return np.concatenate(ids, axis=a["axis"])


def _gather(ids, t, op, a):
    index = t.values[op.input[1]].astype(np.int64)
    return np.take(ids[0], index, axis=_axis(a.get("axis", 0), ids[0].ndim))


def _slice(ids, t, op, a):
    rank = ids[0].ndim

    def setting(slot, name):
        if len(op.input) > slot and op.input[slot]:
            return [int(v) for v in t.values[op.input[slot]].reshape(-1)]
        return list(a[name]) if name in a else None

    starts, ends = setting(1, "starts"), setting(2, "ends")
    axes = setting(3, "axes") or list(range(len(starts)))
    steps = setting(4, "steps") or [1] * len(starts)
    result = ids[0]
    for start, end, axis, step in zip(starts, ends, axes, steps):
        axis = _axis(axis, rank)
        size = result.shape[axis]
        if step > 0:
            first = np.clip(start + size if start < 0 else start, 0, size)
            last = np.clip(end + size if end < 0 else end, 0, size)
        else:
            first = np.clip(start + size if start < 0 else start, -1, size - 1)
            last = np.clip(end + size if end < 0 else end, -1, size - 1)
        result = np.take(result, np.arange(first, last, step), axis=axis)
    return result


def _depth_to_space(ids, t, op, a):
    b = a["blocksize"]
    n, c, h, w = ids[0].shape
    if a.get("mode", b"DCR") == b"DCR":
        return ids[0].reshape(n, b, b, c // b // b, h, w).transpose(
            0, 3, 4, 1, 5, 2).reshape(n, c // b // b, h * b, w * b)
    return ids[0].reshape(n, c // b // b, b, b, h, w).transpose(
        0, 1, 4, 2, 5, 3).reshape(n, c // b // b, h * b, w * b)


def _space_to_depth(ids, t, op, a):
    b = a["blocksize"]
    n, c, h, w = ids[0].shape
    return ids[0].reshape(n, c, h // b, b, w // b, b).transpose(
        0, 3, 5, 1, 2, 4).reshape(n, c * b * b, h // b, w // b)


def _expand(ids, t, op, a):
    return np.broadcast_to(ids[0], t.shape(op.output[0]))


def _tile(ids, t, op, a):
    return np.tile(ids[0], t.values[op.input[1]].astype(int))


_RULES = {
    "Reshape": _reshape, "Flatten": _reshape, "Squeeze": _reshape,
    "Unsqueeze": _reshape, "Identity": _reshape, "Dropout": _reshape,
    "Transpose": _transpose, "Concat": _concat, "Gather": _gather,
    "Slice": _slice, "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth, "Expand": _expand, "Tile": _tile,
}


def _pads_nothing(t, op):
    """An exporter's Pad to a multiple of a size that the tensor has already:
    no compiler keeps it."""
    return op.op_type == "Pad" and \
        t.shape(op.input[0]) == t.shape(op.output[0]) and \
        np.array_equal(t.values[op.input[0]], t.values[op.output[0]])


def _dequantises(t, op):
    """With one scale: what travels are the integers."""
    return op.op_type == "DequantizeLinear" and all(
        i in t.constants and t.values[i].size == 1 for i in op.input[1:] if i)


# How many of its inputs hold data: the others must be constant.
_DATA_INPUTS = {"Concat": None}


def rearranged(t, op, numbers):
    """{output: element numbers} of an op that only rearranges, else None.
    `numbers(name)` gives an input's."""
    if _pads_nothing(t, op) or _dequantises(t, op):
        return {op.output[0]: numbers(op.input[0])}
    if op.op_type not in _RULES and op.op_type != "Split":
        return None
    data = list(op.input) if op.op_type in _DATA_INPUTS else [op.input[0]]
    rest = [i for i in op.input if i and i not in data]
    if any(i not in t.constants for i in rest):
        return None
    a = attributes(op)
    ids = [numbers(i) for i in data]
    if op.op_type == "Split":
        axis = _axis(a.get("axis", 0), ids[0].ndim)
        sizes = [t.shape(o)[axis] for o in op.output]
        parts = np.split(ids[0], np.cumsum(sizes)[:-1], axis=axis)
        return dict(zip(op.output, parts))
    return {op.output[0]: _RULES[op.op_type](ids, t, op, a)}
