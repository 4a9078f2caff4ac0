"""What the layers of a network are in Rust."""

from dataclasses import dataclass, field


@dataclass
class Spec:
    """`kind` is `row` (by the table), `class` (a class of the file), `sequential`, `list`, `dict`,
    `option`, `boxed`, `tensor`, `number` or `inplace`."""

    kind: str
    type: str = ""
    trains: bool = False
    row: object = None
    name: str = ""  # a class of the file
    objects: list = field(default_factory=list)  # what it is in Python, instance by instance
    item: object = None  # what a list or an option is of
    names: list = field(default_factory=list)  # of the elements of a list or dictionary
    number: str = ""  # the type of a number

    @property
    def is_unary(self):
        """Whether it is a `Module` or `ModuleT` of Rust's: a tensor in, a tensor out."""
        if self.kind == "row":
            return self.row.call in ("", "train", "encoder")
        return self.kind in ("class", "sequential", "boxed", "inplace")


@dataclass
class Path:
    """A place in the variable store."""

    parts: tuple = ()
    base: str = "vs"

    def child(self, name):
        return Path((*self.parts, name), self.base)

    @property
    def owned(self):
        """For what takes `impl Borrow<Path>`."""
        if not self.parts:
            return self.base
        return " / ".join([self.base, *map(path_part, self.parts)])

    @property
    def reference(self):
        """For what takes `&Path`."""
        return f"&({self.owned})" if self.parts else self.base


def path_part(part):
    if isinstance(part, int) or (isinstance(part, str) and part.isdigit()):
        return str(part)
    if isinstance(part, str):
        return f'"{part}"'
    return part.text  # a variable of Rust
