# SPDX-License-Identifier: Apache-2.0
"""Seeded torchvision models as ONNX files: speed, memory, traffic and
exactness do not depend on training.

    exports.py NAME OUT.onnx
"""

import os
import sys

# Input of each, batch 1.
SIZES = {"inception_v3": 299}
NAMES = ("resnet18", "resnet50", "squeezenet1_1", "mobilenet_v2",
         "shufflenet_v2_x1_0", "densenet121", "googlenet", "inception_v3",
         "vgg19", "alexnet")


def export(name, path, opset=13):
    """Writes the model unless it is there; returns its path."""
    if os.path.exists(path):
        return path
    import torch
    import torchvision
    torch.manual_seed(20)
    options = {"pretrained": False}
    if name in ("googlenet", "inception_v3"):
        # init_weights draws from scipy and takes a minute.
        options.update(aux_logits=False, init_weights=False)
    model = getattr(torchvision.models, name)(**options).eval()
    size = SIZES.get(name, 224)
    # Batch statistics of 0 and 1 would hide mistakes in folding them.
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.8, 1.2)
    part = f"{path}.{os.getpid()}"
    torch.onnx.export(model, torch.zeros(1, 3, size, size), part,
                      opset_version=opset, input_names=["input"],
                      output_names=["output"])
    os.replace(part, path)
    return path


if __name__ == "__main__":
    export(sys.argv[1], sys.argv[2])
