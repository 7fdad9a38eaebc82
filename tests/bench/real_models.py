# SPDX-License-Identifier: Apache-2.0
"""Public models as people bring them, on N nodes against ONNX Runtime: the
largest difference of an output over its range, of all inputs.

Where the difference is above the tests' 1e-4, ONNX Runtime itself is asked with
rounding errors of 1e-6 in the inputs: what they move is unsettled. `own` is the
largest difference that they make there.

    real_models.py [--models REGEX] [--nodes 1,2,3,5] [--inputs 3] [--flags=-O1]

The detector sees pictures of DISCOC_SHARED/data/coco, the others seeded sound,
pictures and noise.
"""

import argparse
import glob
import os
import re
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
sys.path.insert(0, os.path.join(HERE, "..", "end_to_end"))
import cluster  # noqa: E402
import compare  # noqa: E402
import discoc  # noqa: E402
import graph  # noqa: E402
import models  # noqa: E402
import shares  # noqa: E402

NAMES = ("silero_half", "gtcrn_simple", "yunet_s_dynamic", "deimv2_atto_int8")


def sound(rng, dims):
    """A few tones and some noise, at most 1."""
    t = np.arange(int(np.prod(dims))).reshape(dims) / 16000
    return 0.1 * rng.standard_normal(dims) + sum(
        rng.uniform(0, 0.3) * np.sin(2 * np.pi * f * t)
        for f in rng.uniform(80, 4000, 3))


def picture_of(size):
    """RGB, 0 to 1, stretched to a square."""
    from PIL import Image
    paths = sorted(glob.glob(os.path.join(discoc.shared(), "data", "coco",
                                          "images", "*")))

    def make(rng, dims):
        image = Image.open(paths[int(rng.integers(len(paths)))])
        small = image.convert("RGB").resize((size, size), 2)
        return np.asarray(small, np.float32).transpose(2, 0, 1)[None] / 255
    return make


MAKERS = {("silero_half", "input"): sound,
          ("gtcrn_simple", "mix"): sound,
          ("yunet_s_dynamic", "input"): models.SETTINGS["yolox_nano"][0],
          ("deimv2_atto_int8", "images"): picture_of(320),
          ("deimv2_atto_int8", "orig_target_sizes"):
              lambda rng, dims: np.full(dims, 320)}


def feeds_of(model, name, shapes, seed):
    rng = np.random.default_rng(seed)
    return {key: MAKERS.get((name, key), lambda r, d: np.zeros(d))(
        rng, dims).astype(dtype) for key, (dtype, dims) in
        graph.input_signature(model, shapes).items()}


def own_difference(model, feeds, want, count=6):
    """The largest that rounding errors of its inputs make in ONNX Runtime."""
    rng = np.random.default_rng(0)
    answers = [compare.oracle(model, {
        name: (x * (1 + 1e-6 * rng.standard_normal(x.shape))).astype(x.dtype)
        if x.dtype.kind == "f" else x for name, x in feeds.items()})
        for _ in range(count)]
    return max(compare.worst(answer, want) for answer in answers)


def measure(model, name, path, a, folder):
    shapes = shares.SHAPES.get(name, model.shapes)
    runtime = cluster.Runtime(os.path.join(folder, "runtime"), (a.flags,))
    source = graph.load(path)
    inputs = [feeds_of(source, name, shapes, seed) for seed in range(a.inputs)]
    wants = [compare.oracle(source, feeds) for feeds in inputs]
    own = {}
    for nodes in map(int, a.nodes.split(",")):
        out = os.path.join(folder, f"{name}.{nodes}")
        discoc.compile(path, nodes, out, shapes=shapes)
        program = os.path.join(folder, f"{name}.{nodes}.program")
        cluster.build_inproc([out], program, runtime, flags=(a.flags, "-w"))
        worst, notes = 0.0, []
        for k, (feeds, want) in enumerate(zip(inputs, wants)):
            got, report = cluster.run_inproc(
                program, nodes, feeds, list(want), os.path.join(folder, "run"))
            cluster.payload_of(report)
            worst = max(worst, compare.worst(got, want))
            if why := compare.fault(got, want):
                if k not in own:
                    own[k] = own_difference(source, feeds, want)
                notes.append(f"input {k}: {why}; own {own[k]:.2g}: " + (
                    "wrong" if own[k] <= 1e-4 else "unsettled"))
        print(f"| {name} | {nodes} | {worst:.2g} | "
              f"{'; '.join(notes) or 'right'} |", flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", default="")
    parser.add_argument("--nodes", default="1,2,3,5")
    parser.add_argument("--inputs", type=int, default=3)
    parser.add_argument("--flags", default="-O1")
    a = parser.parse_args()
    discoc.need_compiler()
    print("| model | N | error | |\n| --- | ---: | ---: | --- |")
    for model in models.trained(int8=True) or []:
        if model.name in NAMES and re.search(a.models, model.name):
            model.onnx
            with tempfile.TemporaryDirectory() as folder:
                measure(model, model.name, model.path, a, folder)


if __name__ == "__main__":
    sys.exit(main())
