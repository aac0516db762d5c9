"""Requests and replies as values, and the parameters of a request whichever way they were sent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from http.client import responses
from typing import Any
from urllib.parse import parse_qsl, urlsplit

SHAPES: dict[str, type | tuple[type, ...]] = {
    "variables": (list, dict),
    "inputs": (list, dict),
    "filter": dict,
    **dict.fromkeys(("scope", "labels", "add_labels", "remove_labels"), list),
}
"""Parameters that may be lists or hashes; all others are single values."""


@dataclass
class Request:
    """A request as the server received it.

    In the record, known tokens in it are replaced by `[token NAME]`. Names of `headers` are in
    lower case; `token` is the name of the token that came with it; `time` is the server's clock;
    `status` and `fault` say how it was answered (0: not at all).
    """

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    time: float
    token: str = ""
    status: int = 0
    fault: str = ""

    @property
    def path(self) -> str:
        """The path after `/api/v4` (GitHub: `/api/v3`), still percent-encoded."""
        return urlsplit(self.target).path.removeprefix("/api/v4").removeprefix("/api/v3")

    @property
    def query(self) -> dict[str, Any]:
        """The parameters after the question mark."""
        return nested(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Reply:
    """An answer. `body` is the bytes that are sent."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
        """Return a value as JSON."""
        content = json.dumps(value, ensure_ascii=False).encode()
        return cls(status, content, {"Content-Type": "application/json", **(headers or {})})

    def head(self) -> bytes:
        """Return the status line and the headers as they go over the wire."""
        reason = responses.get(self.status, "Unknown")
        lines = [
            f"HTTP/1.1 {self.status} {reason}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Refused(Exception):
    """Ends the handling of a request with an error of GitLab's."""

    def __init__(self, status: int, message: Any, key: str = "message", **more: Any) -> None:
        super().__init__(status, message)
        self.reply = Reply.of({key: message, **more}, status)


def parameters(request: Request) -> dict[str, Any]:
    """Return the parameters in the query, the JSON or the form of a request.

    Raises `Refused` for a broken body.
    """
    kind = request.headers.get("content-type", "")
    given = {**request.query, **_of_body(kind, request.body)}
    for name, value in given.items():
        if isinstance(value, (list, dict)) and not isinstance(value, SHAPES.get(name, ())):
            raise Refused(400, f"{name} is invalid", "error")
    return {name: value for name, value in given.items() if value is not None}


def _of_body(kind: str, body: bytes) -> dict[str, Any]:
    if kind.startswith("application/json") and body:
        try:
            data = json.loads(body)
        except ValueError:
            raise Refused(400, "The request body is not valid JSON", "error") from None
        return data if isinstance(data, dict) else {}
    if kind.startswith("application/x-www-form-urlencoded"):
        return nested(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    if kind.startswith("multipart/form-data"):
        return nested(_fields(kind, body))
    return {}


def _fields(kind: str, body: bytes) -> Iterable[tuple[str, str]]:
    message = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            yield name, content.decode("utf-8", "replace")


def nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return pairs as Rails reads them.

    `a[b]=1` is a hash, `a[]=1` a list, `a[][b]=1` a list of hashes.
    """
    params: dict[str, Any] = {}
    for name, value in pairs:
        key, bracket, rest = name.partition("[")
        if not bracket:
            params[key] = value
        elif rest == "]":
            _listed(params, key).append(value)
        elif rest.startswith("]["):
            _into(_listed(params, key), rest[2:].rstrip("]"), value)
        else:
            inner = params.setdefault(key, {})
            if isinstance(inner, dict):
                inner[rest.rstrip("]")] = value
    return params


def _listed(params: dict[str, Any], key: str) -> list[Any]:
    if not isinstance(params.get(key), list):
        params[key] = []
    items: list[Any] = params[key]
    return items


def _into(items: list[Any], name: str, value: str) -> None:
    """A name that the last hash has already starts the next one."""
    if not items or not isinstance(items[-1], dict) or name in items[-1]:
        items.append({})
    items[-1][name] = value
