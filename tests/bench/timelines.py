#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What was planned and what was measured, of traced programs on two nodes:
whole networks over loopback and over 100 Mbit/s between two network
namespaces (as lan.py makes them), and mnist_cnn on two emulated boards.

    timelines.py [--repeat N] [--only REGEX] [--keep FOLDER]

A profile is made of the same model on one node: how long a multiply-accumulate
takes. Loopback counts as 2 GB/s and 20 us a message. Printed are times of one
inference by node, and the layers that differ most. The programs run at
real-time priority, each on a processor of its own.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

import onnx

import bench
import cluster
import discoc
import lan

FIRST = ["chrt", "-f", "50"] if os.getuid() == 0 else []
LINKS = {"loopback": (2e9, 20e-6), "100 Mbit/s": (11.75e6, 100e-6)}
CLUSTER = """
[[node]]
name = "left"
[[node]]
name = "right"
[[link]]
between = ["left", "right"]
kind = "tcp"
bandwidth = {}
latency = {}
"""
BOARDS = '[[node]]\nboard = "mps2-an386"\ncount = 2\n\n[network]\ntopology = "chain"\nkind = "uart"\n'


def tool(*arguments):
    done = subprocess.run([discoc.binary(), *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"discoc {' '.join(arguments)}: {done.stderr}")
    return done.stdout


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def profile(name, model, inputs, repeat, folder):
    """A file that says how long a multiply-accumulate of this model takes."""
    out, path = os.path.join(folder, name + "-one"), os.path.join(folder, name + "-one.trace")
    discoc.compile(model, 1, out, extra=["--trace"])
    tool("build", out)
    notes = os.path.join(folder, name + "-one.notes")
    run_pinned(out, [[]], inputs, repeat, notes)
    said = json.loads(tool("trace", path, "--notes", notes, "--of", out, "--json"))
    macs = cluster.load_json(os.path.join(out, "report.json"))["cluster"]["macs"]
    each = said["time_ns"]["median"] / macs
    print(f"{name}: one node {said['time_ns']['median'] / 1e6:.1f} ms, {each * 1e3:.1f} ps a multiply-accumulate")
    return write(os.path.join(folder, name + ".json"), json.dumps({
        "format": "discoc-profile", "version": 1, "compiler": tool("--version").split()[1], "host": "timelines.py",
        "target": "x86-64", "cache_bytes": 0, "step_ns": 0, "memory_bytes_per_ns": 10, "message_ns": 5000, "message_byte_ns": 0.2,
        "spin_ns": 50000, "wake_ns": 20000, "mac_ns": {"f32": each, "i8": each}, "kernels": [], "transports": {}}))


def run_pinned(out, before, inputs, repeat, notes, tcp=("127.0.0.1", 7799)):
    """Each node on a processor of its own. `before`: words in front of the programs."""
    os.makedirs(notes)
    children = []
    for rank, words in enumerate(before):
        command = [*words, *FIRST, "taskset", "-c", str(rank % os.cpu_count()), cluster.shard_of(out, rank), "--json", "--quiet",
                   "--no-shared-memory"]
        if rank == 0:
            command += [*inputs, "--repeat", str(repeat)]
            command += ["--listen", f"{tcp[0]}:{tcp[1]}"] if len(before) > 1 else []
        else:
            command += ["--peer", f"0={tcp[0]}:{tcp[1]}"]
        children.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                         env=dict(os.environ, DISCO_TRACE=notes)))
    for child in children:
        _, said = child.communicate(timeout=600)
        if child.returncode:
            sys.exit(f"{out}: {said}")


def busy(said, node):
    """(computing and sending, waiting) of a node, nanoseconds of all inferences."""
    layers = [layer for layer in said["layers"] if layer["node"] == node]
    return sum(layer["busy_ns"] for layer in layers), sum(layer["waiting_ns"] for layer in layers)


def show(title, planned, measured):
    """Two summaries of `discoc trace --json` side by side."""
    count = measured["inferences"]
    ms = lambda ns: f"{ns / 1e6:.2f}"  # noqa: E731
    latency = max(layer["max_ns"] for layer in planned["layers"]) if not planned.get("latency_ns") else planned["latency_ns"]
    print(f"\n{title}: planned {ms(latency)} ms, measured {ms(measured['time_ns']['median'])} ms (median of {count})\n")
    print("| node | computes and sends, planned | measured | waits, planned | measured |\n| ---: | ---: | ---: | ---: | ---: |")
    for node in (0, 1):
        plan, real = busy(planned, node), busy(measured, node)
        print(f"| {node} | {ms(plan[0])} | {ms(real[0] / count)} | {ms(plan[1])} | {ms(real[1] / count)} |")
    plans = {(layer["op"], layer["node"]): layer["median_ns"] for layer in planned["layers"]}
    rows = sorted(((layer["median_ns"] - plans.get((layer["op"], layer["node"]), 0), layer) for layer in measured["layers"]),
                  key=lambda row: -abs(row[0]))
    print("\n| layer | node | planned | measured |\n| --- | ---: | ---: | ---: |")
    for _, layer in rows[:6]:
        print(f"| {layer['op'] or '(the end)'} | {layer['node']} | {ms(plans.get((layer['op'], layer['node']), 0))} | {ms(layer['median_ns'])} |")
    late = measured["late"][:3]
    print("\nlate: " + "; ".join(f"message {each['message']} from {each['from']} to {each['to']}, {ms(each['median_ns'])} ms before {each['op']}"
                                 for each in late))


def compare(title, out, folder, measured):
    """`measured`: a file of the run."""
    planned = os.path.join(folder, "planned.trace")
    tool("report", out, "--planned-trace", planned)
    plan = json.loads(tool("trace", planned, "--json"))
    plan["latency_ns"] = cluster.load_json(os.path.join(out, "report.json"))["schedule"]["latency_ns"]
    show(title, plan, json.loads(tool("trace", measured, "--json")))
    tool("report", out, "--html", os.path.join(folder, re.sub(r"\W+", "-", title) + ".html"), "--trace", measured)


def hosts(name, title, folder, repeat):
    found = bench.model(name, folder)
    path = os.path.join(folder, name + ".onnx")
    onnx.save(found.onnx, path)
    inputs = cluster.save_inputs(found.inputs(1), os.path.join(folder, name + ".inputs"))
    speeds = profile(name, path, inputs, repeat, folder)
    for words, (bandwidth, latency) in LINKS.items():
        made = re.sub(r"\W+", "-", f"{name}-{words}")
        out, notes, trace = (os.path.join(folder, made + end) for end in ("", ".notes", ".trace"))
        discoc.compile(path, 2, out, extra=["--trace", "--profile", speeds, "--cluster",
                                            write(os.path.join(folder, made + ".toml"), CLUSTER.format(bandwidth, latency))])
        tool("build", out)
        if words == "loopback":
            run_pinned(out, [[], []], inputs, repeat, notes)
        else:
            link = lan.Link("100mbit")
            try:
                run_pinned(out, [link.enter(0), link.enter(1)], inputs, repeat, notes, tcp=(lan.ADDRESSES[0], 7799))
            finally:
                link.close()
        tool("trace", trace, "--notes", notes, "--of", out)
        compare(f"{title}, {words}", out, folder, trace)


def boards(folder):
    found = bench.model("mnist_cnn", folder)
    path = os.path.join(folder, "mnist_cnn.onnx")
    onnx.save(found.onnx, path)
    out, trace = os.path.join(folder, "boards"), os.path.join(folder, "boards.trace")
    discoc.compile(path, 2, out, extra=["--trace", "--cluster", write(os.path.join(folder, "boards.toml"), BOARDS)])
    inputs = cluster.save_inputs(found.inputs(1), os.path.join(folder, "boards.inputs"))
    tool("run", out, *inputs, "--repeat", "5", "--trace", trace)
    compare("mnist_cnn, two boards, UART", out, folder, trace)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", metavar="FOLDER", help="traces and pages stay there")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="discoc-timelines-") as scratch:
        folder = a.keep or scratch
        os.makedirs(folder, exist_ok=True)
        for name, title in (("resnet50", "ResNet-50"), ("mobilenet_v2", "MobileNetV2")):
            if re.search(a.only, name):
                hosts(name, title, folder, a.repeat)
        if re.search(a.only, "boards"):
            boards(folder)


if __name__ == "__main__":
    main()
