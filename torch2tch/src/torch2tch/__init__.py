"""Ports PyTorch models to Rust on tch, and proves that both are equal to the bit."""
