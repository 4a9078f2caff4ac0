"""Two pictures, and how alike they are: one network for both, two inputs."""

import torch
import torch.nn as nn
import torch.nn.functional as F


def init_weights(m):
    if isinstance(m, nn.Linear):
        torch.nn.init.xavier_uniform_(m.weight)
        m.bias.data.fill_(0.01)


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 4, 3),
            nn.LeakyReLU(0.2),
            nn.MaxPool2d(2, 2),
            nn.Flatten(),
        )
        self.fc = nn.Sequential(
            nn.Linear(4 * 4 * 4 * 2, 16),
            nn.ReLU(inplace=True),
            nn.Linear(16, 1),
        )
        self.fc.apply(init_weights)

    def forward_once(self, x):
        return self.conv(x)

    def forward(self, input1, input2):
        output1 = self.forward_once(input1)
        output2 = self.forward_once(input2)
        output = torch.cat((output1, output2), 1)
        return torch.sigmoid(self.fc(output))


def draw_input(batch_size):
    return torch.randn(batch_size, 1, 10, 10), torch.randn(batch_size, 1, 10, 10)


def draw_target(batch_size):
    return torch.randint(2, (batch_size, 1)).float()


loss = F.binary_cross_entropy
