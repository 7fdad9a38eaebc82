#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Accuracy against bytes against exchange points: what samples/train/curve.py trained, run through the emitted shards.

Also what needs no training: `discoc mask`, and column magnitude with batch normalisation estimated anew. All 10,000 test pictures go through the N
programs once a point; each point's figures are written to samples/train/curve/NAME.json, and a point that is there is not run again.
Without --trained the table and the picture are made of these files alone.

    accuracy_curve.py --trained FOLDER [--data FOLDER] [--only REGEX]
    accuracy_curve.py --picture docs/pictures/curve.svg
"""

import argparse
import glob
import json
import math
import os
import re
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
TRAIN = os.path.join(HERE, "..", "..", "samples", "train")
RESULTS = os.path.join(TRAIN, "curve")
sys.path[:0] = [os.path.join(HERE, "..", "oracle"), HERE, TRAIN]
import cluster  # noqa: E402
import discoc  # noqa: E402

UNTRAINED = (0.5, 0.2, 0.1, 0.0)
WIRES = ("f32", "f16", "i8")
FLAGS = ("-O3", "-march=native", "-w")


class Bench:
    def __init__(self, a, folder):
        import cifar10_data

        self.trained, self.folder = a.trained, folder
        self.runtime = cluster.Runtime(os.path.join(folder, "runtime"), FLAGS)
        data = cifar10_data.dataFolder(a.data or os.path.join(discoc.shared(), "data", "cifar10"))
        pictures, labels = cifar10_data.load("test", data)
        self.pictures, self.labels = cifar10_data.normalise(pictures).contiguous().numpy(), labels.numpy()
        self.training = cifar10_data.load("train", data)

    @staticmethod
    def target(name, wire):
        return os.path.join(RESULTS, f"{name}{'' if wire == 'f32' else '.' + wire}.json")

    def measure(self, name, path, nodes, wire="f32", owners=None, about=None):
        """Runs a model's N programs on the test pictures, and writes the figures."""
        target = self.target(name, wire)
        if os.path.exists(target):
            return
        out = os.path.join(self.folder, os.path.basename(target)[:-5])
        discoc.compile(path, nodes, out, owners=owners, extra=["--wire", wire])
        with open(os.path.join(out, "report.json"), encoding="utf-8") as file:
            report = json.load(file)
        cluster.build_inproc([out], out + ".program", self.runtime, flags=FLAGS, apart=True, jobs=1)
        got, _ = cluster.run_inproc(out + ".program", nodes, {"image": self.pictures}, ["scores"], out + ".run", exact=False, timeout=3600)
        right = got["scores"].reshape(len(self.labels), -1).argmax(axis=1) == self.labels
        kept = os.path.join(self.trained, "right")
        os.makedirs(kept, exist_ok=True)
        np.save(os.path.join(kept, os.path.basename(target)[:-5] + ".npy"), right)
        said = {**(about or {}), "nodes": nodes, "wire": wire, "right": int(right.sum()), "of": len(right), "bytes": report["cluster"]["exchanged"]["bytes"],
                "exchange_points": report["schedule"]["exchange_points"], "messages": report["cluster"]["exchanged"]["messages"]}  # fmt: skip
        self.against_dense(said, right, kept)
        with open(target + ".part", "w", encoding="utf-8") as file:
            json.dump(said, file, indent=1)
        os.replace(target + ".part", target)
        print(f"{os.path.basename(target)}: {100 * right.mean():.2f} %, {said['bytes']:,} bytes", flush=True)

    def against_dense(self, said, right, kept):
        """Points below the dense network of its kind, with a 95 % interval: of the same pictures, so of those on which the two differ."""
        dense = "transformer_dense" if said.get("network") == "transformer" else "dense"
        path = os.path.join(kept, dense + ".npy")
        if os.path.exists(path):
            difference = np.load(path).astype(float) - right
            half = 1.96 * difference.std() / math.sqrt(len(right))
            said["below_dense"] = [round(100 * float(difference.mean()), 2), round(100 * half, 2)]

    def trained_points(self, only):
        import curve

        for point in curve.POINTS:
            folder = os.path.join(self.trained, point.name)
            if not os.path.exists(os.path.join(folder, "training.json")) or not re.search(only, point.name):
                continue
            with open(os.path.join(folder, "training.json"), encoding="utf-8") as file:
                about = {"method": "mask, trained on" if point.start == "mask" else "trained", **json.load(file)}
            about["held_out"] = about["epochs"][-1]["held_out"]
            about["epochs"], about["trained_wire"] = len(about["epochs"]), about.pop("wire") or "f32"
            for wire in ("f32",) if point.nodes == 1 else WIRES:
                self.measure(point.name, os.path.join(folder, point.name + ".onnx"), point.nodes, wire, about=about)

    def untrained_points(self, only):
        dense = os.path.join(self.trained, "base", "base.onnx")
        if not os.path.exists(dense):
            return
        for nodes in (2, 4):
            if re.search(only, f"dense_n{nodes}"):
                self.measure_wires(f"dense_n{nodes}", lambda: dense, nodes, {"method": "dense", "density": 1.0})
            for density in UNTRAINED:
                for method, make in (("mask", self.by_mask), ("magnitude", self.by_magnitude)):
                    name = f"{method}_untrained_n{nodes}_{round(100 * density):02}"
                    if re.search(only, name):
                        self.measure_wires(name, lambda: make(dense, nodes, density, name), nodes, {"method": method, "density": density})

    def measure_wires(self, name, make, nodes, about):
        missing = [w for w in WIRES if not os.path.exists(self.target(name, w))]
        path = make() if missing else None
        for wire in missing:
            self.measure(name, path, nodes, wire, about=about)

    def by_mask(self, dense, nodes, density, name):
        target = os.path.join(self.folder, name + ".onnx")
        calibration = os.path.join(self.trained, "calibration.npy")
        discoc.run([discoc.binary(), "mask", dense, "-n", str(nodes), "--density", str(density), "--calibration", calibration, "-o", target], timeout=3600)
        return target

    def by_magnitude(self, dense, nodes, density, name):
        """The columns of the largest norms for each byte, the statistics of batch normalisation of 100 batches of training pictures."""
        import cifar10_data
        import discoc_masks
        import torch
        from residual_net import ResNet20
        from train_cifar10 import batchesOf

        network = ResNet20()
        network.load_state_dict(torch.load(os.path.join(self.trained, "base", "base.pt"))["network"])
        masks = discoc_masks.attach(network, torch.zeros(1, 3, 32, 32), nodes, density=density)
        masks.shrink(density)
        network.train()
        with torch.no_grad():
            for inputs, _ in batchesOf(*self.training, seed=1, steps=100)(0):
                network(inputs)
        network.eval()
        target = os.path.join(self.folder, name + ".onnx")
        masks.export(target, input_names=["image"], output_names=["scores"])
        return target


def results():
    found = {}
    for path in glob.glob(os.path.join(RESULTS, "*.json")):
        with open(path, encoding="utf-8") as file:
            found[os.path.basename(path)[:-5]] = json.load(file)
    return dict(sorted(found.items(), key=lambda e: (e[1].get("network", "resnet20"), e[1]["nodes"], -e[1].get("density", 1), e[1]["method"], e[0])))


def table(found):
    print("| point | how | N | density | wire | bytes an inference | exchange points | right, % | below dense, points |")
    print("| --- | --- | ---: | ---: | --- | ---: | ---: | ---: | ---: |")
    for name, r in found.items():
        below = "{:.2f} ± {:.2f}".format(*r["below_dense"]) if "below_dense" in r and name not in ("dense", "transformer_dense") else ""
        print(f"| {name} | {r['method']} | {r['nodes']} | {r.get('density', 1):g} | {r['wire']} | {r['bytes']:,} | {r['exchange_points']} | "
              f"{100 * r['right'] / r['of']:.2f} | {below} |")


def picture(found, path):
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "discoc"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4), sharey=True)
    for axis, nodes in zip(axes, (2, 4)):
        dense = next((r for n, r in found.items() if n == "dense"), None)
        if dense:
            axis.axhline(100 * dense["right"] / dense["of"], color="grey", linestyle=":", label="dense")
        groups = {}
        for r in found.values():
            if r["nodes"] == nodes and r.get("network", "resnet20") == "resnet20" and r["bytes"]:
                groups.setdefault((r["method"], r.get("trained_wire", "f32"), r["wire"]), []).append((r["bytes"], 100 * r["right"] / r["of"]))
        for (method, trained, wire), points in sorted(groups.items()):
            if wire != trained and method not in ("dense",):
                continue
            points.sort()
            axis.plot(*zip(*points), marker="o", markersize=4, linewidth=1, label=f"{method}, {wire}")
        axis.set(title=f"N = {nodes}", xlabel="bytes an inference", xscale="log")
        axis.legend(fontsize=7)
    axes[0].set_ylabel("test pictures right, %")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trained", help="the folder of samples/train/curve.py")
    parser.add_argument("--data", help="the folder of CIFAR-10's archives")
    parser.add_argument("--only", default="", metavar="REGEX")
    parser.add_argument("--picture", metavar="FILE")
    a = parser.parse_args()
    if a.trained:
        import torch

        torch.set_num_threads(1)
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(a, folder)
            bench.trained_points(a.only)
            bench.untrained_points(a.only)
    table(results())
    if a.picture:
        picture(results(), a.picture)


if __name__ == "__main__":
    main()
