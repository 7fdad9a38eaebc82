# The residual network of the CIFAR-10 sample.
# SPDX-License-Identifier: Apache-2.0
"""9.0 million multiply-accumulates and 181 thousand weights, in four residual blocks of which one has an identity beside
it: its addition ties the owner maps of two blocks together."""

import torch.nn as nn


class Block(nn.Module):
    """Two 3x3 convolutions beside an identity, or beside a 1x1 convolution where the shape changes."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.shortcut = None
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.bnShortcut = nn.BatchNorm2d(outputs)

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        beside = x if self.shortcut is None else self.bnShortcut(self.shortcut(x))
        return self.relu(y + beside)


class ResidualNet(nn.Module):
    def __init__(self, stem=16, widths=(24, 48, 48, 80), strides=(2, 2, 1, 2), classes=10):
        super().__init__()
        self.conv = nn.Conv2d(3, stem, 3, 1, 1, bias=False)
        self.bn = nn.BatchNorm2d(stem)
        self.relu = nn.ReLU()
        blocks, inputs = [], stem
        for outputs, stride in zip(widths, strides):
            blocks.append(Block(inputs, outputs, stride))
            inputs = outputs
        self.blocks = nn.ModuleList(blocks)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.relu(self.bn(self.conv(x)))
        for block in self.blocks:
            x = block(x)
        return self.classifier(self.pool(x).flatten(1))

    def readers(self):
        """Every tensor that contractions read, but the model's input: (width, how many channels stay together, the
        layers that read it). The layers of one entry share their masks, because a feature that several of them need
        travels once."""
        groups, width = [], self.conv.out_channels
        for block in self.blocks:
            entry = [block.conv1] + ([block.shortcut] if block.shortcut is not None else [])
            groups.append((width, 1, entry))
            groups.append((block.conv1.out_channels, 1, [block.conv2]))
            width = block.conv2.out_channels
        groups.append((width, 1, [self.classifier]))
        return groups
