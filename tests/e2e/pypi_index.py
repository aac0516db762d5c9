"""A real index on 127.0.0.1: pypiserver, which can die of one upload too many."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# The index itself is pypiserver's; this only counts its uploads, and dies of one too many. It ends
# with the test.
SERVER = """\
import io, os, sys, threading
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
import pypiserver

folder, port, uploads, login = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
index = pypiserver.app(
    roots=[Path(folder)], authenticate=login.split(","), hash_algo="sha256", disable_fallback=True,
    auther=lambda user, password: (user, password) == ("me", "hunter2-hunter2"),
)

def app(environ, start_response):
    global uploads
    if environ["REQUEST_METHOD"] == "POST":
        uploads -= 1
        if uploads < 0:
            os._exit(1)
        # an answer before the whole upload is read would break the connection instead
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        environ["wsgi.input"] = io.BytesIO(body)
    return index(environ, start_response)

class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass

server = make_server("127.0.0.1", port, app, Server, Quiet)
print(server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
"""


class Index:
    """A pypiserver; `folder` holds what was uploaded, `login` says for what it wants a password."""

    login = "update"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.port = 0
        self.server: subprocess.Popen[str] | None = None

    def start(self, uploads: int = 99) -> None:
        """Start it, or start it again at the same port; it dies when there is one upload more."""
        argv = [
            sys.executable,
            "-W",
            "ignore",
            "-c",
            SERVER,
            str(self.folder),
            str(self.port),
            str(uploads),
            self.login,
        ]
        self.server = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.server.stdout
        self.port = int(self.server.stdout.readline())

    def stop(self) -> None:
        if self.server:
            self.server.communicate()
            self.server = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def has(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("*.whl"))
