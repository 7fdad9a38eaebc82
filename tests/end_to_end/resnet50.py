# SPDX-License-Identifier: Apache-2.0
"""ResNet-50 at full size, N = 2: what is stored, and what crosses.

The network of torchvision, built here with seeded weights, so that PyTorch is
not needed. Dense, the nodes exchange what a gather of every contraction's
input exchanges: 8,908,288 values, as features; with partial sums where these
are fewer, what the sizes of its layers say, counted here by hand. With random masks of density 0.2 they
exchange at most a fifth of that, each node stores at most 0.305 of the
contractions' weights, and the payload is the least that the masks allow. A
node's directory holds its own weights and no others. Times and memory are
measured by tests/bench/partition.py.
"""

import json
import os
import sys
import tempfile

import numpy as np
import onnx
from onnx import helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import cluster  # noqa: E402
import contractions  # noqa: E402
import discoc  # noqa: E402
import graph  # noqa: E402
import least_traffic  # noqa: E402
import masks as mask_files  # noqa: E402
import ort  # noqa: E402

VALUES = 8908288


class Network:
    """Collects the ops of a network."""

    def __init__(self):
        self.rng = np.random.default_rng(50)
        self.nodes, self.weights = [], []

    def weight(self, *shape):
        name = f"w{len(self.weights)}"
        value = self.rng.standard_normal(shape, np.float32)
        value /= np.sqrt(np.prod(shape[1:], dtype=np.float32))
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def op(self, kind, *inputs, **attributes):
        y = f"{kind}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [y], y, **attributes))
        return y

    def conv(self, x, ins, outs, kernel, stride=1):
        pad = kernel // 2
        return self.op("Conv", x, self.weight(outs, ins, kernel, kernel),
                       self.weight(outs), kernel_shape=[kernel] * 2,
                       strides=[stride] * 2, pads=[pad] * 4)

    def block(self, x, ins, width, stride):
        y = self.op("Relu", self.conv(x, ins, width, 1))
        y = self.op("Relu", self.conv(y, width, width, 3, stride))
        y = self.conv(y, width, 4 * width, 1)
        if ins != 4 * width:
            x = self.conv(x, ins, 4 * width, 1, stride)
        return self.op("Relu", self.op("Add", y, x))


def resnet50():
    net = Network()
    x = net.op("Relu", net.conv("input", 3, 64, 7, 2))
    x = net.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2],
               pads=[1, 1, 1, 1])
    ins = 64
    for width, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2),
                                 (512, 3, 2)):
        for k in range(count):
            x = net.block(x, ins, width, stride if k == 0 else 1)
            ins = 4 * width
    x = net.op("Flatten", net.op("GlobalAveragePool", x))
    x = net.op("Gemm", x, net.weight(1000, 2048), net.weight(1000), transB=1)
    net.nodes[-1].output[0] = "output"
    tensor = helper.make_tensor_value_info
    g = helper.make_graph(
        net.nodes, "resnet50",
        [tensor("input", onnx.TensorProto.FLOAT, [1, 3, 224, 224])],
        [tensor("output", onnx.TensorProto.FLOAT, [1, 1000])], net.weights)
    return helper.make_model(
        g, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def hybrid_values():
    """Values that two nodes exchange when every block sends the cheaper of its
    inputs and sums of outputs, and a feature once for all its readers."""
    values, ins, side = 0, 64, 56
    for width, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2),
                                 (512, 3, 2)):
        for k in range(count):
            step = stride if k == 0 else 1
            before, after = side ** 2, (side // step) ** 2
            sums = width * before + (4 * width * after if k == 0 else 0)
            values += min(ins * before, sums)             # first, shortcut
            values += width * min(before, after)          # 3 x 3
            values += min(width, 4 * width) * after       # last
            ins, side = 4 * width, side // step
    return values + min(2048, 1000)


def exchanged(out):
    return cluster.load_json(
        os.path.join(out, "report.json"))["cluster"]["exchanged"]["bytes"]


def shares(out, traced):
    """[each node's share of the contractions' weights, without biases]"""
    found = contractions.contractions(traced)
    total = sum(c.weight.nbytes for c in found)
    report = cluster.load_json(os.path.join(out, "report.json"))
    bias = sum(c.outputs for c in found) * 4
    return [(node["weight_bytes"] - bias / 2) / total
            for node in report["nodes"]]


def main():
    discoc.need_compiler()
    tally = discoc.Tally()
    if not ort.library_path():
        tally.skip("all", "no ONNX Runtime (DISCOC_ORT)")
        return tally.close()
    with tempfile.TemporaryDirectory(prefix="discoc-resnet50-") as folder:
        path, owners_path, masks_path, dense, masked = (
            os.path.join(folder, name) for name in
            ("resnet50.onnx", "owners.json", "masks.json", "dense", "masked"))
        model = resnet50()
        onnx.save(model, path)
        discoc.write_owners(path, 2, owners_path)
        owners = mask_files.Owners.load(owners_path)
        traced = graph.Traced(model, {"input": np.zeros((1, 3, 224, 224),
                                                        np.float32)})
        entries, _, _ = mask_files.draw(traced, owners, 0.2, 7)
        document = mask_files.mask_document(entries, 2, owners.owner_map)
        with open(masks_path, "w", encoding="utf-8") as stream:
            json.dump(document, stream)
        hybrid = os.path.join(folder, "hybrid")
        discoc.compile(path, 2, dense, extra=["--features-only"])
        discoc.compile(path, 2, masked, masks=masks_path,
                       extra=["--features-only", "--optimize", "memory"])
        discoc.compile(path, 2, hybrid)
        tally.check("features or sums",
                    exchanged(hybrid) == 4 * hybrid_values(),
                    f"{exchanged(hybrid)} bytes, not {4 * hybrid_values()}")
        tally.check("dense gather", exchanged(dense) == 4 * VALUES,
                    f"{exchanged(dense)} bytes, not {4 * VALUES}")
        bound = 4 * VALUES / 5
        tally.check("a fifth of dense gather", exchanged(masked) <= bound,
                    f"{exchanged(masked)} bytes, at most {bound}")
        least = least_traffic.least(traced, owners, document)["payload_total"]
        tally.check("least", exchanged(masked) == least,
                    f"{exchanged(masked)} bytes, least {least}")
        for rank, share in enumerate(shares(masked, traced)):
            tally.check(f"weights of node {rank}", share <= 0.305,
                        f"{share:.4f} of the contractions' weights")
            report = cluster.load_json(os.path.join(masked, "report.json"))
            file = os.path.join(masked, f"node{rank}", "weights.bin")
            stated = report["nodes"][rank]["weight_bytes"]
            tally.check(f"weights.bin of node {rank}",
                        0 <= os.path.getsize(file) - stated < 64 * 120,
                        f"{os.path.getsize(file)} bytes for {stated}")
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
