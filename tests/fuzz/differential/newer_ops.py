# SPDX-License-Identifier: Apache-2.0
"""Random loops, branches and sequences that are known when compiling, and ops
of opset 23 and 24, for a Builder. What a loop does lies within its body, as
the builder runs single ops."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from builder import Rejected


def _value(name, kind=TensorProto.FLOAT, shape=None):
    return helper.make_tensor_value_info(name, kind, shape)


class _Body:
    """Nodes and constants of a body, each of which keeps the shape of v."""

    def __init__(self, g, shape):
        self.g, self.shape, self.nodes, self.weights = g, shape, [], []

    def constant(self, array):
        name = f"k{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def op(self, kind, *inputs, **attributes):
        name = f"b{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def product(self, v):
        width = self.shape[-1]
        w = self.g.rng.standard_normal((width, width)) / np.sqrt(width)
        return self.op("Tanh", self.op(
            "MatMul", v, self.constant(w.astype(np.float32))))

    def counted(self, v):
        return self.op("Add", v, self.op("Cast", "i", to=TensorProto.FLOAT))

    def branch(self, v):
        flag = self.constant(np.array(self.g.chance(0.5)))
        kinds = [self.g.pick(("Relu", "Neg", "Sigmoid", "Abs"))
                 for _ in range(2)]
        graphs = [helper.make_graph([helper.make_node(k, [v], ["r"])], "part",
                                    [], [_value("r")]) for k in kinds]
        return self.op("If", flag, then_branch=graphs[0],
                       else_branch=graphs[1])

    def sequence(self, v):
        """The parts of an axis, turned round."""
        axis = self.g.integer(0, len(self.shape) - 1)
        size = self.g.integer(1, self.shape[axis])
        q = self.op("SplitToSequence", v, self.constant(np.int64(size)),
                    axis=axis)
        last = self.op("SequenceAt", q, self.constant(np.int64(-1)))
        q = self.op("SequenceErase", q)
        q = self.op("SequenceInsert", q, last, self.constant(np.int64(0)))
        return self.op("ConcatFromSequence", q, axis=axis)


def loop(g):
    if g.opset < 13:
        raise Rejected("opset")
    x = g.floats()
    body = _Body(g, g.shape(x))
    v = "v"
    for _ in range(g.integer(1, 3)):
        v = g.pick((body.product, body.counted, body.branch,
                    body.sequence))(v)
    body.nodes.append(helper.make_node("Identity", ["c"], ["c2"]))
    graph = helper.make_graph(
        body.nodes, "body", [_value("i", TensorProto.INT64, ()),
                             _value("c", TensorProto.BOOL, ()), _value("v")],
        [_value("c2", TensorProto.BOOL), _value(v), _value(v)], body.weights)
    y, z = g.op("Loop", g.constant(np.int64(g.integer(1, 3))), "", x,
                outputs=2, body=graph)
    return y if g.chance(0.6) else g.op("Relu", z)


def swish(g):
    if g.opset < 24:
        raise Rejected("opset")
    return g.op("Swish", g.floats(), alpha=g.pick((1.0, 0.7, 2.0)))


def rms_norm(g):
    if g.opset < 23:
        raise Rejected("opset")
    x = g.floats(2, 3, 4)
    axis = g.integer(1, g.rank(x) - 1)
    return g.op("RMSNormalization", x,
                g.weight(*g.shape(x)[axis:], scale=1), axis=axis)


def attention(g):
    """Of three dimensions, its operands products of x."""
    if g.opset < 23:
        raise Rejected("opset")
    x = g.floats(3)
    heads, shared, size = g.integer(1, 4), g.integer(1, 2), g.integer(1, 4)

    def part(count):
        return g.op("MatMul", x, g.weight(g.shape(x)[2], count * size,
                                          scale=0.5))
    options = {"q_num_heads": heads * shared, "kv_num_heads": heads}
    if g.chance(0.3):
        options["is_causal"] = 1
    elif g.chance(0.3):
        options["scale"] = 0.3
    mask = []
    if g.chance(0.3) and "is_causal" not in options:
        tokens = g.shape(x)[1]
        mask = [g.weight(tokens, tokens, scale=1)]
    return g.op("Attention", part(heads * shared), part(heads), part(heads),
                *mask, **options)


def rotary(g):
    if g.opset < 23:
        raise Rejected("opset")
    x = g.floats(3)
    batch, tokens, width = g.shape(x)
    heads = g.pick([h for h in range(1, width + 1)
                    if width % h == 0 and width // h % 2 == 0])
    angles = g.rng.standard_normal((batch, tokens, width // heads // 2))
    return g.op("RotaryEmbedding", x,
                g.constant(np.cos(angles).astype(np.float32)),
                g.constant(np.sin(angles).astype(np.float32)),
                num_heads=heads, interleaved=g.integer(0, 1))


OPS = [(loop, 2), (swish, 1), (rms_norm, 1), (attention, 2), (rotary, 1)]
