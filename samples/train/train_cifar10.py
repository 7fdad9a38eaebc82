#!/usr/bin/python3
# Trains the CIFAR-10 sample: dense first, then with masks for a number of nodes.
# SPDX-License-Identifier: Apache-2.0
"""  train_cifar10.py dense --data FOLDER --out FOLDER
  train_cifar10.py masks --nodes 2 --data FOLDER --out FOLDER [--owners FILE]
  train_cifar10.py groups --nodes 2 --data FOLDER --out FOLDER

`masks` and `groups` start from the dense network of the same folder. Each writes NAME.pt and NAME.onnx."""

import argparse
import os
import time

import torch
import torch.nn.functional as functional

import cifar10_data
import disco_masks
import onnx_file
from residual_net import ResidualNet

BATCH = 128
PRUNING_STEPS = 8  # the density falls in this many steps over the first 40 % of the fine-tuning


def parseArguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["dense", "masks", "groups"])
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--density", type=float, default=0.2)
    parser.add_argument("--owners", help="owner maps from `discoc inspect --write-owners`; default: contiguous")
    parser.add_argument("--data", help="folder of the CIFAR-10 archives (or DISCOC_CIFAR10)")
    parser.add_argument("--out", required=True, help="folder of the checkpoints and models")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


@torch.no_grad()
def accuracy(network, pictures, labels):
    network.eval()
    right = 0
    for begin in range(0, len(labels), 500):
        batch = cifar10_data.normalise(pictures[begin : begin + 500])
        scores = network(batch.contiguous(memory_format=torch.channels_last))
        right += int((scores.argmax(1) == labels[begin : begin + 500]).sum())
    return right / len(labels)


def densityAt(progress, target):
    """1 at the start, the target from 40 % of the training on, cubic between them, in steps."""
    step = min(1.0, int(progress / 0.4 * PRUNING_STEPS + 1) / PRUNING_STEPS)
    return target + (1 - target) * (1 - step) ** 3


def train(network, masks, args, data):
    """Trains with the masks' zeros forced after every step."""
    pictures, labels, testPictures, testLabels = data
    generator = torch.Generator().manual_seed(args.seed)
    network.to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    steps = len(labels) // BATCH
    total = steps * args.epochs
    warm = 0.25 if masks is None else 0.1
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, args.rate, total_steps=total, pct_start=warm)
    factors, density, begin = [], 1.0, time.time()
    for epoch in range(args.epochs):
        network.train()
        order = torch.randperm(len(labels), generator=generator)
        sum_ = 0.0
        for step in range(steps):
            wanted = densityAt((epoch * steps + step) / total, args.density) if masks else 1.0
            if wanted < density:
                density = wanted
                masks.shrink(density)
                factors = masks.factors()
                disco_masks.apply(factors)
            chosen = order[step * BATCH : (step + 1) * BATCH]
            batch = cifar10_data.normalise(cifar10_data.augment(pictures[chosen], generator))
            scores = network(batch.contiguous(memory_format=torch.channels_last))
            loss = functional.cross_entropy(scores, labels[chosen], label_smoothing=0.05)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            disco_masks.apply(factors)
            sum_ += float(loss.detach())
        print(
            f"epoch {epoch + 1:2}/{args.epochs}  loss {sum_ / steps:.4f}  density {masks.density() if masks else 1:.3f}"
            f"  test {100 * accuracy(network, testPictures, testLabels):.2f} %  {time.time() - begin:.0f} s",
            flush=True,
        )


def main():
    args = parseArguments()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    args.epochs = args.epochs or (16 if args.kind == "dense" else 10)
    args.rate = args.rate or (0.25 if args.kind == "dense" else 0.1)
    os.makedirs(args.out, exist_ok=True)
    folder = cifar10_data.dataFolder(args.data)
    data = (*cifar10_data.load("train", folder), *cifar10_data.load("test", folder))

    network, masks = ResidualNet(), None
    name = "cifar10_dense" if args.kind == "dense" else f"cifar10_{args.kind}{args.nodes}"
    if args.kind != "dense":
        network.load_state_dict(torch.load(os.path.join(args.out, "cifar10_dense.pt")))
        stated = disco_masks.readOwners(args.owners, args.nodes) if args.owners else ()
        masks = disco_masks.make(network, (1, 3, 32, 32), args.nodes, *stated)
        if args.kind == "groups":
            args.density = 0.0
    print(f"{name}: {args.epochs} epochs, rate {args.rate}, {sum(p.numel() for p in network.parameters())} weights", flush=True)
    train(network, masks, args, data)
    torch.save(network.state_dict(), os.path.join(args.out, name + ".pt"))
    path = os.path.join(args.out, name + ".onnx")
    model = onnx_file.export(network, (1, 3, 32, 32))
    preprocess = onnx_file.preprocess((32, 32), "center-crop", "RGB", cifar10_data.MEAN, cifar10_data.STD)
    onnx_file.write(model, path, masks.document() if masks else None, preprocess, cifar10_data.LABELS)
    print(f"{path}: {os.path.getsize(path)} bytes", flush=True)


if __name__ == "__main__":
    main()
