"""Calls to a forge that may be slow, busy, broken or gone.

Nothing here knows GitLab or GitHub: a `Transport` sends one request by the client library of its
forge, and never a second one. When to try again is the policy of `net.retries`.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from truewheel.errors import Exit, Stop, plain_addresses, stop
from truewheel.net.answers import described
from truewheel.net.deadline import Late, within
from truewheel.net.retries import ATTEMPTS, STATUSES, moment, pause_after
from truewheel.net.retries import Clock as Clock
from truewheel.net.retries import retry_after as retry_after
from truewheel.system.files import write_chunks

TAIL_ATTEMPTS = 10
"""Attempts at the end of a log, two minutes in all: a result does not wait for a log for ever."""
FIRST_PAUSE = 0.5
"""Seconds between the first two attempts: a person may be waiting."""
READ, WRITE = 20.0, 60.0
"""Seconds that one answer may take, and never more than a third of what is left: bytes may come
one by one.
"""
PER_PAGE = 100
_CONTROL = dict.fromkeys([*range(32), *range(127, 160)], " ")

_T = TypeVar("_T")


class Answer(NamedTuple):
    """The answer of a forge: `data` is its JSON document; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    data: Any


class Fault(Exception):
    """A call that failed. `status` is 0 where no complete answer came.

    `is_certain` says that the server has not done what was asked; else it may have. `wait` is how
    many seconds the server asks us to wait.
    """

    def __init__(
        self, status: int, reason: str, *, is_certain: bool = False, wait: float = 0.0
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.is_certain = (
            is_certain or status == 429 or (400 <= status < 500 and status not in STATUSES)
        )
        self.wait = wait

    @property
    def may_pass(self) -> bool:
        """Whether another attempt may help."""
        return self.status == 0 or self.status in STATUSES


class UnexpectedAnswer(Fault):
    """An answer of another kind than this API has, such as a page.

    Another attempt may help, but no more than a few.
    """

    def __init__(self, path: str, received: str, wanted: str) -> None:
        super().__init__(0, f"{path} answers with {received}, where {wanted} is needed")


class Transport(Protocol):
    """Sends requests by the client library of a forge. Raises `Fault`."""

    def send(
        self, verb: str, path: str, query: Mapping[str, Any], body: Any, seconds: float
    ) -> Answer:
        """Send one request; no wait for its server is longer than `seconds`."""

    def stream(self, path: str, seconds: float) -> Iterator[bytes]:
        """Return the bytes of a file in chunks."""


class Caller:
    """Makes calls by a transport until the deadline, `seconds` after it was created.

    Raises `Stop` (exit 6) when no answer comes in time, and the `Fault` of an answer that another
    attempt would not change. `requests` counts what was sent. No message has a secret in it.
    """

    def __init__(
        self, server: str, transport: Transport, seconds: float, clock: Clock = Clock()
    ) -> None:
        self.server = server
        self.clock = clock
        self.requests = 0
        self._transport = transport
        self._end = clock.now() + seconds
        self._is_known = False
        self._wait = 0.0
        self._path = ""

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Return the record at a path; each has an id."""

        def ask() -> dict[str, Any]:
            data = self.send("GET", path, query).data
            if not isinstance(data, dict) or not isinstance(data.get("id"), int):
                raise self.unexpected(data, "a record")
            return data

        return self.retry(ask)

    def first(self, path: str, field: str = "", **query: Any) -> list[dict[str, Any]]:
        """Return the records of a list's first page: the document itself, or a field of it."""
        return list(self.retry(lambda: self._page(path, field, query)).data)

    def unexpected(self, data: object, wanted: str) -> UnexpectedAnswer:
        """Return the `Fault` for the last answer, whose data is not what is wanted."""
        return UnexpectedAnswer(self._path, described(data), wanted)

    def pages(self, path: str, field: str = "", **query: Any) -> Iterator[dict[str, Any]]:
        """Return the records of a list, each once, though pages may shift while they are read.

        The list is the whole document, or a field of it.
        """
        seen = set()
        page: str | None = "1"
        while page:
            numbered = {"per_page": PER_PAGE, **query, "page": page}
            answer = self.retry(partial(self._page, path, field, numbered))
            for record in answer.data:
                if record.get("id") is None or record["id"] not in seen:
                    seen.add(record.get("id"))
                    yield record
            page = _next(answer, int(page))

    def retry(self, work: Callable[[], _T], most: float = math.inf) -> _T:
        """Return what work returns; work is done again after a `Fault` that may pass.

        So it must be harmless when repeated. After `most` attempts, the last `Fault` is raised.
        """
        reasons: list[str] = []
        unexpected = 0
        while True:
            value, fault = attempted(work)
            if fault is None:
                return value  # type: ignore[return-value]
            if not fault.may_pass or len(reasons) + 1 >= most:
                raise fault
            reasons.append(fault.reason)
            unexpected = unexpected + 1 if isinstance(fault, UnexpectedAnswer) else 0
            if unexpected >= ATTEMPTS:
                raise self.unanswered(f"no answer after {len(reasons)} attempts: {fault.reason}")
            self.pause(fault, reasons)

    def send(
        self, verb: str, path: str, query: Mapping[str, Any] | None = None, body: Any = None
    ) -> Answer:
        """Send one request, once. Raises `Fault`, or `Stop` (exit 6) where the deadline is over."""
        self._path = path
        limit = self._share(READ if verb == "GET" else WRITE)
        return self._answered(
            lambda seconds: self._transport.send(verb, path, query or {}, body, seconds), limit
        )

    def change(self, verb: str, path: str, body: Any = None) -> dict[str, Any]:
        """Send one change, once, and return the record that it leaves. Raises `Fault`."""
        data = self.send(verb, path, body=body).data
        if not isinstance(data, dict) or not data:
            raise self.unexpected(data, "the changed record")
        return data

    def tail(self, path: str, most: int) -> bytes:
        """Return the last bytes of a file. Raises `Fault` after a few attempts.

        No more than these bytes are in memory at any time.
        """

        def read(seconds: float) -> bytes:
            last = b""
            for chunk in self._transport.stream(path, seconds):
                last = (last + chunk)[-most:]
            return last

        return self.retry(lambda: self._answered(read, self._share(WRITE)), TAIL_ATTEMPTS)

    def fetch(self, path: str, file: Path, most: int | None = None) -> None:
        """Write a file of at most `most` bytes, completely or not at all.

        It may take until the deadline.
        """

        def write(seconds: float) -> None:
            chunks = self._transport.stream(path, seconds)
            write_chunks(file, chunks if most is None else _at_most(chunks, most))

        self.retry(lambda: self._answered(write, self.left()))

    def left(self) -> float:
        """Return the seconds until the deadline."""
        return self._end - self.clock.now()

    def sleep(self, seconds: float) -> None:
        """Let time pass, not beyond the deadline. Raises `Stop` (exit 6) when that is over."""
        if self.left() <= 0:
            raise self.unanswered("the deadline is over")
        self.clock.sleep(max(0.0, min(seconds, self.left())))

    def pause(self, fault: Fault, reasons: list[str]) -> None:
        """Wait before the next attempt; `reasons` are those of the failed ones.

        Raises `Stop` (exit 6) when the deadline does not allow another.
        """
        spread = random.uniform(0.75, 1.0)  # noqa: S311 - many jobs may have failed at once
        wait = max(fault.wait, pause_after(len(reasons), FIRST_PAUSE) * spread)
        attempts = "1 attempt" if len(reasons) == 1 else f"{len(reasons)} attempts"
        if wait >= self.left() or (not self._is_known and len(reasons) >= ATTEMPTS):
            message = f"no answer after {attempts}: {fault.reason}"
            if fault.wait >= self.left():
                message += f", and the server asks to wait {fault.wait:.0f} s"
            raise self.unanswered(message)
        self.clock.sleep(wait)

    def unanswered(self, message: str) -> Stop:
        """Return the `Stop` for a server that did not answer in time."""
        hint = "look whether the server is up; what was started goes on"
        return stop(self.server, message, hint, Exit.REMOTE_UNREACHABLE)

    def _page(self, path: str, field: str, query: Mapping[str, Any]) -> Answer:
        answer = self.send("GET", path, query)
        return answer._replace(data=self.records(answer.data, field))

    def records(self, data: Any, field: str) -> list[dict[str, Any]]:
        """Return the records in an answer's data: a list, or a field of it. Raises `Fault`."""
        listed = data.get(field) if field and isinstance(data, dict) else data
        if not isinstance(listed, list) or not all(isinstance(record, dict) for record in listed):
            raise self.unexpected(data, "a list of records")
        return listed

    def _share(self, longest: float) -> float:
        return max(1.0, min(longest, self.left() / 3))

    def _answered(self, work: Callable[[float], _T], limit: float) -> _T:
        if self._wait:  # the server said how many requests are left, and there was none
            self.sleep(self._wait)
            self._wait = 0.0
        limit = min(limit, self.left())
        if limit <= 0:
            raise self.unanswered("the deadline is over")
        self.requests += 1
        try:
            answer = bounded(lambda: work(min(limit, WRITE)), limit)
        except Fault as fault:
            self._is_known = self._is_known or fault.status > 0
            raise
        self._is_known = True
        if isinstance(answer, Answer):
            self._wait = min(rate_wait(answer.headers), max(0.0, self.left()))
        return answer


def _at_most(chunks: Iterator[bytes], most: int) -> Iterator[bytes]:
    """Yield chunks. Raises `Fault` when they have more bytes than they should."""
    for chunk in chunks:
        most -= len(chunk)
        if most < 0:
            raise Fault(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the file is larger than it should be")
        yield chunk


def attempted(work: Callable[[], _T]) -> tuple[_T | None, Fault | None]:
    """Return what work returns, or the `Fault` that it raises."""
    try:
        return work(), None
    except Fault as fault:
        return None, fault


def bounded(work: Callable[[], _T], seconds: float) -> _T:
    """Return what work returns, in time. Raises `Fault` when it takes longer.

    An answer may drip for ever.
    """
    try:
        return within(seconds, work)
    except Late:
        raise Fault(0, f"no whole answer within {seconds:.0f} s") from None


def rate_wait(headers: Mapping[str, str]) -> float:
    """Return the seconds until the server takes requests again, or 0 while it does.

    GitLab says so in `RateLimit-…`, GitHub in `X-RateLimit-…`.
    """
    for prefix in ("ratelimit-", "x-ratelimit-"):
        remaining, reset = headers.get(prefix + "remaining", ""), headers.get(prefix + "reset", "")
        if remaining == "0" and reset.isascii() and reset.isdecimal():
            now = moment(headers.get("date", "")) or time.time()
            return max(0.0, min(float(reset[:12]) - now, 3600.0))
    return 0.0


def plain(text: str, secrets: tuple[str, ...] = (), most: int = 300) -> str:
    """Return a server's text for a message: on one line, short, without secrets."""
    text = plain_addresses(text)
    for secret in secrets:
        text = text.replace(secret, "[hidden]")
    text = " ".join(text.translate(_CONTROL).split())
    return text if len(text) <= most else text[: most - 1] + "…"


def _next(answer: Answer, page: int) -> str | None:
    """Return the number of the next page, or None after the last one.

    GitLab names it in X-Next-Page, GitHub in Link. Where neither does, a full page has a successor.
    """
    number = answer.headers.get("x-next-page")
    if number is not None:
        is_later = number.isascii() and number.isdecimal() and int(number) > page
        return number if is_later else None
    link = answer.headers.get("link")
    has_next = len(answer.data) >= PER_PAGE if link is None else 'rel="next"' in link
    return str(page + 1) if has_next else None


class Explained:
    """A block in which a `Fault` becomes the `Stop` (exit 5) that says what to do."""

    def __init__(self, refuse: Callable[[Fault], Stop]) -> None:
        self._refuse = refuse

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, Fault):
            raise self._refuse(error) from None


def was_not_sent(error: Any) -> bool:
    """Return whether a request cannot have arrived: there was no connection, or no such host."""
    from requests.exceptions import ConnectTimeout
    from urllib3.exceptions import NewConnectionError

    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, ConnectTimeout) or isinstance(reason, NewConnectionError)
