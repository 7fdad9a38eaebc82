# Which channels of a network must have one owner.
# SPDX-License-Identifier: Apache-2.0
"""The ties of docs/formats/owners.md. Every tensor carries, for each of its elements, which *atom* it comes from: a channel of a
contraction's result. Ops that move elements move atoms; where two meet in one element, or must stay together, they are tied.
Arrays of atoms are mostly broadcast along all axes but one, and take no memory."""

import dataclasses

import numpy as np

from . import arrays

NOBODY, ROOT = -1, -2  # what every node has, and what the root owns as a whole

SAME = set(
    "Abs Add And BatchNormalization Cast Ceil Celu Clip Cos Div Dropout Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual HardSigmoid "
    "HardSwish InstanceNormalization LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization LRN Max Mean Min Mish Mod Mul Neg "
    "Not Or PRelu Pow Reciprocal Relu Round Selu Sigmoid Sign Sin Softmax Softplus Softsign Sqrt Sub Sum Tan Tanh ThresholdedRelu Where".split()
)
POOLS = set("AveragePool GlobalAveragePool GlobalMaxPool LpPool MaxPool Pad Resize Upsample".split())
REPLICATED = {"LSTM", "GRU", "RNN"}
CONTRACTIONS = {"Conv", "ConvTranspose", "Gemm", "MatMul"}


@dataclasses.dataclass
class Contraction:
    """An op with constant weights: its input's and its result's channel axis, and how many groups of channels."""

    node: object
    tensor: str
    result: str
    input_axis: int
    result_axis: int
    groups: int
    macs: int


def contraction_of(graph, node):
    """None for what is no contraction with constant weights and one tensor of features."""
    if node.kind not in CONTRACTIONS or len(node.inputs) < 2 or graph.is_constant(node.inputs[0]):
        return None
    shape, weight = graph.shapes.get(node.inputs[0]), graph.constants.get(node.inputs[1])
    result = graph.shapes.get(node.outputs[0])
    if weight is None or shape is None or result is None or node.attributes.get("transA", 0):
        return None
    if node.kind == "MatMul" and weight.ndim != 2:
        return None
    axis = len(shape) - 1 if node.kind == "MatMul" else 1
    result_axis = len(result) - 1 if node.kind == "MatMul" else 1
    groups = node.attributes.get("group", 1)
    taps = int(np.prod(weight.shape[2:])) if node.kind.startswith("Conv") else 1
    macs = int(np.prod(result)) * (shape[axis] // groups) * taps
    return Contraction(node, node.inputs[0], node.outputs[0], axis, result_axis, groups, macs)


def along(atoms, axis, shape):
    """A vector of atoms as the atoms of a tensor that is divided along `axis`."""
    view = [1] * len(shape)
    view[axis] = len(atoms)
    return np.broadcast_to(np.asarray(atoms, np.int32).reshape(view), shape)


def varying(labels):
    """The axes along which atoms differ."""
    return [a for a in range(labels.ndim) if labels.shape[a] > 1 and labels.strides[a] != 0 and (labels != labels.take([0], a)).any()]


def thin(*parts):
    """Arrays of one shape, cut to the first element along axes where all of them are broadcast."""
    cut = tuple(slice(0, 1) if all(p.strides[a] == 0 for p in parts) else slice(None) for a in range(parts[0].ndim))
    return [part[cut] for part in parts]


class Classes:
    """Union-find over atoms; the smaller one stands for a class."""

    def __init__(self):
        self.parent = np.zeros(0, np.int32)

    def new(self, count):
        begin = len(self.parent)
        self.parent = np.concatenate([self.parent, np.arange(begin, begin + count, dtype=np.int32)])
        return np.arange(begin, begin + count, dtype=np.int32)

    def find(self, atom):
        parent = self.parent
        while parent[atom] != atom:
            parent[atom] = parent[parent[atom]]
            atom = parent[atom]
        return int(atom)

    def all(self):
        """What stands for the class of each atom."""
        parent = self.parent
        while (parent[parent] != parent).any():
            parent = parent[parent]
        self.parent = parent
        return parent

    def tie(self, pairs):
        for a, b in pairs:
            a, b = self.find(a), self.find(b)
            self.parent[max(a, b)] = min(a, b)


def pairs_of(one, other):
    """The distinct pairs of atoms that lie at the same places."""
    one, other = thin(*np.broadcast_arrays(one, other))
    both = np.stack([np.ravel(one), np.ravel(other)], 1)
    both = both[(both >= 0).all(1) & (both[:, 0] != both[:, 1])]
    return np.unique(both, axis=0).tolist() if len(both) else []


def largest(labels_of, classes):
    """Of each tensor: how many of its channels its largest class has."""
    representative = classes.all()
    most = {}
    for name, atoms in labels_of.items():
        owned = atoms[atoms >= 0]
        most[name] = int(np.bincount(representative[owned]).max()) if len(owned) else 0
    return most


class Ties:
    """Walks a graph and knows, for every tensor, `labels`: its atoms; None of a tensor that no rule knows."""

    def __init__(self, graph, nodes):
        self.graph, self.nodes = graph, nodes
        self.classes, self.labels, self.late = Classes(), {}, []
        self.contractions, self.products, self.unknown = {}, {}, {}
        self.squeezed = Squeezes(graph).found()
        for name in graph.inputs:
            shape = graph.shapes.get(name) or ()
            self.labels[name] = np.broadcast_to(np.int32(ROOT), shape)
        for node in graph.nodes:
            self.visit(node)
        self.tie_late()

    def visit(self, node):
        for name in node.outputs:
            self.labels[name] = None
        shape = self.graph.shapes.get(node.outputs[0])
        if shape is None or 0 in shape:
            self.unknown[node.outputs[0]] = f"the shape of what {node.kind} makes is not known"
            return
        contraction = contraction_of(self.graph, node)
        if contraction is not None:
            self.contract(contraction, shape)
        elif node.kind in REPLICATED:
            for name in node.outputs:
                self.labels[name] = np.broadcast_to(np.int32(NOBODY), self.graph.shapes.get(name) or shape)
        else:
            self.carry(node, shape)

    def contract(self, contraction, shape):
        node = contraction.node
        self.contractions[contraction.result] = contraction
        if contraction.result in self.squeezed:
            self.labels[contraction.result] = np.broadcast_to(np.int32(NOBODY), shape)
            return
        atoms = self.classes.new(shape[contraction.result_axis])
        self.labels[contraction.result] = along(atoms, contraction.result_axis, shape)
        inputs = self.labels.get(node.inputs[0])
        if inputs is not None:
            self.gather(inputs, contraction.input_axis)
        if contraction.groups == 1 or inputs is None:
            return
        read = np.moveaxis(thin(inputs)[0], contraction.input_axis, 0).reshape(inputs.shape[contraction.input_axis], -1)[:, 0]
        read, made = read.reshape(contraction.groups, -1), atoms.reshape(contraction.groups, -1)
        if read.shape[1] == 1:
            self.classes.tie((r, m) for row, out in zip(read, made) if row[0] >= 0 for r in row for m in out)
        elif contraction.groups >= self.nodes:
            self.late.append((node.outputs[0], [(int(out[0]), int(x)) for row, out in zip(read, made) for x in (*row, *out) if x >= 0]))

    def gather(self, labels, axis):
        """What lies in one place along an axis becomes one class, where no two places share any: the r*r channels behind one of a
        pixel shuffle, the channels of a head."""
        if all(a == axis for a in varying(labels)):
            return
        rows = np.moveaxis(thin(labels)[0], axis, 0)
        sets = [[a for a in np.unique(row).tolist() if a >= 0] for row in rows.reshape(rows.shape[0], -1)]
        classes = [{self.classes.find(a) for a in members} for members in sets]
        if len(sets) > 1 and sum(map(len, classes)) == len(set().union(*classes)):
            for members in sets:
                self.classes.tie((members[0], m) for m in members[1:])

    def carry(self, node, shape):
        """Ops that make no atoms of their own."""
        inputs = [None if self.graph.is_constant(n) or not n else self.labels.get(n) for n in node.inputs]
        missing = [n for n, x in zip(node.inputs, inputs) if n and x is None and not self.graph.is_constant(n)]
        if missing:
            self.unknown[node.outputs[0]] = self.unknown.get(missing[0], f"what {node.kind} reads is not known")
            return
        if node.kind in SAME:
            result = self.same(inputs, shape)
        elif node.kind in POOLS:
            result = self.pool(inputs[0], shape)
        elif node.kind == "MatMul" and inputs[1] is not None:
            result = self.product(node, *inputs, shape)
        elif node.kind.startswith("Reduce"):
            result = self.reduce(node, inputs[0], shape)
        elif node.kind == "Gather" and inputs[0] is None and self.graph.constants[node.inputs[0]].size > np.prod(shape):
            result = along(self.classes.new(shape[-1]), len(shape) - 1, shape)
        elif inputs and all(x is None or (x < 0).all() for x in inputs):
            result = np.broadcast_to(np.int32(ROOT if any(x is not None and (x == ROOT).any() for x in inputs) else NOBODY), shape)
        else:
            self.move(node, inputs)
            return
        if result is None:
            self.unknown[node.outputs[0]] = f"no rule divides {node.kind} here ({node.name or node.outputs[0]})"
        self.labels[node.outputs[0]] = result

    def same(self, inputs, shape):
        """Element-wise: the operands that have the divided axis in full are tied."""
        parts = sorted((x for x in inputs if x is not None), key=lambda x: -x.size)
        if not parts:
            return np.broadcast_to(np.int32(NOBODY), shape)
        if parts[0].size != np.prod(shape) and (parts[0] >= 0).any():
            return self.outer(parts, shape)
        first = np.broadcast_to(parts[0], shape)
        axes = varying(first)
        for part in parts[1:]:
            aligned = part.reshape((1,) * (len(shape) - part.ndim) + part.shape)
            if (first < 0).all():
                first = np.broadcast_to(aligned, shape) if all(aligned.shape[a] == shape[a] for a in varying(aligned)) else first
                axes = varying(first)
            elif all(aligned.shape[a] == shape[a] for a in axes):
                self.classes.tie(pairs_of(first, np.broadcast_to(aligned, shape)))
        return first

    def outer(self, parts, shape):
        """No operand has the result's size: that of the divided axis decides, if it is one operand's alone."""
        divided = [x for x in parts if (x >= 0).any()]
        return np.broadcast_to(divided[0], shape) if len(divided) == 1 else None

    def pool(self, labels, shape):
        if labels.shape[:2] != tuple(shape[:2]):
            return None
        if any(axis > 1 for axis in varying(labels)):
            return None
        head = labels[(slice(None), slice(None), *[slice(0, 1)] * (labels.ndim - 2))]
        return np.broadcast_to(head, shape)

    def reduce(self, node, labels, shape):
        axes = node.attributes.get("axes")
        if axes is None and len(node.inputs) > 1:
            axes = self.graph.constants.get(node.inputs[1])
        axes = range(labels.ndim) if axes is None else [int(a) % labels.ndim for a in np.atleast_1d(axes)]
        if (labels == ROOT).all():
            return np.broadcast_to(np.int32(ROOT), shape)
        if set(axes) & set(varying(labels)):
            return np.broadcast_to(np.int32(NOBODY), shape)
        cut = labels[tuple(slice(0, 1) if a in axes else slice(None) for a in range(labels.ndim))]
        return np.broadcast_to(cut.reshape(shape) if cut.size == np.prod(shape) else cut, shape)

    def product(self, node, one, other, shape):
        """A product of two features: what one batch of it reads is tied, if there are batches that share nothing."""
        for axis in range(len(shape) - 2):
            if shape[axis] == 1 or len(one.shape) != len(shape) or len(other.shape) != len(shape):
                continue
            if one.shape[axis] != shape[axis] or other.shape[axis] != shape[axis]:
                continue
            rows = [np.moveaxis(thin(x)[0], axis, 0) if x.strides[axis] else None for x in (one, other)]
            if any(r is None for r in rows):
                continue
            rows = [r.reshape(r.shape[0], -1) for r in rows]
            sets = [{int(a) for r in rows for a in np.unique(r[i]) if a >= 0} for i in range(shape[axis])]
            classes = [{self.classes.find(a) for a in s} for s in sets]
            if not all(classes) or sum(map(len, classes)) != len(set().union(*classes)):
                continue
            for members in sets:
                members = sorted(members)
                self.classes.tie((members[0], m) for m in members[1:])
            self.products[node.outputs[0]] = int(np.prod(shape)) * one.shape[-1]
            return along([min(s) for s in sets], axis, shape)
        return None

    def move(self, node, inputs):
        """Ops that move elements move atoms."""
        moved = []
        for name, labels in zip(node.inputs, inputs):
            value = labels if labels is not None else self.graph.constants.get(name)
            moved.append(value)
        if node.kind == "Concat":
            moved = self.stack(node, inputs)
        results = arrays.compute(node, moved, arrays.MOVEMENTS)
        if results is None:
            self.unknown[node.outputs[0]] = f"no rule divides {node.kind} ({node.name or node.outputs[0]})"
            return
        for name, labels in zip(node.outputs, results):
            self.labels[name] = labels.astype(np.int32, copy=False)
            if node.kind in ("DepthToSpace", "SpaceToDepth"):
                self.gather(self.labels[name], 1)

    def stack(self, node, inputs):
        """The operands of a Concat. Along an axis that is not divided it ties their channels, late."""
        axis = node.attributes["axis"] % max(x.ndim for x in inputs if x is not None)
        first = next(x for x in inputs if x is not None)
        divided = [x for x in inputs if x is not None and (x >= 0).any()]
        across = divided and axis not in varying(divided[0]) and varying(divided[0])
        if across:
            for other in divided[1:]:
                if axis not in varying(other):
                    self.late.append((node.outputs[0], pairs_of(divided[0].take([0], axis), other.take([0], axis))))
            first = divided[0]
        filled = []
        for name, labels in zip(node.inputs, inputs):
            shape = self.graph.shapes[name]
            if labels is None or (across and (labels < 0).all()):
                labels = np.broadcast_to(first.take([0], axis), shape) if across else np.broadcast_to(np.int32(NOBODY), shape)
            filled.append(labels)
        return filled

    def tie_late(self):
        """Groups and stacked channels stay together unless some tensor of C channels got a class of more than ceil(C / N)."""
        channels = {}
        for name, labels in self.labels.items():
            found = self.channels(name) if labels is not None else None
            if found is not None:
                channels[name] = found[1]

        def attempt(ties):
            before, most = self.classes.all().copy(), largest(channels, self.classes)
            for _, pairs in ties:
                self.classes.tie(pairs)
            after = largest(channels, self.classes)
            if all(after[n] <= max(-(-len(channels[n]) // self.nodes), most[n]) for n in channels):
                return True
            self.classes.parent = before
            return False

        if self.late and not attempt(self.late):
            for each in self.late:
                attempt([each])

    def channels(self, name, axis=None):
        """(axis, atoms along it) of a tensor, each standing for its class; None where it is not divided along one axis (or not
        along the given one)."""
        labels = self.labels.get(name)
        if labels is None or labels.ndim == 0:
            return None
        labels = thin(labels)[0]
        representative = self.classes.all()
        found = np.where(labels >= 0, representative[np.maximum(labels, 0)] if len(representative) else labels, labels)
        axes = [a for a in range(found.ndim) if found.shape[a] > 1 and (found != found.take([0], a)).any()]
        if len(axes) > 1 or (axis is not None and axes and axes != [axis]):
            return None
        axis = axes[0] if axes else axis if axis is not None else min(1, found.ndim - 1)
        line = found[tuple(slice(None) if a == axis else 0 for a in range(found.ndim))]
        extent = self.labels[name].shape[axis]
        return axis, np.broadcast_to(line, (extent,)) if len(line) != extent else line


class Squeezes:
    """The first contraction of each squeeze-and-excite path: a vector of channels that makes, by functions and a second
    contraction, the factors of whole features. Every node computes it."""

    def __init__(self, graph):
        self.graph = graph
        self.factors, self.vectors = set(), set()

    def size(self, name):
        return int(np.prod(self.graph.shapes.get(name) or (0,)))

    def makes_vector(self, node):
        rule = contraction_of(self.graph, node)
        return rule is not None and rule.groups == 1 and self.size(rule.result) == self.graph.shapes[rule.result][rule.result_axis]

    def passes(self, node, name):
        return node.kind not in CONTRACTIONS and self.size(node.outputs[0]) == self.size(name)

    def scales(self, node, name):
        return node.kind in SAME and len(node.inputs) == 2 and self.size(node.outputs[0]) > self.size(name)

    def found(self):
        result = set()
        for node in reversed(self.graph.nodes):
            name = node.outputs[0]
            users = self.graph.readers.get(name, [])
            if not users or name in self.graph.outputs:
                continue
            if all(self.scales(u, name) or (self.passes(u, name) and u.outputs[0] in self.factors) for u in users):
                self.factors.add(name)
            if all((self.makes_vector(u) and u.outputs[0] in self.factors) or (self.passes(u, name) and u.outputs[0] in self.vectors)
                   for u in users):  # fmt: skip
                self.vectors.add(name)
        for node in self.graph.nodes:
            rule = contraction_of(self.graph, node)
            if rule is not None and node.outputs[0] in self.vectors and self.makes_vector(node):
                if self.size(rule.tensor) == self.graph.shapes[rule.tensor][rule.input_axis]:
                    result.add(node.outputs[0])
        return result
