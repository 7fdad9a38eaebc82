#!/usr/bin/python3
# Trains the digits sample (8x8 handwritten digits of scikit-learn): dense, then with masks. Takes seconds.
# SPDX-License-Identifier: Apache-2.0
"""  train_digits.py --out FOLDER [--nodes 2 --nodes 4]

Writes digits_dense.onnx, digits_masks<N>.onnx, and the pictures that were held back, as digits_test_images.npy (the
model's input, float32 [n,1,8,8]) and digits_test_labels.npy."""

import argparse
import copy
import os

import numpy as np
import onnx
import sklearn.datasets
import torch
import torch.nn as nn
import torch.nn.functional as functional

import discoc_masks
import onnx_file

HELD_BACK, BATCH, LASSO, EXAMPLE = 360, 64, 1e-5, (1, 1, 8, 8)
LABELS = [str(digit) for digit in range(10)]


class DigitsNet(nn.Module):
    """Three convolutions, one with an identity beside it; flattened, so that the classifier reads 80 features."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 20, 3, 1, 1)
        self.conv2 = nn.Conv2d(20, 20, 3, 2, 1)
        self.conv3 = nn.Conv2d(20, 20, 3, 1, 1)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.classifier = nn.Linear(80, 10)

    def forward(self, x):
        x = self.relu(self.conv1(x))
        x = self.relu(self.conv2(x))
        x = self.relu(self.conv3(x) + x)
        return self.classifier(self.pool(x).flatten(1))


def load():
    """(training pictures, labels, held back pictures, labels). The pictures have the values that a PNG file keeps, so
    that a picture read from one gives the same scores."""
    digits = sklearn.datasets.load_digits()
    pictures = np.round(digits.images * (255.0 / 16.0)).astype(np.uint8)[:, None]
    pictures = torch.from_numpy(pictures).float() * (1.0 / 255.0)
    labels = torch.from_numpy(digits.target.astype(np.int64))
    # The file is ordered by writer: held back from its end, the test is on the hands of others.
    return pictures[:-HELD_BACK], labels[:-HELD_BACK], pictures[-HELD_BACK:], labels[-HELD_BACK:]


def bend(pictures, generator):
    """Each picture a little turned, sheared, scaled and shifted: there are few writers to learn from."""
    noise = torch.randn(len(pictures), 2, 3, generator=generator) * torch.tensor([0.12, 0.12, 0.08])
    grid = functional.affine_grid(torch.eye(2, 3) + noise, list(pictures.shape), align_corners=False)
    return functional.grid_sample(pictures, grid, align_corners=False)


def train(network, masks, epochs, rate, pictures, labels):
    generator = torch.Generator().manual_seed(1)
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    for _ in range(epochs):
        for chosen in torch.randperm(len(labels), generator=generator).split(BATCH):
            loss = functional.cross_entropy(network(bend(pictures[chosen], generator)), labels[chosen])
            optimiser.zero_grad()
            (loss + LASSO * masks.penalty() if masks else loss).backward()
            optimiser.step()
            if masks:
                masks.step(loss.detach())
        schedule.step()


def finish(network, masks, name, args, pictures, labels):
    path = os.path.join(args.out, name + ".onnx")
    entries = {"discoc.preprocess": onnx_file.preprocess((8, 8), "bilinear", "GRAY", [0.0], [1.0]), "discoc.labels": LABELS}
    names = {"input_names": ["image"], "output_names": ["scores"], "dynamic_axes": {"image": {0: "batch"}, "scores": {0: "batch"}}}
    if masks:
        masks.export(path, entries, **names)
    else:
        discoc_masks.export(network, torch.zeros(EXAMPLE), path, entries, **names)
    right = (onnx_file.run(onnx.load(path), pictures).argmax(1) == labels).float().mean()
    density = masks.density if masks else 1.0
    print(f"{path}: {os.path.getsize(path)} bytes, density {density:.2f}, held back pictures right: {100 * right:.2f} %")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True)
    parser.add_argument("--nodes", type=int, action="append", help="node counts; default: 2 and 4")
    parser.add_argument("--owners", help="owner maps from `discoc inspect --write-owners`; default: the default map")
    parser.add_argument("--epochs", type=int, default=60)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    os.makedirs(args.out, exist_ok=True)
    pictures, labels, testPictures, testLabels = load()
    dense = DigitsNet()
    train(dense, None, args.epochs, 0.01, pictures, labels)
    finish(dense, None, "digits_dense", args, testPictures, testLabels)
    for nodes in args.nodes or [2, 4]:
        network = copy.deepcopy(dense)
        steps = args.epochs * -(-len(labels) // BATCH)
        masks = discoc_masks.attach(network, torch.zeros(EXAMPLE), nodes, args.owners, density=0.2, steps=steps)
        train(network, masks, args.epochs, 0.005, pictures, labels)
        finish(network, masks, f"digits_masks{nodes}", args, testPictures, testLabels)
    np.save(os.path.join(args.out, "digits_test_images.npy"), testPictures.numpy())
    np.save(os.path.join(args.out, "digits_test_labels.npy"), testLabels.numpy())


if __name__ == "__main__":
    main()
