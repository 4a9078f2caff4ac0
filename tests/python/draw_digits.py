"""Draws digits as a person would: 33 drawings, of any size, and ten photographs of paper.

    draw_digits.py FOLDER [SEED]

Each file is named `drawing-<digit>-<n>.png` or `photo-<digit>.jpg`. The strokes are this project's
own: three styles of each digit, and a 1 with a long flag, a 7 with a bar and a 4 that is closed.
Each is slanted, stretched and shaken by SEED, drawn with a pen of any width, dark on light or light
on dark, anywhere on the paper. A photograph adds light that falls off, a shadow, grain, blur, a
turn and JPEG.
"""

import random
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Stroke = list[tuple[float, float]]

STYLES: dict[int, list[list[Stroke]]] = {
    0: [
        [[(0.5, 0), (0.1, 0.25), (0.1, 0.75), (0.5, 1), (0.9, 0.75), (0.9, 0.25), (0.5, 0)]],
        [[(0.6, 0.02), (0.2, 0.2), (0.12, 0.7), (0.45, 1), (0.8, 0.8), (0.85, 0.3), (0.55, 0)]],
        [[(0.4, 0), (0, 0.4), (0.2, 0.9), (0.6, 1), (0.95, 0.6), (0.8, 0.1), (0.35, 0.02)]],
    ],
    1: [
        [[(0.5, 0), (0.5, 0.5), (0.5, 1)]],
        [[(0.62, 0), (0.55, 0.5), (0.48, 1)]],
        [[(0.35, 0.22), (0.55, 0)], [(0.55, 0), (0.55, 0.5), (0.54, 1)]],
    ],
    2: [
        [[(0.1, 0.25), (0.45, 0), (0.85, 0.25), (0.5, 0.65), (0.08, 1)], [(0.08, 1), (0.92, 1)]],
        [[(0.15, 0.2), (0.5, 0), (0.8, 0.22), (0.6, 0.6), (0.1, 0.98)], [(0.1, 0.98), (0.9, 0.95)]],
        [
            [(0.1, 0.2), (0.5, 0), (0.85, 0.25), (0.5, 0.7), (0.12, 0.95)],
            [(0.12, 0.95), (0.25, 0.85), (0.6, 0.97), (0.95, 0.92)],
        ],
    ],
    3: [
        [
            [(0.1, 0.12), (0.5, 0), (0.85, 0.22), (0.4, 0.47)],
            [(0.4, 0.47), (0.9, 0.7), (0.5, 1), (0.08, 0.87)],
        ],
        [
            [(0.15, 0.05), (0.6, 0.02), (0.8, 0.25), (0.35, 0.45)],
            [(0.35, 0.45), (0.85, 0.6), (0.75, 0.95), (0.1, 0.95)],
        ],
        [
            [(0.12, 0.2), (0.4, 0), (0.75, 0.15), (0.45, 0.45)],
            [(0.45, 0.45), (0.88, 0.65), (0.6, 0.98), (0.1, 0.9)],
        ],
    ],
    4: [
        [[(0.2, 0), (0.1, 0.55), (0.9, 0.55)], [(0.75, 0.05), (0.7, 1)]],
        [[(0.15, 0.05), (0.1, 0.3), (0.15, 0.5), (0.85, 0.48)], [(0.85, 0), (0.75, 1)]],
        [[(0.25, 0), (0.05, 0.6), (0.95, 0.55)], [(0.7, 0.25), (0.65, 1)]],
    ],
    5: [
        [[(0.85, 0), (0.2, 0)], [(0.2, 0), (0.15, 0.45)],
         [(0.15, 0.45), (0.6, 0.38), (0.88, 0.68), (0.55, 1), (0.08, 0.9)]],
        [[(0.9, 0.02), (0.3, 0.03)], [(0.3, 0.03), (0.2, 0.42)],
         [(0.2, 0.42), (0.7, 0.45), (0.8, 0.75), (0.45, 1), (0.05, 0.92)]],
        [[(0.95, 0.05), (0.35, 0.02)], [(0.35, 0.02), (0.2, 0.4)],
         [(0.2, 0.4), (0.75, 0.5), (0.7, 0.9), (0.1, 0.98)]],
    ],
    6: [
        [[(0.7, 0), (0.25, 0.35), (0.12, 0.75), (0.45, 1), (0.85, 0.8), (0.6, 0.55), (0.15, 0.7)]],
        [[(0.55, 0), (0.2, 0.4), (0.15, 0.85), (0.55, 1), (0.8, 0.75), (0.5, 0.58), (0.2, 0.78)]],
        [[(0.8, 0.03), (0.3, 0.3), (0.1, 0.75), (0.4, 1), (0.8, 0.85), (0.65, 0.6), (0.15, 0.8)]],
    ],
    7: [
        [[(0.1, 0), (0.9, 0)], [(0.9, 0), (0.6, 0.5), (0.4, 1)]],
        [[(0.1, 0.05), (0.88, 0.02)], [(0.88, 0.02), (0.55, 0.5), (0.45, 1)]],
        [[(0.12, 0.15), (0.15, 0.03)], [(0.15, 0.03), (0.9, 0.05)],
         [(0.9, 0.05), (0.6, 0.5), (0.5, 1)]],
    ],
    8: [
        [[(0.5, 0), (0.15, 0.2), (0.5, 0.46), (0.88, 0.75), (0.5, 1), (0.12, 0.75), (0.5, 0.46),
          (0.85, 0.2), (0.5, 0)]],
        [[(0.75, 0.1), (0.4, 0), (0.2, 0.22), (0.6, 0.5), (0.8, 0.8), (0.45, 1), (0.2, 0.78),
          (0.5, 0.45), (0.78, 0.12)]],
        [[(0.5, 0), (0.2, 0.22), (0.5, 0.45), (0.8, 0.22), (0.5, 0)],
         [(0.5, 0.45), (0.1, 0.75), (0.5, 1), (0.9, 0.75), (0.5, 0.45)]],
    ],
    9: [
        [[(0.85, 0.2), (0.45, 0), (0.12, 0.25), (0.45, 0.5), (0.85, 0.22)],
         [(0.85, 0.22), (0.82, 0.6), (0.7, 1)]],
        [[(0.8, 0.15), (0.4, 0.02), (0.15, 0.3), (0.5, 0.48), (0.82, 0.15)],
         [(0.82, 0.15), (0.75, 0.6), (0.55, 1)]],
        [[(0.75, 0.1), (0.3, 0.05), (0.2, 0.4), (0.6, 0.45), (0.8, 0.1)],
         [(0.8, 0.1), (0.8, 0.6), (0.75, 1)]],
    ],
}  # fmt: skip
EXTRA: list[tuple[int, list[Stroke]]] = [
    (1, [[(0.05, 0.5), (0.55, 0)], [(0.55, 0), (0.55, 0.5), (0.55, 1)]]),
    (7, [[(0.1, 0), (0.9, 0)], [(0.9, 0), (0.6, 0.5), (0.4, 1)], [(0.3, 0.5), (0.8, 0.48)]]),
    (4, [[(0.7, 0), (0.05, 0.62), (0.95, 0.6)], [(0.7, 0), (0.68, 1)]]),
]
# The longer side of a drawing's paper, in pixels, in turn.
SIZES = [24, 40, 64, 100, 160, 280, 500, 900, 1400]


def smooth(points: Stroke) -> Stroke:
    """Points on a Catmull-Rom curve through the given ones; two points stay a line."""
    if len(points) < 3 or (len(points) == 3 and abs(points[1][0] - points[0][0]) > 0.7):
        return points
    line = [points[0]]
    for i in range(len(points) - 1):
        p = [np.array(points[min(len(points) - 1, max(0, i + k))]) for k in (-1, 0, 1, 2)]
        for t in np.linspace(0.1, 1, 10):
            q = p[1] + 0.5 * t * (p[2] - p[0] + t * (
                2 * p[0] - 5 * p[1] + 4 * p[2] - p[3] + t * (3 * (p[1] - p[2]) + p[3] - p[0])
            ))  # fmt: skip
            line.append((float(q[0]), float(q[1])))
    return line


def ink(strokes: list[Stroke], paper: tuple[int, int], height: float, width: float,
        chance: random.Random) -> Image.Image:  # fmt: skip
    """A mask, 255 for ink: the digit `height` high, its pen `width` of that, somewhere."""
    scale = 4 if max(paper) < 300 else 1
    size = height * scale
    slant, stretch = chance.uniform(-0.15, 0.2), chance.uniform(0.55, 0.8)
    shaken = [[(x + chance.gauss(0, 0.015), y + chance.gauss(0, 0.015)) for x, y in stroke]
              for stroke in strokes]  # fmt: skip
    # The ends of strokes that meet still meet, give or take a shake.
    pen = max(scale, width * size)
    wide = size * (stretch + abs(slant)) + pen
    rest = [max(1.0, paper[0] * scale - wide), max(1.0, paper[1] * scale - size - pen)]
    left, top = (pen / 2 + chance.uniform(0.1, 0.9) * room for room in rest)
    if slant < 0:
        left += -slant * size
    mask = Image.new("L", (paper[0] * scale, paper[1] * scale))
    draw = ImageDraw.Draw(mask)
    for stroke in shaken:
        points = [
            (left + (x * stretch + slant * (1 - y)) * size, top + y * size)
            for x, y in smooth(stroke)
        ]
        draw.line(points, fill=255, width=round(pen), joint="curve")
        for x, y in points:
            draw.ellipse([x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2], fill=255)
    return mask.resize(paper, Image.Resampling.BOX) if scale > 1 else mask


def drawing(strokes: list[Stroke], index: int, chance: random.Random) -> Image.Image:
    longer = SIZES[index % len(SIZES)]
    paper = (longer, round(longer * chance.uniform(0.7, 1)))[:: chance.choice([1, -1])]
    height = min(paper) * (0.8 if longer < 60 else chance.uniform(0.25, 0.85))
    mask = ink(strokes, paper, height, chance.uniform(0.05, 0.16), chance)
    grounds, pens = ((200, 255), (0, 90)) if chance.random() < 0.7 else ((0, 60), (170, 255))
    ground, pen = chance.randint(*grounds), chance.randint(*pens)
    return Image.composite(Image.new("L", paper, pen), Image.new("L", paper, ground), mask)


def photograph(strokes: list[Stroke], chance: random.Random) -> Image.Image:
    """A phone's picture of a digit on paper, 900 × 1200 pixels or turned."""
    paper = (900, 1200)[:: chance.choice([1, -1])]
    height = min(paper) * chance.uniform(0.25, 0.6)
    mask = ink(strokes, paper, height, chance.uniform(0.03, 0.09), chance)
    mask = mask.rotate(chance.uniform(-8, 8), Image.Resampling.BILINEAR)
    share = np.asarray(mask.filter(ImageFilter.GaussianBlur(2)), float) / 255
    y, x = np.mgrid[-1 : 1 : paper[1] * 1j, -1 : 1 : paper[0] * 1j]
    grain = np.random.default_rng(chance.randrange(1 << 30))
    light = chance.uniform(0.6, 0.85) + chance.uniform(-0.15, 0.15) * x
    light = light + chance.uniform(-0.15, 0.15) * y - chance.uniform(0, 0.15) * (x * x + y * y)
    # The shadow of a hand, from a corner.
    edge = chance.choice([-1, 1]) * x + chance.choice([-1, 1]) * y - chance.uniform(0.9, 1.3)
    light = light * (1 - 0.2 / (1 + np.exp(-edge * 6)))
    pen = np.array([chance.uniform(0.1, 0.3)] * 2 + [chance.uniform(0.2, 0.55)])
    colour = np.array([1, chance.uniform(0.94, 1), chance.uniform(0.85, 1)])
    picture = light[..., None] * (colour * (1 - share[..., None]) + pen * share[..., None])
    picture = picture + grain.normal(0, 0.02, picture.shape)
    return Image.fromarray(np.uint8(np.clip(picture, 0, 1) * 255))


def main() -> None:
    folder, seed = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    chance = random.Random(seed)
    drawn = [(digit, style) for digit, styles in STYLES.items() for style in styles] + EXTRA
    for index, (digit, strokes) in enumerate(drawn):
        drawing(strokes, index, chance).save(folder / f"drawing-{digit}-{index:02}.png")
    for digit, styles in STYLES.items():
        photograph(chance.choice(styles), chance).save(folder / f"photo-{digit}.jpg", quality=85)


if __name__ == "__main__":
    main()
