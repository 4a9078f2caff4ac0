"""scripts/download.py, with the files of a folder, the first argument, as the data set "files"."""

import hashlib
import sys
from pathlib import Path

import download

folder = Path(sys.argv.pop(1))
files = [
    download.File(
        path.name,
        f"http://published.invalid/{path.name}?download=1",
        f"md5:{hashlib.md5(path.read_bytes()).hexdigest()}",
    )
    for path in sorted(folder.iterdir())
]
download.main({"files": files})
