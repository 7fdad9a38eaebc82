# SPDX-License-Identifier: Apache-2.0
"""Reduced cases that the fuzzer found, each once a fault: run with the tests
(`fuzz.py --finds`)."""

import numpy as np
import onnx
from google.protobuf import text_format
from onnx import helper

import builder
import case as case_files
import graph


class Find:
    """`inputs`, `weights`: a shape for random floats, or (type, list); `zeros`: of a
    weight, rows of 0 and 1, its first two axes: what is zero. `owners`:
    {tensor: (axis, sets)}; `kind`: the verdict that is right."""

    def __init__(self, name, nodes, opset, inputs, ops, outputs, weights=None,
                 zeros=None, owners=None, root=None, extra=(),
                 kind="passed"):
        self.name, self.nodes, self.opset = name, nodes, opset
        self.inputs, self.ops, self.outputs = inputs, ops, outputs
        self.weights, self.zeros = weights or {}, zeros or {}
        self.owners, self.root, self.kind = owners, root, kind
        self.extra = list(extra)

    def case(self):
        rng = np.random.default_rng(5)
        feeds = {n: np.array(s[1], s[0]) if s and isinstance(s[0], str) else
                 rng.standard_normal(s).astype(np.float32)
                 for n, s in self.inputs.items()}
        weights = {}
        for name, what in self.weights.items():
            if what and isinstance(what[0], str):
                weights[name] = np.array(what[1], what[0])
            else:
                weights[name] = (rng.standard_normal(what) / np.sqrt(
                    np.prod(what[1:] or 1))).astype(np.float32)
        for name, rows in self.zeros.items():
            for k, row in enumerate(rows):
                for j, bit in enumerate(row):
                    if bit == "0":
                        weights[name][k, j] = 0
        nodes = [helper.make_node(kind, x.split(" "), y.split(" "),
                                  name=f"{kind}{k}", **_read(attributes))
                 for k, (kind, x, y, attributes) in enumerate(self.ops)]
        loose = builder.make_model(
            nodes, feeds, weights, {n: np.zeros((), np.float32)
                                    for n in self.outputs}, self.opset)
        for o in loose.graph.output:
            o.ClearField("type")
        values = graph.trace(loose, feeds)
        model = builder.make_model(
            nodes, feeds, weights, {n: values[n] for n in self.outputs},
            self.opset)
        result = case_files.Case(self.name, model, feeds, self.nodes)
        result.root, result.kind = self.root, self.kind
        result.extra = self.extra
        if self.owners:
            result.owners = {
                "format": "discoc-owners", "version": 1, "nodes": self.nodes,
                "tensors": {n: {"axis": axis, "owners": sets}
                            for n, (axis, sets) in self.owners.items()}}
        return result


def _written(value):
    """An attribute as Python; a loop's body as ("graph", text)."""
    if isinstance(value, onnx.GraphProto):
        return "graph", text_format.MessageToString(value, as_one_line=True)
    return value.decode() if isinstance(value, bytes) else value


def _read(attributes):
    return {k: text_format.Parse(v[1], onnx.GraphProto())
            if isinstance(v, tuple) and v[0] == "graph" else v
            for k, v in attributes.items()}


def _weight(array):
    # Short ones may be scales.
    if array.dtype == np.float32 and array.ndim and (
            array.ndim > 1 or array.size > 6):
        return repr(tuple(array.shape))
    return f"({str(array.dtype)!r}, {array.tolist()!r})"


def _zeros(array):
    if array.dtype != np.float32 or array.ndim < 2:
        return None
    block = (array == 0).all(axis=tuple(range(2, array.ndim)))
    return ["".join("0" if z else "1" for z in row) for row in block] \
        if block.any() else None


def as_python(case, verdict):
    """A case as an entry of FINDS: floats are drawn anew, other constants and
    zeros of the weights are written out."""
    model = case.model
    weights = graph.initialisers(model)
    lines = [f"    # {line}" for line in verdict.splitlines()[:3]]
    lines.append(f"    Find({case.name!r}, {case.nodes}, "
                 f"{model.opset_import[0].version},")
    inputs = ", ".join(f"{n!r}: {_weight(v)}" for n, v in case.feeds.items())
    lines.append(f"         {{{inputs}}}, [")
    for op in model.graph.node:
        lines.append(f"             ({op.op_type!r}, {' '.join(op.input)!r}, "
                     f"{' '.join(op.output)!r},")
        attributes = {k: _written(v) for k, v in graph.attributes(op).items()}
        if op.domain:  # an argument of make_node
            attributes["domain"] = op.domain
        lines.append(f"              {attributes!r}),")
    lines.append(f"         ], {[o.name for o in model.graph.output]!r},")
    lines.append("         weights={" + ", ".join(
        f"{n!r}: {_weight(w)}" for n, w in weights.items()) + "},")
    zeros = {n: _zeros(w) for n, w in weights.items() if _zeros(w)}
    if zeros:
        lines.append(f"         zeros={zeros!r},")
    if case.owners:
        owners = {n: (e["axis"], e["owners"])
                  for n, e in case.owners["tensors"].items()}
        lines.append(f"         owners={owners!r},")
    if case.root is not None:
        lines.append(f"         root={case.root!r},")
    if case.extra:
        lines.append(f"         extra={case.extra!r},")
    lines[-1] = lines[-1].rstrip(",") + "),"
    if case.masks:
        lines.append(f"    # masks were stated: {case.masks['masks']!r}")
    return "\n".join(lines) + "\n"


FINDS = (
    # A grouped convolution took the owners of another axis for its channels.
    Find("grouped_reads_rows", 1, 13, {"x": (1, 9, 2)}, [
        ("MatMul", "x v", "z", {}),
        ("Conv", "z w", "y", {"group": 9, "kernel_shape": [3]})],
        ["y"], weights={"v": (2, 3), "w": (27, 1, 3)}),
    # A softmax of an input was to be divided along the axis it runs over.
    Find("softmax_of_input_3", 2, 19, {"x": (1, 4)},
         [("Softmax", "x", "z", {"axis": 1}), ("Selu", "z", "y", {})], ["y"]),
    Find("softmax_of_input_4", 3, 13, {"x": (1, 7, 5)},
         [("Softmax", "x", "z", {"axis": 1}), ("MatMul", "z w", "y", {})],
         ["y"], weights={"w": (5, 6)}),
    # A stated map of a softmax became that of the model's input.
    Find("softmax_of_input", 7, 9, {"x": (1, 2, 1, 1, 1)},
         [("Softmax", "x", "y", {"axis": 0})], ["y"],
         owners={"y": (1, [[0], [], [1], [], [], [], []])}, kind="declined"),
    Find("softmax_of_input_2", 3, 13, {"x": (1, 7, 4)},
         [("Softmax", "x", "y", {"axis": 1})], ["y"],
         owners={"y": (1, [[0, 5], [2], [1, 3, 4, 6]])}, kind="declined"),
    # A single position of pytorch_half_pixel is 0, not -0.5.
    Find("resize_to_one", 1, 11, {"x": (1, 1, 2, 4)}, [
        ("Resize", "x r s", "y",
         {"coordinate_transformation_mode": "pytorch_half_pixel",
          "mode": "cubic"})], ["y"],
         weights={"s": ("float32", [1.0, 1.0, 0.5, 3.0]),
                  "r": ("float32", [])}),
    Find("resize_to_one_of_three", 2, 13, {"x": (1, 2, 3, 4)}, [
        ("Resize", "x  s", "y",
         {"coordinate_transformation_mode": "pytorch_half_pixel",
          "mode": "linear"})], ["y"],
         weights={"s": ("float32", [1.0, 1.0, 0.5, 0.5])}),
    # Half way in exact arithmetic, and not in floats.
    *(Find(f"resize_half_way_{i}", 2, 13, {"x": (1, 2, before)}, [
        ("Resize", "x   s", "y",
         {"coordinate_transformation_mode": place, "mode": "nearest",
          "nearest_mode": nearest})], ["y"],
        weights={"s": ("int64", [1, 2, after])})
      for i, (before, after, place, nearest) in enumerate([
          (14, 1, "half_pixel", "round_prefer_ceil"),
          (14, 19, "half_pixel", "round_prefer_floor"),
          (7, 2, "asymmetric", "round_prefer_ceil"),
          (11, 26, "asymmetric", "round_prefer_floor"),
          (28, 62, "half_pixel", "round_prefer_floor")])),
    # Beyond the border each of a cubic's pixels is that of the border.
    Find("cubic_border", 1, 20, {"x": (1, 1, 2, 2)}, [
        ("GridSample", "x g", "y", {"align_corners": 1, "mode": "cubic",
                                    "padding_mode": "border"})], ["y"],
         weights={"g": ("float32", [[[[0.04346102, -1.0120428]]]])}),
    Find("bicubic_border", 2, 16, {"x": (1, 2, 3, 2)}, [
        ("GridSample", "x g", "y", {"align_corners": 0, "mode": "bicubic",
                                    "padding_mode": "border"})], ["y"],
         weights={"g": ("float32", [[[[0.22, -1.4], [-9.0, 0.3]]]])}),
    # No order that was tried packed its buffers well: it was refused.
    Find("arena_of_few", 2, 19, {"x": (1, 10, 6, 3)}, [
        ("Abs", "x", "a", {}), ("Sqrt", "a", "b", {}),
        ("GatherElements", "b i", "y", {"axis": -2}),
        ("ArgMax", "b", "c", {"axis": 0, "keepdims": 0}),
        ("Gather", "w c", "z", {"axis": 0})], ["y", "z", "a"],
         weights={"w": (1, 1), "i": ("int64", [[[[k % 6, (k + 4) % 6, 5 - k % 6]]
                                                for k in range(10)]])}),
    # Pads crop all, and make a border of the size.
    Find("pad_of_nothing", 2, 16, {"x": (1, 1, 2), "z": (1, 1, 5)}, [
        ("Pad", "x p", "c", {"mode": "constant"}), ("Add", "c z", "y", {})],
         ["y", "c"], weights={"p": ("int64", [0, -1, 2, 0, 1, 1])}),
    # Computed tensors without an element.
    Find("sum_of_nothing", 2, 13, {"x": (1, 4, 2)}, [
        ("Slice", "x s s a", "e", {}),
        ("ReduceSum", "e a", "y", {"keepdims": 0})], ["y"],
         weights={"s": ("int64", [0]), "a": ("int64", [1])}),
    Find("nothing_beside", 3, 13, {"x": (1, 4, 3)}, [
        ("MatMul", "x w", "t", {}), ("Slice", "t s s a", "e", {}),
        ("Concat", "e t", "y", {"axis": 1})], ["y"],
         weights={"w": (3, 6), "s": ("int64", [0]), "a": ("int64", [1])}),
    # Of one signal without a batch no dimension is left beside it.
    Find("transform_of_one", 1, 23, {"x": (1, 1)}, [
        ("DFT", "x  a", "y", {"onesided": 0})], ["y"],
         weights={"a": ("int64", 0)}),
    # What travels before it is normalised is handed in as it is, too.
    Find("raw_in_front", 2, 11, {"h": (1, 4, 1, 1), "x": (1, 1, 6),
                                 "i": (1, 1, 6, 6)}, [
        ("MatMul", "i w", "a", {}), ("Less", "a c", "l", {}),
        ("Cast", "l", "t", {"to": 1}), ("Concat", "x t a", "y", {"axis": 0}),
        ("ReduceMean", "t", "m", {"axes": [-1], "keepdims": 1}),
        ("Add", "m e", "m1", {}), ("Sqrt", "m1", "s", {}),
        ("Div", "t s", "n", {}), ("Mul", "n g", "n1", {}),
        ("Add", "n1 b", "n2", {}), ("MatMul", "n2 v", "q", {}),
        ("Reshape", "q r", "q1", {}),
        ("Transpose", "q1", "q2", {"perm": [0, 2, 1, 3]}),
        ("MatMul", "h q2", "k", {}),
        ("Transpose", "k", "k1", {"perm": [0, 2, 1, 3]}),
        ("Reshape", "k1 f", "k2", {}), ("MatMul", "k2 u", "o", {}),
        ("Add", "t o", "z", {})], ["y", "z"],
         weights={"w": (6,), "c": ("float32", 0.36), "e": ("float32", 0.01),
                  "g": ("float32", [0.4, 0.3, 0.7, -0.9, 0.2, -0.7]),
                  "b": ("float32", [0.2, -0.2, 0, 0.4, -1.5, 0]),
                  "v": (6, 8), "r": ("int64", [1, 1, 4, 2]),
                  "f": ("int64", [1, 1, 8]), "u": (8, 6)}),
)


def cases():
    return [find.case() for find in FINDS]
