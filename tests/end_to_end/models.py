# SPDX-License-Identifier: Apache-2.0
"""The models of the end-to-end matrix and inputs like those they were made for.

The trained models are those of the shared folder; where it is absent, seeded
torchvision exports stand in. Beside them are seeded ones of kinds that neither has.
"""

import os
import sys

import numpy as np
import onnx

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
sys.path.insert(0, os.path.join(HERE, "..", "bench"))
import discoc  # noqa: E402
import graph  # noqa: E402
import seeded  # noqa: E402

STAND_INS = ("resnet18", "squeezenet1_1", "mobilenet_v2",
             "shufflenet_v2_x1_0")


def picture(rng, channels, height, width):
    """Smooth blobs with some noise, 0 to 255: what pictures are like."""
    result = np.zeros((channels, height, width))
    y, x = np.mgrid[0:height, 0:width]
    for _ in range(8):
        cy, cx = rng.uniform(0, height), rng.uniform(0, width)
        size = rng.uniform(0.05, 0.5) * min(height, width)
        blob = np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * size ** 2))
        result += rng.uniform(-1, 1, (channels, 1, 1)) * blob
    result += rng.normal(0, 0.05, result.shape)
    result -= result.min()
    return 255 * result / result.max()


def _mean_scale(mean, scale):
    """NCHW from a picture: (x - mean) / scale."""
    def make(rng, dims):
        mean_, scale_ = (np.reshape(np.broadcast_to(v, dims[1]), (-1, 1, 1))
                         for v in (mean, scale))
        return np.stack([(picture(rng, *dims[1:]) - mean_) / scale_
                         for _ in range(dims[0])])
    return make


def _with_alpha(rng, dims):
    """NHWC, 0 to 255, the fourth channel is 1; boxes, whose edges are the
    lines that a line detector is for."""
    _, height, width, channels = dims
    x = np.ones(dims)
    x[0, ..., :channels - 1] = np.moveaxis(
        picture(rng, channels - 1, height, width), 0, -1)
    for _ in range(12):
        top, left = rng.integers(0, height - 60), rng.integers(0, width - 60)
        down, right = rng.integers(20, 60, 2)
        x[0, top:top + down, left:left + right, :channels - 1] = \
            rng.uniform(0, 255, channels - 1)
    return x


def _normal(rng, dims):
    return rng.standard_normal(dims)


IMAGENET = _mean_scale((123.7, 116.3, 103.5), (58.4, 57.1, 57.4))

# name -> (how inputs are made, --input-shape, cost: 1 small .. 3 large)
SETTINGS = {
    "mnist_cnn": (_mean_scale(0, 1), {}, 1),
    "micro_kws_m": (lambda rng, dims: rng.gamma(2.0, 3.0, dims), {}, 1),
    "resnet20_cifar10": (_mean_scale(125, 62), {}, 1),
    "vit_pgd_2_3_16_cifar10": (_mean_scale(125, 62), {}, 1),
    "squeezenet_fp16": (_mean_scale((104, 117, 123), 1), {}, 2),
    "ppocr_cls_mbv3": (_mean_scale(127.5, 127.5), {"x": (1, 3, 48, 192)}, 2),
    "yolox_nano": (_mean_scale(0, 1), {}, 3),
    "fastestdet": (_mean_scale(0, 255), {}, 3),
    "ultraface_rfb320": (_mean_scale(127, 128), {}, 2),
    "deeplab_mbv2_dm05_513": (_mean_scale(127.5, 127.5), {}, 3),
    "sinet_320": (_mean_scale((102.9, 111.3, 126.9), (16047, 16019, 16980)), {},
                  3),
    "mlsd_tiny_320": (_with_alpha, {}, 2),
    "super_resolution_x3_op10": (_mean_scale(0, 255), {}, 2),
}


class Model:
    def __init__(self, name, path, make, shapes, cost):
        self.name, self.path, self.cost = name, path, cost
        self.shapes = dict(shapes)
        self._make = make
        self._onnx = None

    @property
    def onnx(self):
        if self._onnx is None:
            self._onnx = graph.load(self.path)
            # Other dynamic dimensions are batches: one sample.
            for value in graph.real_inputs(self._onnx):
                dims = value.type.tensor_type.shape.dim
                if any(not d.HasField("dim_value") for d in dims) and \
                        value.name not in self.shapes:
                    self.shapes[value.name] = tuple(
                        d.dim_value or 1 for d in dims)
        return self._onnx

    def inputs(self, seed=0):
        rng = np.random.default_rng(seed)
        self.onnx
        return {name: self._make(rng, dims).astype(dtype)
                for name, (dtype, dims) in
                graph.input_signature(self.onnx, self.shapes).items()}


def always(folder):
    """Those that need nothing from elsewhere, written into `folder`."""
    found = []
    for make in (seeded.transformer, seeded.halves, seeded.shuffled):
        path = os.path.join(folder, f"{make.__name__}.onnx")
        onnx.save(make(), path)
        found.append(Model(make.__name__, path, _normal, {}, 1))
    return found


def trained(int8=False):
    """The shared models, those of int8 if asked for, or None where there are
    none."""
    folder = discoc.shared()
    if not folder:
        return None
    result = []
    for name in sorted(os.listdir(os.path.join(folder, "models"))):
        path = os.path.join(folder, "models", name, "model.onnx")
        if not os.path.exists(path) or ("int8" in name and not int8):
            continue
        make, shapes, cost = SETTINGS.get(name, (_normal, {}, 2))
        result.append(Model(name, path, make, shapes, cost))
    return sorted(result, key=lambda m: m.cost)


def stand_ins(folder):
    """torchvision's, with seeded random weights, exported into `folder`."""
    import exports
    return [Model(name, exports.export(
        name, os.path.join(folder, f"{name}.onnx")), IMAGENET, {}, 2)
        for name in STAND_INS]
