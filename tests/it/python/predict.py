"""Saves test samples as a user has them, and prints Python's answer to each, as JSON.

Pictures go to <folder>/<i>.png; of each, dark on white, also to <folder>/<i>-inverted.png.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "scripts" / "reference"))

import common
import torch
import torch.nn.functional as F
from PIL import Image

network, weights, data, folder = sys.argv[1:]
task = common.task(network)
model = common.build(task, seed=0, threads=1, weights=weights)
input, _ = task.read_data(data)["test"]
answers = []
with torch.no_grad():
    for i, sample in enumerate(input[:20]):
        if len(sample) == 784:
            pixels = (sample * 255).round().to(torch.uint8).reshape(28, 28).numpy()
            Image.fromarray(pixels).save(f"{folder}/{i}.png")
            Image.fromarray(255 - pixels).save(f"{folder}/{i}-inverted.png")
        # Each sample alone: in a batch its last bits may be others.
        output = model(sample.reshape(1, -1))
        answers.append((F.softmax(output, dim=1) if len(output[0]) > 1 else output)[0].tolist())
print(json.dumps(answers))
