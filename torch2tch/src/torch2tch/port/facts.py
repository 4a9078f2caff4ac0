"""What is known of a class because it is instantiated and run: arguments, names, shapes."""

import contextlib
import inspect
import io
from dataclasses import dataclass, field

import torch

from .refusals import Refused, Wrong
from .source import one_line


@dataclass
class Instances:
    """All instances of one class of the file, and the arguments each was made with."""

    objects: list = field(default_factory=list)
    arguments: list = field(default_factory=list)  # {parameter: value}, defaults included

    def argument(self, name):
        return [bound[name] for bound in self.arguments]


class Facts:
    def __init__(self, source, class_name, arguments):
        """Makes one instance, `arguments` being text such as `nhid=64`."""
        self.source = source
        module = source.module or source.load((class_name,))
        self.cls = getattr(module, class_name, None)
        source.check(class_name)
        if class_name not in source.classes or not isinstance(self.cls, type):
            known = [n for n in source.classes if is_module(getattr(module, n, None))]
            raise Wrong(
                f"{source.path}: there is no class {class_name}; "
                f"found {', '.join(known) or 'no nn.Module'}"
            )
        if not is_module(self.cls):
            raise Wrong(f"{source.path}: {class_name} is not an nn.Module")
        self.instances = {}
        positional, keywords = evaluate_arguments(source, arguments)
        self.arguments = (positional, keywords)
        torch.manual_seed(0)
        with self.recording(), silence():
            try:
                self.model = self.cls(*positional, **keywords)
            except Exception as error:
                hint = "" if arguments else " (--args gives the constructor its arguments)"
                raise Refused(
                    [
                        *source.causes(error),
                        f"{source.path}:{source.classes[class_name].lineno}: "
                        f"`{class_name}({arguments or ''})`: {one_line(error)}{hint}",
                    ]
                ) from error
        for instances in self.instances.values():
            keep = [i for i, o in enumerate(instances.objects) if o in set(self.model.modules())]
            instances.objects = [instances.objects[i] for i in keep]
            instances.arguments = [instances.arguments[i] for i in keep]

    @contextlib.contextmanager
    def recording(self):
        """Records how each class of the file is instantiated."""
        originals = {}
        for name in self.source.classes:
            cls = getattr(self.source.module, name, None)
            if is_module(cls) and "__init__" in vars(cls):
                originals[cls] = cls.__init__
                cls.__init__ = self.recorder(cls, cls.__init__)
        try:
            yield
        finally:
            for cls, original in originals.items():
                cls.__init__ = original

    def recorder(self, cls, original):
        signature = inspect.signature(original)

        def init(this, *args, **kwargs):
            if type(this) is cls:
                bound = signature.bind(this, *args, **kwargs)
                bound.apply_defaults()
                found = self.instances.setdefault(cls.__name__, Instances())
                found.objects.append(this)
                found.arguments.append(dict(list(bound.arguments.items())[1:]))
            original(this, *args, **kwargs)

        return init

    def of(self, name):
        """The instances of a class that are in the model."""
        found = self.instances.get(name, Instances())
        if not found.objects:
            cls = getattr(self.source.module, name)
            found.objects = [m for m in self.model.modules() if type(m) is cls]
            found.arguments = [{} for _ in found.objects]
        return found


def silence():
    """What a class prints is not what the porter prints."""
    return contextlib.redirect_stdout(io.StringIO())


def is_module(cls):
    return isinstance(cls, type) and issubclass(cls, torch.nn.Module)


def evaluate_arguments(source, text):
    """The positional and named arguments in a text such as `64, dropout=0.1`."""
    if not text:
        return (), {}
    names = {"torch": torch, **vars(source.module)}
    try:
        return eval(f"(lambda *args, **kwargs: (args, kwargs))({text})", names)
    except Exception as error:
        raise Wrong(f"--args {text!r}: {one_line(error)}") from error


def evaluate_tensor(source, text, batch_size):
    """What an expression such as `randn(batch_size, 784)` gives."""
    names = {**vars(torch), "torch": torch, "F": torch.nn.functional, **vars(source.module)}
    names["batch_size"] = batch_size
    try:
        return eval(text, names)
    except Exception as error:
        raise Wrong(f"{text!r}: {one_line(error)}") from error


def size_text(first, *others):
    """A size by batches of 2 and of 3: the same, `N`, `8 · N`, `N + 1`, or of another kind."""
    if set(others) <= {first}:
        return str(first)
    step = others[0] - first
    rest = first - 2 * step
    if rest == 0:
        return "N" if step == 1 else f"{step} · N"
    return f"N {'+-'[rest < 0]} {abs(rest)}" if step == 1 else "…"


def shape_text(values):
    """`(64, 784)` float32, as the documentation has it."""
    dtype = str(values[0].dtype).removeprefix("torch.")
    sizes = []
    for lengths in zip(*(value.shape for value in values)):
        sizes.append(size_text(*lengths))
    inner = ", ".join(sizes) + ("," if len(sizes) == 1 else "")
    return f"`({inner})` {dtype}"
