# SPDX-License-Identifier: Apache-2.0
"""Where dividing pays on boards: predicted times of networks on 1, 2 and 4 boards over UARTs, at 115,200 baud and at the fastest that
the boards make.

The numbers are those of report.json: of the schedule that is emitted, with the boards' instructions a multiply-accumulate at one a
cycle. Real cores stall, so they are lower bounds. Where a network does not fit, its time is there all the same, marked.

    board_times.py [WORD...]     networks whose names contain one of the words; all without"""

import json
import os
import subprocess
import sys
import tempfile

import onnx

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "oracle"), os.path.join(HERE, "..", "end_to_end"), os.path.join(HERE, "..", "firmware")]
import discoc  # noqa: E402
import firmware  # noqa: E402
import quantised  # noqa: E402

BOARDS = ("rp2040", "nrf52840", "netduinoplus2", "stm32f746-nucleo")
NODES = (1, 2, 4)
BAUDS = (115200, None)  # None: the fastest


def resnet8():
    """The residual network of MLPerf Tiny's image classification (78,666 parameters, 32x32x3), quantised, with drawn weights."""
    n = quantised.Network(True)

    def relu(value):
        return n.q(n.op("Relu", [value]), 0.03, -128)

    a = relu(n.conv(n.q("x", 1 / 32, 7), 1 / 32, 3, 16))
    for before, channels, stride in ((16, 16, 1), (16, 32, 2), (32, 64, 2)):
        strides = [stride, stride]
        b = relu(n.conv(a, 0.03, before, channels, strides=strides))
        b = n.q(n.conv(b, 0.03, channels, channels), 0.03, 0)
        skip = a if stride == 1 else n.q(n.conv(a, 0.03, before, channels, 1, strides=strides), 0.03, 0)
        a = relu(n.op("Add", [b, skip]))
    p = n.q(n.op("Flatten", [n.op("GlobalAveragePool", [a])]), 0.03, -128)
    weights, scale = n.weights([10, 64], 0, True)
    y = n.q(n.op("Gemm", [p, weights, n.bias(10, 0.03, scale)], transB=1), 0.05, 0)
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(n.ops, "resnet8", [value("x", onnx.TensorProto.FLOAT, [1, 3, 32, 32])],
                                   [value(y, onnx.TensorProto.FLOAT, [1, 10])], n.constants)  # fmt: skip
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 14)], ir_version=8)


def networks(folder):
    shared = os.environ.get("DISCOC_SHARED", os.path.join(discoc.ROOT, "..", "shared"))
    for name in ("mnist_cnn", "micro_kws_m"):
        path = os.path.join(shared, "models", name, "model.onnx")
        if os.path.exists(path):
            yield name, path
    for masks in ("dense", "masks2", "masks4"):
        yield f"cifar10_{masks}", os.path.join(discoc.ROOT, "samples", "cifar10", f"cifar10_{masks}.onnx")
    for name, model in (("int8, small", quantised.network(True)), ("int8, ResNet-8", resnet8())):
        path = os.path.join(folder, name + ".onnx")
        onnx.save(model, path)
        yield name, path


def cluster(file, board, nodes, baud):
    with open(file, "w", encoding="utf-8") as stream:
        stream.write(f'[[node]]\nboard = "{board}"\ncount = {nodes}\n' if nodes > 1 else f'[[node]]\nboard = "{board}"\n')
        if nodes > 1:
            stream.write('[network]\ntopology = "chain"\nkind = "uart"\n' + (f"baud = {baud}\n" if baud else ""))


def compiled(model, board, nodes, baud, folder):
    """(report, whether it fits), or None: the boards cannot be joined, or the masks are for another number of nodes."""
    lab, out = os.path.join(folder, "cluster.toml"), os.path.join(folder, "out")
    cluster(lab, board, nodes, baud)
    shapes = [f"--input-shape={name}={'x'.join(map(str, dims))}" for name, dims in firmware.shapes_of(model).items()]
    for more in ((), ("--any-size",)):
        done = subprocess.run([discoc.binary(), "compile", model, "-o", out, "--cluster", lab, *shapes, *more],
                              capture_output=True, text=True)  # fmt: skip
        if done.returncode == 0:
            with open(os.path.join(out, "report.json"), encoding="utf-8") as file:
                return json.load(file), not more
    return None


def row(name, model, board, nodes, baud, folder):
    found = compiled(model, board, nodes, baud, folder)
    if not found:
        return None
    report, fits = found
    latency = report["schedule"]["latency_ns"] / 1e6
    busiest = max(node.get("compute_us", 0) for node in report["nodes"]) / 1e3
    wire = max((w.get("least_us", 0) for w in report.get("wires", [])), default=0) / 1e3
    speed = report["wires"][0]["baud"] if report.get("wires") else None
    return latency, busiest, wire, speed, fits


def main():
    print("| network | board | N | baud | latency, ms | of one board | busiest node computes, ms | busiest wire carries, ms | fits |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |")
    with tempfile.TemporaryDirectory(prefix="discoc-boards-") as folder:
        for name, model in networks(folder):
            if sys.argv[1:] and not any(word in name for word in sys.argv[1:]):
                continue
            for board in BOARDS:
                one = None
                for nodes in NODES:
                    for baud in BAUDS if nodes > 1 else (None,):
                        found = row(name, model, board, nodes, baud, folder)
                        if not found:
                            continue
                        latency, busiest, wire, speed, fits = found
                        one = one or latency
                        print(f"| {name} | {board} | {nodes} | {speed or '-'} | {latency:.4g} | {latency / one:.2f} | {busiest:.4g} | "
                              f"{wire:.4g} | {'yes' if fits else 'no'} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
