#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Where one node's arithmetic goes: microseconds of every kernel call of an
emitted node, its links left out; and what lies between a send and the next
wait, behind which a message can hide.

    layers.py OUT/node0 [--top 20] [--count 20]
"""

import argparse
import ctypes
import os
import re
import shutil
import sys
import tempfile

import numpy as np

import bench

CALL = re.compile(r"^  disco::(\w+)<(\w+)>\(.*;$")
CLOCK = """
#include <time.h>
extern "C" { double bench_calls[%d]; }
static double bench_clock() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) * 1e6 + 1e-3 * static_cast<double>(t.tv_nsec);
}
"""


def instrument(directory, target):
    """A copy whose calls are timed; [(kernel, op, comment)]"""
    shutil.copytree(directory, target, dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns("build", "*.so"))
    path = os.path.join(target, "model.cpp")
    calls, lines, comment = [], [], ""
    with open(path, encoding="utf-8") as stream:
        for line in stream.read().splitlines():
            if line.startswith("  // "):
                comment = line[5:]
            found = CALL.match(line)
            if found:
                k = len(calls)
                calls.append((found[1], found[2], comment))
                line = (f"  bench_calls[{k}] -= bench_clock();\n{line}\n"
                        f"  bench_calls[{k}] += bench_clock();")
            lines.append(line)
    text = "\n".join(lines).replace('#include "model.h"', '#include "model.h"'
                                    + CLOCK % max(1, len(calls)), 1)
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text + "\n")
    return calls


def times_of(directory, count, core):
    """[(microseconds, kernel, op, comment)] in the order of the calls; the
    median of `count` inferences."""
    with tempfile.TemporaryDirectory() as folder:
        calls = instrument(directory, folder)
        node = bench.Node(folder, links=False)
        # Larger than any input or output of the models here.
        zeros = [np.zeros(1 << 23, np.float32) for _ in range(8)]
        node.bind(zeros[:4], zeros[4:])
        seen = (ctypes.c_double * max(1, len(calls))).in_dll(
            node.library, "bench_calls")
        rows = []
        with bench.undisturbed(core):
            node.time(2)
            for _ in range(count):
                ctypes.memset(seen, 0, ctypes.sizeof(seen))
                node.time(1)
                rows.append(list(seen))
        return [(bench.median([r[k] for r in rows]), *call)
                for k, call in enumerate(calls)]


def windows(directory, rows):
    """Microseconds of arithmetic between a send and the wait after it."""
    times, result, here = iter(rows), [], None
    with open(os.path.join(directory, "model.cpp"), encoding="utf-8") as f:
        for line in f.read().splitlines():
            if "disco_send(" in line:
                here = 0.0
            elif "disco_wait(" in line and here is not None:
                result.append(here)
                here = None
            elif CALL.match(line):
                us = next(times)[0]
                here = None if here is None else here + us
    return result


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory")
    parser.add_argument("--top", type=int, default=20)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--core", type=int, default=0)
    a = parser.parse_args()
    rows = times_of(a.directory, a.count, a.core)
    total = sum(r[0] for r in rows)
    kinds = {}
    for us, kind, _, _ in rows:
        kinds[kind] = kinds.get(kind, 0) + us
    print(f"total {total / 1e3:.2f} ms in {len(rows)} calls: " + ", ".join(
        f"{k} {v / 1e3:.2f}" for k, v in sorted(
            kinds.items(), key=lambda kv: -kv[1])))
    found = windows(a.directory, rows)
    if found:
        print(f"{len(found)} windows of {min(found):.0f} to {max(found):.0f} "
              f"us, median {bench.median(found):.0f}, together "
              f"{sum(found) / 1e3:.2f} ms; hidden at most: " + ", ".join(
                  f"{sum(min(w, d) for w in found) / 1e3:.2f} ms of {d} us"
                  for d in (100, 200, 500, 1000)) + " messages")
    for us, kind, op, comment in sorted(rows, reverse=True)[:a.top]:
        print(f"{us:10.1f} us {100 * us / total:5.1f} %  {kind:12} {op:6} "
              f"{comment[:100]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
