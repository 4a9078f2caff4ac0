"""What the porter does not understand: every such place, with its line and its text."""


class Refuse(Exception):
    """One place that has no Rust; `node` is where it is in the source."""

    def __init__(self, node, reason):
        super().__init__(reason)
        self.node, self.reason = node, reason


class Poisoned(Exception):
    """An expression that hangs on one that was refused already, so that it is not named again."""


class Refused(Exception):
    """All that was refused of a file: lines `FILE.py:LINE: TEXT: reason`."""

    def __init__(self, lines):
        super().__init__("\n".join(lines))
        self.lines = lines


class Wrong(Exception):
    """Wrong usage, in a line: there is no such file, no such class."""


class Refusals:
    """Collects the places of one file."""

    def __init__(self, source):
        self.source = source
        self.places = {}

    def add(self, refuse):
        line = getattr(refuse.node, "lineno", 1)
        text = self.source.text_of(refuse.node)
        self.places.setdefault((line, text), refuse.reason)

    def check(self):
        if self.places:
            name = self.source.path
            raise Refused(
                [
                    f"{name}:{line}: `{text}`: {reason}"
                    for (line, text), reason in sorted(self.places.items())
                ]
            )
