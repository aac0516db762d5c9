"""The files that a package index has of a project: PEP 503, and PEP 691 where it knows that."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from html.parser import HTMLParser
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qsl, unquote, urljoin, urlsplit

from packaging.utils import canonicalize_name

from truewheel.errors import Exit, Problem, Stop, Where, stop
from truewheel.net import http
from truewheel.net.answers import described_body

HEADERS = {
    "Accept": "application/vnd.pypi.simple.v1+json, text/html;q=0.5",
    "Cache-Control": "max-age=0",
}
ABSENT = frozenset({404, 410})
PAUSES = http.PAUSES[:3]
"""Seconds between the attempts to get an answer."""
SILENCE = 30.0
"""Seconds that an index may say nothing."""
DEADLINE = 300.0
"""Seconds that an answer may take, with all attempts."""
LIMIT = 64 * 2**20
"""Bytes of an answer that are read."""
SUFFIXES = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".tgz", ".egg", ".exe", ".msi", ".rpm")
"""How the files of an index end."""

_T = TypeVar("_T")

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
    """Return the files that the index at `address` has of a project, none where it has no project.

    Raises `Stop`: exit 5 when the index refuses, exit 6 when it gives no answer after some
    attempts.
    """
    return ask(address, project, login, _listed) or {}


def ask(
    address: str, project: str, login: Login | None, use: Callable[[http.Answer], _T]
) -> _T | None:
    """Return what `use` makes of an index's page of a project, None where it has no project.

    Raises `Stop` as `files` does; `use` raises `Lost` for a page that it cannot read.
    """
    url = f"{address.rstrip('/')}/{canonicalize_name(project)}/"
    secret = {"Authorization": f"Basic {login.basic}"} if login else {}
    # A password for this index is for no other host, and neither is the question.
    client = http.Client(secret, DEADLINE, pauses=PAUSES, silence=SILENCE, leaves_host=False)
    hint = "look whether the index is up; a second run goes on where this one ended"
    try:
        return client.ask(url, LIMIT, HEADERS, use)
    except http.Refused as refused:
        if refused.answer.status in ABSENT or _leads_elsewhere(refused.answer):
            return None
        raise _refusal(url, refused.answer) from None
    except http.TooLarge as error:
        raise stop(url, f"its answer {error}", hint, Exit.REMOTE_UNREACHABLE) from None
    except http.NoAnswer as error:
        kind = LoginNeeded if isinstance(error.last, _LoginPageError) else Stop
        raise kind([Problem(Where(url), str(error), hint)], Exit.REMOTE_UNREACHABLE) from None


def _listed(answer: http.Answer) -> Files:
    """Return the files of an answer. Raises `Lost` where it is no list of files."""
    try:
        listed = _from_json(answer.body) if is_json(answer) else _from_html(answer.body, answer.url)
    except (ValueError, RecursionError) as error:
        raise http.Lost(str(error)) from None
    if listed and not any(name.endswith(SUFFIXES) for name in listed):
        # It has links, and they lead to no package.
        kind = described_body(answer.body)
        raise http.Lost(f"its answer is {kind}, no list of files (PEP 503)")
    return listed


def is_json(answer: http.Answer) -> bool:
    """Tell whether an index has answered in JSON (PEP 691)."""
    return answer.headers.get("content-type", "").partition(";")[0].strip().endswith("json")


def _leads_elsewhere(answer: http.Answer) -> bool:
    """Return whether an index sends us to another host.

    GitLab and pypiserver do so for projects that they do not have.
    """
    if not 300 <= answer.status < 400 or not answer.target:
        return False
    return urlsplit(answer.target).hostname != urlsplit(answer.url).hostname


def _refusal(url: str, answer: http.Answer) -> Stop:
    is_login = answer.status in {401, 403}
    hint = "correct the address: indexes.<name>.simple"
    if is_login:
        hint = (
            "look at the variables of indexes.<name>.credentials; "
            "protected ones exist only on protected refs"
        )
    problem = Problem(Where(url), f"the index answers {answer.summary}", hint)
    return (LoginNeeded if is_login else Stop)([problem], Exit.REMOTE_FAILED)


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
    page = _Page()
    page.feed(body.decode("utf-8", "replace"))
    if page.wants_password:  # as no list does: it must not be taken for an empty one
        raise _LoginPageError("its answer is a page to log in at, no list of files (PEP 503)")
    listed: dict[str, dict[str, str]] = {}
    for link in page.links:
        with suppress(ValueError):
            parts = urlsplit(urljoin(url, link))
            _add(listed, unquote(parts.path.rpartition("/")[2]), parse_qsl(parts.fragment))
    return listed


def _add(listed: dict[str, dict[str, str]], name: str, hashes: Iterable[tuple[str, str]]) -> None:
    """Add a file and its hashes.

    An index that says different things of one name has no hash that is right: all are kept, joined.
    """
    own: dict[str, str] = {}
    for algorithm, value in hashes:
        own[algorithm] = _joined(own.get(algorithm, value), value)
    if name in listed:
        both = listed[name].keys() | own.keys()
        own = {key: _joined(listed[name].get(key, "none"), own.get(key, "none")) for key in both}
    listed[name] = own


def _joined(one: str, other: str) -> str:
    return one if one == other else f"{one} and {other}"


class _LoginPageError(http.Lost):
    pass


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.wants_password = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        types = [value.lower() for name, value in attrs if name == "type" and value]
        if tag == "input" and "password" in types:
            self.wants_password = True
        if tag == "a":
            self.links += [value for name, value in attrs if name == "href" and value]
