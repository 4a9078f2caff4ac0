"""Saves test samples as a user has them, and prints Python's answer to each, as JSON.

Pictures go to <folder>/<i>.png; of each, dark on white, also to <folder>/<i>-inverted.png.
"""

import json
import sys

import torch
from PIL import Image

from torch2tch.reference import common, data

network, weights, path, folder = sys.argv[1:]
task = common.task(network)
model = common.build(task, seed=0, threads=1, weights=weights).eval()
samples = task.read_data(path)["test"][0][:20]

if samples[0].numel() == 784:
    read = data.medmnist if path.endswith(".npz") else data.mnist
    for i, picture in enumerate(read(path)["test"][0][: len(samples)]):
        pixels = (picture * 255).round().to(torch.uint8).reshape(28, 28).numpy()
        Image.fromarray(pixels).save(f"{folder}/{i}.png")
        Image.fromarray(255 - pixels).save(f"{folder}/{i}-inverted.png")

answers = []
with torch.no_grad():
    for sample in samples:
        # Each sample alone: in a batch its last bits may be others.
        output = model(sample[None])
        readings = task.readings(output)
        answer = readings.get("softmax", readings.get("probabilities", output))
        answers.append(answer[0].tolist())
print(json.dumps(answers))
