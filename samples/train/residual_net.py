# The residual network of the CIFAR-10 sample, and ResNet-20.
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


class Block20(nn.Module):
    """ResNet-20's: two 3x3 convolutions beside an identity or a 1x1 convolution."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (y + (x if self.downsample is None else self.downsample(x))).relu()


class ResNet20(nn.Module):
    """He et al.'s network for CIFAR-10, with the parameters' names of the checkpoint that docs/benchmarks.md uses."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        for index, (inputs, outputs) in enumerate(((16, 16), (16, 32), (32, 64)), 1):
            blocks = [Block20(inputs if i == 0 else outputs, outputs, 2 if i == 0 and index > 1 else 1) for i in range(3)]
            setattr(self, f"ResBlock{index}", nn.Sequential(*blocks))
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(64, 10)

    def forward(self, x):
        x = self.bn1(self.conv1(x)).relu()
        x = self.ResBlock3(self.ResBlock2(self.ResBlock1(x)))
        return self.fc(self.pool(x).flatten(1))
