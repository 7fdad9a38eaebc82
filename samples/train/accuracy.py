#!/usr/bin/python3
# Measures the accuracy of the CIFAR-10 sample's models on the 10,000 test pictures.
# SPDX-License-Identifier: Apache-2.0
"""  accuracy.py --data FOLDER MODEL.onnx...

PyTorch computes the file as it is, so that what is measured is what is shipped. Prints a Markdown table."""

import argparse
import json
import os

import onnx
import onnx.numpy_helper
import torch

import cifar10_data
import onnx_file


def density(model):
    """Kept channels over owned ones, all ordered pairs of the metadata's masks together; None without masks."""
    properties = {p.key: p.value for p in model.metadata_props}
    if "discoc.masks" not in properties:
        return None
    document = json.loads(properties["discoc.masks"])
    weights = {w.name: onnx.numpy_helper.to_array(w) for w in model.graph.initializer}
    widths = {node.name: weights[node.input[1]].shape[1] for node in model.graph.node if len(node.input) > 1 and node.input[1] in weights}
    kept = owned = 0
    for mask in document["masks"]:
        kept += sum(e[1] - e[0] + 1 if isinstance(e, list) else 1 for e in mask["channels"])
        share, rest = divmod(widths[mask["op"]], document["nodes"])
        owned += share + (1 if mask["from"] < rest else 0)
    return kept / owned


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--data", help="folder of the CIFAR-10 archives (or DISCOC_CIFAR10)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    pictures, labels = cifar10_data.load("test", cifar10_data.dataFolder(args.data))
    print("| model | mask density | test pictures right | bytes |\n| --- | --- | --- | --- |")
    for path in args.models:
        model = onnx.load(path)
        right = 0
        for begin in range(0, len(labels), 500):
            scores = onnx_file.run(model, cifar10_data.normalise(pictures[begin : begin + 500]))
            right += int((scores.argmax(1) == labels[begin : begin + 500]).sum())
        found = density(model)
        text = "no mask" if found is None else f"{found:.2f}"
        name = os.path.basename(path)
        print(f"| `{name}` | {text} | {100 * right / len(labels):.2f} % | {os.path.getsize(path):,} |", flush=True)


if __name__ == "__main__":
    main()
