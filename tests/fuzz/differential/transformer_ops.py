# SPDX-License-Identifier: Apache-2.0
"""Random attention, embeddings and recurrence as ONNX Runtime's optimiser and
quantiser write them, for a Builder."""

import numpy as np

_RUNTIME = "com.microsoft"


def _mask(g, batch, tokens, keys):
    """A mask, or none: lengths, places by key, or places by token and key."""
    kind = g.integer(0, 4)
    if kind == 0:
        return ""
    lengths = g.rng.integers(1, keys + 1, batch)
    if kind == 1:
        return g.constant(lengths.astype(np.int32))
    if kind == 2:
        starts = [g.rng.integers(0, end) for end in lengths]
        return g.constant(np.concatenate([lengths, starts]).astype(np.int32))
    shape = (batch, keys) if kind == 3 else (batch, tokens, keys)
    return g.constant(g.rng.integers(0, 2, shape).astype(np.int32))


def _options(g, heads):
    options = {"num_heads": heads, "domain": _RUNTIME}
    if g.chance(0.3):
        options["unidirectional"] = 1
    if g.chance(0.2):
        options["scale"] = 0.3
    return options


def attention(g):
    """With a past now and then, whose keys and values are an output."""
    x = g.floats(3)
    batch, tokens, width = g.shape(x)
    heads, size = g.integer(1, 4), g.integer(1, 4)
    options, before, more = _options(g, heads), 0, []
    if g.chance(0.3):
        before = g.integer(1, 3)
        more = [g.weight(2, batch, heads, before, size, scale=1)]
    elif g.chance(0.3):
        options["qkv_hidden_sizes"] = [heads * size, heads * size,
                                       2 * heads * size]
    features = sum(options.get("qkv_hidden_sizes", [heads * size] * 3))
    mask = _mask(g, batch, tokens, tokens + before)
    if options.get("unidirectional"):
        mask = ""   # a query without any key is left to each kernel
    operands = [x, g.weight(width, features, scale=1 / np.sqrt(width)),
                g.weight(features, scale=0.3), mask, *more]
    if not more:
        return g.op("Attention", *operands, **options)
    return g.op("Attention", *operands, outputs=2, **options)[0]


def multi_head_attention(g):
    x = g.floats(3)
    batch, tokens, width = g.shape(x)
    heads, size = g.integer(1, 4), g.integer(1, 4)

    def part():
        return g.op("MatMul", x, g.weight(width, heads * size,
                                          scale=1 / np.sqrt(width)))
    bias = g.weight(3 * heads * size, scale=0.3) if g.chance(0.5) else ""
    kind = g.integer(0, 2)
    mask = ""
    if kind == 1:
        mask = g.constant(g.rng.integers(0, 2, (batch, tokens)).astype(
            np.int32))
    more = [g.weight(1, heads, tokens, tokens, scale=1)] if kind == 2 else []
    return g.op("MultiHeadAttention", part(), part(), part(), bias, mask,
                *more, num_heads=heads, domain=_RUNTIME)


def embedding(g):
    tokens, width = g.integer(1, 5), g.integer(4, 12)
    # Of single features nothing is left but rounding errors.
    ids, kinds = (g.constant(g.rng.integers(0, n, (1, tokens)).astype(np.int32))
                  for n in (6, 2))
    mask = g.constant(g.rng.integers(0, 2, (1, tokens)).astype(np.int32))
    segments = [kinds, g.weight(2, width, scale=1)] if g.chance(0.6) else \
        ["", ""]
    y, count = g.op(
        "EmbedLayerNormalization", ids, segments[0],
        g.weight(6, width, scale=1), g.weight(8, width, scale=1), segments[1],
        g.weight(width, scale=1), g.weight(width, scale=1), mask,
        outputs=2, epsilon=1e-4, domain=_RUNTIME)
    return y if g.chance(0.7) else g.op("Cast", count, to=1)


def _bytes(g, *shape):
    kind = g.pick((np.int8, np.uint8))
    info = np.iinfo(kind)
    return g.constant(g.rng.integers(info.min, info.max + 1, shape).astype(
        kind)), kind


def quantised_attention(g):
    x = g.floats(3)
    batch, tokens, width = g.shape(x)
    heads, size = g.integer(1, 3), g.integer(1, 4)
    features = 3 * heads * size
    step, zero = np.float32(0.05), np.uint8(g.integer(100, 150))
    step, zero = g.constant(step), g.constant(zero)
    q = g.op("QuantizeLinear", x, step, zero)
    w, kind = _bytes(g, width, features)
    middle = kind(0 if kind == np.int8 else 128)
    return g.op("QAttention", q, w, g.weight(features, scale=0.3), step,
                g.constant(np.float32(0.01)),
                _mask(g, batch, tokens, tokens), zero,
                g.constant(middle), num_heads=heads, domain=_RUNTIME)


def quantised_lstm(g):
    x = g.floats(3)
    steps, batch, width = g.shape(x)
    hidden, way = g.integer(1, 5), g.pick(("forward", "reverse",
                                           "bidirectional"))
    sides = 2 if way == "bidirectional" else 1
    each = (sides, 4 * hidden) if g.chance(0.4) else (sides,)
    operands = [x]
    kinds = []
    for rows in (width, hidden):
        w, kind = _bytes(g, sides, rows, 4 * hidden)
        operands.append(w)
        kinds.append(kind)
    operands += [g.weight(sides, 8 * hidden, scale=0.3)
                 if g.chance(0.7) else "", "", "", "", ""]
    for kind in kinds:
        scale = g.rng.uniform(0.002, 0.01, each).astype(np.float32)
        middle = 0 if kind == np.int8 else 128
        operands += [g.constant(scale),
                     g.constant(np.full(each, middle, kind))]
    y, last, cell = g.op("DynamicQuantizeLSTM", *operands, outputs=3,
                         hidden_size=hidden, direction=way, domain=_RUNTIME)
    return g.pick((y, last, cell))


OPS = [(attention, 1), (multi_head_attention, 1), (embedding, 0.5),
       (quantised_attention, 0.5), (quantised_lstm, 0.5)]
