"""The layout of a file: Rust on the left, the Python that it mirrors on the right."""

import re

# The column in which the Python begins, where no line of Rust is longer.
COLUMN = 68
# Marks what is in brackets and is not an argument.
GROUP = "\x05"
# Where lines of Rust are broken.
WIDTH = 84


class Item:
    """One item of Rust, `struct` or `impl`, beside a range of Python lines."""

    def __init__(self, source, first_line):
        self.source = source
        self.next = first_line  # the next line of Python that has no row yet
        self.skipped = set()
        self.rows = []

    def python(self, until):
        """The lines of Python up to `until`, without empty ones."""
        numbers = range(self.next, until + 1)
        self.next = max(self.next, until + 1)
        lines = (self.source.lines[n - 1] for n in numbers if n not in self.skipped)
        return [line.rstrip() for line in lines if line.strip()]

    def skip(self, node):
        """Leaves out a docstring."""
        self.skipped.update(range(node.lineno, node.end_lineno + 1))

    def add(self, indent, text, first=None, last=None):
        """A statement of Rust beside the Python lines `first` to `last`."""
        if first is not None:
            for line in self.python(first - 1):
                self.rows.append((0, "", [line]))
        self.rows.append((indent, text, self.python(last) if last is not None else []))

    def finish(self, last):
        for line in self.python(last):
            self.rows.append((0, "", [line]))

    def lines(self, resolve):
        """Pairs of Rust and Python, a pair a line."""
        pairs = []
        for indent, text, right in self.rows:
            left = wrapped(resolve(text), 4 * indent) if text else []
            length = max(len(left), len(right))
            left += [""] * (length - len(left))
            right = right + [""] * (length - len(right))
            pairs += zip(left, right)
        return pairs


def column_of(items, resolve):
    lines = [line for item in items for line in item.lines(resolve)]
    return max([COLUMN, *(len(left) + 2 for left, right in lines if right)])


def layout(pairs, column):
    return [f"{left:<{column}}// {right}" if right else left for left, right in pairs]


def wrapped(text, indent):
    """A statement, broken where it is too long, each line with its indentation."""
    lines = []
    for line in text.split("\n"):
        own = len(line) - len(line.lstrip())
        lines += broken(line.strip(), indent + own)
    return lines


def broken(text, indent):
    space = " " * indent
    if len(text) + indent <= WIDTH:
        return [space + text]
    pieces = chain(text)
    if len(pieces) > 2:
        head, *rest = pieces
        lines = broken(head, indent)
        for piece in rest:
            lines += broken(piece, indent + 4)
        return lines
    opening, arguments, closing = call(text)
    if arguments is None:
        return [space + text]
    if len(arguments) == 1 and not arguments[0].endswith(GROUP):
        # A call that is the only argument of another: their brackets stand together.
        inner, its_arguments, its_closing = call(arguments[0])
        if its_arguments is not None and re.fullmatch(r"&?(mut )?[\w:]+\(", inner):
            opening, arguments, closing = opening + inner, its_arguments, its_closing + closing
    lines = [space + opening]
    for argument in arguments:
        text = argument.removesuffix(GROUP) if argument.endswith(GROUP) else argument + ","
        lines += broken(text, indent + 4)
    return lines + behind(closing, indent)


def behind(text, indent):
    """What is behind the arguments of a call: its brackets, and further calls."""
    closers = re.match(r"[)\]}]*", text)[0]
    pieces = [piece for piece in chain(text[len(closers) :]) if piece]
    if len(text) + indent <= WIDTH or len(pieces) < 2:
        return broken(text, indent)
    return [" " * indent + closers, *(line for piece in pieces for line in broken(piece, indent))]


def depths(text):
    """(index, character, depth of brackets) of what is outside of texts."""
    depth, quoted = 0, False
    for i, c in enumerate(text):
        if c == '"' and text[i - 1 : i] != "\\":
            quoted = not quoted
        if quoted:
            continue
        if c in ")]}":
            depth -= 1
        yield i, c, depth
        if c in "([{":
            depth += 1


def chain(text):
    """The text, cut before each method of its outermost chain of calls."""
    cuts = [
        i
        for i, c, depth in depths(text)
        if c == "." and depth == 0 and re.match(r"\.[a-z_]\w*(::<[^>]*>)?\(", text[i:])
    ]
    # A chain belongs together if it is all that the statement has behind its `=`.
    if not cuts or any(
        c in "+-*/" and depth == 0 and text[i + 1 : i + 2] == " " for i, c, depth in depths(text)
    ):
        return [text]
    if cuts and re.fullmatch(r"(let (mut )?\S+ = )?(self|[a-z]\w{0,2})", text[: cuts[0]]):
        cuts = cuts[1:]
    parts = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)])]
    return parts


def call(text):
    """What is before the arguments of the longest call, the arguments, and what is behind."""
    best, stack = None, []
    for i, c, depth in depths(text):
        if c in "([{" and depth == 0:
            stack.append(i)
        if c in ")]}" and depth == 0 and stack:
            start = stack.pop()
            if best is None or i - start > best[1] - best[0]:
                best = (start, i)
    if best is None or best[1] - best[0] < 8:
        return text, None, ""
    start, end = best
    inner, arguments, last = text[start + 1 : end], [], 0
    for i, c, depth in depths(inner):
        if c == "," and depth == 0:
            arguments.append(inner[last:i].strip())
            last = i + 1
    if inner[last:].strip():
        arguments.append(inner[last:].strip())
    if text[start] == "{" or inner.startswith("|"):
        return text, None, ""
    if text[start] == "(" and len(arguments) == 1 and not re.search(r"[\w!>]$", text[:start]):
        return text[: start + 1], [arguments[0] + GROUP], text[end:]
    return text[: start + 1], arguments, text[end:]
