#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One node against ONNX Runtime: milliseconds an inference, one thread, in
the same process on the same core, in turns.

    rivals.py [--folder F] [--rounds 15] MODEL...

A MODEL is a shared model's name, the name of a torchvision network, or a
file. Times are the thread's processor time (a node alone never sleeps), so
that other programs on the machine count as little as may be; quoted are the
medians over the rounds, and the median of the rounds' ratios.
"""

import argparse
import os
import sys
import tempfile

import numpy as np

import bench
import compare
import discoc

NAMES = ("mnist_cnn", "micro_kws_m", "resnet20_cifar10", "squeezenet1_1",
         "yolox_nano", "resnet50")


def measure(name, number, folder, rounds, core):
    found = bench.model(name, folder)
    feeds = found.inputs(1) if found.onnx is not None else None
    # Most exports are called model.onnx, and the loader gives the library that
    # it has already for a path that it knows: a folder and a name a model.
    work = os.path.join(folder, f"{found.name}.{number}.bench")
    os.makedirs(work, exist_ok=True)
    out = os.path.join(work, "one")
    bench.compile_cost(found, 1, out, repeat=1, extra=["--name", f"m{number}"])
    node = bench.Node(os.path.join(out, "node0"))
    want = compare.oracle(found.onnx, feeds)
    outputs = [np.empty_like(v) for v in want.values()]
    node.bind(list(feeds.values()), outputs)
    rival = bench.Rival(found.onnx, feeds, node)
    ours, theirs = [], []
    with bench.undisturbed(core):
        once = max(1e-5, node.time(1)[0], rival.time(1)[0])
        count = int(max(1, 0.1 / once))
        for k in range(rounds + 1):
            a, b = node.time(count)[0], rival.time(count)[0]
            if k:  # the first is to warm up
                ours.append(a)
                theirs.append(b)
    got = dict(zip(want, outputs))
    macs = discoc_macs(out)
    return (found.name, bench.median(ours), bench.median(theirs),
            bench.median([a / b for a, b in zip(ours, theirs)]),
            macs, compare.worst(got, want))


def discoc_macs(out):
    return bench.cluster.load_json(
        os.path.join(out, "report.json"))["cluster"]["macs"]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=NAMES)
    parser.add_argument("--folder", help="where models and programs are kept")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--core", type=int, default=0)
    a = parser.parse_args()
    discoc.need_compiler()
    folder = a.folder or tempfile.mkdtemp(prefix="discoc-bench-")
    os.makedirs(folder, exist_ok=True)
    print("| model | MMAC | discoc ms | ONNX Runtime ms | ratio | "
          "discoc GMAC/s | error |\n"
          "| --- | --- | --- | --- | --- | --- | --- |")
    for number, name in enumerate(a.models):
        name, ours, theirs, ratio, macs, error = \
            measure(name, number, folder, a.rounds, a.core)
        print(f"| {name} | {macs / 1e6:.1f} | {ours * 1e3:.4g} | "
              f"{theirs * 1e3:.4g} | {ratio:.2f} | {macs / ours / 1e9:.1f} | "
              f"{error:.1e} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
