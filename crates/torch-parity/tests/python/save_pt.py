"""Saves state dicts as `.pt` in every way that has to be read, with what `torch.load` makes of
each beside it; and files that have to be refused."""

import pickle
import sys
import zipfile
from pathlib import Path

import torch
from safetensors.torch import save_file

folder = Path(sys.argv[1])
torch.manual_seed(3)


def save(name, weights, **options):
    path = folder / f"{name}.pt"
    torch.save(weights, path, **options)
    loaded = torch.load(path, weights_only=True)
    save_file(
        {key: tensor.detach().clone().resolve_neg().contiguous() for key, tensor in loaded.items()},
        folder / f"{name}.safetensors",
    )


def rezip(name, change, compression=zipfile.ZIP_STORED):
    """Writes `plain.pt` again, with other contents."""
    with zipfile.ZipFile(folder / "plain.pt") as old:
        entries = {entry: old.read(entry) for entry in old.namelist()}
    change(entries)
    with zipfile.ZipFile(folder / f"{name}.pt", "w", compression) as new:
        for entry, content in entries.items():
            new.writestr(entry, content)


# Read as Python does.
model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
save("plain", model.state_dict())
save("parameters", model.state_dict(keep_vars=True))
save("protocol3", model.state_dict(), pickle_protocol=3)
complex_numbers = torch.randn(4, 5, dtype=torch.complex64)
save("negated", {"w": complex_numbers.conj().imag, "x": torch._neg_view(torch.randn(7))})
base = torch.randn(6, 8)
save("views", {"rows": base[2:4], "columns": base[:, 1:6:2], "turned": base.t(), "none": base[3:3]})
save("tied", {"a": base, "b": base, "c": base.view(-1)[5:]})
save("expanded", {"w": torch.tensor([1.5]).expand(4, 3)})
save("scalar", {"w": torch.tensor(2.5), "empty": torch.empty(0, 3)})
DTYPES = [
    "bool",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
]
save("dtypes", {name: (torch.randn(9) * 3).to(getattr(torch, name)) for name in DTYPES})
save("many", {f"layer.{i}": torch.full((2,), float(i)) for i in range(3000)})
save("odd_names", {"": torch.zeros(1), "a/b\n\x1b[31m": torch.ones(1)})

# Refused.
torch.save({"w": torch.zeros(3, dtype=torch.uint16)}, folder / "uint16.pt")
torch.save({"w": torch.eye(3).to_sparse()}, folder / "sparse.pt")
torch.save({"w": torch.zeros(2), "_metadata": {"version": 1}}, folder / "entry.pt")
torch.save({"w\n\x1b[31m" + "7" * 2**20: 5}, folder / "long_name.pt")
rezip("compressed", lambda entries: None, zipfile.ZIP_DEFLATED)
rezip("big_endian", lambda entries: entries.update({"plain/byteorder": b"big"}))
rezip("short_storage", lambda entries: entries.update({"plain/data/0": b"1234"}))
rezip("no_storage", lambda entries: entries.pop("plain/data/0"))
rezip("no_pickle", lambda entries: entries.pop("plain/data.pkl"))
deep = b"\x80\x02)" + b"\x85" * 2_000_000 + b"."
rezip("deep", lambda entries: entries.update({"plain/data.pkl": deep}))
many = b"\x80\x02(" + b")" * 1_000_000 + b"t."
rezip("tuples", lambda entries: entries.update({"plain/data.pkl": many}))
pickled = pickle.dumps({"w": 2**70}, protocol=2)
rezip("number", lambda entries: entries.update({"plain/data.pkl": pickled}))


def view(offset, size, stride, repeat=1):
    """A state dict of views of the three numbers of the first storage, with these places."""

    def integers(numbers):
        longs = (b"\x8a\x08" + number.to_bytes(8, "little", signed=True) for number in numbers)
        return b"(" + b"".join(longs) + b"t"

    def text(text):
        return b"X" + len(text).to_bytes(4, "little") + text.encode()

    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("1") + text("cpu")
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + integers([2])[1:-1] + b"tQ"
    tensor += integers([offset])[1:-1] + integers(size) + integers(stride) + b"\x89NtR"
    return b"\x80\x02}" + b"".join(text(f"w{i}") + tensor + b"s" for i in range(repeat)) + b"."


BIG = 2**62
PLACES = {
    "inside": (0, [2], [1]),
    "past_the_end": (1, [2], [1]),
    "far_stride": (0, [2], [BIG]),
    "far_offset": (BIG, [1], [1]),
    "before": (-1, [1], [1]),
    "backwards": (1, [2], [-1]),
    "overflow": (0, [BIG, BIG], [0, 0]),
    "negative": (0, [-1], [1]),
    "other_rank": (0, [2, 1], [1]),
    "dimensions": (0, [1] * 65, [1] * 65),
}


def with_pickle(pickled):
    return lambda entries: entries.update({"plain/data.pkl": pickled})


for name, place in PLACES.items():
    rezip(f"place_{name}", with_pickle(view(*place)))
