# SPDX-License-Identifier: Apache-2.0
"""Random windows, transforms, centred crops and ONNX Runtime's own ops, for a
Builder."""

import numpy as np

from builder import Rejected

_RUNTIME = "com.microsoft"


def _since(g, opset):
    if g.opset < opset:
        raise Rejected("opset")


def _scalar(g, value, dtype=np.int64):
    return g.constant(np.array(value, dtype))


def window(g):
    """A tensor under a window along its last axis."""
    _since(g, 17)
    x = g.floats()
    kind = g.pick(("HannWindow", "HammingWindow", "BlackmanWindow"))
    # A symmetric window of one sample divides by 0.
    size = g.shape(x)[-1]
    if size < 3:  # of the others little but rounding errors is left
        kind = "HammingWindow"
    w = g.op(kind, _scalar(g, size),
             periodic=g.integer(0, 1) if size > 1 else 1)
    return g.op("Mul", x, w)


def mel(g):
    _since(g, 17)
    x = g.floats(2, 3)
    width = g.shape(x)[-1]
    if width < 4:
        raise Rejected("too few bins")
    m = g.op("MelWeightMatrix", _scalar(g, g.integer(1, 4)),
             _scalar(g, 2 * (width - 1)), _scalar(g, 8192),
             _scalar(g, 100, np.float32), _scalar(g, 3000, np.float32))
    return g.op("MatMul", x, m)


def dft(g):
    _since(g, 17)
    x = g.floats(1, 2, 3)
    axis = g.integer(0, g.rank(x) - 1)
    x = g.op("Unsqueeze", x, g.integers([g.rank(x)]))
    one_sided = g.integer(0, 1)
    length = g.pick(("", _scalar(g, g.integer(2, 9))))
    if g.opset >= 20:
        y = g.op("DFT", x, length, _scalar(g, axis), onesided=one_sided)
        return y if one_sided else g.op("DFT", y, "", _scalar(g, axis),
                                        inverse=g.integer(0, 1))
    y = g.op("DFT", x, length, axis=axis, onesided=one_sided)
    return y if one_sided else g.op("DFT", y, axis=axis,
                                    inverse=g.integer(0, 1))


def stft(g):
    _since(g, 17)
    x = g.floats(2, 3, 4)
    x = g.op("Reshape", x, g.integers([g.shape(x)[0], -1]))
    samples = g.shape(x)[1]
    length = g.integer(2, min(12, samples))
    taper = g.pick(("", g.weight(length, scale=1)))
    return g.op("STFT", x, _scalar(g, g.integer(1, length)), taper,
                _scalar(g, length), onesided=g.integer(0, 1))


def center_crop_pad(g):
    _since(g, 18)
    x = g.floats()
    axes = sorted(g.rng.permutation(g.rank(x))[:g.integer(1, g.rank(x))])
    sizes = [g.integer(1, g.shape(x)[a] + 3) for a in axes]
    return g.op("CenterCropPad", x, g.integers(sizes),
                axes=[int(a) for a in axes])


def runtime_gelu(g):
    x = g.floats()
    kind = g.pick(("Gelu", "BiasGelu", "FastGelu", "QuickGelu"))
    bias = [g.weight(g.shape(x)[-1], scale=1)] if kind == "BiasGelu" else []
    return g.op(kind, x, *bias, domain=_RUNTIME)


def runtime_norm(g):
    x = g.floats(3)
    gamma = g.weight(g.shape(x)[-1], scale=1)
    if g.chance(0.3):
        return g.op("SimplifiedLayerNormalization", x, gamma, epsilon=1e-4)
    skip = g.op("Tanh", x)
    if g.chance(0.5):
        return g.op("SkipSimplifiedLayerNormalization", x, skip, gamma,
                    epsilon=1e-4, domain=_RUNTIME)
    return g.op("SkipLayerNormalization", x, skip, gamma,
                g.weight(g.shape(x)[-1], scale=1), epsilon=1e-4,
                domain=_RUNTIME)


def runtime_product(g):
    x = g.floats(2, 3)
    width, outputs = g.shape(x)[-1], g.integer(1, 6)
    turned = g.integer(0, 1)
    w = g.weight(*((outputs, width) if turned else (width, outputs)),
                 scale=1 / np.sqrt(width))
    if g.rank(x) == 2 and g.chance(0.5):
        return g.op("FusedGemm", x, w, g.weight(outputs, scale=1),
                    transB=turned, alpha=0.5, domain=_RUNTIME,
                    activation=g.pick(("Relu", "Tanh", "Sigmoid")))
    return g.op("FusedMatMul", x, w, transB=turned, alpha=0.5,
                domain=_RUNTIME)


OPS = [(window, 1), (mel, 0.5), (dft, 1), (stft, 1), (center_crop_pad, 1),
       (runtime_gelu, 1), (runtime_norm, 1), (runtime_product, 1)]
