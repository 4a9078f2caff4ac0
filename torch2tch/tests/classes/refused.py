"""What the porter refuses, a class each. Behind each line that it has to name stands why."""

import torch
import torch.nn as nn
import torch.nn.functional as F


def threshold(x):
    return x.item() > 0


class DataDependent(nn.Module):
    def forward(self, x):
        if x.sum() > 0:  # refused: which way it goes hangs on data; a network of Rust's goes one way
            return x
        return -x


class While(nn.Module):
    def forward(self, x):
        while x.size(0) > 1:  # refused: the statement While has no Rust
            x = x[1:]
        return x


class UnknownFunction(nn.Module):
    def forward(self, x):
        return torch.fft.fft(x)  # refused: the function fft_fft has no Rust


class UnknownMethod(nn.Module):
    def forward(self, x):
        return x.cauchy_()  # refused: the method cauchy_ has no Rust


class UnknownLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.loss = nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5])  # refused: the layer AdaptiveLogSoftmaxWithLoss has no Rust

    def forward(self, x):
        return x


class UnknownKeyword(nn.Module):
    def forward(self, x):
        return F.relu(x, slope=0.1)  # refused: the argument slope has no Rust counterpart


class DroppedDtype(nn.Module):
    def forward(self, x):
        return F.softmax(x, dim=1, dtype=torch.float64)  # refused: the argument dtype has no Rust counterpart


class DroppedNorm(nn.Module):
    def forward(self, x):
        return torch.norm(x, p=1)  # refused: the argument p has no Rust counterpart


class DroppedAlpha(nn.Module):
    def forward(self, x):
        return torch.add(x, x, alpha=2)  # refused: the argument alpha has no Rust counterpart


class DroppedMomentum(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(4, momentum=None)  # refused: the argument momentum has no Rust counterpart

    def forward(self, x):
        return self.norm(x)


class DroppedIndices(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool = nn.MaxPool2d(2, return_indices=True)  # refused: the argument return_indices has no Rust counterpart

    def forward(self, x):
        return x


class OtherDevice(nn.Module):
    def forward(self, x):
        return x + torch.ones(3, device="meta")  # refused: the argument device does not fit


class Prints(nn.Module):
    def forward(self, x):
        print(x.shape)  # refused: a network that prints has no Rust
        return x


class Remembers(nn.Module):
    def forward(self, x):
        self.last = x  # refused: an attribute that changes while the network runs has no Rust
        return x


class ChangesItself(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("count", torch.zeros(1))

    def forward(self, x):
        self.count += 1  # refused: such an assignment has no Rust
        return x


class Raises(nn.Module):
    def forward(self, x):
        raise NotImplementedError  # refused: the network raises an error


class Tries(nn.Module):
    def forward(self, x):
        try:  # refused: the statement Try has no Rust
            return x.view(3)
        except RuntimeError:
            return x


class With(nn.Module):
    def forward(self, x):
        with torch.autocast("cpu"):  # refused: `with` has no Rust
            y = x + 1
        return x


class Decorated(nn.Module):
    @torch.no_grad()  # refused: the decorator has no Rust
    def shifted(self, x):
        return x + 1

    def forward(self, x):
        return self.shifted(x)


class LeavesEarly(nn.Module):
    def forward(self, x):
        if x.size(0) > 1:
            with torch.no_grad():  # refused: a return out of `with` has no Rust
                return x + 1
        return x


class MadeWhileItRuns(nn.Module):
    def forward(self, x):
        return nn.Linear(4, 4)(x)  # refused: a layer that is made in `forward` has no Rust


class TwoLoops(nn.Module):
    def forward(self, x):
        return torch.stack([x * i * j for i in range(2) for j in range(2)])  # refused: such a list has no Rust


class StarredTarget(nn.Module):
    def forward(self, x):
        first, *rest = x.unbind(0)  # refused: `*` in an assignment has no Rust
        return first


class TwoTargets(nn.Module):
    def forward(self, x):
        a = self.b = x + 1  # refused: two targets of an assignment have no Rust
        return a


class Dictionary(nn.Module):
    def forward(self, x):
        return {"logits": x}  # refused: such a result has no Rust


class SeveralTypes(nn.Module):
    def forward(self, x):
        if x.size(0) > 1:
            return x
        return x, x  # refused: the function returns values of different types


class Nothing(nn.Module):
    def forward(self, x):
        return None  # refused: None as a result has no Rust


class Numbers(nn.Module):
    def forward(self, x):
        return x * 2j  # refused: the types do not fit


class UnknownName(nn.Module):
    def forward(self, x):
        return x + nowhere  # refused: the name is not known  # noqa: F821


class UnknownAttribute(nn.Module):
    def forward(self, x):
        return self.layer(x)  # refused: self.layer is not known


class Stands(nn.ReLU):  # refused: Stands stands on ReLU, which has no Rust
    pass


class OneLayerTwice(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.second = self.first  # refused: one layer under two names has no Rust

    def forward(self, x):
        return self.first(x)


class FromOutside(nn.Module):
    def __init__(self, layer=nn.Linear(4, 4)):  # refused: the argument layer is a layer from outside, which has no Rust
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)


class GivenTwice(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.Linear(4, 4)
        self.first = FromOutside(layer)
        self.second = FromOutside(layer)  # refused: one layer under two names has no Rust

    def forward(self, x):
        return self.second(self.first(x))


class MadeTwice(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.fc = nn.Linear(4, 2)  # refused: self.fc is made twice

    def forward(self, x):
        return self.fc(x)


class NegativeStep(nn.Module):
    def forward(self, x):
        for i in range(9, 1, -2):  # refused: a negative step has no Rust
            x = x + i
        return x


class KnownBefore(nn.Module):
    def forward(self, x):
        state = None
        for i in range(3):  # refused: state changes in a block, and is no variable of Rust's before it
            state = x * i if state is None else state + x
        return x


class GrowsSometimes(nn.Module):
    def forward(self, x):
        found = [x]
        if x.size(0) > 3:
            found.append(-x)  # refused: the list grows in a block, and was not empty before
        return torch.cat(found)


class Several(nn.Module):
    """All places at once, and what hangs on them is not named again."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 4, bias="yes")  # refused: the argument bias has no Rust counterpart
        self.b = nn.Linear(4, 4)

    def forward(self, x):
        y = torch.linalg.matrix_exp(x)  # refused: the function linalg_matrix_exp has no Rust
        z = self.b(y)
        print(z)  # refused: a network that prints has no Rust
        return z.erfinv()
