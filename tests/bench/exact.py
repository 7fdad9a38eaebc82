#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What --exact-order costs: bytes exchanged, and time on one node.

    exact.py [--only REGEX] [--rounds R]

For each trained model: the bytes that N = 2 and 4 nodes exchange, without the
option and with it, from report.json, and the fastest of five inferences
of one node in processes that take turns.
"""

import argparse
import os
import re
import statistics
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
sys.path.insert(0, os.path.join(HERE, "..", "end_to_end"))
import cluster  # noqa: E402
import discoc  # noqa: E402
import models  # noqa: E402

FLAGS = ("-O3", "-march=native")


def compile_both(model, nodes, folder):
    model.inputs()  # settles the shapes
    outs = []
    for flags in ([], ["--exact-order"]):
        outs.append(os.path.join(folder, f"{nodes}{len(flags)}"))
        discoc.compile(model.path, nodes, outs[-1], shapes=model.shapes,
                       extra=flags)
    return outs


def exchanged(out):
    report = cluster.load_json(os.path.join(out, "report.json"))
    return report["cluster"]["exchanged"]["bytes"]


def slower(model, runtime, folder, rounds):
    """Median of the rounds' exact / default."""
    programs = []
    for out in compile_both(model, 1, folder):
        programs.append(out + ".program")
        cluster.build_inproc([out], programs[-1], runtime, flags=FLAGS)
    feeds = model.inputs()
    outputs = [v.name for v in model.onnx.graph.output]
    ratios = []
    for _ in range(rounds):
        times = [cluster.run_inproc(p, 1, feeds, outputs,
                                    os.path.join(folder, "data"), repeat=5)[1]
                 ["nodes"][0]["time_us"]["min"] for p in programs]
        ratios.append(times[1] / times[0])
    return statistics.median(ratios)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    discoc.need_compiler()
    print("| model | N = 2, B | exact, B | ratio | N = 4, B | exact, B | ratio "
          "| time of one node, ratio |\n" + "| --- " * 8 + "|")
    with tempfile.TemporaryDirectory() as top:
        runtime = cluster.Runtime(os.path.join(top, "runtime"))
        for model in models.trained() or []:
            if not re.search(args.only, model.name):
                continue
            with tempfile.TemporaryDirectory() as folder:
                row = [model.name]
                for nodes in (2, 4):
                    usual, exact = map(exchanged, compile_both(
                        model, nodes, folder))
                    row += [f"{usual:,}", f"{exact:,}", f"{exact / usual:.2f}"]
                row.append(f"{slower(model, runtime, folder, args.rounds):.2f}")
                print("| " + " | ".join(row) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
