# SPDX-License-Identifier: Apache-2.0
"""Data, preprocessing and measure of every trained model whose accuracy is
known: (array that goes in, figures of what comes out)."""

import glob
import gzip
import io
import os
import sys
import tarfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
import detection  # noqa: E402
import discoc  # noqa: E402


class Task:
    """`known`: the figures that the models' page states, on its own subset;
    `load(count)`: the inputs and what is needed to judge; `measure(outputs,
    truth)`: {figure: value}."""

    def __init__(self, model, about, known, load, measure, classes=True):
        self.model, self.about, self.known = model, about, known
        self.load, self.measure, self.classes = load, measure, classes


def _data(*parts):
    return os.path.join(discoc.shared(), "data", *parts)


def _image(stream):
    from PIL import Image
    return Image.open(stream)


def _mean_std(x, mean, std):
    return ((x - np.reshape(mean, (-1, 1, 1))) /
            np.reshape(std, (-1, 1, 1))).astype(np.float32)


# -- classification ----------------------------------------------------------

def _mnist(count):
    def read(name, offset):
        with gzip.open(_data("mnist", name)) as stream:
            return np.frombuffer(stream.read(), np.uint8, offset=offset)
    x = read("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)
    y = read("t10k-labels-idx1-ubyte.gz", 8)
    return x[:count].astype(np.float32), y[:count]


def _cifar(mean, std):
    """The first pictures of every class, 100 each of 1000."""
    def load(count):
        path = _data("cifar10", "test_10000_jpg.tar.gz")
        with tarfile.open(path) as archive:
            names = sorted(n for n in archive.getnames()
                           if n.endswith(".jpg"))
            kinds = sorted({n.split("/")[1] for n in names})
            each, x, y = (count or 1000) // len(kinds), [], []
            for label, kind in enumerate(kinds):
                own = [n for n in names if n.split("/")[1] == kind][:each]
                for name in own:
                    picture = _image(io.BytesIO(
                        archive.extractfile(name).read())).convert("RGB")
                    x.append(np.asarray(picture, np.float32))
                    y.append(label)
        x = np.stack(x).transpose(0, 3, 1, 2)
        return _mean_std(x, mean, std), np.array(y)
    return load


def _imagenet(prepare):
    """The short side is 256, the middle 224 x 224 are used."""
    def load(count):
        import torchvision
        names = torchvision.models.ResNet50_Weights.IMAGENET1K_V1.meta[
            "categories"]
        names = [n.lower() for n in names]
        x, y = [], []
        for path in sorted(glob.glob(_data("imagenet_sample",
                                           "*.JPEG")))[:count]:
            picture = _image(path).convert("RGB")
            w, h = picture.size
            scale = 256 / min(w, h)
            picture = picture.resize((round(w * scale), round(h * scale)), 2)
            left, top = (picture.size[0] - 224) // 2, \
                (picture.size[1] - 224) // 2
            x.append(np.asarray(picture.crop(
                (left, top, left + 224, top + 224)), np.float32))
            y.append(names.index(os.path.basename(path)[10:-5].replace(
                "_", " ").lower()))
        return prepare(np.stack(x).transpose(0, 3, 1, 2)), np.array(y)
    return load


def _top(*counts):
    def measure(outputs, truth):
        scores = next(iter(outputs.values()))
        order = np.argsort(-scores.reshape(len(truth), -1).astype(np.float64),
                           axis=1, kind="stable")
        return {f"top-{k} %": 100 * float(
            (order[:, :k] == truth[:, None]).any(axis=1).mean())
            for k in counts}
    return measure


def _bgr(x):
    return (x[:, ::-1] - np.reshape((104, 117, 123), (-1, 1, 1))).astype(
        np.float16)


def _imagenet_rgb(x):
    return _mean_std(x / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


# -- super resolution --------------------------------------------------------

def _luminance(folder):
    """A third of the size by bicubic scaling, in the middle of 224 x 224, its
    edges repeated; pictures too large for that are left out."""
    def load(count):
        x, truth = [], []
        with tarfile.open(_data("sr_set5_set14", "set5_set14.tar")) as archive:
            names = sorted(n for n in archive.getnames()
                           if n.startswith(folder + "/") and ".png" in n)
            for name in names[:count]:
                full = _image(io.BytesIO(archive.extractfile(name).read()))
                full = full.convert("YCbCr").split()[0]
                w, h = (v - v % 3 for v in full.size)
                full = full.crop((0, 0, w, h))
                small = np.asarray(full.resize((w // 3, h // 3), 3),
                                   np.float32)
                if max(small.shape) > 224:
                    continue
                py, px = (224 - v for v in small.shape)
                x.append(np.pad(small, ((py // 2, py - py // 2),
                                        (px // 2, px - px // 2)), "edge"))
                truth.append((3 * (py // 2), 3 * (px // 2),
                              np.asarray(full, np.float64)))
        return np.stack(x)[:, None] / np.float32(255), truth
    return load


def _psnr(outputs, truth):
    """Of the luminance, 0 to 255, without 3 pixels at each edge."""
    result = []
    for picture, (top, left, full) in zip(
            next(iter(outputs.values()))[:, 0], truth):
        h, w = full.shape
        got = np.clip(np.round(picture * 255.0), 0, 255)
        error = got[top:top + h, left:left + w] - full
        result.append(10 * np.log10(255 ** 2 / np.mean(
            error[3:-3, 3:-3] ** 2)))
    return {"PSNR dB": float(np.mean(result))}


TASKS = (
    Task("mnist_cnn", "all 10,000 test pictures, 0 to 255", {"top-1 %": 98.9},
         _mnist, _top(1)),
    Task("resnet20_cifar10", "the first 100 test pictures of every class",
         {"top-1 %": 82.0}, _cifar((125.3, 123.0, 113.9), (63.0, 62.1, 66.7)),
         _top(1)),
    Task("vit_pgd_2_3_16_cifar10", "the first 100 test pictures of every "
         "class", {"top-1 %": 60.8},
         _cifar((125.31, 122.95, 113.87), (51.59, 50.85, 51.26)), _top(1)),
    Task("squeezenet_fp16", "the sample's 50 pictures (the page: 1,000)",
         {"top-1 %": 61.4, "top-5 %": 83.4}, _imagenet(_bgr), _top(1, 5)),
    Task("mobilenet_v2_int8_qdq", "the sample's 50 pictures (the page: 100)",
         {"top-1 %": 49.0, "top-5 %": 95.0}, _imagenet(_imagenet_rgb),
         _top(1, 5)),
    Task("yolox_nano", "48 COCO pictures (the page: 128)", {"mAP@0.5": 48.6},
         detection.loader(416, detection.letterbox), detection.measure(
             detection.yolox), False),
    Task("fastestdet", "48 COCO pictures (the page: 128)", {"mAP@0.5": 35.6},
         detection.loader(352, detection.stretch), detection.measure(
             detection.fastestdet), False),
    Task("super_resolution_x3_op10", "Set5", {"PSNR dB": 29.32},
         _luminance("Set5"), _psnr, False),
)
