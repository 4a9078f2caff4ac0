"""Loops, branches and calls of `__init__`, which are followed at port time."""

import ast

from . import build, initialization
from .calls import bind
from .refusals import Refuse
from .render import render
from .specs import Spec
from .values import Built, Items, Known, Poison, Rust, SelfValue, is_known, known


class Unrolled:
    """What `__init__` does by loops, branches and functions of its own."""

    def do_For(self, node):
        values = self.iterated(node)
        if isinstance(node.target, ast.Name) and initialization.is_modules_of_self(self, node.iter):
            return self.for_modules(node)
        parameters = initialization.parameters_of_self(self, node.iter)
        if parameters is not None:
            return self.for_parameters(node, parameters)
        for value in values:
            self.bind_known(node, node.target, value)
            outer = getattr(self, "statement_start", None), getattr(self, "statement_end", None)
            self.statement_start, self.statement_end = (
                outer[0] or node.lineno,
                outer[1] or node.end_lineno,
            )
            self.unrolling += 1
            try:
                ended = self.block(node.body)
            finally:
                self.unrolling -= 1
                self.statement_start, self.statement_end = outer
            if ended:
                return True
        return False

    def for_modules(self, node):
        """`for m in self.modules()`: neighbours that are treated alike share a loop."""
        module = initialization.instance(self, node)
        layers = [
            (n, m) for n, m in module.named_modules() if not n or n.split(".")[0] in self.fields
        ]

        def run(m):
            self.env[node.target.id] = Known(m)
            if self.block(node.body):
                raise Refuse(node, "a return within a loop over modules is not supported")

        initialization.for_each(self, node, layers, run)
        return False

    def for_parameters(self, node, parameters):
        """`for p in self.parameters()`: neighbours that are treated alike share a loop, too."""
        named = node.iter.func.attr == "named_parameters"

        def run(found):
            _, parameter = found
            self.bind_known(node, node.target, Known(found) if named else Known(parameter))
            if self.block(node.body):
                raise Refuse(node, "a return within a loop over parameters is not supported")

        places = [(name.rpartition(".")[0], (name, parameter)) for name, parameter in parameters]
        initialization.for_each(self, node, places, run)
        return False

    def iterated(self, node):
        """The values of a loop, which are known at port time."""
        iterable = node.iter
        return (
            self.comprehension(iterable)
            if isinstance(iterable, ast.ListComp)
            else self.enumerated(iterable)
        )

    def enumerated(self, iterable):
        if (
            isinstance(iterable, ast.Call)
            and isinstance(iterable.func, ast.Name)
            and iterable.func.id in ("zip", "enumerate", "reversed")
        ):
            parts = [part for a in iterable.args for part in self.arguments_of_loop(a)]
            match iterable.func.id:
                case "zip":
                    return [Items(list(p)) for p in zip(*parts)]
                case "enumerate":
                    return [Items([Known(i), v]) for i, v in enumerate(parts[0])]
                case "reversed":
                    return list(reversed(parts[0]))
        value = initialization.modules(self, iterable)
        if value is not None:
            return value
        value = self.expression(iterable)
        if isinstance(value, Items):
            return value.values
        if isinstance(value, Built) and value.spec.kind in ("list", "sequential"):
            return [c for _, c in value.children]
        if is_known(value):
            try:
                return [
                    v if isinstance(v, (Built, Items, Rust)) else Known(v) for v in known(value)
                ]
            except TypeError:
                pass
        raise Refuse(iterable, "what the loop goes over is not known at port time")

    def arguments_of_loop(self, argument):
        """What `zip` takes, `zip(*lists)` included."""
        if not isinstance(argument, ast.Starred):
            return [self.enumerated(argument)]
        parts = [self.sequence(value) for value in self.unpacked(argument)]
        if None in parts:
            raise Refuse(argument, "what the loop goes over is not known at port time")
        return parts

    def bind_known(self, node, target, value):
        if isinstance(target, ast.Name):
            self.env[target.id] = value
            return
        values = self.sequence(value)
        if values is None or len(values) != len(target.elts):
            raise Refuse(node, "what is unpacked has another length")
        for part, v in zip(target.elts, values):
            self.bind_known(node, part, v)

    def comprehension(self, node):
        generator = node.generators[0]
        if len(node.generators) != 1:
            raise Refuse(node, "two loops in one list have no Rust")
        values = self.varying(node, generator) or self.enumerated(generator.iter)
        if isinstance(values, Built):
            return values
        found, held = [], dict(self.env)
        for value in values:
            self.bind_known(node, generator.target, value)
            if all(known(self.expression(test)) for test in generator.ifs):
                found.append(self.expression(node.elt))
        self.env = held
        return Items(found, "list")

    def varying(self, node, generator):
        """A list as long as an argument says: a loop of Rust's."""
        iterable = generator.iter
        if not (isinstance(iterable, ast.Call) and getattr(iterable.func, "id", "") == "range"):
            return None
        value = self.expression(iterable)
        if not (isinstance(value, Items) and value.kind == "range"):
            return None
        if len(value.values) != 2 or generator.ifs:
            raise Refuse(node, "such a loop has no Rust")
        self.env[generator.target.id] = Rust("i", "int")
        element = self.expression(node.elt)
        if not isinstance(element, Built):
            raise Refuse(node, "such a list has no Rust")
        count = render(value.values[1], "int", self)
        spec = Spec("list", f"Vec<{element.spec.type}>", element.spec.trains, item=element.spec)

        def emit(path):
            return f"(0..{count}).map(|i| {element.emit(path.child(Rust('i', 'int')))}).collect()"

        return Items([Built(spec, emit, element.order)], "varying")

    def runtime_if(self, node, condition):
        """Fields that hang on an argument: the branches' values in a Rust `if`."""
        check_choices_of_fields([*node.body, *node.orelse], self.env)
        branches = []
        for body in (node.body, node.orelse):
            held, self.capture = self.capture, {}
            env = dict(self.env)
            self.statement_start, self.statement_end = node.lineno, node.end_lineno
            try:
                self.block(body)
            finally:
                branches.append(self.capture)
                self.capture = held
                self.env = env
                self.statement_start = self.statement_end = None
        for name in dict.fromkeys([*branches[0], *branches[1]]):
            current = (
                self.fields[name].built
                if name in self.fields
                else self.known.get(name, Known(None))
            )
            values = [b.get(name, current) for b in branches]
            if name in self.fields and build.orders(self.fields[name].built):
                raise Refuse(node, f"self.{name} is made twice")
            self.fields.pop(name, None)
            self.known.pop(name, None)
            self.set_field(node, name, self.conditional(node, condition, *values))
        return False

    def conditional(self, node, condition, left, right):
        none = [isinstance(v, Known) and v.value is None for v in (left, right)]
        if not any(none) and not all(isinstance(v, Built) for v in (left, right)):
            self.common_kind(node, left, right)
            return self.either(node, condition, left, right)
        if any(none):
            built = right if none[0] else left
            if not isinstance(built, Built) or built.emit is None:
                raise Refuse(node, "what is there or not, as an argument says, has no Rust")
            test = f"!({condition.text})" if none[0] else condition.text
            spec = Spec("option", f"Option<{built.spec.type}>", built.spec.trains, item=built.spec)
            test = test if test.replace("_", "").isalnum() else f"({test})"
            return Built(spec, lambda path: f"{test}.then(|| {built.emit(path)})", built.order, [])
        specs = [left.spec, right.spec]
        if all(s.kind == "sequential" for s in specs):
            trains = any(s.trains for s in specs)
            for s in specs:
                s.trains, s.type = trains, "SequentialT" if trains else "Sequential"
            spec = Spec("sequential", specs[0].type, trains)
            texts = lambda path: (left.emit(path), right.emit(path))  # noqa: E731
        elif specs[0].type == specs[1].type:
            spec = specs[0]
            texts = lambda path: (left.emit(path), right.emit(path))  # noqa: E731
        elif all(s.is_unary and s.kind != "inplace" for s in specs):
            for s in specs:
                if s.kind == "class":
                    self.port.simple(self, node, s)
            trains = any(s.trains for s in specs)
            spec = Spec("boxed", f"Box<dyn {'ModuleT' if trains else 'Module'}>", trains)
            texts = lambda path: (f"Box::new({left.emit(path)})", f"Box::new({right.emit(path)})")  # noqa: E731
        else:
            raise Refuse(node, "the two branches make layers of different kinds")

        def emit(path):
            one, two = (t.replace("\n", "\n    ") for t in texts(path))
            return f"if {condition.text} {{\n    {one}\n}} else {{\n    {two}\n}}"

        return Built(spec, emit, left.order or right.order, [])

    def inline(self, node, function, call):
        if function.owner is None:
            raise Refuse(node, "the function has no Rust")
        method = self.port.source.method(self.owner.name, function.name)
        if method is None:
            raise Refuse(node, f"there is no method {function.name}")
        positional, keywords = self.arguments(call)
        self.inline_value(node, method, positional, keywords, SelfValue())
        return False

    def inline_value(self, node, function, positional, keywords, receiver=None):
        bound = bind(node, function, positional, keywords, self.expression, receiver is not None)
        outer, self.env = self.env, dict(bound)
        held = self.function
        starts = getattr(self, "statement_start", None), getattr(self, "statement_end", None)
        self.statement_start = starts[0] or node.lineno
        self.statement_end = starts[1] or node.end_lineno
        if receiver is not None:
            self.env[function.args.args[0].arg] = receiver
        self.function = function
        self.inlined += 1
        self.result = Known(None)
        try:
            if self.inlined > 8:
                raise Refuse(node, "the function calls itself")
            self.block(function.body)
            return self.result
        finally:
            self.inlined -= 1
            self.env, self.function = outer, held
            self.statement_start, self.statement_end = starts

    def do_Return(self, node):
        if not self.inlined:
            return True
        self.result = self.expression(node.value) if node.value else Known(None)
        if isinstance(self.result, Poison):
            raise Refuse(node, "the result is not known")
        return True

    def do_AugAssign(self, node):
        if isinstance(node.target, ast.Name):
            left, right = self.env.get(node.target.id), self.expression(node.value)
            if isinstance(left, Items) and self.sequence(right) is not None:
                left.values.extend(self.sequence(right))
                return False
        if isinstance(node.target, ast.Attribute):
            left = self.attribute_of_self(node.target, node.target.attr)
            value = self.binary(node, node.op, left, self.expression(node.value))
            return self.set_field(node, node.target.attr, value)
        return super().do_AugAssign(node)


def check_choices_of_fields(statements, env):
    """Refuses what is done in a branch beside giving fields their values: the branch is taken in
    one instance of the class and not in the other, and what follows is written once for both."""
    for statement in statements:
        if isinstance(statement, ast.If):
            check_choices_of_fields([*statement.body, *statement.orelse], env)
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            if not all(is_choice(target, env) for target in targets):
                raise Refuse(statement, "instances of the class differ in what this changes")
        elif not isinstance(statement, (ast.Pass, ast.Raise, ast.Assert)) and not (
            isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        ):
            raise Refuse(statement, "instances of the class differ in whether this is done")


def is_choice(target, env):
    """A field of `self`, or a variable that is not there yet."""
    if isinstance(target, ast.Name):
        return target.id not in env
    return (
        isinstance(target, ast.Attribute)
        and isinstance(target.value, ast.Name)
        and target.value.id == "self"
    )
