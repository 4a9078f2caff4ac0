"""A variational autoencoder: draws noise in `forward`, and gives three tensors."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class VariationalAutoencoder(nn.Module):
    def __init__(self, features=96, hidden=40, latent=8):
        super(VariationalAutoencoder, self).__init__()
        self.features = features
        self.encoder = nn.Linear(features, hidden)
        self.mean = nn.Linear(hidden, latent)
        self.log_variance = nn.Linear(hidden, latent)
        self.decoder1 = nn.Linear(latent, hidden)
        self.decoder2 = nn.Linear(hidden, features)

    def encode(self, x):
        h = F.relu(self.encoder(x))
        return self.mean(h), self.log_variance(h)

    def reparameterize(self, mean, log_variance):
        std = torch.exp(0.5 * log_variance)
        eps = torch.randn_like(std)
        return mean + eps * std

    def decode(self, z):
        h = F.relu(self.decoder1(z))
        return torch.sigmoid(self.decoder2(h))

    def forward(self, x):
        mean, log_variance = self.encode(x.view(-1, self.features))
        z = self.reparameterize(mean, log_variance)
        return self.decode(z), mean, log_variance


def draw_input(batch_size):
    return torch.rand(batch_size, 8, 12)


def draw_target(batch_size):
    return torch.rand(batch_size, 96)


def loss(output, target):
    reconstruction, mean, log_variance = output
    error = F.binary_cross_entropy(reconstruction, target, reduction="sum")
    divergence = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
    return error + divergence
