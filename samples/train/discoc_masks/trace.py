# A PyTorch network as a graph of ONNX ops, with the parameter behind each weight.
# SPDX-License-Identifier: Apache-2.0
"""PyTorch's own exporter traces, so that ops and tensors have the names of the file that `export` writes in the end. Which parameter
a weight of the file is cannot be read from its name, once the exporter folded a transpose, a BatchNorm or a slice into it.
So a copy of the network is traced in which every row of every parameter has a number of its own."""

import contextlib
import copy
import dataclasses
import inspect
import io
import warnings

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
import onnx.shape_inference
import torch

from . import arrays
from .errors import MaskError

OPSET = 17


@dataclasses.dataclass
class Node:
    """An ONNX node; `attributes` as Python values, tensors as arrays."""

    name: str
    kind: str
    inputs: list
    outputs: list
    attributes: dict


@dataclasses.dataclass
class Weight:
    """Which parameter a contraction's weight is: its rows (extent of the parameter's axis 0) from `begin` to `end`."""

    parameter: str
    begin: int
    end: int
    rows_are_axis: int  # the axis of the op's weight that is the parameter's axis 0


class Graph:
    """Nodes that compute with features, in order; what constants compute is done. `shapes` of all tensors."""

    def __init__(self, model):
        self.constants = {i.name: onnx.numpy_helper.to_array(i) for i in model.graph.initializer}
        self.inputs = [i.name for i in model.graph.input if i.name not in self.constants]
        self.outputs = [o.name for o in model.graph.output]
        self.shapes, self.types, self.nodes = {}, {}, []
        for value in model.graph.input:
            self.note(value)
        self.shapes.update((name, value.shape) for name, value in self.constants.items())
        self.opsets = list(model.opset_import)
        for proto in model.graph.node:
            self.add(proto)
        self.readers = {}
        for node in self.nodes:
            for name in node.inputs:
                self.readers.setdefault(name, []).append(node)

    def note(self, value):
        kind = value.type.tensor_type
        if kind.HasField("shape"):
            self.shapes[value.name] = tuple(d.dim_value for d in kind.shape.dim)
        self.types[value.name] = kind.elem_type

    def is_constant(self, name):
        return name in self.constants

    def add(self, proto):
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in proto.attribute}
        for name, value in attributes.items():
            if isinstance(value, onnx.TensorProto):
                attributes[name] = onnx.numpy_helper.to_array(value)
        node = Node(proto.name, proto.op_type, list(proto.input), list(proto.output), attributes)
        if not self.fold(node):
            self.infer(proto)
            self.nodes.append(node)

    def fold(self, node):
        """Whether a node makes a constant, which is noted then."""
        if node.kind == "Constant":
            results = [np.asarray(next(iter(node.attributes.values())))]
        elif node.kind == "Shape" and self.shapes.get(node.inputs[0]) is not None:
            results = [np.asarray(self.shapes[node.inputs[0]], np.int64)]
        elif node.inputs and all(self.is_constant(name) or not name for name in node.inputs):
            results = arrays.compute(node, [self.constants.get(name) for name in node.inputs], arrays.OF_CONSTANTS)
        else:
            return False
        if results is None:
            return False
        for name, value in zip(node.outputs, results):
            self.constants[name], self.shapes[name] = value, value.shape
        return True

    def infer(self, proto):
        """The shapes of one node's results, by ONNX's own rules; None where these do not say."""
        values, fixed = [], []
        for name in dict.fromkeys(proto.input):
            if self.is_constant(name):
                fixed.append(onnx.numpy_helper.from_array(np.ascontiguousarray(self.constants[name]), name))
            elif name:
                values.append(onnx.helper.make_tensor_value_info(name, self.types.get(name, 1), self.shapes.get(name)))
        outputs = [onnx.helper.make_empty_tensor_value_info(name) for name in proto.output]
        graph = onnx.helper.make_graph([proto], "one", values, outputs, fixed)
        try:
            found = onnx.shape_inference.infer_shapes(onnx.helper.make_model(graph, opset_imports=self.opsets))
        except Exception:  # an op that ONNX does not know
            return
        for value in found.graph.output:
            self.note(value)


@contextlib.contextmanager
def in_evaluation(network):
    """Every module in evaluation mode, and each back in its own afterwards."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield network
    finally:
        for module, mode in modes:
            module.training = mode


def to_onnx(network, example_inputs, **names):
    """The network in evaluation mode as an ONNX model of opset 17."""
    buffer = io.BytesIO()
    # torch 2.x has two exporters; both trace, and the older one needs no further package.
    older = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    with warnings.catch_warnings(), in_evaluation(network):
        warnings.simplefilter("ignore")
        # Contiguous: the exporter would record the strides of channels-last weights as they are.
        network.to(memory_format=torch.contiguous_format)
        torch.onnx.export(network, example_inputs, buffer, opset_version=OPSET, **older, **names)
    return onnx.load_model_from_string(buffer.getvalue())


def numbered(network):
    """A copy of which every row of a parameter of two and more axes is filled with a number, counted from 1; and which."""
    network = copy.deepcopy(network).cpu().float()
    first, count = {}, 1
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.dim() < 2:
                continue
            rows = parameter.shape[0]
            numbers = torch.arange(count, count + rows, dtype=torch.float32)
            parameter.copy_(numbers.view(-1, *[1] * (parameter.dim() - 1)).expand_as(parameter))
            first[name] = (count, rows)
            count += rows
        for module in network.modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                module.eps = 0.0  # the exporter folds it: let it change nothing
                for value, to in ((module.weight, 1), (module.running_var, 1), (module.running_mean, 0), (module.bias, 0)):
                    if value is not None:
                        value.fill_(to)
    return network, first


def parameter_of(array, first):
    """The Weight that a numbered array is; None where it is none."""
    if array is None or array.ndim < 2 or array.size == 0 or not np.isfinite(array).all():
        return None
    begin = round(float(array.flat[0]))
    for name, (number, rows) in first.items():
        if not number <= begin < number + rows:
            continue
        for axis in (0, 1):
            extent = array.shape[axis]
            shape = [1] * array.ndim
            shape[axis] = extent
            wanted = begin + np.arange(extent).reshape(shape)
            if begin - number + extent <= rows and np.abs(array - wanted).max() < 0.25:
                return Weight(name, begin - number, begin - number + extent, axis)
    return None


def trace(network, example_inputs):
    """(Graph, the Weight of each contraction by the name of its first result)."""
    copied, first = numbered(network)
    try:
        model = to_onnx(copied, example_inputs)
    except Exception as error:
        raise MaskError(f"the network cannot be traced with these example_inputs: {error}") from error
    graph = Graph(model)
    weights = {}
    for node in graph.nodes:
        for name in node.inputs[:2]:
            found = parameter_of(graph.constants.get(name), first)
            if found is not None and node.kind in ("Conv", "ConvTranspose", "Gemm", "MatMul"):
                weights[node.outputs[0]] = found
    return graph, weights
