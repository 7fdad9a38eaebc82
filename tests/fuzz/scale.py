#!/usr/bin/python3
# How time and memory of the compiler grow with the size of a model.
# SPDX-License-Identifier: Apache-2.0
"""usage: tests/fuzz/scale.py [--check [--full]] [--list] [--keep DIR] [-n NODES] [KIND[:SIZE[,SIZE...]]]...

Makes models of one kind each, at sizes n, 2n and 4n (or those given), compiles them with DISCOC and prints seconds of
the processor, the largest memory, and the growth by doubling. A model is made of small tensors: what is measured is the
number of ops, operands, names and calls, not arithmetic.

  --full     with --check: the largest clusters, too, for minutes
  --check    the share that scripts/test runs: fewer and smaller, held against the bounds in the table KINDS, and closed
             with `N passed, N failed, N skipped`
  --keep DIR keeps the models there
  --list     names the kinds and ends"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile

from scale_models import (
    chain, gates, gates_of_vector, gates_after, doubled, residuals, skips, long_skips, concat, concat_of_products,
    sums, split, inputs, outputs, initialisers, unused, readers, matmuls, products, scales, norms, transposes,
    constants, dead, reversed_order, same_names, almost_same_names, names, dimensions, calls, functions, nested,
    laughs, copies, attributes, many_attributes, calls_of_one_name, groups, constant_concat, quantised_gates,
    call_names, subgraphs, dense_layers, sparse_layers,
)  # fmt: skip

# What is printed without arguments: the kind and the smallest of three sizes, each twice the one before.
KINDS = {
    chain: 10000, gates: 15, gates_of_vector: 15, gates_after: 15, doubled: 15, residuals: 2000, skips: 4000,
    long_skips: 4000, concat: 5000, constant_concat: 5000, concat_of_products: 1000, sums: 5000, split: 1000,
    inputs: 2000, outputs: 1000, initialisers: 5000, unused: 5000, readers: 5000, matmuls: 1000, products: 2000,
    groups: 500, norms: 500, scales: 250, transposes: 5000, constants: 5000, dead: 5000, reversed_order: 5000, same_names: 5000,
    almost_same_names: 5000, names: 250000, dimensions: 16, calls: 5000, calls_of_one_name: 5000, functions: 2500,
    nested: 15, laughs: 10, copies: 3, attributes: 5000, call_names: 500, subgraphs: 20, quantised_gates: 4,
    dense_layers: 64, sparse_layers: 64,
}  # fmt: skip
# Kinds that are about nodes: how many, of a size.
NODES = {dense_layers: lambda size: size // 4, sparse_layers: lambda size: size}

# The share that scripts/test runs. (kind, size, seconds, MB, what the answer has to say: nothing, it is compiled)
BOUNDS = [
    (gates, 30, 1, 250, ""),
    (gates, 60, 1, 250, ""),
    (gates_of_vector, 60, 1, 250, ""),
    (gates_after, 60, 1, 250, ""),
    (doubled, 60, 1, 250, ""),
    (quantised_gates, 8, 1, 250, ""),
    (chain, 20000, 10, 1000, ""),
    (concat, 10000, 10, 1000, ""),
    (constant_concat, 10000, 10, 1000, ""),
    (scales, 1000, 10, 1000, ""),
    (dimensions, 64, 10, 1000, ""),
    (dimensions, 65, 1, 250, "has 65 dimensions; a tensor may have 64"),
    (names, 1000000, 10, 1000, ""),
    (nested, 60, 10, 1000, ""),
    (nested, 70, 10, 1000, "nested more than 64 deep"),
    (laughs, 40, 10, 1000, "functions are called more than 200000 times"),
    (copies, 9, 10, 1000, "functions are called more than 200000 times"),
    (attributes, 20000, 10, 1000, "expand to more than 256 MB of names and attributes"),
    (call_names, 2000, 10, 1000, "expand to more than 256 MB of names and attributes"),
    (many_attributes, 100000, 10, 1000, "has 100000 attributes; an op may have 1000"),
    (chain, 200001, 10, 1000, "the model has 200001 ops; discoc compiles up to 200000"),
    (subgraphs, 50, 10, 1000, "messages are nested too deep"),
    (dense_layers, 256, 3, 400, ""),
    (sparse_layers, 128, 5, 400, ""),
]
# What scripts/soak runs.
FULL = [(sparse_layers, 1000, 300, 8000, "")]
# From a size to four times that size, time may grow so much: 2.5 a doubling. It is less than 2 where it is linear, but
# a machine that does something else as well is not a clock.
GROWTH = 2.5 * 2.5
GROWING = [
    (chain, 5000), (residuals, 1000), (skips, 2000), (long_skips, 2000), (concat, 5000), (split, 500), (inputs, 1000),
    (outputs, 500), (initialisers, 2000), (readers, 2500), (matmuls, 500), (products, 1000), (groups, 250),
    (calls_of_one_name, 5000),
]  # fmt: skip
# Of twice the nodes, which exchange four times as many messages, the same.
GROWING += [(dense_layers, 256), (sparse_layers, 128)]


def limited(seconds, megabytes):
    def setLimits():
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # A recursion over the ops of a deep program ends here even where programs are not that deep.
        resource.setrlimit(resource.RLIMIT_STACK, (512 << 10, 512 << 10))

    return setLimits


class Run:
    """One compilation: exit code, seconds of the program on a processor, peak of memory in MB, what was said, bytes of the model."""

    def __init__(self, discoc, kind, size, nodes=None, keep=None, seconds=120, megabytes=8000):
        nodes = nodes or NODES.get(kind, lambda size: 2)(size)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(keep or folder, f"{kind.__name__}-{size}.onnx")
            if not os.path.exists(path):
                # By a process of its own: what this one has held counts as memory of those that it starts.
                subprocess.run([sys.executable, __file__, "--make", path, f"{kind.__name__}:{size}"], check=True)
            self.bytes = os.path.getsize(path)
            command = [discoc, "compile", path, "-n", str(nodes), "-o", os.path.join(folder, "out")]
            with tempfile.TemporaryFile("w+", errors="replace") as log:
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                    preexec_fn=limited(seconds, megabytes),
                )  # fmt: skip
                _, status, usage = os.wait4(process.pid, 0)
                self.code = process.returncode = os.waitstatus_to_exitcode(status)
                log.seek(0)
                self.text = log.read(20000)
        # Not those of the system: making the files of 64 nodes costs what the file system asks, from 0.7 s to 2 s.
        self.seconds, self.megabytes = usage.ru_utime, usage.ru_maxrss / 1024

    def firstLine(self):
        return (self.text.strip().splitlines() or [""])[0]


def kindsByName():
    return {kind.__name__: kind for kind in [*KINDS, *(bound[0] for bound in BOUNDS)]}


def measure(args, discoc):
    byName = kindsByName()
    for wanted in args.kinds or [kind.__name__ for kind in KINDS]:
        name, _, sizes = wanted.partition(":")
        kind = byName[name]
        sizes = [int(size) for size in sizes.split(",")] if sizes else [KINDS[kind] << i for i in range(3)]
        before = None
        for size in sizes:
            run = Run(discoc, kind, size, args.n, args.keep)
            growth = f"x{run.seconds / before:.2f}" if before else ""
            before = run.seconds
            said = "" if run.code == 0 else f"exit {run.code} {run.firstLine()[:150]}"
            print(f"{name:20}{size:9}{run.bytes:11} B{run.seconds:8.2f} s{run.megabytes:7.0f} MB {growth:7}{said}", flush=True)


def withinBounds(discoc, kind, size, seconds, megabytes, answer):
    """Nothing, or what is wrong."""
    wrong = ""
    for _ in range(3):  # the least of three: others may be at work
        run = Run(discoc, kind, size, seconds=10 * seconds, megabytes=4 * megabytes)
        if run.code < 0 or (run.code == 0) != (not answer) or answer not in run.text:
            return f"exit {run.code}: {run.firstLine()[:200]}"
        if run.megabytes > megabytes:
            return f"{run.megabytes:.0f} MB, more than {megabytes}"
        if run.seconds <= seconds:
            return ""
        wrong = f"{run.seconds:.1f} s, more than {seconds}"
    return wrong


def growsTooFast(discoc, kind, size):
    """Nothing, or what is wrong."""
    small, large, larger = [], [], (2 if kind in NODES else 4) * size
    for _ in range(3):
        for sizes, n in ((small, size), (large, larger)):
            run = Run(discoc, kind, n)
            if run.code != 0:
                return f"exit {run.code} at {n}: {run.firstLine()[:200]}"
            sizes.append(run.seconds)
        if min(large) <= GROWTH * min(small):
            return ""
    return f"{min(small):.2f} s at {size}, {min(large):.2f} s at {larger}: more than {GROWTH} times"


def check(discoc, full):
    passed, failed = 0, 0
    tests = [(f"{b[0].__name__} {b[1]}", withinBounds, b) for b in BOUNDS + (FULL if full else [])]
    tests += [(f"growth of {g[0].__name__}", growsTooFast, g) for g in GROWING]
    for name, test, arguments in tests:
        wrong = test(discoc, *arguments)
        passed, failed = passed + (not wrong), failed + bool(wrong)
        print(f"{name}: {wrong or 'good'}", flush=True)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--keep", metavar="DIR")
    parser.add_argument("--make", metavar="FILE", help=argparse.SUPPRESS)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("-n", type=int, metavar="NODES")
    parser.add_argument("kinds", nargs="*", metavar="KIND[:SIZE,...]")
    args = parser.parse_args()
    if args.make:
        name, _, size = args.kinds[0].partition(":")
        with open(args.make, "wb") as file:
            file.write(kindsByName()[name](int(size)).SerializeToString())
        return 0
    if args.list:
        for kind in KINDS:
            print(f"{kind.__name__:20} {kind.__doc__}")
        return 0
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    discoc = os.environ.get("DISCOC", os.path.join(root, "build", "release", "bin", "discoc"))
    return check(discoc, args.full) if args.check else measure(args, discoc)


if __name__ == "__main__":
    sys.exit(main())
