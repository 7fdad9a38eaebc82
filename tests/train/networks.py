# Small networks of many kinds, as PyTorch modules: torchvision's classes where they are, with few and narrow layers.
# SPDX-License-Identifier: Apache-2.0

import functools

import torch
from torch import nn


class Digits(nn.Module):
    """Convolutions, one with an identity beside it; flattened, so that the classifier reads features."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 20, 3, 1, 1)
        self.conv2 = nn.Conv2d(20, 20, 3, 2, 1)
        self.conv3 = nn.Conv2d(20, 20, 3, 1, 1)
        self.pool = nn.MaxPool2d(2)
        self.classifier = nn.Linear(80, 10)

    def forward(self, x):
        x = self.conv2(self.conv1(x).relu()).relu()
        x = (self.conv3(x) + x).relu()
        return self.classifier(self.pool(x).flatten(1))


class UNet(nn.Module):
    """A transposed convolution and a long skip."""

    def __init__(self):
        super().__init__()
        self.down1, self.down2 = nn.Conv2d(3, 10, 3, 1, 1), nn.Conv2d(10, 22, 3, 2, 1)
        self.up, self.last = nn.ConvTranspose2d(22, 10, 2, 2), nn.Conv2d(20, 4, 3, 1, 1)

    def forward(self, x):
        first = self.down1(x).relu()
        return self.last(torch.cat([first, self.up(self.down2(first).relu()).relu()], 1))


class Shuffle(nn.Module):
    """A channel shuffle, as reshapes; PyTorch 1.13 exports nn.ChannelShuffle not."""

    def __init__(self, groups):
        super().__init__()
        self.groups = groups

    def forward(self, x):
        count, channels, height, width = x.shape
        return x.view(count, self.groups, channels // self.groups, height, width).transpose(1, 2).reshape(count, channels, height, width)


class SuperResolution(nn.Module):
    """A pixel shuffle in the end."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2, self.conv3 = nn.Conv2d(1, 16, 5, 1, 2), nn.Conv2d(16, 16, 3, 1, 1), nn.Conv2d(16, 16, 3, 1, 1)
        self.last, self.shuffle = nn.Conv2d(4, 8, 3, 1, 1), nn.PixelShuffle(2)

    def forward(self, x):
        return self.last(self.shuffle(self.conv3(self.conv2(self.conv1(x).relu()).relu())))


class Excited(nn.Module):
    """Squeeze-and-excite."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 24, 3, 1, 1), nn.Conv2d(24, 24, 3, 1, 1)
        self.squeeze, self.excite, self.head = nn.Linear(24, 6), nn.Linear(6, 24), nn.Linear(24, 5)

    def forward(self, x):
        x = self.conv2(self.conv1(x).relu()).relu()
        factors = self.excite(self.squeeze(x.mean((2, 3))).relu()).sigmoid()
        return self.head((x * factors[:, :, None, None]).mean((2, 3)))


class Cross(nn.Module):
    """Attention with queries of one tensor and keys and values of another: slices of one parameter."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(12, 16), nn.Linear(12, 16)
        self.attention, self.head = nn.MultiheadAttention(16, 4, batch_first=True), nn.Linear(16, 3)

    def forward(self, x):
        x, y = self.one(x).relu(), self.two(x).tanh()
        return self.head(self.attention(x, y, y, need_weights=False)[0])


def plain():
    """name -> (network, example input), of PyTorch alone."""
    picture = torch.randn(1, 3, 16, 16)
    convolutions = nn.Sequential(nn.Conv2d(3, 18, 3, 1, 1), nn.BatchNorm2d(18), nn.ReLU(), nn.Conv2d(18, 18, 3, 1, 1, groups=18),
                                 nn.Conv2d(18, 30, 1), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(30, 7))  # fmt: skip
    grouped = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 32, 3, groups=2), nn.ReLU(), Shuffle(4),
                            nn.Conv2d(32, 32, 3, groups=8), nn.ReLU(), nn.Conv2d(32, 8, 1))  # fmt: skip
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(24, 3, 40, batch_first=True), 2)
    return {
        "digits": (Digits(), torch.randn(1, 1, 8, 8)),
        "mlp": (nn.Sequential(nn.Linear(20, 33), nn.ReLU(), nn.Linear(33, 17), nn.Tanh(), nn.Linear(17, 4)), torch.randn(1, 20)),
        "separable": (convolutions, picture),
        "grouped": (grouped, picture),
        "sound": (nn.Sequential(nn.Conv1d(2, 12, 5), nn.GELU(), nn.Conv1d(12, 14, 3, 2), nn.GELU(), nn.Conv1d(14, 6, 3)), torch.randn(1, 2, 64)),
        "unet": (UNet(), picture),
        "superresolution": (SuperResolution(), torch.randn(1, 1, 12, 12)),
        "excited": (Excited(), picture),
        "encoder": (nn.Sequential(nn.Linear(10, 24), encoder, nn.Linear(24, 5)), torch.randn(1, 6, 10)),
        "cross": (Cross(), torch.randn(1, 5, 12)),
    }


def torchvisions():
    """The same of torchvision; nothing where it is absent."""
    try:
        import torchvision.models as models
        from torchvision.models import convnext, densenet, efficientnet, mobilenetv3, regnet, resnet
    except ImportError:
        return {}
    residual = mobilenetv3.InvertedResidualConfig
    inverted = functools.partial(residual, width_mult=1.0)
    mobile = [inverted(16, 3, 16, 16, True, "RE", 2, 1), inverted(16, 3, 48, 24, False, "HS", 2, 1), inverted(24, 5, 48, 24, True, "HS", 1, 1)]
    efficient = [efficientnet.MBConvConfig(1, 3, 1, 32, 16, 1, 1.0, 1.0), efficientnet.MBConvConfig(4, 3, 2, 16, 24, 2, 1.0, 1.0)]
    parameters = regnet.BlockParams([1, 1], [16, 32], [8, 8], [1.0, 1.0], [2, 2], se_ratio=0.25)
    next_ = [convnext.CNBlockConfig(12, 24, 1), convnext.CNBlockConfig(24, None, 1)]
    networks = {
        "resnet": resnet.ResNet(resnet.BasicBlock, [1, 1, 1, 1], num_classes=10),
        "bottleneck": resnet.ResNet(resnet.Bottleneck, [1, 1, 1, 1], num_classes=10),
        "resnext": resnet.ResNet(resnet.Bottleneck, [1, 1, 1, 1], num_classes=10, groups=8, width_per_group=4),
        "squeezenet": models.squeezenet1_1(num_classes=10),
        "densenet": densenet.DenseNet(8, (2, 2), 16, num_classes=10),
        "mobilenet2": models.mobilenet_v2(width_mult=0.25, num_classes=10),
        "mobilenet3": mobilenetv3.MobileNetV3(mobile, 64, num_classes=10),
        "shufflenet": models.ShuffleNetV2([1, 2, 1], [24, 32, 48, 64, 96], num_classes=10),
        "mnasnet": models.MNASNet(0.35, num_classes=10),
        "efficientnet": efficientnet.EfficientNet(efficient, 0.2, num_classes=10),
        "regnet": regnet.RegNet(parameters, num_classes=10),
        "convnext": convnext.ConvNeXt(next_, num_classes=10),
    }
    return {name: (network, torch.randn(1, 3, 64, 64)) for name, network in networks.items()}
