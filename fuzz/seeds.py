#!/usr/bin/env python3
"""Writes files to start from, a folder for each target: good ones, and those that once took
gigabytes, in small. Run by scripts/fuzz.

    fuzz/seeds.py FOLDER
"""

import gzip
import io
import json
import pickle
import struct
import sys
import tempfile
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
import torch.distributed.checkpoint
from PIL import Image

COLUMNS = (
    "Overall Qual,Gr Liv Area,Garage Cars,Garage Area,Total Bsmt SF,1st Flr SF,Full Bath,"
    "TotRms AbvGrd,Year Built,Year Remod/Add,SalePrice\n"
)
ROW = "6,1656,2,528,1080,1656,1,7,1960,1961,215000\n"
MANY = 10_000


def idx():
    header = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28])
    yield header + bytes(2 * 784)
    yield gzip.compress(header + bytes(2 * 784))
    yield bytes([0, 0, 8, 1, 0, 0, 0, 2, 1, 2])
    yield gzip.compress(bytes([0, 0, 8, 1]) + struct.pack(">I", MANY) + bytes(MANY))


def npz():
    sets = {}
    for name, count in (("train", 4), ("val", 1), ("test", 2)):
        sets[f"{name}_images"] = np.zeros((count, 28, 28), np.uint8)
        sets[f"{name}_labels"] = np.arange(count)[:, None] % 2
    for save in (np.savez, np.savez_compressed):
        file = io.BytesIO()
        save(file, **sets)
        yield file.getvalue()


def csv():
    yield (COLUMNS + ROW * 6).encode()
    yield ("\ufeff" + COLUMNS + ROW.replace("1656", '"16\n56"')).replace("\n", "\r\n").encode()
    yield gzip.compress((COLUMNS + ROW * MANY).encode())
    yield gzip.compress(b"," * MANY)


def text():
    yield b"Once a miller lived by the river.\n" * 5
    yield "Ein Bär saß am Fluß. ".encode() * 400
    yield b"\r\n"


def chunk(name, content):
    checked = name + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))


def picture():
    for mode in ("L", "RGB", "RGBA", "P", "1", "LA"):
        yield encoded(Image.new(mode, (40, 30)), "PNG")
    grey = Image.linear_gradient("L").resize((30, 40))
    for options in ({}, {"progressive": True}):
        yield encoded(grey, "JPEG", **options)
        yield encoded(grey.convert("RGB"), "JPEG", **options)
    side = 1024
    rows = zlib.compress(bytes((1 + side // 8) * side), 9)
    yield b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 3, 0, 0, 0)),
            chunk(b"PLTE", bytes(6)),
            chunk(b"tRNS", b"\x80"),
            chunk(b"IDAT", rows),
            chunk(b"IEND", b""),
        )
    )


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def with_header(header, content=b""):
    header = json.dumps(header).encode()
    return struct.pack("<Q", len(header)) + header + content


def tensor(shape, start, end):
    return {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}


def safetensors():
    yield with_header({"a": tensor([2, 3], 0, 24), "b": tensor([], 24, 28)}, bytes(28))
    yield with_header({"a": tensor([0, 2**63], 0, 0)})
    yield with_header({"a": tensor([2**32, 2**32], 0, 0)})


def checkpoint():
    tensors = {"losses": tensor([2], 0, 8), "model.w": tensor([2], 8, 16)}
    tensors["optimizer.0.exp_avg"] = tensor([2], 16, 24)
    yield with_header({"__metadata__": {"position": "1"}, **tensors}, bytes(24))
    yield with_header({"__metadata__": {"position": "x"}, **tensors}, bytes(24))


def pt():
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    base = torch.zeros(3, 4)
    for weights in (
        model.state_dict(),
        model.state_dict(keep_vars=True),
        {"a": base, "b": base.t(), "c": torch._neg_view(base), "d": base[:1].expand(9, 4)},
        {"a": torch.zeros(2, dtype=torch.complex64).conj(), "e": [1, 2.5, None]},
    ):
        file = io.BytesIO()
        torch.save(weights, file)
        yield file.getvalue()
    for options in (
        {"pickle_protocol": 4},
        {"_use_new_zipfile_serialization": False},
        {"_use_new_zipfile_serialization": False, "pickle_protocol": 5},
    ):
        file = io.BytesIO()
        checkpoint = {"model": model.state_dict(), "lr": np.float64(0.1), "a": np.ones(3)}
        torch.save(checkpoint, file, **options)
        yield file.getvalue()
    for whole in (torch.save, lambda model, file: torch.jit.save(torch.jit.script(model), file)):
        file = io.BytesIO()
        whole(model, file)
        yield file.getvalue()
    for save in (np.savez, np.savez_compressed):
        file = io.BytesIO()
        save(file, **{"0.weight": np.ones((2, 3), np.float32)})
        yield file.getvalue()
    for protocol in range(6):
        yield pickle.dumps({"0.weight": np.ones((2, 3), np.float32)}, protocol=protocol)
    yield json.dumps({"weight_map": {"a": "b.safetensors"}}).encode()
    for piece in (b")", b"]", b")\x85q\x00", b"}q\x00"):
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            file = io.BytesIO()
            with zipfile.ZipFile(file, "w", method) as archive:
                archive.writestr("a/data.pkl", b"\x80\x02(" + piece * MANY + b"t.")
            yield file.getvalue()


def index():
    for names in ({"a": "b.safetensors"}, {"a": "../b.bin", "b": "b.bin"}, {}):
        yield json.dumps({"metadata": {"total_size": 4}, "weight_map": names}).encode()


def metadata():
    with tempfile.TemporaryDirectory() as folder:
        weights = {"a": torch.ones(2, 3), "inner": {"b": torch.ones(4)}, "epoch": 3}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there is one process only
            torch.distributed.checkpoint.save(weights, checkpoint_id=folder)
        yield (Path(folder) / ".metadata").read_bytes()


for seeds in (idx, npz, csv, text, picture, safetensors, checkpoint, pt, index, metadata):
    folder = Path(sys.argv[1]) / seeds.__name__
    folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(seeds()):
        (folder / f"seed-{number}").write_bytes(content)
