"""The networks of `crates/torch-parity/tests/serialization/state_dicts/`.

`save NETWORK FOLDER` builds one, trains it one step and writes its state dicts, and `load NETWORK
FOLDER` loads strictly what Rust saved there and writes what came of it."""

import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file, save_model
from torch import nn


class BasicBlock(nn.Module):
    def __init__(self, inputs, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = None
        if stride != 1:
            conv = nn.Conv2d(inputs, channels, 1, stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(channels))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)) + shortcut)


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = self.blocks(64, 64, 1)
        self.layer2 = self.blocks(64, 128, 2)
        self.layer3 = self.blocks(128, 256, 2)
        self.layer4 = self.blocks(256, 512, 2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512, 10)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    @staticmethod
    def blocks(inputs, channels, stride):
        first = BasicBlock(inputs, channels, stride)
        return nn.Sequential(first, BasicBlock(channels, channels, 1))

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))

    @staticmethod
    def draw():
        return torch.randn(2, 3, 64, 64), torch.randint(10, (2,))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 32)
        layer = nn.TransformerEncoderLayer(32, 4, dim_feedforward=64, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.output = nn.Linear(32, 50)
        self.output.weight = self.embedding.weight

    def forward(self, x):
        return self.output(self.encoder(self.embedding(x))).flatten(0, 1)

    @staticmethod
    def draw():
        return torch.randint(50, (3, 7)), torch.randint(50, (21,))


def copies(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def logits(model, x):
    model.eval()
    with torch.no_grad():
        return model(x)


def spoil(weights):
    """A key more, a key less, another shape and another dtype."""
    first, second, third = list(weights)[:3]
    weights["more"] = weights.pop(first)
    weights[second] = weights[second][:1]
    weights[third] = weights[third].double()
    return weights


def save(network, folder):
    torch.manual_seed(3)
    model = network()
    initial = copies(model)
    x, y = network.draw()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    F.cross_entropy(model(x), y).backward()
    optimizer.step()
    save_file(initial, folder / "initial.safetensors")
    save_file(copies(model), folder / "every_name.safetensors")
    save_model(model, str(folder / "saved_model.safetensors"))
    torch.save(model.state_dict(), folder / "saved.pt")
    torch.save(spoil(model.state_dict()), folder / "spoilt.pt")
    save_file({"x": x, "y": y, "logits": logits(model, x)}, folder / "run.safetensors")


def load(network, folder):
    torch.manual_seed(4)
    model = network()
    model.load_state_dict(load_file(folder / "rust.safetensors"), strict=True)
    if network is Encoder:
        assert model.output.weight is model.embedding.weight
    x = load_file(folder / "run.safetensors")["x"]
    result = copies(model) | {"logits": logits(model, x)}
    save_file(result, folder / "loaded.safetensors")


torch.set_num_threads(1)
command, name, folder = sys.argv[1:]
network = {"resnet18": ResNet18, "encoder": Encoder}[name]
{"save": save, "load": load}[command](network, Path(folder))
