"""`forward` and the other methods that a network calls while it runs."""

from .statements import Body
from .values import Rust


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
        return self.port.field_value(self.owner, node, name)

    def finish(self):
        self.item.finish(self.function.end_lineno)
