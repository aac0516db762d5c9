"""HTTP for all of this program: one client, for servers that may be slow, busy or gone.

urllib3 is imported by the first client alone: most commands need none.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from itertools import count
from pathlib import Path
from threading import Timer
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urljoin, urlsplit

from truewheel import __version__
from truewheel.errors import Exit, Stop, plain_addresses, stop
from truewheel.net import retries
from truewheel.net.deadline import Late, within
from truewheel.net.retries import Clock
from truewheel.system.files import CHUNK, explained, write_chunks

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

PAUSES = retries.PAUSES
SILENCE = 60.0
"""Seconds that a server may say nothing."""
REDIRECTS = 10
MALFORMED = "the address, or that of the proxy, is malformed"
"""The text of such an error is not printed: it repeats the address, where a password may be."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HARMLESS = frozenset({"User-Agent", "Accept", "Cache-Control", "Range"})
"""Headers that another host may see."""

_T = TypeVar("_T")


class OtherBytes(Exception):
    """The server's file is not the one that was asked for; says its sha256 in hex."""


class TooLarge(Exception):
    """An answer has more bytes than it may have; says how many those are."""


class Lost(Exception):
    """The connection, or a part of the answer, was lost: another attempt may help."""


class Answer(NamedTuple):
    """What a server at last sent; the names of its headers are in lower case."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def target(self) -> str:
        """The address that the answer leads to, or "" where it has none."""
        location = self.headers.get("location")
        try:
            target = urljoin(self.url, location) if location else ""
            _origin(target)
        except ValueError:  # for a host or a port that is none
            return ""
        return target

    @property
    def summary(self) -> str:
        """The status, and where it leads to: the query of that address may let somebody in."""
        phrases = [status.phrase for status in HTTPStatus if status == self.status]
        status = " ".join([str(self.status), *phrases])
        if not self.headers.get("location"):
            return status
        is_address = self.target.startswith(("http://", "https://"))
        return f"{status}, to {plain_addresses(self.target) if is_address else 'another place'}"


class Refused(Exception):
    """An answer with a status that is none of success; it has no body."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.summary)
        self.answer = answer


class NoAnswer(Exception):
    """No attempt brought an answer. `last` is how the last one failed, `reason` says it."""

    def __init__(self, attempts: int, reason: str, last: Exception) -> None:
        super().__init__(f"no answer after {attempts} attempts: {reason}")
        self.reason = reason
        self.last = last


class Client:
    """Sends requests, and again after what may pass by itself.

    `secret` headers stay with the host that they are for. All ends `deadline` seconds after the
    client was made, and a request after as many attempts as there are `pauses`, and one.
    `leaves_host` says whether redirects to other hosts are followed.
    """

    def __init__(
        self,
        secret: Mapping[str, str],
        deadline: float,
        *,
        pauses: tuple[float, ...] | None = None,
        silence: float | None = None,
        sleep: Callable[[float], None] | None = None,
        leaves_host: bool = True,
    ) -> None:
        import urllib3  # takes a tenth of a second, which is no part of the deadline

        self._urllib3 = urllib3
        self._secret = dict(secret)
        self._deadline = deadline
        self._pauses = PAUSES if pauses is None else pauses
        self._silence = SILENCE if silence is None else silence
        self._leaves_host = leaves_host
        self._clock = Clock(time.monotonic, sleep or time.sleep)
        self._end = self._clock.now() + deadline
        self._pools: dict[tuple[str, str], PoolManager] = {}

    def put(self, file: Path, url: str) -> None:
        """Send a file. Raises `Stop`: exit 5 when the server refuses, exit 6 without an answer."""
        with _explained(url):
            self._insist(lambda: self._put(file, url))

    def get(self, url: str, file: Path, sha256: str) -> bool:
        """Get a file with this sha256, whole or not at all; returns whether there is one.

        Raises `OtherBytes` when it has another, and `Stop` as `put` does.
        """

        def write() -> bool:
            with self._opened(url, {}) as (_, chunks):
                write_chunks(file, _only(chunks, sha256))
            return True

        with _explained(url):
            return self._insist(lambda: _unless_absent(write)) is not None

    def read(self, url: str, limit: int) -> bytes | None:
        """Return the bytes of a small file, or None when there is none.

        Raises `Stop` as `put` does, and with exit 5 above the limit.
        """
        try:
            with _explained(url):
                answer = self._insist(lambda: _unless_absent(lambda: self._whole(url, limit, {})))
        except TooLarge as error:
            hint = "no job of this pipeline has put that there: see who may write packages"
            raise stop(url, str(error), hint, Exit.REMOTE_FAILED) from None
        return answer.body if answer else None

    def ask(
        self, url: str, limit: int, headers: Mapping[str, str], use: Callable[[Answer], _T]
    ) -> _T:
        """Return what `use` makes of the answer; where it raises `Lost`, the server is asked again.

        Raises `Refused`, `NoAnswer`, and `TooLarge` above the limit of bytes.
        """
        return self._insist(lambda: use(self._whole(url, limit, headers)))

    def _put(self, file: Path, url: str) -> None:
        with explained(file, "read"):
            stream = file.open("rb")
        with stream:
            size = os.fstat(stream.fileno()).st_size
            headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
            pieces = self._pieces(stream)
            _, response = within(self._left(), lambda: self._open("PUT", url, headers, pieces))
            response.close()

    def _whole(self, url: str, limit: int, headers: Mapping[str, str]) -> Answer:
        """Return an answer with its body, of which no more than the limit is kept."""
        body = bytearray()
        with self._opened(url, headers) as (answer, chunks):
            for chunk in chunks:
                body += chunk
                if len(body) > limit:
                    raise TooLarge(f"has more than {limit} bytes")
        return answer._replace(body=bytes(body))

    @contextmanager
    def _opened(
        self, url: str, headers: Mapping[str, str]
    ) -> Iterator[tuple[Answer, Iterator[bytes]]]:
        """Yield an answer and the chunks of its body, which ends at the deadline."""
        answer, response = within(self._left(), lambda: self._open("GET", url, headers))
        # A time-out starts again with each byte, such as those of a chunk's length.
        timer = Timer(max(0.0, self._end - self._clock.now()), _shut_down, [response])
        timer.daemon = True
        timer.start()
        try:
            yield answer, self._chunks(response)
        finally:
            timer.cancel()
            response.close()

    def _open(
        self, method: str, url: str, headers: Mapping[str, str], body: Iterator[bytes] | None = None
    ) -> tuple[Answer, BaseHTTPResponse]:
        """Return an answer as soon as its headers are there. Raises `Refused` and `Lost`."""
        sent = {"User-Agent": f"truewheel/{__version__}", **headers, **self._secret}
        for redirects in count():
            response = self._send(method, url, sent, body)
            names = {name.lower(): value for name, value in response.headers.items()}
            answer = Answer(response.status, url, names)
            if 200 <= response.status < 300 and self._clock.now() < self._end:
                return answer, response
            response.close()
            self._left()  # whoever waited for this answer has gone
            target = self._target(answer) if method == "GET" and redirects < REDIRECTS else None
            if target is None:
                break
            if _origin(target) != _origin(url):
                # Object storage has signed addresses, and refuses a second login.
                sent = {name: value for name, value in sent.items() if name in _HARMLESS}
            url = target
        raise Refused(answer)

    def _target(self, answer: Answer) -> str | None:
        """Return where a redirect leads to, or None where it is not to be followed."""
        scheme = urlsplit(answer.url).scheme
        if answer.status not in _REDIRECTS:
            return None
        if not answer.target.startswith(("https://", f"{scheme}://")):  # never from TLS to none
            return None
        stays = _origin(answer.target) == _origin(answer.url)
        return answer.target if stays or self._leaves_host else None

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: Iterator[bytes] | None
    ) -> BaseHTTPResponse:
        errors = self._urllib3.exceptions
        seconds = min(self._silence, self._left())
        try:
            return self._pool(url).request(
                method,
                url,
                body=body,
                headers=headers,
                timeout=self._urllib3.Timeout(connect=seconds, read=seconds),
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
            )
        except errors.LocationValueError:
            raise Lost(MALFORMED) from None
        except (errors.HTTPError, OSError) as error:
            raise Lost(_reason(error)) from None
        except ValueError:
            raise Lost(MALFORMED) from None

    def _pool(self, url: str) -> PoolManager:
        """Return the connections for an address: by the proxy that the environment names for it."""
        from urllib.request import getproxies, proxy_bypass

        scheme, place = urlsplit(url)[:2]
        if scheme not in {"http", "https"}:
            raise Lost(f"unknown url type: {scheme}")
        bypasses = proxy_bypass(place.rpartition("@")[2])
        proxy = "" if bypasses else getproxies().get(scheme, "")
        if (scheme, proxy) not in self._pools:
            tls = {"ssl_context": _tls_context()} if scheme == "https" else {}
            self._pools[scheme, proxy] = (
                _proxy_pool(proxy, tls) if proxy else self._urllib3.PoolManager(**tls)
            )
        return self._pools[scheme, proxy]

    def _pieces(self, stream: IO[bytes]) -> Iterator[bytes]:
        while piece := stream.read(CHUNK):
            self._left()
            yield piece

    def _chunks(self, response: BaseHTTPResponse) -> Iterator[bytes]:
        errors = self._urllib3.exceptions
        try:
            while chunk := response.read1(CHUNK, decode_content=False):
                self._left()
                yield chunk
            self._left()  # a body without a length would seem complete
        except (errors.HTTPError, OSError) as error:
            is_cut = any(isinstance(part, errors.IncompleteRead) for part in (error, *error.args))
            raise Lost("the answer was cut off" if is_cut else _reason(error)) from None

    def _left(self) -> float:
        left = self._end - self._clock.now()
        if left <= 0:
            raise Late("the deadline is over")
        return left

    def _insist(self, work: Callable[[], _T]) -> _T:
        for attempts in count(1):
            wait = 0.0
            try:
                return work()
            except Refused as refused:
                if refused.answer.status not in retries.STATUSES:
                    raise
                last: Exception = refused
                wait = retries.retry_after(refused.answer.headers)
            except (Lost, Late) as error:
                last = error
            now = self._clock.now()
            reason = str(last)
            if isinstance(last, Late) or now >= self._end:
                reason = f"the deadline is over: not complete after {self._deadline:.0f} s"
            if attempts > len(self._pauses):
                break
            wait = max(wait, self._pauses[attempts - 1])
            if now + wait >= self._end:
                break
            self._clock.sleep(wait)
        raise NoAnswer(attempts, reason, last)


def _only(chunks: Iterator[bytes], sha256: str) -> Iterator[bytes]:
    """Yield the chunks; raises `OtherBytes` at their end, if they are not those of this digest."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != sha256:
        raise OtherBytes(digest.hexdigest())


def _reason(error: Exception) -> str:
    """Return why there was no answer: what the operating system or the server's TLS said."""
    while inner := error.__cause__ or next(
        (part for part in reversed(error.args) if isinstance(part, Exception)), None
    ):
        if not isinstance(inner, Exception):
            break
        error = inner
    return str(error) or type(error).__name__


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _shut_down(response: BaseHTTPResponse) -> None:
    with suppress(ValueError, OSError):  # the body has just ended
        response.shutdown()


def _unless_absent(work: Callable[[], _T]) -> _T | None:
    """Return what work returns, or None where the server has no such file."""
    try:
        return work()
    except Refused as refused:
        if refused.answer.status == 404:
            return None
        raise


@contextmanager
def _explained(url: str) -> Iterator[None]:
    """Turn what a server of packages refuses, or does not answer, into a `Stop`."""
    try:
        yield
    except Refused as refused:
        raise _refusal(url, refused.answer) from None
    except NoAnswer as error:
        hint = "look whether the server is up, then run the job again"
        raise stop(url, str(error), hint, Exit.REMOTE_UNREACHABLE) from None


def _refusal(url: str, answer: Answer) -> Stop:
    hints = {
        401: "the job's token is not accepted: is the job still running?",
        403: "let the job's token write to the package registry, "
        "and turn that on in the project's settings",
        413: "raise the instance's limit for generic packages",
    }
    hint = "look at the address and at the settings of the project's package registry"
    message = f"the server answers {answer.summary}"
    return stop(url, message, hints.get(answer.status, hint), Exit.REMOTE_FAILED)


def _proxy_pool(proxy: str, tls: Mapping[str, Any]) -> PoolManager:
    from urllib.parse import unquote

    import urllib3

    address = proxy if "://" in proxy else f"http://{proxy}"
    parts = urlsplit(address)
    login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    headers = urllib3.make_headers(proxy_basic_auth=login) if parts.username else None
    return urllib3.ProxyManager(address, proxy_headers=headers, **tls)


def _tls_context() -> Any:
    """Return the certificates to trust: of SSL_CERT_FILE, else of the system, as OpenSSL does.

    Those of REQUESTS_CA_BUNDLE are added: the client libraries of the forges trust them.
    """
    import ssl

    context = ssl.create_default_context()
    if bundle := os.environ.get("REQUESTS_CA_BUNDLE"):
        kind = "capath" if Path(bundle).is_dir() else "cafile"
        try:
            context.load_verify_locations(**{kind: bundle})
        except OSError as error:
            message = f"cannot be read as certificates: {error.strerror or error}"
            raise stop(bundle, message, "correct REQUESTS_CA_BUNDLE, or unset it") from None
    return context
