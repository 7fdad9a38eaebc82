#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What one message between two processes of a host takes, a core each: by the
runtime, over TCP and shared memory, and by a raw spinning ping-pong over the
same (ping.cpp).

    ping.py [--rounds R] [--count N] [--spin-us US] [--first-in-line]

The four take turns, a round each. Printed is half a round trip: the median over
the rounds of their medians, and the median of the rounds' ratios.
"""

import argparse
import glob
import json
import os
import statistics
import subprocess
import tempfile

import bench
import cluster

STUB = os.path.join(bench.HERE, "..", "..", "runtime_stub")


def measure(a, folder):
    program = os.path.join(folder, "ping")
    cluster.call([os.environ.get("CXX", "g++"), "-std=c++17", "-O2", "-I", STUB,
                  os.path.join(bench.HERE, "ping.cpp"),
                  *sorted(glob.glob(os.path.join(STUB, "disco*.cpp"))),
                  *(os.path.join(STUB, "transport", f"{t}.cpp")
                    for t in ("tcp", "shm", "address")), "-o", program])
    first = bench.before_others(1) if a.first_in_line else []
    done = subprocess.run([*first, program, str(a.rounds), str(a.count),
                           str(a.spin_us)], stdout=subprocess.PIPE, check=True,
                          timeout=600)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--spin-us", type=int, default=50)
    parser.add_argument("--first-in-line", action="store_true")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="discoc-ping-") as folder:
        rounds = measure(a, folder)
    print("| over | bytes | raw, us | runtime, us | ratio | ratios |\n"
          "| --- | ---: | ---: | ---: | ---: | --- |")
    for over, name in (("tcp", "TCP"), ("memory", "shared memory")):
        for size in sorted({r["bytes"] for r in rounds}):
            seen = [(r[f"{over} raw"], r[over]) for r in rounds
                    if r["bytes"] == size]
            raw, by = (statistics.median(s[k] for s in seen) / 1e3
                       for k in (0, 1))
            ratios = [b / r for r, b in seen]
            print(f"| {name} | {size:,} | {raw:.2f} | {by:.2f} | "
                  f"{statistics.median(ratios):.2f} | "
                  f"{min(ratios):.2f} to {max(ratios):.2f} |")


if __name__ == "__main__":
    main()
