# SPDX-License-Identifier: Apache-2.0
"""COCO pictures, the boxes of two detectors, and their mean average
precision."""

import glob
import os

import numpy as np

import discoc

CLASSES = 80


# -- pictures ----------------------------------------------------------------

def letterbox(picture, size):
    """BGR, 0 to 255, at the top left of a grey square: (array, scale of x and
    y)."""
    w, h = picture.size
    scale = min(size / w, size / h)
    small = picture.resize((int(w * scale), int(h * scale)), 2)
    result = np.full((size, size, 3), 114, np.float32)
    result[:small.size[1], :small.size[0]] = np.asarray(small)[..., ::-1]
    return result.transpose(2, 0, 1), (1 / scale, 1 / scale)


def stretch(picture, size):
    """BGR, 0 to 1, the whole picture as a square."""
    w, h = picture.size
    small = np.asarray(picture.resize((size, size), 2), np.float32)
    return small[..., ::-1].transpose(2, 0, 1) / np.float32(255), \
        (w / size, h / size)


def loader(size, prepare):
    def load(count):
        from PIL import Image
        folder = os.path.join(discoc.shared(), "data", "coco")
        x, truth = [], []
        for path in sorted(glob.glob(os.path.join(folder, "images",
                                                  "*")))[:count]:
            picture = Image.open(path).convert("RGB")
            array, scale = prepare(picture, size)
            x.append(array)
            name = os.path.splitext(os.path.basename(path))[0] + ".txt"
            labels = os.path.join(folder, "labels", name)
            boxes = np.loadtxt(labels, ndmin=2) if os.path.exists(labels) \
                else np.zeros((0, 5))
            truth.append((scale, picture.size, boxes.reshape(-1, 5)))
        return np.ascontiguousarray(np.stack(x)), truth
    return load


# -- boxes of one picture: (x0, y0, x1, y1, score, class) in input pixels ----

def yolox(output, size=416):
    grids, strides = [], []
    for stride in (8, 16, 32):
        n = size // stride
        y, x = np.mgrid[0:n, 0:n]
        grids.append(np.stack([x, y], -1).reshape(-1, 2))
        strides.append(np.full((n * n, 1), stride))
    grid, stride = np.concatenate(grids), np.concatenate(strides)
    centre = (output[:, :2] + grid) * stride
    half = np.exp(output[:, 2:4]) * stride / 2
    scores = output[:, 4:5] * output[:, 5:]
    return np.concatenate([centre - half, centre + half], 1), scores


def fastestdet(output, size=352):
    n = output.shape[-1]
    y, x = np.mgrid[0:n, 0:n]
    centre = (np.tanh(output[1:3]) + np.stack([x, y])) * (size / n)
    half = size / (1 + np.exp(-output[3:5])) / 2
    boxes = np.concatenate([centre - half, centre + half]).reshape(4, -1).T
    scores = output[0] ** 0.6 * output[5:] ** 0.4
    return boxes, scores.reshape(CLASSES, -1).T


def _overlap(box, boxes):
    low = np.maximum(box[:2], boxes[:, :2])
    high = np.minimum(box[2:4], boxes[:, 2:4])
    both = np.prod(np.maximum(high - low, 0), axis=1)
    area = np.prod(box[2:4] - box[:2]) + \
        np.prod(boxes[:, 2:4] - boxes[:, :2], axis=1) - both
    return both / np.maximum(area, 1e-9)


def _suppress(boxes, scores, least=0.01, most=0.45):
    """Rows (x0, y0, x1, y1, score, class), best first within a class."""
    result = []
    best = scores.argmax(1)
    value = scores[np.arange(len(best)), best]
    for kind in np.unique(best[value > least]):
        rows = np.flatnonzero((best == kind) & (value > least))
        rows = rows[np.argsort(-value[rows], kind="stable")]
        while len(rows):
            k = rows[0]
            result.append([*boxes[k], value[k], kind])
            rows = rows[1:]
            rows = rows[_overlap(boxes[k], boxes[rows]) < most]
    return np.array(result).reshape(-1, 6)


# -- mean average precision --------------------------------------------------

def _average_precision(hits, scores, total):
    order = np.argsort(-np.array(scores), kind="stable")
    hits = np.array(hits, float)[order]
    found = np.cumsum(hits)
    recall = found / total
    precision = found / np.arange(1, len(hits) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.diff(np.concatenate([[0], recall]))
    return float((precision * steps).sum())


def _true_boxes(entry):
    scale, (w, h), rows = entry
    x, y, bw, bh = rows[:, 1:].T
    return np.stack([(x - bw / 2) * w, (y - bh / 2) * h, (x + bw / 2) * w,
                     (y + bh / 2) * h, np.ones_like(x), rows[:, 0]], 1)


def measure(decode):
    """mAP at an overlap of one half, over the classes that occur."""
    def figures(outputs, truth):
        output = next(iter(outputs.values())).astype(np.float64)
        hits, scores = ({c: [] for c in range(CLASSES)} for _ in range(2))
        totals = np.zeros(CLASSES, int)
        for values, entry in zip(output, truth):
            boxes, marks = decode(values)
            found = _suppress(boxes, marks)
            found[:, :4] *= np.tile(entry[0], 2)
            real = _true_boxes(entry)
            np.add.at(totals, real[:, 5].astype(int), 1)
            used = np.zeros(len(real), bool)
            for row in found[np.argsort(-found[:, 4], kind="stable")]:
                kind = int(row[5])
                same = (real[:, 5] == kind) & ~used
                near = np.where(same, _overlap(row, real), 0)
                k = int(near.argmax()) if len(near) else 0
                good = bool(len(near)) and near[k] >= 0.5
                if good:
                    used[k] = True
                hits[kind].append(good)
                scores[kind].append(row[4])
        each = [_average_precision(hits[c], scores[c], totals[c])
                for c in range(CLASSES) if totals[c]]
        return {"mAP@0.5": 100 * float(np.mean(each))}
    return figures
