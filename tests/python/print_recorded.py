"""Prints the tensors of a file by name, as a crate made by `scripts/port.py --crate` prints
them."""

import sys

from safetensors.torch import load_file

for name, tensor in sorted(load_file(sys.argv[1]).items()):
    print(f"{name}: {tensor}")
