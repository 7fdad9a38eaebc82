# SPDX-License-Identifier: Apache-2.0
"""The least payload that masks allow, from ONNX, mask and owner files alone.

Nothing is read of what the compiler wrote, and nothing of its code is used.
Every element of every computed tensor has a number; ops that rearrange keep
the numbers. For each op and each node, the channels of its inputs that the
node needs for the outputs it owns are found; what it does not own must travel,
once, from the owner. A feature is a whole channel of the tensor that is read:
its bytes are its plane's, as the integers that it was where it is dequantised.

A tensor without an owner map is not divided: whoever reads it computes it.
Handing the model's inputs out and its outputs in is the root's traffic, and is
kept apart. Reductions over the divided axis (Softmax or LayerNorm over
channels) exchange statistics instead of features: also apart.

    least_traffic.py MODEL --owners F [--masks F]     prints JSON
"""

import argparse
import json
import os
import sys

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import contractions as con  # noqa: E402
import graph  # noqa: E402
import masks as mask_files  # noqa: E402
from views import rearranged  # noqa: E402

_WINDOWS = mask_files.WINDOWS
_REDUCTIONS = {"Softmax", "LogSoftmax", "Hardmax", "LayerNormalization",
               "MeanVarianceNormalization", "ReduceMean", "ReduceSum",
               "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
               "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp", "ArgMax",
               "ArgMin"}
# Arithmetic on fp16 tensors is done, and its results are kept and sent, in
# fp32: rounding after every op would cost more than 2 units in the last place.
HALF_BYTES = 4
_ALL = None  # instead of a channel list: every channel


class Base:
    """A computed tensor: where element numbers come from."""

    def __init__(self, name, shape, itemsize, first, nodes):
        self.name, self.shape, self.itemsize = name, shape, itemsize
        self.first = first
        self.size = int(np.prod(shape, dtype=np.int64))
        self.owner = None       # per element: rank, or -1: every node has it
        self.is_input = False
        self.needed = [None] * nodes

    def need(self, node):
        if self.needed[node] is None:
            self.needed[node] = np.zeros(self.size, bool)
        return self.needed[node]


class LeastTraffic:
    def __init__(self, traced, owners, mask_document=None, root=0):
        self.t, self.owners, self.root = traced, owners.follow(traced), root
        self.nodes = owners.nodes
        self.bases, self.starts = [], []
        self.numbers = {}       # tensor -> element numbers
        self.maps = {}          # tensor -> (axis, sets) or None: all have it
        self.notes = []
        self.statistics = np.zeros((self.nodes, self.nodes), np.int64)
        self.contractions = {c.index: c for c in con.contractions(traced)}
        self.allowed = self._allowed(mask_document)
        self.behind = con.behind_a_contraction(
            traced, self.contractions.values())
        self._run()

    # -- masks ---------------------------------------------------------------

    def _allowed(self, document):
        """{op key: boolean [outputs, inputs]} of what the masks leave."""
        result = {}
        if not document:
            return result
        by_key = {c.key: c for c in self.contractions.values()}
        for entry in document["masks"]:
            c = by_key[entry["op"]]
            allow = result.setdefault(
                c.key, np.ones((c.outputs, c.inputs), bool))
            ins = self.owners.of(c.x, len(self.t.shape(c.x)))
            outs = self.owners.of(c.y, len(self.t.shape(c.y)))
            kept = mask_files.expand(entry["channels"])
            gone = np.setdiff1d(ins[1][entry["from"]], kept)
            allow[np.ix_(outs[1][entry["to"]], gone)] = False
        return result

    # -- the walk ------------------------------------------------------------

    def _run(self):
        for name in self.t.inputs:
            base = self._fresh(name)
            base.is_input = True
            base.owner = np.full(base.size, self.root, np.int16)
        computed = []
        for index, op in enumerate(self.t.ops):
            if all(o in self.t.constants for o in op.output if o):
                continue
            moved = rearranged(self.t, op, self._numbers)
            if moved is not None:
                for name, ids in moved.items():
                    self.numbers[name] = ids
                    self.maps[name] = self._map_of(name)
                continue
            for name in op.output:
                if name and name in self.t.values:
                    computed.append((index, op, name, self._computed(name)))
        # Backwards: what is not divided is computed by whoever needs it, and
        # who that is the readers tell.
        wanted = self._output_bases()
        for index, op, name, base in reversed(computed):
            self._consider(index, op, name, base, base in wanted)

    def _output_bases(self):
        """The computed tensors that the model's outputs are made of."""
        result = []
        for name in self.t.outputs:
            ids = np.unique(self._numbers(name))
            result += [base for base in self.bases
                       if np.searchsorted(ids, base.first) <
                       np.searchsorted(ids, base.first + base.size)]
        return result

    def _fresh(self, name):
        value = self.t.values[name]
        first = self.bases[-1].first + self.bases[-1].size if self.bases else 0
        size = value.dtype.itemsize
        if value.dtype == np.float16 and name not in self.t.inputs:
            size = HALF_BYTES
        base = Base(name, value.shape, size, first, self.nodes)
        self.bases.append(base)
        self.starts.append(first)
        self.numbers[name] = np.arange(
            first, first + base.size).reshape(value.shape)
        return base

    def _numbers(self, name):
        if name in self.numbers:
            return self.numbers[name]
        return np.full(self.t.shape(name), -1, np.int64)

    def _computed(self, name):
        base = self._fresh(name)
        found = self._map_of(name)
        self.maps[name] = found
        owner = np.full(base.shape, -1, np.int16)
        if found is not None:
            view = np.moveaxis(owner, found[0], 0) if owner.ndim else owner
            for node, channels in enumerate(found[1]):
                view[channels] = node
        base.owner = owner.reshape(-1)
        # What the root makes of the inputs before any contraction (scaling,
        # another layout) is still handing them out.
        base.is_input = name not in self.behind and \
            bool((owner == self.root).all())
        return base

    def _consider(self, index, op, name, base, is_output):
        """What every node that computes some of a tensor needs for it."""
        found = self.maps[name]
        for node in range(self.nodes):
            if found is None:
                if is_output and node == self.root:
                    self._needs(index, op, name, node, _ALL, None)
                elif base.needed[node] is not None:
                    self._needs(index, op, name, node,
                                *_narrowest(base, node))
            elif len(found[1][node]):
                self._needs(index, op, name, node, found[1][node], found[0])

    def _map_of(self, name):
        """The owner map of a tensor, or None: every node has all of it."""
        return self.owners.of(name, len(self.t.shape(name)))

    # -- what one op needs on one node ----------------------------------------

    def _needs(self, index, op, name, node, channels, axis):
        """`channels` of `axis` of the result are the node's; _ALL: it has the
        whole result."""
        t = self.t
        if index in self.contractions:
            self._contraction(self.contractions[index], op, node, channels,
                              axis)
            return
        if op.op_type == "MatMul":
            self._matmul(op, name, node, channels, axis)
            return
        if op.op_type in _REDUCTIONS:
            self._reduction(op, name, node, channels, axis)
            return
        if op.op_type in _WINDOWS:
            keeps = axis is not None and \
                (axis < 2 or op.op_type == "Pad") and \
                t.shape(op.input[0])[axis] == t.shape(name)[axis]
            self._take(op.input[0], node, channels if keeps else _ALL, axis)
            return
        shape = t.shape(name)
        for i in op.input:
            if not i or i in t.constants:
                continue
            if axis is None or not self._broadcasts(i, shape):
                self._take(i, node, _ALL, 0)
                continue
            own = axis - (len(shape) - len(t.shape(i)))
            if own < 0 or t.shape(i)[own] == 1:
                self._take(i, node, _ALL, 0)
            else:
                self._take(i, node, channels, own)

    def _broadcasts(self, name, shape):
        try:
            return np.broadcast_shapes(self.t.shape(name), shape) == shape
        except ValueError:
            return False

    def _contraction(self, c, op, node, channels, axis):
        reads = c.reads()
        if c.key in self.allowed:
            reads = reads & self.allowed[c.key]
        if channels is not _ALL and axis == c.y_axis:
            reads = reads[channels]
        self._take(c.x, node, np.flatnonzero(reads.any(axis=0)), c.x_axis)
        for i in op.input[2:]:
            if i and i not in self.t.constants:
                self._take(i, node, channels if len(self.t.shape(i)) == 2
                           else _ALL, 1)

    def _matmul(self, op, name, node, channels, axis):
        """Neither factor is constant: attention."""
        rank = len(self.t.shape(name))
        for slot, i in enumerate(op.input[:2]):
            if i in self.t.constants:
                continue
            own_rank = len(self.t.shape(i))
            if axis is None or channels is _ALL:
                self._take(i, node, _ALL, 0)
            elif axis < rank - 2:
                own = axis - (rank - own_rank)
                whole = own < 0 or self.t.shape(i)[own] == 1
                self._take(i, node, _ALL if whole else channels, max(own, 0))
            elif axis == rank - 2 + slot:
                self._take(i, node, channels, own_rank - 2 + slot)
            else:
                self._take(i, node, _ALL, 0)

    def _reduced_axes(self, op, rank):
        a = graph.attributes(op)
        kind = op.op_type
        if kind in ("Softmax", "LogSoftmax", "Hardmax"):
            old = self.t.opset() < 13
            axis = a.get("axis", 1 if old else -1) % rank
            return set(range(axis, rank)) if old else {axis}
        if kind == "LayerNormalization":
            return set(range(a.get("axis", -1) % rank, rank))
        if kind in ("ArgMax", "ArgMin"):
            return {a.get("axis", 0) % rank}
        axes = a.get("axes")
        if axes is None and len(op.input) > 1 and op.input[1]:
            axes = [int(v) for v in self.t.values[op.input[1]].reshape(-1)]
        if axes is None and kind == "MeanVarianceNormalization":
            axes = [0, 2, 3]
        return {v % rank for v in axes} if axes else set(range(rank))

    def _reduction(self, op, name, node, channels, axis):
        x = op.input[0]
        shape, rank = self.t.shape(x), len(self.t.shape(x))
        reduced = self._reduced_axes(op, rank)
        kept = [k for k in range(rank) if k not in reduced]
        own = axis
        if axis is not None and len(self.t.shape(name)) != rank:
            own = kept[axis] if axis < len(kept) else None
        source = self._map_behind(x)
        if own is None and source is not None and source[0] in reduced and \
                op.op_type.startswith("Reduce"):
            # Everybody computes it, of what each owner adds up.
            self._statistic(op, x, node, source, reduced)
        elif own is None:
            self._take(x, node, _ALL, 0)
        elif own not in reduced:
            self._take(x, node, channels, own)
        elif len(channels) == shape[own]:
            self._take(x, node, _ALL, 0)
        else:
            if source is None or source[0] != own:
                self._take(x, node, _ALL, 0)
            else:
                self._statistic(op, x, node, source, reduced)

    def _map_behind(self, name):
        """The owner map of a tensor, or, where none is stated, of what it is
        computed from element by element."""
        while self.maps.get(name) is None and name in self.t.producer:
            op = self.t.ops[self.t.producer[name]]
            before = [i for i in op.input if i and i not in self.t.constants
                      and self.t.shape(i) == self.t.shape(name)]
            if op.op_type not in mask_files.FUSABLE or not before:
                return None
            name = before[0]
        return self.maps.get(name)

    def _statistic(self, op, x, node, source, reduced):
        """The node has some of what is reduced over: every other owner of
        some sends a number a row instead of its features, or two (a mean and
        a variance, a maximum and a sum)."""
        shape = self.t.shape(x)
        rows = int(np.prod([d for k, d in enumerate(shape)
                            if k not in reduced], dtype=np.int64))
        dtype = self.t.values[x].dtype
        size = HALF_BYTES if dtype == np.float16 else dtype.itemsize
        numbers = 1 if op.op_type.startswith("Reduce") else 2
        for p, own in enumerate(source[1]):
            if p != node and len(own):
                self.statistics[p, node] += numbers * rows * size
        self.notes.append(f"{graph.op_key(op)}: reduces over the divided axis")

    def _take(self, name, node, channels, axis):
        """The node needs these channels of a tensor, all their elements."""
        if name in self.t.constants or not name:
            return
        divided = self.maps.get(name)
        if divided is not None and divided[0] != axis:
            channels = _ALL     # rows of a channel: the whole feature
        ids = self._numbers(name)
        if channels is not _ALL and ids.ndim:
            ids = np.take(ids, channels, axis=axis)
        ids = np.sort(ids, axis=None)
        ids = ids[np.searchsorted(ids, 0):]
        while len(ids):
            base, part, ids = self._first_base(ids)
            base.need(node)[part] = True

    # -- the answer ----------------------------------------------------------

    def result(self):
        n = self.nodes
        features = np.zeros((n, n), np.int64)
        values = np.zeros((n, n), np.int64)
        into = np.zeros((n, n), np.int64)
        for base in self.bases:
            for q in range(n):
                if base.needed[q] is None:
                    continue
                owner = base.owner[base.needed[q]]
                counts = np.bincount(owner[owner >= 0], minlength=n)[:n]
                counts[q] = 0
                if base.is_input:
                    into[:, q] += counts * base.itemsize
                else:
                    features[:, q] += counts * base.itemsize
                    values[:, q] += counts
        out = self._gathered()
        return {
            "nodes": n,
            "payload": _pairs(features), "values": int(values.sum()),
            "payload_total": int(features.sum()),
            "statistics": _pairs(self.statistics),
            "root": {"in": _pairs(into), "out": _pairs(out)},
            "notes": self.notes,
        }

    def _gathered(self):
        """What is handed in to the root: of each output the features that it
        does not have whole, whole. A feature of which it got a part for an op
        of its own (one token of an encoder's result, for the pooler) is
        handed in like the others."""
        handed = {}
        for name in self.t.outputs:
            ids = self._lacking(name)
            while len(ids):
                base, part, ids = self._first_base(ids)
                if not base.is_input:
                    handed.setdefault(base, np.zeros(base.size, bool))[
                        part] = True
        result = np.zeros((self.nodes, self.nodes), np.int64)
        for base, marked in handed.items():
            owner = base.owner[marked]
            counts = np.bincount(owner[owner >= 0],
                                 minlength=self.nodes)[:self.nodes]
            counts[self.root] = 0
            # An output of the model is rounded before it is handed in.
            size = self.t.values[base.name].dtype.itemsize \
                if base.name in self.t.outputs else base.itemsize
            result[:, self.root] += counts * size
        return result

    def _lacking(self, name):
        """The element numbers, sorted, of the features of an output that the
        root has not got whole; where it is not divided, of the elements."""
        ids = self._numbers(name)
        divided = self.maps.get(name)
        if divided is not None and ids.ndim:
            ids = np.moveaxis(ids, divided[0], 0)
            ids = ids.reshape(ids.shape[0], -1)
        else:
            ids = ids.reshape(-1, 1)
        lacks = np.zeros(ids.shape, bool)
        at = np.searchsorted(self.starts, ids, side="right") - 1
        for k in np.unique(at[ids >= 0]):
            base, inside = self.bases[k], (ids >= 0) & (at == k)
            has = (base.owner < 0) | (base.owner == self.root)
            if base.needed[self.root] is not None:
                has |= base.needed[self.root]
            lacks[inside] = ~has[ids[inside] - base.first]
        ids = np.unique(ids[lacks.any(axis=1)])
        return ids[np.searchsorted(ids, 0):]

    def _first_base(self, ids):
        """(base of the first of these sorted numbers, those of it counted
        from its own first, the other numbers)"""
        at = int(np.searchsorted(self.starts, ids[0], side="right")) - 1
        base = self.bases[at]
        stop = int(np.searchsorted(ids, base.first + base.size))
        return base, ids[:stop] - base.first, ids[stop:]


def _narrowest(base, node):
    """(channels, axis) that hold all that a node needs of a tensor, along the
    axis on which that is the smallest part; (_ALL, None) if no axis helps."""
    needed = base.needed[node].reshape(base.shape)
    best, found = 1.0, (_ALL, None)
    for axis in range(needed.ndim):
        others = tuple(k for k in range(needed.ndim) if k != axis)
        channels = np.flatnonzero(needed.any(axis=others))
        if len(channels) < best * base.shape[axis]:
            best = len(channels) / base.shape[axis]
            found = channels, axis
    return found


def _pairs(matrix):
    return [{"from": p, "to": q, "bytes": int(matrix[p, q])}
            for p in range(len(matrix)) for q in range(len(matrix))
            if matrix[p, q]]


def least(traced, owners, mask_document=None):
    """The answer as a dictionary; see the top of this file."""
    return LeastTraffic(traced, owners, mask_document).result()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", metavar="MODEL")
    parser.add_argument("--owners", required=True)
    parser.add_argument("--masks")
    parser.add_argument("--input-shape", action="append", default=[],
                        metavar="NAME=1x3x8x8")
    a = parser.parse_args()
    shapes = {n: [int(d) for d in s.split("x")] for n, s in
              (item.rsplit("=", 1) for item in a.input_shape)}
    traced = graph.Traced(graph.load(a.source), shapes=shapes)
    document = None
    if a.masks:
        with open(a.masks, encoding="utf-8") as stream:
            document = json.load(stream)
    print(json.dumps(least(traced, mask_files.Owners.load(a.owners),
                           document), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
