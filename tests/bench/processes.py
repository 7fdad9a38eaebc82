#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What an inference takes on one node and on two processes of one host, a core
each: data over TCP, over shared memory, with and without spinning waits.

    processes.py [--rounds R] [--repeat N] [--first-in-line] [MODEL.onnx ...]

The programs run in turns, a round each; printed are the median over the rounds
of the programs' own medians, and the least and the largest of these, in
microseconds. --first-in-line: at real-time priority, on a machine that others
use (needs the right to; sleeps then cost less than on an idle machine, whose
processors have to wake up).
"""

import argparse
import os
import statistics
import sys
import tempfile

import bench  # noqa: F401  (puts the oracles on the path)
import cluster
import discoc
import graph

import numpy as np

WAYS = (("one node", 1, []),
        ("TCP, waits that sleep", 2, ["--no-shared-memory", "--spin-us", "0"]),
        ("TCP", 2, ["--no-shared-memory"]),
        ("shared memory, waits that sleep", 2, ["--spin-us", "0"]),
        ("shared memory", 2, []))


class Pinned(cluster.Tcp):
    """Each shard on a core of its own."""

    def __init__(self, out, nodes, feeds, work, extra, first):
        os.makedirs(work, exist_ok=True)
        programs = []
        for rank in range(nodes):
            path = os.path.join(work, f"start{rank}")
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(f"#!/bin/sh\nexec {'chrt -f 1 ' if first else ''}"
                             f"taskset -c {rank % os.cpu_count()} "
                             f"{cluster.shard_of(out, rank)} \"$@\"\n")
            os.chmod(path, 0o755)
            programs.append(path)
        super().__init__(out, nodes, feeds, work, extra=extra,
                         programs=programs)


def median_us(out, nodes, feeds, work, extra, first):
    shards = Pinned(out, nodes, feeds, work, extra, first)
    try:
        results = shards.wait(600)
    finally:
        shards.close()
    for code, _, text, _ in results:
        if code != 0:
            sys.exit(f"{out}: {text}")
    return results[0][1]["time_us"]["median"]


def measure(path, a, folder):
    model = graph.load(path)
    feeds = graph.random_inputs(model, np.random.default_rng(1))
    outs = {}
    for nodes in (1, 2):
        outs[nodes] = os.path.join(folder, f"out{nodes}")
        discoc.compile(path, nodes, outs[nodes], extra=["--replace"])
        cluster.build_shards(outs[nodes])
    times = {name: [] for name, _, _ in WAYS}
    for _ in range(a.rounds):
        for name, nodes, extra in WAYS:
            times[name].append(median_us(
                outs[nodes], nodes, feeds, os.path.join(folder, "work"),
                ["--quiet", "--repeat", str(a.repeat), *extra],
                a.first_in_line))
    one = statistics.median(times["one node"])
    for name, _, _ in WAYS:
        mid = statistics.median(times[name])
        print(f"| {os.path.basename(os.path.dirname(path))} | {name} | "
              f"{mid:.0f} | {min(times[name])} to {max(times[name])} | "
              f"{mid / one:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("models", nargs="*")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--repeat", type=int, default=400)
    parser.add_argument("--first-in-line", action="store_true")
    a = parser.parse_args()
    models = a.models or [
        os.path.join(discoc.shared(), "models", name, "model.onnx")
        for name in ("resnet20_cifar10", "micro_kws_m", "mnist_cnn")]
    print("| model | data | us | medians | of one node |\n"
          "| --- | --- | --- | --- | --- |")
    for path in models:
        with tempfile.TemporaryDirectory(prefix="discoc-processes-") as folder:
            measure(path, a, folder)


if __name__ == "__main__":
    main()
