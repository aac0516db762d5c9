"""A forge for the tests.

The stand-in for GitLab, python-gitlab in front of it, and a clock that costs no time.
"""

from __future__ import annotations

import time
from typing import Any

from standins import GitLab

from truewheel.forges.access import Access
from truewheel.forges.calls import Answer, Clock, Fault
from truewheel.forges.gitlab.api.client import Gitlab

PROJECT = "group/demo"


class Time:
    """A clock on which to sleep takes no time; the server's goes along."""

    def __init__(self, server: GitLab | None = None) -> None:
        self.slept: list[float] = []
        self._server = server

    def now(self) -> float:
        return time.monotonic() + sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if self._server:
            self._server.advance(seconds)

    def clock(self) -> Clock:
        return Clock(self.now, self.sleep)


def connected(server: GitLab, *, seconds: float = 3600.0, **token: Any) -> Gitlab:
    """Return a client of the stand-in, with a token of its own and a clock that costs no time."""
    return connected_by(server, Access(server.url, "private", server.token(**token).value), seconds)


def connected_by(server: GitLab, access: Access, seconds: float = 3600.0) -> Gitlab:
    """Return a client of the stand-in with a given access."""
    return Gitlab(access, PROJECT, seconds, clock=Time(server).clock())


class Script:
    """A transport that answers what it is told, in this order; it remembers what was asked."""

    def __init__(self, *answers: Answer | Fault) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, str, dict[str, Any]]] = []

    def send(self, verb: str, path: str, query: Any, body: Any, seconds: float) -> Answer:
        del body, seconds
        self.asked.append((verb, path, dict(query)))
        answer = self._answers.pop(0)
        if isinstance(answer, Fault):
            raise answer
        return answer

    def stream(self, path: str, seconds: float) -> Any:
        raise NotImplementedError


def ok(data: Any, **headers: str) -> Answer:
    """Return an answer; `x_next_page` is the header X-Next-Page."""
    return Answer(200, {name.replace("_", "-"): value for name, value in headers.items()}, data)
