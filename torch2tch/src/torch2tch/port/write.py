"""The text of the Rust file: `use` lines, documentation, structs and their methods."""

import re
import subprocess

from .mirror import Item, column_of, layout
from .names import snake
from .network import RETURNS, RUST_TYPES
from .signatures import forward_name, is_simple
from .source import docstring, is_docstring
from .specs import Path

# What this project's torch::nn has from tch::nn as it is.
FROM_TCH_NN = {
    "Func",
    "FuncT",
    "Init",
    "Linear",
    "Module",
    "ModuleT",
    "PaddingMode",
    "Path",
    "Sequential",
    "SequentialT",
    "VarStore",
    "func",
    "func_t",
    "seq",
    "seq_t",
    "GRUState",
    "LSTMState",
}
FROM_TCH = {"Device", "Kind", "Reduction", "Tensor", "no_grad"}
MODULES = {"functional", "init", "utils"}


def in_parentheses(texts):
    """A tuple of Rust; of one part with its comma."""
    return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"


def type_text(kind):
    if isinstance(kind, tuple):
        return in_parentheses([type_text(k) for k in kind])
    return RUST_TYPES[kind]


def return_text(kind):
    if isinstance(kind, tuple):
        return in_parentheses([return_text(k) for k in kind])
    return RETURNS[kind]


class Writer:
    def __init__(self, network, root, shapes, nn_path, nn_names):
        self.network, self.root, self.shapes = network, root, shapes
        self.nn_path, self.nn_names = nn_path, nn_names

    def text(self):
        parts = []
        for port in self.network.order_of_classes:
            parts += self.class_parts(port)
        for name, (item, node, signature) in self.network.functions.items():
            parts.append(self.function_part(name, item, node, signature))
        items = [item for part in parts for item in part[1]]
        column = column_of(items, self.resolve)
        blocks = []
        for header, rows in parts:
            lines = list(header)
            for item in rows:
                lines += layout(item.lines(self.resolve), column)
            blocks.append("\n".join(line.rstrip() for line in lines))
        body = "\n\n".join(blocks) + "\n"
        return formatted(self.uses(body) + "\n" + body)

    def resolve(self, text):
        """Puts in `mut ` and `_` where a variable is changed, or not used."""
        locals_ = self.network.locals
        text = re.sub(
            "\x01m(\\d+)\x02", lambda m: "mut " if locals_[int(m[1])].mutable else "", text
        )
        return re.sub("\x01u(\\d+)\x02", lambda m: "" if locals_[int(m[1])].used else "_", text)

    def class_parts(self, port):
        parts = [self.struct_part(port)]
        if port.init is None:
            parts.append((new_of_nothing(port.name), []))
        for name, item, node in sorted(port.items, key=lambda i: i[2].lineno):
            if name == "new":
                parts.append(self.new_part(port, item, node))
            else:
                signature = self.network.signatures[(port.name, name)]
                parts.append(self.method_part(port, name, item, node, signature))
        return parts

    def struct_part(self, port):
        node, source = port.node, self.network.source
        header = self.struct_documentation(port)
        header += ["#[rustfmt::skip]", "#[derive(Debug)]"]
        item = Item(source, node.lineno)
        for statement in node.body:
            if is_docstring(statement):
                item.skip(statement)
        first = node.body[0].lineno - 1
        fields = [f for f in port.fields.values() if f.spec.kind != "inplace"]
        end = "" if fields else "}"
        item.add(0, f"pub struct {port.name} {{{end}", None, max(first, node.lineno))
        methods = [s.lineno - len(s.decorator_list) for s in node.body if hasattr(s, "args")]
        item.finish(min(methods) - 1 if methods else node.end_lineno)
        for field in fields:
            item.add(1, f"{field.name}: {self.field_type(field)},")
        if fields:
            item.add(0, "}")
        return header, [item]

    def field_type(self, field):
        return (
            field.spec.number and {"int": "i64", "float": "f64"}.get(field.spec.number, "bool")
        ) or field.spec.type

    def struct_documentation(self, port):
        lines = docstring(port.node) or [f"`{port.name}` of `{short(self.network.source.path)}`."]
        if port.name == self.root and self.shapes and not any("→" in line for line in lines):
            lines += ["", self.shapes]
        return [f"/// {line}".rstrip() for line in lines]

    def new_part(self, port, item, node):
        header = ["#[rustfmt::skip]", f"impl {port.name} {{"]
        arguments = "".join(
            f", {local.pattern()}: {RUST_TYPES.get(kind, kind)}"
            for kind, local in port.parameters.values()
        )
        path = "vs" if any(self.uses_path(f) for f in port.fields.values()) else "_vs"
        signature = f"    pub fn new({path}: &Path{arguments}) -> Self {{"
        documentation = ["    /// Draws the initial weights, on the device of `vs`."]
        if len(port.parameters) >= 7:
            documentation.append("    #[allow(clippy::too_many_arguments)] // as many as Python's")
        start = Item(self.network.source, node.lineno)
        start.add(0, signature, None, self.header_end(node))
        end = Item(self.network.source, node.end_lineno + 1)
        end.add(1, "}")
        end.add(0, "}")
        item.next = max(item.next, 0)
        self.drop_header(item, node)
        return [*header, *documentation], [start, item, end]

    def uses_path(self, field):
        return "vs" in re.findall(r"\w+", field.built.emit(Path())) if field.built.emit else False

    def header_end(self, node):
        first = node.body[0]
        return first.lineno - 1 if first.lineno > node.lineno else node.lineno

    def drop_header(self, item, node):
        """The lines of the `def` are beside the `fn`."""
        header = {
            line.rstrip()
            for line in self.network.source.lines[node.lineno - 1 : self.header_end(node)]
        }
        rows, dropping = [], True
        for indent, text, right in item.rows:
            if dropping:
                kept = [r for r in right if r not in header]
                dropping = len(kept) < len(right) or not right
                if not text and not kept:
                    continue
                right = kept
            rows.append((indent, text, right))
        item.rows = rows

    def method_part(self, port, name, item, node, signature):
        arguments = "".join(
            f", {local.pattern()}: {type_text(kind)}" for local, kind in signature.arguments
        )
        gives = return_text(signature.returns) if signature.returns else "()"
        if name == "forward" and is_simple(signature):
            trait = "ModuleT" if signature.trains else "Module"
            train = ", train: bool" if signature.trains else ""
            start_text = f"    fn {forward_name(signature)}(&self{arguments}{train}) -> {gives} {{"
            header = ["#[rustfmt::skip]", f"impl {trait} for {port.name} {{"]
        else:
            train = ", train: bool" if signature.trains else ""
            rust = forward_name(signature) if name == "forward" else snake(name)
            public = "pub " if name == "forward" else ""
            start_text = f"    {public}fn {rust}(&self{arguments}{train}) -> {gives} {{"
            header = ["#[rustfmt::skip]", f"impl {port.name} {{"]
            if name == "forward":
                header.append(
                    f"    /// {self.shapes or 'The answer of the network.'}"
                    if port.name == self.root
                    else "    /// What the layers give."
                )
        header += (
            [f"    /// {line}".rstrip() for line in docstring(node)]
            if docstring(node) and header[-1].strip().startswith("impl")
            else []
        )
        start = Item(self.network.source, node.lineno)
        start.add(0, start_text, None, self.header_end(node))
        self.drop_header(item, node)
        end = Item(self.network.source, node.end_lineno + 1)
        end.add(1, "}")
        end.add(0, "}")
        return header, [start, item, end]

    def function_part(self, name, item, node, signature):
        arguments = ", ".join(
            f"{local.pattern()}: {type_text(kind)}" for local, kind in signature.arguments
        )
        train = ", train: bool" if signature.trains else ""
        start = Item(self.network.source, node.lineno)
        start.add(
            0,
            f"fn {snake(name)}({arguments}{train}) -> {return_text(signature.returns)} {{",
            None,
            self.header_end(node),
        )
        self.drop_header(item, node)
        end = Item(self.network.source, node.end_lineno + 1)
        end.add(0, "}")
        header = [f"/// {line}".rstrip() for line in docstring(node)]
        return [*header, "#[rustfmt::skip]"], [start, item, end]

    # What is used

    def uses(self, body):
        code = "\n".join(re.sub(r"//.*", "", line) for line in body.splitlines())
        code = re.sub(r'"(\\.|[^"\\])*"', '""', code)
        words = set(re.findall(r"(?<![\w.:])([A-Z]\w*)", code))
        words |= set(re.findall(r"(?<![\w.:])(?<!fn )([a-z]\w*)(?=\()", code))
        words |= set(re.findall(r"(?<![\w.:])([a-z]\w*)(?=::)", code)) & MODULES
        own = {port.name for port in self.network.order_of_classes}
        own |= {snake(n) for n in self.network.functions}
        words -= own
        if re.search(r"\.forward_t\(", code) and "Box<dyn ModuleT>" in code:
            words.add("ModuleT")
        tch, tch_nn = words & FROM_TCH, words & FROM_TCH_NN
        nn = (words & self.nn_names) - FROM_TCH_NN - FROM_TCH
        outside = not self.nn_path.startswith("crate")
        groups = [[use("tch", tch), use("tch::nn", tch_nn)]]
        (groups[0] if outside else groups.append([]) or groups[-1]).append(use(self.nn_path, nn))
        if outside:
            groups[0].sort()
        return "\n".join("".join(group) for group in groups if any(group))


def new_of_nothing(name):
    """`new` of a class that has no `__init__`."""
    return [
        f"impl {name} {{",
        "    /// There is nothing to draw.",
        "    pub fn new(_vs: &Path) -> Self {",
        "        Self {}",
        "    }",
        "}",
    ]


def use(path, names):
    if not names:
        return ""
    listed = sorted(names, key=lambda n: (not n[0].isupper(), n))
    text = listed[0] if len(listed) == 1 else "{" + ", ".join(listed) + "}"
    return f"use {path}::{text};\n"


def short(path):
    return path.rsplit("/", 1)[-1]


def formatted(text):
    """As rustfmt has it, which leaves the mirror as it is."""
    try:
        result = subprocess.run(
            ["rustfmt", "--edition=2024"], input=text, capture_output=True, text=True, check=False
        )
    except OSError:
        return text
    return result.stdout if result.returncode == 0 else text
