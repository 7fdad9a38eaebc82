#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""DeCNN's division: a ResNet-50 whose convolutions have groups, with a channel shuffle in every block, against its own one
node and against the dense network on one. Simulated with a Pi 4's class of hosts; --measure also runs both networks on one
node of this host, and the grouped one as two programs over the loopback. With --prepare programs are built there and nothing
is simulated: build them with --measure 0, then measure.

    decnn.py [--groups 4] [--nodes 1,2,4] [--mbit 100,1000] [--profile FILE] [--measure ROUNDS] [--prepare FOLDER]

The network is made here, with seeded weights. The authors of DeCNN state 3.21 times and 65.3 % less memory on four
devices; what of their set-up that hangs on is unknown to us.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

import onnx
from onnx import helper

import bench
import cluster
import discoc
import divisions

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "end_to_end"))
import resnet50  # noqa: E402


class Grouped(resnet50.Network):
    """Every convolution but the first has groups; in a block the channels are shuffled behind the first one."""

    def __init__(self, groups):
        super().__init__()
        self.groups = groups

    def conv(self, x, ins, outs, kernel, stride=1):
        groups = self.groups if ins % self.groups == 0 else 1
        return self.op("Conv", x, self.weight(outs, ins // groups, kernel, kernel), self.weight(outs), kernel_shape=[kernel] * 2,
                       strides=[stride] * 2, pads=[kernel // 2] * 4, group=groups)

    def constant(self, values):
        name = f"w{len(self.weights)}"
        self.weights.append(helper.make_tensor(name, onnx.TensorProto.INT64, [len(values)], values))
        return name

    def shuffle(self, x, channels, side):
        y = self.op("Reshape", x, self.constant([1, self.groups, channels // self.groups, side, side]))
        y = self.op("Transpose", y, perm=[0, 2, 1, 3, 4])
        return self.op("Reshape", y, self.constant([1, channels, side, side]))

    def bottleneck(self, x, ins, width, stride, side):
        y = self.op("Relu", self.conv(x, ins, width, 1))
        y = self.op("Relu", self.conv(self.shuffle(y, width, side), width, width, 3, stride))
        y = self.conv(y, width, 4 * width, 1)
        if ins != 4 * width:
            x = self.conv(x, ins, 4 * width, 1, stride)
        return self.op("Relu", self.op("Add", y, x))


def network(groups):
    net = Grouped(groups)
    x = net.op("Relu", net.conv("input", 3, 64, 7, 2))
    x = net.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    ins, side = 64, 56
    for width, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for k in range(count):
            step = stride if k == 0 else 1
            x = net.bottleneck(x, ins, width, step, side)
            ins, side = 4 * width, side // step
    x = net.op("Flatten", net.op("GlobalAveragePool", x))
    net.op("Gemm", x, net.weight(1000, 2048), net.weight(1000), transB=1)
    net.nodes[-1].output[0] = "output"
    tensor = helper.make_tensor_value_info
    graph = helper.make_graph(net.nodes, f"decnn{groups}", [tensor("input", onnx.TensorProto.FLOAT, [1, 3, 224, 224])],
                              [tensor("output", onnx.TensorProto.FLOAT, [1, 1000])], net.weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def simulated(out, profile):
    done = subprocess.run([discoc.binary(), "simulate", out, "--profile", profile, "--json"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["latency_ns"] / 1e6


def compiled(path, nodes, mbit, folder):
    out = os.path.join(folder, f"{os.path.basename(path)}-{nodes}-{mbit}")
    subprocess.run([discoc.binary(), "compile", path, "--cluster", divisions.write_cluster(folder, nodes, mbit), "-o", out], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return out


def row(nodes, mbit, out, profile, one, dense):
    time = simulated(out, profile)
    report = cluster.load_json(os.path.join(out, "report.json"))
    memory = max(n["weight_bytes"] + n["arena_bytes"] for n in report["nodes"])
    one = one or (time, memory)
    dense = dense or (time, memory)
    print(f"| {os.path.basename(out).split('.')[0]} | {nodes} | {mbit:g} | {time:.4g} | {one[0] / time:.2f} | {dense[0] / time:.2f} | "
          f"{report['cluster']['exchanged']['bytes'] / 1e6:.2f} | {memory / 1e6:.1f} | {100 * (1 - memory / one[1]):.1f} % | "
          f"{100 * (1 - memory / dense[1]):.1f} % |", flush=True)
    return time, memory


PROGRAMS = {"dense, one": ("dense", 1), "grouped, one": ("grouped", 1), "grouped, two": ("grouped", 2)}


def prepare(paths, folder):
    """Programs of this host, built once: the dense network alone, the grouped one alone and on two nodes."""
    for network_name, nodes in PROGRAMS.values():
        out = os.path.join(folder, f"{network_name}{nodes}")
        if not os.path.exists(out):
            discoc.compile(paths[network_name], nodes, out, extra=["--target", "native"])
            cluster.build_shards(out)


def measure(path, folder, rounds):
    """Milliseconds of each, two of them over the loopback, in turns."""
    inputs = os.path.join(folder, "inputs")
    os.makedirs(inputs, exist_ok=True)
    arguments = cluster.save_inputs(bench.model(path, folder).inputs(1), inputs)
    times = {name: [] for name in PROGRAMS}
    for _ in range(rounds):
        for name, (network_name, nodes) in PROGRAMS.items():
            done = subprocess.run([discoc.binary(), "run", os.path.join(folder, f"{network_name}{nodes}"), "--json", "--repeat", "5", *arguments],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
            times[name].append(json.loads(done.stdout)["time_us"]["median"] / 1e3)
    two = statistics.median(times["grouped, two"])
    print("\n| measured | ms | rounds | two are so many times as fast |\n| --- | ---: | --- | ---: |")
    for name, own in times.items():
        print(f"| {name} | {statistics.median(own):.1f} | {min(own):.1f} to {max(own):.1f} | {statistics.median(own) / two:.2f} |")


def simulate(a, folder, path, dense, profile):
    print("| network | N | Mbit/s | ms | x its one node | x dense on one | exchanged, MB | weights and arena, MB | less than one | "
          "than dense |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    base = row(1, 0, compiled(dense, 1, 0, folder), profile, None, None)
    one = None
    for mbit in map(float, a.mbit.split(",")):
        for nodes in map(int, a.nodes.split(",")):
            if nodes == 1 and one:
                continue
            found = row(nodes, mbit if nodes > 1 else 0, compiled(path, nodes, mbit, folder), profile, one, base)
            one = one or found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", type=int, default=4)
    parser.add_argument("--nodes", default="1,2,4")
    parser.add_argument("--mbit", default="100,1000")
    parser.add_argument("--profile")
    parser.add_argument("--measure", type=int, default=0)
    parser.add_argument("--prepare")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="discoc-decnn-") as folder:
        profile = a.profile or os.path.join(folder, "pi4.json")
        if not a.profile:
            with open(profile, "w", encoding="utf-8") as stream:
                json.dump(divisions.PI4, stream)
        path, dense = os.path.join(folder, "grouped.onnx"), os.path.join(folder, "dense.onnx")
        onnx.save(network(a.groups), path)
        onnx.save(resnet50.resnet50(), dense)
        if not a.prepare:
            simulate(a, folder, path, dense, profile)
        if a.measure or a.prepare:
            programs = a.prepare or folder
            prepare({"dense": dense, "grouped": path}, programs)
        if a.measure:
            measure(path, programs, a.measure)


if __name__ == "__main__":
    main()
