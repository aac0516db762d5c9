"""Servers and tokens: what is the same for every forge.

Tokens are never taken from the command line: every process of a machine can read that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from truewheel.errors import stop

_TOKEN = re.compile(r"[!-~]+")


class Access(NamedTuple):
    """A server, and how to be known there: `kind` is private, oauth, job or "" (nobody).

    `verify` is for its TLS.
    """

    server: str
    kind: str
    token: str
    verify: bool | str = True

    def __repr__(self) -> str:
        return f"Access({self.server!r}, {self.kind!r})"


def checked(access: Access, where: str) -> Access:
    """Return the access. Raises `Stop` (exit 2) for a damaged token, or another kind of address.

    `where` says where it stands.
    """
    if not _TOKEN.fullmatch(access.token):
        raise stop(
            where, "is not a token: it has spaces, line ends or letters beyond ASCII", "set it anew"
        )
    parts = _parts(access.server)
    if parts is None or parts.username or parts.password or parts.query or parts.fragment:
        raise stop(
            where,
            "the server's address is none of http or https",
            "such as https://gitlab.example.com",
        )
    return access._replace(server=access.server.rstrip("/"))


def _parts(server: str) -> SplitResult | None:
    try:
        parts = urlsplit(server)
        _ = parts.port
    except ValueError:
        return None
    return (
        parts
        if parts.scheme in {"http", "https"} and parts.hostname and not re.search(r"\s", server)
        else None
    )


def first_set(environment: Mapping[str, str], names: Iterable[str]) -> str:
    """Return the first of the names that have a value, or ""."""
    return next((name for name in names if environment.get(name)), "")
