# SPDX-License-Identifier: Apache-2.0
"""Cases of ours: ops that ONNX Runtime's optimiser and quantiser write, in its
domain `com.microsoft`; and ops of ONNX that the package has no case of: LpPool,
CenterCropPad, complex and padded transforms. NumPy computes what is expected,
from the documentation's text.
"""

import math

import numpy as np
from onnx import helper

from local import _one, _random

DOMAIN = "com.microsoft"


def _runtime(name, op_type, inputs, constants, outputs, **attributes):
    return _one(name, 17, op_type, inputs, constants, outputs, domain=DOMAIN,
                **attributes)


def _gelu(x):
    return (x * 0.5 * (1 + np.vectorize(math.erf)(x / np.sqrt(2)))).astype(
        np.float32)


def _gelu_tanh(x):
    inner = np.sqrt(2 / np.pi) * (x + 0.044715 * x ** 3)
    return (0.5 * x * (1 + np.tanh(inner))).astype(np.float32)


# -- fused ops of floats ------------------------------------------------------

def case_runtime_gelus():
    x, b = _random(3, 10), _random(10, seed=1)
    yield _runtime("ms_gelu", "Gelu", {"x0": x}, {}, {"y": _gelu(x)})
    yield _runtime("ms_bias_gelu", "BiasGelu", {"x0": x}, {"x1": b},
                   {"y": _gelu(x + b)})
    for bias in (None, b):
        z = x if bias is None else x + bias
        yield _runtime(f"ms_fast_gelu_{bias is not None}", "FastGelu",
                       {"x0": x}, {} if bias is None else {"x1": bias},
                       {"y": _gelu_tanh(z)})
    y = x / (1 + np.exp(-1.702 * x))
    yield _runtime("ms_quick_gelu", "QuickGelu", {"x0": x}, {},
                   {"y": y.astype(np.float32)})


def _normal(s, gamma, squares, epsilon):
    mean = 0 if squares else s.mean(-1, keepdims=True)
    spread = np.sqrt(((s - mean) ** 2).mean(-1, keepdims=True) + epsilon)
    return (s - mean) / spread * gamma


def case_runtime_norms():
    x, skip = _random(2, 3, 12), _random(2, 3, 12, seed=1)
    gamma, beta, bias = (_random(12, seed=k) for k in (2, 3, 4))
    s = x + skip + bias
    y = _normal(s, gamma, False, 1e-5) + beta
    yield _one("ms_skip_layer_norm", 17, "SkipLayerNormalization",
               {"x0": x, "x1": skip}, {"x2": gamma, "x3": beta, "x4": bias},
               {"y": y.astype(np.float32)}, domain=DOMAIN, epsilon=1e-5)
    name, opset, (node,), inputs, constants, outputs = _runtime(
        "ms_skip_rms_norm", "SkipSimplifiedLayerNormalization",
        {"x0": x, "x1": skip}, {"x2": gamma},
        {"y": _normal(x + skip, gamma, True, 1e-6).astype(np.float32)},
        epsilon=1e-6)
    node.output.extend(["", "", "sum"])
    yield name, opset, [node], inputs, constants, {**outputs, "sum": x + skip}
    yield _one("ms_simplified_norm", 17, "SimplifiedLayerNormalization",
               {"x0": x}, {"x1": gamma},
               {"y": _normal(x, gamma, True, 1e-5).astype(np.float32)},
               epsilon=1e-5)


def _conv(x, w, pad=1):
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, w.shape[2:],
                                                       (2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, w)


def case_runtime_contractions():
    x, w = _random(1, 4, 6, 5), _random(6, 4, 3, 3, seed=1)
    b, z = _random(6, seed=2), _random(1, 6, 6, 5, seed=3)
    y = _conv(x, w) + b[:, None, None]
    for name, parameters, function in (
            ("Relu", [], lambda v: np.maximum(v, 0)),
            ("LeakyRelu", [0.25], lambda v: np.where(v < 0, v / 4, v)),
            ("Clip", [-0.5, 1.5], lambda v: np.clip(v, -0.5, 1.5)),
            ("HardSigmoid", [0.25, 0.5],
             lambda v: np.clip(0.25 * v + 0.5, 0, 1)),
            ("Tanh", [], np.tanh),
            ("Sigmoid", [], lambda v: 1 / (1 + np.exp(-v)))):
        extra = {"activation_params": parameters} if parameters else {}
        yield _runtime(f"ms_fused_conv_{name.lower()}", "FusedConv",
                       {"x0": x}, {"x1": w, "x2": b},
                       {"y": function(y).astype(np.float32)},
                       activation=name, pads=[1] * 4, **extra)
    yield _runtime("ms_fused_conv_sum", "FusedConv", {"x0": x, "x3": z},
                   {"x1": w, "x2": b},
                   {"y": np.maximum(y + z, 0).astype(np.float32)},
                   activation="Relu", pads=[1] * 4)
    a, m = _random(2, 5, 7), _random(7, 9, seed=1)
    yield _runtime("ms_fused_matmul", "FusedMatMul", {"x0": a}, {"x1": m},
                   {"y": 0.5 * a @ m}, alpha=0.5)
    yield _runtime("ms_fused_matmul_transposed", "FusedMatMul",
                   {"x0": a.swapaxes(1, 2).copy()}, {"x1": m.T.copy()},
                   {"y": a @ m}, transA=1, transB=1)
    q = _random(2, 9, 7, seed=4)
    yield _runtime("ms_fused_matmul_inputs", "FusedMatMul",
                   {"x0": a, "x1": q}, {}, {"y": 0.25 * a @ q.swapaxes(1, 2)},
                   alpha=0.25, transB=1)
    y = 0.5 * a[0] @ m + 2 * _random(9, seed=5)
    yield _runtime("ms_fused_gemm", "FusedGemm", {"x0": a[0].copy()},
                   {"x1": m, "x2": _random(9, seed=5)},
                   {"y": np.where(y < 0, y * np.float32(0.1), y).astype(
                       np.float32)}, alpha=0.5, beta=2.0,
                   activation="LeakyRelu", activation_alpha=0.1)


# -- quantised ops ------------------------------------------------------------

def _real(q, scale, zero):
    return (q.astype(np.int32) - int(zero)).astype(np.float32) * scale


def _small(y, scale, zero):
    limits = np.iinfo(zero.dtype)
    return np.clip(np.rint(y / scale) + int(zero), limits.min,
                   limits.max).astype(zero.dtype)


def case_runtime_quantised():
    rng = np.random.default_rng(5)
    for kind, zero in ((np.uint8, 120), (np.int8, -7)):
        limits = np.iinfo(kind)
        a, b = (rng.integers(limits.min, limits.max + 1, (2, 6, 4, 3)).astype(
            kind) for _ in range(2))
        scales = [np.float32(s) for s in (1 / 64, 1 / 32, 1 / 16)]
        zeros = [np.array(zero + k, kind) for k in range(3)]
        left, right = (_real(v, scales[k], zeros[k])
                       for k, v in enumerate((a, b)))
        label = np.dtype(kind).name
        both = {"x1": scales[0], "x2": zeros[0], "x4": scales[1],
                "x5": zeros[1], "x6": scales[2], "x7": zeros[2]}
        for name, y in (("Add", left + right), ("Mul", left * right)):
            yield _runtime(f"ms_qlinear_{name.lower()}_{label}",
                           f"QLinear{name}", {"x0": a, "x3": b}, both,
                           {"y": _small(y, scales[2], zeros[2])})
        one = {"x1": scales[0], "x2": zeros[0], "x3": scales[2],
               "x4": zeros[2]}
        mean = left.astype(np.float64).mean((2, 3), keepdims=True)
        yield _runtime(f"ms_qlinear_pool_{label}", "QLinearGlobalAveragePool",
                       {"x0": a}, one, {"y": _small(mean, scales[2], zeros[2])})
        yield _runtime(f"ms_qlinear_leaky_{label}", "QLinearLeakyRelu",
                       {"x0": a}, one, {"y": _small(
                           np.where(left < 0, left / 4, left), scales[2],
                           zeros[2])}, alpha=0.25)
        yield _runtime(f"ms_qlinear_sigmoid_{label}", "QLinearSigmoid",
                       {"x0": a}, {**one, "x3": np.float32(1 / 256)},
                       {"y": _small(1 / (1 + np.exp(-left.astype(float))),
                                    np.float32(1 / 256), zeros[2])})
        joined = np.concatenate([_small(v, scales[2], zeros[2])
                                 for v in (left, right)], 1)
        yield _runtime(f"ms_qlinear_concat_{label}", "QLinearConcat",
                       {"x2": a, "x5": b},
                       {"x0": scales[2], "x1": zeros[2], "x3": scales[0],
                        "x4": zeros[0], "x6": scales[1], "x7": zeros[1]},
                       {"y": joined}, axis=1)


def case_runtime_qgemm():
    rng = np.random.default_rng(6)
    a = rng.integers(0, 256, (3, 10)).astype(np.uint8)
    w = rng.integers(-128, 128, (7, 10)).astype(np.int8)
    c = rng.integers(-9000, 9000, 7).astype(np.int32)
    sa, sw = np.float32(1 / 64), np.float32(1 / 128) * (1 + np.arange(7) % 3)
    sw = sw.astype(np.float32)
    za, zw = np.array(99, np.uint8), np.zeros(7, np.int8)
    total = (a.astype(np.int64) - 99) @ w.T.astype(np.int64) + c
    y = total.astype(np.float32) * (sa * sw)
    given = {"x1": sa, "x2": za, "x3": w, "x4": sw, "x5": zw, "x6": c}
    yield _runtime("ms_qgemm_float", "QGemm", {"x0": a}, given, {"y": y},
                   transB=1)
    scale, zero = np.float32(1 / 8), np.array(130, np.uint8)
    factor = ((sa * sw) / scale).astype(np.float32)
    small = np.clip(np.rint(total.astype(np.float32) * factor) + 130, 0, 255)
    yield _runtime("ms_qgemm_small", "QGemm", {"x0": a},
                   {**given, "x7": scale, "x8": zero},
                   {"y": small.astype(np.uint8)}, transB=1)
    x = _random(3, 10)
    low, high = min(x.min(), 0), max(x.max(), 0)
    step = np.float32((high - low) / np.float32(255))
    zero_x = np.clip(np.rint(-low / step), 0, 255)
    q = np.clip(np.rint(x / step) + zero_x, 0, 255)
    bias = _random(7, seed=9)
    y = ((q - zero_x) @ w.T.astype(float)).astype(np.float32) * (
        step * sw) + bias
    yield _runtime("ms_dynamic_matmul", "DynamicQuantizeMatMul", {"x0": x},
                   {"x1": w.T.copy(), "x2": sw, "x3": zw, "x4": bias},
                   {"y": y.astype(np.float32)})


def case_runtime_bits():
    """Weights of a few bits in blocks, the last of them not full."""
    x, bias, rng = _random(2, 3, 40), _random(7, seed=1), \
        np.random.default_rng(5)
    for bits in (2, 4, 8):
        q = rng.integers(0, 1 << bits, (7, 3, 16))
        scale = rng.random((7, 3)).astype(np.float32)
        zero = rng.integers(0, 1 << bits, (7, 3))
        each = 8 // bits
        packed, zeros = (sum(
            np.pad(a, [(0, 0)] * (a.ndim - 1) + [(0, -a.shape[-1] % each)])
            [..., k::each] << bits * k for k in range(each)).astype(np.uint8)
            for a in (q, zero))
        for name, points in (("", 1 << (bits - 1)), ("_zeros", zero[..., None])):
            w = ((q - points) * scale[..., None]).reshape(7, 48)[:, :40]
            constants = {"x1": packed, "x2": scale.ravel()}
            if name:
                constants["x3"] = zeros.ravel()
                constants["x5"] = bias
            y = x @ w.T.astype(np.float32) + (bias if name else 0)
            yield _runtime(f"ms_matmul_bits_{bits}{name}", "MatMulNBits",
                           {"x0": x}, constants, {"y": y}, K=40, N=7,
                           bits=bits, block_size=16)


def _heads(x, heads):
    batch, tokens, features = x.shape
    return x.reshape(batch, tokens, heads, features // heads).swapaxes(1, 2)


def _attend(q, k, v, add=0.0):
    """Of heads, with what is added to the scores."""
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1]) + add
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    y = weights / weights.sum(-1, keepdims=True) @ v
    return y.swapaxes(1, 2).reshape(len(y), y.shape[2], -1)


def case_runtime_attention():
    x, w, b = _random(2, 3, 8), _random(8, 24, seed=1), _random(24, seed=2)
    q, k, v = (_heads(part, 4) for part in np.split(x @ w + b, 3, -1))
    lengths, key = np.array([2, 3], np.int32), np.arange(3)
    padded = np.where(key < lengths[:, None, None, None], 0, -10000)
    causal = np.where(key <= key[:, None], 0, -np.inf)
    for name, add, mask, options in (
            ("", 0.0, {}, {}), ("_lengths", padded, {"x3": lengths}, {}),
            ("_causal", causal, {}, {"unidirectional": 1})):
        yield _runtime("ms_attention" + name, "Attention", {"x0": x},
                       {"x1": w, "x2": b, **mask},
                       {"y": _attend(q, k, v, add).astype(np.float32)},
                       num_heads=4, **options)
    past = _random(2, 2, 4, 5, 2, seed=3)
    keys, values = (np.concatenate([old, new], 2)
                    for old, new in zip(past, (k, v)))
    yield _runtime("ms_attention_past", "Attention", {"x0": x, "x4": past},
                   {"x1": w, "x2": b},
                   {"y": _attend(q, keys, values).astype(np.float32),
                    "present": np.stack([keys, values]).astype(np.float32)},
                   num_heads=4)
    parts = [_random(2, 3, 8, seed=k) for k in (4, 5, 6)]
    bias, scores = _random(24, seed=7), _random(1, 4, 3, 3, seed=8)
    q, k, v = (_heads(part + own, 4)
               for part, own in zip(parts, np.split(bias, 3)))
    yield _runtime("ms_multi_head_attention", "MultiHeadAttention",
                   {f"x{i}": part for i, part in enumerate(parts)},
                   {"x3": bias, "x5": scores},
                   {"y": _attend(q, k, v, scores).astype(np.float32)},
                   num_heads=4)
    rng, step, scale = np.random.default_rng(9), np.float32(1 / 32), \
        np.float32(1 / 64)
    quantised = rng.integers(0, 256, (2, 3, 8)).astype(np.uint8)
    weights = rng.integers(-128, 128, (8, 24)).astype(np.int8)
    y = _real(quantised, step, 131) @ _real(weights, scale, 0) + b
    q, k, v = (_heads(part, 4) for part in np.split(y, 3, -1))
    yield _runtime("ms_qattention", "QAttention", {"x0": quantised},
                   {"x1": weights, "x2": b, "x3": step, "x4": scale,
                    "x6": np.uint8(131), "x7": np.int8(0)},
                   {"y": _attend(q, k, v).astype(np.float32)}, num_heads=4)


def case_runtime_embedding():
    words, places, kinds = (_random(n, 12, seed=n) for n in (9, 6, 2))
    gamma, beta = _random(12, seed=3), _random(12, seed=4)
    ids, segments = (np.array(v, np.int32)
                     for v in ([[4, 0, 8], [1, 1, 2]], [[0, 1, 1], [1, 0, 0]]))
    mask = np.array([[1, 1, 0], [1, 1, 1]], np.int32)
    s = words[ids] + places[:3] + kinds[segments]
    y = _normal(s, gamma, False, 1e-5) + beta
    yield _runtime("ms_embedding", "EmbedLayerNormalization",
                   {"x0": ids, "x1": segments, "x7": mask},
                   {"x2": words, "x3": places, "x4": kinds, "x5": gamma,
                    "x6": beta},
                   {"y": y.astype(np.float32), "count": np.array([2, 3], np.int32),
                    "sum": s.astype(np.float32)}, epsilon=1e-5)


def _dynamic(x):
    low, high = min(x.min(), 0), max(x.max(), 0)
    step = np.float32((high - low) / np.float32(255))
    zero = np.clip(np.rint(-low / step), 0, 255)
    return step, np.clip(np.rint(x / step) + zero, 0, 255) - zero


def case_runtime_lstm():
    """The input is quantised at once, the hidden state at every step."""
    x, b, rng = _random(4, 1, 5), _random(1, 48, seed=1), \
        np.random.default_rng(3)
    w, r = (rng.integers(-128, 128, (1, n, 24)).astype(np.int8)
            for n in (5, 6))
    scales = [rng.uniform(0.004, 0.008, (1, 24)).astype(np.float32)
              for _ in range(2)]
    zeros = np.zeros((1, 24), np.int8)

    def product(v, m, scale):
        step, q = _dynamic(v)
        return (q @ m[0].astype(float)) * (step * scale[0])
    gates = product(x[:, 0], w, scales[0]) + b[0, :24] + b[0, 24:]
    h = c = np.zeros((1, 6))
    states = []
    for step in gates:
        i, o, f, z = np.split(step + (product(h, r, scales[1]) if h.any()
                                      else 0), 4, -1)
        i, o, f = (1 / (1 + np.exp(-g)) for g in (i, o, f))
        c = f * c + i * np.tanh(z)
        h = o * np.tanh(c)
        states.append(h)
    y = np.stack(states)[:, None].astype(np.float32)
    yield _runtime("ms_dynamic_lstm", "DynamicQuantizeLSTM", {"x0": x},
                   {"x1": w, "x2": r, "x3": b, "x8": scales[0], "x9": zeros,
                    "x10": scales[1], "x11": zeros},
                   {"y": y, "h": y[-1], "c": c[None].astype(np.float32)},
                   hidden_size=6)


def case_runtime_qdq():
    """16-bit integers, for which ONNX Runtime has its own QuantizeLinear."""
    x, scale, zero = _random(2, 9), np.float32(1 / 4096), np.array(300, np.int16)
    q = _small(x, scale, zero)
    nodes = [helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"],
                              domain=DOMAIN),
             helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"],
                              domain=DOMAIN)]
    yield ("ms_qdq_16", 17, nodes, {"x": x}, {"s": scale, "z": zero},
           {"q": q, "y": _real(q, scale, zero)})


# -- ops of ONNX --------------------------------------------------------------

def case_lp_pools():
    x = _random(2, 5, 7, 6)
    for p in (1, 2, 3):
        padded = np.pad(np.abs(x.astype(float)) ** p,
                        ((0, 0), (0, 0), (1, 1), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(
            padded, (3, 2), (2, 3))[:, :, ::2]
        yield _one(f"lp_pool_{p}", 18, "LpPool", {"x0": x}, {},
                   {"y": (windows.sum((4, 5)) ** (1 / p)).astype(np.float32)},
                   kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 0], p=p)
        y = (np.abs(x.astype(float)) ** p).sum((2, 3), keepdims=True)
        yield _one(f"global_lp_pool_{p}", 18, "GlobalLpPool", {"x0": x}, {},
                   {"y": (y ** (1 / p)).astype(np.float32)}, p=p)


def case_center_crop_pad():
    x = _random(2, 7, 6)
    y = np.zeros((2, 4, 9), np.float32)
    y[:, :, 1:7] = x[:, 1:5]
    yield _one("center_crop_pad_axes", 18, "CenterCropPad", {"x0": x},
               {"x1": np.array([9, 4], np.int64)}, {"y": y}, axes=[-1, 1])
    yield _one("center_crop", 18, "CenterCropPad", {"x0": x},
               {"x1": np.array([1, 3, 6], np.int64)}, {"y": x[:1, 2:5]})


def case_transforms():
    pairs = lambda z: np.stack([z.real, z.imag], -1).astype(  # noqa: E731
        np.float32)
    z = _random(2, 10, 3, 2)
    values = z[..., 0] + 1j * z[..., 1]
    yield _one("dft_complex", 20, "DFT", {"x0": z},
               {"x2": np.array(1, np.int64)},
               {"y": pairs(np.fft.fft(values, axis=1))})
    yield _one("dft_longer", 20, "DFT", {"x0": z},
               {"x1": np.array(13, np.int64), "x2": np.array(-3, np.int64)},
               {"y": pairs(np.fft.fft(values, 13, axis=1))})
    yield _one("dft_shorter_inverse", 17, "DFT", {"x0": z},
               {"x1": np.array(6, np.int64)},
               {"y": pairs(np.fft.ifft(values, 6, axis=1))}, axis=1, inverse=1)
    x = _random(1, 40)
    window = np.hanning(16).astype(np.float32)
    frames = np.stack([x[:, k:k + 16] for k in range(0, 25, 6)], 1)
    yield _one("stft_window_input", 17, "STFT", {"x0": x, "x2": window},
               {"x1": np.array(6, np.int64), "x3": np.array(16, np.int64)},
               {"y": pairs(np.fft.rfft(frames * window))})
    w = _random(1, 20, 2)
    complex_frames = np.stack([w[:, k:k + 8, 0] + 1j * w[:, k:k + 8, 1]
                               for k in range(0, 13, 4)], 1)
    yield _one("stft_complex", 17, "STFT", {"x0": w},
               {"x1": np.array(4, np.int64), "x3": np.array(8, np.int64)},
               {"y": pairs(np.fft.fft(complex_frames))}, onesided=0)
