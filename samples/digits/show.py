#!/usr/bin/python3
# Shows a few held back digits with the answers of a run, and counts how many are right. Needs no packages.
# SPDX-License-Identifier: Apache-2.0
"""usage: show.py SCORES.npy [COUNT]"""

import ast
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
FORMATS = {"<f4": "f", "<i8": "q", "|u1": "B"}


def readNpy(path):
    """(shape, flat values) of a little-endian array in C order."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:6] != b"\x93NUMPY":
        raise SystemExit(f"error: {path} is no .npy file")
    wide = data[6] >= 2
    (length,) = struct.unpack_from("<I" if wide else "<H", data, 8)
    begin = (12 if wide else 10) + length
    header = ast.literal_eval(data[begin - length : begin].decode("latin1"))
    letter = FORMATS[header["descr"]]
    count = (len(data) - begin) // struct.calcsize(letter)
    return header["shape"], struct.unpack_from(f"<{count}{letter}", data, begin)


def main():
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    shape, scores = readNpy(sys.argv[1])
    shown = int(sys.argv[2]) if len(sys.argv) == 3 else 6
    _, pictures = readNpy(os.path.join(HERE, "digits_test_images.npy"))
    _, labels = readNpy(os.path.join(HERE, "digits_test_labels.npy"))
    classes = shape[1]
    answers = []
    for i in range(shape[0]):
        row = scores[i * classes : (i + 1) * classes]
        answers.append(row.index(max(row)))

    for y in range(8):
        rows = (pictures[i * 64 + y * 8 : i * 64 + y * 8 + 8] for i in range(shown))
        print("  " + "   ".join("".join(" .:-=+*#%@"[min(9, int(v * 9.99))] * 2 for v in row) for row in rows))
    print("  " + "   ".join(f"answer {answers[i]}".ljust(16) for i in range(shown)))
    print("  " + "   ".join(f"written {labels[i]}".ljust(16) for i in range(shown)))
    right = sum(a == b for a, b in zip(answers, labels))
    print(f"\n  {right} of {shape[0]} held back digits right: {100 * right / shape[0]:.2f} %")


if __name__ == "__main__":
    main()
