"""A subject to Rust, as recorded."""

from dataclasses import dataclass

from .arrange import arrange
from .observe import Observed, observe
from .subject import Subject
from .understand import as_recorded
from .write import titles_of, write


@dataclass(frozen=True)
class Recorded:
    """A file of Rust, and the struct in it that is the subject: under its class's name, where the
    subject is a function that makes it."""

    rust: str
    struct: str


def port_as_recorded(subject: Subject, library_names: frozenset[str] = frozenset()) -> Recorded:
    """A file of Rust that does what the subject did when it was recorded."""
    observed = observe(subject)
    model = arrange(observed, as_recorded(observed))
    text = write(model, notes(observed), library_names=library_names)
    return Recorded(text, titles_of(model, library_names)[model.root.number])


def notes(observed: Observed) -> tuple[str, ...]:
    """What the recording has fixed, for a person to read."""
    subject = observed.subject
    inputs = ", ".join(
        f"`{one.argument + '=' if one.argument else ''}{one.expression}`" for one in subject.inputs
    )
    found = [
        f"Recorded for {inputs}; the free sizes are {', '.join(s.name for s in subject.sizes)}."
    ]
    if subject.call:
        fixed = ", ".join(f"`{name}={value!r}`" for name, value in subject.call.items())
        found.append(f"Fixed: {fixed}.")
    if observed.uninitialized:
        names = ", ".join(f"`{name}`" for name in sorted(observed.uninitialized))
        found.append(f"Zeros, where Python has uninitialized memory: {names}.")
    return tuple(found)
