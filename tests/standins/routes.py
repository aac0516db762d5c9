"""The table of routes, who may take them, and pages of lists."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn, TypeVar
from urllib.parse import unquote, urlencode, urlsplit

from standins.ci import Build, Pipeline
from standins.http import Refused, Reply, Request, parameters
from standins.state import REPORTER, Project, State, Token

API = "/api/v4"
PROJECT = "/projects/:id"
PIPELINE = f"{PROJECT}/pipelines/:pipeline_id"
MAX_TOTAL = 10_000
"""Longer lists come without totals, as GitLab's do."""
_STATUS = {"POST": 201, "DELETE": 204}

Handler = Callable[["Call"], Any]
T = TypeVar("T")


@dataclass
class Call:
    """A request that found its route: values of the path, parameters, and who is asking."""

    state: State
    request: Request
    values: Mapping[str, str]
    params: dict[str, Any]
    token: Token | None
    totals: bool = True
    _project: Project | None = None

    @property
    def now(self) -> float:
        """The server's time."""
        return self.state.clock.now()

    @property
    def project(self) -> Project:
        """The project of the path."""
        return self._project or not_found("Project")

    @property
    def who(self) -> Token:
        """The token of who is asking."""
        if self.token is None:
            raise Refused(401, "401 Unauthorized")
        return self.token

    @property
    def level(self) -> int:
        """The access level that it gives in the project."""
        return self.token.level_in(self.project) if self.token else 0

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline of the path."""
        number = self.number("pipeline_id")
        return found(run for run in self.project.pipelines if run.id == number)

    @property
    def job(self) -> Build:
        """The job of the path."""
        number = self.number("job_id")
        builds = (build for run in self.project.pipelines for build in run.builds)
        return found(build for build in builds if build.id == number)

    def number(self, name: str) -> int:
        """Return a number of the path."""
        if not self.values[name].isdecimal():
            raise Refused(400, f"{name} is invalid", "error")
        return int(self.values[name])

    def integer(self, name: str) -> int:
        """Return a parameter that must be there and a number."""
        (value,) = self.need(name)
        if not str(value).isdecimal():
            raise Refused(400, f"{name} is invalid", "error")
        return int(value)

    def need(self, *names: str) -> list[Any]:
        """Return parameters that must be there."""
        missing = [name for name in names if self.params.get(name) in (None, "")]
        if missing:
            raise Refused(400, ", ".join(f"{name} is missing" for name in missing), "error")
        return [self.params[name] for name in names]

    def at_least(self, level: int) -> None:
        """Refuse whoever has a lower access level."""
        if self.level < level:
            raise Refused(403, "403 Forbidden")


def not_found(what: str = "Not Found") -> NoReturn:
    """Refuse with 404."""
    raise Refused(404, f"404 {what}" if what.lower() == "not found" else f"404 {what} Not Found")


def found(matches: Iterable[T], what: str = "Not found") -> T:
    """Return the first match, or refuse with 404."""
    for match in matches:
        return match
    not_found(what)


def raw(files: Mapping[str, bytes], path: str) -> Reply:
    """Return a file as it is, or refuse with 404."""
    return (
        Reply(200, files[path], {"Content-Type": "application/octet-stream"})
        if path in files
        else not_found()
    )


def flag(value: object) -> bool:
    """Return a boolean that may have come from a form."""
    return value is True or str(value).lower() in {"true", "1", "yes", "on"}


@dataclass(frozen=True)
class Route:
    """A line of the table.

    `level` is the lowest access level that may take the route; `job_token` says whether GitLab
    accepts the token of a job.
    """

    method: str
    pattern: str
    handler: Handler
    level: int = REPORTER
    job_token: bool = False
    is_open: bool = False

    def match(self, path: str) -> re.Match[str] | None:
        """Match a path after `/api/v4`, still percent-encoded."""
        return _compiled(self.pattern).fullmatch(path)


_PATTERNS: dict[str, re.Pattern[str]] = {}
ROUTES: list[Route] = []


def _compiled(pattern: str) -> re.Pattern[str]:
    if pattern not in _PATTERNS:
        text = re.sub(
            r"\*(\w+)",
            r"(?P<\1>.+)",
            re.sub(r":(\w+)", r"(?P<\1>[^/]+)", pattern.replace(".", r"\.")),
        )
        _PATTERNS[pattern] = re.compile(text)
    return _PATTERNS[pattern]


def route(
    method: str, pattern: str, level: int = REPORTER, job_token: bool = False, is_open: bool = False
) -> Callable[[Handler], Handler]:
    """Add a handler to the table.

    `:name` in the pattern is a part of the path, `*name` the rest of it. `level` is the lowest
    access level that may take the route.
    """

    def add(handler: Handler) -> Handler:
        ROUTES.append(Route(method, pattern, handler, level, job_token, is_open))
        return handler

    return add


def handle(state: State, request: Request, totals: bool = True) -> Reply:
    """Answer a request as GitLab would."""
    try:
        chosen, values = _choose(request)
        params = parameters(request)
        token = _authenticated(state, request, params)
        if token and token.kind == "job" and not chosen.job_token:
            token = None  # GitLab takes such a request as one without a token
        call = Call(state, request, values, params, token, totals)
        _authorize(chosen, call)
        return _reply(chosen.handler(call), call)
    except Refused as refused:
        return refused.reply


def _choose(request: Request) -> tuple[Route, dict[str, str]]:
    path = urlsplit(request.target).path
    matches = _matches(path.removeprefix(API)) if path.startswith(API) else ()
    if not matches:
        raise Refused(404, "404 Not Found", "error")
    method = "GET" if request.method == "HEAD" else request.method
    for line, values in matches:
        if line.method == method:
            return line, dict(values)
    raise Refused(405, "405 Not Allowed", "error")


@lru_cache(maxsize=1024)
def _matches(path: str) -> tuple[tuple[Route, Mapping[str, str]], ...]:
    """Return the routes of a path with the values in it; the same ones are asked for often."""
    matches = ((line, line.match(path)) for line in ROUTES)
    return tuple(
        (line, {name: unquote(value) for name, value in match.groupdict().items()})
        for line, match in matches
        if match
    )


def secret_of(request: Request, params: Mapping[str, Any]) -> str:
    """Return the token that a request brings, or an empty string."""
    headers = request.headers
    bearer = headers.get("authorization", "")
    return str(
        headers.get("private-token")
        or (bearer[7:] if bearer[:7].lower() == "bearer " else "")
        or headers.get("job-token")
        or params.get("private_token")
        or params.get("job_token")
        or ""
    )


def _authenticated(state: State, request: Request, params: Mapping[str, Any]) -> Token | None:
    secret = secret_of(request, params)
    if not secret:
        return None
    token = state.tokens.get(secret)
    if token is None or token.kind == "trigger":
        raise Refused(401, "401 Unauthorized")
    if ("private-token" if token.kind == "job" else "job-token") in request.headers:
        raise Refused(401, "401 Unauthorized")
    if token.build and token.build.status != "running":
        raise Refused(401, "401 Unauthorized")
    if token.revoked:
        text = "Token was revoked. You have to re-authorize from the user."
        raise Refused(401, "invalid_token", "error", error_description=text)
    if token.expires is not None and token.expires <= state.clock.now():
        text = "Token is expired. You can either do re-authorization or token refresh."
        raise Refused(401, "invalid_token", "error", error_description=text)
    if "api" not in token.scopes and not (
        "read_api" in token.scopes and request.method in {"GET", "HEAD"}
    ):
        text = "The request requires higher privileges than provided by the access token."
        raise Refused(403, "insufficient_scope", "error", error_description=text, scope="api")
    return token


def _authorize(chosen: Route, call: Call) -> None:
    if chosen.is_open:
        if "id" in call.values:
            call._project = find_project(call.state, call.values["id"])
        return
    if call.token is None and (
        call.request.method not in {"GET", "HEAD"} or "id" not in call.values
    ):
        raise Refused(401, "401 Unauthorized")
    if "id" not in call.values:
        return
    project = call._project = find_project(call.state, call.values["id"])
    is_public = project is not None and project.settings["visibility"] == "public"
    if project is None or not (call.level or is_public):
        not_found("Project")
    if call.token:
        within_scope(call.token, project)
    if not (is_public and chosen.method == "GET" and chosen.level <= REPORTER):
        if call.token is None:
            raise Refused(401, "401 Unauthorized")
        call.at_least(chosen.level)


def within_scope(token: Token, project: Project) -> None:
    """Refuse a job of a project that is not in the allowlist (CI/CD job token scope)."""
    home = token.build.pipeline.project if token.build else None
    if (
        home is None
        or home is project
        or not project.token_scope["inbound_enabled"]
        or home.id in project.allowlist
    ):
        return
    reason = f"Authentication by CI/CD job token not allowed from {home.path} to {project.path}."
    raise Refused(403, f"403 Forbidden - {reason}")


def find_project(state: State, name: str) -> Project | None:
    """Return a project by its number or path."""
    if name.isdecimal():
        return next(
            (project for project in state.projects.values() if project.id == int(name)), None
        )
    return state.projects.get(name)


def _reply(result: Any, call: Call) -> Reply:
    if isinstance(result, Reply):
        return result
    method = call.request.method
    if isinstance(result, list) and method in {"GET", "HEAD"}:
        return _page(result, call)
    status = _STATUS.get(method, 200)
    return Reply(204) if status == 204 else Reply.of(result, status)


def _whole(value: object, otherwise: int, most: int) -> int:
    text = str(value)
    return min(max(int(text), 1), most) if text.isdecimal() else otherwise


def _page(items: list[Any], call: Call) -> Reply:
    size = _whole(call.params.get("per_page"), 20, 100)
    if call.params.get("pagination") == "keyset":
        return _keyset(items, size, call)
    page = _whole(call.params.get("page"), 1, 1_000_000)
    shown = items[(page - 1) * size : page * size]
    pages = max(1, -(-len(items) // size))
    after = page + 1 if page * size < len(items) else None
    links = {"prev": page - 1 or None, "next": after, "first": 1}
    headers = {
        "X-Page": str(page),
        "X-Per-Page": str(size),
        "X-Next-Page": str(after or ""),
        "X-Prev-Page": str(page - 1 or ""),
    }
    if call.totals and len(items) <= MAX_TOTAL:
        headers |= {"X-Total": str(len(items)), "X-Total-Pages": str(pages)}
        links["last"] = pages
    addresses = {
        name: _address(call, page=number, per_page=size) for name, number in links.items() if number
    }
    return Reply.of(shown, headers=headers | _links(addresses))


def _keyset(items: list[Any], size: int, call: Call) -> Reply:
    """Pages by the id of the last record: what is added meanwhile does not move them."""
    after = call.integer("cursor") if "cursor" in call.params else None
    ordered = sorted(items, key=lambda item: -int(item.get("id", 0)))
    left = [item for item in ordered if after is None or item["id"] < after]
    shown = left[:size]
    if len(left) <= size:
        return Reply.of(shown)
    return Reply.of(
        shown, headers=_links({"next": _address(call, cursor=shown[-1]["id"], per_page=size)})
    )


def _address(call: Call, **changes: Any) -> str:
    query = {**call.request.query, **changes}
    for secret in ("private_token", "job_token"):
        query.pop(secret, None)
    text = urlencode(
        [
            (f"{name}[]" if isinstance(value, list) else name, item)
            for name, value in query.items()
            for item in (value if isinstance(value, list) else [value])
        ]
    )
    return f"{call.state.home}{urlsplit(call.request.target).path}?{text}"


def _links(addresses: Mapping[str, str]) -> dict[str, str]:
    return {"Link": ", ".join(f'<{address}>; rel="{name}"' for name, address in addresses.items())}


@dataclass(frozen=True)
class Kind:
    """A kind of record that can be listed, read, created, changed and deleted.

    `records` returns the list that a call is about; `make` turns parameters into a record, with
    `old` as it was, and refuses bad ones; `allowed` refuses who may not change a record; `view`
    returns what is shown.
    """

    path: str
    title: str
    records: Callable[[Call], list[dict[str, Any]]]
    make: Callable[[Call, dict[str, Any]], dict[str, Any]]
    key: str = "id"
    required: tuple[str, ...] = ()
    read: int = REPORTER
    write: int = REPORTER
    job_reads: bool = False
    allowed: Callable[[Call, dict[str, Any]], None] | None = None
    view: Callable[[Call, dict[str, Any], bool], dict[str, Any]] = lambda _call, record, _alone: (
        record
    )
    matches: Callable[[Call, dict[str, Any]], bool] = lambda _call, _record: True


def crud(kind: Kind, update: str = "PUT") -> None:
    """Add the five routes of a kind of record."""

    def one(call: Call) -> dict[str, Any]:
        key = call.values["key"]
        listed = kind.records(call)
        hit: dict[str, Any] = found(
            (
                record
                for record in listed
                if str(record[kind.key]) == key and kind.matches(call, record)
            ),
            kind.title,
        )
        return hit

    def changed(call: Call) -> dict[str, Any]:
        record = one(call)
        if kind.allowed:
            kind.allowed(call, record)
        return record

    def index(call: Call) -> Any:
        return [kind.view(call, record, False) for record in kind.records(call)]

    def create(call: Call) -> Any:
        call.need(*kind.required)
        record = kind.make(call, {})
        kind.records(call).append(record)
        return kind.view(call, record, True)

    def change(call: Call) -> Any:
        record = changed(call)
        record.update(kind.make(call, record))
        return kind.view(call, record, True)

    def remove(call: Call) -> Any:
        kind.records(call).remove(changed(call))

    single = f"{kind.path}/:key"
    ROUTES.extend(
        [
            Route("GET", kind.path, index, kind.read, kind.job_reads),
            Route("POST", kind.path, create, kind.write),
            Route(
                "GET",
                single,
                lambda call: kind.view(call, one(call), True),
                kind.read,
                kind.job_reads,
            ),
            Route(update, single, change, kind.write),
            Route("DELETE", single, remove, kind.write),
        ]
    )
