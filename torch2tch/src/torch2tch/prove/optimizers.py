"""The optimizers that a proof trains with."""

NAMES = ("sgd", "adam")
