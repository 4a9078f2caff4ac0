#!/usr/bin/env python3
"""Downloads a published data set and checks each file against its checksum.

    scripts/download.py mnist                       into data/mnist
    scripts/download.py ames --output ~/houses

mnist           70,000 handwritten digits, 12 MB; as torchvision downloads them
fashion-mnist   70,000 pieces of clothing in MNIST's format, 31 MB
pneumonia       5,856 X-ray pictures of chests, PneumoniaMNIST of MedMNIST, 4 MB
ames            2,930 houses sold in Ames, Iowa, 1 MB

Each file is written only when it is complete and its checksum matches; a file that is already there
and matches is not downloaded again. After a failure, run the same command again.

The published addresses have not been tried: the tests download from a local server.
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

# Zenodo refuses requests without a User-Agent of their own.
HEADERS = {"User-Agent": "final-layer (scripts/download.py)"}

# The seconds without a byte after which a download fails.
TIMEOUT = 30

# The default of --deadline, for a whole file: 31 MB at 50 kB/s.
DEADLINE = 600

# More bytes than any of the files has, so that no server can exhaust the memory.
MOST = 64 << 20


@dataclass(frozen=True)
class File:
    """A file of a data set."""

    name: str
    url: str
    # "md5:…" or "sha256:…" of the file as it is saved, after `convert`.
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
    """Converts the journal's text to the usual AmesHousing.csv (2,930 rows, 82 columns, a
    byte-order mark). No value has a tab, comma or quote in it."""
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
    # Education 19(3), 2011. The journal states no checksum. The SHA-256 of its text is known to be
    # 6cfe6cb525ba437de428653a1040e2aed7d696640bf75203786a6d7a0e67cfcc. That text, converted, equals
    # the AmesHousing.csv in general use to the byte; the checksum here is of that file.
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
            # Fails, and the folder stays, if it has a file.
            with contextlib.suppress(OSError):
                folder.rmdir()


def parse_arguments(datasets):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", choices=datasets, metavar="DATASET", help=", ".join(datasets))
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="default: data/DATASET")
    parser.add_argument(
        "--base-url", metavar="URL", help="a mirror that has files of the same names"
    )
    parser.add_argument(
        "--deadline",
        type=seconds,
        default=DEADLINE,
        metavar="SECONDS",
        help=f"the time limit for each file (default: {DEADLINE})",
    )
    return parser.parse_args()


def seconds(text):
    """Parses a number of seconds for argparse."""
    with contextlib.suppress(ValueError):
        if 0 < float(text) <= 86400:
            return float(text)
    raise argparse.ArgumentTypeError(
        f"expected seconds, more than 0 and at most a day, found {text!r}"
    )


def check_writable(folder):
    """Makes the folder and checks, before any download, that files can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        fail(f"cannot write into {folder}: {error.strerror}")


def download(file, folder, deadline, base_url=None):
    """Downloads one file into the folder, unless it is there already."""
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
    """The checksum of `content`, with the algorithm of `checksum`."""
    algorithm = checksum.split(":")[0]
    return f"{algorithm}:{hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()}"


def fetch(url, deadline):
    """Returns the whole content of an address; fails if it takes longer than the deadline."""
    try:
        with (
            ends_after(deadline),
            urlopen(Request(url, headers=HEADERS), timeout=TIMEOUT) as answer,
        ):
            return read(answer, url)
    except (OSError, HTTPException, ValueError) as error:
        # URLError only wraps the connection's own error.
        reason = error.reason if type(error) is URLError else error
        fail(f"cannot download {url}: {' '.join(str(reason).split())}")


@contextlib.contextmanager
def ends_after(seconds):
    """Interrupts the block after so many seconds; TIMEOUT does not stop a server that sends a byte
    now and then."""

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
    # `disable=None` shows the progress on a terminal only.
    progress = tqdm(
        desc=file_name(url), total=expected, unit="B", unit_scale=True, disable=None, leave=False
    )
    with progress:
        while block := answer.read(1 << 16):
            content += block
            progress.update(len(block))
            if len(content) > MOST:
                raise ValueError(f"expected at most {MOST:,} bytes, found more")
    # http.client reports a connection that closes early as the end of the file.
    if expected is not None and len(content) < expected:
        raise ValueError(f"cut short: expected {expected:,} bytes, found {len(content):,}")
    return bytes(content)


def save(path, content):
    """Writes a file atomically and durably."""
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
