"""Saves pictures in forms that the port's own encoders do not write."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

folder = Path(sys.argv[1])
ramp = Image.fromarray((np.arange(784) % 256).astype(np.uint8).reshape(28, 28))


def save(picture, name, **options):
    picture.save(folder / name, **options)


greys = Image.fromarray(np.array(ramp), "P")
greys.putpalette(bytes(level for level in range(256) for _ in "rgb"))
save(greys, "palette.png")
save(greys, "see_through.png", transparency=bytes(256))
save(ramp.point(lambda pixel: 255 * (pixel >= 128)).convert("1"), "bits.png")
save(ramp, "animated.png", save_all=True, append_images=[Image.new("L", (28, 28))])
save(Image.new("L", (28, 28), 77), "progressive.jpg", progressive=True)
save(Image.new("CMYK", (28, 28)), "cmyk.jpg")

strip = Image.new("L", (56, 28))
strip.paste(255, (0, 0, 16, 28))
exif = Image.Exif()
exif[0x0112] = 6
save(strip, "turned.jpg", exif=exif)
