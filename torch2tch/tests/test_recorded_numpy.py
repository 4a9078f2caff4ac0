"""NumPy's functions in a forward."""

import numpy as np
import torch

from .recording import Linear, method, rust

X = "randn(batch_size, 4)"


def test_functions_over_a_free_size_are_those_of_torch():
    class Net(Linear):
        def forward(self, x):
            mask = np.triu(np.ones([x.size(0), 4], dtype=np.float32), k=1)
            return self.fc(x) * torch.from_numpy(mask) / np.sqrt(4)

    body = method(rust(Net, X), "fn forward")
    assert "Tensor::ones([x.size()[0], 4], (Kind::Float, x.device())).triu(1)" in body
    assert body.endswith("x.apply(&self.fc) * &mask / 2.")


def test_an_array_that_is_given_is_a_tensor():
    class Net(Linear):
        def forward(self, x):
            x = self.fc(x)
            return x, x.detach().numpy()

    text = rust(Net, X)
    assert "-> (Tensor, Tensor)" in text
    assert method(text, "pub fn forward").endswith("(x.shallow_clone(), x.detach())")


def test_numpy_is_as_it_was_afterwards():
    class Net(Linear):
        def forward(self, x):
            return self.fc(x) * np.float32(np.pi)

    rust(Net, X)
    assert type(np).__name__ == "module"
    assert isinstance(torch.ones(1).numpy(), np.ndarray)
    assert torch.from_numpy(np.ones(2)).tolist() == [1, 1]
