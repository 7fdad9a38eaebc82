# SPDX-License-Identifier: Apache-2.0
"""What the oracles need to know of an ONNX graph.

Nothing here shares code with the compiler: shapes and the values of constants
come from running the model in ONNX Runtime with every tensor as an output.
"""

import copy
import os

import numpy as np
import onnx
from onnx import numpy_helper

import ort

# Ops whose result depends on their input's shape alone.
_SHAPE_ONLY = {"Shape", "Size"}
# Ops that are constant without an input, except those that draw numbers.
_RANDOM = {"RandomNormal", "RandomUniform", "RandomNormalLike",
           "RandomUniformLike", "Multinomial", "Bernoulli"}


def load(path):
    return onnx.load(os.fspath(path))


def attributes(op):
    """The attributes of an op as Python values."""
    return {a.name: onnx.helper.get_attribute_value(a) for a in op.attribute}


def op_key(op):
    """How mask files and messages name an op: its name, else its output's."""
    return op.name or next((o for o in op.output if o), "")


def op_keys(model):
    """One key an op, in graph order: names that occur twice give way to the
    name of the first output, which is unique in a valid graph."""
    counts = {}
    for op in model.graph.node:
        counts[op.name] = counts.get(op.name, 0) + 1
    return [op.name if op.name and counts[op.name] == 1
            else next((o for o in op.output if o), "")
            for op in model.graph.node]


def strip_overridable(model):
    """A copy without initialisers among the inputs (IR version 3 wants them
    there, ONNX Runtime then refuses to fold them)."""
    model = copy.deepcopy(model)
    names = {i.name for i in model.graph.initializer}
    kept = [i for i in model.graph.input if i.name not in names]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    model.ir_version = max(model.ir_version, 4)
    return model


def real_inputs(model):
    """The inputs that a caller must give."""
    names = {i.name for i in model.graph.initializer}
    return [i for i in model.graph.input if i.name not in names]


def input_signature(model, shapes=None):
    """{input: (dtype, dims)}; dynamic dimensions are 1 unless `shapes`
    ({input: dims}) says otherwise."""
    result = {}
    for value in real_inputs(model):
        tensor = value.type.tensor_type
        dims = [d.dim_value if d.HasField("dim_value") else 1
                for d in tensor.shape.dim]
        if shapes and value.name in shapes:
            dims = list(shapes[value.name])
        result[value.name] = (np.dtype(ort.DTYPES[tensor.elem_type]),
                              tuple(dims))
    return result


def random_inputs(model, rng, shapes=None):
    """Inputs of the right types: normal floats, small integers."""
    feeds = {}
    for name, (dtype, dims) in input_signature(model, shapes).items():
        if dtype.kind == "f":
            feeds[name] = rng.standard_normal(dims).astype(dtype)
        elif dtype.kind == "b":
            feeds[name] = rng.integers(0, 2, dims).astype(bool)
        else:
            feeds[name] = rng.integers(0, 10, dims).astype(dtype)
    return feeds


def initialisers(model):
    return {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}


def constant_names(model):
    """Names of the tensors that do not depend on an input's value."""
    constant = {i.name for i in model.graph.initializer} | {""}
    for op in model.graph.node:
        if op.op_type in _RANDOM or any(
                a.type in (onnx.AttributeProto.GRAPH,
                           onnx.AttributeProto.GRAPHS) for a in op.attribute):
            continue
        if op.op_type in _SHAPE_ONLY or all(i in constant for i in op.input):
            constant.update(op.output)
    return constant - {""}


def trace(model, feeds):
    """Runs the model op by op as written: {tensor name: ndarray}, of all
    tensors including initialisers and inputs."""
    model = strip_overridable(model)
    wanted = [o for op in model.graph.node for o in op.output if o]
    present = {o.name for o in model.graph.output}
    for name in wanted:
        if name not in present:
            model.graph.output.append(onnx.ValueInfoProto(name=name))
            present.add(name)
    with ort.Session(model.SerializeToString(), optimise=False) as session:
        values = session.run(feeds)
    values.update(initialisers(model))
    values.update(feeds)
    return values


class Traced:
    """A model with its values: what every oracle starts from."""

    def __init__(self, model, feeds=None, shapes=None, seed=0):
        self.model = strip_overridable(model)
        if feeds is None:
            feeds = random_inputs(self.model, np.random.default_rng(seed),
                                  shapes)
        self.feeds = feeds
        self.values = trace(self.model, feeds)
        self.constants = constant_names(self.model)
        self.inputs = [i.name for i in real_inputs(self.model)]
        self.outputs = [o.name for o in self.model.graph.output]
        self.ops = list(self.model.graph.node)
        self.keys = op_keys(self.model)
        self.producer = {o: k for k, op in enumerate(self.ops)
                         for o in op.output if o}

    def shape(self, name):
        return self.values[name].shape

    def opset(self):
        return next((o.version for o in self.model.opset_import
                     if o.domain in ("", "ai.onnx")), 1)
