"""Records functions of torch.nn.utils: nn_utils.py OUTPUT.safetensors."""

import sys

import torch
from safetensors.torch import save_file
from torch.nn.utils import (
    clip_grads_with_norm_,
    fuse_conv_bn_eval,
    fuse_conv_bn_weights,
    fuse_linear_bn_eval,
    fuse_linear_bn_weights,
    get_total_norm,
    parameters_to_vector,
    vector_to_parameters,
)
from torch.nn.utils.rnn import (
    PackedSequence,
    invert_permutation,
    pack_sequence,
    pad_sequence,
    unpack_sequence,
    unpad_sequence,
)

trace = {}


def put(name, tensor):
    trace[name] = tensor.detach().clone(memory_format=torch.contiguous_format)


def put_all(name, tensors):
    for i, tensor in enumerate(tensors):
        put(f"{name}.{i}", tensor)


def sequences():
    drawn = [torch.randn(length, 2, requires_grad=True) for length in (2, 4, 3)]
    put("pad", pad_sequence(drawn))
    put("pad.left", pad_sequence(drawn, True, -1.5, "left"))
    lengths = torch.tensor([2, 4, 3])
    put_all("unpad", unpad_sequence(pad_sequence(drawn, False, 7.0), lengths, False))
    first = pad_sequence(drawn, batch_first=True)
    put_all("unpad.first", unpad_sequence(first, torch.tensor([1, 9, 0]), batch_first=True))
    packed = pack_sequence(drawn, enforce_sorted=False)
    put("pack.data", packed.data)
    put("pack.batch_sizes", packed.batch_sizes)
    put("pack.sorted", packed.sorted_indices)
    put("pack.inverse", invert_permutation(packed.sorted_indices))
    changed = PackedSequence(
        packed.data.tanh(), packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices
    )
    unpacked = unpack_sequence(changed)
    put_all("unpack", unpacked)
    sum((x * (i + 1.0)).sum() for i, x in enumerate(unpacked)).backward()
    put_all("unpack.grad", [x.grad for x in drawn])
    put("pack.enforced", pack_sequence([drawn[1], drawn[2], drawn[0]]).data)


def vectors():
    layer = torch.nn.Linear(3, 2)
    parameters = list(layer.parameters())
    put("vector", parameters_to_vector(parameters))
    vector_to_parameters(torch.randn(8), parameters)
    output = layer(torch.randn(4, 3))
    put("vector.output", output)
    output.sum().backward()
    gradients = [parameter.grad for parameter in parameters]
    put("norm.2", get_total_norm(gradients))
    put("norm.1", get_total_norm(gradients, 1.0, error_if_nonfinite=False))
    put("norm.inf", get_total_norm(gradients, norm_type=float("inf")))
    clip_grads_with_norm_(parameters, 2.0, torch.tensor(5.0))
    put_all("clipped", gradients)


def fused():
    conv = torch.nn.Conv2d(2, 3, 3, bias=False)
    up = torch.nn.ConvTranspose2d(2, 3, 3)
    fc = torch.nn.Linear(4, 3)
    bn = torch.nn.BatchNorm2d(3, eps=0.01)
    with torch.no_grad():
        for tensor in (bn.weight, bn.bias, bn.running_mean):
            tensor.copy_(torch.randn(3))
        bn.running_var.copy_(torch.randn(3).abs())
    input = torch.randn(2, 2, 5, 5)
    for module in (conv, up, fc, bn):
        module.eval()
    conv = fuse_conv_bn_eval(conv, bn)
    put("fused.conv", conv.weight)
    put("fused.conv.bias", conv.bias)
    put("fused.conv.output", conv(input))
    up = fuse_conv_bn_eval(up, bn, transpose=True)
    put("fused.up", up.weight)
    put("fused.up.output", up(input))
    fc = fuse_linear_bn_eval(fc, bn)
    put("fused.fc", fc.weight)
    put("fused.fc.bias", fc.bias)
    mean, var = bn.running_mean, bn.running_var
    weights = fuse_conv_bn_weights(conv.weight, None, mean, var, 0.5, None, None, False)
    put_all("fused.weights", weights)
    weights = fuse_linear_bn_weights(fc.weight, None, mean, var, 0.5, bn.weight, bn.bias)
    put_all("fused.linear_weights", weights)


def adaptive_methods():
    layer = torch.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [4, 10])
    input = torch.randn(64, 8) * 3.0
    put("adaptive.log_prob", layer.log_prob(input))
    put("adaptive.predict", layer.predict(input))


def pretrained():
    rows = torch.randn(7, 3)
    layer = torch.nn.Embedding.from_pretrained(rows.clone(), freeze=False, padding_idx=-2)
    output = layer(torch.tensor([1, 5, 1, 6]))
    put("pretrained", output)
    output.sum().backward()
    put("pretrained.grad", layer.weight.grad)
    put("pretrained.frozen", torch.nn.Embedding.from_pretrained(rows).weight)
    mask = torch.nn.Transformer.generate_square_subsequent_mask
    put("mask", mask(4))
    put("mask.double", mask(3, dtype=torch.float64))


torch.set_num_threads(1)
for part in (sequences, vectors, fused, adaptive_methods, pretrained):
    torch.manual_seed(0)
    part()
save_file(trace, sys.argv[1])
