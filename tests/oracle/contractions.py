# SPDX-License-Identifier: Apache-2.0
"""The ops that sum over channels: which output channel reads which input one."""

import numpy as np

from graph import attributes


class Contraction:
    """One Conv, ConvTranspose, Gemm or MatMul with constant weights.

    `x`, `x_axis`: the tensor read and the axis summed over; `y`, `y_axis`: the
    result and the axis that is divided; `w_slot`: which input is the weight.
    """

    def __init__(self, traced, index, w_slot):
        self.op = traced.ops[index]
        self.index = index
        self.key = traced.keys[index]
        self.kind = self.op.op_type
        self.w_slot = w_slot
        self.w = self.op.input[w_slot]
        self.x = self.op.input[1 - w_slot]
        self.y = self.op.output[0]
        self.attributes = attributes(self.op)
        self.weight = traced.values[self.w]
        self.groups = int(self.attributes.get("group", 1))
        x_rank = len(traced.shape(self.x))
        y_rank = len(traced.shape(self.y))
        if self.kind in ("Conv", "ConvTranspose"):
            self.x_axis = self.y_axis = 1
        elif self.kind == "Gemm":
            self.x_axis = 0 if self.attributes.get("transA", 0) else 1
            self.y_axis = 1
        elif w_slot == 1:
            self.x_axis, self.y_axis = x_rank - 1, y_rank - 1
        else:
            self.x_axis, self.y_axis = x_rank - 2, y_rank - 2
        self.inputs = traced.shape(self.x)[self.x_axis]
        self.outputs = traced.shape(self.y)[self.y_axis]

    @property
    def depthwise(self):
        """Every channel has a group of its own: channels never mix."""
        return self.groups > 1 and self.groups == self.inputs

    def matrix(self, weight=None):
        """[outputs, inputs, taps]: a view of a weight, groups apart; only
        where `group` is 1."""
        w = self.weight if weight is None else weight
        if self.kind == "Conv":
            return w.reshape(w.shape[0], w.shape[1], -1)
        if self.kind == "ConvTranspose":
            return np.swapaxes(w.reshape(w.shape[0], w.shape[1], -1), 0, 1)
        if self.kind == "Gemm":
            w = w if self.attributes.get("transB", 0) else w.T
        elif self.w_slot == 1:
            w = w.T
        return w[:, :, None]

    def reads(self):
        """Boolean [outputs, inputs]: does this output read that input?"""
        result = np.zeros((self.outputs, self.inputs), bool)
        if self.groups == 1:
            return (self.matrix() != 0).any(axis=2)
        for g, (outs, ins) in enumerate(self._group_ranges()):
            result[outs, ins] = (self._block(self.weight, g) != 0).any(axis=2)
        return result

    def zero(self, weight, outs, channels):
        """Zeroes in place what joins `outs` to `channels`."""
        outs, channels = np.asarray(outs, int), np.asarray(channels, int)
        if self.groups == 1:
            self.matrix(weight)[np.ix_(outs, channels)] = 0
            return
        for g, (o, i) in enumerate(self._group_ranges()):
            rows = outs[(outs >= o.start) & (outs < o.stop)] - o.start
            columns = channels[(channels >= i.start) & (channels < i.stop)]
            self._block(weight, g)[np.ix_(rows, columns - i.start)] = 0

    def _group_ranges(self):
        o, i = self.outputs // self.groups, self.inputs // self.groups
        for g in range(self.groups):
            yield slice(g * o, (g + 1) * o), slice(g * i, (g + 1) * i)

    def _block(self, weight, group):
        """[outputs, inputs, taps] of one group, a view."""
        if self.kind == "Conv":
            o = self.outputs // self.groups
            block = weight[group * o:(group + 1) * o]
            return block.reshape(block.shape[0], block.shape[1], -1)
        i = self.inputs // self.groups
        block = weight[group * i:(group + 1) * i]
        return np.swapaxes(block.reshape(block.shape[0], block.shape[1], -1),
                           0, 1)


def _weight_slot(traced, op):
    """Which input is the constant weight, or None."""
    fixed = [i in traced.constants for i in op.input]
    if op.op_type in ("Conv", "ConvTranspose", "Gemm"):
        return 1 if fixed[1] and not fixed[0] else None
    if op.op_type != "MatMul" or all(fixed) or not any(fixed[:2]):
        return None
    slot = 1 if fixed[1] else 0
    # Batched or one-dimensional weights have no plain matrix of channels.
    plain = (len(traced.shape(op.input[slot])) == 2 and
             len(traced.shape(op.input[1 - slot])) >= 2)
    return slot if plain else None


def contractions(traced):
    """All contractions of a traced model, in graph order."""
    result = []
    for index, op in enumerate(traced.ops):
        if op.op_type not in ("Conv", "ConvTranspose", "Gemm", "MatMul") or \
                op.domain not in ("", "ai.onnx"):
            continue
        slot = _weight_slot(traced, op)
        if slot is not None:
            result.append(Contraction(traced, index, slot))
    return result


def behind_a_contraction(traced, found):
    """Names of the tensors that some contraction's result flows into: what is
    not among them is the model's input, perhaps rearranged."""
    outputs = {c.y for c in found}
    behind = set(outputs)
    for op in traced.ops:
        if any(i in behind for i in op.input):
            behind.update(o for o in op.output if o)
    return behind
