# SPDX-License-Identifier: Apache-2.0
"""Small models with seeded weights, for suites that need no trained ones.

transformer: patches of a picture, two blocks of layer normalisation, attention of three heads, and
two layers with Gelu, as exporters write them; its features, 36, are divided unevenly over 5 and 7.
halves: blocks that split a tensor in halves, one of which convolutions read, as YOLOv8's C2f.
shuffled: units of which one half passes and the other is computed, and shuffles, as ShuffleNetV2.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Graph:
    """A graph under construction."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.ops, self.constants = [], []

    def constant(self, value):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def weights(self, *shape, around=0.0):
        """Normally distributed, so that a sum of products keeps its size."""
        fan = int(np.prod(shape[1:])) if len(shape) == 4 else shape[0] if len(shape) == 2 else 4
        values = self.rng.standard_normal(shape) / np.sqrt(fan) + around
        return self.constant(values.astype(np.float32))

    def op(self, kind, *inputs, **attributes):
        name = f"{kind.lower()}{len(self.ops)}"
        self.ops.append(helper.make_node(kind, list(inputs), [name], name, **attributes))
        return name

    def linear(self, x, inputs, outputs):
        return self.op("Add", self.op("MatMul", x, self.weights(inputs, outputs)),
                       self.weights(outputs))

    def reshape(self, x, *shape):
        return self.op("Reshape", x, self.constant(np.array(shape, np.int64)))

    def model(self, shapes, outputs):
        """`shapes`: of the inputs; `outputs`: {name: shape}."""
        def value(name, shape):
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        graph = helper.make_graph(self.ops, "seeded", [value(*v) for v in shapes.items()],
                                  [value(*v) for v in outputs.items()], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        return model


def _attention(g, x, tokens, width, heads):
    def split(name):
        return g.op("Transpose", g.reshape(name, 1, tokens, heads, width // heads),
                    perm=[0, 2, 1, 3])
    q, k, v = (split(g.linear(x, width, width)) for _ in range(3))
    scale = g.constant(np.float32((width // heads) ** -0.5))
    scores = g.op("Mul", g.op("MatMul", q, g.op("Transpose", k, perm=[0, 1, 3, 2])), scale)
    y = g.op("MatMul", g.op("Softmax", scores, axis=-1), v)
    y = g.reshape(g.op("Transpose", y, perm=[0, 2, 1, 3]), 1, tokens, width)
    return g.linear(y, width, width)


def _gelu(g, x):
    half, one, root = (g.constant(np.float32(v)) for v in (0.5, 1.0, 2.0 ** 0.5))
    gate = g.op("Add", g.op("Erf", g.op("Div", x, root)), one)
    return g.op("Mul", g.op("Mul", x, gate), half)


def transformer(seed=8, blocks=2, width=36, heads=3):
    g = Graph(seed)
    tokens = 16

    def norm(x):
        return g.op("LayerNormalization", x, g.weights(width, around=1.0), g.weights(width),
                    axis=-1, epsilon=1e-6)
    x = g.op("Conv", "x", g.weights(width, 3, 4, 4), g.weights(width), strides=[4, 4])
    x = g.op("Transpose", g.reshape(x, 1, width, tokens), perm=[0, 2, 1])
    x = g.op("Add", x, g.weights(1, tokens, width))
    for _ in range(blocks):
        x = g.op("Add", x, _attention(g, norm(x), tokens, width, heads))
        hidden = _gelu(g, g.linear(norm(x), width, 3 * width))
        x = g.op("Add", x, g.linear(hidden, 3 * width, width))
    y = g.op("ReduceMean", norm(x), axes=[1], keepdims=0)
    y = g.op("Gemm", y, g.weights(width, 10), g.weights(10))
    return g.model({"x": [1, 3, 16, 16]}, {y: [1, 10]})


def _root_mean_square(g, x):
    square = g.op("ReduceMean", g.op("Mul", x, x), axes=[1], keepdims=1)
    return g.op("Div", x, g.op("Sqrt", g.op("Add", square, g.constant(np.float32(1e-5)))))


def _group(g, x, groups, width, side):
    flat = g.reshape(x, 1, groups, -1)
    flat = g.op("InstanceNormalization", flat, g.constant(np.ones(groups, np.float32)),
                g.constant(np.zeros(groups, np.float32)))
    return g.reshape(flat, 1, width, side, side)


def normalised(kind, seed=24, width=12, side=6):
    """A normalisation of one kind between two convolutions: by the root mean square of all
    channels, a softmax over them, or groups of them of which one lies on two of two nodes."""
    g = Graph(seed)
    x = g.op("Conv", "x", g.weights(width, 3, 1, 1), g.weights(width))
    y = {"rms": lambda: _root_mean_square(g, x), "softmax": lambda: g.op("Softmax", x, axis=1),
         "group": lambda: _group(g, x, 3, width, side)}[kind]()
    y = g.op("Mul", y, g.weights(1, width, 1, 1, around=1.0))
    y = g.op("Conv", y, g.weights(width, width, 1, 1), g.weights(width))
    return g.model({"x": [1, 3, side, side]}, {y: [1, width, side, side]})


def _conv(g, x, inputs, outputs, kernel=1, **attributes):
    y = g.op("Conv", x, g.weights(outputs, inputs // attributes.get("group", 1), kernel, kernel),
             g.weights(outputs), pads=[kernel // 2] * 4, **attributes)
    return g.op("Relu", y)


def _split(g, x, channels):
    """The halves of a tensor, as slices of its channels."""
    ends = [g.constant(np.array([c], np.int64)) for c in (0, channels // 2, channels, 1)]
    return [g.op("Slice", x, ends[k], ends[k + 1], ends[3]) for k in (0, 1)]


def halves(seed=21, blocks=2, width=24):
    g = Graph(seed)
    x = _conv(g, "x", 3, width, 3, strides=[2, 2])
    for _ in range(blocks):
        parts = _split(g, _conv(g, x, width, width), width)
        for _ in range(2):
            y = _conv(g, _conv(g, parts[-1], width // 2, width // 2, 3), width // 2, width // 2, 3)
            parts.append(g.op("Add", parts[-1], y))
        x = _conv(g, g.op("Concat", *parts, axis=1), 2 * width, width)
    y = g.reshape(g.op("GlobalAveragePool", x), 1, width)
    y = g.op("Gemm", y, g.weights(width, 10), g.weights(10))
    return g.model({"x": [1, 3, 24, 24]}, {y: [1, 10]})


def shuffled(seed=22, units=3, width=24, side=12):
    g = Graph(seed)
    half = width // 2
    x = _conv(g, "x", 3, width, 3, strides=[2, 2])
    for _ in range(units):
        kept, y = _split(g, x, width)
        y = _conv(g, _conv(g, y, half, half), half, half, 3, group=half)
        x = g.op("Concat", kept, _conv(g, y, half, half), axis=1)
        x = g.op("Transpose", g.reshape(x, 1, 2, half, side, side), perm=[0, 2, 1, 3, 4])
        x = g.reshape(x, 1, width, side, side)
    y = g.reshape(g.op("GlobalAveragePool", x), 1, width)
    y = g.op("Gemm", y, g.weights(width, 10), g.weights(10))
    return g.model({"x": [1, 3, 2 * side, 2 * side]}, {y: [1, 10]})
