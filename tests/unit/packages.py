"""A stand-in for GitLab's generic package registry, which can be told to misbehave.

On 127.0.0.1, at its own port.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

TOKEN = "glcbt-64-secret"


class Registry(ThreadingHTTPServer):
    """`files` by path; `faults` are what the next requests meet instead of an answer, in order."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.faults: list[Callable[[Handler], None]] = []
        self.asked: list[tuple[str, str, str | None]] = []
        self.over = Event()

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/api/v4"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went away."""


class Handler(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        if not self.is_fault():
            content = self.server.files.get(self.path)
            self.answer(404 if content is None else 200, content or b"")

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.is_fault():
            self.server.files[self.path] = body
            self.answer(201, b'{"message": "201 Created"}')

    def is_fault(self) -> bool:
        token = self.headers.get("JOB-TOKEN")
        self.server.asked.append((self.command, self.path, token))
        if self.server.faults:
            self.server.faults.pop(0)(self)
            return True
        if token != TOKEN and not self.path.startswith("/signed"):
            self.answer(401)
            return True
        return False

    def answer(self, status: int, content: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Write no log."""


def status(code: int, **headers: str) -> Callable[[Handler], None]:
    """Answer with this."""
    return lambda handler: handler.answer(code, **headers)


def reset(handler: Handler) -> None:
    """Break the connection off."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def cut(handler: Handler) -> None:
    """Promise more than is sent."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"half a wh")
    handler.close_connection = True


def drip(handler: Handler) -> None:
    """Send a byte now and then, without an end."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    while not handler.server.over.wait(0.02):
        handler.wfile.write(b" ")


def other_bytes(handler: Handler) -> None:
    """Answer with a whole file, but another."""
    handler.answer(200, b"not what was sent")


@contextmanager
def running() -> Iterator[Registry]:
    """Run a stand-in as long as it is needed."""
    with Registry() as registry:
        thread = Thread(target=registry.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield registry
        finally:
            registry.over.set()
            registry.shutdown()
            thread.join()
