#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A network as a pipeline of two stages, and divided within its layers, over a link that `tc` holds down (lan.py): foretold by
`simulate`, and measured.

    in_series.py --profile FILE [--rates 100,1000] [--in-flight K] [--rounds R] [--repeat N] [--first-in-line] [--prepare FOLDER] [MODEL]

FILE is what `discoc calibrate` says of this machine; rates are in Mbit/s. All programs run in turns, a round each: one node, within layers and in stages with K in flight. Printed, as
medians over the rounds: inferences a second from the first submit to the last output, and against one node. With --prepare programs are only built; with the same folder again they are measured. Two real-time programs
that compute without a pause starve the link's timers, so --first-in-line is for slow links alone. Needs the right to make namespaces."""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import tempfile

import bench
import cluster
import discoc
import in_flight
import lan
import predict

WAYS = {"one node": [], "within layers": [], "in series": ["--stages", "2"]}


def place(way, rate, folder):
    return os.path.join(folder, f"{way.replace(' ', '_')}_{rate}")


def prepare(found, way, rate, a, folder):
    """Compiles and builds a program, and notes what `simulate` says of it."""
    out = place(way, rate, folder)
    if os.path.exists(out + ".json"):
        return out
    nodes, file = 1 if way == "one node" else 2, os.path.join(folder, f"{rate}.toml")
    with open(file, "w", encoding="utf-8") as stream:
        stream.write(f"[[node]]\ncount = 2\n[[link]]\nbetween = [0, 1]\nbandwidth = {rate * 1e6 * predict.PAYLOAD}\nlatency = 5e-5\n")
    options = [*WAYS[way], "--profile", a.profile, "--target", "native"]
    if nodes > 1:
        options += ["--cluster", file, "--in-flight", str(a.in_flight)]
    discoc.compile(found.path, nodes, out, extra=options)
    done = subprocess.run([discoc.binary(), "simulate", out, "--profile", a.profile, "--json"], stdout=subprocess.PIPE, text=True, check=True)
    cluster.build_shards(out)
    with open(out + ".json", "w", encoding="utf-8") as stream:
        json.dump({"nodes": nodes, "predicted": 1e9 / json.loads(done.stdout)["period_ns"]}, stream)
    return out


def alone(out, arguments, a):
    command = (["chrt", "-f", "50"] if a.first_in_line else []) + ["taskset", "-c", "0", cluster.shard_of(out, 0), "--json", "--quiet", *arguments,
                                                                  "--repeat", str(a.repeat)]  # fmt: skip
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=600).stdout)


def row(rate, outs, arguments, a):
    times, stated = {way: [] for way in WAYS}, {}
    for way, out in outs.items():
        with open(out + ".json", encoding="utf-8") as stream:
            stated[way] = json.load(stream)
    with contextlib.closing(lan.Link(f"{rate}mbit", predict.BURST if rate <= 100 else "32kb")) as link:
        for _ in range(a.rounds):
            for way, out in outs.items():
                said = alone(out, arguments, a) if way == "one node" else in_flight.run(link, out, arguments, a, a.repeat)[0]
                times[way].append(said["inferences"] / said["span_us"] * 1e6)
    middle = {way: statistics.median(found) for way, found in times.items()}
    for way, found in times.items():
        foretold = stated[way]["predicted"]
        print(f"| {rate} | {way} | {foretold:.2f} | {middle[way]:.2f} | {min(found):.2f} to {max(found):.2f} | {100 * (foretold / middle[way] - 1):+.0f} % | "
              f"{middle[way] / middle['one node']:.2f} |", flush=True)  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="resnet50")
    parser.add_argument("--profile", required=True)
    parser.add_argument("--rates", default="100,1000")
    parser.add_argument("--in-flight", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=60)
    parser.add_argument("--first-in-line", action="store_true")
    parser.add_argument("--prepare", metavar="FOLDER")
    a = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = a.prepare or stack.enter_context(tempfile.TemporaryDirectory(prefix="discoc-in-series-"))
        os.makedirs(folder, exist_ok=True)
        found = bench.model(a.model, folder)
        rates = [int(rate) for rate in a.rates.split(",")]
        known = all(os.path.exists(place(way, rate, folder) + ".json") for way in WAYS for rate in rates)
        outs = {rate: {way: prepare(found, way, rate, a, folder) for way in WAYS} for rate in rates}
        if a.prepare and not known:
            return
        arguments = cluster.save_inputs(found.inputs(1), os.path.join(folder, "inputs"))
        print("| Mbit/s | how | foretold, a second | measured | rounds | error | times one |\n| ---: | --- | ---: | ---: | --- | ---: | ---: |")
        for rate in rates:
            row(rate, outs[rate], arguments, a)


if __name__ == "__main__":
    main()
