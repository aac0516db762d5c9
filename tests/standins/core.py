"""A stand-in as a server on 127.0.0.1.

Connections, time, faults, and the record of all requests.
"""

from __future__ import annotations

import os
import random
import socket
import socketserver
import struct
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import BoundedSemaphore, Event, RLock, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Any

from standins.faults import TRANSIENT, Dice, Fault, Rule, is_like
from standins.http import Reply, Request
from standins.state import MAINTAINER, Clock, Lag, State, Token

if TYPE_CHECKING:
    from typing_extensions import Self

CONNECTIONS = 64
IDLE = 60.0
"""Seconds that a connection may say nothing."""


class StandIn:
    """A server that stands in for another one; a context manager that stops it.

    Time is the server's own: it starts at `start` (default: now, plus `skew` seconds) and stands
    still but for `advance`, unless `speed` lets it run (1.0: real time) or `tick` moves it so many
    seconds with each request. With `clock`, it is that of another stand-in. Bodies of more than
    `max_body` bytes are refused with 413.
    """

    prefixes: Mapping[str, str]
    """By kind of token, what it begins with."""

    def __init__(
        self,
        *,
        start: float | None = None,
        speed: float = 0.0,
        tick: float = 0.0,
        skew: float = 0.0,
        clock: Clock | None = None,
        max_body: int = 64 << 20,
    ) -> None:
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.clock = clock or Clock((time.time() if start is None else start) + skew, speed)
        self.state = State(self.clock, self.url)
        self.requests: list[Request] = []
        self.tick = tick
        self.max_body = max_body
        self.lock = RLock()
        self._rules: list[Rule] = []
        self._dice: list[Dice] = []
        self._thread: Thread | None = None

    def handle(self, request: Request) -> Reply:
        """Answer a request that meets no fault in its place."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop listening and break every open connection."""
        if self._thread:
            self._server.shutdown()
            self._thread.join(5)
            self._thread = None
        self._server.stop()

    # What there is

    def token(
        self,
        user: str = "root",
        level: int = MAINTAINER,
        scopes: Iterable[str] = ("api",),
        expires_in: float | None = None,
        levels: dict[str, int] | None = None,
    ) -> Token:
        """Make a personal access token.

        It has the access `level` in every project, except for those whose paths are in `levels`.
        """
        expires = None if expires_in is None else self.clock.now() + expires_in
        return self._token(
            user,
            "personal",
            level=level,
            scopes=tuple(scopes),
            expires=expires,
            levels=levels or {},
        )

    def _token(self, user: str, kind: str, **more: Any) -> Token:
        with self.lock:
            number = next(self.state.ids["token"])
            value = f"{self.prefixes[kind]}-{random.Random(number).randbytes(10).hex()}"  # noqa: S311
            token = Token(
                number, f"{kind} {number}", value, self.state.user(user), kind=kind, **more
            )
            self.state.tokens[value] = token
            return token

    # What happens

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        with self.lock:
            self.clock.advance(seconds)
            self.state.settle()

    def misbehave(
        self, fault: Fault, on: str = "* *", times: int | None = 1, after: int = 0
    ) -> None:
        """Let the next requests that match `on` meet a fault: "METHOD glob of the path"."""
        with self.lock:
            self._rules.append(Rule(fault, on, after, times))

    def misbehave_at_random(
        self, seed: int, rate: float = 0.2, kinds: Sequence[Fault] = TRANSIENT, on: str = "* *"
    ) -> None:
        """Let requests meet faults with probability `rate`.

        They are the same for the same seed and order of requests.
        """
        with self.lock:
            self._dice.append(Dice(random.Random(seed), rate, kinds, on))  # noqa: S311

    def behave(self) -> None:
        """Forget all faults."""
        with self.lock:
            self._rules.clear()
            self._dice.clear()
            self.state.lag = Lag()

    def lag(self, requests: int = 0, seconds: float = 0.0) -> None:
        """Leave new pipelines out of lists.

        They are missing from the next `requests` lists of their project, and until they are
        `seconds` old.
        """
        self.state.lag = Lag(requests, seconds)

    # The record

    def asked(self, pattern: str = "* *") -> list[Request]:
        """Return the requests that match "METHOD glob of the path"."""
        with self.lock:
            return [request for request in self.requests if is_like(request, pattern)]

    def respond(self, request: Request) -> tuple[Reply, Fault | None]:
        """Handle a request; return the answer and the fault that it meets."""
        with self.lock:
            self.clock.advance(self.tick)
            request.time = self.clock.now()
            record = self._marked(request)
            self.requests.append(record)
            fault = self._fault(request)
            self.state.settle()
            reply = self._dated(self._handled(request, fault))
            record.status, record.fault = reply.status, fault.name if fault else ""
            return (fault.edit(reply) if fault and fault.edit else reply), fault

    def _handled(self, request: Request, fault: Fault | None) -> Reply:
        if fault and fault.before:
            fault.before(self.state, request)
        if fault and fault.instead:
            return fault.instead(self.state, request)
        return self.handle(request)

    def _fault(self, request: Request) -> Fault | None:
        for rule in self._rules:
            if rule.takes(request):
                return rule.fault
        return next((fault for dice in self._dice if (fault := dice.draw(request))), None)

    def _dated(self, reply: Reply) -> Reply:
        date = formatdate(self.clock.now(), usegmt=True)
        return replace(
            reply, headers={**reply.headers, "Date": date, "Content-Length": str(len(reply.body))}
        )

    def _marked(self, request: Request) -> Request:
        """Return a copy for the record, in which known tokens are replaced by their names."""
        everywhere = "\n".join(
            [request.target, *request.headers.values(), request.body.decode("latin-1")]
        )
        target, body, headers, name = request.target, request.body, dict(request.headers), ""
        for value, token in self.state.tokens.items():
            if value in everywhere:
                name, mark = token.name, f"[token {token.name}]"
                target, body = (
                    target.replace(value, mark),
                    body.replace(value.encode(), mark.encode()),
                )
                headers = {key: text.replace(value, mark) for key, text in headers.items()}
        return replace(request, target=target, body=body, headers=headers, token=name)


class _Server(HTTPServer):
    """Listens on a free port; so many connections at once, each with a thread of its own."""

    request_queue_size = 128

    def __init__(self, standin: StandIn) -> None:
        self.standin = standin
        self.stopping = Event()
        self._places = BoundedSemaphore(CONNECTIONS)
        self._open: dict[socket.socket, Thread] = {}
        super().__init__(("127.0.0.1", 0), _Connection)

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # HTTPServer would look the address up in the DNS
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        self._open[request] = Thread(
            target=self._serve, args=(request, client_address), daemon=True
        )
        self._open[request].start()

    def _serve(self, request: socket.socket, client_address: Any) -> None:
        try:
            with suppress(OSError):  # a client that went away is no matter
                self.finish_request(request, client_address)
        finally:
            self.shutdown_request(request)
            self._open.pop(request, None)
            self._places.release()

    def stop(self) -> None:
        self.stopping.set()
        self.server_close()
        for request, thread in list(self._open.items()):
            with suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)
            thread.join(5)


class _Connection(BaseHTTPRequestHandler):
    """A connection; also the `Wire` on which faults play."""

    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = IDLE
    disable_nagle_algorithm = True

    def _exchange(self) -> None:
        standin = self.server.standin
        body = self._body(standin.max_body)
        if body is None:
            self.send(Reply(413, b"", {"Content-Length": "0"}).head())
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply, fault = standin.respond(Request(self.command, self.path, headers, body, 0.0))
        if self.command == "HEAD":
            reply = replace(reply, body=b"")
        if fault and fault.send:
            fault.send(self, reply)
        else:
            self.send(reply.head() + reply.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _exchange  # noqa: N815

    def _body(self, most: int) -> bytes | None:
        """Return what was sent, None when it is more than `most` bytes."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._chunks(most)
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > most:
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise ConnectionError("the client went away amid its request")
        return body

    def _chunks(self, most: int) -> bytes | None:
        body = b""
        while size := _hexadecimal(self.rfile.readline(100)):
            if len(body) + size > most:
                return None
            body += self.rfile.read(size)
            self.rfile.readline(100)
        self.rfile.readline(100)
        return body

    def send(self, content: bytes) -> None:
        self.connection.sendall(content)

    def pause(self, seconds: float) -> None:
        self.server.stopping.wait(seconds)

    def hang_up(self) -> None:
        self.close_connection = True

    def reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(
            self.connection.detach()
        )  # a mere close() waits for the files that hold the socket

    def log_message(self, *_: object) -> None:
        """Write no log."""


def _hexadecimal(line: bytes) -> int:
    """Return the size of a chunk; one that is none ends the body."""
    digits = line.partition(b";")[0].strip()
    return int(digits, 16) if digits and not digits.strip(b"0123456789abcdefABCDEF") else 0
