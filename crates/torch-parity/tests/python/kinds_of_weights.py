"""Saves the weights of one small network in the kinds of file that people have: those that have to
be read into `good/`, with the result of `load_state_dict` in `expected/`, and those that have to be
refused into `bad/`."""

import argparse
import collections
import copy
import datetime
import gzip
import io
import json
import pickle
import struct
import sys
import tarfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import torch
import torch.distributed.checkpoint as dcp
from safetensors.torch import save_file
from torch import nn
from torch.optim.swa_utils import AveragedModel

warnings.simplefilter("ignore")
folder = Path(sys.argv[1])
GOOD, BAD, EXPECTED = (folder / name for name in ("good", "bad", "expected"))
for place in (GOOD, BAD, EXPECTED):
    place.mkdir()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(4, 3)
        self.bn = nn.BatchNorm1d(3)
        self.fc2 = nn.Linear(3, 2)

    def forward(self, x):
        return self.fc2(self.bn(self.fc1(x)))


def plain(tensors):
    return {k: v.detach().clone().contiguous() for k, v in tensors.items()}


torch.manual_seed(3)
net = Net()
net(torch.randn(5, 4))
optimizer = torch.optim.AdamW(net.parameters())
net(torch.randn(5, 4)).sum().backward()
optimizer.step()
sd = net.state_dict()
save_file(plain(sd), EXPECTED / "default.safetensors")


def converted(name, tensors, **options):
    """Weights of another dtype: `load_state_dict` says what they become."""
    torch.save(tensors, GOOD / name, **options)
    other = Net()
    other.load_state_dict(tensors)
    save_file(plain(other.state_dict()), EXPECTED / f"{name}.safetensors")


def prefixed(prefix, tensors=sd):
    return {prefix + k: v for k, v in tensors.items()}


def floats(dtype):
    return {k: v.to(dtype) if v.is_floating_point() else v for k, v in sd.items()}


# Names and formats of torch.save.
for name in ["plain.pt", "UPPER.PTH", "pytorch_model.bin", "a.ckpt", "model.pth.tar", "no_ending"]:
    torch.save(sd, GOOD / name)
for protocol in (2, 3, 4, 5):
    torch.save(sd, GOOD / f"protocol{protocol}.pt", pickle_protocol=protocol)
    torch.save(
        sd,
        GOOD / f"legacy{protocol}.pt",
        pickle_protocol=protocol,
        _use_new_zipfile_serialization=False,
    )
torch.save({"model": sd}, GOOD / "legacy_nested.pt", _use_new_zipfile_serialization=False)
torch.save(net, GOOD / "legacy_model.pt", _use_new_zipfile_serialization=False)
buffer = io.BytesIO()
torch.save(sd, buffer)
(GOOD / "from_buffer.pt").write_bytes(buffer.getvalue())
torch.serialization.set_crc32_options(False)
torch.save(sd, GOOD / "no_checksums.pt")
torch.serialization.set_crc32_options(True)

# Values beside the weights.
arrays = {"a": np.arange(3.0), "f": np.asfortranarray(np.ones((2, 3), np.float32))}
torch.save({"model": sd, "stats": arrays, "best": np.float64(0.5)}, GOOD / "numpy.pt")
torch.save({"epoch": 3, "net": sd, "optimizer": optimizer.state_dict()}, GOOD / "checkpoint.pt")
torch.save({"state_dict": sd, "best_acc1": torch.tensor(3.5), "arch": "net"}, GOOD / "imagenet.pt")
torch.save(
    {
        "params": sd,
        "when": datetime.datetime(2024, 1, 2),
        "args": argparse.Namespace(lr=0.1),
        "path": Path("x"),
        "seen": {1, 2},
        "frozen": frozenset("ab"),
        "bytes": b"\x00\xff",
        "complex": 1j,
        "big": 2**100,
        "device": torch.device("cpu"),
        "dtype": torch.float16,
        "size": torch.Size([1]),
        "range": range(3),
        "function": torch.relu,
        "counter": collections.Counter("aab"),
        "nested": {"deeper": [None, True, (1, 2.5)]},
        (1, 2): "a tuple",
    },
    GOOD / "everything.pt",
)
torch.save((sd, {"lr": 0.1}), GOOD / "tuple.pt")
torch.save({"a": {"b": {"c": sd}}}, GOOD / "deeper.pt")
torch.save(collections.defaultdict(int, sd), GOOD / "defaultdict.pt")
other = {k: v for k, v in prefixed("other.").items() if "fc2" not in k}
torch.save({"model": sd, "other": other}, GOOD / "two_networks.pt")
lightning = {
    "epoch": 1,
    "pytorch-lightning_version": "2.0.0",
    "state_dict": prefixed("model."),
    "optimizer_states": [optimizer.state_dict()],
    "lr_schedulers": [],
    "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_score": torch.tensor(1.0)}},
    "hyper_parameters": {"lr": 0.1},
}
torch.save(lightning, GOOD / "lightning.ckpt")

# Prefixes.
for name, prefix in [
    ("parallel", "module."),
    ("compiled", "_orig_mod."),
    ("both", "_orig_mod.module."),
    ("inner", "model."),
]:
    torch.save(prefixed(prefix), GOOD / f"{name}.pt")
save_file(plain(prefixed("module.")), GOOD / "parallel.safetensors")
torch.save(AveragedModel(net).state_dict(), GOOD / "averaged.pt")

# Whole networks.
torch.save(net, GOOD / "whole.pt")
torch.save({"model": copy.deepcopy(net).half(), "epoch": 1}, GOOD / "whole_half.pt")
half = Net()
half.load_state_dict(floats(torch.float16))
save_file(plain(half.state_dict()), EXPECTED / "whole_half.pt.safetensors")
torch.save(nn.DataParallel(net), GOOD / "whole_parallel.pt")
own = copy.deepcopy(net)
own.register_buffer("skipped", torch.ones(2), persistent=False)
own.register_parameter("none", None)
torch.save(own, GOOD / "whole_with_buffer.pt")
net.eval()
torch.jit.script(net).save(GOOD / "scripted.pt")
torch.jit.trace(net, torch.randn(1, 4)).save(GOOD / "traced.pt")
torch.export.save(torch.export.export(net, (torch.randn(2, 4),)), GOOD / "exported.pt2")

# Tensors.
converted("half.pt", floats(torch.float16))
converted("bfloat16.pt", floats(torch.bfloat16))
converted("double.pt", {k: v.double() * (1 + 1e-12) for k, v in sd.items()})
converted("float8.pt", floats(torch.float8_e4m3fn))
converted("float8_e5m2.pt", floats(torch.float8_e5m2))
converted("integers.pt", {k: (v * 10).long() for k, v in sd.items()})
torch.save(dict(net.named_parameters()) | dict(net.named_buffers()), GOOD / "parameters.pt")
strided = {k: v.t().contiguous().t() if v.dim() == 2 else v for k, v in sd.items()}
torch.save(strided, GOOD / "strided.pt")
flat = torch.cat([v.flatten() for v in sd.values() if v.is_floating_point()])
views, start = {}, 0
for key, value in sd.items():
    views[key] = value
    if value.is_floating_point():
        views[key] = flat[start : start + value.numel()].view_as(value)
        start += value.numel()
torch.save(views, GOOD / "views.pt")
torch.save(
    {k: v.clone().requires_grad_(v.is_floating_point()) for k, v in sd.items()},
    GOOD / "requires_grad.pt",
)
marked = nn.Parameter(sd["fc1.weight"].clone())
marked.note = "an attribute"
torch.save({**sd, "fc1.weight": marked}, GOOD / "attribute.pt")
# As before batches were counted: without a version, the network keeps its own count.
old = {k: v for k, v in sd.items() if not k.endswith("num_batches_tracked")}
torch.save(old, GOOD / "no_count.pt")
zero = Net()
zero.load_state_dict(old)
save_file(plain(zero.state_dict()), EXPECTED / "no_count.pt.safetensors")

# Other formats.
save_file(plain(sd), GOOD / "plain.safetensors", {"format": "pt"})
(GOOD / "safetensors_by_another_name.pt").write_bytes((GOOD / "plain.safetensors").read_bytes())
ours = {k: v.numpy() for k, v in sd.items()}
np.savez(GOOD / "arrays.npz", **ours)
np.savez_compressed(GOOD / "compressed.npz", **ours)
fortran = {k: np.asfortranarray(v) if v.ndim else v for k, v in ours.items()}
np.savez(GOOD / "fortran.npz", **fortran)
for protocol in range(6):
    (GOOD / f"arrays{protocol}.pkl").write_bytes(pickle.dumps(ours, protocol=protocol))
(GOOD / "detectron.pkl").write_bytes(pickle.dumps({"model": ours, "__author__": "x"}))
dcp.save(sd, checkpoint_id=GOOD / "dcp")
dcp.save({"model": sd, "epoch": 3}, checkpoint_id=GOOD / "dcp_nested")
for place, ending in [("hub_safetensors", "safetensors"), ("hub_bin", "bin")]:
    place = GOOD / place
    place.mkdir()
    stem = "model" if ending == "safetensors" else "pytorch_model"
    weight_map = {}
    for part, start in enumerate(("fc", "bn"), 1):
        name = f"{stem}-0000{part}-of-00002.{ending}"
        tensors = plain({k: v for k, v in sd.items() if k.startswith(start)})
        save_file(tensors, place / name) if ending == "safetensors" else torch.save(
            tensors, place / name
        )
        weight_map |= dict.fromkeys(tensors, name)
    index = {"metadata": {"total_size": 1}, "weight_map": weight_map}
    (place / f"{stem}.{ending}.index.json").write_text(json.dumps(index))
(GOOD / "hub_single").mkdir()
save_file(plain(sd), GOOD / "hub_single" / "model.safetensors")

# Refused.
torch.save(list(sd.values()), BAD / "list.pt")
torch.save(dict(enumerate(sd.values())), BAD / "numbers.pt")
torch.save({k: v.t() if v.dim() == 2 else v for k, v in sd.items()}, BAD / "transposed.pt")
torch.save({**sd, "step": torch.tensor(7)}, BAD / "extra.pt")
torch.save({**sd, "note": "v1"}, BAD / "extra_text.pt")
torch.save({k: v for k, v in sd.items() if k != "fc2.bias"}, BAD / "missing.pt")
torch.save({k.replace("fc1", "fc_1"): v for k, v in sd.items()}, BAD / "renamed.pt")
counted = collections.OrderedDict(old)
counted._metadata = sd._metadata
torch.save(counted, BAD / "no_count.pt")
torch.save({**sd, "fc1.weight": sd["fc1.weight"].to_sparse()}, BAD / "sparse.pt")
torch.save(floats(torch.complex64), BAD / "complex.pt")
quantized = torch.quantize_per_tensor(sd["fc1.weight"], 0.01, 0, torch.qint8)
torch.save({**sd, "fc1.weight": quantized}, BAD / "quantized.pt")
torch.save({**sd, "fc1.weight": torch.empty(3, 4, device="meta")}, BAD / "meta.pt")
torch.save({**sd, "fc1.weight": torch.ones(3, 4, dtype=torch.uint16)}, BAD / "uint16.pt")
torch.save({"model": sd, "ema": sd}, BAD / "two.pt")
torch.save({"epoch": 3}, BAD / "none.pt")
torch.save(sd["fc1.weight"], BAD / "tensor.pt")
np.save(BAD / "array.npy", ours["fc1.weight"])
np.savez(BAD / "big_endian.npz", **{**ours, "fc1.bias": ours["fc1.bias"].astype(">f4")})
np.savez(BAD / "objects.npz", **{**ours, "fc1.bias": np.array([{}, None], object)})
(BAD / "tensors.pkl").write_bytes(pickle.dumps(sd))
(BAD / "empty.pt").write_bytes(b"")
(BAD / "page.pt").write_text("\n<!DOCTYPE html><html>404</html>")
(BAD / "error.pt").write_text("<?xml version='1.0'?><Error/>")
(BAD / "pointer.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid x\n")
(BAD / "keras.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
(BAD / "llama.gguf").write_bytes(b"GGUF" + bytes(100))
(BAD / "text.pt").write_text("weights")
(BAD / "json.json").write_text('{"a": 1}')
whole = (GOOD / "plain.pt").read_bytes()
(BAD / "gzip.pt.gz").write_bytes(gzip.compress(whole))
with tarfile.open(BAD / "tar.pt", "w") as archive:
    archive.add(GOOD / "plain.pt", "plain.pt")
(BAD / "cut.pt").write_bytes(whole[:-100])
(BAD / "prepended.pt").write_bytes(b"PK\x03\x04" + whole)
damaged = bytearray(whole)
damaged[whole.index(sd["fc1.weight"].numpy().tobytes()) + 1] ^= 1
(BAD / "damaged.pt").write_bytes(damaged)


def rezip(name, change):
    with zipfile.ZipFile(GOOD / "plain.pt") as old:
        entries = [(entry, old.read(entry)) for entry in old.namelist()]
    with zipfile.ZipFile(BAD / name, "w") as new:
        for entry, content in change(entries):
            new.writestr(entry, content)


rezip("twice.pt", lambda entries: [*entries, entries[0]])
twice = b"\x80\x02}(X\x01\x00\x00\x00aNX\x01\x00\x00\x00aNu."
rezip("key_twice.pt", lambda entries: [("plain/data.pkl", twice)])
itself = b"\x80\x02]q\x00h\x00a."
rezip("itself.pt", lambda entries: [("plain/data.pkl", itself)])
laughs = (
    b"\x80\x02]q\x00"
    + b"".join(
        b"](" + b"h" + bytes([i]) + b"h" + bytes([i]) + b"eq" + bytes([i + 1]) for i in range(60)
    )
    + b"."
)
rezip("laughs.pt", lambda entries: [("plain/data.pkl", laughs)])


class Evil:
    def __reduce__(self):
        return exec, ("open('ran', 'w')",)


torch.save({"a": Evil()}, BAD / "evil.pt")


def header(name, text, data=b""):
    text = text if isinstance(text, bytes) else json.dumps(text).encode()
    (BAD / name).write_bytes(struct.pack("<Q", len(text)) + text + data)


about = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
pair = json.dumps(about).encode()
header("key_twice.safetensors", b'{"a":' + pair + b',"a":' + pair + b"}", bytes(4))
header("long_dtype.safetensors", {"a": {**about, "dtype": "F" * 2000}}, bytes(4))
header("overlap.safetensors", {"a": about, "b": about}, bytes(4))
header("gap.safetensors", {"a": {**about, "data_offsets": [4, 8]}}, bytes(8))
header("more.safetensors", {"a": about}, bytes(8))
header("cut.safetensors", {"a": about}, bytes(3))
header("other_length.safetensors", {"a": {**about, "shape": [2]}}, bytes(4))
many = {f"{i}": {**about, "shape": [0], "data_offsets": [0, 0]} for i in range(270_000)}
header("many.safetensors", many)
(BAD / "hub_missing").mkdir()
lost = {"weight_map": {"fc1.weight": "lost.safetensors"}}
(BAD / "hub_missing" / "model.safetensors.index.json").write_text(json.dumps(lost))
away = {"weight_map": {"fc1.weight": "../good/plain.safetensors"}}
(BAD / "away.json").write_text(json.dumps(away))
(BAD / "index_twice.json").write_text('{"weight_map": {"a": "x", "a": "y"}}')
(BAD / "no_weights").mkdir()
