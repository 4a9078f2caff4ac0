#!/usr/bin/env python3
"""Opens the report of examples/is_softmax_essential in Chromium, as a reader would.

    cargo run --example is_softmax_essential
    scripts/checks/report.py [report.html] [--screenshots FOLDER]

At a desktop's and a phone's width, light and dark, it fails on messages on the console, on
requests for anything but the report, on a page wider than the window, on links within the page that
lead nowhere, on a first figure that is not seen at once, and on text in a figure that is cut off or
smaller than 9 pixels.

The exit code is 0 if all is well, 1 if not, and 77 if there is no Chromium to check with: it is
looked for on the PATH, or named by CHROMIUM.
"""

import sys

import chromium
from chromium import Tab

# What is wrong with the page as it is laid out.
INSPECT = """(() => {
    const problems = [];
    const first = document.querySelector("figure svg");
    if (first && first.getBoundingClientRect().top > window.innerHeight) {
        problems.push("the first figure is out of sight");
    }
    document.querySelectorAll("details").forEach(details => details.open = true);
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > width) {
        problems.push(`the page is ${document.documentElement.scrollWidth} pixels wide`);
    }
    for (const link of document.querySelectorAll('a[href^="#"]')) {
        if (!document.getElementById(link.hash.slice(1))) {
            problems.push(`${link.hash} leads nowhere`);
        }
    }
    const figures = document.querySelectorAll("figure svg");
    if (figures.length === 0) problems.push("there is no figure");
    for (const svg of figures) {
        if (!svg.getAttribute("aria-label")) problems.push("a figure has no text alternative");
        const frame = svg.getBoundingClientRect();
        for (const text of svg.querySelectorAll("text")) {
            const box = text.getBoundingClientRect();
            const name = JSON.stringify(text.textContent.trim());
            if (box.left < frame.left - 1 || box.right > frame.right + 1 ||
                box.top < frame.top - 1 || box.bottom > frame.bottom + 1) {
                problems.push(`${name} is cut off in "${svg.getAttribute("aria-label")}"`);
            }
            const scale = frame.width / svg.viewBox.baseVal.width;
            const size = parseFloat(getComputedStyle(text).fontSize) * scale;
            if (size < 9) problems.push(`${name} is ${size.toFixed(1)} pixels high`);
        }
    }
    return problems;
})()"""


def main():
    args = chromium.parser(__doc__, "report.html").parse_args()

    def look(browser, window, scheme):
        tab = Tab(browser, args.page, window, scheme)
        problems = tab.js(INSPECT)
        if args.screenshots:
            tab.save_picture(args.screenshots / f"{window}-{scheme}.png")
        return problems + tab.complaints()

    sys.exit(1 if chromium.run(args, look) else 0)


if __name__ == "__main__":
    main()
