"""`torch.nn.init`, `self.apply` and what else changes parameters in `__init__`."""

import torch

from .refusals import Refuse
from .values import Known


def is_init(function):
    return isinstance(function, Known) and getattr(function.value, "__module__", "") == "torch.nn.init"


def attribute(context, node, field, value, name):
    raise Refuse(node, "a parameter of a layer has no Rust here")


def statement(context, node, function, call):
    raise Refuse(node, "the initialization has no Rust")


def apply(context, node, function):
    raise Refuse(node, "self.apply has no Rust")


def assign(context, node, target, value):
    raise Refuse(node, "the assignment has no Rust")


def modules(context, iterable):
    return None


__all__ = ["torch"]
