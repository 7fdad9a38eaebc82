#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Small networks on the two cores of this host, as `compile --strategy auto` divides them, against one node: medians of
rounds in turns.

    small_models.py --profile FILE [--rounds R] [--repeat N] [--prepare FOLDER] [MODEL...]

The profile is that of `discoc calibrate`; the link between the two is the memory that they share, as it was measured there.
With --prepare programs are only built; with the same folder again they are measured.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

import bench
import cluster
import discoc

MODELS = ("resnet20_cifar10", "micro_kws_m", "mnist_cnn")


def write_cluster(profile, folder):
    """Two processes of this host, over memory: a line through what was measured, on the way and at both ends."""
    with open(profile, encoding="utf-8") as stream:
        points = json.load(stream)["transports"]["memory"]
    small, large = points[0], points[-1]
    def whole(point):
        return point["ns"] + 2 * point["processor_ns"]
    each = max((whole(large) - whole(small)) / (large["bytes"] - small["bytes"]), 1e-3)
    path = os.path.join(folder, "two.toml")
    with open(path, "w", encoding="utf-8") as stream:
        stream.write('[[node]]\nname = "a"\n[[node]]\nname = "b"\n[[link]]\nbetween = ["a", "b"]\n'
                     f"bandwidth = {1e9 / each:.6g}\nlatency = {max(small['ns'], 1) * 1e-9:.6g}\n")
    return path


def prepare(name, profile, folder):
    found = bench.model(name, folder)
    for way, extra in (("one", ["-n", "1"]), ("auto", ["--cluster", write_cluster(profile, folder), "--strategy", "auto"])):
        out = os.path.join(folder, f"{name}-{way}")
        if os.path.exists(out + ".txt"):
            continue
        shapes = [f"--input-shape={key}={'x'.join(map(str, value.shape))}" for key, value in found.inputs(1).items()]
        done = subprocess.run([discoc.binary(), "compile", found.path, *extra, *shapes, "--profile", profile, "--target", "native", "-o", out],
                              stdout=subprocess.PIPE, text=True, check=True)
        cluster.build_shards(out)
        os.makedirs(out + ".inputs", exist_ok=True)
        with open(out + ".txt", "w", encoding="utf-8") as stream:
            json.dump({"arguments": cluster.save_inputs(found.inputs(1), out + ".inputs"),
                       "why": [line for line in done.stdout.splitlines() if line.startswith(("chosen", "why"))]}, stream)


def timed(out, a):
    with open(out + ".txt", encoding="utf-8") as stream:
        arguments = json.load(stream)["arguments"]
    done = subprocess.run([discoc.binary(), "run", out, "--json", "--repeat", str(a.repeat), *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=True)
    return json.loads(done.stdout)["time_us"]["median"]


def measure(name, folder, a):
    times = {way: [] for way in ("one", "auto")}
    for _ in range(a.rounds):
        for way, list_of in times.items():
            list_of.append(timed(os.path.join(folder, f"{name}-{way}"), a))
    one, auto = (statistics.median(times[way]) for way in ("one", "auto"))
    with open(os.path.join(folder, f"{name}-auto.txt"), encoding="utf-8") as stream:
        why = "; ".join(" ".join(line.split()[1:]) for line in json.load(stream)["why"])
    print(f"| {name} | {one:.0f} | {min(times['one'])} to {max(times['one'])} | {auto:.0f} | {min(times['auto'])} to {max(times['auto'])} | "
          f"{auto / one:.3f} | {why} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--profile", required=True)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--repeat", type=int, default=200)
    parser.add_argument("--prepare")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="discoc-small-") as own:
        folder = a.prepare or own
        os.makedirs(folder, exist_ok=True)
        ready = all(os.path.exists(os.path.join(folder, f"{name}-auto.txt")) for name in a.models)
        for name in a.models:
            prepare(name, a.profile, folder)
        if a.prepare and not ready:
            return
        print("| model | one node, us | rounds | auto, us | rounds | ratio (aim: at most 1.03) | found, and why |\n"
              "| --- | ---: | --- | ---: | --- | ---: | --- |", flush=True)
        for name in a.models:
            measure(name, folder, a)


if __name__ == "__main__":
    main()
