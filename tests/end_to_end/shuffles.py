# SPDX-License-Identifier: Apache-2.0
"""Grouped convolutions and channel shuffles (DeCNN): what moves, and where.

A network of grouped convolutions with a shuffle between each two. Where the
second's groups can follow the first's map nothing moves; behind it features
move at the shuffles, and nowhere else. Outputs are ONNX Runtime's.
"""

import os
import sys
import tempfile

import numpy as np
import onnx
from onnx import helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import cluster  # noqa: E402
import compare  # noqa: E402
import discoc  # noqa: E402
import ort  # noqa: E402

CHANNELS, SIDE = 24, 6


class Network:
    """Grouped 3x3 convolutions, depthwise ones and shuffles behind them."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.weights, self.last = [], [], "x"

    def op(self, kind, inputs, **attributes):
        name = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name,
                                           **attributes))
        self.last = name

    def constant(self, array):
        name = f"c{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def conv(self, group):
        w = self.random.standard_normal(
            (CHANNELS, CHANNELS // group, 3, 3)).astype(np.float32) * 0.2
        self.op("Conv", [self.last, self.constant(w)], group=group,
                pads=[1, 1, 1, 1])
        return self

    def shuffle(self, groups):
        wide = [1, groups, CHANNELS // groups, SIDE, SIDE]
        self.op("Reshape", [self.last, self.constant(np.array(wide))])
        self.op("Transpose", [self.last], perm=[0, 2, 1, 3, 4])
        flat = [1, CHANNELS, SIDE, SIDE]
        self.op("Reshape", [self.last, self.constant(np.array(flat))])
        return self

    def save(self, path):
        shape = [1, CHANNELS, SIDE, SIDE]
        tensor = helper.make_tensor_value_info
        self.nodes[-1].output[0] = "y"
        g = helper.make_graph(
            self.nodes, "shuffles", [tensor("x", onnx.TensorProto.FLOAT, shape)],
            [tensor("y", onnx.TensorProto.FLOAT, shape)], self.weights)
        onnx.save(helper.make_model(
            g, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)


def networks():
    """(name, network, convolutions that may read what another node owns)"""
    for group in (4, 6, 12):
        yield (f"one shuffle, {group} groups", Network(group).conv(group)
               .conv(CHANNELS).shuffle(group).conv(group), ())
        net = Network(group).conv(group).shuffle(group).conv(group) \
            .conv(CHANNELS).shuffle(group).conv(group).conv(CHANNELS)
        convs = [n.name for n in net.nodes if n.op_type == "Conv"]
        yield f"two shuffles, {group} groups", net, (convs[1], convs[3])


def check(tally, name, net, may_read, nodes, runtime, folder):
    path, out = (os.path.join(folder, f) for f in ("m.onnx", f"out{nodes}"))
    net.save(path)
    discoc.compile(path, nodes, out)
    report = cluster.load_json(os.path.join(out, "report.json"))
    reading = {layer["op"] for layer in report["layers"]
               if any(share["receive_bytes"] for share in layer["nodes"])}
    tally.check(f"{name}, N = {nodes}: reads", reading <= set(may_read),
                f"{sorted(reading)} read features, {may_read} may")
    if not may_read:
        bytes_ = report["cluster"]["exchanged"]["bytes"]
        tally.check(f"{name}, N = {nodes}: nothing moves", bytes_ == 0,
                    f"{bytes_} bytes")
    feeds = {"x": np.random.default_rng(nodes).standard_normal(
        (1, CHANNELS, SIDE, SIDE)).astype(np.float32)}
    program = os.path.join(folder, f"program{nodes}")
    cluster.build_inproc([out], program, runtime, flags=("-O1", "-w"),
                         apart=True, jobs=2)
    got, _ = cluster.run_inproc(program, nodes, feeds, ["y"], folder)
    want = compare.oracle(onnx.load(path), feeds)
    tally.check(f"{name}, N = {nodes}: outputs",
                compare.fault(got, want, None) is None,
                str(compare.fault(got, want, None)))


def main():
    discoc.need_compiler()
    tally = discoc.Tally()
    if not ort.library_path():
        tally.skip("all", "no ONNX Runtime (DISCOC_ORT)")
        return tally.close()
    with tempfile.TemporaryDirectory(prefix="discoc-shuffles-") as folder:
        runtime = cluster.Runtime(folder)
        for name, net, may_read in networks():
            for nodes in (2, 4):
                with tempfile.TemporaryDirectory(dir=folder) as one:
                    check(tally, name, net, may_read, nodes, runtime, one)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
