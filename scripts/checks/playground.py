#!/usr/bin/env python3
"""Plays with the page of examples/playground in Chromium, as a visitor would.

    cargo run --example playground
    scripts/checks/playground.py [playground.html] [--answers FILE.json] [--screenshots FOLDER]

At a desktop's and a phone's width, light and dark, with mouse, touch and keyboard, it goes through
every panel. It fails on what does not answer as it should, on messages on the console, on requests
for anything but the page, on a page wider than the window, and on what axe-core finds, of contrast
and labels for one. With the answers of Rust to pictures, which the project's tests write, it fails
where the page's own differ by more than 1e-4.

The exit code is 0 if all is well, 1 if not, and 77 if something is missing to check with: Chromium,
looked for on the PATH or named by CHROMIUM, or axe-core, which is kept under target/ and fetched
with npm the first time.
"""

import base64
import functools
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import chromium
from chromium import SKIPPED, Tab, fail

AXE = "axe-core@4.14.1"
AXE_FOLDER = Path(__file__).resolve().parents[2] / "target" / AXE

# How far a logit or a probability of the page may be from Rust's, which computes in float32.
# Rust's logits are sums of 784 float32 products, whose order depends on the processor; the page's
# are float64. Seen: 4.1e-6 on an AMD EPYC, 1.2e-5 on an Intel Xeon.
TOLERANCE = 1e-4

# Pictures in one message to the browser.
PART = 200


def main():
    parser = chromium.parser(__doc__, "playground.html")
    parser.add_argument(
        "--answers",
        type=Path,
        metavar="FILE.json",
        help="pictures with Rust's answers, losses with their gradients",
    )
    parser.add_argument(
        "--picture",
        type=Path,
        metavar="FILE.png",
        help="keep what the README shows: a drawing, and what is said of it",
    )
    args = parser.parse_args()
    answers = read_answers(args.answers) if args.answers else None

    def look(browser, window, scheme):
        return Visit(browser, args.page, window, scheme).play(find_axe(), args.screenshots)

    def finish(browser):
        if args.picture:
            Visit(browser, args.page, "desktop", "light").take_picture(args.picture)
        return compare(Tab(browser, args.page, "desktop", "light"), answers) if answers else 0

    wrong = chromium.run(args, look, finish)
    if find_axe() is None:
        print("skipped: axe-core, which npm cannot fetch here", file=sys.stderr)
    sys.exit(1 if wrong else 0 if find_axe() else SKIPPED)


def read_answers(path):
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        fail(f"cannot read {path}: {error}")


@functools.cache
def find_axe():
    """The script of axe-core, or nothing where it is not kept and cannot be fetched."""
    script = AXE_FOLDER / "package" / "axe.min.js"
    if not script.is_file():
        if shutil.which("npm") is None:
            return None
        with tempfile.TemporaryDirectory() as folder:
            packed = subprocess.run(
                ["npm", "pack", "--silent", AXE],
                cwd=folder,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            if packed.returncode:
                return None
            with tarfile.open(Path(folder) / packed.stdout.split()[-1]) as archive:
                archive.extractall(AXE_FOLDER, filter="data")
    return script.read_text()


class Visit(Tab):
    """The page as a visitor goes through it."""

    def __init__(self, browser, page, window, scheme):
        super().__init__(browser, page, window, scheme)
        self.problems = []

    def play(self, axe, screenshots):
        """What is wrong with the page in this window."""
        for panel in [self.draw, self.drag, self.loss, self.race, self.last_layer, self.layout]:
            panel()
        self.take_screenshot(screenshots)
        if axe:
            self.run_axe(axe)
        return self.problems + self.complaints()

    # What a visitor does.

    def text(self, element):
        return self.js(f"document.getElementById({element!r}).textContent")

    def expect(self, what, is_so):
        if not is_so:
            self.problems.append(what)

    def click(self, selector):
        self.js(f"document.querySelector({selector!r}).click()")

    def choose(self, name, value):
        self.click(f'input[name="{name}"][value="{value}"]')

    def slide(self, element, value):
        self.js(f"""{{ const slider = document.getElementById({element!r}); slider.value = {value};
            slider.dispatchEvent(new Event("input")); }}""")

    def stroke(self, selector, shares):
        """With a finger on a phone, else with the mouse: from point to point, in shares of the
        element's width and height."""
        left, top, width, height = self.js(f"""(() => {{
            const element = document.querySelector({selector!r});
            element.scrollIntoView({{ block: "center", behavior: "instant" }});
            const frame = element.getBoundingClientRect();
            return [frame.left, frame.top, frame.width, frame.height];
        }})()""")
        points = [{"x": left + x * width, "y": top + y * height} for x, y in shares]
        if self.window == "phone":
            before = self.js("scrollY")
            for kind, point in zip(["touchStart"] + ["touchMove"] * len(points), points):
                self.browser.call("Input.dispatchTouchEvent", type=kind, touchPoints=[point])
            self.browser.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
            self.expect(
                f"{selector}: the page moves under the finger", self.js("scrollY") == before
            )
        else:
            mouse = {"button": "left", "buttons": 1, "clickCount": 1}
            self.browser.call("Input.dispatchMouseEvent", type="mousePressed", **points[0], **mouse)
            for point in points[1:]:
                self.browser.call("Input.dispatchMouseEvent", type="mouseMoved", **point, **mouse)
            self.browser.call(
                "Input.dispatchMouseEvent", type="mouseReleased", **points[-1], **mouse
            )

    def press(self, *keys):
        for key in keys:
            code = {
                "key": key,
                "code": "Space" if key == " " else key,
                "windowsVirtualKeyCode": KEY_CODES[key],
            }
            self.browser.call("Input.dispatchKeyEvent", type="rawKeyDown", **code)
            self.browser.call("Input.dispatchKeyEvent", type="keyUp", **code)

    # What each panel has to do.

    def draw(self):
        self.expect("draw: the first example is no 3", "“It is a 3”" in self.text("draw-answer"))
        self.click("#draw-clear")
        self.expect("draw: Clear leaves ink", not self.js(INKED))
        self.click('[data-drawing="wrong"]')
        self.stroke("#draw-canvas", [(0.5, 0.2), (0.5, 0.8)])
        alone = self.js("playground.draw.logits()")
        self.click("#draw-clear")
        self.stroke("#draw-canvas", [(0.5, 0.2), (0.5, 0.8)])
        self.expect(
            "draw: the first stroke is drawn over the example",
            alone == self.js("playground.draw.logits()"),
        )
        self.stroke("#draw-canvas", [(0.2, 0.5), (0.8, 0.5)])
        self.click("#draw-undo")
        self.expect("draw: Undo leaves a stroke", alone == self.js("playground.draw.logits()"))
        self.click("#draw-clear")
        self.stroke("#draw-canvas", [(0.5, 0.2), (0.5, 0.4), (0.5, 0.6), (0.5, 0.8)])
        problem = self.js(CENTRED)
        self.expect(f"draw: a stroke is not centred: {problem}", not problem)
        stroke = self.js("playground.draw.logits()")
        self.click("#draw-clear")
        self.js("document.getElementById('draw-canvas').focus()")
        self.press(" ", *["ArrowDown"] * 6, *["ArrowRight"] * 6)
        self.expect("draw: keys draw nothing", not self.js(CENTRED))
        self.expect(
            "draw: another drawing, the same answer", stroke != self.js("playground.draw.logits()")
        )
        self.press("Delete")
        self.expect("draw: Delete leaves ink", not self.js(INKED))
        self.js("document.getElementById('draw-canvas').blur()")
        for drawing, answer in ANSWERS.items():
            self.click(f'[data-drawing="{drawing}"]')
            digit, least, most = answer
            p = self.js("Math.max(...playground.softmax(playground.draw.logits()))")
            said = f"“It is {'an' if digit == 8 else 'a'} {digit}”" in self.text("draw-answer")
            self.expect(f"draw: {drawing}: {self.text('draw-answer')}", said and least < p < most)
        self.click('[data-drawing="sure"]')

    def drag(self):
        track, row = "#drag-bars tbody tr:nth-child(1) .track", "#drag-bars tbody tr:nth-child(1)"
        value = f"Number(document.querySelector('{row} input').value)"
        self.stroke(track, [(0.5, 0.5), (0.7, 0.5), (0.9, 0.5)])
        self.expect(f"drag: dragged to {self.js(value)}", abs(self.js(value) - 8) < 0.3)
        self.expect(
            "drag: the distance of two logits has no law", "ln (p₀" in self.text("drag-law")
        )
        before = self.js(value)
        self.js(f"document.querySelector('{row} input').focus()")
        self.press("ArrowRight", "ArrowRight")
        self.expect("drag: keys do not move a bar", abs(self.js(value) - before - 0.2) < 1e-6)
        output = (
            "[...document.querySelectorAll('#drag-bars td:last-child')]"
            ".map(cell => cell.textContent)"
        )
        probabilities = self.js(output)
        self.slide("drag-shift", 100)
        self.expect("drag: a shift changes softmax", self.js(output) == probabilities)
        self.expect("drag: a shift has no law", "softmax(z + c)" in self.text("drag-law"))
        self.choose("drag-layer", "naive")
        self.expect("drag: the naive formula does not overflow", self.js(output)[0] == "NaN")
        steps = self.text("drag-steps-sum")
        self.expect(f"drag: no step overflows: {steps}", "Σ eᶻ = ∞" in steps)
        self.js(
            "document.getElementById('drag-shift').dispatchEvent(new Event('change', "
            "{ bubbles: true }))"
        )
        address = self.js("location.hash")
        self.expect(
            f"drag: the address is {address}", address == "#drag?drag-layer=naive&drag-shift=100"
        )
        self.js("location.hash = '#drag?only&drag-shift=100'")
        self.js("new Promise(done => setTimeout(done, 50))")
        seen = "[...document.querySelectorAll('section')].filter(s => s.offsetHeight).length"
        self.expect("drag: it is not alone", self.js(seen) == 1)
        self.js("location.hash = '#drag'")
        self.js("new Promise(done => setTimeout(done, 50))")
        self.expect("drag: it is alone for ever", self.js(seen) == 5)
        self.slide("drag-shift", 0)
        self.expect("drag: the naive formula differs", self.js(output) == probabilities)
        self.choose("drag-layer", "sigmoids")
        self.expect("drag: sigmoids have no law", "by itself" in self.text("drag-law"))
        self.choose("drag-layer", "nothing")
        self.expect(
            "drag: nothing is something",
            self.js(output)[0]
            == self.js("Number(document.querySelector('#drag-bars input').value).toFixed(2)"),
        )
        self.choose("drag-layer", "softmax")
        self.slide("drag-temperature", 1)
        self.expect("drag: temperature changes nothing", self.js(output) != probabilities)
        self.click("#drag-take")
        z = self.js("[...document.querySelectorAll('#drag-bars input')].map(i => Number(i.value))")
        drawn = self.js("playground.draw.logits()")
        self.expect(
            "drag: the drawing's logits are not taken",
            max(abs(a - b) for a, b in zip(z, drawn)) < 0.06,
        )
        self.click("#drag-reset")

    def loss(self):
        for loss, mended in enumerate([True, False, False, True]):
            self.choose("loss", loss)
            self.click("#loss-reset")
            self.click("#loss-step")
            self.expect(f"loss {loss}: no step", "After 1 step:" in self.text("loss-state"))
            self.click("#loss-twenty")
            verdict = self.text("loss-verdict")
            self.expect(f"loss {loss}: {verdict}", ("right." in verdict) == mended)
        rows = "[...document.querySelectorAll('#loss-results tr')].map(r => r.textContent)"
        self.slide("loss-rate", 2)
        self.expect("loss: nothing ends wrong at a rate of 100", "at the end" in str(self.js(rows)))
        self.js("""{ const truth = document.getElementById("loss-truth"); truth.value = "8";
            truth.dispatchEvent(new Event("change")); }""")
        self.slide("loss-rate", -1)
        self.expect("loss: 8 is mended", "was never wrong" in self.js(rows)[0])
        self.js("""{ const truth = document.getElementById("loss-truth"); truth.value = "3";
            truth.dispatchEvent(new Event("change")); }""")
        self.slide("loss-rate", 0)
        self.choose("loss", 0)
        self.click("#loss-reset")

    def race(self):
        epochs = int(self.js("document.getElementById('race-epoch').max"))
        self.click("#race-run")
        self.expect("race: it does not reach the end", self.text("race-epoch-value") == str(epochs))
        rows = "[...document.querySelectorAll('#race-rows tr')].map(r => r.textContent)"
        best = self.js(rows)
        self.choose("race-optimizer", "SGD")
        self.expect("race: the optimizer changes nothing", self.js(rows) != best)
        self.js("""{ const rates = document.getElementById("race-rate"); rates.selectedIndex = 1;
            rates.dispatchEvent(new Event("change")); }""")
        one = self.js(
            "[...document.querySelectorAll('#race-rows td:nth-child(2)')].map(c => c.textContent)"
        )
        self.expect("race: not one rate for all", len(set(one)) == 1)
        self.js("""{ const rates = document.getElementById("race-rate"); rates.value = "best";
            rates.dispatchEvent(new Event("change")); }""")
        self.choose("race-optimizer", "Adam")
        self.expect("race: the best are others than before", self.js(rows) == best)
        self.choose("race-digits", "mnist")
        self.expect("race: the digits change nothing", self.js(rows) != best)
        self.choose("race-digits", "sample")
        self.expect("race: the sample's are others than before", self.js(rows) == best)
        self.js("document.getElementById('race-epoch').focus()")
        self.press("ArrowLeft")
        self.expect(
            "race: keys do not move the epoch", self.text("race-epoch-value") == str(epochs - 1)
        )
        self.slide("race-epoch", epochs)

    def last_layer(self):
        questions = self.js(
            "[...document.querySelectorAll('[data-answer]')].map("
            "q => [q.querySelector('input').name, q.dataset.answer])"
        )
        self.expect("last layer: not four questions", len(questions) == 4)
        for name, answer in questions:
            answers = answer.split(" ")
            wrong = "nothing" if "nothing" not in answers else "softmax"
            reveal = f"document.querySelector('[name=\"{name}\"]').closest('fieldset')"
            hidden = f"{reveal}.querySelector('.reveal').hidden"
            self.expect(f"{name}: revealed before", self.js(hidden))
            for choice, told in [(wrong, "Not this one"), *((right, "Yes") for right in answers)]:
                self.choose(name, choice)
                status = self.js(f"{reveal}.querySelector('[role=status]').textContent")
                self.expect(f"{name}: {choice}: {status}", status.startswith(told))
            self.expect(f"{name}: not revealed", not self.js(hidden))

    def layout(self):
        self.problems += self.js(LAYOUT)

    def take_screenshot(self, folder):
        if not folder:
            return
        self.js("scrollTo({ top: 0, behavior: 'instant' })")
        self.save_picture(folder / f"playground-{self.window}-{self.scheme}.png")

    def take_picture(self, file):
        self.click('[data-drawing="wrong"]')
        bottom = self.js(
            "document.getElementById('draw-examples').parentElement.getBoundingClientRect().bottom"
        )
        self.save_picture(
            file, clip={"x": 90, "y": 0, "width": 1100, "height": bottom + 12, "scale": 1}
        )

    def run_axe(self, axe):
        self.js(axe)
        found = self.js("""axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a",
            "wcag21aa", "wcag22aa", "best-practice"] }).then(result => result.violations.map(v =>
            `axe: ${v.id}: ${v.nodes.map(n => n.target.join(" ")).join(", ")}`))""")
        self.problems += found


KEY_CODES = {
    " ": 32,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
    "Delete": 46,
}

# For each drawing the network's answer, and between which probabilities it has to be.
ANSWERS = {
    "sure": (3, 0.99, 1),
    "torn": (4, 0.5, 0.65),
    "wrong": (8, 0.9, 1),
    "flag": (9, 0.8, 0.95),
    "scribble": (8, 0.99, 1),
    "heart": (0, 0.95, 1),
}

# Whether there is ink in the picture that the network sees.
INKED = "playground.draw.picture().some(Boolean)"

# What is wrong with the picture that the network sees, as MNIST has it: a box of 20×20 pixels with
# its centre of mass in the middle of 28×28.
CENTRED = """(() => {
    const picture = [...playground.draw.picture()];
    const all = picture.map((value, i) => [i % 28, Math.floor(i / 28), value]);
    const inked = all.filter(([, , value]) => value);
    if (inked.length === 0) return "no ink";
    const spread = k => Math.max(...inked.map(p => p[k])) - Math.min(...inked.map(p => p[k])) + 1;
    if (Math.max(spread(0), spread(1)) !== 20) return `${spread(0)}×${spread(1)} pixels`;
    const mass = inked.reduce((sum, p) => sum + p[2], 0);
    const middle = k => inked.reduce((sum, p) => sum + (p[k] + 0.5) * p[2], 0) / mass;
    const off = Math.max(Math.abs(middle(0) - 14), Math.abs(middle(1) - 14));
    return off > 0.51 ? `its middle is off by ${off}` : null;
})()"""

# What is wrong with the page as it is laid out, with every answer revealed.
LAYOUT = """(() => {
    const problems = [];
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > width) {
        problems.push(`the page is ${document.documentElement.scrollWidth} pixels wide`);
    }
    for (const text of document.querySelectorAll("svg text")) {
        const size = parseFloat(getComputedStyle(text).fontSize);
        const box = text.getBoundingClientRect();
        if (size < 9) problems.push(`${text.textContent} is ${size} pixels high`);
        if (box.left < 0 || box.right > width) problems.push(`${text.textContent} is cut off`);
    }
    for (const control of document.querySelectorAll("button, select, nav a, .track, label")) {
        const { height } = control.getBoundingClientRect();
        if (control.closest(".sliders, .field") && control.tagName === "LABEL") continue;
        const name = control.textContent || control.className;
        if (height && height < 23) problems.push(`${name} is ${height} pixels high`);
    }
    return problems;
})()"""


def compare(tab, answers):
    """Prints how far the page is from Rust; returns the number of comparisons that fail."""
    pixels = base64.b64decode(answers["pixels"])
    largest = {"logit": 0, "probability": 0}
    other = 0
    for start in range(0, len(answers["logits"]), PART):
        part = {
            "pixels": base64.b64encode(pixels[784 * start : 784 * (start + PART)]).decode(),
            "logits": answers["logits"][start : start + PART],
        }
        found = tab.js(f"({COMPARE})({json.dumps(part)})")
        for name in largest:
            largest[name] = max(largest[name], found[name])
        other += found["other"]
    pictures = answers["recipe"]
    differing = sum(tab.js(f"({COMPARE_RECIPE})({json.dumps(picture)})") for picture in pictures)
    gradients = tab.js(f"({COMPARE_LOSSES})({json.dumps(answers['losses'])})")
    print(
        f"{len(answers['logits'])} digits: logits within {largest['logit']:.1e} of Rust's, "
        f"probabilities within {largest['probability']:.1e}, {other} other answers"
    )
    print(f"{len(pictures)} pictures: {differing} of {784 * len(pictures)} pixels differ")
    print(f"{len(answers['losses'])} losses: values and gradients within {gradients:.1e} of Rust's")
    return sum(
        [
            largest["logit"] > TOLERANCE,
            largest["probability"] > TOLERANCE,
            other > 0,
            differing > 0,
            gradients > TOLERANCE,
        ]
    )


# The largest differences of logits and probabilities, and the number of other answers.
COMPARE = """({ pixels, logits }) => {
    const bytes = Uint8Array.from(atob(pixels), c => c.charCodeAt(0));
    const { forward, softmax } = playground;
    const found = { logit: 0, probability: 0, other: 0 };
    const largest = (a, b) => Math.max(...a.map((x, i) => Math.abs(x - b[i])));
    const first = values => values.indexOf(Math.max(...values));
    logits.forEach((rust, n) => {
        const picture = [...bytes.slice(784 * n, 784 * (n + 1))].map(x => x / 255);
        const z = forward(picture);
        if (z.length !== rust.length || z.some(Number.isNaN)) throw new Error("no ten logits");
        found.logit = Math.max(found.logit, largest(z, rust));
        found.probability = Math.max(found.probability, largest(softmax(z), softmax(rust)));
        found.other += first(z) !== first(rust);
    });
    return found;
}"""

# The number of pixels that the page makes of a picture otherwise than Rust does.
COMPARE_RECIPE = """({ grey, width, height, pixels }) => {
    const bytes = Uint8Array.from(atob(grey), c => c.charCodeAt(0));
    const made = playground.asDigit(bytes, width, height);
    return pixels.filter((value, i) => value !== made.pixels[i]).length;
}"""

# The largest difference of a loss or a gradient, of what is above 1 in parts of it.
COMPARE_LOSSES = """cases => Math.max(...cases.flatMap(rust => {
    const loss = playground.LOSSES[rust.loss];
    const gradient = loss.gradient(rust.logits, rust.target);
    const off = (x, right) => Math.abs(x - right) / Math.max(1, Math.abs(right));
    return [off(loss.value(rust.logits, rust.target), rust.value),
            ...gradient.map((x, i) => off(x, rust.gradient[i]))];
}))"""


if __name__ == "__main__":
    main()
