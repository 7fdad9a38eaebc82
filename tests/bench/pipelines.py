#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""DEFER's experiment: networks over nodes in series, divided within layers, and mixed.

Throughput and latency of every division that `discoc partition` tries, as the schedule's engine has them, over nodes of three
speeds and links of three, by three wires; beside them the bound of a pipeline: of all cuts into one node a stage the least of
the slowest stage or cut (bytes over the link). "Of the bound" and "times one" are of at most N nodes: where links are so slow that
fewer are faster, nobody has to use all. Nothing is measured here.

    pipelines.py [MODEL.onnx]... [--nodes 1,2,4,6,8] [--speeds host,pi5,pi4] [--rates 10,100,1000] [--wires f32,f16,i8]
                 [--host PROFILE.json] [--in-flight 8] [--state FILE] [--check] [--share]

Speeds are classes of one core each: `host` is the nominal core of discoc, or the profile of `--host`; `pi5` and `pi4` are cores
at the clock of a Cortex-A76 (2.4 GHz) and a Cortex-A72 (1.5 GHz) that reach 70 % of 8 and of 4 multiply-accumulates a cycle, and
8 and 4 GB/s of memory. A message takes processors and links what docs/formats/profile.md says of a nominal core, by the clock.

`--check`: each row has to reach 0.9 of the bound, and with 8 nodes of `pi4` at 1 Gbit/s 4 times one node; the last line reads
`N passed, N failed, N skipped`. `--share`: ResNet-50 and a few rows. `--state`: rows that are there are not made again.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import bench
import discoc

NODES, SPEEDS, RATES, WIRES = (1, 2, 4, 6, 8), ("host", "pi5", "pi4"), (10, 100, 1000), ("f32", "f16", "i8")
# Of TCP's payload on Ethernet.
PAYLOAD = 0.94
LATENCY = 1e-4
# Clock in GHz, multiply-accumulates a cycle, the part of them that kernels reach, bytes of memory a nanosecond.
CORES = {"pi5": (2.4, 8, 0.7, 8.0), "pi4": (1.5, 4, 0.7, 4.0)}


def profile_of(speed, folder):
    """`--profile` and a file; nothing for the nominal core."""
    if speed not in CORES:
        return []
    clock, macs, part, memory = CORES[speed]
    slower = 2 / clock  # than the nominal core
    profile = {"format": "discoc-profile", "version": 1, "compiler": version(), "host": speed, "target": "aarch64",
               "cache_bytes": 0, "step_ns": 500 * slower, "memory_bytes_per_ns": memory, "message_ns": 10000 * slower,
               "message_byte_ns": 0.5 * slower, "spin_ns": 50000, "wake_ns": 30000 * slower,
               "mac_ns": {"f32": 1 / (clock * macs * part), "i8": 1 / (2 * clock * macs * part)}, "kernels": [], "transports": {}}
    path = os.path.join(folder, speed + ".json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(profile, file)
    return ["--profile", path]


def version():
    return subprocess.run([discoc.binary(), "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]


def cluster_of(nodes, rate, folder):
    """Inputs at the first node, outputs from the last."""
    path = os.path.join(folder, f"c{nodes}_{rate}.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"[[node]]\ncount = {nodes}\n[root]\ninput_at = 0\noutput_at = {nodes - 1}\n")
        for a in range(nodes):
            for b in range(a + 1, nodes):
                file.write(f"[[link]]\nbetween = [{a}, {b}]\nbandwidth = {rate * 1e6 / 8 * PAYLOAD}\nlatency = {LATENCY}\n")
    return path


def partition(model, nodes, rate, wire, speed, a, folder):
    how = ["--profile", a.host] if speed == "host" and a.host else profile_of(speed, folder)
    command = [discoc.binary(), "partition", model, "--cluster", cluster_of(nodes, rate, folder), "--nodes", str(nodes), "--json",
               "--objective", "throughput", "--in-flight", str(a.in_flight), "--wire", wire, *how]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr}")
    return json.loads(done.stdout)


def row_of(found, nodes):
    """Periods and latencies in nanoseconds, by what was tried."""
    row = {"one": found["one_node_ns"][0], "bound": found.get("pipeline_ns", {}).get(str(nodes), found["one_node_ns"][0])}
    mixed = None
    for tried in found["tried"]:
        times = (tried["period_ns"], tried["latency_ns"])
        if tried["name"] in ("one node", "stages"):
            row["series"] = times
        if tried["name"].startswith("greedy") and (row.get("within", times)[0] >= times[0]):
            row["within"] = times
        if tried["name"].endswith(" stages") and (mixed is None or times[0] < mixed[0]):
            mixed = times
    if mixed:
        row["mixed"] = mixed
    return row


def rows(models, a, folder):
    known = {}
    if a.state and os.path.exists(a.state):
        with open(a.state, encoding="utf-8") as file:
            known = {json.dumps(key): row for key, row in map(json.loads, file)}
    for name, path in models:
        for speed in a.speeds:
            for rate in a.rates:
                for wire in a.wires:
                    for nodes in a.nodes:
                        if nodes == 1 and (rate != a.rates[0] or wire != a.wires[0]):
                            continue  # nothing travels
                        key = [name, speed, rate, wire, nodes]
                        row = known.get(json.dumps(key))
                        if row is None:
                            row = row_of(partition(path, nodes, rate, wire, speed, a, folder), nodes)
                            if a.state:
                                with open(a.state, "a", encoding="utf-8") as file:
                                    file.write(json.dumps([key, row]) + "\n")
                        yield key, row


def cell(times):
    return f"{1e9 / times[0]:.2f} / {times[1] / 1e6:.0f}" if times else "-"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="*")
    for name, default, kind in (("nodes", NODES, int), ("speeds", SPEEDS, str), ("rates", RATES, int), ("wires", WIRES, str)):
        parser.add_argument("--" + name, default=default, type=lambda text, kind=kind: tuple(map(kind, text.split(","))))
    parser.add_argument("--host")
    parser.add_argument("--in-flight", type=int, default=8)
    parser.add_argument("--state")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--share", action="store_true")
    a = parser.parse_args()
    tally = discoc.Tally(quiet=True)
    with tempfile.TemporaryDirectory(prefix="discoc-pipelines-") as folder:
        models = [(os.path.splitext(os.path.basename(path))[0], path) for path in a.model]
        for name in () if a.model else ("resnet50",) if a.share else ("resnet50", "vgg16", "vgg19"):
            try:
                models.append((name, bench.model(name, folder).path))
            except Exception as error:  # pylint: disable=broad-except
                tally.skip(name, f"cannot be exported: {error}")
        if a.share:
            a.nodes, a.speeds, a.rates, a.wires = (1, 2, 8), ("pi4",), (100, 1000), ("f32",)
        print("| network | nodes of | Mbit/s | wire | N | bound | in series | within layers | mixed | of the bound | times one |")
        print("| --- | --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
        least = {}  # bound and ours, of at most so many nodes: nobody has to use all
        for (name, speed, rate, wire, nodes), row in rows(models, a, folder):
            kinds = [row[kind] for kind in ("series", "within", "mixed") if kind in row]
            before = least.get((name, speed, rate, wire), least.get((name, speed), (row["one"], float("inf"))))
            bound, best = min(before[0], row["bound"]), min(before[1], *(times[0] for times in kinds))
            least[(name, speed) if nodes == 1 else (name, speed, rate, wire)] = bound, best
            part, times = bound / best, row["one"] / best
            print(f"| {name} | {speed} | {rate if nodes > 1 else '-'} | {wire if nodes > 1 else '-'} | {nodes} | "
                  f"{1e9 / row['bound']:.2f} | {cell(row.get('series'))} | {cell(row.get('within') if nodes > 1 else None)} | "
                  f"{cell(row.get('mixed'))} | {part:.2f} | {times:.2f} |", flush=True)
            label = f"{name}, {nodes} nodes of {speed}, {rate} Mbit/s, {wire}"
            tally.check(f"{label}: 0.9 of the bound", part >= 0.9, f"{part:.3f}")
            if nodes == 8 and speed == "pi4" and rate == 1000 and name in ("resnet50", "vgg16"):
                tally.check(f"{label}: 4 times one node", times >= 4, f"{times:.2f}")
    return tally.close() if a.check else 0


if __name__ == "__main__":
    sys.exit(main())
