"""Names of Python as names of Rust."""

import re

KEYWORDS = frozenset(
    """
    abstract as async await become box break const continue crate do dyn else enum extern false
    final fn for gen if impl in let loop macro match mod move mut override priv pub ref return self
    static struct super trait true try type typeof unsafe unsized use virtual where while yield
    """.split()  # noqa: SIM905
)


def identifier(name: str) -> str:
    """A name of a variable or field: in snake case, no keyword, no digit first."""
    name = re.sub(r"\W", "_", name)
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    if not name.strip("_"):
        return "value"
    if name[0].isdigit():
        name = f"m{name}"
    return f"{name}_" if name in KEYWORDS else name
