#!/usr/bin/python3
# Runs the CIFAR-10 sample's N programs on all 10,000 test pictures and compares them with PyTorch and ONNX Runtime.
# SPDX-License-Identifier: Apache-2.0
"""  check_shards.py --data FOLDER [--nodes N] MODEL.onnx...

The number of nodes is that of the file's masks unless --nodes says otherwise. PyTorch (and ONNX Runtime, when DISCOC_ORT names
its library) computes the same file from the same arrays. The programs run as processes of their own over TCP, started by
`discoc run`; DISCOC names another discoc than that of the release build. Prints a Markdown table. Exit code 1: the programs'
predictions differ on more than 3 pictures, or on one whose margin is 1e-4 or more."""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import torch

import cifar10_data
import onnx_file

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MOST_DIFFERENT, MARGIN = 3, 1e-4


def discoc(*arguments):
    binary = os.environ.get("DISCOC") or os.path.join(ROOT, "build", "release", "bin", "discoc")
    done = subprocess.run([binary, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        raise SystemExit(f"error: discoc {arguments[0]}: " + done.stderr.decode(errors="replace").strip()[-500:])
    return done.stdout


def nodesOf(model):
    """N of the masks in the file, 1 without any."""
    for entry in model.metadata_props:
        if entry.key == "discoc.masks":
            return json.loads(entry.value)["nodes"]
    return 1


@torch.no_grad()
def byPyTorch(model, pictures):
    return np.concatenate([onnx_file.run(model, pictures[i : i + 500]).numpy() for i in range(0, len(pictures), 500)])


def byOnnxRuntime(path, pictures):
    """None where there is no ONNX Runtime. The sample's batch is fixed at 1."""
    sys.path.insert(0, os.path.join(ROOT, "tests", "oracle"))
    import ort

    if not ort.library_path():
        return None
    with ort.Session(path) as session:
        return np.concatenate([session.run({"image": p[None]})["scores"] for p in pictures.numpy()])


def byShards(path, nodes, pictures, folder):
    """(scores, what `discoc run --json` reports) of N processes."""
    out, data = os.path.join(folder, "out"), os.path.join(folder, "image.npy")
    np.save(data, pictures.numpy())
    discoc("compile", path, "-n", str(nodes), "-o", out)
    report = json.loads(discoc("run", out, "--input", f"image={data}", "--output-dir", folder, "--json"))
    return np.load(os.path.join(folder, "scores.npy")), report


def different(scores, reference):
    """(how many predictions differ, the largest margin of such a picture, largest difference of any score)"""
    top = np.sort(reference, axis=1)
    margin = (top[:, -1] - top[:, -2])[scores.argmax(1) != reference.argmax(1)]
    return len(margin), float(margin.max(initial=0)), float(np.abs(scores - reference).max())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--data", help="folder of the CIFAR-10 archives (or DISCOC_CIFAR10)")
    parser.add_argument("--nodes", type=int)
    parser.add_argument("--count", type=int, default=10000, help="only the first so many pictures")
    args = parser.parse_args()
    torch.set_num_threads(1)
    pictures, labels = cifar10_data.load("test", cifar10_data.dataFolder(args.data))
    pictures, labels = cifar10_data.normalise(pictures)[: args.count], labels[: args.count].numpy()
    failed = False
    print("| model | N | right, N programs | right, PyTorch | predictions that differ | largest margin of these | largest difference of a score | "
          "payload an inference | messages |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for path in args.models:
        model = onnx.load(path)
        nodes = args.nodes or nodesOf(model)
        with tempfile.TemporaryDirectory() as folder:
            scores, report = byShards(path, nodes, pictures, folder)
        rivals = {"PyTorch": byPyTorch(model, pictures), "ONNX Runtime": byOnnxRuntime(path, pictures)}
        found = {name: different(scores, r) for name, r in rivals.items() if r is not None}
        for count, margin, _ in found.values():
            failed |= count > MOST_DIFFERENT or margin >= MARGIN
        share = [f"{100 * (s.argmax(1) == labels).mean():.2f} %" for s in (scores, rivals["PyTorch"])]
        columns = [" / ".join(text.format(v[k]) if v[0] or k != 1 else "none" for v in found.values())
                   for k, text in enumerate(("{}", "{:.1e}", "{:.1e}"))]
        moved = report["exchanged"]
        print(f"| `{os.path.basename(path)}` | {nodes} | {share[0]} | {share[1]} | " + " | ".join(columns) +
              f" | {moved['bytes'] // len(labels):,} B | {moved['messages'] // len(labels)} |", flush=True)
    print("(two numbers: against " + " / ".join(found) + ")")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
