#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A sparse schedule of 1,000 nodes, made here, is played by `discoc simulate`: every node computes, gives its result to
ten others, and waits for what ten others give it, so many rounds.

    big_schedule.py [--full]

--full: 10^6 steps that compute and 10^7 messages, in less than 10 s and 4 GB; else a hundredth of that.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import discoc  # noqa: E402

NODES, PEERS, BYTES, MACS = 1000, 10, 1000, 5000
STEPS = [1 + 7 * k for k in range(PEERS)]  # how far away those are that a node gives its result


def write(path, rounds):
    """One wire a node into a switch, of a byte a nanosecond; a multiply-accumulate takes one, too."""
    with open(path, "w") as stream:
        stream.write("discoc-schedule 1\nin_flight 1\n" + "node board 1e9 f32 1\n" * NODES)
        stream.write("link packets full 1e9 1e-6 " + " ".join(map(str, range(NODES))) + "\n")
        for node in range(NODES):
            for step in STEPS:
                to = (node + step) % NODES
                stream.write(f"way {node} {to} 0 {node} {to}\n")
        stream.write(f"work conv conv_any f32 {MACS} 1 0 0 -1\n")
        # Message (turn * NODES + node) * PEERS + k goes from a node to its k-th peer.
        for turn in range(rounds):
            stream.write("".join(
                f"m {(turn * NODES + node) * PEERS + k} {node} {(node + step) % NODES} {BYTES} -1\n"
                for node in range(NODES) for k, step in enumerate(STEPS)))
        for node in range(NODES):
            for turn in range(rounds):
                sent = [(turn * NODES + node) * PEERS + k for k in range(PEERS)]
                got = [(turn * NODES + (node - step) % NODES) * PEERS + k for k, step in enumerate(STEPS)]
                stream.write(f"s {node} " + " ".join(
                    [f"p{m}" for m in got] + ["c0"] + [f"s{m}" for m in sent] + [f"f{m}" for m in sent] +
                    [f"r{m}" for m in got]) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true")
    args = parser.parse_args()
    discoc.need_compiler()
    tally = discoc.Tally()
    rounds = 1000 if args.full else 10
    with tempfile.TemporaryDirectory(prefix="discoc-schedule-") as folder:
        path = os.path.join(folder, "big.txt")
        write(path, rounds)
        began = time.monotonic()
        done = subprocess.run([discoc.binary(), "simulate", path, "--json"], capture_output=True, text=True, timeout=600)
        took, used = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        tally.check("played", done.returncode == 0, done.stderr)
        latency = json.loads(done.stdout)["latency_ns"] if done.returncode == 0 else 0
        # A node's own wire carries its ten messages one after the other; a round is no shorter than that. Wires stand
        # still only while the other ends of all that could move are taken.
        least = rounds * (MACS + PEERS * BYTES)
        tally.check("no quicker than wires are", least <= latency <= 3 * least, f"{latency} ns, at least {least}")
        print(f"{rounds * NODES} steps, {rounds * NODES * PEERS} messages: {took:.1f} s, {used:.2f} GB")
        if args.full:
            tally.check("in less than 10 s", took < 10, f"{took:.1f} s")
            tally.check("in less than 4 GB", used < 4, f"{used:.2f} GB")
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
