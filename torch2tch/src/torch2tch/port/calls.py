"""Calls: of functions and methods of torch by the table, of layers, of methods of the class."""

import ast
import re

import torch

from . import spellings
from .python_functions import MATH, SPECIAL, PythonFunctions, is_pure
from .refusals import Refuse
from .render import Unfit, render
from .spellings import PLACEHOLDER, Mismatch
from .values import (
    ATOM,
    PRODUCT,
    UNARY,
    Items,
    Known,
    Layer,
    Method,
    Parameters,
    Rust,
    SelfValue,
    TensorMethod,
    is_known,
    is_number,
    is_tensor,
    known,
)


class Calls(PythonFunctions):
    calls_tch = True

    def on_Call(self, node):
        function = self.expression(node.func)
        if isinstance(function, Known) and function.value is super:
            return Known(super)
        positional, keywords = self.arguments(node)
        return self.call(node, function, positional, keywords)

    def arguments(self, node):
        positional = []
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                positional += self.unpacked(argument)
            else:
                positional.append(self.argument(argument))
        keywords = {}
        for keyword in node.keywords:
            if keyword.arg is None:
                more = self.known_of(keyword.value, "`**` needs a dictionary that is known")
                keywords |= {name: self.as_value(v) for name, v in more.items()}
            else:
                keywords[keyword.arg] = self.argument(keyword.value)
        return positional, keywords

    def argument(self, node):
        if isinstance(node, (ast.ListComp, ast.GeneratorExp)):
            return self.comprehension(node)
        return self.expression(node)

    def as_value(self, value):
        return value if isinstance(value, (Rust, Items, Layer, Known)) else Known(value)

    def call(self, node, function, positional, keywords):
        if isinstance(function, TensorMethod):
            return self.call_of_method(node, function, positional, keywords)
        if isinstance(function, Layer):
            return self.port.call_layer(self, node, function, positional, keywords)
        if isinstance(function, Method):
            return self.port.call_method(self, node, function, positional, keywords)
        if isinstance(function, Known):
            return self.call_of_known(node, function.value, positional, keywords)
        raise Refuse(node, "what is called is not known")

    def call_of_known(self, node, function, positional, keywords):
        values = [*positional, *keywords.values()]
        if is_pure(function) and all(is_known(v) for v in values):
            return self.evaluated(node, function, positional, keywords)
        if (
            getattr(function, "__module__", "") == "math"
            and len(positional) == 1
            and function.__name__ in MATH
            and is_number(positional[0])
        ):
            self.use(positional[0])
            return Rust(f"{self.float_atom(positional[0])}.{MATH[function.__name__]}()", "float")
        special = SPECIAL.get(getattr(function, "__name__", None))
        if special and function in (
            hasattr,
            len,
            int,
            float,
            isinstance,
            torch.tensor,
            max,
            min,
            list,
            tuple,
            torch.Size,
            range,
            abs,
            round,
            next,
        ):
            found = special(self, node, positional, keywords)
            if found is not None:
                return found
        if isinstance(function, type) and issubclass(function, torch.nn.Module):
            return self.call_of_class(node, function, positional, keywords)
        if isinstance(function, torch.nn.Module):
            raise Refuse(node, "a layer outside of the class has no Rust")
        rows = spellings.of_function(function)
        if rows:
            return self.spelled(node, rows, positional, keywords)
        name = getattr(function, "__name__", None) or str(function)
        raise Refuse(node, f"the function {name} has no Rust")

    def call_of_class(self, node, cls, positional, keywords):
        raise Refuse(node, "a layer that is made in `forward` has no Rust")

    def evaluated(self, node, function, positional, keywords):
        try:
            return Known(
                function(*map(known, positional), **{k: known(v) for k, v in keywords.items()})
            )
        except Exception as error:
            raise Refuse(node, f"{type(error).__name__}: {error}") from None

    def call_of_method(self, node, function, positional, keywords):
        receiver, name = function.receiver, function.name
        if name == "parameters" and isinstance(receiver, (Layer, SelfValue)):
            return Parameters(self.port.first_parameter(node, receiver, self.owner))
        if isinstance(receiver, (Items,)) or (
            isinstance(receiver, Rust) and receiver.type == "tensors"
        ):
            return self.call_of_list(node, receiver, name, positional)
        if not is_tensor(receiver):
            raise Refuse(node, f"the method {name} has no Rust here")
        if (
            name == "size"
            and len(positional) == 1
            and is_known(positional[0])
            and known(positional[0]) < 0
        ):
            text = render(receiver, "receiver", self)
            if may_draw(text):
                raise Refuse(node, "an expression that draws numbers would be written twice")
            return Rust(f"{text}.size()[{text}.dim() - {-known(positional[0])}]", "int")
        rows = spellings.of_method(name)
        if not rows:
            raise Refuse(node, f"the method {name} has no Rust")
        if name.endswith("_") and not name.endswith("__"):
            self.changes(node, receiver)
        if name in ("to", "cuda"):
            positional = [v for v in positional if not is_here(v)]
            keywords = {k: v for k, v in keywords.items() if k != "non_blocking" and not is_here(v)}
            if not positional and not keywords:
                return receiver
        return self.spelled(node, rows, [receiver, *positional], keywords)

    def call_of_list(self, node, receiver, name, positional):
        raise Refuse(node, f"the method {name} of a list has no Rust here")

    # By the table

    def spelled(self, node, rows, positional, keywords):
        """The first row whose arguments fit."""
        reasons = []
        for row in rows:
            try:
                return self.spelled_by(row, positional, keywords)
            except Mismatch as error:
                reasons.append(str(error))
        raise Refuse(node, reasons[0])

    def spelled_by(self, row, positional, keywords):
        bound = row.bind(positional, keywords)
        for name, value in bound.items():
            default = next(d for n, d, _ in row.parameters if n == name)
            if isinstance(value, list):
                bound[name] = Items(value)
            elif isinstance(value, ast.AST):
                bound[name] = Known(ast.literal_eval(value))
            elif name not in row.used and not is_default(value, default):
                raise Mismatch(f"the argument {name} has no Rust counterpart")
        self.calls_tch = not row.rust.startswith(("functional::", "utils::"))
        try:
            text = PLACEHOLDER.sub(lambda m: self.filled(bound, m[1], m[2]), row.rust)
        finally:
            self.calls_tch = True
        self.check_order_of_draws(row, bound)
        level = ATOM
        if row.rust.endswith(" as i64"):
            level = UNARY
        if row.rust.startswith("{input:operand}"):
            level = PRODUCT if row.name in ("mul", "div") else PRODUCT + 1
        return Rust(text, row.gives, level=level)

    def check_order_of_draws(self, row, bound):
        """Refuses arguments that Rust takes in another order than Python where several draw."""
        order = [name for name, *_ in row.parameters if name in row.used]
        if order == [name for name, _ in PLACEHOLDER.findall(row.rust)]:
            return
        drawing = [n for n in order if isinstance(bound[n], Rust) and may_draw(bound[n].text)]
        if len(drawing) > 1:
            raise Mismatch("several arguments draw numbers, and Rust takes them in another order")

    def filled(self, bound, name, kind):
        value = bound[name]
        try:
            match kind:
                case None:
                    return render(value, "receiver", self)
                case "size":
                    return f"{render(value, 'receiver', self)}.size()"
                case "kind_of_end":
                    return self.kind_of_range(bound)
                case "cmp":
                    if is_number(value):
                        return f"({render(value, 'number', self)})"
                    return f"_tensor({render(value, 'ref', self)})"
            if kind.startswith("cmp_"):
                return f"{render(value, 'receiver', self)}.{kind.removeprefix('cmp_')}"
            return render(value, kind, self)
        except Unfit:
            raise Mismatch(f"the argument {name} does not fit") from None

    def kind_of_range(self, bound):
        value = bound["dtype"]
        if not (isinstance(value, Known) and value.value is None):
            return render(value, "kind", self)
        bounds = [bound[n] for n in ("start", "end", "step") if n in bound]
        return "Kind::Int64" if all(self.is_int(b) for b in bounds) else "Kind::Float"


def may_draw(text):
    """Rust that may draw from the generator, each time that it runs."""
    return (
        re.search(r"\btrain\)|rand|dropout|bernoulli|normal|multinomial|poisson", text) is not None
    )


def is_here(value):
    """A device: where tensors are anyway, as a network's device is its store's."""
    if isinstance(value, Rust):
        return value.type == "device"
    return isinstance(value, Known) and (
        isinstance(value.value, torch.device) or value.value in ("cpu",)
        if not isinstance(value.value, (torch.dtype,))
        else False
    )


def is_default(value, default):
    try:
        return default is not None and known(value) == ast.literal_eval(default)
    except (LookupError, ValueError):
        return False


# Decorators that change nothing of what a function gives.
PLAIN_DECORATORS = {"torch.jit.script", "torch.jit.export", "override"}


def bind(node, function_node, positional, keywords, evaluate, skip_self):
    """Python's binding of arguments to the parameters of a function of the file."""
    for decorator in function_node.decorator_list:
        if ast.unparse(decorator) not in PLAIN_DECORATORS:
            raise Refuse(decorator, "the decorator has no Rust")
    arguments = function_node.args
    names = [a.arg for a in arguments.args][1 if skip_self else 0 :]
    if arguments.vararg or arguments.kwarg:
        raise Refuse(node, "a function with `*` or `**` has no Rust")
    bound = dict(zip(names, positional))
    if len(positional) > len(names):
        raise Refuse(node, "there are more arguments than it takes")
    for name, value in keywords.items():
        if name not in names + [a.arg for a in arguments.kwonlyargs]:
            raise Refuse(node, f"it has no argument {name}")
        bound[name] = value
    defaults = dict(zip(reversed(names), reversed(arguments.defaults)))
    defaults |= {a.arg: d for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults) if d}
    for name in names + [a.arg for a in arguments.kwonlyargs]:
        if name not in bound:
            if name not in defaults:
                raise Refuse(node, f"the argument {name} is missing")
            bound[name] = evaluate(defaults[name])
    return bound
