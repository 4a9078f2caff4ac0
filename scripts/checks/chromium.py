"""Chromium without a window, for the checks of the pages that the examples write: a page at a
desktop's and at a phone's width, light and dark."""

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


def parser(description, page):
    """The arguments of a check of `page`, and what each check takes besides."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "page",
        type=Path,
        nargs="?",
        default=Path(page),
        metavar=Path(page).stem,
        help=f"default: {page}",
    )
    parser.add_argument(
        "--screenshots", type=Path, metavar="FOLDER", help="keep what was seen, a PNG each"
    )
    return parser


def run(args, look, finish=lambda browser: 0):
    """Prints what `look` finds wrong with the page in each window and scheme, then does what there
    is to `finish`; returns the number of faults. Ends the process where there is nothing to check,
    or nothing to check it with."""
    if not args.page.is_file():
        fail(f"cannot read {args.page}")
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
                    problems = look(browser, window, scheme)
                    print(f"{window}, {scheme}: {'; '.join(problems) or 'well'}", flush=True)
                    wrong += len(problems)
            return wrong + finish(browser)
    except BrowserError as error:
        fail(str(error))


def find_browser():
    if named := os.environ.get("CHROMIUM"):
        return shutil.which(named) or fail(f"CHROMIUM={named} is no program")
    return next(filter(None, map(shutil.which, NAMES)), None)


def fail(message):
    sys.exit(f"error: {message}")


class BrowserError(Exception):
    """The browser does not do what it is asked for."""


class Tab:
    """A page in a window of its own."""

    def __init__(self, browser, page, window, scheme):
        self.browser, self.window, self.scheme = browser, window, scheme
        self.address = page.resolve().as_uri()
        browser.open_tab()
        for domain in ["Page", "Runtime", "Log", "Network"]:
            browser.call(f"{domain}.enable")
        width, height = WINDOWS[window]
        browser.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=window == "phone",
        )
        if window == "phone":
            browser.call("Emulation.setTouchEmulationEnabled", enabled=True)
        browser.call(
            "Emulation.setEmulatedMedia",
            features=[
                {"name": "prefers-color-scheme", "value": scheme},
                {"name": "prefers-reduced-motion", "value": "reduce"},
            ],
        )
        browser.call("Page.navigate", url=self.address)
        # The load event may be that of the empty page before it.
        deadline = time.monotonic() + PATIENCE
        while not self.js("document.readyState === 'complete' && location.href !== 'about:blank'"):
            if time.monotonic() > deadline:
                raise BrowserError(f"{page} is not loaded within {PATIENCE} seconds")
            time.sleep(0.02)

    def js(self, expression):
        """What the expression comes to in the page."""
        result = self.browser.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            text = details.get("exception", {}).get("description", details["text"])
            raise BrowserError(f"{expression[:80]}: {text}")
        return result["result"].get("value")

    def save_picture(self, file, **clip):
        """The whole page as a PNG, or a part of it."""
        shot = self.browser.call("Page.captureScreenshot", captureBeyondViewport=True, **clip)
        file.write_bytes(base64.b64decode(shot["data"]))

    def complaints(self):
        """What the browser said and asked for, beside the page itself."""
        problems = []
        for event in self.browser.events:
            method, params = event["method"], event["params"]
            if method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
                problems.append(f"console: {params['args']}")
            elif method == "Runtime.exceptionThrown":
                problems.append(f"exception: {params['exceptionDetails']['text']}")
            elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                problems.append(f"console: {params['entry']['text']}")
            elif method == "Network.requestWillBeSent":
                url = params["request"]["url"]
                if url != self.address and not url.startswith("data:"):
                    problems.append(f"requests {url}")
        return problems


class Browser:
    """Chromium without a window, over the pipe of its DevTools protocol: a JSON object each way,
    and a zero after each."""

    def __init__(self, program, profile):
        from_us, self.to_browser = os.pipe()
        self.from_browser, from_browser = os.pipe()
        command = [
            program,
            "--headless",
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
            "--disable-gpu",
            "--hide-scrollbars",
            "--no-first-run",
            "--no-sandbox",
        ]
        # The protocol wants them as files 3 and 4.
        redirect = f'exec "$@" 3<&{from_us} 4>&{from_browser}'
        self.process = subprocess.Popen(
            ["bash", "-c", redirect, "chromium", *command],
            pass_fds=[from_us, from_browser],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
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

    def read(self):
        """The next message; an event of this page is kept."""
        deadline = time.monotonic() + PATIENCE
        while b"\0" not in self.unread:
            ready, _, _ = select.select(
                [self.from_browser], [], [], max(0, deadline - time.monotonic())
            )
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
