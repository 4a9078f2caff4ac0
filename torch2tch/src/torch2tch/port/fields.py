"""The fields of the struct, as `new` makes them."""

import functools

from . import build, spellings
from .names import Local
from .refusals import Refuse
from .specs import Path


@functools.cache
def makers():
    """The functions that make layers."""
    found = {row.new.split("(")[0] for row in spellings.layers() if "(" in row.new}
    return found - {"transformer"} | {"transformer_encoder", "transformer_decoder", "vs"}


class Fields:
    """The end of a constructor: `let` for each field, or `Self { … }`."""

    def flush(self):
        """Fields so far become variables, as a statement follows that needs them or draws."""
        self.flushed = True
        for name, field in self.fields.items():
            if field.emitted or field.spec.kind in ("number", "inplace"):
                continue
            field.emitted = True
            self.check_order(field)
            local = Local(self.local_name(field), 0, len(self.port.locals))
            local.used = True
            self.port.locals.append(local)
            field.local = local
            text = field.built.emit(Path().child(name))
            if name in self.tied:
                self.flush_tied(field, name, local)
                continue
            type_ = (
                f": {field.spec.type}"
                if text.endswith(".collect()") or "Box<dyn" in field.spec.type
                else ""
            )
            if text == local.name:
                continue
            self.item.add(self.indent, f"let {local.pattern()}{type_} = {text};", *field.lines)

    def flush_tied(self, field, name, local):
        """A layer whose weight another gives is drawn apart; what is its own goes to the store."""
        add, indent = self.item.add, self.indent
        add(indent, "let scratch = VarStore::new(vs.device());", field.lines[0], field.lines[0] - 1)
        text = field.built.emit(Path((), "scratch.root()"))
        add(indent, f"let {local.pattern()} = {text};", *field.lines)
        module = self.port.facts.of(self.owner.name).objects[0]
        if getattr(getattr(module, name), "bias", None) is not None:
            local.mutable = True
            path = Path().child(name).owned
            add(
                indent,
                f'{local.name}.bs = {local.name}.bs.map(|bs| ({path}).add("bias", bs, true));',
            )

    def local_name(self, field):
        """A variable must not hide the function that makes the next layer."""
        is_transformer = field.name == "transformer" and any(
            f.spec.type == "Transformer" for f in self.fields.values()
        )
        return field.name + "_layer" if is_transformer or field.name in makers() else field.name

    def check_order(self, field):
        numbers = build.orders(field.built)
        if any(n < self.port.drawn for n in numbers) or numbers != sorted(numbers):
            self.port.refusals.add(
                Refuse(
                    self.function, f"self.{field.name} is drawn in another order than it is kept"
                )
            )
        if numbers:
            self.port.drawn = numbers[-1]

    def finish(self):
        """`Self { … }`."""
        self.port.drawn = getattr(self.port, "drawn", -1)
        kept = {n: f for n, f in self.fields.items() if f.spec.kind != "inplace"}
        if self.flushed:
            self.flush()
            self.item.finish(self.cls_end())
            entries = []
            for field in kept.values():
                if field.spec.kind == "number":
                    text = field.built.emit(None)
                else:
                    text = field.local.name
                entries.append(field.name if text == field.name else f"{field.name}: {text}")
            self.item.add(self.indent, f"Self {{ {', '.join(entries)} }}")
            return
        if not kept:
            self.item.add(self.indent, "Self {}" if not kept else "", None, self.super_line)
            return
        self.item.add(self.indent, "Self {", None, self.super_line)
        for name, field in kept.items():
            self.check_order(field)
            text = field.built.emit(Path().child(name))
            entry = field.name if text == field.name else f"{field.name}: {text}"
            self.item.add(self.indent + 1, entry + ",", *field.lines)
        self.item.finish(self.cls_end())
        self.item.add(self.indent, "}")

    def cls_end(self):
        return self.owner.init.end_lineno
