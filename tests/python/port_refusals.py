"""Prints what the porter refuses of every class of a file: `CLASS LINE REASON`, a line each."""

import re
import sys
from pathlib import Path

from torch2tch.port import Refused, port

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
