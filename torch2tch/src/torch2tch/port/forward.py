"""`forward` and the other methods that a network calls while it runs."""

import re

from .names import snake
from .refusals import Refuse
from .statements import Body
from .values import SELF, Rust, TensorMethod


class Forward(Body):
    def __init__(self, port, owner, item, function, env, signature):
        super().__init__(port, owner, item, function, env)
        self.signature = signature
        if owner is None:
            self.indent = 1

    def train(self):
        if not self.signature.trains:
            self.signature.trains = True
            self.port.changed = True
        return "train"

    def attribute_of_self(self, node, name):
        if name == "training":
            return Rust(self.train(), "bool")
        if name == "parameters" and self.port.source.method(self.owner.name, name) is None:
            return TensorMethod(SELF, name)
        return self.port.field_value(self.owner, node, name)

    def changes_argument(self, node, value):
        """An argument that is changed in place becomes a variable, from the next round on."""
        if (
            value.local is None
            or value.type != "tensor"
            or value.local.name not in map(snake, self.signature.parameters)
        ):
            raise Refuse(node, "what is changed in place has no Rust")
        self.signature.changed.add(value.local.name)
        self.port.changed = True

    def finish(self):
        self.item.finish(self.function.end_lineno)
        self.give_last_value()

    def give_last_value(self):
        """`let out = …;` before `out` is the value itself, beside both lines of Python."""
        rows = self.item.rows
        written = [i for i, (_, text, _) in enumerate(rows) if text]
        if len(written) < 2:
            return
        (indent, text, right), (last_indent, last, last_right) = (rows[i] for i in written[-2:])
        found = re.fullmatch(r"let \x01m\d+\x02\x01u\d+\x02(\w+) = (.*);", text, re.DOTALL)
        if found and found[1] == last and indent == last_indent:
            rows[written[-2]] = (indent, found[2], right)
            rows[written[-1]] = (indent, "", last_right)
