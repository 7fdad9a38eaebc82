#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Masks without training on trained models of other kinds: detectors and super resolution, before and after, by the running shards.

Of the 48 COCO pictures 16 calibrate and 32 are scored (mAP at an overlap of one half); of the super-resolution pictures Set14 calibrates and Set5
is scored (PSNR). A bootstrap over pictures gives intervals of 95 %. "Magnitude" keeps the columns of the largest norms and changes no weight.

    mask_models.py [--nodes 2] [--density 0.5] [MODEL...]
"""

import argparse
import os
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "oracle"), os.path.join(HERE, "..", "end_to_end")]
import accuracy_tasks  # noqa: E402
import cluster  # noqa: E402
import discoc  # noqa: E402
import mask as masking  # noqa: E402

MODELS = ("yolox_nano", "fastestdet", "super_resolution_x3_op10")
ROUNDS = 1000


def pictures_of(task):
    """(calibration inputs, inputs to score, their truth)"""
    if task.model.startswith("super_resolution"):
        return (accuracy_tasks._luminance("Set14")(14)[0], *task.load(5))
    x, truth = task.load(48)
    return x[:16], x[16:], truth[16:]


def every(path, nodes, pictures, folder, runtime, owners=None):
    """(output -> values, bytes exchanged) of the running shards."""
    got, moved = masking.scores(path, nodes, pictures, folder, runtime, owners)
    return {"output": got}, moved


def bootstrap(measure, one, other, truth, rounds):
    """95 % intervals of the figure of `other`, and of what it is less than that of `one`, on pictures drawn again and again."""
    random, figures, less = np.random.default_rng(1), [], []
    for _ in range(rounds):
        chosen = random.integers(0, len(truth), len(truth))
        drawn = [next(iter(measure({k: v[chosen] for k, v in o.items()}, [truth[i] for i in chosen]).values())) for o in (one, other)]
        figures.append(drawn[1])
        less.append(drawn[0] - drawn[1])
    return np.percentile(figures, (2.5, 97.5)), np.percentile(less, (2.5, 97.5))


def compare(task, a, folder, runtime):
    path = os.path.join(discoc.shared(), "models", task.model, "model.onnx")
    calibration, pictures, truth = pictures_of(task)
    data = os.path.join(folder, task.model + ".npy")
    np.save(data, calibration)
    before, bytes_before = every(path, a.nodes, pictures, folder, runtime)
    small, masked = (os.path.join(folder, f"{kind}_{task.model}.onnx") for kind in ("magnitude", "mask"))
    masking.by_magnitude(path, a.nodes, a.density, small, folder)
    said = masking.mask(path, a.nodes, masked, "--density", str(a.density), "--calibration", data)
    name, plain = next(iter(task.measure(before, truth).items()))
    print(f"| {task.model} | dense | {bytes_before:,} | {plain:.2f} {name} | | |", flush=True)
    for kind, file in (("magnitude", small), ("`discoc mask`", masked)):
        after, moved = every(file, a.nodes, pictures, folder, runtime)
        figure = next(iter(task.measure(after, truth).values()))
        of, less = bootstrap(task.measure, before, after, truth, a.rounds)
        seconds = f"{said['wall']:.0f} s" if file == masked else ""
        print(f"| | {kind} | {moved:,} | {figure:.2f} ({of[0]:.2f} to {of[1]:.2f}) | {plain - figure:.2f} ({less[0]:.2f} to {less[1]:.2f}) | {seconds} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--density", type=float, default=0.5)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of the bootstrap")
    a = parser.parse_args()
    print("| model | weights | bytes an inference | figure | below dense | made in |\n| --- | --- | ---: | ---: | ---: | ---: |", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        runtime = cluster.Runtime(os.path.join(folder, "runtime"), ("-O3", "-march=native", "-w"))
        for task in accuracy_tasks.TASKS:
            if task.model in a.models:
                compare(task, a, folder, runtime)


if __name__ == "__main__":
    main()
