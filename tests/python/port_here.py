"""Prints a class as `scripts/port.py` writes it inside of this project."""

import sys

from torch2tch.port import port

path, _, name = sys.argv[1].rpartition(":")
print(port(path, name, nn_path="crate::torch::nn").rust, end="")
