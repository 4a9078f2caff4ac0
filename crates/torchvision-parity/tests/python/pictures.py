"""Writes pictures, and what Pillow and the formulas of torchvision make of them, as cases in JSON
say.

Pictures go to the folder as `<name>.png` or `<name>.jpg`, results to `results.safetensors` under
`<case>`.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "P": 1, "1": 1}


def picture(mode, width, height, seed):
    """Noise over a gradient: sharp edges and flat places."""
    random = np.random.default_rng(seed)
    channels = CHANNELS[mode]
    noise = random.integers(0, 256, (height, width, channels))
    slope = np.linspace(0, 255, width)[None, :, None]
    pixels = np.where(random.random((height, width, 1)) < 0.5, noise, slope).astype(np.uint8)
    if mode == "P":
        return Image.fromarray(pixels[:, :, 0]).convert("RGB").quantize(16)
    if mode == "1":
        return Image.fromarray(pixels[:, :, 0]).convert("1")
    return Image.fromarray(pixels.squeeze(2) if channels == 1 else pixels)


def resized(image, size):
    if isinstance(size, list):
        return size[1], size[0]
    width, height = image.size
    short, long = sorted((width, height))
    longer = int(size * long / short)
    return (size, longer) if width <= height else (longer, size)


def main():
    folder, cases = Path(sys.argv[1]), json.loads(sys.argv[2])
    results = {}
    for number, case in enumerate(cases):
        image = picture(case["mode"], case["width"], case["height"], number)
        image.save(folder / f"{number}.png")
        image = Image.open(folder / f"{number}.png").convert("RGB")
        if "size" in case:
            filter = getattr(Image.Resampling, case["filter"].upper())
            image = image.resize(resized(image, case["size"]), filter)
        if "crop" in case:
            height, width = case["crop"]
            left = round((image.width - width) / 2.0)
            top = round((image.height - height) / 2.0)
            image = image.crop((left, top, left + width, top + height))
        tensor = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
        results[f"{number}.pixels"] = tensor
        tensor = tensor.to(torch.float32).div(255)
        results[f"{number}.tensor"] = tensor
        mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        tensor = tensor.clone().sub_(mean[:, None, None]).div_(std[:, None, None])
        results[f"{number}.normalized"] = tensor
    save_file(results, folder / "results.safetensors")


main()
