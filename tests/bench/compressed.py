#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What compressing messages saves on real pictures, and what it takes: each form of `--wire-compress` on two nodes.

    compressed.py [--models REGEX] [--pictures COUNT] [--rounds R]

Both nodes are threads of one process, and their links hold as much as is sent, so a difference of times is what packing and unpacking take. Printed: bytes that the nodes exchange
of an inference, the root's apart, as the programs count them; the median time of an inference over the rounds, in which the forms take turns, with the least and the most of a round;
whether all outputs have the bits of what is not compressed; and the rate of a link below which what is saved in bytes is more than what packing takes. All pictures are those of the suite `accuracy`."""

import argparse
import os
import re
import statistics
import tempfile

import numpy as np

import bench
import accuracy_tasks
import cluster
import discoc
import graph

FORMS = ("none", "sparse", "lz4", "zfp", "zfp:16")
# Weights of the export are seeded; the int8 network of that name is a trained one.
SEEDED = accuracy_tasks.Task("mobilenet_v2", "the sample's pictures", {},
                             accuracy_tasks._imagenet(accuracy_tasks._imagenet_rgb), None)
NAMES = ("resnet20_cifar10", "mobilenet_v2", "mobilenet_v2_int8_qdq", "yolox_nano")


def one(task, a, folder, runtime):
    path = os.path.join(discoc.shared() or "", "models", task.model, "model.onnx")
    found = bench.model(path if os.path.exists(path) else task.model, folder)
    pictures = task.load(a.pictures)[0]
    name = graph.real_inputs(found.onnx)[0].name
    outputs = [o.name for o in found.onnx.graph.output]
    outs = []
    for how in FORMS:
        outs.append(os.path.join(folder, f"{task.model}_{how.replace(':', '_')}"))
        extra = ["--wire-compress", how, "--name", os.path.basename(outs[-1])]
        discoc.compile(found.path, 2, outs[-1], shapes={name: (1, *pictures.shape[1:])}, extra=extra)
    program = os.path.join(folder, task.model + "_program")
    cluster.build_inproc(outs, program, runtime, flags=("-O3", "-march=native", "-w"), apart=True, jobs=2, numbered=True)
    times, got, exchanged = {how: [] for how in FORMS}, {}, {}
    for _ in range(a.rounds):
        for number, (how, out) in enumerate(zip(FORMS, outs)):
            got[how], report = cluster.run_inproc(program, number, {name: pictures}, outputs, os.path.join(folder, "run"), exact=False)
            times[how].append(report["nodes"][0]["time_us"]["median"])
            root = sum(cluster.report_traffic(cluster.load_json(os.path.join(out, "report.json")))[1].values())
            exchanged[how] = sum(cluster.payload_of(report).values()) - root
    plain = statistics.median(times["none"])
    for how in FORMS:
        middle = statistics.median(times[how])
        same = all(np.array_equal(got[how][o], got["none"][o]) for o in outputs)
        saved, more = exchanged["none"] - exchanged[how], middle - plain
        pays = "-" if how == "none" else "never" if saved <= 0 else "always" if more <= 0 else f"{8 * saved / more:.0f} Mbit/s"
        print(f"| {task.model} | {how} | {exchanged[how]:,.0f} | {exchanged[how] / exchanged['none']:.3f} | {middle / 1e3:.2f} "
              f"({min(times[how]) / 1e3:.2f} to {max(times[how]) / 1e3:.2f}) | {'yes' if same else 'no'} | {pays} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=".")
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    a = parser.parse_args()
    tasks = {task.model: task for task in (*accuracy_tasks.TASKS, SEEDED)}
    print("| model | form | bytes | of those before | ms | the same bits | pays below |\n| --- | --- | ---: | ---: | ---: | --- | ---: |")
    with tempfile.TemporaryDirectory(prefix="discoc-compressed-") as folder:
        runtime = cluster.Runtime(os.path.join(folder, "runtime"), flags=("-O3", "-march=native"))
        for name in NAMES:
            if re.search(a.models, name):
                one(tasks[name], a, folder, runtime)


if __name__ == "__main__":
    main()
