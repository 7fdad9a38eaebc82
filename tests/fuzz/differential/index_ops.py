# SPDX-License-Identifier: Apache-2.0
"""Random ops that choose elements by index, and ops of detection networks, for
a Builder."""

import numpy as np

from builder import Rejected
from single_ops import _spatial


def _at_least(g, opset):
    if g.opset < opset:
        raise Rejected("opset")


def scatter_nd(g):
    _at_least(g, 11)
    x = g.floats()
    shape = g.shape(x)
    depth = g.integer(1, len(shape))
    cells = int(np.prod(shape[:depth]))
    picked = g.rng.choice(cells, g.integer(1, min(4, cells)), replace=False)
    indices = np.stack(np.unravel_index(picked, shape[:depth]), -1)
    kinds = [None] + ["add", "mul"] * (g.opset >= 16) + \
        ["max", "min"] * (g.opset >= 18)
    return g.op("ScatterND", x, g.integers(indices),
                g.weight(len(picked), *shape[depth:], scale=1),
                reduction=g.pick(kinds))


def scatter(g):
    """Its name before opset 11; values that are computed."""
    x = g.floats()
    axis = g.integer(0, g.rank(x) - 1)
    indices = np.argsort(g.rng.random(g.shape(x)), axis)
    if g.opset < 11:
        _at_least(g, 9)
        return g.op("Scatter", x, g.integers(indices), x, axis=axis)
    kinds = [None] + ["add", "mul"] * (g.opset >= 16) + \
        ["max", "min"] * (g.opset >= 18)
    return g.op("ScatterElements", x, g.integers(indices - (
        g.shape(x)[axis] if g.chance(0.3) else 0)), x, axis=axis,
        reduction=g.pick(kinds))


def one_hot(g):
    _at_least(g, 9)
    x = g.floats()
    axis = g.integer(0, g.rank(x) - 1)
    depth = g.shape(x)[axis]
    best = g.op("ArgMax", x, axis=axis, keepdims=0)
    return g.op("OneHot", best, g.constant(np.int64(depth)), g.constant(
        np.array(g.pick(((0, 1), (-0.5, 2))), np.float32)),
        axis=g.pick((-1, 0, 1)) if g.rank(best) else -1)


def computed_gather(g):
    """The place of the largest number is the row of a table."""
    x = g.floats()
    axis = g.integer(0, g.rank(x) - 1)
    best = g.op("ArgMax", x, axis=axis, keepdims=0)
    return g.op("Gather", g.weight(g.shape(x)[axis], g.integer(1, 6),
                                   scale=1), best, axis=0)


def best_elements(g):
    """TopK, and what stands at its places."""
    _at_least(g, 11)
    x = g.floats()
    axis = g.integer(0, g.rank(x) - 1)
    k = g.integer(1, g.shape(x)[axis])
    values, places = g.op("TopK", x, g.integers([k]), outputs=2, axis=axis)
    y = g.op("GatherElements", x, places, axis=axis)
    return g.op("Sub", y, values) if g.chance(0.3) else y


def compress(g):
    _at_least(g, 9)
    x = g.floats()
    axis = g.integer(0, g.rank(x) - 1) if g.chance(0.8) else None
    count = g.shape(x)[axis] if axis is not None else \
        int(np.prod(g.shape(x)))
    keep = g.rng.random(count) < 0.6
    keep[0] = True
    return g.op("Compress", x, g.constant(keep), axis=axis)


def reverse_sequence(g):
    _at_least(g, 10)
    x = g.floats(2, 3, 4)
    batch, time = g.pick(((0, 1), (1, 0)))
    steps = g.rng.integers(1, g.shape(x)[time] + 1, g.shape(x)[batch])
    return g.op("ReverseSequence", x, g.integers(steps), batch_axis=batch,
                time_axis=time)


def negative_indices(g):
    _at_least(g, 11)
    x = g.floats()
    axis = g.integer(0, g.rank(x) - 1)
    d = g.shape(x)[axis]
    shape = list(g.shape(x))
    shape[axis] = g.integer(1, 4)
    return g.op("GatherElements", x, g.integers(g.rng.integers(
        -d, d, shape)), axis=axis - (g.rank(x) if g.chance(0.5) else 0))


def gather_nd_batched(g):
    _at_least(g, 12)
    x = g.floats(3, 4, 5)
    shape = g.shape(x)
    depth = g.integer(1, len(shape) - 1)
    indices = np.stack([g.rng.integers(0, d, (shape[0], 3))
                        for d in shape[1:1 + depth]], -1)
    return g.op("GatherND", x, g.integers(indices), batch_dims=1)


def grid_sample(g):
    _at_least(g, 16)
    x, dims = _spatial(g, 4, 4)
    grid = g.rng.uniform(-1.2, 1.2, (dims[0], g.integer(1, 4),
                                     g.integer(1, 4), 2))
    mode = g.pick(("bilinear", "nearest", "bicubic") if g.opset < 20 else
                  ("linear", "nearest", "cubic"))
    return g.op("GridSample", x, g.constant(grid.astype(np.float32)),
                mode=mode, padding_mode=g.pick(("zeros", "border",
                                                "reflection")),
                align_corners=g.integer(0, 1))


def roi_align(g):
    _at_least(g, 16)
    x, dims = _spatial(g, 4, 4)
    count = g.integer(1, 3)
    corner = g.rng.uniform(0, 2, (count, 2))
    rois = np.concatenate([corner, corner + g.rng.uniform(1, 4, (count, 2))],
                          1).astype(np.float32)
    return g.op("RoiAlign", x, g.constant(rois), g.integers(
        g.rng.integers(0, dims[0], count)), output_height=g.integer(1, 3),
        output_width=g.integer(1, 3), sampling_ratio=g.integer(1, 2),
        spatial_scale=float(g.pick((1.0, 0.5))), mode=g.pick(("avg", "max")))


def max_unpool(g):
    x, dims = _spatial(g, 4, 4)
    if dims[2] % 2 or dims[3] % 2:
        raise Rejected("odd")
    _at_least(g, 9)
    y, places = g.op("MaxPool", x, outputs=2, kernel_shape=[2, 2],
                     strides=[2, 2])
    if g.chance(0.5):
        y = g.op("Neg", y)
    return g.op("MaxUnpool", y, places, kernel_shape=[2, 2], strides=[2, 2])


def suppressed(g):
    """The boxes that remain, as truth values: their number is not known
    before, so their places are what is compared."""
    _at_least(g, 11)
    x = g.floats(3)
    classes, boxes = g.shape(x)[1:]
    if g.shape(x)[0] != 1 or boxes < 2:
        raise Rejected("shape")
    corner = g.rng.uniform(0, 4, (1, boxes, 2))
    box = np.concatenate([corner, corner + g.rng.uniform(1, 4, corner.shape)],
                         2).astype(np.float32)
    return g.op("NonMaxSuppression", g.constant(box), x,
                g.integers([g.integer(1, 4)]),
                g.constant(np.array([0.5], np.float32)),
                g.constant(np.array([0.1], np.float32)))


def losses(g):
    _at_least(g, 13)
    x = g.floats(2, 3, 4)
    classes = g.shape(x)[1]
    labels = g.integers(g.rng.integers(0, classes, (
        g.shape(x)[0], *g.shape(x)[2:])))
    weight = [g.constant(g.rng.uniform(0.5, 1.5, classes)
                         .astype(np.float32))] if g.chance(0.4) else []
    reduction = g.pick(("none", "sum", "mean"))
    if g.chance(0.5):
        return g.op("SoftmaxCrossEntropyLoss", x, labels, *weight,
                    reduction=reduction)
    y = g.op("LogSoftmax", x, axis=1)
    return g.op("NegativeLogLikelihoodLoss", y, labels, *weight,
                reduction=reduction)


OPS = [(scatter_nd, 1), (scatter, 1), (one_hot, 1), (computed_gather, 1),
       (best_elements, 1), (compress, 1), (reverse_sequence, 1),
       (negative_indices, 1), (gather_nd_batched, 1), (grid_sample, 1),
       (roi_align, 1), (max_unpool, 1), (suppressed, 0.5), (losses, 1)]
