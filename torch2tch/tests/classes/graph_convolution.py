"""Two graph convolutions over an adjacency matrix (Kipf and Welling 2017)."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class GraphConvolution(nn.Module):
    """A layer with parameters of its own: `A X W + b`."""

    def __init__(self, in_features, out_features, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(in_features, out_features))
        if bias:
            self.bias = nn.Parameter(torch.empty(out_features))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self):
        stdv = 1.0 / math.sqrt(self.weight.size(1))
        self.weight.data.uniform_(-stdv, stdv)
        if self.bias is not None:
            self.bias.data.uniform_(-stdv, stdv)

    def forward(self, input, adjacency):
        support = torch.mm(input, self.weight)
        output = torch.matmul(adjacency, support)
        if self.bias is not None:
            return output + self.bias
        return output


class GraphNetwork(nn.Module):
    def __init__(self, nfeat=20, nhid=16, nclass=5, dropout=0.5):
        super().__init__()
        self.gc1 = GraphConvolution(nfeat, nhid)
        self.gc2 = GraphConvolution(nhid, nclass)
        self.dropout = dropout

    def forward(self, x, adjacency):
        x = F.relu(self.gc1(x, adjacency))
        x = F.dropout(x, self.dropout, training=self.training)
        x = self.gc2(x, adjacency)
        return F.log_softmax(x, dim=1)


def draw_input(batch_size):
    features = torch.randn(batch_size, 20)
    edges = (torch.rand(batch_size, batch_size) < 0.2).float() + torch.eye(batch_size)
    return features, edges / edges.sum(1, keepdim=True)


def draw_target(batch_size):
    return torch.randint(5, (batch_size,))


loss = F.nll_loss
