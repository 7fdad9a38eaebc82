# CIFAR-10 from its JPEG archives into arrays, and the augmentation of a batch.
# SPDX-License-Identifier: Apache-2.0
"""The data folder holds `train_50000_jpg.tar.gz` and `test_10000_jpg.tar.gz`; members are named
`train/<label>/<number>.jpg`. Decoding takes about 20 s, so the arrays are kept in a cache folder."""

import io
import os
import tarfile

import numpy as np
import torch
from PIL import Image

LABELS = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
MEAN = [0.4914, 0.4822, 0.4465]
STD = [0.2470, 0.2435, 0.2616]
ARCHIVES = {"train": "train_50000_jpg.tar.gz", "test": "test_10000_jpg.tar.gz"}


def dataFolder(argument):
    """The folder given, else that of the environment; a training without data is a usage error."""
    folder = argument or os.environ.get("DISCOC_CIFAR10")
    if not folder or not os.path.isdir(folder):
        raise SystemExit("error: name the folder of the CIFAR-10 archives with --data or DISCOC_CIFAR10")
    return folder


def cacheFolder():
    base = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
    folder = os.path.join(base, "discoc", "cifar10")
    os.makedirs(folder, exist_ok=True)
    return folder


def decode(archive):
    """(pictures [n,3,32,32] uint8, labels [n] int64) in the order of the member names."""
    entries = []
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile():
                entries.append((member.name, tar.extractfile(member).read()))
    entries.sort()
    pictures = np.empty((len(entries), 3, 32, 32), np.uint8)
    labels = np.empty(len(entries), np.int64)
    for i, (name, data) in enumerate(entries):
        picture = Image.open(io.BytesIO(data)).convert("RGB")
        pictures[i] = np.asarray(picture, np.uint8).transpose(2, 0, 1)
        labels[i] = LABELS.index(name.split("/")[-2])
    return pictures, labels


def load(part, folder):
    """The part "train" or "test" as torch tensors."""
    archive = os.path.join(folder, ARCHIVES[part])
    if not os.path.isfile(archive):
        raise SystemExit(f"error: {archive} is missing")
    cached = os.path.join(cacheFolder(), f"{part}.npz")
    if not os.path.isfile(cached):
        pictures, labels = decode(archive)
        np.savez(cached + ".part.npz", pictures=pictures, labels=labels)
        os.replace(cached + ".part.npz", cached)
    arrays = np.load(cached)
    return torch.from_numpy(arrays["pictures"]), torch.from_numpy(arrays["labels"])


def normalise(pictures):
    mean = torch.tensor(MEAN).view(1, 3, 1, 1)
    std = torch.tensor(STD).view(1, 3, 1, 1)
    return (pictures.float() * (1.0 / 255.0) - mean) / std


def augment(pictures, generator, pad=4):
    """A random crop after padding and a random flip, one draw a picture."""
    count, channels, height, width = pictures.shape
    padded = torch.nn.functional.pad(pictures, (pad, pad, pad, pad))
    top = torch.randint(0, 2 * pad + 1, (count, 1), generator=generator)
    left = torch.randint(0, 2 * pad + 1, (count, 1), generator=generator)
    flip = torch.rand(count, 1, generator=generator) < 0.5
    rows = top + torch.arange(height)
    columns = left + torch.arange(width)
    columns = torch.where(flip, columns.flip(1), columns)
    index = torch.arange(count).view(-1, 1, 1)
    # Indexing around the channel slice puts the channels last: [n, h, w, c].
    crops = padded[index, :, rows.unsqueeze(2), columns.unsqueeze(1)]
    return crops.permute(0, 3, 1, 2)
