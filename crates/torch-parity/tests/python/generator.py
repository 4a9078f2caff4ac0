"""Draws from torch.Generators, call by call: what was drawn, and the state after each call.

Arguments: the file to write, the seeds of the generators as JSON (or "default", or a file with a
"state"), the calls as JSON; the results of each generator are under `<its number>.`.
"""

import json
import sys
import zlib

import torch
from safetensors.torch import load_file, save_file


def run(start, calls):
    generator = torch.Generator()
    if start.endswith(".safetensors"):
        generator.set_state(load_file(start)["state"])
    elif start != "default":
        generator.manual_seed(int(start))

    draw = {
        "randperm": lambda n: torch.randperm(n, generator=generator),
        "randint": lambda high, n: torch.randint(high, (n,), generator=generator),
        "random": lambda: torch.empty((1,), dtype=torch.int64).random_(generator=generator),
        "multinomial": lambda weights, n, replacement: torch.multinomial(
            torch.tensor(weights, dtype=torch.float64), n, replacement, generator=generator
        ),
        "normal": lambda: torch.randn((1,), generator=generator),
        "normal64": lambda: torch.randn((1,), dtype=torch.float64, generator=generator),
        "seed": lambda: torch.tensor([generator.initial_seed() % 2**63]),
        # Too long for a file.
        "randperm_checksum": lambda n: torch.tensor(
            [zlib.crc32(torch.randperm(n, generator=generator).numpy())]
        ),
    }
    yield "state", generator.get_state()
    for i, (name, *arguments) in enumerate(calls):
        yield f"{i}", draw[name](*arguments)
        yield f"{i}.state", generator.get_state()


file, starts, calls = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
save_file(
    {f"{i}.{name}": tensor for i, start in enumerate(starts) for name, tensor in run(start, calls)},
    file,
)
