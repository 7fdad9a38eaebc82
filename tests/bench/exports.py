# SPDX-License-Identifier: Apache-2.0
"""Seeded networks of many families at full size as ONNX files: speed, memory,
traffic and exactness do not depend on training.

    exports.py NAME OUT.onnx
"""

import os
import sys

# Input pictures are 224 x 224, batch 1, but for these.
SIZES = {"inception_v3": 299, "fcn_resnet50": 224, "deeplabv3_mobilenet": 224}
# Torchvision's classifiers, by its own names.
CLASSIFIERS = (
    "resnet18", "resnet50", "squeezenet1_1", "mobilenet_v2",
    "shufflenet_v2_x1_0", "densenet121", "googlenet", "inception_v3", "vgg19",
    "alexnet", "mobilenet_v3_small", "mobilenet_v3_large", "efficientnet_b0",
    "mnasnet1_0", "regnet_x_400mf", "regnet_y_400mf", "resnext50_32x4d",
    "convnext_tiny", "vit_b_16", "swin_t", "vgg16")
SEGMENTATION = {"fcn_resnet50": "fcn_resnet50",
                "deeplabv3_mobilenet": "deeplabv3_mobilenet_v3_large"}
TOKENS = ("bert_base",)
NAMES = CLASSIFIERS + tuple(SEGMENTATION) + ("deit_s",) + TOKENS
BERT_WORDS, BERT_LENGTH = 30522, 128


def words(rng, dims):
    """An input of those that read tokens."""
    return rng.integers(0, BERT_WORDS, dims)


def _deit_s():
    """DeiT-S: 12 blocks of 384 features, 6 heads, 197 tokens; queries, keys
    and values come from one linear layer."""
    import torch
    from torch import nn

    class Attention(nn.Module):
        def __init__(self, width, heads):
            super().__init__()
            self.heads = heads
            self.qkv = nn.Linear(width, 3 * width)
            self.projection = nn.Linear(width, width)

        def forward(self, x):
            batch, tokens, width = x.shape
            q, k, v = self.qkv(x).reshape(
                batch, tokens, 3, self.heads, width // self.heads).permute(
                    2, 0, 3, 1, 4).unbind(0)
            scores = (q @ k.transpose(-2, -1)) * (width // self.heads) ** -0.5
            x = (scores.softmax(-1) @ v).transpose(1, 2)
            return self.projection(x.reshape(batch, tokens, width))

    class Block(nn.Module):
        def __init__(self, width, heads):
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.attention = Attention(width, heads)
            self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(),
                                     nn.Linear(4 * width, width))

        def forward(self, x):
            x = x + self.attention(self.norm1(x))
            return x + self.mlp(self.norm2(x))

    class Deit(nn.Module):
        def __init__(self, width=384, heads=6, blocks=12):
            super().__init__()
            self.patches = nn.Conv2d(3, width, 16, 16)
            self.token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
            self.places = nn.Parameter(torch.randn(1, 197, width) * 0.02)
            self.blocks = nn.Sequential(*[Block(width, heads)
                                          for _ in range(blocks)])
            self.norm = nn.LayerNorm(width)
            self.head = nn.Linear(width, 1000)

        def forward(self, x):
            x = self.patches(x).flatten(2).transpose(1, 2)
            x = torch.cat((self.token, x), 1) + self.places
            return self.head(self.norm(self.blocks(x))[:, 0])
    return Deit()


def _bert_base():
    """An encoder of BERT's size: 12 layers, 768 features, 12 heads, 128
    tokens, with its embeddings and its pooler."""
    import torch
    from torch import nn

    class Bert(nn.Module):
        def __init__(self):
            super().__init__()
            self.words = nn.Embedding(BERT_WORDS, 768)
            self.places = nn.Parameter(torch.randn(1, BERT_LENGTH, 768))
            self.norm = nn.LayerNorm(768)
            layer = nn.TransformerEncoderLayer(768, 12, 3072, 0.0, "gelu",
                                               batch_first=True)
            self.encoder = nn.TransformerEncoder(layer, 12,
                                                 enable_nested_tensor=False)
            self.pooler = nn.Linear(768, 768)

        def forward(self, ids):
            x = self.norm(self.words(ids) + self.places)
            x = self.encoder(x)
            return x, torch.tanh(self.pooler(x[:, 0]))
    return Bert()


def _build(name):
    import torch
    import torchvision
    if name == "deit_s":
        return _deit_s()
    if name == "bert_base":
        return _bert_base()
    if name in SEGMENTATION:
        class Out(torch.nn.Module):
            def __init__(self, inner):
                super().__init__()
                self.inner = inner

            def forward(self, x):
                return self.inner(x)["out"]
        return Out(getattr(torchvision.models.segmentation,
                           SEGMENTATION[name])(weights=None,
                                               weights_backbone=None))
    options = {"weights": None}
    if name in ("googlenet", "inception_v3"):
        # init_weights draws from scipy and takes a minute.
        options.update(aux_logits=False, init_weights=False)
    return getattr(torchvision.models, name)(**options)


def export(name, path, opset=13):
    """Writes the model unless it is there; returns its path."""
    if os.path.exists(path):
        return path
    import torch
    torch.manual_seed(20)
    model = _build(name).eval()
    # Layers that are copies of each other would be stored once, batch
    # statistics of 0 and 1 would hide mistakes in folding them.
    if name == "bert_base":
        for parameter in model.encoder.parameters():
            if parameter.dim() > 1:
                torch.nn.init.xavier_uniform_(parameter)
    for module in model.modules():
        # A classifier that begins with zeros answers zero to everything.
        if isinstance(module, torch.nn.Linear) and not module.weight.any():
            torch.nn.init.xavier_uniform_(module.weight)
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.8, 1.2)
    size = SIZES.get(name, 224)
    feed = torch.zeros(1, BERT_LENGTH, dtype=torch.int64) \
        if name in TOKENS else torch.zeros(1, 3, size, size)
    part = f"{path}.{os.getpid()}"
    torch.onnx.export(model, feed, part, opset_version=opset,
                      input_names=["input"],
                      output_names=["output", "pooled"]
                      if name == "bert_base" else ["output"])
    os.replace(part, path)
    return path


if __name__ == "__main__":
    export(sys.argv[1], sys.argv[2])
