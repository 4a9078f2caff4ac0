"""Draws lines over two logarithmic axes, as an SVG."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from html import escape

# Of one panel and of its axes within.
WIDTH, HEIGHT = 420, 300
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 50, 45

# Of Okabe and Ito, which colour-blind people tell apart: in the order of the lines, but for two
# names that have their own everywhere. The limit is dashed.
COLOURS = ["#0072b2", "#56b4e9", "#cc79a7"]
NAMED_COLOURS = {"Rust": "#d55e00", "limit": "#009e73"}


@dataclass(frozen=True)
class Panel:
    """One plot: for each line, y by x, all positive."""

    title: str
    x_name: str
    lines: dict[str, dict[float, float]]
    show_y: Callable[[float], str]


def draw(panels, caption):
    """The panels, two in a row, under a caption, on a white ground."""
    rows = math.ceil(len(panels) / 2)
    width, height = 2 * WIDTH, rows * HEIGHT + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        text(10, height - 10, caption, size=9),
    ]
    for number, panel in enumerate(panels):
        x, y = number % 2 * WIDTH, number // 2 * HEIGHT
        parts += [f'<g transform="translate({x} {y})">', *draw_panel(panel), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def draw_panel(panel):
    xs = sorted({x for line in panel.lines.values() for x in line})
    ys = [y for line in panel.lines.values() for y in line.values()]
    to_x = scale(min(xs), max(xs), LEFT, WIDTH - RIGHT)
    to_y = scale(
        10 ** math.floor(math.log10(min(ys))),
        10 ** math.ceil(math.log10(max(ys))),
        HEIGHT - BOTTOM,
        TOP,
    )
    yield text(LEFT, 20, panel.title, size=13)
    yield text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, panel.x_name, anchor="middle")
    for x in xs:
        yield path([(to_x(x), TOP), (to_x(x), HEIGHT - BOTTOM)], "#e5e5e5")
        yield text(to_x(x), HEIGHT - BOTTOM + 15, f"{x:,}", anchor="middle", size=9)
    for y in powers_of_ten(min(ys), max(ys)):
        yield path([(LEFT, to_y(y)), (WIDTH - RIGHT, to_y(y))], "#e5e5e5")
        yield text(LEFT - 5, to_y(y) + 4, panel.show_y(y), anchor="end", size=9)
    legend_x: float = LEFT
    for number, (name, line) in enumerate(panel.lines.items()):
        colour = NAMED_COLOURS.get(name) or COLOURS[number]
        dash = "4 3" if name == "limit" else None
        yield path([(to_x(x), to_y(y)) for x, y in sorted(line.items())], colour, 2, dash)
        yield path([(legend_x, 35), (legend_x + 16, 35)], colour, 2, dash)
        yield text(legend_x + 20, 38, name, size=9)
        legend_x += 25 + 4.5 * len(name)


def scale(low, high, start, end):
    """From numbers to places, logarithmically."""
    span = math.log(high / low) or 1
    return lambda number: start + (end - start) * math.log(number / low) / span


def powers_of_ten(low, high):
    return [10**n for n in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def path(points, colour, width=1, dash=None):
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    style = f'fill="none" stroke="{colour}" stroke-width="{width}"{dashes}'
    return f'<polyline points="{places}" {style}/>'


def text(x, y, words, *, anchor="start", size=11):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">'
        f"{escape(words)}</text>"
    )
