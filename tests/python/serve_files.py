"""Serves the files of a folder over HTTP on this machine, as they are and in ways that go wrong.

Prints the port first. The first part of the path says how: /right/NAME, /truncated/NAME,
/corrupt/NAME, /endless/NAME, /slow/NAME, /slow_header/NAME or /stalled/NAME; anything else is not
found. A stalled answer stops in the middle of training images, after a line on stdout. Ends when
stdin does.
"""

import itertools
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FOLDER = Path(sys.argv[1])


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        _, how, name = self.path.split("/")
        content = (FOLDER / name).read_bytes()
        answer = getattr(self, how, None)
        if not answer:
            self.send_error(404)
            return
        self.send_response(200)
        answer(name, content)

    def right(self, name, content):
        self.send_all(len(content), content)

    def truncated(self, name, content):
        self.send_all(len(content), content[:-1])

    def corrupt(self, name, content):
        self.send_all(len(content), content[:-1] + bytes([content[-1] ^ 1]))

    def endless(self, name, content):
        self.end_headers()
        for _ in itertools.count():
            self.wfile.write(bytes(1 << 20))

    def slow(self, name, content):
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.drip(content)

    def slow_header(self, name, content):
        self.flush_headers()
        self.drip(b"X-Slow: " + bytes(len(content)))

    def drip(self, content):
        for byte in content:
            self.wfile.write(bytes([byte]))
            time.sleep(0.1)

    def stalled(self, name, content):
        if not name.startswith("train-images"):
            return self.right(name, content)
        self.send_all(len(content), content[: len(content) // 2])
        self.wfile.flush()
        # Time for the client to do with the half what it does.
        time.sleep(0.5)
        print("stalled", flush=True)
        time.sleep(3600)

    def send_all(self, length, content):
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A client that has had enough is no error."""


server = Server(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
