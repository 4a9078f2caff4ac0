#!/usr/bin/env python3
"""Compares Rust with Python on a machine with a GPU that has torch, but no cargo.

Builds the examples here against the torch that is there (2.11.0), in a copy of the project under
--folder, and packs the stripped executables with the Python side into gpu-parity.tar.gz. Given
--on HOST, unpacks and runs it there through ssh and prints the table; else says how to do that by
hand. The machine there needs Python 3.10 or later with torch, safetensors, numpy and tqdm.

With --here, the second half: runs the comparison in an unpacked folder, with this Python and its
libtorch, for each network and optimizer, against Python with foreach=False and with its default.
The exit code is 0 if every tensor is equal and 1 on any difference.
"""

import argparse
import io
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import matrix

if TYPE_CHECKING:
    # Not to be found before with_our_package has started this script again.
    from torch2tch.compare.traces import Row

ROOT = Path(__file__).resolve().parents[2]
BUNDLE = "gpu-parity.tar.gz"
NETWORKS = ["digit_classifier", "house_price_predictor", "binary_classifier"]
UNPACK_AND_RUN = (
    'folder=$(mktemp -d) && cd "$folder" && tar xzf - && '
    'python3 scripts/checks/gpu_parity.py --here {}; code=$?; cd / && rm -r "$folder"; exit $code'
)


def main():
    args = parse_arguments()
    if args.here:
        sys.exit(compare_here(args))
    bundle = build_and_pack(args.folder, args.torch)
    options = f"--device {args.device} --steps {args.steps}"
    if args.on:
        with open(bundle, "rb") as stdin:
            sys.exit(
                subprocess.run(
                    ["ssh", args.on, UNPACK_AND_RUN.format(options)], stdin=stdin
                ).returncode
            )
    print(
        f"{bundle}\nOn the machine with the GPU, in an empty folder:\n"
        f"tar xzf {BUNDLE} && python3 scripts/checks/gpu_parity.py --here {options}"
    )


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--folder", type=Path, help="where the copy is built (8 GB)")
    where.add_argument("--here", action="store_true", help="in an unpacked folder: compare")
    parser.add_argument("--on", metavar="HOST", help="unpack and run on this machine, through ssh")
    parser.add_argument(
        "--torch",
        choices=matrix.VERSIONS,
        default="2.11.0",
        help="the torch of the machine with the GPU (default: 2.11.0)",
    )
    parser.add_argument("--device", default="cuda", metavar="D", help="cpu, cuda or cuda:N")
    parser.add_argument("--steps", type=int, default=1000, metavar="N")
    args = parser.parse_args()
    if args.folder:
        args.folder = matrix.outside_project(parser, args.folder)
    return args


def build_and_pack(folder, version):
    """Builds the examples against torch `version`; returns the archive of all that runs there."""
    project = folder / f"torch-{version}"
    matrix.copy_project(project)
    for command in (
        ("scripts/setup", "--cuda", "--torch", version),
        ("cargo", "build", "--examples", "--locked"),
    ):
        done = matrix.run(project, *command)
        if done.returncode:
            sys.exit(f"error: {' '.join(command)}: {matrix.last_line(done.stderr)}")

    bundle = folder / BUNDLE
    with tarfile.open(bundle, "w:gz") as archive:
        for network in NETWORKS:
            stripped = folder / network
            built = project / "target/debug/examples" / network
            subprocess.run(["strip", "-o", str(stripped), str(built)], check=True)
            archive.add(stripped, f"examples/{network}")
            stripped.unlink()
        for part in ("scripts/checks", "torch2tch/src"):
            for script in sorted((project / part).rglob("*.py")):
                archive.add(script, script.relative_to(project))
        archive.addfile(*version_file(version))
    return bundle


def version_file(version):
    """A file that says which torch the executables need, for an archive."""
    text = f"{version}\n".encode()
    info = tarfile.TarInfo("torch-version")
    info.size = len(text)
    return info, io.BytesIO(text)


def compare_here(args):
    """Compares everything, prints a table for each form of Python's optimizers."""
    version_needed = ROOT / "torch-version"
    if not version_needed.exists():
        sys.exit("error: --here is for a folder unpacked from " + BUNDLE)
    with_our_package()
    import torch

    from torch2tch.compare import command as compare

    built = version_needed.read_text().strip()
    if torch.__version__.split("+")[0] != built:
        sys.exit(f"error: this Python has torch {torch.__version__}; the executables need {built}")
    # The loader looks here before the executables' rpath, which leads to where they were built.
    os.environ["LD_LIBRARY_PATH"] = str(Path(torch.__file__).parent / "lib")
    device = torch.device(args.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        sys.exit("error: torch sees no GPU here; check that nvidia-smi lists one")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"

    code = 0
    tables = []
    for foreach in ("false", "default"):
        sys.argv = [
            "compare.py",
            f"--device={device}",
            f"--steps={args.steps}",
            f"--foreach={foreach}",
            f"--examples={ROOT / 'examples'}",
        ]
        rows = compare.compare_live(compare.parse_arguments())
        code |= compare.summarize(rows)
        tables.append(table(f"Python with foreach {foreach}", rows))
    print(f"\ntorch {torch.__version__}, {name}, {args.steps} steps", *tables, sep="\n")
    return code


def with_our_package():
    """Starts this script again with the package of the unpacked folder on Python's path."""
    package = str(ROOT / "torch2tch" / "src")
    before = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if package not in before:
        path = os.pathsep.join([package, *filter(None, before)])
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"PYTHONPATH": path})


def table(title: str, rows: "list[Row]") -> str:
    """One line for each network and optimizer, one column for each stage of training."""
    cells: dict[tuple[str, str], dict[str, list[Row]]] = {}
    for row in rows:
        network, optimizer, name = row.name.split(" ")
        stage = re.sub(r"[.].*", "", name)
        stage = {"target": "input", "softmax": "output", "predicted": "output"}.get(stage, stage)
        cells.setdefault((network, optimizer), {}).setdefault(stage, []).append(row)
    stages = list(dict.fromkeys(stage for line in cells.values() for stage in line))
    lines = [
        f"\n{title}",
        "| network | optimizer | " + " | ".join(stages) + " |",
        "| --- " * (len(stages) + 2) + "|",
    ]
    for (network, optimizer), line in cells.items():
        shown = " | ".join(cell(line[stage]) for stage in stages)
        lines.append(f"| {network} | {optimizer} | {shown} |")
    return "\n".join(lines)


def cell(rows: "list[Row]") -> str:
    """What a stage came to: equal, or how many tensors differ and by how much at the most."""
    verdicts = [row.verdict for row in rows if not row.equal]
    if not verdicts:
        return "equal"
    searched = [re.search(r"by up to (\d+) ulp, ([^;]*)", verdict) for verdict in verdicts]
    ulps = [found for found in searched if found]
    if len(ulps) < len(verdicts):
        return f"{len(verdicts)} of {len(rows)} differ"
    ulp, size = max(((int(found[1]), found[2]) for found in ulps), key=lambda pair: pair[0])
    return f"{len(verdicts)} of {len(rows)} differ, {ulp} ulp, {size}"


if __name__ == "__main__":
    main()
