#!/usr/bin/env python3
"""Writes the ledger: every public name of Python's torch that this library mirrors, and its proof.

    scripts/generate/ledger.py >docs/ledger.md
    scripts/generate/ledger.py --check          fails if docs/ledger.md is out of date
    scripts/generate/ledger.py --totals         prints the table of totals alone

A name is proved by cases that the tests of crates/torch-parity run in both languages: the rows of
`tests/rows/`, the tables of `tests/tables/`, and the calls in the Python files of `tests/python/`.
Why a name has none is in `tests/tables/left_out.json`, by patterns.
"""

import ast
import datetime
import fnmatch
import importlib
import inspect
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from types import ModuleType

import in_venv

import torch

TESTS = in_venv.ROOT / "crates" / "torch-parity" / "tests"
# Programs that write files for the readers: what they call is no case of it.
WRITERS = {"kinds_of_weights.py", "save_pt.py"}

LEDGER = in_venv.ROOT / "docs" / "ledger.md"
MODULES = [
    "torch.nn",
    "torch.nn.functional",
    "torch.nn.init",
    "torch.nn.utils",
    "torch.nn.utils.rnn",
    "torch.nn.utils.parametrize",
    "torch.nn.utils.parametrizations",
    "torch.nn.utils.stateless",
    "torch.nn.utils.prune",
    "torch.optim",
    "torch.optim.lr_scheduler",
    "torch.optim.swa_utils",
    "torch.utils.data",
    "torch.random",
    "torch.Generator",
    "torch",
]
# Of `torch` itself, the functions that draw.
DRAWS = ["bernoulli", "multinomial", "normal", "poisson", "rand", "rand_like", "randint"]
DRAWS += ["randint_like", "randn", "randn_like", "randperm"]
EQUAL, OWN, MISSING, NOT_OURS = "equal", "tch's own", "missing", "not for us"
# Arguments that say where and how tensors are made, and deprecated ones.
PLACES = {"device", "dtype", "factory_kwargs", "generator", "out", "layout", "requires_grad"}
PLACES |= {"memory_format", "pin_memory", "size_average", "reduce", "_stacklevel", "self"}

Names = dict[str, object]
Cases = dict[str, list[set[str]]]


def public(module: str) -> Names:
    """The public names of a module, without modules and names of other packages."""
    if module == "torch":
        return {name: getattr(torch, name) for name in DRAWS}
    if module == "torch.Generator":
        names = [name for name in dir(torch.Generator) if not name.startswith("_")]
        return {name: getattr(torch.Generator, name) for name in names}
    home = importlib.import_module(module)
    listed = getattr(home, "__all__", None)
    names = [name for name in listed or dir(home) if not name.startswith("_")]
    found = {name: getattr(home, name) for name in names}
    return {name: thing for name, thing in found.items() if is_public(thing, module, listed)}


def is_public(thing: object, module: str, listed: list[str] | None) -> bool:
    if listed or isinstance(thing, ModuleType) or not callable(thing):
        return not isinstance(thing, ModuleType) and bool(listed)
    home = getattr(thing, "__module__", None) or ""
    if type(thing).__name__ == "builtin_function_or_method":
        return home in ("torch", "torch._C._nn")
    return home == module or (module == "torch.nn" and home.startswith("torch.nn."))


def add(cases: Cases, name: str, arguments: set[str]) -> None:
    cases[name].append(arguments)


def parameters(thing: object, name: str) -> list[str]:
    """The names of the arguments, of an operator from its schemas."""
    try:
        found = inspect.signature(thing).parameters  # type: ignore[arg-type]
    except (TypeError, ValueError):
        schemas = [s for s in torch._C._jit_get_all_schemas() if s.name == f"aten::{name}"]
        return list(dict.fromkeys(a.name for s in schemas for a in s.arguments))
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [name for name, parameter in found.items() if parameter.kind not in kinds]


def from_rows(cases: Cases, all_names: dict[str, Names]) -> None:
    """The rows of layers and functions; inner layers count as well."""

    def layer(name: str, args: dict, given: set[str]) -> None:
        space = "torch.nn.functional" if name.startswith("functional.") else "torch.nn"
        add(cases, f"{space}.{name.removeprefix('functional.')}", set(args) | given)
        for value in args.values():
            inner(value)

    def inner(value: object) -> None:
        match value:
            case [str(name), dict(args)]:
                layer(name, args, set())
            case list(values):
                for part in values:
                    inner(part)

    for file in sorted((TESTS / "rows").glob("*.json")):
        for row in json.loads(file.read_text()):
            given = set(row.get("call", {}))
            name = row["layer"].removeprefix("functional.")
            if row["layer"].startswith("functional.") and name in all_names["torch.nn.functional"]:
                function = all_names["torch.nn.functional"][name]
                given |= set(parameters(function, name)[: len(row["inputs"])])
            if "unequal" not in row:
                layer(row["layer"], row["args"], given)


def from_tables(cases: Cases) -> None:
    for function, args, *_ in json.loads((TESTS / "tables" / "init.json").read_text()):
        add(cases, f"torch.nn.init.{function}", set(args))
    for optimizer, args in json.loads((TESTS / "tables" / "optim.json").read_text()):
        add(cases, f"torch.optim.{optimizer}", set(args))
    by_name = {
        name: f"torch.optim.lr_scheduler.{name}" for name in torch.optim.lr_scheduler.__all__
    }
    for expression in json.loads((TESTS / "tables" / "lr_scheduler.json").read_text()):
        from_code(cases, ast.parse(expression), lambda dotted: by_name.get(dotted))


def from_programs(cases: Cases, all_names: dict[str, Names]) -> None:
    """The calls in the Python files of the tests."""
    by_identity: dict[int, str] = {}
    for module, names in all_names.items():
        for name, thing in names.items():
            by_identity.setdefault(id(thing), f"{module}.{name}")
    for file in sorted((TESTS / "python").rglob("*.py")):
        if file.name in WRITERS:
            continue
        tree = ast.parse(file.read_text())
        known = imported(tree)

        def resolve(dotted: str, known: dict[str, object] = known) -> str | None:
            first, *rest = dotted.split(".")
            if first == "generator" and len(rest) == 1:
                return f"torch.Generator.{rest[0]}"
            thing = known.get(first)
            for part in rest:
                thing = getattr(thing, part, None)
            return by_identity.get(id(thing)) if thing is not None else None

        from_code(cases, tree, resolve)


def imported(tree: ast.Module) -> dict[str, object]:
    """What a file imports from torch, by the names that it has there."""
    found: dict[str, object] = {}
    for node in tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "torch":
                    home = importlib.import_module(alias.name)
                    found[alias.asname or "torch"] = home if alias.asname else torch
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "torch":
            home = importlib.import_module(node.module or "torch")
            for alias in node.names:
                if alias.name != "*":
                    found[alias.asname or alias.name] = getattr(home, alias.name)
    return found


def from_code(cases: Cases, tree: ast.AST, resolve: Callable[[str], str | None]) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (name := resolve(ast.unparse(node.func))):
            module, _, last = name.rpartition(".")
            home = torch.Generator if module == "torch.Generator" else sys.modules[module]
            order = parameters(getattr(home, last), last)
            given = set(order[: len(node.args)]) | {k.arg for k in node.keywords if k.arg}
            add(cases, name, given)


def status(name: str, cases: Cases, left_out: dict) -> tuple[str, str]:
    """The status of a name, and the number of cases or the reason."""
    reasons = [
        (state, reason)
        for state, patterns in left_out.items()
        for pattern, reason in patterns.items()
        if fnmatch.fnmatchcase(name, pattern)
    ]
    if cases[name]:
        if any(state == MISSING for state, _ in reasons):
            sys.exit(f"error: left_out.json has {name} as missing, but there are cases of it")
        return EQUAL, str(len(cases[name]))
    return reasons[0] if reasons else (MISSING, "not built yet")


def without_case(name: str, thing: object, cases: Cases) -> list[str]:
    """The arguments that no case gives."""
    order = parameters(thing, name.rpartition(".")[2])
    given = set().union(*cases[name])
    return [argument for argument in order if argument not in given | PLACES]


def lines() -> Iterator[str]:
    all_names = {module: public(module) for module in MODULES}
    left_out = json.loads((TESTS / "tables" / "left_out.json").read_text())
    cases: Cases = defaultdict(list)
    from_rows(cases, all_names)
    from_tables(cases)
    from_programs(cases, all_names)
    check_patterns(left_out, all_names)
    found = {
        module: {name: status(f"{module}.{name}", cases, left_out) for name in names}
        for module, names in all_names.items()
    }
    yield from totals(found)
    if "--totals" in sys.argv:
        return
    for module, names in all_names.items():
        yield f"\n## `{module}`\n"
        yield "| name | status | cases, or why there are none | arguments without a case |"
        yield "| --- | --- | --- | --- |"
        for name in sorted(names):
            state, reason = found[module][name]
            arguments = []
            if state == EQUAL:
                arguments = without_case(f"{module}.{name}", names[name], cases)
            yield f"| `{name}` | {state} | {reason} | {', '.join(f'`{a}`' for a in arguments)} |"


def check_patterns(left_out: dict, all_names: dict[str, Names]) -> None:
    full = [f"{module}.{name}" for module, names in all_names.items() for name in names]
    for pattern in (pattern for patterns in left_out.values() for pattern in patterns):
        if not fnmatch.filter(full, pattern):
            sys.exit(f"error: left_out.json: no name of torch is {pattern}")


def totals(found: dict[str, dict[str, tuple[str, str]]]) -> Iterator[str]:
    states = [EQUAL, OWN, MISSING, NOT_OURS]
    yield f"| module | names | {' | '.join(states)} |"
    yield "| --- " * (2 + len(states)) + "|"
    together: Counter[str] = Counter()
    for module, names in found.items():
        counts = Counter(state for state, _ in names.values())
        together += counts
        numbers = " | ".join(str(counts[state]) for state in states)
        yield f"| `{module}` | {len(names)} | {numbers} |"
    numbers = " | ".join(str(together[state]) for state in states)
    yield f"| together | {together.total()} | {numbers} |"


HEAD = """\
# The ledger: Python's torch, name by name

Written by `scripts/generate/ledger.py` on {date}, from torch {version}; `scripts/check` fails if it
is out of date. *Equal* means equal to the bit in every case that the tests run in both languages;
the number is that of the cases. *tch's own* is a name that `tch`, or this library, has under its
own spelling. The last column lists the arguments that no case gives a value: they are at their
defaults in all of them. Not listed there: `device`, `dtype`, and other arguments of where a tensor
is made.
"""


def without_date(text: str) -> str:
    return text.partition("from torch ")[2]


def main() -> None:
    body = "\n".join(lines())
    if "--totals" in sys.argv:
        print(body)
        return
    version = torch.__version__.partition("+")[0]
    date = datetime.date.today().isoformat()
    text = f"{HEAD.format(date=date, version=version)}\n{body}\n"
    if "--check" not in sys.argv:
        print(text, end="")
    elif not LEDGER.exists() or without_date(LEDGER.read_text()) != without_date(text):
        sys.exit(f"error: {LEDGER} is out of date; run scripts/generate/ledger.py >docs/ledger.md")


if __name__ == "__main__":
    main()
