# Writing a trained network as ONNX with its masks, and running such a file with PyTorch.
# SPDX-License-Identifier: Apache-2.0

import io
import json

import numpy as np
import onnx
import onnx.numpy_helper
import torch
import torch.nn.functional as functional


def export(network, shape, anyBatch=False):
    """The network as an ONNX model; in evaluation mode the exporter folds BatchNorm into the convolutions. With `anyBatch`
    the first dimension is left open under the name "batch"."""
    network = network.eval()
    # The exporter would otherwise record the strides of channels-last weights as they are.
    network = network.to(memory_format=torch.contiguous_format)
    buffer = io.BytesIO()
    names = {"input_names": ["image"], "output_names": ["scores"]}
    if anyBatch:
        names["dynamic_axes"] = {"image": {0: "batch"}, "scores": {0: "batch"}}
    torch.onnx.export(network, torch.zeros(shape), buffer, opset_version=13, **names)
    model = onnx.load_model_from_string(buffer.getvalue())
    onnx.checker.check_model(model)
    return model


def contractions(model):
    """Layer name -> (op name, input tensor, output tensor). An op is named after its layer's path: /blocks.0/conv1/Conv."""
    found = {}
    for node in model.graph.node:
        if node.op_type in ("Conv", "Gemm"):
            found[scopeOf(node.name)] = (node.name, node.input[0], node.output[0])
    return found


def scopeOf(opName):
    """'/blocks/blocks.0/conv1/Conv' -> 'blocks.0.conv1': the exporter repeats the list before its element."""
    parts = [part for part in opName.strip("/").split("/")[:-1]]
    parts = [part for i, part in enumerate(parts) if i + 1 == len(parts) or not parts[i + 1].startswith(part + ".")]
    return ".".join(parts)


def preprocess(size, resize, color, mean, std):
    """The entry that says what a picture becomes: (value * scale - mean) / std, channel by channel."""
    picture = {"size": list(size), "resize": resize, "layout": "NCHW", "color": color, "scale": 1.0 / 255.0}
    return {"format": "discoc-preprocess", "version": 1, "inputs": {"image": {**picture, "mean": mean, "std": std}}}


def write(model, path, masks=None, preprocess=None, labels=None):
    properties = {}
    if masks:
        properties["discoc.masks"] = json.dumps(masks, separators=(",", ":"))
    if preprocess:
        properties["discoc.preprocess"] = json.dumps(preprocess, separators=(",", ":"))
    if labels:
        properties["discoc.labels"] = json.dumps(labels, separators=(",", ":"))
    onnx.helper.set_model_props(model, properties)
    model.producer_name = "discoc sample"
    with open(path, "wb") as file:
        file.write(model.SerializeToString(deterministic=True))


def run(model, pictures):
    """The scores of a model of Conv, Relu, Add, MaxPool, GlobalAveragePool, Flatten and Gemm, computed by PyTorch."""
    values = {w.name: torch.from_numpy(np.array(onnx.numpy_helper.to_array(w))) for w in model.graph.initializer}
    names = [i.name for i in model.graph.input if i.name not in values]
    values[names[0]] = pictures
    for node in model.graph.node:
        values[node.output[0]] = compute(node, [values[name] for name in node.input])
    return values[model.graph.output[0].name]


def compute(node, inputs):
    settings = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    if node.op_type == "Conv":
        pads = settings.get("pads", [0, 0, 0, 0])
        assert pads[:2] == pads[2:] and settings.get("group", 1) == 1
        return functional.conv2d(*inputs, stride=settings.get("strides", 1), padding=pads[:2])
    if node.op_type == "Relu":
        return inputs[0].relu()
    if node.op_type == "Add":
        return inputs[0] + inputs[1]
    if node.op_type == "MaxPool":
        return functional.max_pool2d(inputs[0], settings["kernel_shape"], settings["strides"])
    if node.op_type == "GlobalAveragePool":
        return inputs[0].mean((2, 3), keepdim=True)
    if node.op_type == "Flatten":
        return inputs[0].flatten(settings.get("axis", 1))
    if node.op_type == "Gemm":
        assert settings.get("transB", 0) == 1
        return functional.linear(*inputs)
    raise SystemExit(f"error: {node.name}: {node.op_type} is none of this sample's ops")
