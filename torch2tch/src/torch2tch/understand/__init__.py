"""From facts to nodes: one module at a time, each a layer of the library, a chain or a struct."""

from .instances import Chain, Instance, Leaf, Struct
from .recorded import as_recorded

__all__ = ["Chain", "Instance", "Leaf", "Struct", "as_recorded"]
