"""A reader of a page: runs its commands in an empty folder beside the checkout, with an environment
of its own."""

import os
import subprocess
import time
from pathlib import Path

import torch

from .conftest import Done


class Reader:
    """The folder `real` in an empty one, and the checkout beside it as `final-layer`."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self.root = folder / "real", root
        self.folder.mkdir()
        (folder / "final-layer").symlink_to(root)

    def run(self, command: str) -> Done:
        environment = {
            **os.environ,
            # With the crate in dependent.rs, so that torch-sys is compiled once for both.
            "CARGO_TARGET_DIR": str(self.root / "target/tmp/dependent/target"),
        }
        for name in ("LIBTORCH", "PYTHONPATH", "RUST_BACKTRACE"):
            environment.pop(name, None)
        done = subprocess.run(
            ["sh", "-ec", command],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def timed(self, command: str) -> float:
        """The least of three wall times, in seconds."""
        times = []
        for _ in range(3):
            start = time.perf_counter()
            assert self.run(command).code == 0
            times.append(time.perf_counter() - start)
        return min(times)

    def borrow_packages(self) -> None:
        """Lets the new environment `venv` see torch and its like in this one, so that pip fetches
        only what is not there."""
        (packages,) = self.folder.glob("venv/lib/python3*/site-packages")
        borrowed = Path(torch.__file__).resolve().parents[1]
        (packages / "borrowed.pth").write_text(f"{borrowed}\n")
