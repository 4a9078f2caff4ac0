"""`forward` as recorded, class by class: Python to Rust."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from torch2tch.subject import Refused, Size

from .recording import Linear, method, rust

X = "randn(batch_size, 4)"


def test_operations_of_a_line_are_one_expression():
    class Net(Linear):
        def forward(self, x):
            x = torch.relu(self.fc(x))
            return x + x.sigmoid()

    assert method(rust(Net, X), "fn forward") == (
        "let x = x.apply(&self.fc).relu();\n&x + x.sigmoid()"
    )


def test_training_and_evaluation_are_one_body_where_a_flag_differs():
    class Net(Linear):
        def forward(self, x):
            return F.dropout(self.fc(x), 0.3, self.training)

    assert method(rust(Net, X), "fn forward_t") == "x.apply(&self.fc).dropout(0.3, train)"


def test_training_and_evaluation_are_two_bodies_where_they_do_something_else():
    class Net(Linear):
        def forward(self, x):
            if self.training:
                return self.fc(x)
            return self.fc(x).softmax(1)

    assert method(rust(Net, X), "fn forward_t") == (
        "if train {\n"
        "    x.apply(&self.fc)\n"
        "} else {\n"
        "    x.apply(&self.fc).softmax(1, None::<Kind>)\n"
        "}"
    )


def test_a_layer_that_does_nothing_in_evaluation_returns_early():
    class Noise(nn.Module):
        def forward(self, x):
            return x + torch.randn_like(x) if self.training else x

    class Net(Linear):
        def __init__(self):
            super().__init__()
            self.noise = Noise()

        def forward(self, x):
            return self.noise(self.fc(x))

    text = rust(Net, X)
    assert method(text, "fn forward_t") == "x.apply(&self.fc).apply_t(&self.noise, train)"
    noise = text[text.index("pub struct Noise") :]
    assert method(noise, "fn forward_t") == (
        "if !train {\n    return x.shallow_clone();\n}\nx + x.randn_like()"
    )


def test_draws_stay_in_pythons_order():
    class Net(Linear):
        def forward(self, x):
            a = torch.rand_like(x)
            b = torch.randn_like(x)
            return self.fc(b - a)

    assert method(rust(Net, X), "fn forward") == (
        "let a = x.rand_like();\nlet b = x.randn_like();\n(&b - &a).apply(&self.fc)"
    )


def test_operands_of_one_line_that_draw_in_another_order_than_rust_are_named():
    class Net(Linear):
        def forward(self, x):
            return (
                self.fc(torch.sub(other=(a := torch.rand_like(x)), input=torch.randn_like(x))) + a
            )

    body = method(rust(Net, X), "fn forward")
    assert body.index("rand_like") < body.index("randn_like")


def test_a_change_in_place_is_one_in_rust_and_seen_through_a_view():
    class Net(Linear):
        def forward(self, x):
            x = self.fc(x)
            row = x[:, 0]
            row += 1
            return x * 2

    assert method(rust(Net, X), "fn forward") == (
        "let x = x.apply(&self.fc);\n"
        "let mut row = x.select(1, 0);\n"
        "let _ = row.g_add_scalar_(1);\n"
        "&x * 2"
    )


def test_a_change_of_an_argument_is_one_of_the_callers_tensor():
    class Net(Linear):
        def forward(self, x):
            x += 1
            return self.fc(x)

    assert "let mut x = x.shallow_clone();" in method(rust(Net, X), "fn forward")


def test_a_layer_called_twice_is_called_twice():
    class Net(Linear):
        def forward(self, x):
            return self.fc(self.fc(x))

    assert method(rust(Net, X), "fn forward") == "x.apply(&self.fc).apply(&self.fc)"


def test_a_free_size_is_a_size_and_has_a_name_where_it_is_used_twice():
    class Net(Linear):
        def forward(self, x):
            b, n = x.shape
            return self.fc(x).view(b, 2, 2).transpose(1, 2).reshape(b, n)

    assert method(rust(Net, X), "fn forward") == (
        "let batch_size = x.size()[0];\n"
        "x.apply(&self.fc)\n"
        "    .view([batch_size, 2, 2])\n"
        "    .transpose(1, 2)\n"
        "    .reshape([batch_size, 4])"
    )


def test_a_quotient_of_a_size_rounds_down():
    class Net(Linear):
        def forward(self, x):
            return self.fc(x)[: x.shape[0] // 2 + 1]

    assert "batch_size.div_euclid(2) + 1" in rust(Net, X)


def test_sizes_and_dtypes_that_the_recording_has_fixed_are_checked_in_a_line():
    text = rust(type("Net", (Linear,), {"forward": lambda self, x: self.fc(x)}), X)
    assert "matches!(x.size()[..], [_, 4]) && x.kind() == Kind::Float," in text
    assert '"x: expected [batch_size, 4] of Float, as it was recorded, found {:?} of {:?}",' in text


def test_a_free_size_that_the_code_fixes_is_refused_at_its_line():
    class Net(Linear):
        def forward(self, x):
            for _ in range(x.shape[0]):
                x = x + 1
            return self.fc(x)

    line = Net.forward.__code__.co_firstlineno + 1
    with pytest.raises(Refused, match=rf"forward.py:{line}: batch_size is fixed at 3 here"):
        rust(Net, X)


def test_int_of_a_free_size_is_the_size():
    class Net(Linear):
        def forward(self, x):
            size = int(x.shape[0])
            assert isinstance(3, int) and int == int  # noqa: E721
            return self.fc(x) + torch.zeros(size, int("4"))

    assert "Tensor::zeros([x.size()[0], 4]" in rust(Net, X)


def test_one_size_of_two_inputs_is_one():
    class Net(Linear):
        def forward(self, x, y):
            return torch.einsum("bn,vbn->vbn", self.fc(x), y)

    text = rust(Net, X, "randn(2, batch_size, 4)")
    assert "matches!(y.size()[..], [2, _, 4])" in text


def test_a_mask_and_a_length_are_arguments_of_their_own():
    class Net(Linear):
        def forward(self, x, mask):
            return self.fc(x).masked_fill(mask == 0, -1e9).sum(1)

    text = rust(
        Net,
        "randn(batch_size, length, 4)",
        "ones(batch_size, length, 1)",
        sizes=(Size("batch_size"), Size("length", (6, 7))),
    )
    assert "pub fn forward(&self, x: &Tensor, mask: &Tensor) -> Tensor {" in text
    assert ".masked_fill(&mask.eq(0), -1000000000.)" in text


def test_several_results_are_a_tuple():
    class Net(Linear):
        def forward(self, x):
            y = self.fc(x)
            return y, y.max(1)

    assert method(rust(Net, X), "pub fn forward") == (
        "let y = x.apply(&self.fc);\n"
        "let max = y.max_dim(1, false);\n"
        "(y, max.0.shallow_clone(), max.1.shallow_clone())"
    )


def test_control_flow_over_data_is_refused_with_what_to_do():
    class Net(Linear):
        def forward(self, x):
            return self.fc(x) if x.sum() > 0 else x

    with pytest.raises(
        Refused, match=r"data-dependent control flow is not supported.*torch\.where"
    ):
        rust(Net, X)


def test_a_branch_on_a_size_is_checked():
    class Net(Linear):
        def forward(self, x):
            x = self.fc(x)
            return x + 1 if x.shape[0] % 2 == 1 and x.shape[0] < 7 else x

    text = rust(Net, X)
    assert (
        'batch_size.rem_euclid(2) == 1, "recorded for sizes with Mod(batch_size, 2) == 1"'
        in " ".join(text.split())
    )
    assert 'assert!(batch_size < 7, "recorded for sizes with batch_size < 7");' in text
    assert "!= 1" not in text


def test_a_batch_of_one_is_refused_where_python_does_something_else():
    class Net(Linear):
        def forward(self, x):
            x = self.fc(x)
            return x * 2 if x.shape[0] == 1 else x

    assert 'assert!(x.size()[0] != 1, "recorded for sizes with batch_size != 1");' in rust(Net, X)


def test_a_part_without_gradient_is_detached():
    class Net(Linear):
        def forward(self, x):
            with torch.no_grad():
                y = self.fc(x) * 2
            return self.fc(y)

    assert method(rust(Net, X), "fn forward") == (
        "let y = (x.apply(&self.fc) * 2).detach();\ny.apply(&self.fc)"
    )


def test_a_change_of_a_parameter_without_gradient_is_refused():
    class Net(Linear):
        def forward(self, x):
            with torch.no_grad():
                self.fc.weight.mul_(2)
            return self.fc(x)

    with pytest.raises(Refused, match=r"changed in place under torch\.no_grad"):
        rust(Net, X)


def test_a_cast_for_another_device_does_nothing():
    class Net(Linear):
        def forward(self, x):
            with torch.autocast("cuda", enabled=False):
                return self.fc(x)

    assert method(rust(Net, X), "fn forward") == "x.apply(&self.fc)"


def test_data_is_the_tensor_without_gradients():
    class Net(Linear):
        def forward(self, x):
            y = self.fc(x)
            y.data.clamp_(min=0)
            return y.sigmoid()

    assert "let _ = y.detach().clamp_min_(0);" in method(rust(Net, X), "fn forward")


def test_an_activation_of_the_class_is_a_layer_of_each_instance():
    activation = nn.LeakyReLU(0.2)

    class Block(Linear):
        def __init__(self):
            super().__init__()
            self.act = activation

        def forward(self, x):
            return self.act(self.fc(x))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = Block(), Block()

        def forward(self, x):
            return self.b(self.a(x))

    text = rust(Net, X)
    assert text.count("act: LeakyReLU { negative_slope: 0.2, ..LeakyReLU::default() },") == 1
    assert method(text, "fn forward") == "x.apply(&self.a).apply(&self.b)"


def test_calls_of_one_module_give_the_same_results():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.LSTMCell(1, 5)

        def forward(self, x):
            h, c = torch.zeros(x.size(0), 5), torch.zeros(x.size(0), 5)
            for step in x.split(1, dim=1):
                h, c = self.cell(step, (h, c))
            return h

    assert rust(Net, X).count("self.cell.forward(") == 4


def test_a_layer_whose_buffer_changes_may_be_called_twice():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(4, track_running_stats=True)

        def forward(self, x):
            return self.norm(x)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.block = Block()

        def forward(self, x):
            return self.block(x) - self.block(x + 1)

    assert method(rust(Net, X), "fn forward_t") == (
        "x.apply_t(&self.block, train) - (x + 1).apply_t(&self.block, train)"
    )


def test_a_size_of_the_body_around_has_one_name():
    class Net(Linear):
        def forward(self, x):
            y = torch.zeros(x.size(0), 4)
            if self.training:
                return self.fc(x) + y + torch.ones(x.size(0), 4) * torch.zeros(x.size(0), 4)
            return y

    text = rust(Net, X)
    assert text.count("let batch_size = x.size()[0];") == 1 and "batch_size2" not in text


def test_a_result_that_is_the_input_is_another_handle_of_it():
    class Net(Linear):
        def forward(self, x):
            return self.fc(x), x

    assert method(rust(Net, X), "pub fn forward") == "(x.apply(&self.fc), x.shallow_clone())"


def test_a_conversion_that_does_nothing_is_left_out_and_its_input_goes_on():
    class Net(Linear):
        def forward(self, x):
            y = self.fc(x.float())
            return y.to(x.dtype) + x

    assert method(rust(Net, X), "fn forward") == "let y = x.apply(&self.fc);\n&y + x"


def test_a_sum_that_changes_nothing_is_left_out():
    class Net(Linear):
        def forward(self, x):
            return self.fc(x) * (torch.arange(4) + 0)

    assert "arange" in (body := method(rust(Net, X), "fn forward"))
    assert "+ 0" not in body


def test_a_sum_that_makes_a_zero_of_a_negative_zero_stays():
    class Net(Linear):
        def forward(self, x):
            return self.fc(x) + 0

    assert method(rust(Net, X), "fn forward") == "x.apply(&self.fc) + 0"


def test_the_transpose_of_numpy_has_a_spelling():
    class Net(Linear):
        def forward(self, x):
            return self.fc(x) @ self.fc.weight.T

    assert method(rust(Net, X), "fn forward") == ("x.apply(&self.fc).matmul(&self.fc.ws.numpy_t())")


def test_forward_itself_is_a_call_of_the_module():
    class Norm(nn.LayerNorm):
        def forward(self, x):
            return super().forward(x * 2)

    class Net(Linear):
        def __init__(self):
            super().__init__()
            self.norm = Norm(4)
            self.relu = nn.ReLU()
            self.bn = nn.BatchNorm1d(4)

        def forward(self, x):
            x = self.bn.forward(self.fc.forward(x))
            return self.norm.forward(self.relu.forward(x))

    text = rust(Net, X)
    body = method(text, "fn forward")
    assert "x.apply(&self.fc).apply_t(&self.bn, train)" in body
    assert body.endswith(".apply(&self.relu).apply(&self.norm)")


def test_hooks_run_in_a_call_and_not_in_forward_itself():
    class Net(Linear):
        def __init__(self):
            super().__init__()
            self.fc.register_forward_hook(lambda module, inputs, output: output * 3)

        def forward(self, x):
            return self.fc.forward(x) + self.fc(x)

    text = rust(Net, X)
    body = "x.linear(&self.fc_weight, Some(&self.fc_bias)) + x.apply(&self.fc)"
    assert method(text, "fn forward") == body
    assert text.count("* 3") == 1


def test_the_length_of_a_tensor_stays_free():
    class Net(Linear):
        def forward(self, x):
            return self.fc(x) + torch.zeros(len(x), len([1, 2, 3, 4]))

    body = method(rust(Net, X), "fn forward")
    assert "Tensor::zeros([x.size()[0], 4]" in body


def test_a_layer_that_is_made_in_forward_draws_at_each_call():
    class Net(Linear):
        def forward(self, x):
            return nn.Linear(4, 2)(self.fc(x))

    text = rust(Net, X)
    assert "fc: Linear,\n}" in text
    assert method(text, "fn forward").count(".uniform_(") == 2


def test_a_sparse_buffer_that_is_not_read_is_left_out():
    class Net(Linear):
        def __init__(self):
            super().__init__()
            self.register_buffer("mask", torch.eye(3).to_sparse(), persistent=False)

        def forward(self, x):
            return self.fc(x)

    assert "mask" not in rust(Net, X)


class Reshaped(nn.Module):
    """A constant of its forward follows from the length of its input."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return self.fc(x).reshape(x.shape[0], x.shape[1] * 4)


def test_a_module_that_is_called_with_two_lengths_runs_with_both():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Reshaped()

        def forward(self, x):
            return torch.cat([self.inner(x), self.inner(x[:, :2])], 1)

    body = method(rust(Net, "randn(batch_size, 3, 4)"), "fn forward")
    assert "x.apply(&self.inner)" in body
    assert ".apply(&self.inner.fc).reshape([x.size()[0], 8])" in body


def test_a_module_that_is_called_in_two_ways_is_written_out_the_second_time():
    class Inner(Linear):
        def forward(self, x, scale=None):
            x = self.fc(x)
            return x if scale is None else x * scale

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Inner()
            self.scale = nn.Parameter(torch.ones(4))

        def forward(self, x):
            return self.inner(self.inner(x), self.scale)

    assert (
        method(rust(Net, X), "fn forward")
        == "x.apply(&self.inner).apply(&self.inner.fc) * &self.scale"
    )


def test_an_array_of_seven_sizes_is_a_slice():
    class Net(Linear):
        def forward(self, x):
            return self.fc(x).reshape(-1, 1, 1, 1, 1, 2, 2).sum((1, 2, 3, 4))

    assert ".reshape([-1, 1, 1, 1, 1, 2, 2].as_slice())" in method(rust(Net, X), "fn forward")
