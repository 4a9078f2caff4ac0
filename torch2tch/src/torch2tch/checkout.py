"""The checkout of final-layer that this package lies in."""

from pathlib import Path

# The only place that counts the folders between a module and the checkout.
ROOT = Path(__file__).resolve().parents[3]
