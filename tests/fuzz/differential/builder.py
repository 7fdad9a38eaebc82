# SPDX-License-Identifier: Apache-2.0
"""Builds a random graph op by op: every op is run in ONNX Runtime when it is
added, which gives the shapes and keeps out what is not valid ONNX."""

import os
import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "oracle"))
import ort  # noqa: E402

LARGEST = 6000   # elements of a tensor
TOO_BIG = 1e3    # values beyond make rounding errors decide


class Rejected(Exception):
    """The op does not fit here."""


def ir_version(opset):
    return 8 if opset < 18 else 9 if opset < 21 else 10 if opset < 23 else 11


def _imports(nodes, opset):
    """Other domains than ONNX's have one version."""
    return [helper.make_opsetid("", opset)] + [
        helper.make_opsetid(d, 1)
        for d in sorted({n.domain for n in nodes if n.domain})]


def make_model(nodes, inputs, weights, outputs, opset, name="fuzz"):
    """A model from nodes, {name: array} of inputs and weights, and the names
    of the outputs, {name: array}."""
    def described(values):
        return [helper.make_tensor_value_info(
            n, onnx.mapping.NP_TYPE_TO_TENSOR_TYPE[v.dtype], v.shape)
            for n, v in values.items()]
    g = helper.make_graph(
        nodes, name, described(inputs), described(outputs),
        [numpy_helper.from_array(np.ascontiguousarray(v).reshape(v.shape), n)
         for n, v in weights.items()])
    return helper.make_model(g, opset_imports=_imports(nodes, opset),
                             ir_version=ir_version(opset))


def run_op(node, values, weights, opset):
    """[arrays] of one op on these values; Rejected if it is not valid."""
    names = [n for n in dict.fromkeys(node.input) if n]
    g = helper.make_graph(
        [node], "op",
        [helper.make_tensor_value_info(
            n, onnx.mapping.NP_TYPE_TO_TENSOR_TYPE[values[n].dtype],
            values[n].shape) for n in names if n not in weights],
        [onnx.ValueInfoProto(name=o) for o in node.output if o],
        [numpy_helper.from_array(weights[n], n) for n in names
         if n in weights])
    model = helper.make_model(g, opset_imports=_imports([node], opset),
                              ir_version=ir_version(opset))
    try:
        with ort.Session(model.SerializeToString(), optimise=False) as session:
            result = session.run({n: values[n] for n in names
                                  if n not in weights})
    except ort.OrtError as error:
        raise Rejected(str(error)[:200]) from None
    return [result[o] for o in node.output if o]


class Builder:
    def __init__(self, rng, opset):
        self.rng, self.opset = rng, opset
        self.nodes, self.weights, self.inputs = [], {}, {}
        self.values = {}     # of computed tensors and inputs
        self.fixed = set()   # what does not depend on an input
        self.count = 0

    # -- random choices ------------------------------------------------------

    def chance(self, p):
        return self.rng.random() < p

    def pick(self, items):
        items = list(items)
        if not items:
            raise Rejected("nothing to choose from")
        return items[int(self.rng.integers(len(items)))]

    def integer(self, low, high):
        """low to high, both included."""
        if high < low:
            raise Rejected("an empty range")
        return int(self.rng.integers(low, high + 1))

    # -- tensors -------------------------------------------------------------

    def name(self, prefix):
        self.count += 1
        return f"{prefix}{self.count}"

    def input(self, array):
        name = self.name("in")
        self.inputs[name] = self.values[name] = array
        return name

    def weight(self, *shape, scale=None):
        """Normal numbers that keep the size of what they are multiplied
        with."""
        fan = int(np.prod(shape[1:])) if len(shape) > 1 else 1
        scale = scale or 1 / np.sqrt(max(1, fan))
        return self.constant((self.rng.standard_normal(shape) * scale)
                             .astype(np.float32))

    def constant(self, value, dtype=None):
        name = self.name("w")
        self.weights[name] = np.asarray(value, dtype)
        return name

    def integers(self, values):
        return self.constant(np.asarray(values, np.int64))

    def shape(self, name):
        return self.values[name].shape

    def rank(self, name):
        return self.values[name].ndim

    def floats(self, *ranks):
        """A computed float tensor of one of these ranks (any but a scalar),
        late ones rather than early ones."""
        found = [n for n, v in self.values.items()
                 if v.dtype == np.float32 and v.ndim > 0 and
                 n not in self.fixed and (not ranks or v.ndim in ranks)]
        if not found:
            raise Rejected("no tensor of that rank")
        k = min(int(self.rng.geometric(0.35)), len(found))
        return found[-k]

    # -- ops -----------------------------------------------------------------

    def op(self, kind, *inputs, outputs=1, **attributes):
        """Adds an op; the name of its output, or a list where there are
        several."""
        attributes = {k: v for k, v in attributes.items() if v is not None}
        names = [self.name("t") for _ in range(outputs)]
        node = helper.make_node(kind, inputs, names, name=self.name("op"),
                                **attributes)
        results = run_op(node, {**self.values, **self.weights}, self.weights,
                         self.opset)
        for array in results:
            if not 0 < array.size <= LARGEST:
                raise Rejected("empty or too large")
            if array.dtype.kind == "f" and array.size and not (
                    np.abs(array).max() < TOO_BIG):
                raise Rejected("values out of bounds")
        self.nodes.append(node)
        if all(i in self.weights or i in self.fixed for i in inputs if i):
            self.fixed.update(names)
        self.values.update(zip(names, results))
        return names[0] if outputs == 1 else names

    def model(self, name, outputs=4):
        """The graph with its sinks, the last `outputs` of them, as outputs;
        what leads to none of them is left out. Rejected if nothing is left."""
        read = {i for op in self.nodes for i in op.input}
        sinks = [o for op in self.nodes for o in op.output
                 if o and o not in read and o not in self.fixed]
        return prune(self.nodes, self.inputs, self.weights,
                     {n: self.values[n] for n in sinks[-outputs:]},
                     self.opset, name)


def prune(nodes, inputs, weights, outputs, opset, name):
    """The model of these outputs, without what does not lead to them."""
    needed, kept = set(outputs), []
    for op in reversed(list(nodes)):
        if any(o in needed for o in op.output):
            kept.insert(0, op)
            needed.update(i for i in op.input if i)
    if not kept:
        raise Rejected("an empty graph")
    return make_model(kept, {n: v for n, v in inputs.items() if n in needed},
                      {n: v for n, v in weights.items() if n in needed},
                      outputs, opset, name)
