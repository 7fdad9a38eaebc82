# SPDX-License-Identifier: Apache-2.0
"""Cases of ours: branches, loops and sequences that are known when compiling,
4-bit and bfloat16 constants, sparse initialisers, and the ops of opset 23 and
24. As in local.py, NumPy computes what is expected from the specification's
text. Constants may be TensorProto or SparseTensorProto.
"""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from local import _one, _random


def _value(name, kind=TensorProto.FLOAT, shape=None):
    return helper.make_tensor_value_info(name, kind, shape)


def _i64(*values):
    return np.array(values if len(values) != 1 else values[0], np.int64)


# -- branches and loops -------------------------------------------------------

def case_branches():
    """PyTorch's squeeze in a branch in a branch, with captured values."""
    x, w = _random(2, 6, 1), _random(6, 4, seed=3)
    inner_then = helper.make_graph(
        [helper.make_node("Squeeze", ["x", "axis"], ["s"])], "then", [],
        [_value("s")])
    inner_else = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["s"])], "else", [], [_value("s")])
    outer_then = helper.make_graph(
        [helper.make_node("Shape", ["x"], ["shape"]),
         helper.make_node("Gather", ["shape", "last"], ["extent"]),
         helper.make_node("Equal", ["extent", "one"], ["is_one"]),
         helper.make_node("If", ["is_one"], ["q"], then_branch=inner_then,
                          else_branch=inner_else),
         helper.make_node("MatMul", ["q", "w"], ["p"])],
        "outer", [], [_value("p")])
    outer_else = helper.make_graph(
        [helper.make_node("NoSuchOp", ["x"], ["p"])], "never", [],
        [_value("p")])
    for name, flag in (("bool", np.array(True)), ):
        yield (f"if_nested_{name}", 17,
               [helper.make_node("If", ["c"], ["y"], then_branch=outer_then,
                                 else_branch=outer_else)], {"x": x},
               {"c": flag, "w": w, "axis": _i64([-1]), "last": _i64(-1),
                "one": _i64(1)}, {"y": x[:, :, 0] @ w})


def case_loops():
    x = _random(1, 4, 6)
    w = _random(6, 6, seed=2) / 3
    body = helper.make_graph(
        [helper.make_node("MatMul", ["v", "w"], ["m"]),
         helper.make_node("Tanh", ["m"], ["v2"]),
         helper.make_node("Cast", ["i"], ["f"], to=TensorProto.FLOAT),
         helper.make_node("Add", ["v2", "f"], ["s"]),
         helper.make_node("Less", ["i", "stop"], ["c2"])],
        "body", [_value("i", TensorProto.INT64, ()),
                 _value("c", TensorProto.BOOL, ()), _value("v")],
        [_value("c2", TensorProto.BOOL), _value("v2"), _value("s")])
    for name, count, stop in (("count", 3, 9), ("condition", 9, 2)):
        v, scanned = x, []
        for i in range(3):
            v = np.tanh(v @ w)
            scanned.append(v + np.float32(i))
        operands = ["n" if name == "count" else "", "t", "x"]
        constants = {"t": np.array(True), "w": w, "stop": _i64(stop)}
        if name == "count":
            constants["n"] = _i64(count)
        yield (f"loop_{name}", 17,
               [helper.make_node("Loop", operands, ["y", "z"], body=body)],
               {"x": x}, constants, {"y": v, "z": np.stack(scanned)})
    step = helper.make_graph(
        [helper.make_node("Add", ["h", "e"], ["h2"]),
         helper.make_node("Mul", ["h2", "e"], ["o"])],
        "step", [_value("h"), _value("e")], [_value("h2"), _value("o")])
    e, h, scanned = _random(4, 3), _random(4, seed=5), []
    first = h
    for i in (2, 1, 0):
        h = h + e[:, i]
        scanned.append(h * e[:, i])
    yield ("scan_axis_direction", 17,
           [helper.make_node("Scan", ["h0", "e0"], ["y", "z"], body=step,
                             num_scan_inputs=1, scan_input_axes=[1],
                             scan_input_directions=[1],
                             scan_output_axes=[-1])],
           {"h0": first, "e0": e}, {}, {"y": h, "z": np.stack(scanned, -1)})


def case_sequences():
    x = _random(2, 6, 3)
    node = helper.make_node
    yield ("sequence_insert_erase", 17,
           [node("SplitToSequence", ["x", "three"], ["q"], axis=1),
            node("SequenceAt", ["q", "last"], ["a"]),
            node("SequenceInsert", ["q", "a", "zero"], ["q2"]),
            node("SequenceErase", ["q2", "last"], ["q3"]),
            node("SequenceLength", ["q3"], ["n"]),
            node("ConcatFromSequence", ["q3"], ["b"], axis=2),
            node("Cast", ["n"], ["f"], to=TensorProto.FLOAT),
            node("Add", ["b", "f"], ["y"])],
           {"x": x}, {"three": _i64(3), "last": _i64(-1), "zero": _i64(0)},
           {"y": np.concatenate([x[:, 3:], x[:, :3]], 2) + np.float32(2)})
    body = helper.make_graph(
        [node("Gather", ["x", "i"], ["g"], axis=1),
         node("SequenceInsert", ["s", "g"], ["s2"]),
         node("Identity", ["c"], ["c2"])],
        "body", [_value("i", TensorProto.INT64, ()),
                 _value("c", TensorProto.BOOL, ()),
                 helper.make_tensor_sequence_value_info(
                     "s", TensorProto.FLOAT, None)],
        [_value("c2", TensorProto.BOOL),
         helper.make_tensor_sequence_value_info(
             "s2", TensorProto.FLOAT, None)])
    yield ("sequence_in_loop", 17,
           [node("SequenceEmpty", [], ["e"]),
            node("Loop", ["n", "", "e"], ["q"], body=body),
            node("ConcatFromSequence", ["q"], ["y"], axis=-1, new_axis=1)],
           {"x": x}, {"n": _i64(4)}, {"y": x[:, :4].transpose(0, 2, 1)})


# -- constants of few bits ----------------------------------------------------

def _nibbles(values, kind):
    flat = np.resize(values & 15, values.size + values.size % 2)
    packed = (flat[0::2] | flat[1::2] << 4).astype(np.uint8)
    return TensorProto(data_type=kind, dims=values.shape,
                       raw_data=packed.tobytes())


INT4, UINT4 = 22, 21


def case_four_bits():
    x = _random(3, 10)
    rng = np.random.default_rng(4)
    for name, kind, low in (("int4", INT4, -8), ("uint4", UINT4, 0)):
        w = rng.integers(low, low + 16, (10, 7))
        zero = rng.integers(low, low + 16, (7,))
        scale = rng.random(7).astype(np.float32)
        real = ((w - zero) * scale).astype(np.float32)
        yield (f"dequantize_{name}_channel", 21,
               [helper.make_node("DequantizeLinear", ["w", "s", "z"], ["d"]),
                helper.make_node("MatMul", ["x", "d"], ["y"])], {"x": x},
               {"w": _nibbles(w, kind), "s": scale, "z": _nibbles(zero, kind)},
               {"y": x @ real})
        scale = rng.random((4, 7)).astype(np.float32)
        zero = rng.integers(low, low + 16, (4, 7))
        spread = [np.repeat(a, 3, 0)[:10] for a in (scale, zero)]
        real = ((w - spread[1]) * spread[0]).astype(np.float32)
        yield (f"dequantize_{name}_blocked", 21,
               [helper.make_node("DequantizeLinear", ["w", "s", "z"], ["d"],
                                 axis=0, block_size=3),
                helper.make_node("MatMul", ["x", "d"], ["y"])], {"x": x},
               {"w": _nibbles(w, kind), "s": scale, "z": _nibbles(zero, kind)},
               {"y": x @ real})
        constants = {"s": scale[0], "z": _nibbles(zero[0], kind)}
        q = np.clip(np.rint(x[:, :7] / scale[0]) + zero[0], low, low + 15)
        yield (f"quantize_{name}", 21,
               [helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
                helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"])],
               {"x": x[:, :7].copy()}, constants,
               {"y": ((q - zero[0]) * scale[0]).astype(np.float32)})
        yield (f"cast_{name}", 21,
               [helper.make_node("Transpose", ["w"], ["t"]),
                helper.make_node("Cast", ["t"], ["f"], to=TensorProto.FLOAT),
                helper.make_node("Gemm", ["x", "f"], ["y"], transB=1)],
               {"x": x}, {"w": _nibbles(w, kind)},
               {"y": x @ w.astype(np.float32)})


def case_bfloat16():
    x, w = _random(3, 4), _random(4, 70, seed=9)
    bits = w.view(np.uint32) & np.uint32(0xffff0000)
    stored = TensorProto(
        data_type=TensorProto.BFLOAT16, dims=w.shape,
        raw_data=(bits >> 16).astype(np.uint16).tobytes())
    yield ("bfloat16_cast", 18,
           [helper.make_node("Cast", ["w"], ["f"], to=TensorProto.FLOAT),
            helper.make_node("MatMul", ["x", "f"], ["y"])], {"x": x},
           {"w": stored}, {"y": x @ bits.view(np.float32)})


def case_sparse():
    """By one index a value, and by one a dimension."""
    x, w = _random(3, 6), _random(6, 8, seed=1)
    w[w < 0.6] = 0
    for name, where in (("linear", np.flatnonzero(w)),
                        ("coordinates", np.argwhere(w))):
        values = numpy_helper.from_array(w[w != 0], "w")
        sparse = helper.make_sparse_tensor(
            values, numpy_helper.from_array(where.astype(np.int64), "i"),
            w.shape)
        yield (f"sparse_{name}", 17,
               [helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": x},
               {"w": sparse}, {"y": x @ w})


# -- opset 23 and later -------------------------------------------------------

def case_opset_23():
    x = _random(2, 6, 8)
    scale = _random(8, seed=7)
    for axis in (-1, 1):
        axes = tuple(range(axis % 3, 3))
        own = scale if axis == -1 else _random(6, 8, seed=7)
        y = x / np.sqrt(np.mean(x * x, axes, keepdims=True) + 1e-3) * own
        yield _one(f"rms_normalization_{axis % 3}", 23, "RMSNormalization",
                   {"x0": x}, {"x1": own}, {"y": y.astype(np.float32)},
                   axis=axis, epsilon=1e-3)
    y = x / (1 + np.exp(-1.5 * x))
    yield _one("swish", 24, "Swish", {"x0": x}, {}, {"y": y}, alpha=1.5)
    yield _one("swish_default", 24, "Swish", {"x0": x}, {},
               {"y": x / (1 + np.exp(-x))})


def _softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def _attend(q, k, v, mask=None, scale=None, cap=0, causal=False, past=0):
    """Four dimensions; heads of q share those of k and v."""
    group = q.shape[1] // k.shape[1]
    k, v = np.repeat(k, group, 1), np.repeat(v, group, 1)
    s = q @ k.swapaxes(2, 3) * (scale or 1 / np.sqrt(q.shape[-1]))
    if cap:
        s = np.tanh(s / cap) * cap
    if mask is not None:
        s = np.where(mask, s, -np.inf) if mask.dtype == bool else s + mask
    if causal:
        keep = np.tri(*s.shape[2:], k=past, dtype=bool)
        s = np.where(keep, s, -np.inf)
    return _softmax(s), (_softmax(s) @ v).astype(np.float32)


def _flat(x):
    b, h, t, f = x.shape
    return np.ascontiguousarray(x.transpose(0, 2, 1, 3).reshape(b, t, h * f))


def case_attention():
    q = _random(2, 6, 4, 8)
    k, v = _random(2, 6, 5, 8, seed=1), _random(2, 6, 5, 8, seed=2)
    mask, flags = _random(4, 5), np.tri(4, 5, 1) > 0
    for name, options, extra in (
            ("plain", {}, {}), ("scale", {"scale": 0.2}, {"scale": 0.2}),
            ("mask", {"mask": mask}, {}), ("flags", {"mask": flags}, {}),
            ("causal", {"causal": True}, {"is_causal": 1}),
            ("softcap", {"cap": 2, "mask": flags}, {"softcap": 2.0})):
        inputs = {"x0": q, "x1": k, "x2": v}
        if "mask" in options:
            inputs["x3"] = options["mask"]
        yield _one(f"attention_{name}", 23, "Attention", inputs, {},
                   {"y": _attend(q, k, v, **options)[1]}, **extra)
    yield _one("attention_grouped", 23, "Attention",
               {"x0": q, "x1": k[:, :3], "x2": v[:, :3], "x3": mask}, {},
               {"y": _attend(q, k[:, :3], v[:, :3], mask)[1]})
    yield _one("attention_3d", 23, "Attention",
               {"x0": _flat(q), "x1": _flat(k[:, :2]), "x2": _flat(v[:, :2])},
               {}, {"y": _flat(_attend(q, k[:, :2], v[:, :2])[1])},
               q_num_heads=6, kv_num_heads=2)
    # One head of keys, so that the keys are divided: no key of the second
    # node's counts for the first queries.
    one = {"x0": q[:1], "x1": k[:1, :1], "x2": v[:1, :1]}
    yield _one("attention_one_head_causal", 23, "Attention", one, {},
               {"y": _attend(*one.values(), causal=True)[1]}, is_causal=1)
    empty = np.array(flags)
    empty[1] = False
    with np.errstate(invalid="ignore"):
        y = _attend(q, k, v, empty)[1]
    yield _one("attention_no_key", 23, "Attention",
               {"x0": q, "x1": k, "x2": v, "x3": empty}, {},
               {"y": np.nan_to_num(y)})
    old = _random(2, 6, 3, 8, seed=5)
    both, values = np.concatenate([old, k], 2), np.concatenate([old, v], 2)
    weights, y = _attend(q, both, values, causal=True, past=3)
    yield _one("attention_past", 23, "Attention",
               {"x0": q, "x1": k, "x2": v, "x4": old, "x5": old}, {},
               {"y": y, "k": both, "v": values, "s": weights}, is_causal=1,
               qk_matmul_output_mode=3)


def case_rotary():
    x = _random(2, 6, 4, 8)
    angles = _random(9, 3, seed=4)
    cos, sin = np.cos(angles), np.sin(angles)
    where = np.array([[0, 3, 2, 8], [1, 1, 5, 4]], np.int64)
    for name, interleaved in (("halves", 0), ("interleaved", 1)):
        c, s = (a[where][:, None] for a in (cos, sin))
        pick = (slice(0, 6, 2), slice(1, 6, 2)) if interleaved else \
            (slice(0, 3), slice(3, 6))
        y, (a, b) = x.copy(), [x[..., p] for p in pick]
        y[..., pick[0]], y[..., pick[1]] = c * a - s * b, s * a + c * b
        yield _one(f"rotary_{name}", 23, "RotaryEmbedding", {"x0": x},
                   {"x1": cos, "x2": sin, "x3": where}, {"y": y},
                   interleaved=interleaved, rotary_embedding_dim=6)
        yield _one(f"rotary_{name}_3d", 23, "RotaryEmbedding",
                   {"x0": _flat(x)}, {"x1": cos[where], "x2": sin[where]},
                   {"y": _flat(y)}, interleaved=interleaved,
                   rotary_embedding_dim=6, num_heads=6)


# -- recurrent layers ---------------------------------------------------------

def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _lstm(x, w, r, b, h, c, p, ways):
    """[steps, directions, batch, hidden], last states."""
    out, last = np.zeros((len(x), len(w)) + h.shape[1:]), []
    for d, back in enumerate(ways):
        n = r.shape[2]
        wb, hd, cd = b[d][:4 * n] + b[d][4 * n:], h[d], c[d]
        pi, po, pf = (p[d][k * n:k * n + n] for k in range(3))
        for t in (range(len(x))[::-1] if back else range(len(x))):
            i, o, f, g = np.split(x[t] @ w[d].T + hd @ r[d].T + wb, 4, -1)
            i, f = _sigmoid(i + pi * cd), _sigmoid(f + pf * cd)
            cd = f * cd + i * np.tanh(g)
            hd = _sigmoid(o + po * cd) * np.tanh(cd)
            out[t, d] = hd
        last.append((hd, cd))
    return [a.astype(np.float32) for a in (
        out, np.stack([a for a, _ in last]), np.stack([a for _, a in last]))]


def _gru(x, w, r, b, h, after):
    n, out = r.shape[2], []
    wb, rb = b[0][:3 * n], b[0][3 * n:]
    hd = h[0]
    for step in x:
        z, q, g = np.split(step @ w[0].T + wb, 3, -1)
        zr, qr, gr = np.split(hd @ r[0].T + rb, 3, -1)
        z, q = _sigmoid(z + zr), _sigmoid(q + qr)
        if not after:
            gr = (q * hd) @ r[0][2 * n:].T + rb[2 * n:]
        g = np.tanh(g + (q * gr if after else gr))
        hd = (1 - z) * g + z * hd
        out.append(hd)
    return np.stack(out)[:, None].astype(np.float32), \
        hd[None].astype(np.float32)


def case_recurrent():
    for steps in (1, 5, 70):
        x = _random(steps, 2, 4)
        two = [_random(2, 28, 4, seed=1), _random(2, 28, 7, seed=2),
               _random(2, 56, seed=3), _random(2, 2, 7, seed=4),
               _random(2, 2, 7, seed=5), _random(2, 21, seed=6)]
        y = _lstm(x, *two, (False, True))
        names = ("x1", "x2", "x3", "x7")
        constants = dict(zip(names, (two[0], two[1], two[2], two[5])))
        yield _one(f"lstm_both_ways_{steps}", 14, "LSTM",
                   {"x0": x, "x5": two[3], "x6": two[4]}, constants,
                   dict(zip(("y", "h", "c"), y)), hidden_size=7,
                   direction="bidirectional")
        one = [a[:1, :21] for a in two[:2]] + [_random(1, 42, seed=8)]
        for after in (0, 1):
            y, h = _gru(x, *one, two[3][:1], after)
            yield _one(f"gru_{steps}_{after}", 14, "GRU",
                       {"x0": x, "x5": two[3][:1]},
                       {"x1": one[0], "x2": one[1], "x3": one[2]},
                       {"y": y, "h": h}, hidden_size=7,
                       linear_before_reset=after)


def case_lengths():
    """Sequences of fewer steps, of none, and all of them whole."""
    x, w, r = _random(3, 2, 4), _random(1, 5, 4, seed=1), \
        _random(1, 5, 5, seed=2)
    first = _random(1, 2, 5, seed=3)
    for name, lengths in (("some", (2, 3)), ("none", (0, 3)),
                          ("whole", (3, 3))):
        h, y = first[0].copy(), np.zeros((3, 1, 2, 5), np.float32)
        for step in range(3):
            for row in np.flatnonzero(step < np.array(lengths)):
                h[row] = np.tanh(x[step, row] @ w[0].T + h[row] @ r[0].T)
                y[step, 0, row] = h[row]
        h[np.array(lengths) == 0] = 0
        yield _one(f"rnn_lengths_{name}", 14, "RNN", {"x0": x, "x5": first},
                   {"x1": w, "x2": r, "x4": np.array(lengths, np.int32)},
                   {"y": y, "h": h[None]}, hidden_size=5)


# -- dynamic quantisation -----------------------------------------------------

def _quantised(x):
    low, high = np.minimum(x.min(), 0), np.maximum(x.max(), 0)
    scale = np.float32((high - low) / np.float32(255))
    zero = np.clip(np.rint(-low / scale), 0, 255)
    q = np.clip(np.rint(x / scale) + zero, 0, 255)
    return q.astype(np.int64), scale, int(zero)


def case_dynamic_quantisation():
    """Integers whose zero point is computed when the model runs."""
    node, rng = helper.make_node, np.random.default_rng(11)
    quantise = node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"])
    finish = [node("Cast", ["i"], ["f"], to=TensorProto.FLOAT),
              node("Mul", ["s", "ws"], ["m"]), node("Mul", ["f", "m"], ["y"])]
    for name, group, pads in (("plain", 1, 0), ("padded", 1, 1),
                              ("grouped", 2, 1)):
        x = _random(1, 4, 5, 6)
        w = rng.integers(-128, 128, (6, 4 // group, 3, 3))
        q, scale, zero = _quantised(x)
        padded = np.pad(q - zero, ((0, 0), (0, 0), (pads,) * 2, (pads,) * 2))
        windows = np.lib.stride_tricks.sliding_window_view(
            padded, (3, 3), (2, 3))
        sums = np.concatenate([
            np.einsum("nchwij,ocij->nohw", a, b) for a, b in zip(
                np.split(windows, group, 1), np.split(w, group))], 1)
        y = sums.astype(np.float32) * (scale * np.float32(0.02))
        yield (f"dynamic_conv_{name}", 17,
               [quantise, node("ConvInteger", ["q", "w", "z"], ["i"],
                               pads=[pads] * 4, group=group)] + finish,
               {"x": x}, {"w": w.astype(np.int8), "ws": np.float32(0.02)},
               {"y": y})
    x, w = _random(3, 10), rng.integers(0, 256, (10, 7))
    zeros = rng.integers(0, 256, 7)
    q, scale, zero = _quantised(x)
    y = ((q - zero) @ (w - zeros)).astype(np.float32) * (
        scale * np.float32(0.02))
    yield ("dynamic_matmul", 17,
           [quantise, node("MatMulInteger", ["q", "w", "z", "wz"], ["i"])] +
           finish, {"x": x}, {"w": w.astype(np.uint8), "ws": np.float32(0.02),
                              "wz": zeros.astype(np.uint8)}, {"y": y})
