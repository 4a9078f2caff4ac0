"""Models that call `torch.autograd.Function`s of their own."""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from torch2tch.subject import Refused

from .recording import Linear, method, rust

X = "randn(batch_size, 4)"


class Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, *gradients):
        return gradients[0] * 2


class StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(x):
        with torch.no_grad():
            return x.round()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, *gradients):
        return gradients[0]


# The idiom that binds `apply` when the module is imported.
twice = Twice.apply


def test_a_function_with_the_gradients_of_its_forward_is_its_forward():
    class Net(Linear):
        def forward(self, x):
            return twice(self.fc(x))

    assert method(rust(Net, X), "fn forward") == "x.apply(&self.fc) * 2"


def test_a_function_with_gradients_of_its_own_is_refused_at_its_line():
    class Net(Linear):
        def forward(self, x):
            return StraightThrough.apply(self.fc(x))

    line = StraightThrough.forward.__code__.co_firstlineno - 1
    with pytest.raises(
        Refused, match=rf"test_custom_autograd.py:{line}: custom autograd .*StraightThrough"
    ):
        rust(Net, X)


def test_a_checkpoint_is_what_it_runs():
    class Net(Linear):
        def forward(self, x):
            return checkpoint(self.run, x, use_reentrant=True)

        def run(self, x):
            return torch.relu(self.fc(x))

    assert method(rust(Net, X), "fn forward") == "x.apply(&self.fc).relu()"


def test_recording_leaves_functions_and_buffers_as_they_were():
    class Net(Linear):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(4)

        def forward(self, x):
            return twice(self.norm(self.fc(x)))

    rust(Net, X)
    x = torch.ones(1, requires_grad=True)
    (gradient,) = torch.autograd.grad(StraightThrough.apply(x * 1.5), x)
    assert gradient == 1.5
