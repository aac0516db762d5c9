"""A GitHub for the tests, on 127.0.0.1: one pull request with its comments, runs and jobs.

It can misbehave.
"""

from __future__ import annotations

import json
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit


class PullRequests(ThreadingHTTPServer):
    """`faults` by verb are what its next requests meet, in order: a status, "lost" or "limited".

    "" for nothing.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.user: dict[str, Any] | None = {"id": 1, "login": "bot", "type": "User"}
        self.title, self.labels, self.base = "feat: a", ["ready"], "main"
        self.comments: dict[int, dict[str, Any]] = {}
        self.runs: list[dict[str, Any]] = []
        self.jobs: list[dict[str, Any]] = []
        self.faults: dict[str, list[int | str]] = {}
        self.seen: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def comment(self, body: str, user: dict[str, Any]) -> dict[str, Any]:
        number = 500 + len(self.comments)
        self.comments[number] = {"id": number, "body": body, "user": user}
        return self.comments[number]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went away."""


@contextmanager
def serving() -> Iterator[PullRequests]:
    with PullRequests() as server:
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: PullRequests
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def _exchange(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        path = urlsplit(self.path).path
        self.server.seen.append(f"{self.command} {path}")
        script = self.server.faults.get(self.command) or [""]
        fault = script.pop(0)
        if fault == "limited":
            text = (
                "You have exceeded a secondary rate limit. "
                "Please wait a few minutes before you try again."
            )
            self._answer(403, {"message": text})
        elif isinstance(fault, int):
            self._answer(fault, {"message": "Resource not accessible by integration"})
        else:
            status, data = self._handled(path, body)
            if fault == "lost":
                self.close_connection = True
                self.connection.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
            else:
                self._answer(status, data)

    do_GET = do_POST = do_PATCH = do_DELETE = _exchange  # noqa: N815

    def _handled(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        server = self.server
        if path == "/user":
            return (
                (200, server.user)
                if server.user
                else (403, {"message": "Resource not accessible by integration"})
            )
        if path == "/repos/group/demo/pulls/7":
            labels = [{"name": name} for name in server.labels]
            return 200, {
                "id": 7000,
                "title": server.title,
                "labels": labels,
                "base": {"ref": server.base},
            }
        if path == "/repos/group/demo/issues/7/comments":
            if self.command == "POST":
                return 201, server.comment(body["body"], server.user or BOT)
            return 200, self._page(list(server.comments.values()))
        if found := re.fullmatch(r"/repos/group/demo/issues/comments/(\d+)", path):
            return self._comment(int(found[1]), body)
        if path == "/repos/group/demo/actions/workflows/wheels.yml/runs":
            return 200, {"total_count": len(server.runs), "workflow_runs": self._page(server.runs)}
        if path == "/repos/group/demo/actions/runs/9":
            return 200, server.runs[0]
        if path == "/repos/group/demo/actions/runs/9/jobs":
            return 200, {"total_count": len(server.jobs), "jobs": self._page(server.jobs)}
        return 404, {"message": "Not Found"}

    def _comment(self, number: int, body: dict[str, Any]) -> tuple[int, Any]:
        if number not in self.server.comments:
            return 404, {"message": "Not Found"}
        if self.command == "DELETE":
            del self.server.comments[number]
            return 204, None
        self.server.comments[number]["body"] = body["body"]
        return 200, self.server.comments[number]

    def _page(self, records: list[Any]) -> list[Any]:
        query = dict(parse_qsl(urlsplit(self.path).query))
        size, page = int(query.get("per_page", 30)), int(query.get("page", 1))
        self.more = len(records) > size * page
        return records[size * (page - 1) : size * page]

    def _answer(self, status: int, data: Any) -> None:
        content = b"" if data is None else json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        if status == 429 or b"secondary rate limit" in content:
            self.send_header("Retry-After", "1")
        if getattr(self, "more", False):
            self.send_header("Link", f'<{self.server.url}{self.path}>; rel="next"')
        self.end_headers()
        self.wfile.write(content)


BOT = {"id": 41898282, "login": "github-actions[bot]", "type": "Bot"}
