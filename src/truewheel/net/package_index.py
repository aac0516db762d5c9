"""What an index has of a project.

Its simple repository API (PEP 503, and PEP 691 where it has that).
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from html.parser import HTMLParser
from http.client import HTTPException, HTTPMessage, IncompleteRead
from typing import IO, Any, NamedTuple
from urllib import request
from urllib.error import HTTPError
from urllib.parse import parse_qsl, unquote, urljoin, urlsplit

from packaging.utils import canonicalize_name

from truewheel import __version__
from truewheel.errors import Exit, Problem, Stop, Where
from truewheel.net.answers import described_body
from truewheel.net.deadline import within
from truewheel.net.http import answered, reason_of

ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
ABSENT = frozenset({404, 410})
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
PAUSES = (1.0, 2.0, 4.0)
"""Seconds between the attempts to get an answer."""
SILENCE = 30.0
"""Seconds that an index may say nothing."""
DEADLINE = 90.0
"""Seconds that one whole answer may take."""
LIMIT = 64 * 2**20
"""Bytes of an answer that are read."""
SUFFIXES = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".tgz", ".egg", ".exe", ".msi", ".rpm")
"""How the files of an index end."""

Files = Mapping[str, Mapping[str, str]]
"""Hashes in hex by algorithm, by file name."""


class LoginNeeded(Stop):
    """The index lists its files only for those who log in, or not for this login."""


class Login(NamedTuple):
    """A user name and a password."""

    username: str
    password: str

    @property
    def basic(self) -> str:
        """The pair as HTTP's Basic scheme writes it (RFC 7617)."""
        return base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


def files(address: str, project: str, login: Login | None) -> Files:
    """Return the files that the index at `address` has of a project.

    None when it has no such project.

    Raises `Stop`: exit 5 when the index refuses, exit 6 when it gives no answer after some
    attempts.
    """
    url = f"{address.rstrip('/')}/{canonicalize_name(project)}/"
    failures = 0
    while True:
        is_login_page = False
        try:
            return within(DEADLINE, lambda: _ask(url, login))
        except HTTPError as error:
            error.close()
            if error.code in ABSENT or _leads_elsewhere(error):
                return {}
            if error.code not in AGAIN:
                raise _refused(url, error) from None
            reason = answered(error)
        except (OSError, HTTPException, ValueError, RecursionError) as error:
            reason = reason_of(error)
            is_login_page = isinstance(error, _LoginPageError)
        if failures == len(PAUSES):
            hint = "look whether the index is up; a second run goes on where this one ended"
            problem = Problem(
                Where(url), f"no answer after {failures + 1} attempts: {reason}", hint
            )
            raise (LoginNeeded if is_login_page else Stop)([problem], Exit.REMOTE_UNREACHABLE)
        time.sleep(PAUSES[failures])
        failures += 1


def _ask(url: str, login: Login | None) -> Files:
    headers = {
        "Accept": ACCEPT,
        "User-Agent": f"truewheel/{__version__}",
        "Cache-Control": "max-age=0",
    }
    if login:
        headers["Authorization"] = f"Basic {login.basic}"
    asked = request.Request(url, headers=headers)  # noqa: S310
    with _opener().open(asked, timeout=SILENCE) as answer:
        body = answer.read(LIMIT + 1)
        if len(body) > LIMIT:
            raise ValueError(f"its answer has more than {LIMIT} bytes")
        if answer.length:  # a connection that was cut is no error of http.client
            raise IncompleteRead(body, answer.length)
        is_json = answer.headers.get_content_type().endswith("json")
        found = _from_json(body) if is_json else _from_html(body, answer.url)
    if found and not any(
        name.endswith(SUFFIXES) for name in found
    ):  # it has links, and they lead to no package
        raise ValueError(f"its answer is {described_body(body)}, no list of files (PEP 503)")
    return found


def _opener() -> request.OpenerDirector:
    """Return an opener that knows no scheme but HTTP, and keeps credentials on the host that they are for."""
    opener = request.OpenerDirector()
    for handler in (
        *(request.ProxyHandler(), request.HTTPHandler(), request.HTTPSHandler()),
        *(
            _SameOrigin(),
            request.HTTPDefaultErrorHandler(),
            request.HTTPErrorProcessor(),
            request.UnknownHandler(),
        ),
    ):
        opener.add_handler(handler)
    return opener


class _SameOrigin(request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> request.Request | None:
        same = urlsplit(req.full_url)[:2] == urlsplit(newurl)[:2]
        return super().redirect_request(req, fp, code, msg, headers, newurl) if same else None


def _leads_elsewhere(error: HTTPError) -> bool:
    """Whether an index sends us to another host, as GitLab and pypiserver do for projects that they do not have."""
    target = urlsplit(urljoin(error.url, error.headers.get("Location", "")))
    return 300 <= error.code < 400 and target.hostname != urlsplit(error.url).hostname


def _refused(url: str, error: HTTPError) -> Stop:
    hint = "correct the address: indexes.<name>.simple"
    if error.code in {401, 403}:
        hint = "look at the variables of indexes.<name>.credentials; protected ones exist only on protected refs"
    problem = Problem(Where(url), f"the index answers {answered(error)}", hint)
    return (LoginNeeded if error.code in {401, 403} else Stop)([problem], Exit.REMOTE_FAILED)


def _from_json(body: bytes) -> Files:
    data: Any = json.loads(body)
    found: dict[str, dict[str, str]] = {}
    try:
        for file in data["files"]:
            hashes = [(_text(name), _text(value)) for name, value in file["hashes"].items()]
            _add(found, _text(file["filename"]), hashes)
    except (KeyError, TypeError, AttributeError):
        raise ValueError("its answer is no list of files (PEP 691)") from None
    return found


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise TypeError


def _from_html(body: bytes, url: str) -> Files:
    links = _Links()
    links.feed(body.decode("utf-8", "replace"))
    if links.wants_password:  # as no list does: it must not be taken for an empty one
        raise _LoginPageError("its answer is a page to log in at, no list of files (PEP 503)")
    found: dict[str, dict[str, str]] = {}
    for link in links.found:
        with suppress(ValueError):
            parts = urlsplit(urljoin(url, link))
            _add(found, unquote(parts.path.rpartition("/")[2]), parse_qsl(parts.fragment))
    return found


def _add(found: dict[str, dict[str, str]], name: str, hashes: Iterable[tuple[str, str]]) -> None:
    """Add a file and its hashes.

    An index that says different things of one name has no hash that is right: all are kept, joined.
    """
    said: dict[str, str] = {}
    for algorithm, value in hashes:
        said[algorithm] = _joined(said.get(algorithm, value), value)
    if name in found:
        both = found[name].keys() | said.keys()
        said = {key: _joined(found[name].get(key, "none"), said.get(key, "none")) for key in both}
    found[name] = said


def _joined(one: str, other: str) -> str:
    return one if one == other else f"{one} and {other}"


class _LoginPageError(ValueError):
    pass


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.wants_password = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "input" and "password" in (
            value.lower() for name, value in attrs if name == "type" and value
        ):
            self.wants_password = True
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]
