"""Prints a class as `scripts/port.py` writes it inside of this project."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "scripts"))

from port import port  # noqa: E402

path, _, name = sys.argv[1].rpartition(":")
print(port(path, name, nn_path="crate::torch::nn").rust, end="")
