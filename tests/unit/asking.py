"""Plain requests to the GitLab stand-in, for its tests."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from standins import GitLab, Token


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    server: GitLab,
    path: str,
    method: str = "GET",
    token: Token | None = None,
    body: object = None,
    **headers: str,
) -> Answer:
    """Send a request; `body` goes as JSON unless it is bytes."""
    where = urlsplit(server.url)
    if token:
        headers.setdefault("JOB-TOKEN" if token.kind == "job" else "PRIVATE-TOKEN", token.value)
    content = (
        body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    )
    if content is not None and not isinstance(body, bytes):
        headers.setdefault("Content-Type", "application/json")
    with closing(
        http.client.HTTPConnection(str(where.hostname), where.port, timeout=10)
    ) as connection:
        connection.request(method, f"/api/v4{path}", content, headers)
        answer = connection.getresponse()
        return Answer(
            answer.status,
            {name.lower(): value for name, value in answer.getheaders()},
            answer.read(),
        )
