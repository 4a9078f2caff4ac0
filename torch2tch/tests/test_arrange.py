"""Passes over nodes, one by one."""

import torch

from torch2tch.arrange.folding import fold
from torch2tch.arrange.initialization import roll_names
from torch2tch.arrange.unused import drop_unused
from torch2tch.nodes import Do, Let, Line, Name, Return
from torch2tch.nodes.statements import Repeated
from torch2tch.understand.operations import operation

LINE = Line("net.py", 3, "y = …")
X = Name(1, "x")


def op(name: str, *arguments: object):
    function = getattr(torch.ops.aten, name).default
    made = operation(function, arguments, {}, lambda value: value, None)
    parts = tuple(
        (n, a)
        for (n, _), a in zip(
            made.arguments, (*arguments, *[v for _, v in made.arguments][len(arguments) :])
        )
    )
    return type(made)(made.schema, parts, None)


def test_a_pure_value_moves_to_its_use_and_over_a_draw():
    a, b = Name(2, "a"), Name(3, "b")
    body = (
        Let(a, op("relu", X), LINE),
        Let(b, op("rand_like", X), LINE),
        Return((op("cross_entropy_loss", b, a),), LINE),
    )
    assert len(fold(body)) == 1


def test_two_draws_keep_their_order():
    a, b = Name(2, "a"), Name(3, "b")
    body = (
        Let(a, op("rand_like", X), LINE),
        Let(b, op("randn_like", X), LINE),
        Return((op("cross_entropy_loss", b, a),), LINE),
    )
    folded = fold(body)
    assert folded[0] == body[0], "the first draw keeps a name, as it would be evaluated last"


def test_a_value_does_not_move_over_a_change():
    a = Name(2, "a")
    body = (
        Let(a, op("relu", X), LINE),
        Do(op("sigmoid_", X), LINE),
        Return((op("sigmoid", a),), LINE),
    )
    assert fold(body)[0] == body[0]


def test_a_value_of_another_line_keeps_its_name():
    a = Name(2, "a")
    body = (Let(a, op("relu", X), Line("net.py", 2, "a = …")), Return((op("sigmoid", a),), LINE))
    assert fold(body) == body


def test_what_nobody_uses_goes_but_for_its_draws():
    body = (
        Let(Name(2, "a"), op("relu", X), LINE),
        Let(Name(3, "b"), op("rand_like", X), LINE),
        Return((X,), LINE),
    )
    assert drop_unused(body) == (Do(body[1].value, LINE), body[2])


def test_names_of_the_elements_of_a_list_are_rolled_up():
    names = ("embed.weight", "layers.0.a", "layers.0.b", "layers.1.a", "layers.1.b", "head.weight")
    assert roll_names(names) == ("embed.weight", Repeated("layers", 2, ("a", "b")), "head.weight")


def test_elements_that_differ_are_not_rolled_up():
    names = ("layers.0.a", "layers.1.b")
    assert roll_names(names) == names


def test_an_element_with_more_ends_the_repetition():
    names = ("layers.0.a", "layers.1.a", "layers.2.a", "layers.2.b")
    assert roll_names(names) == (Repeated("layers", 2, ("a",)), "layers.2.a", "layers.2.b")
