#!/usr/bin/env python3
"""Downloads a data set from where it is published, and checks it against its checksum.

    scripts/download.py mnist                       into data/mnist
    scripts/download.py ames --output ~/houses

mnist           70,000 handwritten digits, 12 MB; as torchvision downloads them
fashion-mnist   70,000 pieces of clothing in MNIST's format, 31 MB
pneumonia       5,856 X-ray pictures of chests, PneumoniaMNIST of MedMNIST, 4 MB
ames            2,930 houses sold in Ames, Iowa, 1 MB

A file takes its place when it is complete and right; one that is right already is not downloaded
again. So after any failure, run the same command again.

The addresses are the published ones, but have not been tried: the tests download from a server of
their own.
"""

import argparse
import codecs
import contextlib
import hashlib
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import in_venv

from tqdm import tqdm

# Zenodo turns away programs that do not say who they are.
HEADERS = {"User-Agent": "final-layer (scripts/download.py)"}

# Seconds without a byte after which a server counts as gone.
TIMEOUT = 30

# Seconds for a whole file, unless --deadline says otherwise: 31 MB at 50 kB/s.
DEADLINE = 600

# More than any of the files has: no server makes this program take all memory.
MOST = 64 << 20


@dataclass(frozen=True)
class File:
    """A file of a data set."""

    name: str
    url: str
    # Of the file as it is kept, after `convert`: "md5:…" or "sha256:…".
    checksum: str
    convert: Callable[[bytes], bytes] | None = None


def idx_files(base_url, train_images, train_labels, test_images, test_labels):
    """The four files of a set in MNIST's format, by their MD5."""
    checksums = {
        "train-images-idx3-ubyte.gz": train_images,
        "train-labels-idx1-ubyte.gz": train_labels,
        "t10k-images-idx3-ubyte.gz": test_images,
        "t10k-labels-idx1-ubyte.gz": test_labels,
    }
    return [File(name, base_url + name, f"md5:{md5}") for name, md5 in checksums.items()]


def to_csv(text):
    """The Ames data set as it is known (2,930 rows, 82 columns, a byte-order mark) from the
    journal's text. Neither has a tab, comma or quote within a value."""
    return codecs.BOM_UTF8 + text.replace(b"\t", b",").replace(b"\n", b"\r\n")


DATASETS = {
    # Address and checksums: torchvision, class MNIST in torchvision/datasets/mnist.py.
    "mnist": idx_files(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "d53e105ee54ea40749a09fcbcd1e9432",
        "9fb629c4189551a2d022fa330f9573f3",
        "ec29112dd5afa0611ce80d1b7f02629c",
    ),
    # Address and checksums: https://github.com/zalandoresearch/fashion-mnist, "Get the Data"; the
    # same in torchvision.
    "fashion-mnist": idx_files(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "25c81989df183df01b3e8a0aad5dffbe",
        "bef4ecab320f06d8554ea6380940ec79",
        "bb300cfdad3c16e7a12a480ee83cd310",
    ),
    # Address and checksum: MedMNIST 3.0.2, medmnist/info.py.
    "pneumonia": [
        File(
            "pneumoniamnist.npz",
            "https://zenodo.org/records/10519652/files/pneumoniamnist.npz?download=1",
            "md5:28209eda62fecd6e6a2d98b1501bb15f",
        )
    ],
    # D. De Cock, "Ames, Iowa: Alternative to the Boston Housing Data", Journal of Statistics
    # Education 19(3), 2011. The journal states no checksum. Its text is known to have the SHA-256
    # 6cfe6cb525ba437de428653a1040e2aed7d696640bf75203786a6d7a0e67cfcc; the text with that sum,
    # converted, is to the byte the AmesHousing.csv that goes around, whose sum this is.
    "ames": [
        File(
            "AmesHousing.csv",
            "https://jse.amstat.org/v19n3/decock/AmesHousing.txt",
            "sha256:9be4e178af290abcc41e82402e9eca2bd767f22aa148d155531fed4f7c5b55da",
            to_csv,
        )
    ],
}


def main(datasets=DATASETS):
    args = parse_arguments(datasets)
    folder = args.output or in_venv.ROOT / "data" / args.dataset
    is_new = not folder.exists()
    try:
        check_writable(folder)
        for file in datasets[args.dataset]:
            download(file, folder, args.deadline, args.base_url)
    except KeyboardInterrupt:
        fail("interrupted; run the same command again")
    finally:
        if is_new:
            # It stays if a file has come.
            with contextlib.suppress(OSError):
                folder.rmdir()


def parse_arguments(datasets):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", choices=datasets, metavar="DATASET", help=", ".join(datasets))
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="default: data/DATASET")
    parser.add_argument(
        "--base-url", metavar="URL", help="download the files of the same names from here: a mirror"
    )
    parser.add_argument(
        "--deadline",
        type=seconds,
        default=DEADLINE,
        metavar="SECONDS",
        help=f"give a file up that takes longer (default: {DEADLINE})",
    )
    return parser.parse_args()


def seconds(text):
    """A time for argparse."""
    with contextlib.suppress(ValueError):
        if 0 < float(text) <= 86400:
            return float(text)
    raise argparse.ArgumentTypeError(
        f"expected seconds, more than 0 and at most a day, found {text!r}"
    )


def check_writable(folder):
    """Makes the folder and finds out, before anything is downloaded, whether it takes files."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        fail(f"cannot write into {folder}: {error.strerror}")


def download(file, folder, deadline, base_url=None):
    """Brings one file into the folder, unless it is there already."""
    path = folder / file.name
    if is_right(path, file.checksum):
        print(f"{path}: already there")
        return
    url = file.url
    if base_url:
        url = f"{base_url.rstrip('/')}/{file_name(file.url)}"
    content = fetch(url, deadline)
    if file.convert:
        content = file.convert(content)
    found = checksum_like(file.checksum, content)
    if found != file.checksum:
        fail(f"{url}: expected the checksum {file.checksum}, found {found}")
    save(path, content)
    print(f"{path}: {len(content):,} bytes")


def file_name(url):
    return PurePosixPath(urlsplit(url).path).name


def is_right(path, checksum):
    try:
        return checksum_like(checksum, path.read_bytes()) == checksum
    except FileNotFoundError:
        return False
    except OSError as error:
        fail(f"cannot read {path}: {error.strerror}")


def checksum_like(checksum, content):
    """The checksum of `content`, by the same algorithm as `checksum`."""
    algorithm = checksum.split(":")[0]
    return f"{algorithm}:{hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()}"


def fetch(url, deadline):
    """What is at an address, all of it, within so many seconds."""
    try:
        with (
            ends_after(deadline),
            urlopen(Request(url, headers=HEADERS), timeout=TIMEOUT) as answer,
        ):
            return read(answer, url)
    except (OSError, HTTPException, ValueError) as error:
        # Around the error of a connection there is another one that says no more.
        reason = error.reason if type(error) is URLError else error
        fail(f"cannot download {url}: {' '.join(str(reason).split())}")


@contextlib.contextmanager
def ends_after(seconds):
    """Interrupts what takes longer, wherever it waits: a server that sends a byte now and then is
    never silent for TIMEOUT."""

    def interrupt(*_):
        plural = "" if seconds == 1 else "s"
        raise TimeoutError(f"not complete after {seconds:g} second{plural} (--deadline)")

    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def read(answer, url):
    expected = answer.headers["Content-Length"]
    expected = int(expected) if expected else None
    content = bytearray()
    # Shown on a terminal alone.
    progress = tqdm(
        desc=file_name(url), total=expected, unit="B", unit_scale=True, disable=None, leave=False
    )
    with progress:
        while block := answer.read(1 << 16):
            content += block
            progress.update(len(block))
            if len(content) > MOST:
                raise ValueError(f"expected at most {MOST:,} bytes, found more")
    # Python's client takes an early end for the end.
    if expected is not None and len(content) < expected:
        raise ValueError(f"cut short: expected {expected:,} bytes, found {len(content):,}")
    return bytes(content)


def save(path, content):
    """Writes a file whole or not at all, durably."""
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    try:
        with open(partial, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        fail(f"cannot write {path}: {error.strerror}")
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def fail(message):
    sys.exit(f"error: {message}")


if __name__ == "__main__":
    main()
