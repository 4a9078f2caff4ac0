"""Constructors as recorded, class by class: Python to Rust."""

import random
from typing import Any

import pytest
import torch
from torch import nn

from torch2tch.subject import Refused

from .recording import Linear, method, rust

X = "randn(batch_size, 4)"


def test_layers_are_fields_under_their_paths():
    class Net(Linear):
        def forward(self, x):
            return self.fc(x)

    assert method(rust(Net, X), "pub fn new") == (
        'Self {\n    fc: linear(vs / "fc", 4, 4, Default::default()),\n}'
    )


def test_instances_that_differ_in_numbers_are_one_struct_with_arguments():
    class Block(nn.Module):
        def __init__(self, width, p):
            super().__init__()
            self.fc, self.drop = nn.Linear(4, width), nn.Dropout(p)

        def forward(self, x):
            return self.drop(self.fc(x))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = Block(4, 0.1), Block(8, 0.2)

        def forward(self, x):
            return self.b(self.a(x))

    text = rust(Net, X)
    assert "pub fn new(vs: &Path, width: i64, p: f64) -> Self {" in text
    assert 'b: Block::new(&(vs / "b"), 8, 0.2),' in text and text.count("pub struct Block") == 1


def test_a_list_is_a_vec_and_a_loop():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

    text = rust(Net, X)
    assert '.map(|i| linear(vs / "layers" / i, 4, 4, Default::default()))' in text
    assert method(text, "fn forward") == (
        "let mut x = x.shallow_clone();\nfor layer in &self.layers {\n    x = x.apply(layer);\n}\nx"
    )


def test_a_statement_that_initializes_many_is_a_loop():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)
            for m in self.modules():
                if isinstance(m, nn.Linear):
                    nn.init.xavier_uniform_(m.weight)
                    nn.init.zeros_(m.bias)

        def forward(self, x):
            return self.b(self.a(x))

    body = method(rust(Net, X), "pub fn new")
    assert (
        'for name in ["a.weight", "b.weight"] {\n'
        "    init::xavier_uniform_(&mut get(vs, name), 1.);\n"
        "}\n"
    ) in body
    assert 'for name in ["a.bias", "b.bias"] {\n    init::zeros_(&mut get(vs, name));\n}' in body


def test_a_draw_by_rejection_is_one_call_whatever_it_draws():
    class Net(Linear):
        def __init__(self):
            super().__init__()
            self.token = nn.Parameter(torch.zeros(1, 4))
            nn.init.trunc_normal_(self.token, std=0.02)

        def forward(self, x):
            return self.fc(x + self.token)

    body = method(rust(Net, X), "pub fn new")
    assert (
        'let mut token = vs.add("token", Tensor::zeros([1, 4], (Kind::Float, vs.device())), true);'
        in body
    )
    assert "init::trunc_normal_(&mut token, 0., 0.02, -2., 2.);" in body


def test_a_layer_that_is_made_and_dropped_draws_in_its_place():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            nn.Linear(4, 2)
            self.fc = nn.Linear(4, 4)

        def forward(self, x):
            return self.fc(x)

    body = method(rust(Net, X), "pub fn new")
    assert body.index("let _ = linear(VarStore::new(vs.device()).root(), 4, 2") < body.index(
        'vs / "fc"'
    )


def test_a_layer_that_a_part_makes_and_drops_draws_in_that_part():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 2)
            self.fc = nn.Linear(4, 4)

        def forward(self, x):
            return self.fc(x)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = Block(), Block()

        def forward(self, x):
            return self.b(self.a(x))

    text = rust(Net, X)
    assert text.count("VarStore::new(vs.device()).root(), 4, 2") == 1
    assert "VarStore" not in method(text, "pub fn new")


def test_a_parameter_that_a_function_sets_has_its_place_in_the_layer():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.utils.weight_norm(nn.Linear(4, 4))

        def forward(self, x):
            return self.fc(x)

    text = rust(Net, X)
    assert 'get(vs, "fc.weight_g").copy_(' in method(text, "pub fn new")
    assert 'vs.add("weight_g", Tensor::zeros([4, 1], (Kind::Float, vs.device())), true)' in text


def test_a_parameter_that_is_made_before_its_module_is_handed_to_it():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.utils.parametrizations.weight_norm(nn.Linear(4, 4))

        def forward(self, x):
            return self.fc(x)

    assert '"parametrizations.weight.original1").copy_(&original1);' in rust(Net, X)


class Side(nn.Module):
    def __init__(self, words=None):
        super().__init__()
        self.words = words or nn.Embedding(10, 4)

    def forward(self, x):
        return self.words(x)


IDS = "randint(10, (batch_size, 3))"


def test_a_weight_of_a_siblings_layer_is_given_from_above():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = Side(), Side()
            self.b.words.weight = self.a.words.weight

        def forward(self, x):
            return self.a(x) + self.b(x)

    text = rust(Net, IDS)
    assert 'b.words.ws = get(vs, "a.words.weight");' in method(text, "pub fn new")


def test_a_module_of_two_siblings_is_made_once():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            words = nn.Embedding(10, 4)
            self.a, self.b = Side(words), Side(words)

        def forward(self, x):
            return self.a(x) + self.b(x)

    text = rust(Net, IDS)
    assert text.count("embedding(vs") == 1 and "normal_(" not in text


def test_a_buffer_is_stored_and_one_that_is_not_persistent_is_a_field():
    class Net(Linear):
        def __init__(self):
            super().__init__()
            self.register_buffer("mean", torch.ones(4))
            self.register_buffer("scale", torch.arange(4.0), persistent=False)

        def forward(self, x):
            return self.fc((x - self.mean) * self.scale)

    body = method(rust(Net, X), "pub fn new")
    assert 'mean: vs.add("mean", Tensor::ones([4], (Kind::Float, vs.device())), false),' in body
    assert "scale: Tensor::arange(4., (Kind::Float, vs.device()))," in body


def test_a_buffer_that_is_a_view_has_its_own_shape():
    class Net(Linear):
        def __init__(self):
            super().__init__()
            self.register_buffer("ids", torch.arange(4).expand((1, -1)))

        def forward(self, x):
            return self.fc(x + self.ids)

    assert 'vs.add("ids", arange.expand([1, -1], false), false)' in rust(Net, X)


def test_frozen_parameters_are_frozen():
    class Net(Linear):
        def __init__(self):
            super().__init__()
            self.fc.weight.requires_grad_(False)

        def forward(self, x):
            return self.fc(x)

    assert (
        'for name in ["fc.weight"] {\n    let _ = get(vs, name).set_requires_grad(false);\n}'
        in method(rust(Net, X), "pub fn new")
    )


def test_a_tied_layer_has_the_others_weight_and_its_own_draw():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(9, 4)
            self.head = nn.Linear(4, 9, bias=False)
            self.head.weight = self.embed.weight

        def forward(self, x):
            return self.head(self.embed(x))

    body = method(rust(Net, "randint(9, (batch_size, 4))"), "pub fn new")
    assert "let mut head = linear(" in body and "VarStore::new(vs.device()).root()" in body
    assert 'head.ws = get(vs, "embed.weight");' in body


def test_a_layer_that_nobody_calls_is_made_for_its_parameters():
    class Net(Linear):
        def __init__(self):
            super().__init__()
            self.unused, self.drop = nn.Linear(4, 2), nn.Dropout(0.1)

        def forward(self, x):
            return self.fc(x)

    text = rust(Net, X)
    assert (
        'let _ = linear(vs / "unused", 4, 2, Default::default());' in text and "Dropout" not in text
    )


def test_randomness_that_is_not_torchs_is_refused():
    class Net(Linear):
        def __init__(self):
            super().__init__()
            self.shift = nn.Parameter(torch.full((4,), random.random()))

        def forward(self, x):
            return self.fc(x + self.shift)

    with pytest.raises(Refused, match="made twice from one seed, shift differs"):
        rust(Net, X)


def test_the_file_says_for_what_it_was_recorded():
    class Net(Linear):
        def forward(self, x, scale=True):
            return self.fc(x) * 2 if scale else self.fc(x)

    text = rust(Net, X, scale=False)
    assert "/// Recorded for `randn(batch_size, 4)`; the free sizes are batch_size." in text
    assert "/// Fixed: `scale=False`." in text


def test_a_layer_that_some_instances_lack_is_an_option():
    class Block(nn.Module):
        def __init__(self, width, out):
            super().__init__()
            self.fc = nn.Linear(width, out)
            self.skip = nn.Linear(width, out) if width != out else None

        def forward(self, x):
            y = self.fc(x)
            if self.skip is not None:
                x = self.skip(x)
            return x + y

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = Block(4, 4), Block(4, 8), Block(8, 6)

        def forward(self, x):
            return self.c(self.b(self.a(x)))

    text = rust(Net, X)
    assert text.count("pub struct Block") == 1 and "skip: Option<Linear>," in text
    assert "pub fn new(vs: &Path, width: i64, out: i64, has_skip: bool) -> Self {" in text
    assert 'skip: has_skip.then(|| linear(vs / "skip", width, out, Default::default())),' in text
    assert "match &self.skip { Some(skip) => x.apply(skip), None => x.shallow_clone() };" in text


def test_a_struct_trains_if_only_the_layer_trains_that_some_instances_lack():
    class Drop(nn.Module):
        def __init__(self, p):
            super().__init__()
            self.p = p

        def forward(self, x):
            return torch.bernoulli(torch.full_like(x, self.p)) * x if self.training else x

    class Block(nn.Module):
        def __init__(self, p):
            super().__init__()
            self.fc = nn.Linear(4, 4)
            self.drop = Drop(p) if p else nn.Identity()

        def forward(self, x):
            return self.drop(self.fc(x))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.Sequential(Block(0.0), Block(0.25), Block(0.5))

        def forward(self, x):
            return self.blocks(x)

    text = rust(Net, X)
    assert text.count("pub struct Block") == 1 and "drop: Option<Drop>," in text
    assert "impl ModuleT for Block" in text


def test_data_of_a_parameter_is_the_parameter():
    class Net(Linear):
        def __init__(self):
            super().__init__()
            nn.init.zeros_(self.fc.bias)
            self.fc.bias.data.mul_(2.0)

        def forward(self, x):
            return self.fc(x)

    body = method(rust(Net, X), "pub fn new")
    assert 'let _ = get(vs, "fc.bias").g_mul_scalar_(2.);' in body and "copy_" not in body


def test_a_class_without_parameters_does_not_use_its_path():
    class Double(nn.Module):
        def __init__(self):
            super().__init__()
            self.flatten = nn.Flatten()

        def forward(self, x):
            return self.flatten(x) * 2

    class Net(Linear):
        def __init__(self):
            super().__init__()
            self.twice = Double()

        def forward(self, x):
            return self.twice(self.fc(x))

    assert "pub fn new(_vs: &Path) -> Self {" in rust(Net, X)


def test_a_layer_whose_constructor_takes_nothing_is_the_librarys():
    class Net(Linear):
        def __init__(self):
            super().__init__()
            self.act = nn.Tanh()

        def forward(self, x):
            return self.act(self.fc(x))

    assert "act: Tanh," in rust(Net, X)


def test_a_class_that_holds_nothing_is_a_struct_without_a_constructor():
    class Square(nn.Module):
        def forward(self, x):
            return x * x

    class Net(Linear):
        def __init__(self):
            super().__init__()
            self.square = Square()

        def forward(self, x):
            return self.square(self.fc(x))

    text = rust(Net, X)
    assert "pub struct Square;" in text and "square: Square," in text
    assert "impl Square" not in text


def test_a_class_that_stores_nothing_takes_no_path():
    class Scale(nn.Module):
        def __init__(self, by):
            super().__init__()
            self.by = by

        def forward(self, x):
            return x * self.by

    class Net(Linear):
        def __init__(self):
            super().__init__()
            self.a, self.b = Scale(2.0), Scale(3.0)

        def forward(self, x):
            return self.b(self.a(self.fc(x)))

    text = rust(Net, X)
    assert "pub fn new(by: f64) -> Self {" in text and "b: Scale::new(3.)," in text


def test_a_class_that_stores_nothing_and_is_not_used_is_not_made():
    class Nothing(nn.Module):
        def forward(self, x):
            return x

    class Net(Linear):
        def __init__(self):
            super().__init__()
            self.nothing = Nothing()

        def forward(self, x):
            return self.fc(x)

    assert "Nothing" not in rust(Net, X)


def test_a_long_use_is_broken_as_rustfmt_does():
    from torch2tch.write import _use

    names = [f"Layer{number:02}" for number in range(20)]
    lines = _use("torch_parity::nn", names)
    assert lines[0] == "use torch_parity::nn::{" and lines[-1] == "};"
    assert all(len(line) <= 100 for line in lines)


def test_a_list_beside_layers_of_one_list_has_its_own_field():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            norms = nn.ModuleList([nn.LayerNorm(4)])
            self.layers = nn.ModuleList([nn.ModuleList([norms, nn.Linear(4, 4)])])

        def forward(self, x):
            pair: Any = self.layers[0]
            norms, linear = pair
            return linear(norms[0](x))

    text = rust(Net, X)
    assert "x.apply(&self.layers_0_0[0]).apply(&self.layers_0_1)" in method(text, "fn forward")
    assert "    layers_0_0: Vec<LayerNorm>,\n    layers_0_1: Linear,\n" in text


def test_a_model_with_a_name_of_the_librarys_has_another():
    class LayerNorm(nn.Module):
        def __init__(self):
            super().__init__()
            self.ln = nn.LayerNorm(4)

        def forward(self, x):
            return self.ln(x)

    text = rust(LayerNorm, X, library_names=frozenset({"LayerNorm"}))
    assert "pub struct LayerNorm2 {" in text and "    ln: LayerNorm,\n" in text


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(9, 4)
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return self.fc(self.embed(x))


def test_a_layer_that_shares_with_a_sibling_gets_its_weight_from_above():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.shared = nn.Embedding(9, 4)
            self.reader = Reader()
            self.reader.embed.weight = self.shared.weight

        def forward(self, x):
            return self.reader(x) + self.shared(x)

    text = rust(Net, "randint(9, (batch_size, 4))")
    assert (
        '    let mut reader = Reader::new(&(vs / "reader"));\n'
        '    reader.embed.ws = get(vs, "shared.weight");\n'
    ) in method(text, "pub fn new").replace("\n", "\n    ")
    assert "VarStore::new(vs.device()).root()" in text[text.index("pub struct Reader") :]


def test_a_parameter_of_a_siblings_own_class_is_handed_to_forward():
    class Scaled(nn.Embedding):
        def forward(self, x):
            return super().forward(x) * 2.0

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = Scaled(9, 4), Scaled(9, 4)
            self.b.weight = self.a.weight

        def forward(self, x):
            return self.a(x) + self.b(x)

    text = rust(Net, "randint(9, (batch_size, 4))")
    assert "self.b.forward(x, &self.a_weight)" in method(text, "fn forward")


def test_a_default_beside_an_argument_of_the_class_is_not_written():
    class Pool(nn.Module):
        def __init__(self, size):
            super().__init__()
            self.pool = nn.Sequential(nn.AvgPool1d(size), nn.MaxPool1d(size, stride=size))

        def forward(self, x):
            return self.pool(x)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = Pool(1), Pool(2)

        def forward(self, x):
            return self.b(self.a(x))

    text = rust(Net, "randn(batch_size, 2, 8)")
    assert ".add(AvgPool1d::new(size)).add(MaxPool1d::new(size))" in text


def test_what_python_leaves_uninitialized_is_zeros_and_said():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.shift = nn.Parameter(torch.empty(4))
            self.part = nn.Parameter(torch.empty(4))
            with torch.no_grad():
                self.part[:2].normal_()

        def forward(self, x):
            return x * self.part + self.shift

    text = rust(Net, X)
    assert "/// Zeros, where Python has uninitialized memory: `part`, `shift`." in text
    assert "let shift = zeros([4])" in text or "zeros" in text


def test_a_field_may_have_the_name_of_a_function_of_the_library():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(4, 4)
            self.last = nn.Linear(4, 4)
            nn.init.zeros_(self.linear.bias)

        def forward(self, x):
            return self.last(self.linear(x))

    text = rust(Net, X)
    assert 'let linear = linear(vs / "linear", 4, 4, Default::default());' in text
    assert 'let last = torch_parity::nn::linear(vs / "last", 4, 4, Default::default());' in text


def test_a_layer_that_runs_in_a_container_alone_is_that_containers():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(4)
            self.down = nn.Sequential(nn.Linear(4, 4), self.norm)

        def forward(self, x):
            return self.down(x)

    text = rust(Net, X)
    assert "pub struct Net {\n    down: SequentialT,\n}" in text
    assert '.add(batch_norm1d(vs / "down" / 1, 4, Default::default()))' in text


def test_layers_that_draw_in_the_order_of_their_container_are_that_containers():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.utils.weight_norm(nn.Linear(4, 5))
            self.relu = nn.ReLU()
            self.conv2 = nn.Linear(5, 4)
            self.net = nn.Sequential(self.conv1, self.relu, self.conv2)
            self.conv2.weight.data.normal_(0, 0.01)

        def forward(self, x):
            return self.net(x) + x

    text = rust(Net, X)
    assert "conv1" not in method(text, "fn forward") and "    net: " in text


def test_a_layer_that_draws_before_others_of_its_container_is_refused():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = nn.Linear(4, 4)
            self.down = nn.Sequential(nn.Linear(4, 4), self.last)

        def forward(self, x):
            return self.down(x)

    with pytest.raises(Refused, match=r"uses last\.weight, which it does not hold"):
        rust(Net, X)


def test_lists_that_are_filled_in_turns_are_made_in_turns():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.ModuleList(), nn.ModuleList()
            for _ in range(2):
                self.a.append(nn.Linear(4, 4))
                self.b.append(nn.Linear(4, 4))

        def forward(self, x):
            for a, b in zip(self.a, self.b):
                x = b(a(x))
            return x

    lines = [line.strip() for line in rust(Net, X).splitlines() if line.strip().startswith("let ")]
    names = [line.split()[1] for line in lines if " = linear(" in line]
    assert names == ["a_0", "b_0", "a_1", "b_1"]
    assert "let a = vec![a_0, a_1];" in lines


def test_layers_of_a_list_that_are_initialized_one_by_one():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList()
            for _ in range(2):
                layer = nn.Linear(4, 4)
                nn.init.xavier_uniform_(layer.weight)
                self.layers.append(layer)

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

    body = method(rust(Net, X), "pub fn new")
    places = [body.index(text) for text in ("let layers_0", '"layers.0.weight"', "let layers_1")]
    assert places == sorted(places)


def test_a_layer_that_is_added_after_others_have_drawn_is_refused():
    class Inner(Linear):
        last: nn.Module

        def forward(self, x):
            return self.last(self.fc(x))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = Inner(), nn.Linear(4, 4)
            self.a.last = nn.Linear(4, 4)

        def forward(self, x):
            return self.b(self.a(x))

    with pytest.raises(Refused, match=r"constructor.py:\d+: a\.last is added to a after other"):
        rust(Net, X)


def test_a_module_that_is_handed_to_another_runs_there():
    class Bias(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(4, 4), nn.ReLU())

        def forward(self, x):
            return self.layers(x)

    class Inner(Linear):
        def forward(self, x, bias):
            return self.fc(x) + bias(x)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.bias, self.inner = Bias(), Inner()

        def forward(self, x):
            return self.inner(x, self.bias)

    text = rust(Net, X)
    assert "x.apply(&self.fc) + x.linear(weight, Some(bias)).relu()" in text
    assert "self.inner.forward(" in text and "&self.bias.layers_0.ws," in text
