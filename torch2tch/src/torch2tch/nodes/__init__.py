"""A model between Python and Rust: typed nodes that know their effect and their line of Python."""

from .classes import Class, Field, Method, Model, Parameter
from .expressions import (
    Argument, Arithmetic, Call, Choice, Comparison, Constant, Dropped, Effect, Expression, Held, Index, Initialize,
    Item, ListOf, Literal, MaybeCall, Name, NewClass, NewLayer, NewList, NewSequential, Operation, Rolled, Root,
    Shared, SizeOf, TensorOf, Train, Variable, effect_of,
)
from .statements import (
    Do, Expect, For, Freeze, InitializeAll, Let, Line, Register, Require,
    Return, Statement, WhenTraining,
)
from .types import (
    BOOL, FLOAT, INT, TENSOR, ClassType, LayerType, ListType, NumberType, OptionType, SequentialType,
    TensorType, TupleType, Type,
)
from .walk import children, constants, everything, key, names_in, replace, transform

__all__ = [name for name in dir() if not name.startswith("_")]
