"""Layers that are made outside of a class and given to its constructor, such as `downsample`."""

from torch import nn

from .build import in_a_line
from .names import Local, snake
from .refusals import Refuse
from .specs import Path, Spec
from .values import Built, Known, Poison


class LayerArguments:
    """The part of a network that hands layers on. What type a layer has is known from where it is
    made, which may be translated after the class: it is then there in the next round."""

    def layer_argument(self, port, name, values):
        """What the argument is in the class that takes it."""
        found = self.given_layers.get((port.name, name))
        if found is None:
            self.refusals.add(
                Refuse(port.init, f"the argument {name} is a layer from outside, which has no Rust")
            )
            return Poison()
        local = Local(snake(name), 0, len(self.locals), used=True)
        self.locals.append(local)
        if any(value is None for value in values):
            found = Spec("option", f"Option<{found.type}>", found.trains, item=found)
        port.parameters[name] = (found.type, local)

        def emit(path):
            port.places[name] = path.parts
            return local.name

        return Built(found, emit)

    def give_layers(self, node, name, bound):
        """Notes which layers a class is given, before it is translated."""
        for parameter, value in bound.items():
            if not isinstance(value, Built):
                continue
            if value.given or value.emit is None:
                raise Refuse(node, "one layer under two names has no Rust")
            value.given = True
            old = self.given_layers.get((name, parameter))
            if old is None or old.type != value.spec.type:
                if old is not None and {old.kind, value.spec.kind} != {"sequential"}:
                    raise Refuse(
                        node, f"the argument {parameter} is a layer of another kind elsewhere"
                    )
                if old is not None:
                    old.type, old.trains = value.spec.type, value.spec.trains = "SequentialT", True
                    continue
                self.given_layers[(name, parameter)] = value.spec
                self.changed = self.learned = True

    def layer_text(self, node, port, parameter, value, path):
        """The layer, at the place where the class keeps it, as an argument of `new`."""
        if parameter not in port.places:
            raise Refuse(node, f"the class does not keep {parameter}")
        optional = port.parameters[parameter][0].startswith("Option<")
        if isinstance(value, Known) and value.value is None:
            return "None"
        text = value.emit(Path((*path.parts, *port.places[parameter]), path.base))
        return f"Some({in_a_line(text)})" if optional else in_a_line(text)


def is_layer(value):
    return isinstance(value, nn.Module)
