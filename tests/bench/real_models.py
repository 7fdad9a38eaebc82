# SPDX-License-Identifier: Apache-2.0
"""Public models as people bring them, on N nodes against ONNX Runtime: the
largest difference of an output over its range, of all inputs.

Where the difference is above the tests' 1e-4, ONNX Runtime itself is asked with
rounding errors of 1e-6 in the inputs: what they move is unsettled. `own` is the
largest difference that they make there.

    real_models.py [--models REGEX] [--nodes 1,2,3,5] [--inputs 3] [--flags=-O1]
    real_models.py --models deimv2 --first-difference

The detector sees pictures of DISCOC_SHARED/data/coco, the others seeded sound,
pictures and noise. Of its detections, which come in the order of their scores,
those that ONNX Runtime is sure of are looked for among ours ("found"), and, for
comparison, among its own with the rounding errors ("own").

--first-difference: a dynamically quantised network on one node with all that
is quantised as outputs: where a byte is not ONNX Runtime's first, and what it
was rounded from there.
"""

import argparse
import glob
import os
import re
import sys
import tempfile

import numpy as np
import onnx

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


def own_answers(model, feeds, count=6):
    """ONNX Runtime's, with rounding errors in its inputs."""
    rng = np.random.default_rng(0)
    return [compare.oracle(model, {
        name: (x * (1 + 1e-6 * rng.standard_normal(x.shape))).astype(x.dtype)
        if x.dtype.kind == "f" else x for name, x in feeds.items()})
        for _ in range(count)]


def overlap(box, boxes):
    """Intersection over union of one box with many: x0, y0, x1, y1."""
    least, most = np.maximum(box[:2], boxes[:, :2]), \
        np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.clip(most - least, 0, None), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return shared / (np.prod(box[2:] - box[:2]) + areas - shared)


def found(got, want, sure=0.5):
    """(how many, of how many) detections of a score of `sure` are in `got`:
    the same label, boxes that overlap by 0.9, scores within 0.05."""
    ours, theirs = ([o["labels"].ravel(), o["boxes"].reshape(-1, 4),
                     o["scores"].ravel()] for o in (got, want))
    wanted = np.flatnonzero(theirs[2] >= sure)
    return sum(bool(((ours[0] == theirs[0][k]) &
                     (overlap(theirs[1][k], ours[1]) >= 0.9) &
                     (abs(ours[2] - theirs[2][k]) <= 0.05)).any())
               for k in wanted), len(wanted)


def judged(got, want, answers):
    """What is to be said of a result that misses ONNX Runtime's."""
    own = max(compare.worst(answer, want) for answer in answers)
    text = f"own {own:.2g}: " + ("wrong" if own <= 1e-4 else "unsettled")
    if "scores" in want:
        ours, count = found(got, want)
        theirs = min(found(answer, want)[0] for answer in answers)
        text += f", {ours} of {count} found (own {theirs})"
    return text


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
                own[k] = own.get(k) or own_answers(source, feeds)
                notes.append(f"input {k}: {why}; {judged(got, want, own[k])}")
        print(f"| {name} | {nodes} | {worst:.2g} | "
              f"{'; '.join(notes) or 'right'} |", flush=True)


def quantisers(model):
    """The ops that quantise, and the model with their operands and results as
    outputs."""
    ops = [op for op in model.graph.node
           if op.op_type == "DynamicQuantizeLinear"]
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    names = {o.name for o in model.graph.output}
    for op in ops:
        for name, kind in zip((op.input[0], *op.output), (1, 2, 1, 2)):
            if name not in names:
                names.add(name)
                wide.graph.output.append(
                    onnx.helper.make_tensor_value_info(name, kind, None))
    return ops, wide


def first_difference(model, name, path, a, folder):
    shapes = shares.SHAPES.get(name, model.shapes)
    ops, wide = quantisers(graph.load(path))
    wide_path = os.path.join(folder, "wide.onnx")
    onnx.save(wide, wide_path)
    out, program = os.path.join(folder, "out"), os.path.join(folder, "program")
    discoc.compile(wide_path, 1, out, shapes=shapes)
    cluster.build_inproc([out], program, cluster.Runtime(
        os.path.join(folder, "runtime"), (a.flags,)), (a.flags, "-w"))
    for seed in range(a.inputs):
        feeds = feeds_of(wide, name, shapes, seed)
        want = compare.oracle(wide, feeds)
        got, _ = cluster.run_inproc(program, 1, feeds, list(want),
                                    os.path.join(folder, "run"))
        print(f"input {seed}: {first_of(ops, got, want)}", flush=True)


def first_of(ops, got, want):
    for number, op in enumerate(ops):
        x, (q, scale, zero) = op.input[0], op.output
        where = np.argwhere(got[q] != want[q])
        if not len(where) and got[zero] == want[zero]:
            continue
        spread = float(np.ptp(want[x])) or 1.0
        texts = [f"quantiser {number + 1} of {len(ops)}, '{op.name}': "
                 f"{len(where)} of {got[q].size} bytes, inputs within "
                 f"{abs(got[x] - want[x]).max() / spread:.2g} of their range"]
        for at in map(tuple, where[:3]):
            texts.append(
                f"{got[x][at] / float(got[scale]):.6f} became {got[q][at]}, "
                f"ONNX Runtime's {want[x][at] / float(want[scale]):.6f} "
                f"{want[q][at]}")
        return "; ".join(texts)
    return f"the same bytes in all {len(ops)} quantisers"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", default="")
    parser.add_argument("--nodes", default="1,2,3,5")
    parser.add_argument("--inputs", type=int, default=3)
    parser.add_argument("--flags", default="-O1")
    parser.add_argument("--first-difference", action="store_true")
    a = parser.parse_args()
    discoc.need_compiler()
    one = first_difference if a.first_difference else measure
    if not a.first_difference:
        print("| model | N | error | |\n| --- | ---: | ---: | --- |")
    for model in models.trained(int8=True) or []:
        if model.name in NAMES and re.search(a.models, model.name):
            model.onnx
            with tempfile.TemporaryDirectory() as folder:
                one(model, model.name, model.path, a, folder)


if __name__ == "__main__":
    sys.exit(main())
