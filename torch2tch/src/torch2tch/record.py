"""A subject to Rust, as recorded."""

from .arrange import arrange
from .observe import Observed, observe
from .subject import Subject
from .understand import as_recorded
from .write import write


def port_as_recorded(subject: Subject, library_names: frozenset[str] = frozenset()) -> str:
    """The text of a file of Rust that does what the subject did when it was recorded."""
    observed = observe(subject)
    model = arrange(observed, as_recorded(observed))
    return write(model, notes(observed), library_names=library_names)


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
    return tuple(found)
