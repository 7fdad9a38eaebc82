#!/usr/bin/python3
# Trains the CIFAR-10 sample: dense first, then with masks for a number of nodes.
# SPDX-License-Identifier: Apache-2.0
"""  train_cifar10.py dense --data FOLDER --out FOLDER
  train_cifar10.py masks --nodes 2 --data FOLDER --out FOLDER [--owners FILE] [--costs FILE] [--wire i8] [--rows]
  train_cifar10.py groups --nodes 2 --data FOLDER --out FOLDER

`masks` and `groups` start from the dense network of the same folder, which teaches them. Each writes NAME.pt, its checkpoint, after each
epoch, goes on from there when it is started again, and writes NAME.onnx in the end. With --resnet20 MODEL.onnx the network is that
ResNet-20, trained already, and `dense` trains it on."""

import argparse
import copy
import os
import time

import discoc_masks
import onnx
import onnx.numpy_helper
import torch

import cifar10_data
import onnx_file
from residual_net import ResidualNet, ResNet20

BATCH = 128


def parseArguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["dense", "masks", "groups"])
    parser.add_argument("--resnet20", metavar="MODEL", help="a trained ResNet-20 instead of the sample's network")
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--density", type=float, default=0.2)
    parser.add_argument("--owners", help="owner maps from `discoc inspect --write-owners`; default: the default map")
    parser.add_argument("--costs", help="from `discoc inspect --advise`; default: bytes")
    parser.add_argument("--wire", choices=["i8"], help="train with what crosses in 8 bits")
    parser.add_argument("--rows", action="store_true", help="partial sums where these are fewer bytes")
    parser.add_argument("--data", help="folder of the CIFAR-10 archives (or DISCOC_CIFAR10)")
    parser.add_argument("--out", required=True, help="folder of the checkpoints and models")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--steps", type=int, help="batches an epoch; default: all pictures once")
    parser.add_argument("--rate", type=float)
    parser.add_argument("--lasso", type=float, default=1e-5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


@torch.no_grad()
def accuracy(network, pictures, labels):
    network.eval()
    scores = [network(cifar10_data.normalise(pictures[i : i + 500])).argmax(1) for i in range(0, len(labels), 500)]
    return float((torch.cat(scores) == labels).float().mean())


def pretrained(path):
    """ResNet-20 with the weights of an ONNX file whose initialisers have PyTorch's names."""
    network, weights = ResNet20(), {i.name: i for i in onnx.load(path).graph.initializer}
    state = network.state_dict()
    for name in state:
        if name in weights:
            state[name] = torch.from_numpy(onnx.numpy_helper.to_array(weights[name]).copy())
        elif not name.endswith("num_batches_tracked"):
            raise SystemExit(f"error: {path} has no {name}: it is no such ResNet-20")
    network.load_state_dict(state)
    return network


def batchesOf(pictures, labels, seed, steps):
    """Epoch -> its batches, the same ones whenever an epoch is asked for."""

    def batches(epoch):
        generator = torch.Generator().manual_seed(1000 * seed + epoch)
        order = torch.randperm(len(labels), generator=generator)
        for step in range(steps):
            chosen = order[step * BATCH : (step + 1) * BATCH]
            yield cifar10_data.normalise(cifar10_data.augment(pictures[chosen], generator)).contiguous(memory_format=torch.channels_last), labels[chosen]

    return batches


def networkFor(args, steps):
    """(network, masks, teacher)"""
    network = pretrained(args.resnet20) if args.resnet20 else ResidualNet()
    if args.kind == "dense":
        return network, None, copy.deepcopy(network) if args.resnet20 else None
    dense = os.path.join(args.out, "resnet20_dense.pt" if args.resnet20 else "cifar10_dense.pt")
    if os.path.exists(dense) or not args.resnet20:
        network.load_state_dict(torch.load(dense)["network"])
    teacher = copy.deepcopy(network)
    density = 0.0 if args.kind == "groups" else args.density
    masks = discoc_masks.attach(network, torch.zeros(1, 3, 32, 32), args.nodes, args.owners, args.costs, density, args.epochs * steps,
                                rows=args.rows, wire=args.wire)  # fmt: skip
    return network, masks, teacher


def main():
    args = parseArguments()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    args.epochs = args.epochs or (16 if args.kind == "dense" else 10)
    args.rate = args.rate or (0.01 if args.resnet20 else 0.1 if args.kind == "dense" else 0.05)
    os.makedirs(args.out, exist_ok=True)
    folder = cifar10_data.dataFolder(args.data)
    pictures, labels = cifar10_data.load("train", folder)
    held = torch.arange(len(labels)) % 10 == 0  # 5,000 pictures, on which choices are made
    steps = args.steps or int((~held).sum()) // BATCH
    network, masks, teacher = networkFor(args, steps)
    name = ("resnet20_" if args.resnet20 else "cifar10_") + (args.kind if args.kind == "dense" else f"{args.kind}{args.nodes}")
    print(f"{name}: {args.epochs} epochs of {steps} batches, rate {args.rate}, {sum(p.numel() for p in network.parameters())} weights", flush=True)
    begin = time.time()

    def report(epoch, loss, density):
        right = 100 * accuracy(network, pictures[held], labels[held])
        print(f"epoch {epoch + 1:2}/{args.epochs}  loss {loss:.4f}  density {density:.3f}  held out {right:.2f} %  {time.time() - begin:.0f} s", flush=True)

    discoc_masks.fit(network, masks, batchesOf(pictures[~held], labels[~held], args.seed, steps), args.epochs, args.rate, teacher=teacher,
                     lasso=args.lasso, checkpoint=os.path.join(args.out, name + ".pt"), report=report)  # fmt: skip
    path = os.path.join(args.out, name + ".onnx")
    preprocess = onnx_file.preprocess((32, 32), "center-crop", "RGB", cifar10_data.MEAN, cifar10_data.STD)
    entries = {"discoc.preprocess": preprocess, "discoc.labels": cifar10_data.LABELS}
    names = {"input_names": ["image"], "output_names": ["scores"]}
    if masks:
        masks.export(path, entries, **names)
    else:
        discoc_masks.export(network, torch.zeros(1, 3, 32, 32), path, entries, **names)
    print(f"{path}: {os.path.getsize(path)} bytes", flush=True)


if __name__ == "__main__":
    main()
