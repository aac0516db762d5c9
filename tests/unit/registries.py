"""A container registry for the tests, on 127.0.0.1.

It keeps what is pushed, wants tokens, and can misbehave.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Registry:
    """State of a stand-in registry.

    `login` (user, password) asks for a token, or with `scheme` basic for the password itself.
    `faults` are answers given, one a request, before any real one: a status, "hang up",
    or the address that it leads to. `seen` are the requests: method, path, login.
    """

    def __init__(self, login: tuple[str, str] | None = None, scheme: str = "Bearer") -> None:
        self.login, self.scheme = login, scheme
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.faults: list[int | str] = []
        self.seen: list[tuple[str, str, str]] = []
        self.names_digest = True
        self.realm = ""
        self.host = ""

    def keep(
        self, repository: str, tag: str, content: bytes, kind: str = "application/json"
    ) -> str:
        """Keep a manifest; return its digest."""
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        self.manifests[f"{repository}:{tag}"] = self.manifests[f"{repository}:{digest}"] = (
            kind,
            content,
        )
        return digest


@contextmanager
def serving(registry: Registry) -> Iterator[Registry]:
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), type("Handler", (_Handler,), {"registry": registry})
    )
    registry.host = f"127.0.0.1:{server.server_port}"
    registry.realm = f"http://{registry.host}/token"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    registry: Registry
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        registry, path = self.registry, self.path.partition("?")[0]
        registry.seen.append((self.command, self.path, self.headers.get("Authorization", "")))
        if registry.faults:
            self._misbehave(registry.faults.pop(0))
        elif path == "/token":
            self._token()
        elif registry.login and self.headers.get("Authorization") != self._wanted():
            fields = f'realm="{registry.realm}",service="stand-in"'
            self._answer(401, {"WWW-Authenticate": f"{registry.scheme} {fields}"})
        elif path == "/v2/":
            self._answer(200)
        elif found := re.fullmatch(r"/v2/(.+)/manifests/(.+)", path):
            self._manifest(*found.groups())
        elif found := re.fullmatch(r"/v2/.+/blobs/(sha256:[0-9a-f]+)", path):
            content = registry.blobs.get(found[1])
            self._answer(
                404 if content is None else 200, {"Docker-Content-Digest": found[1]}, content or b""
            )
        else:
            self._answer(404)

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        self._read()
        self._answer(202, {"Location": f"{self.path.partition('?')[0]}1"})

    def do_PATCH(self) -> None:
        self.registry.blobs["upload"] = self.registry.blobs.get("upload", b"") + self._read()
        self._answer(202, {"Location": self.path})

    def do_PUT(self) -> None:
        content = self._read()
        if found := re.fullmatch(r"/v2/(.+)/manifests/(.+)", self.path):
            digest = self.registry.keep(*found.groups(), content, self.headers["Content-Type"])
        else:
            content = self.registry.blobs.pop("upload", b"") + content
            digest = "sha256:" + hashlib.sha256(content).hexdigest()
            self.registry.blobs[digest] = content
        self._answer(201, {"Docker-Content-Digest": digest, "Location": self.path})

    def _manifest(self, repository: str, tag: str) -> None:
        found = self.registry.manifests.get(f"{repository}:{tag}")
        if found is None:
            self._answer(404)
            return
        kind, content = found
        digest = {"Docker-Content-Digest": "sha256:" + hashlib.sha256(content).hexdigest()}
        self._answer(
            200, {"Content-Type": kind, **(digest if self.registry.names_digest else {})}, content
        )

    def _wanted(self) -> str:
        return "Bearer let-me-in" if self.registry.scheme == "Bearer" else self._basic()

    def _basic(self) -> str:
        return "Basic " + base64.b64encode(":".join(self.registry.login or ()).encode()).decode()

    def _token(self) -> None:
        if self.headers.get("Authorization") == self._basic():
            self._answer(200, {}, json.dumps({"token": "let-me-in"}).encode())
        else:
            self._answer(401)

    def _misbehave(self, fault: int | str) -> None:
        if fault == "hang up":
            self.close_connection = True
        elif str(fault).startswith("http"):
            self._answer(307, {"Location": str(fault)})
        else:
            self._answer(int(fault))

    def _read(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def _answer(
        self, status: int, headers: dict[str, str] | None = None, content: bytes = b""
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
