"""Calls in `__init__`: of layers that it makes, of functions that it follows."""

import ast

import torch

from . import build, initialization, stacks
from .calls import is_here
from .refusals import Refuse
from .render import render
from .specs import Spec
from .values import (
    Built,
    Items,
    Known,
    Method,
    Rust,
    SelfValue,
    TensorMethod,
    is_known,
    is_tensor,
    known,
)


class CallsOfNew:
    def call_of_class(self, node, cls, positional, keywords):
        nn = torch.nn
        if cls is nn.Sequential:
            return build.sequential(self, node, build.children_of(self, node, positional, keywords))
        if cls is nn.ModuleList:
            return build.module_list(
                self, node, build.children_of(self, node, positional, keywords)
            )
        if cls is nn.ModuleDict:
            built = build.module_list(
                self, node, build.children_of(self, node, positional, keywords)
            )
            built.spec.kind = "dict"
            return built
        if (
            cls.__name__ in self.port.source.classes
            and getattr(self.port.source.module, cls.__name__, None) is cls
        ):
            return self.port.build_class(self, node, cls.__name__, positional, keywords)
        if cls in (nn.TransformerEncoder, nn.TransformerDecoder):
            return stacks.stack(self, node, cls, positional, keywords)
        return build.layer(self, node, cls, positional, keywords)

    def call_of_known(self, node, function, positional, keywords):
        if function is torch.nn.Parameter:
            value = positional[0] if positional else keywords.get("data")
            trains = known(keywords.get("requires_grad", Known(True)))
            if not is_tensor(value):
                raise Refuse(node, "only a tensor is a parameter")
            text = self.moved(value)
            spec = Spec("parameter", name=text, number="true" if trains else "false")
            return Built(spec, None, self.port.next_order())
        if function is torch.nn.init.calculate_gain and all(map(is_known, positional)):
            return self.evaluated(node, function, positional, keywords)
        if (
            function in (torch.Tensor, torch.FloatTensor)
            and positional
            and all(self.is_int(v) for v in positional)
        ):
            size = render(Items(positional), "ints", self)
            return Rust(f"Tensor::empty({size}, (Kind::Float, {self.device()}))", "tensor")
        if initialization.is_init(Known(function)):
            raise Refuse(node, "what an initialization gives has no Rust")
        return super().call_of_known(node, function, positional, keywords)

    def call(self, node, function, positional, keywords):
        if (
            isinstance(function, TensorMethod)
            and isinstance(function.receiver, Built)
            and function.name == "to"
            and not keywords
            and all(map(is_here, positional))
        ):
            return function.receiver
        if (
            isinstance(function, Method)
            and function.owner is None
            and isinstance(function.name, str)
        ):
            return self.inline_value(
                node, self.port.source.functions[function.name], positional, keywords
            )
        if isinstance(function, Method) and function.receiver is not None:
            method = self.port.source.method(self.owner.name, function.name)
            return self.inline_value(node, method, positional, keywords, SelfValue())
        if isinstance(function, TensorMethod) and function.receiver.__class__ is Known:
            return super().call(
                node, Known(getattr(function.receiver.value, function.name)), positional, keywords
            )
        return super().call(node, function, positional, keywords)

    def on_Call(self, node):
        if (
            isinstance(node.func, ast.Name)
            and node.func.id == "range"
            and node.func.id not in self.env
        ):
            values, _ = self.arguments(node)
            if all(is_known(v) for v in values):
                return Known(range(*map(known, values)))
            return Items(["range", *values], "range")
        return super().on_Call(node)
