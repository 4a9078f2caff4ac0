#!/usr/bin/env python3
"""Lists the arguments of Python's functions that tch's methods leave out, for the guide.

    scripts/generate/dropped_arguments.py >src/guide/dropped_arguments.md

It reads the signatures in tch's source, PyTorch's operator schemas, the signatures of
torch.nn.functional, and the functions and layers of crates/torch-parity/src/nn/. `cargo test` fails
where the guide says something else.
"""

import inspect
import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import in_venv

import torch
import torch.nn.functional as F

NN = in_venv.ROOT / "crates" / "torch-parity" / "src" / "nn"

# Where a tensor is, in which memory, and what draws it: no method of tch has these.
IGNORED = {"generator", "memory_format", "layout", "pin_memory", "device", "non_blocking", "out"}
# What Python has given up, or what makes it call an operator of another name.
IGNORED |= {"size_average", "reduce", "inplace", "return_indices", "_stacklevel", "_random_samples"}
# Functions of torch.nn.functional that are not for its users, or given up.
INTERNAL = re.compile(r"_.*|.*_with_indices|upsample.*|assert_int_or_pair")
# tch's names where they are not Python's.
METHODS = {
    "affine_grid": "affine_grid_generator",
    "cross_entropy": "cross_entropy_for_logits",
    "fold": "col2im",
    "grid_sample": "grid_sampler",
    "unfold": "im2col",
}
ARGUMENTS = {"train": "training", "interpolation_mode": "mode"}
# Functions of torch.nn.functional that are not here under their names; the guide says why.
ELSEWHERE = {
    "grouped_mm": "left alone",
    "multi_head_attention_forward": "[`MultiheadAttention`](crate::torch::nn::MultiheadAttention)",
    "scaled_grouped_mm": "left alone",
    "scaled_mm": "left alone",
}


def tch_package():
    command = ["cargo", "metadata", "--quiet", "--format-version=1"]
    output = subprocess.run(command, cwd=in_venv.ROOT, stdout=subprocess.PIPE, check=False)
    if output.returncode != 0:
        sys.exit("error: cargo metadata failed; its message is above")
    packages = json.loads(output.stdout)["packages"]
    return next(package for package in packages if package["name"] == "tch")


def rust_functions(text, pattern):
    """{name: names of arguments}"""
    functions = {}
    for name, arguments in re.findall(pattern, text, re.DOTALL):
        names = re.findall(r"(\w+)\s*:(?!:)", arguments)
        functions[name] = [ARGUMENTS.get(n, n).rstrip("_") for n in names]
    return functions


def tch_methods(folder):
    pattern = r"pub fn (\w+)(?:<[^(]*>)?\((.*?)\)\s*(?:->|\{)"
    methods: dict[str, list[str]] = {}
    for file in ["wrappers/tensor_generated.rs", "tensor/mod.rs"]:
        methods |= rust_functions((folder / "src" / file).read_text(), pattern)
    return {name: args for name, args in methods.items() if not name.startswith("f_")}


def own_functions():
    """{name in torch::nn: names of arguments}, of the functions and the layers here."""
    own: dict[str, list[str]] = {}
    for file in sorted(NN.rglob("*.rs")):
        text = file.read_text()
        if "functional" in file.relative_to(NN).parts:
            functions = rust_functions(text, r"fn (\w+) / f_\w+\((.*?)\)\s*->")
            own |= {f"functional::{name}": names for name, names in functions.items()}
        own |= rust_functions(text, r"pub struct (\w+)(?:<[^{]*>)? \{(.*?)\n\}")
        # Layers over windows, which a macro declares by what they have besides these two.
        windows = rust_functions(text, r"\n    (\w+)\([^)]*\) \[[^]]* = 1, [^]]*\] \{(.*?)\n    \}")
        own |= {name: ["kernel_size", "stride", *names] for name, names in windows.items()}
    return own


def schemas():
    """Python's operators by name, without those that write into `out`."""
    operators = defaultdict(list)
    for schema in torch._C._jit_get_all_schemas():
        space, _, name = schema.name.partition("::")
        if space == "aten" and not any(a.is_out for a in schema.arguments):
            operators[name].append(schema)
    return operators


def defaults_of(schema):
    return {
        argument.name: argument.default_value
        for argument in schema.arguments
        if argument.has_default_value() and argument.name != "self"
    }


def method_of(schema, name, methods):
    """tch's method for one overload of an operator, if it can be told."""
    underscore = "_" if name.endswith("_") else ""
    overload = schema.overload_name.lower()
    overload = f"{name.rstrip('_')}_{overload}{underscore}" if overload else name
    known = {argument.name for argument in schema.arguments} | {"options"}
    # The first argument may be the method's `self`.
    first = {argument.name for argument in schema.arguments[:1]}
    needed = known - first - {"self", "options"} - set(defaults_of(schema))
    for method in (f"g_{overload}", overload, f"g_{name}", name):
        if method in methods and needed <= set(methods[method]) <= known:
            return method
    return None


def left_out(defaults, method, methods):
    """{argument: default} of what the method does not take."""
    taken = set(methods[method]) | ({"dtype"} if "options" in methods[method] else set())
    return {n: default for n, default in defaults.items() if n not in taken | IGNORED}


def of_operator(name, operators, methods):
    """{tch's method: what it leaves out}, of the overload that is nearest to each method."""
    found: dict[str, list[str]] = {}
    for schema in operators[name]:
        if method := method_of(schema, name, methods):
            left = left_out(defaults_of(schema), method, methods)
            if method not in found or len(left) < len(found[method]):
                found[method] = left
    return found


def of_functional(name, methods):
    """The same, of a function of torch.nn.functional that is written in Python."""
    method = METHODS.get(name, name)
    if method not in methods:
        return {}
    parameters = inspect.signature(getattr(F, name)).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
    return {method: left_out(defaults, method, methods)}


def place(name, left, methods, own):
    """Where the arguments can be given."""
    for stem in (name, re.sub(r"\dd$", "", name)):
        layer = "".join(word.capitalize() for word in stem.split("_"))
        for path in (f"functional::{stem}", layer):
            if path in own and set(left) <= set(own[path]):
                return f"[`{path}`](crate::torch::nn::{path})"
    # Other overloads, but not those in place, of gradients or with an output given.
    other = re.compile(rf"g_{name}|(g_)?{name}_(?!.*(out|backward))\w*(?<!_)")
    for method in sorted(methods):
        if left and other.fullmatch(method) and set(left) <= set(methods[method]):
            return f"`tch`'s `{method}`"
    if not hasattr(F, name):
        return "left alone"
    return ELSEWHERE.get(name, "nowhere")


def is_python(name):
    """Whether a function of torch.nn.functional is written in Python, and for its users."""
    function = getattr(F, name, None)
    if not inspect.isfunction(function) or function.__module__ != F.__name__:
        return False
    return not INTERNAL.fullmatch(name)


def left_out_by_name(operators, methods):
    """{name in Python: {tch's method: what it leaves out}}"""
    names = {n for n in dir(torch.Tensor) if callable(getattr(torch.Tensor, n, None))} | set(dir(F))
    found = {}
    for name in sorted(n for n in names if not n.startswith("_")):
        if is_python(name):
            found[name] = of_functional(name, methods)
        else:
            found[name] = of_operator(name, operators, methods)
    return found


def rows(found, methods, own):
    for name, by_method in found.items():
        in_place = found.get(name + "_", {})
        of = "F" if hasattr(F, name) else "Tensor"
        for method, left in by_method.items():
            # A method in place stands in the row of the other, if that one has a row.
            if not left or (name.endswith("_") and any(found.get(name[:-1], {}).values())):
                continue
            both = [method] + [method + "_"] * bool(in_place.get(method + "_"))
            arguments = ", ".join(f"`{n}={said(default)}`" for n, default in left.items())
            spelling = ", ".join(f"`{m}`" for m in both)
            where = place(name, left, methods, own)
            yield f"| `{of}.{name}` | {spelling} | {arguments} | {where} |"


def said(value):
    return f'"{value}"' if isinstance(value, str) else repr(value)


def main():
    package = tch_package()
    methods = tch_methods(Path(package["manifest_path"]).parent)
    own = own_functions()
    found = left_out_by_name(schemas(), methods)
    torch_version = torch.__version__.partition("+")[0]
    print(f"From the sources of tch {package['version']} and torch {torch_version}:\n")
    columns = ["Python", "`tch`'s method", "what it leaves out, and the value that holds"]
    print(f"| {' | '.join(columns)} | where it is |")
    print("| --- | --- | --- | --- |")
    print(*rows(found, methods, own), sep="\n")
    print("\nFunctions of `torch.nn.functional` that are no method of `tch`:\n")
    print("| Python | where it is |")
    print("| --- | --- |")
    for name in found:
        if is_python(name) and not found[name] and METHODS.get(name, name) not in methods:
            print(f"| `F.{name}` | {place(name, {}, methods, own)} |")


if __name__ == "__main__":
    main()
