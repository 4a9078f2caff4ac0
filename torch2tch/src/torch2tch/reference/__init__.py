"""The Python side of this project's networks: a module a network, and how both sides train them."""
