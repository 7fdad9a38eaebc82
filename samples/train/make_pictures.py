#!/usr/bin/python3
# Makes the pictures that the samples ship: photographs of scikit-image, scaled down, and held back digits.
# SPDX-License-Identifier: Apache-2.0
"""  make_pictures.py photos FOLDER
  make_pictures.py digits FOLDER"""

import os
import sys

import numpy as np
from PIL import Image

PHOTOS = {"chelsea.png": "cat.png", "horse.png": "horse.png", "coffee.png": "coffee.jpg", "rocket.jpg": "rocket.jpg"}
SHORTER_SIDE = 160


def makePhotos(folder):
    import skimage.data

    source = os.path.dirname(skimage.data.__file__)
    for name, target in PHOTOS.items():
        picture = Image.open(os.path.join(source, name))
        if picture.mode == "RGBA":
            ground = Image.new("RGBA", picture.size, "white")
            ground.alpha_composite(picture)
            picture = ground
        picture = picture.convert("RGB")
        factor = SHORTER_SIDE / min(picture.size)
        size = tuple(round(side * factor) for side in picture.size)
        picture.resize(size, Image.LANCZOS).save(os.path.join(folder, target), quality=90, optimize=True)


def makeDigits(folder):
    """The first held back picture of every digit, as an 8x8 PNG with the values that the network was trained on."""
    import sklearn.datasets

    digits = sklearn.datasets.load_digits()
    pictures = np.round(digits.images[-360:] * (255.0 / 16.0)).astype(np.uint8)
    labels = digits.target[-360:]
    for digit in range(10):
        first = int(np.nonzero(labels == digit)[0][0])
        Image.fromarray(pictures[first]).save(os.path.join(folder, f"{digit}.png"), optimize=True)


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("photos", "digits"):
        raise SystemExit(__doc__)
    os.makedirs(sys.argv[2], exist_ok=True)
    {"photos": makePhotos, "digits": makeDigits}[sys.argv[1]](sys.argv[2])


if __name__ == "__main__":
    main()
