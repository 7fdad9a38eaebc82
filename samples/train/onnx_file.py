# What a sample's file says of pictures, and running such a file with PyTorch.
# SPDX-License-Identifier: Apache-2.0

import numpy as np
import onnx
import onnx.numpy_helper
import torch
import torch.nn.functional as functional


def preprocess(size, resize, color, mean, std):
    """The entry that says what a picture becomes: (value * scale - mean) / std, channel by channel."""
    picture = {"size": list(size), "resize": resize, "layout": "NCHW", "color": color, "scale": 1.0 / 255.0}
    return {"format": "discoc-preprocess", "version": 1, "inputs": {"image": {**picture, "mean": mean, "std": std}}}


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
    if node.op_type == "Identity":
        return inputs[0]
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
