"""The proof of a port: what records the class in Python, and what builds and records it in Rust."""
