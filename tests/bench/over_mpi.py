#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What an inference takes on N processes of one host: data over TCP, over
shared memory, and over MPI. All three are the same programs, built with
-DDISCO_MPI=ON; `discoc run` and `discoc launch` start them.

    over_mpi.py [--rounds R] [--repeat N] [--nodes 2,3] [--first-in-line]
                [MODEL.onnx ...]

They run in turns, a round each; printed are the median over the rounds of the
programs' own medians, and the least and the largest of these, in microseconds.
--first-in-line: at real-time priority, on a machine that others use.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

import bench  # noqa: F401  (puts the oracles on the path)
import cluster
import discoc
import graph

import numpy as np

WAYS = (("TCP", ["run", "--transport", "tcp"]),
        ("shared memory", ["run"]),
        ("MPI", ["launch", "--with", "mpirun"]))
# As root, with more ranks than processors, alone on this host.
SETTINGS = {"OMPI_ALLOW_RUN_AS_ROOT": "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            "OMPI_MCA_btl": "self,vader",
            "OMPI_MCA_rmaps_base_oversubscribe": "1",
            "OMPI_MCA_hwloc_base_binding_policy": "none"}


def build(out):
    for directory in cluster.ranks_of(out):
        place = os.path.join(directory, "build", "mpi")
        cluster.call(["cmake", "-S", directory, "-B", place,
                      "-DCMAKE_BUILD_TYPE=Release", "-DDISCO_MPI=ON"])
        cluster.call(["cmake", "--build", place, "-j", "2"])
        shutil.copy2(os.path.join(place, "shard"),
                     os.path.join(directory, "build", "shard"))


def median_us(out, way, inputs, a):
    verb, *more = way
    first = ["chrt", "-f", "1"] if a.first_in_line else []
    done = subprocess.run(
        [*first, discoc.binary(), verb, out, *more, *inputs, "--repeat",
         str(a.repeat), "--json"], capture_output=True, text=True, timeout=600,
        env=dict(os.environ, **SETTINGS))
    if done.returncode:
        sys.exit(f"{out}: {done.stderr}")
    return json.loads(done.stdout)["time_us"]["median"]


def measure(path, nodes, a, folder):
    out = os.path.join(folder, f"out{nodes}")
    discoc.compile(path, nodes, out)
    build(out)
    feeds = graph.random_inputs(graph.load(path), np.random.default_rng(1))
    inputs = cluster.save_inputs(feeds, folder)
    times = {name: [] for name, _ in WAYS}
    for _ in range(a.rounds):
        for name, way in WAYS:
            times[name].append(median_us(out, way, inputs, a))
    first = statistics.median(times["TCP"])
    for name, _ in WAYS:
        mid = statistics.median(times[name])
        print(f"| {os.path.basename(os.path.dirname(path))} | {nodes} | {name} "
              f"| {mid:.0f} | {min(times[name])} to {max(times[name])} | "
              f"{mid / first:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("models", nargs="*")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--repeat", type=int, default=400)
    parser.add_argument("--nodes", default="2,3")
    parser.add_argument("--first-in-line", action="store_true")
    a = parser.parse_args()
    models = a.models or [
        os.path.join(discoc.shared(), "models", name, "model.onnx")
        for name in ("resnet20_cifar10", "micro_kws_m", "mnist_cnn")]
    print("| model | N | data | us | medians | of TCP |\n"
          "| --- | --- | --- | --- | --- | --- |")
    for path in models:
        for nodes in map(int, a.nodes.split(",")):
            with tempfile.TemporaryDirectory(prefix="discoc-mpi-") as folder:
                measure(path, nodes, a, folder)


if __name__ == "__main__":
    main()
