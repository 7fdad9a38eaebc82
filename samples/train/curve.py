#!/usr/bin/python3
# Trains the points of the curve of accuracy against bytes exchanged.
# SPDX-License-Identifier: Apache-2.0
"""  curve.py --resnet20 MODEL.onnx --data FOLDER --out FOLDER [--only POINT...] [--minutes 75]

Trains one point after the other: each has a folder of its own under --out, a checkpoint after each epoch, and goes on from there when it
is started again. Ends itself after --minutes. A point that is done has NAME/NAME.onnx and NAME/training.json. `tests/bench/accuracy_curve.py` measures them."""

import argparse
import copy
import dataclasses
import json
import os
import subprocess
import sys
import time
import zlib

import discoc_masks
import numpy
import onnx
import onnx.numpy_helper
import torch

import cifar10_data
import onnx_file
from small_transformer import SmallTransformer
from train_cifar10 import accuracy, batchesOf, pretrained

BATCH, EPOCHS = 128, 6
DISCOC = os.environ.get("DISCOC") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "release", "bin", "discoc")


@dataclasses.dataclass(frozen=True)
class Point:
    """nodes 1: without masks. start "": nothing, or the checkpoint; "base": the point `base` of its network, which is the teacher, too; "mask":
    masks, owners and weights that `discoc mask` makes of that, trained on. All but the base are trained for the same number of epochs."""

    name: str
    nodes: int = 1
    density: float = 1.0
    network: str = "resnet20"
    epochs: int = EPOCHS
    seed: int = 1
    wire: str = None
    start: str = "base"
    rate: float = 0.02

    @property
    def base(self):
        return "base" if self.network == "resnet20" else "transformer_base"


POINTS = [
    Point("base", epochs=20, start="", rate=0.05),
    Point("dense"),
    Point("n2_20", 2, 0.2),
    Point("n4_20", 4, 0.2),
    Point("n2_20_i8", 2, 0.2, wire="i8"),
    Point("n2_00", 2, 0.0),
    Point("n2_10", 2, 0.1),
    Point("mask_n2_20", 2, 0.2, epochs=2, start="mask"),
    Point("mask_n2_10", 2, 0.1, epochs=2, start="mask"),
    Point("n4_00", 4, 0.0),
    Point("n4_10", 4, 0.1),
    Point("n2_50", 2, 0.5),
    Point("n2_20_seed2", 2, 0.2, seed=2),
    Point("n4_20_seed2", 4, 0.2, seed=2),
    Point("transformer_base", network="transformer", epochs=16, start="", rate=0.05),
    Point("transformer_dense", network="transformer"),
    Point("transformer_n2_20", 2, 0.2, network="transformer"),
    Point("transformer_n2_00", 2, 0.0, network="transformer"),
]


class Remembered(torch.nn.Module):
    """A teacher whose scores are kept: all points of a seed are taught on the same batches."""

    def __init__(self, teacher, path):
        super().__init__()
        self.teacher, self.path = teacher, path
        self.said = torch.load(path) if os.path.exists(path) else {}

    def __deepcopy__(self, memo):
        return self

    def forward(self, inputs):
        key = zlib.crc32(inputs.numpy().tobytes())
        if key not in self.said:
            self.said[key] = self.teacher(inputs)
        return self.said[key]

    def save(self):
        discoc_masks.files.save_atomically(self.said, self.path)


def start(point, args):
    """The network that a point begins with."""
    network = pretrained(args.resnet20) if point.network == "resnet20" else SmallTransformer()
    if point.start:
        network.load_state_dict(torch.load(os.path.join(args.out, point.base, point.base + ".pt"))["network"])
    return network.to(memory_format=torch.channels_last)


def masked(network, point, folder, calibration, steps):
    """The masks of a point whose network starts dense, or with the weights that `discoc mask` adjusted."""
    inputs = torch.zeros(1, 3, 32, 32)
    if point.start == "base":
        return discoc_masks.attach(network, inputs, point.nodes, density=point.density, steps=point.epochs * steps, wire=point.wire)
    dense, path = (os.path.join(folder, n) for n in ("start.onnx", "masked.onnx"))
    discoc_masks.export(network, inputs, dense, input_names=["image"], output_names=["scores"])
    subprocess.run([DISCOC, "mask", dense, "-n", str(point.nodes), "--density", str(point.density), "--calibration", calibration, "-o", path], check=True)
    take_weights(network, onnx.load(dense), onnx.load(path), torch.from_numpy(numpy.load(calibration)))
    masks = discoc_masks.attach(network, inputs, point.nodes, owners=path, density=point.density)
    masks.load(path)
    return masks


@torch.no_grad()
def take_weights(network, before, after, pictures):
    """What `discoc mask` changed of ResNet-20's exported weights, in which batch normalisation is folded, is changed in the network, too; statistics are
    those of `pictures` then. The network computes in evaluation what `after` does."""

    def parameters(model):
        values = {i.name: torch.from_numpy(onnx.numpy_helper.to_array(i).copy()) for i in model.graph.initializer}
        return {n.name: [values[i] for i in n.input[1:]] for n in model.graph.node if n.op_type in ("Conv", "Gemm")}

    modules = dict(network.named_modules())
    old, new = parameters(before), parameters(after)
    for name, module in modules.items():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            node = f"/{scope(name)}/{'Gemm' if isinstance(module, torch.nn.Linear) else 'Conv'}"
            norm = None if isinstance(module, torch.nn.Linear) else modules[name[:-1] + "1" if name.endswith(".0") else name.replace("conv", "bn")]
            scale = torch.ones(()) if norm is None else (norm.weight / (norm.running_var + norm.eps).sqrt()).view(-1, 1, 1, 1)
            module.weight.copy_(new[node][0] / scale)
            (module if norm is None else norm).bias.add_(new[node][1] - old[node][1])
    hooks = [m.register_forward_pre_hook(with_statistics) for m in modules.values() if isinstance(m, torch.nn.BatchNorm2d)]
    network.eval()(pictures)
    for hook in hooks:
        hook.remove()


def scope(name):
    """How PyTorch names a module in ONNX: a part of a sequence with what it is a part of."""
    parts = name.split(".")
    return "/".join(f"{parts[i - 1]}.{p}" if p.isdigit() else p for i, p in enumerate(parts))


def with_statistics(norm, inputs):
    """A normalisation's statistics become those of its inputs, its scale and shift such that it computes as before."""
    variance, mean = torch.var_mean(inputs[0], (0, 2, 3), unbiased=False)
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    norm.bias.add_(scale * (mean - norm.running_mean))
    norm.weight.copy_(scale * (variance + norm.eps).sqrt())
    norm.running_mean.copy_(mean), norm.running_var.copy_(variance)


def train(point, args, data, until):
    """False: time was up before the last epoch."""
    folder = os.path.join(args.out, point.name)
    os.makedirs(folder, exist_ok=True)
    pictures, labels, held = data
    steps = args.steps or int((~held).sum()) // BATCH
    torch.manual_seed(point.seed)
    network = start(point, args)
    teacher = None
    if point.start:
        teacher = Remembered(copy.deepcopy(network).eval(), os.path.join(args.out, f"{point.base}_seed{point.seed}.said"))
    calibration = os.path.join(args.out, "calibration.npy")
    masks = masked(network, point, folder, calibration, steps) if point.nodes > 1 else None
    log = os.path.join(folder, "epochs.json")
    begin = time.time()

    def report(epoch, loss, density):
        said = json.load(open(log)) if epoch and os.path.exists(log) else []
        right = 100 * accuracy(network, pictures[held], labels[held])
        said.append({"epoch": epoch + 1, "loss": round(loss, 4), "density": round(density, 4), "held_out": round(right, 2),
                     "seconds": round(time.time() - begin)})  # fmt: skip
        with open(log, "w") as file:
            json.dump(said, file)
        print(point.name, said[-1], flush=True)
        if teacher:
            teacher.save()
        if epoch + 1 < point.epochs and time.time() > until:
            raise TimeoutError

    batches = batchesOf(pictures[~held], labels[~held], point.seed, steps)
    try:
        discoc_masks.fit(network, masks, batches, point.epochs, point.rate, teacher=teacher, checkpoint=os.path.join(folder, point.name + ".pt"), report=report)
    except TimeoutError:
        return False
    export(point, network, masks, folder)
    with open(os.path.join(folder, "training.json"), "w") as file:
        json.dump({**dataclasses.asdict(point), "epochs": json.load(open(log)), "batches": steps, "kept": masks.density if masks else 1.0}, file, indent=1)
    return True


def export(point, network, masks, folder):
    path, names = os.path.join(folder, point.name + ".onnx"), {"input_names": ["image"], "output_names": ["scores"]}
    entries = {"discoc.preprocess": onnx_file.preprocess((32, 32), "center-crop", "RGB", cifar10_data.MEAN, cifar10_data.STD),
               "discoc.labels": cifar10_data.LABELS}  # fmt: skip
    if masks:
        masks.export(path, entries, **names)
    else:
        discoc_masks.export(network, torch.zeros(1, 3, 32, 32), path, entries, **names)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resnet20", metavar="MODEL", required=True, help="the trained ResNet-20 that all begin with")
    parser.add_argument("--data", help="folder of the CIFAR-10 archives (or DISCOC_CIFAR10)")
    parser.add_argument("--out", required=True)
    parser.add_argument("--only", nargs="+", choices=[p.name for p in POINTS], metavar="POINT", help=", ".join(p.name for p in POINTS))
    parser.add_argument("--minutes", type=float, default=75)
    parser.add_argument("--steps", type=int, help="batches an epoch; default: all pictures once")
    parser.add_argument("--epochs", type=int, help="of every point, for a try; default: what the point says")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    until = time.time() + 60 * args.minutes
    torch.set_num_threads(args.threads)
    os.makedirs(args.out, exist_ok=True)
    pictures, labels = cifar10_data.load("train", cifar10_data.dataFolder(args.data))
    held = torch.arange(len(labels)) % 10 == 0  # 5,000 pictures, on which choices are made
    numpy.save(os.path.join(args.out, "calibration.npy"), cifar10_data.normalise(pictures[~held][:: max(1, len(labels) // 72)][:64]).contiguous().numpy())
    for point in POINTS:
        if args.epochs:
            point = dataclasses.replace(point, epochs=args.epochs)
        if args.only and point.name not in args.only or os.path.exists(os.path.join(args.out, point.name, "training.json")):
            continue
        if time.time() > until or not train(point, args, (pictures, labels, held), until):
            print("time is up; start it again to go on", flush=True)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
