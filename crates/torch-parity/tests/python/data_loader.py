"""Goes through DataLoaders with dropout between the batches, as cases in JSON say.

Writes the batches, the masks and, in the end, the states of all generators, under `<case>.`.
"""

import json
import sys

import torch
from safetensors.torch import save_file
from torch.nn.functional import dropout
from torch.utils.data import DataLoader, RandomSampler, SequentialSampler, WeightedRandomSampler


def seeded(seed):
    generator = torch.Generator()
    generator.manual_seed(seed)
    return generator


def run(*, seed, samples, epochs, generators=(), **case):
    dataset = range(samples)
    own = {name: seeded(seed) for name, seed in dict(generators).items()}
    if "generator" in case:
        case["generator"] = own[case["generator"]]
    if "sampler" in case:
        kind, settings = case["sampler"]
        if "generator" in settings:
            settings["generator"] = own[settings["generator"]]
        case["sampler"] = {
            "sequential": lambda: SequentialSampler(dataset),
            "random": lambda: RandomSampler(dataset, **settings),
            "weighted": lambda: WeightedRandomSampler(**settings),
        }[kind]()

    torch.manual_seed(seed)
    loader = DataLoader(dataset, **case)
    results = {}
    for epoch in range(epochs):
        for i, batch in enumerate(loader):
            results[f"{epoch}.{i}.batch"] = batch
            results[f"{epoch}.{i}.mask"] = dropout(torch.ones(8), 0.5)
        # An epoch that is given up, and a second loader, as for evaluation.
        for batch in loader:
            results[f"{epoch}.given_up"] = batch
            break
        results[f"{epoch}.evaluated"] = torch.cat(list(DataLoader(dataset, batch_size=7)))
    results["len"] = torch.tensor([len(loader)])
    results["rng_state"] = torch.get_rng_state()
    for name, generator in own.items():
        results[f"{name}.state"] = generator.get_state()
    return results


save_file(
    {
        f"{i}.{name}": tensor
        for i, case in enumerate(json.loads(sys.argv[2]))
        for name, tensor in run(**case).items()
    },
    sys.argv[1],
)
