"""Prints what the porter refuses of every class of a file: `CLASS LINE REASON`, a line each."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "scripts"))

from port import Refused, port  # noqa: E402

path = sys.argv[1]
for name in re.findall(r"^class (\w+)", Path(path).read_text(encoding="utf-8"), re.MULTILINE):
    try:
        port(path, name)
    except Refused as error:
        for line in error.lines:
            number, reason = re.fullmatch(rf"{re.escape(path)}:(\d+): `.*?`: (.*)", line).groups()
            print(name, number, reason)
    else:
        print(name, 0, "is not refused")
