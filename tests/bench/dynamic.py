# SPDX-License-Identifier: Apache-2.0
"""What dynamically quantised networks store and exchange, from report.json:
YOLOv8n with seeded weights, its convolutions as ONNX Runtime's
quantize_dynamic writes them (ConvInteger behind DynamicQuantizeLinear), and
files that are dynamically quantised already.

"as doubles" is what the same division takes where each weight of an integer
contraction and each quantised feature has eight bytes, as before they were
kept as integers.

    dynamic.py [--nodes 1,2,3] [--side 640] [--keep FILE] [FILE.onnx ...]
"""

import argparse
import os
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
sys.path.insert(0, os.path.join(HERE, "..", "end_to_end"))
import cluster  # noqa: E402
import discoc  # noqa: E402
import seeded  # noqa: E402


class Yolo(seeded.Graph):
    """YOLOv8's blocks, of width n."""

    def numbers(self, *values):
        return self.constant(np.array(values, np.int64))

    def plain(self, x, inputs, outputs, kernel=1, stride=1):
        return self.op("Conv", x,
                       self.weights(outputs, inputs, kernel, kernel),
                       self.weights(outputs), pads=[kernel // 2] * 4,
                       strides=[stride] * 2)

    def conv(self, x, inputs, outputs, kernel=1, stride=1):
        y = self.plain(x, inputs, outputs, kernel, stride)
        return self.op("Mul", y, self.op("Sigmoid", y))

    def part(self, x, axis, start, end):
        return self.op("Slice", x, self.numbers(start), self.numbers(end),
                       self.numbers(axis))

    def c2f(self, x, inputs, outputs, count, shortcut=True):
        half = outputs // 2
        y = self.conv(x, inputs, outputs)
        parts = [self.part(y, 1, 0, half), self.part(y, 1, half, outputs)]
        for _ in range(count):
            y = self.conv(self.conv(parts[-1], half, half, 3), half, half, 3)
            parts.append(self.op("Add", parts[-1], y) if shortcut else y)
        return self.conv(self.op("Concat", *parts, axis=1),
                         half * (2 + count), outputs)

    def pooled(self, x, width):
        parts = [self.conv(x, width, width // 2)]
        for _ in range(3):
            parts.append(self.op("MaxPool", parts[-1], kernel_shape=[5, 5],
                                 pads=[2] * 4))
        return self.conv(self.op("Concat", *parts, axis=1), 2 * width, width)

    def doubled(self, x):
        return self.op("Resize", x, "", self.constant(
            np.array([1, 1, 2, 2], np.float32)), mode="nearest",
            coordinate_transformation_mode="asymmetric", nearest_mode="floor")

    def joined(self, *parts):
        return self.op("Concat", *parts, axis=1)

    def branch(self, x, inputs, width, outputs):
        y = self.conv(self.conv(x, inputs, width, 3), width, width, 3)
        return self.plain(y, width, outputs)


def yolov8n(side=640, classes=80, seed=8):
    g = Yolo(seed)
    x = g.conv(g.conv("images", 3, 16, 3, 2), 16, 32, 3, 2)
    x = g.conv(g.c2f(x, 32, 32, 1), 32, 64, 3, 2)
    p3 = g.c2f(x, 64, 64, 2)
    p4 = g.c2f(g.conv(p3, 64, 128, 3, 2), 128, 128, 2)
    p5 = g.c2f(g.conv(p4, 128, 256, 3, 2), 256, 256, 1)
    p5 = g.pooled(p5, 256)
    n4 = g.c2f(g.joined(g.doubled(p5), p4), 384, 128, 1, False)
    n3 = g.c2f(g.joined(g.doubled(n4), p3), 192, 64, 1, False)
    m4 = g.c2f(g.joined(g.conv(n3, 64, 64, 3, 2), n4), 192, 128, 1, False)
    m5 = g.c2f(g.joined(g.conv(m4, 128, 128, 3, 2), p5), 384, 256, 1, False)
    heads, anchors = [], sum((side // s) ** 2 for s in (8, 16, 32))
    for x, width in ((n3, 64), (m4, 128), (m5, 256)):
        y = g.joined(g.branch(x, width, 64, 64),
                     g.branch(x, width, 80, classes))
        heads.append(g.reshape(y, 1, 64 + classes, -1))
    y = g.op("Concat", *heads, axis=2)
    boxes = g.op("Transpose", g.reshape(g.part(y, 1, 0, 64), 1, 4, 16, anchors),
                 perm=[0, 2, 1, 3])
    boxes = g.op("Conv", g.op("Softmax", boxes, axis=1), g.constant(
        np.arange(16, dtype=np.float32).reshape(1, 16, 1, 1)))
    scores = g.op("Sigmoid", g.part(y, 1, 64, 64 + classes))
    out = g.joined(g.reshape(boxes, 1, 4, anchors), scores)
    return g.model({"images": [1, 3, side, side]},
                   {out: [1, 4 + classes, anchors]})


def _integer_conv(op, weights, made):
    """Ops instead of a Conv, and their constants; `made` has the inputs that
    are quantised already."""
    low, high = min(weights.min(), 0), max(weights.max(), 0)
    scale = np.float32((high - low) / 255)
    zero = np.uint8(np.rint(-low / scale))
    name, x = op.output[0], op.input[0]
    constants = {"/w": np.clip(np.rint(weights / scale) + zero, 0, 255)
                 .astype(np.uint8), "/w_scale": scale, "/w_zero": zero}
    ops = [] if x in made else [helper.make_node(
        "DynamicQuantizeLinear", [x], [x + "/q", x + "/s", x + "/z"])]
    made.add(x)
    ops.append(helper.make_node(
        "ConvInteger", [x + "/q", name + "/w", x + "/z", name + "/w_zero"],
        [name + "/sum"]))
    ops[-1].attribute.extend(op.attribute)
    ops += [helper.make_node("Cast", [name + "/sum"], [name + "/f"],
                             to=TensorProto.FLOAT),
            helper.make_node("Mul", [x + "/s", name + "/w_scale"],
                             [name + "/s2"])]
    biased = len(op.input) > 2
    ops.append(helper.make_node("Mul", [name + "/f", name + "/s2"],
                                [name + "/scaled" if biased else name]))
    if biased:
        ops.append(helper.make_node(
            "Add", [name + "/scaled", op.input[2] + "/4d"], [name]))
    return ops, {name + key: value for key, value in constants.items()}


def quantised(model):
    """The model as quantize_dynamic would write it."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    del result.graph.node[:], result.graph.initializer[:]
    values = {i.name: numpy_helper.to_array(i)
              for i in model.graph.initializer}
    made = set()
    for op in model.graph.node:
        if op.op_type != "Conv":
            result.graph.node.append(op)
            continue
        ops, constants = _integer_conv(op, values.pop(op.input[1]), made)
        result.graph.node.extend(ops)
        values.update(constants)
        if len(op.input) > 2:
            values[op.input[2] + "/4d"] = values.pop(
                op.input[2]).reshape(1, -1, 1, 1)
    result.graph.initializer.extend(
        numpy_helper.from_array(value, name)
        for name, value in values.items())
    return result


def integer_weights(model):
    """Elements of the constant operands of integer contractions."""
    sizes = {i.name: int(np.prod(i.dims)) for i in model.graph.initializer}
    return sum(sizes.get(op.input[1], 0) for op in model.graph.node
               if op.op_type in ("ConvInteger", "MatMulInteger"))


def megabytes(count):
    return f"{count / 1e6:.3g} MB"


def rows(path, counts, shapes, folder):
    name = os.path.splitext(os.path.basename(path))[0]
    elements = integer_weights(onnx.load(path))
    for nodes in counts:
        out = os.path.join(folder, f"{name}.{nodes}")
        discoc.compile(path, nodes, out, shapes=shapes)
        report = cluster.load_json(os.path.join(out, "report.json"))
        stored = sum(n["weight_bytes"] for n in report["nodes"])
        exchanged = report["cluster"]["exchanged"]["bytes"]
        print(f"| {name} | {nodes} | {megabytes(os.path.getsize(path))} | "
              f"{megabytes(stored + 7 * elements)} | {megabytes(stored)} | "
              f"{megabytes(8 * exchanged)} | {megabytes(exchanged)} |")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("models", nargs="*")
    parser.add_argument("--nodes", default="1,2,3")
    parser.add_argument("--side", type=int, default=640)
    parser.add_argument("--keep", help="the seeded network is written here")
    a = parser.parse_args()
    discoc.need_compiler()
    counts = [int(n) for n in a.nodes.split(",")]
    print("| model | N | file | weights as doubles | weights | sent as doubles"
          " | sent |\n| --- |" + " ---: |" * 6)
    with tempfile.TemporaryDirectory() as folder:
        path = a.keep or os.path.join(folder, "yolov8n_dynamic.onnx")
        onnx.save(quantised(yolov8n(a.side)), path)
        for model in [path, *a.models]:
            rows(model, counts, {}, folder)


if __name__ == "__main__":
    sys.exit(main())
