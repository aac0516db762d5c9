"""An index with the simple API for tests: JSON or HTML, METADATA beside wheels, and ranges.

On 127.0.0.1, at a port of its own; it ends with the test.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from zipfile import ZipFile


class SimpleIndex(ThreadingHTTPServer):
    """`folder` has the files of the project demo; `asked` are the requests, `sent` all bytes.

    With `storage`, an address, the files themselves are there.
    """

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.is_json = True
        self.has_metadata = True
        self.has_ranges = True
        self.has_size = True
        self.uploaded = ""
        self.yanked: set[str] = set()
        self.status = 200
        self.storage = ""
        self.asked: list[tuple[str, str]] = []
        self.sent = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/simple/"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went away."""


class _Handler(BaseHTTPRequestHandler):
    server: SimpleIndex

    def do_GET(self) -> None:
        span = self.headers.get("Range", "")
        self.server.asked.append((self.path, span))
        name = self.path.rpartition("/")[2]
        path = self.server.folder / name.removesuffix(".metadata")
        if self.server.status != 200:
            self.answer(self.server.status, b"")
        elif self.path == "/simple/demo/":
            self.page()
        elif self.server.storage and self.path.startswith("/files/"):
            self.send_response(302)
            self.send_header("Location", f"{self.server.storage}{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif not name or not path.is_file():
            self.answer(404, b"")
        elif name.endswith(".metadata"):
            self.metadata(path)
        elif span and self.server.has_ranges:
            self.part(path.read_bytes(), span)
        else:
            self.answer(200, path.read_bytes())

    def page(self) -> None:
        paths = sorted(self.server.folder.iterdir())
        if self.server.is_json:
            data = {"meta": {"api-version": "1.1"}, "name": "demo", "files": [*map(entry, paths)]}
            for item in data["files"]:
                self.adapt(item)
            self.answer(200, json.dumps(data).encode(), "application/vnd.pypi.simple.v1+json")
            return
        links = []
        for path in paths:
            more = ' data-core-metadata="true"' if self.beside(path.name) else ""
            more += ' data-yanked=""' if path.name in self.server.yanked else ""
            link = f'<a href="../../files/{path.name}#sha256=0" data-requires-python="&gt;=3.10"'
            links.append(f"{link}{more}>{path.name}</a>")
        self.answer(200, "\n".join(links).encode(), "text/html")

    def beside(self, name: str) -> bool:
        return self.server.has_metadata and name.endswith(".whl")

    def adapt(self, item: dict[str, object]) -> None:
        item["core-metadata"] = self.beside(str(item["filename"]))
        item["yanked"] = item["filename"] in self.server.yanked
        if not self.server.has_size:
            del item["size"]
        if self.server.uploaded:
            item["upload-time"] = self.server.uploaded

    def metadata(self, path: Path) -> None:
        with ZipFile(path) as archive:
            name = next(name for name in archive.namelist() if name.endswith("/METADATA"))
            self.answer(200, archive.read(name))

    def part(self, content: bytes, span: str) -> None:
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", span)
        assert match, span
        if match[1]:
            self.answer(206, content[int(match[1]) : int(match[2]) + 1])
        else:
            self.answer(206, content[-int(match[2]) :])

    def answer(self, status: int, body: bytes, kind: str = "application/octet-stream") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.server.sent += len(body)

    def log_message(self, *_: object) -> None:
        pass


def entry(path: Path) -> dict[str, object]:
    """What the JSON of an index says of a file."""
    return {
        "filename": path.name,
        "url": f"../../files/{path.name}",
        "hashes": {},
        "size": path.stat().st_size,
        "requires-python": ">=3.10",
    }


@contextmanager
def running(folder: Path) -> Iterator[SimpleIndex]:
    """Serve the files of a folder."""
    with SimpleIndex(folder) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
