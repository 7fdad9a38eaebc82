# SPDX-License-Identifier: Apache-2.0
"""Random masks for a model: the mask file, and the model with those weights
zeroed, which is what ONNX Runtime is given.

Drawn once a tensor and ordered pair of nodes, shared by all readers of the
tensor: floor(density * |I_p|) channels. Every contraction has masks but those
that read the model's input and those that mix no channels (depthwise).

    masks.py MODEL --owners F --seed S --masks OUT.json --model OUT.onnx
"""

import argparse
import copy
import json
import os
import sys

import numpy as np
from onnx import numpy_helper

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import contractions as con  # noqa: E402
import graph  # noqa: E402


# What compilers fuse with what is before it.
FUSABLE = {"BatchNormalization", "Relu", "Clip", "Sigmoid", "HardSigmoid",
           "HardSwish", "Tanh", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu",
           "Softplus", "Softsign", "Gelu", "Erf", "Add", "Sub", "Mul", "Div",
           "Max", "Min", "Pow", "Identity", "Dropout", "Cast", "Sum", "Exp",
           "ThresholdedRelu", "Mish", "Sqrt", "Abs", "Neg"}
WINDOWS = {"MaxPool", "AveragePool", "LpPool", "GlobalAveragePool",
           "GlobalMaxPool", "GlobalLpPool", "InstanceNormalization",
           "Resize", "Upsample", "Pad", "BatchNormalization"}


def expand(ranges):
    """[[0, 3], 7] -> [0, 1, 2, 3, 7]: an index set as the files write it."""
    result = []
    for item in ranges:
        if isinstance(item, int):
            result.append(item)
        else:
            result.extend(range(item[0], item[1] + 1))
    return result


class Owners:
    """An owners file: maps[tensor] = (axis, [index array of each node])."""

    def __init__(self, document):
        if document.get("format") != "discoc-owners":
            raise ValueError("not an owners file")
        self.nodes = document["nodes"]
        self.owner_map = document.get("owner_map", 1)
        self.maps = {}
        for name, entry in document["tensors"].items():
            if "owners" not in entry:
                continue
            sets = [np.array(expand(s), int) for s in entry["owners"]]
            self.maps[name] = (entry["axis"], sets)
        self.stated = set(self.maps)

    @classmethod
    def load(cls, path):
        with open(path, encoding="utf-8") as stream:
            return cls(json.load(stream))

    def follow(self, traced):
        """Finds the maps of tensors that are fused away: a convolution's own
        result is not in the file when only its activation's is. Element-wise
        ops of the same shape tie the two."""
        readers = {}
        for op in traced.ops:
            if op.op_type in FUSABLE:
                for name in op.input:
                    readers.setdefault(name, []).extend(op.output[:1])
        for name in list(traced.values):
            seen, queue = {name}, [name]
            while queue and name not in self.maps:
                here = queue.pop(0)
                for after in readers.get(here, ()):
                    if after in seen or \
                            traced.shape(after) != traced.shape(name):
                        continue
                    if after in self.stated:
                        self.maps[name] = self.maps[after]
                        break
                    seen.add(after)
                    queue.append(after)
        return self

    def of(self, name, rank):
        """(axis from the front, index sets), or None."""
        found = self.maps.get(name)
        if found is None:
            return None
        axis, sets = found
        return axis % rank if rank else 0, sets


def even_owners(traced, nodes):
    """Contiguous, as equal as can be, for both ends of every contraction and
    what follows from them: for tests of the tests, where no compiler is
    asked."""
    tensors = {}
    for c in con.contractions(traced):
        for name, axis, count in ((c.x, c.x_axis, c.inputs),
                                  (c.y, c.y_axis, c.outputs)):
            cuts = [count * k // nodes for k in range(nodes + 1)]
            tensors.setdefault(name, {"axis": axis, "owners": [
                [[a, b - 1]] if b > a else []
                for a, b in zip(cuts, cuts[1:])]})
    for op in traced.ops:
        for x in op.input:
            if x in tensors and op.output[0] not in tensors and \
                    len(traced.shape(x)) == len(traced.shape(op.output[0])) \
                    and traced.shape(x)[:2] == traced.shape(op.output[0])[:2] \
                    and op.op_type in FUSABLE | WINDOWS:
                tensors[op.output[0]] = tensors[x]
    return {"format": "discoc-owners", "version": 1, "nodes": nodes,
            "tensors": tensors}


def draw(traced, owners, density=0.2, seed=0):
    """Returns (mask entries of the file, [(contraction, outs, channels to
    zero)], keys of contractions left alone and why)."""
    found = con.contractions(traced)
    owners.follow(traced)
    behind = con.behind_a_contraction(traced, found)
    rng = np.random.default_rng(seed)
    drawn, entries, zeroed, skipped = {}, [], [], {}
    for c in found:
        if c.x not in behind:
            skipped[c.key] = "reads the model's input"
            continue
        if c.depthwise:
            skipped[c.key] = "mixes no channels"
            continue
        ins = owners.of(c.x, len(traced.shape(c.x)))
        outs = owners.of(c.y, len(traced.shape(c.y)))
        if not ins or not outs or ins[0] != c.x_axis or outs[0] != c.y_axis:
            skipped[c.key] = "its channels are not divided"
            continue
        for p in range(owners.nodes):
            for q in range(owners.nodes):
                if p == q:
                    continue
                have = ins[1][p]
                if (c.x, p, q) not in drawn:
                    count = int(np.floor(density * len(have) + 1e-9))
                    drawn[c.x, p, q] = np.sort(
                        rng.choice(have, count, replace=False))
                keep = drawn[c.x, p, q]
                if not len(have) or not len(outs[1][q]):
                    continue
                entries.append({"op": c.key, "from": p, "to": q,
                                "channels": [int(k) for k in keep]})
                zeroed.append((c, outs[1][q], np.setdiff1d(have, keep)))
    return entries, zeroed, skipped


def mask_document(entries, nodes, owner_map=1):
    document = {"format": "discoc-masks", "version": 1, "nodes": nodes,
                "apply": "zero", "masks": entries}
    if owner_map != 1:
        document["owner_map"] = owner_map
    return document


def zeroed_model(traced, zeroed):
    """The model with the weights that the masks forbid set to zero. Each
    contraction gets a weight of its own: shared ones may be masked apart."""
    model = copy.deepcopy(traced.model)
    weights = {}
    for c, outs, channels in zeroed:
        if c.index not in weights:
            weights[c.index] = (c, np.array(c.weight))
        c.zero(weights[c.index][1], outs, channels)
    for index, (c, weight) in weights.items():
        name = f"{c.w}.masked.{index}"
        model.graph.initializer.append(numpy_helper.from_array(weight, name))
        model.graph.node[index].input[c.w_slot] = name
    used = {i for op in model.graph.node for i in op.input}
    used |= {o.name for o in model.graph.output}
    kept = [i for i in model.graph.initializer if i.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", metavar="MODEL")
    parser.add_argument("--owners", required=True)
    parser.add_argument("--density", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--input-shape", action="append", default=[],
                        metavar="NAME=1x3x8x8")
    parser.add_argument("--masks", help="the mask file to write")
    parser.add_argument("--model", help="the ONNX file to write")
    a = parser.parse_args()
    shapes = {n: [int(d) for d in s.split("x")] for n, s in
              (item.rsplit("=", 1) for item in a.input_shape)}
    traced = graph.Traced(graph.load(a.source), shapes=shapes)
    owners = Owners.load(a.owners)
    entries, zeroed, skipped = draw(traced, owners, a.density, a.seed)
    if a.masks:
        with open(a.masks, "w", encoding="utf-8") as stream:
            json.dump(mask_document(entries, owners.nodes, owners.owner_map),
                      stream)
    if a.model:
        with open(a.model, "wb") as stream:
            stream.write(zeroed_model(traced, zeroed).SerializeToString())
    for key, why in skipped.items():
        print(f"{key}: no mask: {why}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
