"""Trains networks with dropout through DataLoaders, as an ordinary script does.

Arguments: the file with the data, the file to write, the loaders' settings as JSON; the results of
each are under `<case>.`.
"""

import json
import sys

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, RandomSampler, TensorDataset

data = load_file(sys.argv[1])
dataset = TensorDataset(data["features"].float() / 255, data["targets"])


def train(*, own_seed=None, replacement=None, **case):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(784, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 10), nn.Dropout(0.25)
    )
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    generator = None
    if own_seed is not None:
        generator = torch.Generator()
        generator.manual_seed(own_seed)
    if replacement:
        case["sampler"] = RandomSampler(
            dataset, replacement=True, num_samples=replacement, generator=generator
        )
    loader = DataLoader(dataset, generator=generator, **case)
    for epoch in range(5):
        losses = []
        for x, y in loader:
            optimizer.zero_grad()
            loss = cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        yield f"{epoch}.losses", torch.tensor(losses)
        for name, parameter in model.state_dict().items():
            yield f"{epoch}.{name}", parameter.clone()
    yield "rng_state", torch.get_rng_state()
    if generator:
        yield "generator", generator.get_state()


torch.ones(1).sqrt()
torch.set_num_threads(1)
save_file(
    {
        f"{i}.{name}": tensor
        for i, case in enumerate(json.loads(sys.argv[3]))
        for name, tensor in train(**case)
    },
    sys.argv[2],
)
