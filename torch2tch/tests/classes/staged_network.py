"""Pictures through stages that a configuration describes: the class of a block, and the layers that
halve a picture, are handed to constructors."""

import torch
import torch.nn as nn
import torch.nn.functional as F


def halving(inputs, outputs):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=2, bias=False), nn.BatchNorm2d(outputs))


def drop_path(x, rate):
    """Leaves out whole samples, in place."""
    keep = 1.0 - rate
    mask = torch.empty([x.shape[0], 1, 1, 1], dtype=x.dtype, device=x.device)
    mask.bernoulli_(keep)
    x.div_(keep)
    x.mul_(mask)
    return x


class Halve(nn.Module):
    """A layer that has nothing to draw."""

    def forward(self, x):
        return F.avg_pool2d(x, 2)


class Squeeze(nn.Module):
    """Two convolutions, and the way around them, on which the caller's layers stand if there are any."""

    expansion = 1

    def __init__(self, inputs, outputs, stride=1, shortcut=None):
        super().__init__()
        middle = int(round(outputs * 0.75))
        self.conv1 = nn.Conv2d(inputs, middle, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(middle)
        self.conv2 = nn.Conv2d(middle, self.expansion * outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(self.expansion * outputs)
        self.shortcut = shortcut

    def forward(self, x):
        around = x
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.training:
            out = drop_path(out, 0.2)
        if self.shortcut:
            around = self.shortcut(x)
        out += around
        return F.relu(out)


class Joined(nn.Module):
    """Takes a list."""

    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(2 * width, width, 1)

    def forward(self, parts):
        return self.conv(torch.cat(parts, 1))


class Pairs(nn.Module):
    """Blocks in a row, as a tree whose inner nodes are of the class itself."""

    def __init__(self, width, level):
        super().__init__()
        if level == 1:
            self.first = Squeeze(width, width)
            self.second = nn.Identity()
        else:
            self.first = Pairs(width, level - 1)
            self.second = Pairs(width, level - 1)

    def forward(self, x):
        return self.second(self.first(x))


class Narrow(nn.Module):
    """Layers that only some of the instances have."""

    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.stride = stride
        self.pooled = nn.Conv2d(inputs, outputs, 3, padding=1)
        if stride == 2:
            self.conv = nn.Conv2d(inputs, outputs, 1)
            self.norm = nn.BatchNorm2d(outputs)
        self.halve = Halve()

    def forward(self, x):
        y = F.max_pool2d(self.pooled(x), 3, stride=self.stride, padding=1)
        if self.stride == 2:
            y = y + self.norm(self.conv(self.halve(x)))
        out = torch.tanh(y)
        return out


class StagedNetwork(nn.Module):
    config = {"width": (4, 8), "blocks": (1, 2), "stride": (1, 2)}

    def __init__(self, block=Squeeze, layers=(6, "M", 8), classes=5):
        super(StagedNetwork, self).__init__()
        self.inputs = 4
        self.stem = nn.Conv2d(1, self.inputs, 3, padding=1)
        stages = []
        for width, blocks, stride in zip(*[self.config[k] for k in ("width", "blocks", "stride")]):
            stages.append(self._make_stage(block, width, blocks, stride))
        self.stages = nn.Sequential(*stages)
        self.tail = self._make_tail(layers)
        self.pairs = Pairs(8, 2)
        self.join = Joined(8)
        self.narrow = nn.ModuleList([Narrow(8, 8), Narrow(8, 8, stride=2)])
        self.head = nn.Linear(8, classes)
        with torch.no_grad():
            self.head.weight.mul_(0.5)
            nn.init.zeros_(self.head.bias)
        count = sum(p.numel() for p in self.stages.parameters())
        print("%d parameters" % count)

    def _make_stage(self, block, width, blocks, stride):
        strides = [stride] + [1] * (blocks - 1)
        layers = []
        for stride in strides:
            shortcut = None
            if stride != 1 or self.inputs != width * block.expansion:
                shortcut = halving(self.inputs, width)
            layers.append(block(self.inputs, width, stride, shortcut))
            self.inputs = width * block.expansion
        return nn.Sequential(*layers)

    def _make_tail(self, layers):
        made = []
        inputs = self.inputs
        for layer in layers:
            if layer == "M":
                made += [nn.MaxPool2d(2)]
            else:
                made += [nn.Conv2d(inputs, layer, 3, padding=1), nn.ReLU(inplace=True)]
                inputs = layer
        return nn.Sequential(*made)

    def forward(self, x):
        with torch.no_grad():
            mean = x.mean((1, 2, 3), keepdim=True)
            spread = x.std((1, 2, 3), keepdim=True)
        with torch.no_grad():
            x = (x - mean) / spread
        x = x.to(next(self.parameters()).device)
        with torch.profiler.record_function("stages"):
            x = self.stages(self.stem(x))
        y = self.tail(x)
        x = self.pairs(y)
        x = self.join([x, y])
        for layer in self.narrow:
            x = layer(x)
        x = x.reshape(*x.shape[:2], -1)
        return self.head(x.mean(-1))


def draw_input(batch_size):
    return torch.randn(batch_size, 1, 12, 12)


def draw_target(batch_size):
    return torch.randint(5, (batch_size,))


loss = F.cross_entropy
