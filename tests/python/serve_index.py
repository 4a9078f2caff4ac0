"""Serves package indexes over HTTP on this machine, of packages of a few lines.

/simple/ has torch with CUDA and what torch needs; /cpu/ has torch without CUDA, and an old numpy
that nobody is to take; /old/ has another torch. /error/ answers 503, /hang/ not at all, and
/half/ begins an answer and does not end it. Prints the port first. Ends when stdin does.
"""

import functools
import sys
import tempfile
import threading
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def write_wheel(index, name, version, files, needs=()):
    folder = index / name
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    files = files | {
        f"{info}/METADATA": "\n".join(metadata + [f"Requires-Dist: {need}" for need in needs])
        + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = (
        "".join(f"{path},,{len(text)}\n" for path, text in files.items()) + f"{info}/RECORD,,\n"
    )
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in (files | {f"{info}/RECORD": record}).items():
            wheel.writestr(path, text)


def torch(version):
    return {
        "torch/__init__.py": "",
        "torch/version.py": f"__version__ = '{version}'\n",
        "torch/lib/libtorch_cpu.so": "",
    }


class Handler(SimpleHTTPRequestHandler):
    def do_GET(self):
        name = self.path.split("/")[1]
        if name == "error":
            self.send_error(503)
        elif name in ("hang", "half"):
            if name == "half":
                self.send_response(200)
                self.end_headers()
            threading.Event().wait()
        else:
            super().do_GET()

    def log_message(self, *args):
        pass


temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)
simple, cpu = folder / "simple", folder / "cpu"
write_wheel(simple, "torch", "2.13.0", torch("2.13.0+cu130"), ["filelock"])
write_wheel(simple, "filelock", "3.0", {"filelock.py": "whole = True\n"})
write_wheel(simple, "numpy", "2.4.6", {"numpy.py": ""})
write_wheel(cpu, "torch", "2.13.0+cpu", torch("2.13.0+cpu"), ["filelock"])
write_wheel(cpu, "numpy", "1.0", {"numpy.py": ""})
write_wheel(folder / "old", "torch", "2.12.0+cpu", torch("2.12.0+cpu"))
handler = functools.partial(Handler, directory=folder)
server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
print(server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
