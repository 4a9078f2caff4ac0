"""Classes whose port as written would mean something else: they are mended or refused."""

from pathlib import Path

import pytest

from torch2tch.load import Options, load
from torch2tch.recorded import port_recorded
from torch2tch.subject import Refused
from torch2tch.written import port_as_written

HEAD = "import torch\nimport torch.nn as nn\n\n\n"


def net(body: str, forward: str = "return self.fc(x)") -> str:
    lines = "\n".join(f"        {line}" for line in body.splitlines())
    answer = "\n".join(f"        {line}" for line in forward.splitlines())
    return (
        f"class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n{lines}\n\n"
        f"    def forward(self, x):\n{answer}\n\n\n"
    )


def rust(folder: Path, text: str) -> str:
    file = folder / "net.py"
    file.write_text(HEAD + text)
    options = Options(inputs=("randn(batch_size, 4)",))
    return port_as_written(load(f"{file}:Net", options)).rust


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(Refused) as caught:
        rust(folder, text)
    return str(caught.value)


FC = "self.fc = nn.Linear(4, 4)"


def test_division_of_what_may_be_negative_rounds_down(tmp_path: Path) -> None:
    forward = "m = x.size(0) - 5\nreturn self.fc(x) * (m // 2) + m % 3"
    found = rust(tmp_path, net(FC, forward))
    assert "m.div_euclid(2)" in found
    assert "m.rem_euclid(3)" in found


def test_an_expression_that_draws_is_not_written_twice(tmp_path: Path) -> None:
    body = f"{FC}\nself.drop = nn.Dropout(0.5)"
    forward = "return self.fc(x) / self.drop(x).shape[-1]"
    assert "written twice" in refusal(tmp_path, net(body, forward))


def test_draws_keep_their_order(tmp_path: Path) -> None:
    forward = "return self.fc(torch.where(torch.rand_like(x) > 0.5, torch.randn_like(x), x))"
    assert "several arguments draw" in refusal(tmp_path, net(FC, forward))


def test_two_attributes_with_one_name_in_rust(tmp_path: Path) -> None:
    body = "self.HTTPHead = nn.Linear(4, 2)\nself.httphead = nn.Linear(4, 2)"
    assert "one name in Rust, httphead" in refusal(tmp_path, net(body, "return self.HTTPHead(x)"))


BLOCK = """class Block(nn.Module):
    def __init__(self, norm):
        super().__init__()
        layers = [nn.Linear(4, 4)]
        self.fc = nn.Linear(4, 4)
        if norm:
            {}
        self.net = nn.Sequential(*layers)

    def forward(self, x):
        return self.net(x)


"""


@pytest.mark.parametrize(
    "change",
    [
        "layers.append(nn.LayerNorm(4))",
        "layers += [nn.Tanh()]",
        "layers = [nn.Tanh()]",
        "nn.init.zeros_(self.fc.weight)",
    ],
)
def test_what_one_instance_does_and_another_does_not(tmp_path: Path, change: str) -> None:
    text = BLOCK.format(change) + net(
        "self.a = Block(True)\nself.b = Block(False)", "return self.a(x)"
    )
    assert "instances of the class differ" in refusal(tmp_path, text)


def test_a_return_ends_an_unrolled_loop(tmp_path: Path) -> None:
    function = (
        "def first(numbers):\n    for number in numbers:\n        if number > 3:\n"
        "            return number\n    return 0\n\n\n"
    )
    body = "self.fc = nn.Linear(4, first((1, 5, 9)))"
    assert 'linear(vs / "fc", 4, 5,' in rust(tmp_path, function + net(body))


def test_a_number_behind_a_minus_is_used(tmp_path: Path) -> None:
    found = rust(tmp_path, net(FC, "n = x.size(1) // 2\nreturn self.fc(x)[:, -n:]"))
    assert "let n = " in found


def test_layers_in_a_list_keep_their_own_names(tmp_path: Path) -> None:
    body = (
        "self.layers = nn.ModuleList()\nfor i in range(2):\n"
        '    self.layers.add_module("fc_%d" % i, nn.Linear(4, 4))'
    )
    found = rust(tmp_path, net(body, "for layer in self.layers:\n    x = layer(x)\nreturn x"))
    assert '"fc_0"' in found
    assert '"fc_1"' in found


def test_a_tuple_of_fields(tmp_path: Path) -> None:
    body = f"self.width, self.height = 4, 3\n{FC}"
    found = rust(tmp_path, net(body, "return self.fc(x) * self.width + self.height"))
    assert "* 4" in found


def test_a_shape_and_a_tuple_are_not_compared(tmp_path: Path) -> None:
    text = net(FC, "assert x.shape[1:] == self.sizes()\nreturn self.fc(x)")
    method = "    def sizes(self):\n        _, width = (3, 4)\n        return (width,)\n"
    assert "has no Rust" in refusal(tmp_path, text.rstrip() + "\n\n" + method)


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("def train(self, mode=True):\n        return super().train(False)", "train"),
        ("def __call__(self, x):\n        return super().__call__(x) + 1", "__call__"),
    ],
)
def test_methods_of_the_base_class_that_are_overridden(
    tmp_path: Path, method: str, name: str
) -> None:
    text = net(FC).rstrip() + f"\n\n    {method}\n"
    assert f"Net overrides {name}" in refusal(tmp_path, text)


def recorded_refusal(folder: Path, text: str) -> str:
    file = folder / "net.py"
    file.write_text(HEAD + text)
    with pytest.raises(Refused) as caught:
        port_recorded(load(f"{file}:Net", Options(inputs=("randn(batch_size, 4)",))))
    return str(caught.value)


def test_a_layer_that_is_kept_in_evaluation_is_not_recorded(tmp_path: Path) -> None:
    method = (
        "    def train(self, mode=True):\n        super().train(mode)\n        self.fc.eval()\n"
    )
    text = f"{net(FC).rstrip()}\n\n{method}        return self\n"
    assert "leaves fc in the other mode" in recorded_refusal(tmp_path, text)


def test_draws_of_pythons_own_generator_are_not_recorded(tmp_path: Path) -> None:
    text = "import random\n\n\n" + net(FC, "return self.fc(x) * random.random()")
    assert "Python's or NumPy's generator" in recorded_refusal(tmp_path, text)


def test_hooks(tmp_path: Path) -> None:
    body = f"{FC}\nself.fc.register_forward_hook(lambda module, args, output: output * 2)"
    assert "fc has a hook" in refusal(tmp_path, net(body))


def test_a_class_named_as_a_layer_that_it_uses(tmp_path: Path) -> None:
    own = net(FC).replace("class Net", "class Linear")
    text = own + net("self.body = Linear()", "return self.body(x)")
    assert "has the name of a layer in Rust" in refusal(tmp_path, text)
    other = net("self.weight = nn.Parameter(torch.ones(4))", "return x * self.weight")
    other = other.replace("class Net", "class Linear")
    assert "pub struct Linear" in rust(
        tmp_path, other + net("self.body = Linear()", "return self.body(x)")
    )


def test_layers_that_backward_runs_again_are_refused(tmp_path: Path) -> None:
    body = f"{FC}\nself.norm = nn.BatchNorm1d(4)"
    forward = (
        "from torch.utils.checkpoint import checkpoint\n"
        "return checkpoint(self.norm, self.fc(x), use_reentrant=False)"
    )
    file = tmp_path / "net.py"
    file.write_text(HEAD + net(body, forward))
    with pytest.raises(Refused, match=r"backward changes norm\.running_mean"):
        port_recorded(load(f"{file}:Net", Options(inputs=("randn(batch_size, 4)",))))
