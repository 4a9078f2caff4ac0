"""`--labels FILE`: the names of the classes."""

import json
from pathlib import Path

from torch2tch.subject import Refused


def read_labels(path: Path) -> list[str]:
    """The names of the classes in their order: one a line, or in JSON a list or a dict of numbers
    from 0 to names."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Refused(f"--labels {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Refused(f"--labels {path}: expected a text in UTF-8") from error
    found = of_json(path, text) if text.lstrip()[:1] in ("{", "[") else text.splitlines()
    # A label is a line of the program's answer.
    labels = [" ".join(label.split()) for label in found]
    if not labels or not all(labels):
        place = labels.index("") + 1 if labels else 1
        raise Refused(f"--labels {path}: expected a name on each line, found none on line {place}")
    return labels


def of_json(path: Path, text: str) -> list[str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(f"--labels {path}: expected names of classes, found no JSON: {error}") from (
            error
        )
    if isinstance(found, dict):
        numbered = [found.get(str(number)) for number in range(len(found))]
        found = numbered
    if not isinstance(found, list) or not all(isinstance(label, str) for label in found):
        raise Refused(
            f"--labels {path}: expected in JSON a list of names, or a dict from 0 on to names"
        )
    return found
