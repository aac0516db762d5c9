"""Faults of a server or of the network, as values for `misbehave`.

A fault may act before the request is handled (`before`), take its place (`instead`), change the
answer (`edit`), or spoil how the answer is sent (`send`). Unless `instead` is set, the request has
its effect.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from email.utils import formatdate
from fnmatch import fnmatchcase
from typing import Protocol
from urllib.parse import unquote

from standins.http import Reply, Request
from standins.state import NO_VARIABLES, Project, State


class Wire(Protocol):
    """The connection to a client."""

    def send(self, content: bytes) -> None:
        """Send bytes."""

    def pause(self, seconds: float) -> None:
        """Wait so many seconds, or until the server stops."""

    def hang_up(self) -> None:
        """Close the connection properly, after this answer."""

    def reset(self) -> None:
        """Break the connection at once (TCP RST)."""


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong with one request."""

    name: str
    before: Callable[[State, Request], None] | None = None
    instead: Callable[[State, Request], Reply] | None = None
    edit: Callable[[Reply], Reply] | None = None
    send: Callable[[Wire, Reply], None] | None = None


def answer(status: int, message: object = None, key: str = "message", **more: object) -> Fault:
    """Answer with this JSON instead."""
    body = {key: message or f"{status} Error", **more}
    return Fault(f"answer {status}", instead=lambda _, __: Reply.of(body, status))


def too_many_requests(retry_after: float | None = 1, as_date: bool = False) -> Fault:
    """429, with Retry-After in seconds or as an HTTP date of the server's clock.

    With None there is no Retry-After.
    """

    def reply(state: State, _: Request) -> Reply:
        now = state.clock.now()
        headers = {"Content-Type": "text/plain", **_rate(1, 1, now + (retry_after or 0))}
        if retry_after is not None:
            date = formatdate(now + retry_after, usegmt=True)
            headers["Retry-After"] = date if as_date else str(int(retry_after))
        return Reply(429, b"Retry later\n", headers)

    return Fault("too many requests", instead=reply)


def _rate(limit: int, seen: int, reset: float) -> dict[str, str]:
    return {
        "RateLimit-Name": "throttle_authenticated_api",
        "RateLimit-Limit": str(limit),
        "RateLimit-Observed": str(seen),
        "RateLimit-Remaining": str(max(limit - seen, 0)),
        "RateLimit-Reset": str(int(reset)),
        "RateLimit-ResetTime": formatdate(reset, usegmt=True),
    }


def server_error(status: int = 502) -> Fault:
    """An error page in HTML, as a proxy before GitLab makes it (500, 502, 503, 520 …)."""
    page = (
        f"<!DOCTYPE html><html><head><title>{status}</title></head>"
        "<body>GitLab is not responding</body></html>"
    )
    return Fault(
        f"error {status}",
        instead=lambda _, __: Reply(status, page.encode(), {"Content-Type": "text/html"}),
    )


def redirect(to: str, status: int = 302) -> Fault:
    """Send the client elsewhere; `to` is a whole address."""
    return Fault("redirect", instead=lambda _, __: Reply(status, b"", {"Location": to}))


def expired_token() -> Fault:
    """401: the token has expired."""
    text = "Token is expired. You can either do re-authorization or token refresh."
    return replace(
        answer(401, "invalid_token", "error", error_description=text), name="expired token"
    )


def forbidden() -> Fault:
    """403 without more."""
    return replace(answer(403, "403 Forbidden"), name="forbidden")


def variables_refused(status: int = 403) -> Fault:
    """Pipeline variables are refused; GitLab itself says 400, a proxy or an older version 403."""
    return replace(answer(status, {"base": [NO_VARIABLES]}), name="variables refused")


def bad_credentials() -> Fault:
    """GitHub's 401: the token is over, or never was one."""
    return replace(answer(401, "Bad credentials"), name="bad credentials")


def rate_limit(seconds: float = 60) -> Fault:
    """GitHub's primary limit: 403, and by its own clock the time when it is over."""

    def reply(state: State, _: Request) -> Reply:
        reset = str(int(state.clock.now() + seconds))
        headers = {
            "X-RateLimit-Limit": "5000",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": reset,
        }
        return Reply.of({"message": "API rate limit exceeded for user ID 1."}, 403, headers)

    return Fault("rate limit", instead=reply)


def secondary_limit(retry_after: int | None = 60, status: int = 403) -> Fault:
    """GitHub's secondary limit: 403 or 429, with or without (None) a Retry-After."""
    message = (
        "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    )
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Fault(
        "secondary limit", instead=lambda _, __: Reply.of({"message": message}, status, headers)
    )


def reset() -> Fault:
    """The connection breaks before anything was done."""
    return Fault("reset", instead=lambda _, __: Reply(0), send=lambda wire, _: wire.reset())


def lost_reply() -> Fault:
    """The request has its effect, then the connection breaks before a byte of the answer."""
    return Fault("lost reply", send=lambda wire, _: wire.reset())


def cut_reply() -> Fault:
    """The request has its effect, the connection breaks amid the answer."""

    def send(wire: Wire, reply: Reply) -> None:
        wire.send(reply.head() + reply.body[: len(reply.body) // 2])
        wire.pause(0.02)  # so that the bytes are there before the reset is
        wire.reset()

    return Fault("cut reply", send=send)


def silence(seconds: float = 3600) -> Fault:
    """The request has its effect, and no answer comes for so long."""

    def send(wire: Wire, _: Reply) -> None:
        wire.pause(seconds)
        wire.reset()

    return Fault("silence", send=send)


def slow(pause: float = 0.01, size: int = 64) -> Fault:
    """The answer comes in small pieces, `pause` real seconds apart."""

    def send(wire: Wire, reply: Reply) -> None:
        content = reply.head() + reply.body
        for start in range(0, len(content), size):
            wire.send(content[start : start + size])
            wire.pause(pause)

    return Fault("slow", send=send)


def truncated_json() -> Fault:
    """The JSON ends in the middle, though the answer is complete for HTTP."""

    def edit(reply: Reply) -> Reply:
        body = reply.body[: len(reply.body) // 2]
        return replace(
            reply, body=body, headers={**reply.headers, "Content-Length": str(len(body))}
        )

    return Fault("truncated JSON", edit=edit)


def wrong_length(more: int = 100) -> Fault:
    """Content-Length promises `more` bytes than come."""

    def send(wire: Wire, reply: Reply) -> None:
        length = str(len(reply.body) + more)
        wire.send(
            replace(reply, headers={**reply.headers, "Content-Length": length}).head() + reply.body
        )
        wire.hang_up()

    return Fault("wrong length", send=send)


def repeated() -> Fault:
    """The first record of a list comes twice."""

    def edit(reply: Reply) -> Reply:
        records = json.loads(reply.body) if reply.status == 200 else None
        if not isinstance(records, list):
            return reply
        body = json.dumps(records[:1] + records).encode()
        return replace(
            reply, body=body, headers={**reply.headers, "Content-Length": str(len(body))}
        )

    return Fault("repeated", edit=edit)


def drift(project: Project, ref: str = "") -> Fault:
    """Someone else's pipeline starts just before, so that the pages of a list move on."""

    def start(_: State, __: Request) -> None:
        project.pipeline(ref)

    return Fault("drift", before=start)


TRANSIENT: tuple[Fault, ...] = (
    *(
        server_error(500),
        server_error(502),
        server_error(503),
        server_error(520),
        too_many_requests(1),
    ),
    *(reset(), lost_reply(), cut_reply(), slow(0.001, 512), truncated_json(), wrong_length()),
)
"""Faults that a client should survive by trying again."""


@dataclass
class Rule:
    """A fault for requests that match `on`.

    The first `after` of them are spared; the next `times` meet it (None: all of them).
    """

    fault: Fault
    on: str = "* *"
    after: int = 0
    times: int | None = 1

    def takes(self, request: Request) -> bool:
        """Count this request, and return whether it meets the fault."""
        if self.times == 0 or not is_like(request, self.on):
            return False
        if self.after:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass
class Dice:
    """Faults drawn from a seeded generator.

    The same requests in the same order meet the same faults.
    """

    generator: random.Random
    rate: float
    kinds: Sequence[Fault]
    on: str = "* *"

    def draw(self, request: Request) -> Fault | None:
        """Return the fault that this request meets, if any."""
        if not is_like(request, self.on) or self.generator.random() >= self.rate:
            return None
        return self.generator.choice(self.kinds)


def is_like(request: Request, pattern: str) -> bool:
    """Return whether a request matches "METHOD glob": `POST /projects/*/pipeline`."""
    method, _, path = pattern.partition(" ")
    return method in {"*", request.method} and fnmatchcase(unquote(request.path), path or "*")


@dataclass
class Limit:
    """GitLab's limit of requests: so many in each minute of the server's clock."""

    per_minute: int
    minute: int = 0
    seen: int = 0

    def count(self, now: float) -> tuple[bool, dict[str, str]]:
        """Count a request.

        Returns whether it is one too many, and the headers that show the limit.
        """
        minute = int(now // 60)
        self.seen = self.seen + 1 if minute == self.minute else 1
        self.minute = minute
        return self.seen > self.per_minute, _rate(self.per_minute, self.seen, (minute + 1) * 60)
