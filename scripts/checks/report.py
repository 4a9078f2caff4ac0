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

import argparse
import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SKIPPED = 77
NAMES = ["chromium", "chromium-browser", "google-chrome", "chrome"]
WINDOWS = {"desktop": (1280, 800), "phone": (390, 844)}
SCHEMES = ["light", "dark"]

# Seconds that the browser may take for an answer.
PATIENCE = 60

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
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("report", type=Path, nargs="?", default=Path("report.html"),
                        help="default: report.html")
    parser.add_argument("--screenshots", type=Path, metavar="FOLDER",
                        help="keep what was seen, a PNG each")
    args = parser.parse_args()
    if not args.report.is_file():
        fail(f"cannot read {args.report}")
    program = find_browser()
    if program is None:
        print("skipped: there is no Chromium on the PATH", file=sys.stderr)
        sys.exit(SKIPPED)
    if args.screenshots:
        args.screenshots.mkdir(parents=True, exist_ok=True)
    wrong = 0
    try:
        with tempfile.TemporaryDirectory() as profile, Browser(program, profile) as browser:
            for window in WINDOWS:
                for scheme in SCHEMES:
                    problems = look(browser, args.report, window, scheme, args.screenshots)
                    print(f"{window}, {scheme}: {'; '.join(problems) or 'well'}")
                    wrong += len(problems)
    except BrowserError as error:
        fail(str(error))
    sys.exit(1 if wrong else 0)


def find_browser():
    if named := os.environ.get("CHROMIUM"):
        return shutil.which(named) or fail(f"CHROMIUM={named} is no program")
    return next(filter(None, map(shutil.which, NAMES)), None)


def look(browser, report, window, scheme, screenshots):
    """What is wrong with the report in this window."""
    width, height = WINDOWS[window]
    address = report.resolve().as_uri()
    browser.open_tab()
    for domain in ["Page", "Runtime", "Log", "Network"]:
        browser.call(f"{domain}.enable")
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=window == "phone")
    browser.call("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.call("Page.navigate", url=address)
    browser.wait_for("Page.loadEventFired")
    result = browser.call("Runtime.evaluate", expression=INSPECT, returnByValue=True)
    if "exceptionDetails" in result:
        raise BrowserError(f"cannot inspect the page: {result['exceptionDetails']['text']}")
    if screenshots:
        shot = browser.call("Page.captureScreenshot", captureBeyondViewport=True)
        file = screenshots / f"{window}-{scheme}.png"
        file.write_bytes(base64.b64decode(shot["data"]))
    return result["result"]["value"] + complaints(browser.events, address)


def complaints(events, address):
    """What the browser said and asked for, beside the page itself."""
    problems = []
    for event in events:
        method, params = event["method"], event["params"]
        if method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            problems.append(f"console: {params['args']}")
        elif method == "Runtime.exceptionThrown":
            problems.append(f"exception: {params['exceptionDetails']['text']}")
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            problems.append(f"console: {params['entry']['text']}")
        elif method == "Network.requestWillBeSent":
            url = params["request"]["url"]
            if url != address and not url.startswith("data:"):
                problems.append(f"requests {url}")
    return problems


class BrowserError(Exception):
    """The browser does not do what it is asked for."""


class Browser:
    """Chromium without a window, over the pipe of its DevTools protocol: a JSON object each way,
    and a zero after each."""

    def __init__(self, program, profile):
        from_us, self.to_browser = os.pipe()
        self.from_browser, from_browser = os.pipe()
        command = [
            program, "--headless", "--remote-debugging-pipe", f"--user-data-dir={profile}",
            "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--no-sandbox",
        ]
        # The protocol wants them as files 3 and 4.
        redirect = f'exec "$@" 3<&{from_us} 4>&{from_browser}'
        self.process = subprocess.Popen(
            ["bash", "-c", redirect, "chromium", *command], pass_fds=[from_us, from_browser],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        os.close(from_us)
        os.close(from_browser)
        self.unread = b""
        self.calls = 0
        self.session = None
        self.events = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.session = None
            self.call("Browser.close")
        except (BrowserError, OSError):
            pass
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.to_browser)
        os.close(self.from_browser)

    def open_tab(self):
        """A new page, and no events yet."""
        self.session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        self.events = []

    def call(self, method, **params):
        """What the browser answers."""
        self.calls += 1
        message = {"id": self.calls, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.calls:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def wait_for(self, method):
        while not any(event["method"] == method for event in self.events):
            self.read()

    def read(self):
        """The next message; an event of this page is kept."""
        deadline = time.monotonic() + PATIENCE
        while b"\0" not in self.unread:
            ready, _, _ = select.select([self.from_browser], [], [],
                                        max(0, deadline - time.monotonic()))
            if not ready:
                raise BrowserError(f"Chromium did not answer within {PATIENCE} seconds")
            part = os.read(self.from_browser, 1 << 16)
            if not part:
                raise BrowserError("Chromium ended; does it start by itself?")
            self.unread += part
        message, self.unread = self.unread.split(b"\0", 1)
        message = json.loads(message)
        if "method" in message and message.get("sessionId") == self.session:
            self.events.append(message)
        return message


def fail(message):
    sys.exit(f"error: {message}")


if __name__ == "__main__":
    main()
