"""A crate of a port: it builds, answers and is tested anywhere."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from safetensors.torch import load_file

from .conftest import Done, Run

TARGET = "torch2tch/tests/classes/graph_convolution.py:GraphNetwork"


def test_a_folder_with_files_in_it_is_left_alone(tmp_path: Path, torch2tch: Run) -> None:
    kept = tmp_path / "kept"
    kept.write_text("")
    for folder, expected in [
        (tmp_path, "expected an empty folder, or nothing"),
        (kept, "found a file"),
        (tmp_path / "missing/crate", "missing"),
    ]:
        assert expected in torch2tch(TARGET, "--crate", folder).refusal()
    assert list(tmp_path.iterdir()) == [kept]


@pytest.mark.slow
def test_a_crate_builds_answers_and_is_tested(tmp_path: Path, root: Path, torch2tch: Run) -> None:
    """Compiles torch-sys at first, for minutes."""
    folder = tmp_path / "graph-network"
    assert torch2tch(TARGET, "--crate", folder).code == 0

    def cargo(*arguments: str) -> Done:
        # With the crate in dependent.rs, so that torch-sys is compiled for both.
        environment = {
            **os.environ,
            "CARGO_TARGET_DIR": str(root / "target/tmp/dependent/target"),
            "CARGO_PROFILE_DEV_DEBUG": "false",
        }
        environment.pop("LIBTORCH", None)
        command = ["cargo", *arguments]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        return Done(done.returncode, done.stdout, done.stderr)

    # The test by tolerance, and the one to the bit, as this is the machine of the recording.
    tested = cargo("test", "--quiet", "--", "--include-ignored")
    assert tested.code == 0, tested
    assert cargo("fmt", "--check").code == 0
    recorded = folder / "recorded"
    files = ["recorded/weights.safetensors", "recorded/input.safetensors"]
    answered = cargo("run", "--quiet", "--", *files)
    expected = [
        f"{name}: {tensor}"
        for name, tensor in sorted(load_file(recorded / "output.safetensors").items())
    ]
    assert answered.out == "\n".join(expected) + "\n", answered

    # Weights of another answer are seen by the test.
    shutil.copy(recorded / "input.safetensors", recorded / "output.safetensors")
    assert cargo("test", "--quiet").code != 0
    # A file of another format is refused in a line.
    assert "Cargo.toml" in cargo("run", "--quiet", "--", "Cargo.toml", "Cargo.toml").refusal()
