#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What an inference takes on one node and on two processes of one host, a core
each: data over TCP, over shared memory, with and without spinning waits.

    processes.py [--rounds R] [--repeat N] [--first-in-line] [--masks] [--busy K]
                 [MODEL.onnx ...]

The programs run in turns, a round each; printed are the median over the rounds
of the programs' own medians, and the least and the largest of these, in
microseconds. "Arithmetic" are the same programs without what moves between
them: the slower of the two nodes, both running at once. The last column is
what an inference takes beyond that, for each exchange point of report.json.
--masks: masks of density 0.2. --busy: so many processes keep each core busy
meanwhile. --first-in-line: at real-time priority, on a
machine that others use (needs the right to; sleeps then cost less than on an
idle machine, whose processors have to wake up).
"""

import argparse
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

import bench
import cluster
import discoc

WAYS = (("one node", 1, []),
        ("arithmetic", "alone", []),
        ("TCP, waits that sleep", 2, ["--no-shared-memory", "--spin-us", "0"]),
        ("TCP", 2, ["--no-shared-memory"]),
        ("shared memory, waits that sleep", 2, ["--spin-us", "0"]),
        ("shared memory", 2, []))

CALLS = {"begin": "n", "post": "n, m, b", "send": "n, m, b", "wait": "n, m",
         "flush": "n, m", "pump": "n", "end": "n"}
PLACE = "#define disco_place_or(n, m, b) (void(n), b)\n"


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


def medians_us(out, nodes, feeds, work, extra, first):
    """Of every node: the median time of an inference."""
    shards = Pinned(out, nodes, feeds, work, extra, first)
    try:
        results = shards.wait(600)
    finally:
        shards.close()
    for code, _, text, _ in results:
        if code != 0:
            sys.exit(f"{out}: {text}")
    return [report["time_us"]["median"] for _, report, _, _ in results]


@contextlib.contextmanager
def others(count):
    """So many processes on each core that never sleep."""
    started = [subprocess.Popen(["taskset", "-c", str(core), sys.executable,
                                 "-c", "while True: pass"])
               for core in range(os.cpu_count()) for _ in range(count)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def leave_out_links(out):
    """The calls of infer() that move messages do nothing any more."""
    for directory in cluster.ranks_of(out):
        with open(os.path.join(directory, "model.h"), "a",
                  encoding="utf-8") as stream:
            stream.write('#include "runtime/disco.h"\n')
            stream.writelines(f"#define disco_{name}({parameters}) (void(n), 0)\n"
                              for name, parameters in CALLS.items())
            stream.write(PLACE)


def build(found, folder, masked):
    """{which: directory} of the programs for one node, for two, and for two
    that exchange nothing; the number of exchange points"""
    outs = {k: os.path.join(folder, f"out{k}") for k in (1, 2, "alone")}
    masks = bench.write_masks(found, 2, folder)[0] if masked else None
    for nodes in (1, 2):
        bench.compile_cost(found, nodes, outs[nodes],
                           masks if nodes == 2 else None, repeat=1)
    shutil.copytree(outs[2], outs["alone"])
    leave_out_links(outs["alone"])
    for out in outs.values():
        cluster.build_shards(out)
    report = cluster.load_json(os.path.join(outs[2], "report.json"))
    return outs, report["schedule"]["exchange_points"]


def measure(found, a, folder):
    outs, points = build(found, folder, a.masks)
    feeds = found.inputs(1)
    times = {name: [] for name, _, _ in WAYS}
    with others(a.busy):
        for _ in range(a.rounds):
            for name, which, extra in WAYS:
                alone = which == "alone"
                medians = medians_us(
                    outs[which], 1 if which == 1 else 2, feeds,
                    os.path.join(folder, "work"),
                    ["--quiet", "--repeat", str(a.repeat), *extra,
                     *(["--count", "1"] if alone else [])], a.first_in_line)
                times[name].append(max(medians) if alone else medians[0])
    one, arithmetic = (statistics.median(times[k])
                       for k in ("one node", "arithmetic"))
    for name, which, _ in WAYS:
        mid = statistics.median(times[name])
        each = f"{(mid - arithmetic) / points:.1f}" if which == 2 else ""
        print(f"| {found.name} | {'masks 0.2' if a.masks else 'dense'} | {name} | "
              f"{mid:.0f} | {min(times[name])} to {max(times[name])} | "
              f"{mid / one:.2f} | {each} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("models", nargs="*")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--repeat", type=int, default=400)
    parser.add_argument("--busy", type=int, default=0)
    parser.add_argument("--masks", action="store_true")
    parser.add_argument("--first-in-line", action="store_true")
    a = parser.parse_args()
    print("| model | weights | data | us | medians | of one node | beyond arithmetic, "
          "us an exchange point |\n| --- | --- | --- | --- | --- | --- | --- |")
    for name in a.models or ("resnet20_cifar10", "micro_kws_m", "mnist_cnn"):
        with tempfile.TemporaryDirectory(prefix="discoc-processes-") as folder:
            measure(bench.model(name, folder), a, folder)


if __name__ == "__main__":
    main()
