"""Calls to a forge that may be slow, busy, broken or gone.

What came back, what may pass, and how long to wait.

Nothing here knows GitLab or GitHub: a `Transport` sends one request by the client library of its
forge.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from truewheel.errors import Exit, Stop, plain_addresses, stop
from truewheel.net.answers import described
from truewheel.net.deadline import Late, within
from truewheel.system.files import write_chunks

FIRST_ATTEMPTS = 6
"""Attempts at a server that has never answered; afterwards, only the deadline counts."""
TAIL_ATTEMPTS = 10
"""Attempts at the end of a log, two minutes in all: a verdict does not wait for ever."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds between two attempts: the first pause, doubled each time up to the longest."""
READ, WRITE = 20.0, 60.0
"""Seconds that one answer may take, however slowly it drips.

Never more than a third of what is left.
"""
PER_PAGE = 100
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, *range(520, 531)})
_CONTROL = dict.fromkeys([*range(32), *range(127, 160)], " ")

_T = TypeVar("_T")


class Clock(NamedTuple):
    """Seconds that only grow, and a way to let them pass; tests have their own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Answer(NamedTuple):
    """What a forge said: headers in lower case, and the JSON document or the text of its body."""

    status: int
    headers: Mapping[str, str]
    data: Any


class Fault(Exception):
    """A call that came to nothing. `status` is 0 where no whole answer came.

    `is_certain` says that the server has not done what was asked; else it may have. `wait` are the
    seconds that it asks for.
    """

    def __init__(
        self, status: int, reason: str, *, is_certain: bool = False, wait: float = 0.0
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.is_certain = (
            is_certain or status == 429 or (400 <= status < 500 and status not in PASSING)
        )
        self.wait = wait

    @property
    def may_pass(self) -> bool:
        """Whether another attempt may help."""
        return self.status == 0 or self.status in PASSING


class Odd(Fault):
    """An answer that is none of this API, such as a page.

    Another attempt may help, but not any number of them.
    """

    def __init__(self, path: str, came: str, wanted: str) -> None:
        super().__init__(0, f"{path} answers with {came}, where {wanted} is needed")


class Transport(Protocol):
    """Sends requests by the client library of a forge. Raises `Fault`."""

    def send(
        self, verb: str, path: str, query: Mapping[str, Any], body: Any, seconds: float
    ) -> Answer:
        """Send one request; no wait for its server is longer than `seconds`."""

    def stream(self, path: str, seconds: float) -> Iterator[bytes]:
        """Return the bytes of a file in chunks."""


class Caller:
    """Makes calls by a transport until the deadline, `seconds` after it was made.

    Raises `Stop` (exit 6) when no answer comes in time, and the `Fault` of an answer that will stay
    the same. `requests` counts what was sent, `at` the moment of the last answer. No secret stands
    in any message.
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
        self._rest = 0.0
        self._path = ""

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Return the record at a path; each has an id."""

        def ask() -> dict[str, Any]:
            data = self.once("GET", path, query).data
            if not isinstance(data, dict) or not isinstance(data.get("id"), int):
                raise self.odd(data, "a record")
            return data

        return self.insist(ask)

    def first(self, path: str, field: str = "", **query: Any) -> list[dict[str, Any]]:
        """Return the records of the first page of a list, which is the whole document, or a field of it."""
        return list(self.insist(lambda: self._page(path, field, query)).data)

    def odd(self, data: object, wanted: str) -> Odd:
        """Return the `Fault` for the last answer, whose data is not what is wanted."""
        return Odd(self._path, described(data), wanted)

    def pages(self, path: str, field: str = "", **query: Any) -> Iterator[dict[str, Any]]:
        """Return the records of a list, each once, though pages may shift while they are read.

        The list is the whole document, or a field of it.
        """
        seen = set()
        page: str | None = "1"
        while page:
            asked = {"per_page": PER_PAGE, **query, "page": page}
            answer = self.insist(lambda asked=asked: self._page(path, field, asked))  # type: ignore[misc]
            for record in answer.data:
                if record.get("id") is None or record["id"] not in seen:
                    seen.add(record.get("id"))
                    yield record
            page = _next(answer, int(page))

    def insist(self, work: Callable[[], _T], most: float = math.inf) -> _T:
        """Return what work returns, which may be done again.

        It asks, or sets what it finds set already.

        `most` are the attempts, after which the last `Fault` is raised.
        """
        reasons: list[str] = []
        odd = 0
        while True:
            done, fault = attempted(work)
            if fault is None:
                return done  # type: ignore[return-value]
            if not fault.may_pass or len(reasons) + 1 >= most:
                raise fault
            reasons.append(fault.reason)
            odd = odd + 1 if isinstance(fault, Odd) else 0
            if odd >= FIRST_ATTEMPTS:
                raise self.unanswered(f"no answer after {len(reasons)} attempts: {fault.reason}")
            self.pause(fault, reasons)

    def once(
        self, verb: str, path: str, query: Mapping[str, Any] | None = None, body: Any = None
    ) -> Answer:
        """Send one request, once. Raises `Fault`, or `Stop` (exit 6) where the deadline is over."""
        self._path = path
        limit = self._share(READ if verb == "GET" else WRITE)
        return self._heard(
            lambda seconds: self._transport.send(verb, path, query or {}, body, seconds), limit
        )

    def change(self, verb: str, path: str, body: Any = None) -> dict[str, Any]:
        """Send one change, once, and return the record that it leaves. Raises `Fault`."""
        data = self.once(verb, path, body=body).data
        if not isinstance(data, dict) or not data:
            raise self.odd(data, "the changed record")
        return data

    def tail(self, path: str, most: int) -> bytes:
        """Return the last bytes of a file, of which no more is kept while it comes.

        A few attempts are enough.
        """

        def read(seconds: float) -> bytes:
            kept = b""
            for chunk in self._transport.stream(path, seconds):
                kept = (kept + chunk)[-most:]
            return kept

        return self.insist(lambda: self._heard(read, self._share(WRITE)), TAIL_ATTEMPTS)

    def fetch(self, path: str, file: Path, most: int | None = None) -> None:
        """Write a file, whole or not at all; it may take until the deadline, and have `most` bytes."""

        def write(seconds: float) -> None:
            chunks = self._transport.stream(path, seconds)
            write_chunks(file, chunks if most is None else _at_most(chunks, most))

        self.insist(lambda: self._heard(write, self.left()))

    def left(self) -> float:
        """Return the seconds until the deadline."""
        return self._end - self.clock.now()

    def rest(self, seconds: float) -> None:
        """Let time pass, not beyond the deadline. Raises `Stop` (exit 6) when that is over."""
        if self.left() <= 0:
            raise self.unanswered("the deadline is over")
        self.clock.sleep(max(0.0, min(seconds, self.left())))

    def pause(self, fault: Fault, reasons: list[str]) -> None:
        """Wait before the next of so many attempts.

        Raises `Stop` (exit 6) when there is to be none.
        """
        backoff = min(FIRST_PAUSE * 2 ** min(len(reasons) - 1, 10), LONGEST_PAUSE)
        wait = max(fault.wait, backoff * random.uniform(0.75, 1.0))  # noqa: S311 - only to spread the load
        attempts = "1 attempt" if len(reasons) == 1 else f"{len(reasons)} attempts"
        if wait >= self.left() or (not self._is_known and len(reasons) >= FIRST_ATTEMPTS):
            asked = (
                f", and the server asks to wait {fault.wait:.0f} s"
                if fault.wait >= self.left()
                else ""
            )
            raise self.unanswered(f"no answer after {attempts}: {fault.reason}{asked}")
        self.clock.sleep(wait)

    def unanswered(self, message: str) -> Stop:
        """Return the `Stop` for a server that did not answer in time."""
        hint = "look whether the server is up; what was started goes on"
        return stop(self.server, message, hint, Exit.REMOTE_UNREACHABLE)

    def _page(self, path: str, field: str, query: Mapping[str, Any]) -> Answer:
        answer = self.once("GET", path, query)
        return answer._replace(data=self.records(answer.data, field))

    def records(self, data: Any, field: str) -> list[dict[str, Any]]:
        """Return the records of the last answer's data: a list, or a field of it. Raises `Fault`."""
        listed = data.get(field) if field and isinstance(data, dict) else data
        if not isinstance(listed, list) or not all(isinstance(record, dict) for record in listed):
            raise self.odd(data, "a list of records")
        return listed

    def _share(self, longest: float) -> float:
        return max(1.0, min(longest, self.left() / 3))

    def _heard(self, work: Callable[[float], _T], limit: float) -> _T:
        if self._rest:  # the server said how many requests are left, and there was none
            self.rest(self._rest)
            self._rest = 0.0
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
            self._rest = min(rate_wait(answer.headers), max(0.0, self.left()))
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


def retry_after(headers: Mapping[str, str]) -> float:
    """Return the seconds that a server asks us to wait (RFC 9110, 10.2.3), or 0.

    Dates are by the server's clock.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:6])
    until, now = _moment(text), _moment(headers.get("date", ""))
    return max(0.0, until - (now or time.time())) if until else 0.0


def rate_wait(headers: Mapping[str, str]) -> float:
    """Return the seconds until the server takes requests again, or 0 while it does (`RateLimit-…`, `X-RateLimit-…`)."""
    for prefix in ("ratelimit-", "x-ratelimit-"):
        remaining, reset = headers.get(prefix + "remaining", ""), headers.get(prefix + "reset", "")
        if remaining == "0" and reset.isascii() and reset.isdecimal():
            now = _moment(headers.get("date", "")) or time.time()
            return max(0.0, min(float(reset[:12]) - now, 3600.0))
    return 0.0


def plain(text: str, secrets: tuple[str, ...] = (), most: int = 300) -> str:
    """Return a server's text as messages show it: on one line, not long, without secrets."""
    text = plain_addresses(text)
    for secret in secrets:
        text = text.replace(secret, "[hidden]")
    text = " ".join(text.translate(_CONTROL).split())
    return text if len(text) <= most else text[: most - 1] + "…"


def _moment(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def _next(answer: Answer, page: int) -> str | None:
    """Return the number of the next page.

    A full page without a word of it is taken for not the last.
    """
    told = answer.headers.get("x-next-page")
    if told is not None:
        return told if told.isascii() and told.isdecimal() and int(told) > page else None
    if 'rel="next"' in answer.headers.get("link", ""):
        return str(page + 1)
    return str(page + 1) if len(answer.data) >= PER_PAGE and "link" not in answer.headers else None


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
