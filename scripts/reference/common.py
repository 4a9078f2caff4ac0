"""What the reference scripts share: their arguments, and how a network is found and built."""

import argparse
import importlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import in_venv  # noqa: E402, F401

import torch  # noqa: E402

NETWORKS = ["digit_classifier", "house_price_predictor", "binary_classifier"]


def parser(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("network", help=f"one of {', '.join(NETWORKS)}, or another module here")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--threads", type=int, metavar="N", help="threads of one operation")
    parser.add_argument("--weights", metavar="FILE", help="start from these weights")
    return parser


def task(name):
    """The module of a network: its class, its loss and what is drawn for it."""
    return importlib.import_module(name)


def build(task, seed, device="cpu", threads=None, weights=None):
    """The network as a PyTorch user builds it, seeded."""
    # The first square root of a process, taken by two threads at once, is now and then a rough
    # approximation (see prepare_sqrt in src/torch/optim/adam.rs).
    torch.ones(1).sqrt()
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(seed)
    class_name = task.__name__.title().replace("_", "")
    model = getattr(task, class_name)().to(device)
    if weights:
        model.load_state_dict(load_weights(weights))
    return model


def metadata(network, model, *, seed, data=None, **settings):
    """The facts about a recording that go into its file."""
    facts = {
        **settings,
        "network": network,
        "seed": seed % 2**64,
        "device": next(model.parameters()).device,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    if data is not None:
        facts["data"] = Path(data).resolve()
    return {name: str(fact) for name, fact in facts.items() if fact is not None}


def load_weights(path):
    if str(path).endswith(".safetensors"):
        from safetensors.torch import load_file

        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)
