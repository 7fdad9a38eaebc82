# SPDX-License-Identifier: Apache-2.0
"""Small models of many ops, made here: what a board's library and kernels are
measured and tried with. None of them is trained, and none is of any use.

    op_models.py FOLDER      writes them all there, NAME.onnx
"""

import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

UNARY = ("Abs", "Neg", "Reciprocal", "Sqrt", "Exp", "Log", "Sin", "Cos",
         "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Tanh", "Asinh",
         "Atanh", "Erf", "Sigmoid", "Softplus", "Softsign", "HardSigmoid",
         "HardSwish", "Elu", "Selu", "Celu", "Floor", "Ceil", "Round",
         "Sign", "Relu", "LeakyRelu", "ThresholdedRelu")


class Maker:
    """Nodes and constants of one model, whose input is x."""

    def __init__(self, shape):
        self.shape, self.nodes, self.constants = shape, [], []
        self.rng = np.random.default_rng(7)

    def add(self, kind, *inputs, outputs=1, **attributes):
        names = [f"v{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names,
                                           name=f"n{len(self.nodes)}",
                                           **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, value):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def weights(self, *shape, scale=0.3):
        return self.constant(self.rng.normal(0, scale, shape)
                             .astype(np.float32))

    def model(self, output, *shape):
        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes, "ops", [value("x", TensorProto.FLOAT, self.shape)],
            [value(output, TensorProto.FLOAT, shape)], self.constants)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        return model


def functions():
    """Every function of a number that there is, and the binary ones."""
    m = Maker([1, 4, 6])
    # Small numbers, above zero: in the domain of all functions.
    small = m.add("Add", m.add("Mul", m.add("Sigmoid", "x"),
                               m.constant(np.float32(0.4))),
                  m.constant(np.float32(0.2)))
    results = [m.add(kind, small) for kind in UNARY]
    one = m.constant(np.float32(1.1))
    results.append(m.add("Acosh", m.add("Add", small, one)))
    results.append(m.add("Pow", small, one))
    results.append(m.add("Mod", m.add("Mul", "x", one), small, fmod=1))
    results.append(m.add("Div", small, one))
    return m.model(m.add("Concat", *results, axis=1), 1, 4 * len(results), 6)


def recurrent(steps=3):
    m = Maker([steps, 1, 5])
    results = []
    for kind, gates in (("LSTM", 4), ("GRU", 3), ("RNN", 1)):
        outputs = m.add(kind, "x", m.weights(1, gates * 6, 5),
                        m.weights(1, gates * 6, 6), outputs=1, hidden_size=6)
        results.append(outputs)
    return m.model(m.add("Concat", *results, axis=3), steps, 1, 1, 18)


def sequence():
    """Too long to be unrolled."""
    return recurrent(65)


def order():
    """Sorts, sums in order, gathers and scatters."""
    m = Maker([1, 6, 8])
    values, _ = m.add("TopK", "x", m.constant(np.array([3], np.int64)),
                      outputs=2)
    summed = m.add("CumSum", "x", m.constant(np.int64(2)))
    picked = m.add("Gather", "x", m.constant(np.array([5, 0, 3], np.int64)),
                   axis=1)
    scattered = m.add(
        "ScatterElements", "x",
        m.constant(np.array([[[1, 0, 3, 2, 5, 4, 7, 6]]], np.int64)),
        m.weights(1, 1, 8), axis=1)
    best = m.add("Cast", m.add("ArgMax", "x", axis=2), to=TensorProto.FLOAT)
    parts = [m.add("Flatten", name)
             for name in (values, summed, picked, scattered, best)]
    return m.model(m.add("Concat", *parts, axis=1), 1, 144)


def windows():
    """Convolutions of all kinds, pools, norms, resizing and sampling."""
    m = Maker([1, 4, 8, 8])
    conv = m.add("Conv", "x", m.weights(8, 4, 3, 3), m.weights(8),
                 pads=[1, 1, 1, 1])
    deep = m.add("Conv", conv, m.weights(8, 1, 3, 3), group=8,
                 strides=[2, 2], pads=[1, 1, 1, 1])
    up = m.add("ConvTranspose", deep, m.weights(8, 4, 2, 2), strides=[2, 2])
    norm = m.add("InstanceNormalization", up, m.weights(4), m.weights(4))
    rows = m.add("LayerNormalization", norm, m.weights(8), m.weights(8))
    sized = m.add("Resize", rows, "",
                  m.constant(np.array([1, 1, 2, 2], np.float32)),
                  mode="linear")
    pools = [m.add("MaxPool", sized, kernel_shape=[4, 4], strides=[4, 4]),
             m.add("AveragePool", sized, kernel_shape=[4, 4],
                   strides=[4, 4])]
    lrn = m.add("LRN", m.add("Concat", *pools, axis=1), size=3)
    flat = m.add("Flatten", lrn)
    return m.model(m.add("LogSoftmax",
                         m.add("Gemm", flat, m.weights(128, 10))), 1, 10)


def tiny():
    """What 8 KB of memory hold: 8x8 pixels, 10 classes, 210 weights."""
    m = Maker([1, 1, 8, 8])
    conv = m.add("Relu", m.add("Conv", "x", m.weights(4, 1, 3, 3),
                               m.weights(4), pads=[1, 1, 1, 1]))
    flat = m.add("Flatten", m.add("MaxPool", conv, kernel_shape=[4, 4],
                                  strides=[4, 4]))
    return m.model(m.add("Gemm", flat, m.weights(16, 10), m.weights(10)), 1, 10)


MODELS = {"functions": functions, "recurrent": recurrent, "sequence": sequence, "order": order,
          "windows": windows, "tiny": tiny}


def write(name, folder):
    path = os.path.join(folder, f"{name}.onnx")
    onnx.save(MODELS[name](), path)
    return path


if __name__ == "__main__":
    for model_name in MODELS:
        print(write(model_name, sys.argv[1]))
