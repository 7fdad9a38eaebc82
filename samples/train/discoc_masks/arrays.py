# ONNX ops that move or count elements, on NumPy arrays.
# SPDX-License-Identifier: Apache-2.0
"""Two uses: the shapes and indices that PyTorch's exporter leaves as small computations of constants, and where an op that only
moves elements puts each of them. What is not here is no constant and moves nothing, as far as this package knows."""

import numpy as np
import onnx
import onnx.helper


def axis_of(node, rank):
    return node.attributes.get("axis", 0) % max(rank, 1)


def reshape(data, shape, keeps_zeros=True):
    """ONNX's Reshape: 0 keeps an extent, -1 takes what is left."""
    wanted = [data.shape[i] if s == 0 and keeps_zeros else int(s) for i, s in enumerate(shape)]
    return data.reshape(wanted)


def flatten(node, data):
    axis = node.attributes.get("axis", 1)
    return data.reshape(int(np.prod(data.shape[:axis], dtype=np.int64)), -1)


def squeeze(node, data, axes=None):
    axes = node.attributes.get("axes") if axes is None else axes
    return np.squeeze(data, None if axes is None else tuple(int(a) for a in np.atleast_1d(axes)))


def unsqueeze(node, data, axes=None):
    axes = node.attributes["axes"] if axes is None else axes
    return np.expand_dims(data, tuple(int(a) for a in np.atleast_1d(axes)))


def slices(node, data, starts=None, ends=None, axes=None, steps=None):
    starts = node.attributes.get("starts") if starts is None else starts
    ends = node.attributes.get("ends") if ends is None else ends
    axes = node.attributes.get("axes", range(len(starts))) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    cut = [slice(None)] * data.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps):
        end = None if step < 0 and end < -data.shape[int(axis)] else int(end)
        cut[int(axis)] = slice(int(start), end, int(step))
    return data[tuple(cut)]


def split(node, data, sizes=None):
    axis = axis_of(node, data.ndim)
    sizes = node.attributes.get("split") if sizes is None else sizes
    if sizes is None:
        return np.array_split(data, len(node.outputs), axis)
    return np.split(data, np.cumsum(sizes)[:-1], axis)


def depth_to_space(node, data):
    count, channels, height, width = data.shape
    r = node.attributes["blocksize"]
    if node.attributes.get("mode", b"DCR") in (b"CRD", "CRD"):
        apart = data.reshape(count, channels // r**2, r, r, height, width).transpose(0, 1, 4, 2, 5, 3)
    else:
        apart = data.reshape(count, r, r, channels // r**2, height, width).transpose(0, 3, 4, 1, 5, 2)
    return apart.reshape(count, channels // r**2, height * r, width * r)


def space_to_depth(node, data):
    count, channels, height, width = data.shape
    r = node.attributes["blocksize"]
    apart = data.reshape(count, channels, height // r, r, width // r, r).transpose(0, 3, 5, 1, 2, 4)
    return apart.reshape(count, channels * r**2, height // r, width // r)


def cast(node, data):
    return data.astype(onnx.mapping.TENSOR_TYPE_TO_NP_TYPE[node.attributes["to"]])


def divide(a, b):
    return a // b if np.issubdtype(np.asarray(a).dtype, np.integer) else a / b


MOVEMENTS = {
    "Identity": lambda n, x: x,
    "Reshape": lambda n, x, shape: reshape(x, shape, not n.attributes.get("allowzero", 0)),
    "Flatten": flatten,
    "Transpose": lambda n, x: np.transpose(x, n.attributes.get("perm")),
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Slice": slices,
    "Gather": lambda n, x, i: np.take(x, i.astype(np.int64), axis_of(n, x.ndim)),
    "Expand": lambda n, x, shape: np.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(int(s) for s in shape))),
    "Tile": lambda n, x, repeats: np.tile(x, repeats),
    "Concat": lambda n, *parts: np.concatenate(parts, axis_of(n, parts[0].ndim)),
    "Split": split,
    "DepthToSpace": depth_to_space,
    "SpaceToDepth": space_to_depth,
}

OF_CONSTANTS = {
    **MOVEMENTS,
    "Cast": cast,
    "ConstantOfShape": lambda n, s: np.full(s.astype(int), np.asarray(n.attributes.get("value", np.zeros(1, np.float32))).flat[0]),
    "Range": lambda n, begin, end, step: np.arange(begin, end, step),
    "Add": lambda n, a, b: a + b,
    "Sub": lambda n, a, b: a - b,
    "Mul": lambda n, a, b: a * b,
    "Div": lambda n, a, b: divide(a, b),
    "Mod": lambda n, a, b: np.mod(a, b),
    "Equal": lambda n, a, b: a == b,
    "Less": lambda n, a, b: a < b,
    "Greater": lambda n, a, b: a > b,
    "Not": lambda n, a: ~a,
    "And": lambda n, a, b: a & b,
    "Where": lambda n, c, a, b: np.where(c, a, b),
    "Neg": lambda n, a: -a,
    "Sqrt": lambda n, a: np.sqrt(a),
    "Pow": lambda n, a, b: np.power(a, b),
    "Floor": lambda n, a: np.floor(a),
    "Ceil": lambda n, a: np.ceil(a),
    "Min": lambda n, *a: np.minimum.reduce(a),
    "Max": lambda n, *a: np.maximum.reduce(a),
    "ReduceProd": lambda n, a: np.prod(a, tuple(n.attributes["axes"]) if "axes" in n.attributes else None,
                                       keepdims=bool(n.attributes.get("keepdims", 1))),
}  # fmt: skip


def compute(node, inputs, table):
    """The results of one op, in a list; None where `table` does not have it or it cannot be computed."""
    operation = table.get(node.kind)
    if operation is None:
        return None
    while inputs and inputs[-1] is None:
        inputs = inputs[:-1]
    try:
        result = operation(node, *inputs)
    except (TypeError, ValueError, IndexError, KeyError):
        return None
    return list(result) if isinstance(result, (list, tuple)) else [np.asarray(result)]
