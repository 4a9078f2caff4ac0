"""Asks a package index for a wheel of torch; exits with one line that says what is wrong if it has
none.

    python3 scripts/environment/cpu_index.py https://…/whl/cpu 2.13.0+cpu SECONDS

The index has SECONDS to begin its answer, and ten more to end it. Needs Python's own packages only.
"""

import os
import queue
import ssl
import sys
import threading
import urllib.error
import urllib.request

index, version, seconds = sys.argv[1:]
# For each step an empty text, or what went wrong.
steps: queue.Queue[str] = queue.Queue()


def ask() -> None:
    try:
        # The certificates that pip trusts.
        context = ssl.create_default_context(cafile=os.environ.get("PIP_CERT"))
        answer = urllib.request.urlopen(
            f"{index}/torch/", timeout=float(seconds) + 10, context=context
        )
        steps.put("")
        page = answer.read().decode("utf-8", "replace").replace("%2B", "+")
        steps.put("" if f"torch-{version}-" in page else f"{index} has no torch {version}")
    except urllib.error.HTTPError as error:
        steps.put(f"{index} answers {error.code} {error.reason}")
    except Exception as error:
        steps.put(f"{index} does not answer: {getattr(error, 'reason', error)}")


# A thread, as no other deadline ends a name look-up that hangs.
threading.Thread(target=ask, daemon=True).start()
wrong = f"{index} does not answer within {seconds} s"
try:
    wrong = steps.get(timeout=float(seconds))
    if not wrong:
        wrong = f"{index} does not end its answer within 10 s"
        wrong = steps.get(timeout=10)
except queue.Empty:
    pass
sys.exit(" ".join(wrong.split()) or None)
