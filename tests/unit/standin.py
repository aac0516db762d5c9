"""A stand-in for a package index, which can be told to misbehave.

On 127.0.0.1, at a port of its own.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from urllib.parse import quote


class Index(ThreadingHTTPServer):
    """`files` by name.

    `gets` and `posts` are what the next requests meet instead of an answer, in order.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.gets: list[Callable[[Handler], None]] = []
        self.posts: list[Callable[[Handler], None]] = []
        self.asked: list[tuple[str, str, str | None]] = []
        self.is_json = False
        self.scheme = "http"
        self.algorithm = "sha256"
        self.over = Event()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}/"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went away."""


class Handler(BaseHTTPRequestHandler):
    server: Index

    def do_GET(self) -> None:
        self.note()
        if self.server.gets:
            self.server.gets.pop(0)(self)
            return
        files = self.server.files if self.path == "/simple/demo/" else {}
        if not files:
            self.answer(404)
        elif self.server.is_json:
            entries = [
                {"filename": name, "hashes": self.hashes(content)}
                for name, content in files.items()
            ]
            self.answer(200, json.dumps({"files": entries}), "application/vnd.pypi.simple.v1+json")
        else:
            links = []
            for name, content in files.items():
                fragment = "".join(f"#{key}={value}" for key, value in self.hashes(content).items())
                links.append(f'<a href="../../files/{quote(name)}{fragment}">x</a>')
            self.answer(200, "\n".join(links))

    def hashes(self, content: bytes) -> dict[str, str]:
        algorithm = self.server.algorithm
        return {algorithm: hashlib.new(algorithm, content).hexdigest()} if algorithm else {}

    def do_POST(self) -> None:
        self.note()
        body = (
            self.rfile.read(int(self.headers["Content-Length"]))
            if "Content-Length" in self.headers
            else self.chunks()
        )
        if self.server.posts:
            self.server.posts.pop(0)(self)
            return
        name, content = uploaded(body, self.headers.get_boundary())
        if name in self.server.files:
            self.answer(409, "it is there")
        else:
            self.server.files[name] = content
            self.answer(200)

    def chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        return body

    def note(self) -> None:
        self.server.asked.append((self.command, self.path, self.headers.get("Authorization")))

    def answer(self, status: int, text: str = "", kind: str = "text/html", **headers: str) -> None:
        self.send_response(status)
        content = text.encode()
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(content)),
            **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Write no log."""


def uploaded(body: bytes, boundary: str | None) -> tuple[str, bytes]:
    """The name and bytes of the file in a form."""
    for part in body.split(b"--" + str(boundary).encode()):
        head, _, content = part.partition(b"\r\n\r\n")
        if found := re.search(rb'name="content"; filename="([^"]+)"', head):
            return found[1].decode(), content.removesuffix(b"\r\n")
    raise AssertionError("a form without a file")


def status(code: int, text: str = "", **headers: str) -> Callable[[Handler], None]:
    """Answer with this."""
    return lambda handler: handler.answer(code, text, **headers)


def hang(handler: Handler) -> None:
    """Say nothing until the test is over."""
    handler.server.over.wait(60)


def drip(handler: Handler) -> None:
    """Send a byte now and then, without an end."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    while not handler.server.over.wait(0.02):
        handler.wfile.write(b" ")


def cut(handler: Handler) -> None:
    """Promise more than is sent."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"<a href='demo-1.0")
    handler.close_connection = True


@contextmanager
def running() -> Iterator[Index]:
    """Run a stand-in as long as it is needed."""
    with Index() as index:
        thread = Thread(target=index.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield index
        finally:
            index.over.set()
            index.shutdown()
            thread.join()
