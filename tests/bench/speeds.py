#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Nodes of different speed: what `partition` finds against equal shares and
against the best contiguous division in eighths, which is enumerated. Simulated.

    speeds.py [--rates 1,2,4] [--mbit 100] [--slow-link 10] MODEL.onnx...

The nodes are boards with the rates of a Pi 4's core and parts of it, all joined
by Ethernet, one of the links slower.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import discoc  # noqa: E402

CLOCK, CYCLES = 1.5e9, 0.4      # of a multiply-accumulate: 3.75 GMAC/s
PAYLOAD = 0.94 / 8 * 1e6        # bytes a second of 1 Mbit/s
BOARDS = os.path.join(discoc.ROOT, "codegen", "boards")


def make_board(folder, part):
    """A board with a part of the full speed, and room for any network."""
    name = f"speed{part:.3f}"
    path = os.path.join(folder, name)
    shutil.copytree(os.path.join(BOARDS, "mps2-an386"), path)
    if not os.path.exists(os.path.join(folder, "common")):
        shutil.copytree(os.path.join(BOARDS, "common"),
                        os.path.join(folder, "common"))
    file = os.path.join(path, "board.toml")
    with open(file, encoding="utf-8") as stream:
        text = stream.read()
    text = re.sub(r"(?m)^clock = .*", f"clock = {CLOCK * part}", text)
    text = re.sub(r"(?m)^f32 = .*", f"f32 = {CYCLES}", text)
    text = text.replace("size = 0x400000\n", "size = 0x10000000\n")
    text = re.sub(r'\[\[memory\]\]\nname = "psram".*?\n\n', "", text,
                  flags=re.S)
    # One port a link.
    eth = re.search(r'\[\[link\]\]\nname = "eth0".*?\n\n', text, re.S).group()
    text = text.replace(eth, eth + "".join(
        re.sub(r"(?m)^emulator.*\n", "", eth).replace("eth0", f"eth{k}")
        for k in (1, 2)))
    with open(file, "w", encoding="utf-8") as stream:
        stream.write(text)
    return "./" + name


def make_cluster(folder, rates, mbit, slow):
    """All pairs joined; the last two nodes by the slow link."""
    text = ""
    for k, rate in enumerate(rates):
        board = make_board(folder, rate / max(rates))
        text += f'[[node]]\nname = "n{k}"\nboard = "{board}"\n'
    for a in range(len(rates)):
        for b in range(a + 1, len(rates)):
            is_slow = (a, b) == (len(rates) - 2, len(rates) - 1)
            text += (f'[[link]]\nbetween = ["n{a}", "n{b}"]\n'
                     'kind = "ethernet"\nlatency = 1e-4\nbandwidth = '
                     f'{(slow if is_slow else mbit) * PAYLOAD}\n')
    path = os.path.join(folder, "cluster.toml")
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)
    return path


def run(*command):
    return subprocess.run([discoc.binary(), *command], text=True, check=True,
                          stdout=subprocess.PIPE).stdout


def simulated(model, cluster, shares, folder):
    out = os.path.join(folder, "out")
    run("compile", model, "--cluster", cluster, "--shares",
        ",".join(map(str, shares)), "-o", out)
    return json.loads(run("simulate", out, "--json"))["latency_ns"]


def in_eighths(nodes, left=8):
    if nodes == 1:
        yield (left,)
        return
    for first in range(left + 1):
        for rest in in_eighths(nodes - 1, left - first):
            yield (first, *rest)


def measure(model, cluster, folder, nodes):
    found = json.loads(run("partition", model, "--cluster", cluster, "--json"))
    auto = found["tried"][found["chosen"]]
    equal = simulated(model, cluster, (1,) * nodes, folder)
    times = {s: simulated(model, cluster, s, folder)
             for s in in_eighths(nodes)}
    best = min(times, key=times.get)
    what = f"{auto['nodes']} nodes, {auto['name']}" + (
        " " + ":".join(map(str, auto["shares"])) if "shares" in auto else "")
    print(f"| {os.path.basename(os.path.dirname(os.path.abspath(model)))} | "
          f"{equal / 1e6:.2f} | {':'.join(map(str, best))} "
          f"{times[best] / 1e6:.2f} | {what} {auto['latency_ns'] / 1e6:.2f} | "
          f"{equal / auto['latency_ns']:.2f} | "
          f"{times[best] / auto['latency_ns']:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+")
    parser.add_argument("--rates", default="1,2,4")
    parser.add_argument("--mbit", type=float, default=100)
    parser.add_argument("--slow-link", type=float, default=10)
    a = parser.parse_args()
    rates = [float(r) for r in a.rates.split(",")]
    print("| model | equal, ms | best in eighths, ms | partition, ms | "
          "faster than equal | of the best in eighths |\n"
          "| --- | ---: | ---: | ---: | ---: | ---: |", flush=True)
    with tempfile.TemporaryDirectory(prefix="discoc-speeds-") as folder:
        cluster = make_cluster(folder, rates, a.mbit, a.slow_link)
        for model in a.models:
            measure(model, cluster, folder, len(rates))


if __name__ == "__main__":
    main()
