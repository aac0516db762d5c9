"""HTTP as jobs need it.

Whole files in and out of a server that may be slow, busy or gone, by the standard library.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPMessage, HTTPResponse, InvalidURL, responses
from pathlib import Path
from typing import IO, TypeVar
from urllib import request
from urllib.error import HTTPError
from urllib.parse import urljoin, urlsplit

from truewheel import __version__
from truewheel.errors import Exit, Stop, plain_addresses, stop
from truewheel.net.deadline import Late, within
from truewheel.system.files import CHUNK, explained, write_chunks

AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds between the attempts, unless the server says how long to wait."""
SILENCE = 60.0
"""Seconds that a server may say nothing."""

_T = TypeVar("_T")


class OtherBytes(Exception):
    """The server's file is not the one that was asked for; says its sha256 in hex."""


class _Lost(Exception):
    """The connection, or a part of the answer, was lost: another attempt may help."""


class Client:
    """Sends and gets files with a secret header, which stays with the host that it is for.

    Every call is tried again after what may pass by itself, until `deadline` seconds after the
    client was made. Raises `Stop`: exit 5 when the server refuses, exit 6 when it cannot be
    reached, or not in time.
    """

    def __init__(self, secret: Mapping[str, str], deadline: float) -> None:
        self._secret = dict(secret)
        self._end = time.monotonic() + deadline
        self._opener = _opener()

    def put(self, file: Path, url: str) -> None:
        """Send a file."""
        self._insist(url, lambda: self._put(file, url))

    def get(self, url: str, file: Path, sha256: str) -> bool:
        """Get a file with this sha256, whole or not at all; returns whether there is one.

        Raises `OtherBytes` when it has another.
        """
        return self._insist(
            url, lambda: self._get(url, lambda chunks: write_chunks(file, _only(chunks, sha256)))
        )

    def read(self, url: str, limit: int) -> bytes | None:
        """Return the bytes of a small file, or None when there is none.

        Raises `Stop` (exit 5) above the limit.
        """
        parts: list[bytes] = []

        def keep(chunks: Iterator[bytes]) -> None:
            parts.clear()
            for chunk in chunks:
                parts.append(chunk)
                if sum(map(len, parts)) > limit:
                    hint = "no job of this pipeline has put that there: see who may write packages"
                    raise stop(url, f"has more than {limit} bytes", hint, Exit.REMOTE_FAILED)

        return b"".join(parts) if self._insist(url, lambda: self._get(url, keep)) else None

    def _put(self, file: Path, url: str) -> bool:
        with explained(file, "read"):
            stream = file.open("rb")
        with stream:
            size = os.fstat(stream.fileno()).st_size
            headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
            asked = self._request(url, "PUT", headers, self._pieces(stream))
            with self._open(asked) as answer:
                answer.read(CHUNK)
        return True

    def _get(self, url: str, keep: Callable[[Iterator[bytes]], None]) -> bool:
        asked = self._request(url, "GET", {})
        try:
            answer = self._open(asked)
        except HTTPError as error:
            if error.code == 404:
                error.close()
                return False
            raise
        with answer:
            keep(self._chunks(answer))
        return True

    def _open(self, asked: request.Request) -> HTTPResponse:
        """Return the answer to a request as soon as its headers are there: they may drip for ever."""
        left = self._left()
        answer: HTTPResponse = within(
            left, lambda: self._opener.open(asked, timeout=min(SILENCE, left))
        )
        return answer

    def _pieces(self, stream: IO[bytes]) -> Iterator[bytes]:
        while piece := stream.read(CHUNK):
            self._left()
            yield piece

    def _chunks(self, answer: HTTPResponse) -> Iterator[bytes]:
        try:
            while chunk := answer.read1(CHUNK):
                self._left()
                yield chunk
        except (OSError, HTTPException) as error:
            raise _Lost(reason_of(error)) from None
        if answer.length:  # a connection that was cut is no error of http.client
            raise _Lost("the answer was cut off")

    def _request(
        self, url: str, method: str, headers: Mapping[str, str], data: Iterator[bytes] | None = None
    ) -> request.Request:
        every = {"User-Agent": f"truewheel/{__version__}", **headers, **self._secret}
        return request.Request(url, data, every, method=method)  # noqa: S310

    def _left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline is over")
        return left

    def _insist(self, url: str, work: Callable[[], _T]) -> _T:
        reasons: list[str] = []
        for pause in (*PAUSES, self._end):  # after the last attempt there is no time for another
            wait = pause
            try:
                return work()
            except HTTPError as error:
                error.close()
                if error.code not in AGAIN:
                    raise _refused(url, error) from None
                reasons.append(answered(error))
                wait = max(wait, _retry_after(error.headers.get("Retry-After", "")))
            except Late:
                reasons.append("the deadline is over")
                break
            except (OSError, HTTPException, _Lost) as error:
                reasons.append(reason_of(error))
            if time.monotonic() + wait >= self._end:
                break
            time.sleep(wait)
        message = f"no answer after {len(reasons)} attempts: {reasons[-1]}"
        raise stop(
            url,
            message,
            "look whether the server is up, then run the job again",
            Exit.REMOTE_UNREACHABLE,
        )


def _only(chunks: Iterator[bytes], sha256: str) -> Iterator[bytes]:
    """Yield the chunks; raises `OtherBytes` at their end, if they are not those of this digest."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != sha256:
        raise OtherBytes(digest.hexdigest())


def reason_of(error: Exception) -> str:
    """Return why there was no answer, as messages say it."""
    if isinstance(
        error, InvalidURL
    ):  # its own text repeats a part of the address, where a key may be
        return "it leads to something that is no address"
    return str(getattr(error, "reason", error)) or type(error).__name__


def answered(error: HTTPError) -> str:
    """Return the status of an answer, and where it leads to.

    The query of that address may let somebody in.
    """
    status = f"{error.code} {responses.get(error.code, '')}".strip()
    location = error.headers.get("Location")
    if not location:
        return status
    with suppress(ValueError):
        location = urljoin(error.url, location)
    is_address = location.startswith(("http://", "https://"))
    return f"{status}, to {plain_addresses(location) if is_address else 'another place'}"


def _refused(url: str, error: HTTPError) -> Stop:
    hints = {
        401: "the job's token is not accepted: is the job still running?",
        403: "let the job's token write to the package registry, and turn that on in the project's settings",
        413: "raise the instance's limit for generic packages",
    }
    hint = hints.get(
        error.code, "look at the address and at the settings of the project's package registry"
    )
    return stop(url, f"the server answers {answered(error)}", hint, Exit.REMOTE_FAILED)


def _retry_after(text: str) -> float:
    """Return the seconds that a server asks us to wait (RFC 9110, 10.2.3), or 0."""
    if text.isdecimal() and text.isascii():
        return float(text[:6])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return 0.0


def _opener() -> request.OpenerDirector:
    """Return an opener that knows no scheme but HTTP."""
    opener = request.OpenerDirector()
    for handler in (
        *(request.ProxyHandler(), request.HTTPHandler(), request.HTTPSHandler()),
        *(
            _Discreet(),
            request.HTTPDefaultErrorHandler(),
            request.HTTPErrorProcessor(),
            request.UnknownHandler(),
        ),
    ):
        opener.add_handler(handler)
    return opener


class _Discreet(request.HTTPRedirectHandler):
    """Follows to another host without what is secret: object storage has addresses that are signed."""

    def redirect_request(
        self,
        req: request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> request.Request | None:
        there = urlsplit(urljoin(req.full_url, newurl))
        here = urlsplit(req.full_url)
        if there.scheme not in {"https", here.scheme}:
            return None
        made = super().redirect_request(req, fp, code, msg, headers, newurl)
        if made and (here.scheme, here.netloc) != (there.scheme, there.netloc):
            made.headers = {
                name: value
                for name, value in made.headers.items()
                if name in {"User-agent", "Accept"}
            }
        return made
