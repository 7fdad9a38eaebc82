# SPDX-License-Identifier: Apache-2.0
"""Small models with seeded weights, for suites that need no trained ones.

transformer: patches of a picture, two blocks of layer normalisation, attention of three heads, and
two layers with Gelu, as exporters write them; its features, 36, are divided unevenly over 5 and 7.
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
