"""The tables: operations of libtorch, and layers of torch.nn, each in both spellings."""
