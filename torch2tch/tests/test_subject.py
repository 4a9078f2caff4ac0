import pytest
import torch
from torch import nn

from torch2tch.subject import Input, Refused, Size, Subject


def subject(*inputs: Input, **more) -> Subject:
    return Subject("Linear", "here:Linear", lambda: nn.Linear(4, 2), inputs, **more)


def test_inputs_are_drawn_by_position_and_by_name_at_the_sizes():
    one = subject(
        Input(None, "zeros(batch_size, 4)"),
        Input("mask", "ones(length)"),
        sizes=(Size("batch_size"), Size("length", (12, 7))),
        call={"use_cache": False},
    )
    positional, named = one.draw(one.observed(1))
    assert [tuple(value.shape) for value in positional] == [(5, 4)]
    assert tuple(named["mask"].shape) == (7,) and named["use_cache"] is False


def test_an_input_that_does_not_evaluate_is_refused_by_its_option():
    with pytest.raises(Refused, match=r"^--input 'x=randn\(nowhere\)': NameError: name 'nowhere'"):
        subject(Input("x", "randn(nowhere)")).draw({"batch_size": 3})


def test_a_drawn_input_takes_from_the_generator_as_python_does():
    torch.manual_seed(1)
    (drawn,), _ = subject(Input(None, "randn(batch_size, 4)")).draw({"batch_size": 3})
    torch.manual_seed(1)
    assert torch.equal(drawn, torch.randn(3, 4))
