"""Asking a container registry for the digest of an image, by the OCI distribution protocol."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, NamedTuple

from truewheel.errors import Exit, Stop, stop
from truewheel.net.answers import described_body
from truewheel.net.deadline import Late, within
from truewheel.net.http import reason_of

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

Credentials = tuple[str, str]
"""A user's name and password."""

TRIES = 3
TIMEOUT = 30.0
DEADLINE = 120.0
"""Seconds that one image's digest may take, with all attempts.

A registry may send a byte now and then.
"""
PAUSE = 1.0
MAX_BYTES = 4 * 2**20

DOCKER_HUB = "docker.io"
_DOCKER_API = "registry-1.docker.io"
_LOCAL = re.compile(r"(localhost|127\.0\.0\.1)(:\d+)?")
_MANIFESTS = ", ".join(
    f"application/vnd.{kind}"
    for kind in (
        "oci.image.index.v1+json",
        "docker.distribution.manifest.list.v2+json",
        "oci.image.manifest.v1+json",
        "docker.distribution.manifest.v2+json",
    )
)


class Image(NamedTuple):
    """An image's name in its parts; `tag` may be a digest."""

    host: str
    repository: str
    tag: str

    @property
    def address(self) -> str:
        """The address of the registry; one on this machine needs no TLS."""
        scheme = "http" if _LOCAL.fullmatch(self.host) else "https"
        return f"{scheme}://{_DOCKER_API if self.host == DOCKER_HUB else self.host}"


def parse(reference: str) -> Image:
    """Return the parts of an image's name as container tools read it.

    Docker.io where it names no registry.
    """
    name, at, digest = reference.partition("@")
    head, slash, rest = name.partition("/")
    has_host = slash and ("." in head or ":" in head or head == "localhost")
    host, path = (head, rest) if has_host else (DOCKER_HUB, name)
    path, colon, tag = path.partition(":")
    if host == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    return Image(host, path, digest if at else tag if colon else "latest")


def expanded(reference: str, env: Mapping[str, str]) -> str:
    """Return an image's name with the variables in it.

    Raises `Stop` (exit 2) for one that is not set.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if not env.get(name):
            raise stop(
                reference,
                f"{name} is not set here",
                f"set it: {name}=registry.example/group/project",
            )
        return env[name]

    return re.sub(r"\$(?:(\w+)|\{(\w+)\})", value, reference)


def local_name(image: str, environment: Mapping[str, str]) -> str:
    """Return an image's name on this machine, where the variables of a forge need not be set."""
    try:
        return expanded(image, environment)
    except Stop:
        return "localhost/" + image.partition("/")[2]


def job_credentials(reference: str, env: Mapping[str, str]) -> Credentials | None:
    """Return what a GitLab job may use for the registry of its own project."""
    user, password = env.get("CI_REGISTRY_USER"), env.get("CI_REGISTRY_PASSWORD")
    is_own = env.get("CI_REGISTRY") == parse(reference).host
    return (user, password) if is_own and user and password else None


def credentials(reference: str, env: Mapping[str, str]) -> Credentials | None:
    """Return the job's credentials for an image's registry, else those that a login has left in a file."""
    host = parse(reference).host
    return job_credentials(reference, env) or next(
        (found for file in _login_files(env) if (found := _from_file(file, host))), None
    )


def _login_files(env: Mapping[str, str]) -> Iterator[Path]:
    home = env.get("HOME", "/")
    if env.get("REGISTRY_AUTH_FILE"):
        yield Path(env["REGISTRY_AUTH_FILE"])
    if env.get("XDG_RUNTIME_DIR"):
        yield Path(env["XDG_RUNTIME_DIR"]) / "containers" / "auth.json"
    yield Path(env.get("DOCKER_CONFIG") or f"{home}/.docker") / "config.json"


def _from_file(file: Path, host: str) -> Credentials | None:
    try:
        entry = json.loads(file.read_bytes())["auths"][host]["auth"]
        user, _, password = base64.b64decode(entry, validate=True).decode().partition(":")
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return (user, password) if user else None


def digest(
    reference: str,
    env: Mapping[str, str],
    pause: Callable[[float], None] = time.sleep,
    tries: int = TRIES,
) -> str | None:
    """Return the digest that an image's tag stands for now, or None if the registry has no such image.

    Raises `Stop` (exit 6) when the registry cannot be reached or not in time, refuses, or answers
    something else.
    """
    try:
        return within(DEADLINE, lambda: _digest(reference, env, pause, tries))
    except Late as late:
        raise _unreachable(reference, str(late)) from None


def _digest(
    reference: str, env: Mapping[str, str], pause: Callable[[float], None], tries: int
) -> str | None:
    image = parse(reference)
    url = (
        f"{image.address}/v2/{image.repository}/manifests/{urllib.parse.quote(image.tag, safe=':')}"
    )
    headers = {"Accept": _MANIFESTS}
    known = credentials(reference, env)
    answer = _ask(url, headers, reference, pause, tries)
    if answer.status == 401:
        headers["Authorization"] = _authorization(
            answer.headers.get("WWW-Authenticate", ""), image, known, pause
        )
        answer = _ask(url, headers, reference, pause, tries)
    if answer.status == 404:
        return None
    if answer.status != 200:
        hint = "log in first (podman login, docker login), or correct the name"
        raise stop(
            reference, f"the registry refuses: HTTP {answer.status}", hint, Exit.REMOTE_UNREACHABLE
        )
    made = "sha256:" + hashlib.sha256(answer.body).hexdigest()
    if not _is_manifest(answer.body):
        raise _odd(url, described_body(answer.body))
    asked = image.tag if ":" in image.tag else made
    if not made == asked == answer.headers.get("Docker-Content-Digest", made):
        raise _odd(url, "a digest that is not that of its content")
    return made


def _is_manifest(body: bytes) -> bool:
    """Return whether a body may be a manifest: a JSON object, whose digest speaks for the rest."""
    return body.lstrip()[:1] == b"{"


def _odd(url: str, came: str) -> Stop:
    hint = "look at the address: is there a registry, or a proxy before it?"
    return stop(
        url, f"answers with {came}, where a manifest is needed", hint, Exit.REMOTE_UNREACHABLE
    )


class _Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


def _ask(
    url: str,
    headers: Mapping[str, str],
    reference: str,
    pause: Callable[[float], None],
    tries: int = TRIES,
) -> _Answer:
    """Return the registry's answer.

    What may pass by itself is asked again, after a pause that grows.
    """
    reason = ""
    for attempt in range(tries):
        if attempt:
            pause(PAUSE * 2**attempt)
        try:
            answer = _get(url, headers)
        except (OSError, HTTPException) as error:
            reason = reason_of(error)
            continue
        if answer.status < 500 and answer.status != 429:
            return answer
        reason = f"HTTP {answer.status}"
    raise _unreachable(reference, reason)


def _get(url: str, headers: Mapping[str, str]) -> _Answer:
    request = urllib.request.Request(url)  # noqa: S310
    for name, value in headers.items():
        request.add_unredirected_header(name, value)  # credentials are not for another host
    try:
        response: HTTPResponse = urllib.request.urlopen(request, timeout=TIMEOUT)  # noqa: S310
    except urllib.error.HTTPError as error:
        with error:
            return _Answer(error.code, dict(error.headers), b"")
    with response:
        body = response.read(MAX_BYTES)
        return _Answer(response.status, dict(response.headers), body)


def _unreachable(reference: str, reason: str) -> Stop:
    hint = "is the registry up, and within reach from here?"
    return stop(reference, f"the registry cannot be asked: {reason}", hint, Exit.REMOTE_UNREACHABLE)


def _authorization(
    challenge: str, image: Image, known: Credentials | None, pause: Callable[[float], None]
) -> str:
    """Return the header that answers a challenge.

    The password itself, or a token that is fetched with it.
    """
    basic = "Basic " + base64.b64encode(":".join(known).encode()).decode() if known else ""
    scheme, _, rest = challenge.partition(" ")
    if scheme.lower() != "bearer":
        return basic
    fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    realm = fields.get("realm", "")
    if not realm.startswith("https://") and not (
        realm.startswith("http://") and _LOCAL.fullmatch(image.host)
    ):
        raise _unreachable(image.host, "it sends logins to a place without TLS")
    query = {"service": fields.get("service", ""), "scope": f"repository:{image.repository}:pull"}
    url = f"{realm}?{urllib.parse.urlencode(query)}"
    answer = _ask(url, {"Authorization": basic} if basic else {}, image.host, pause)
    try:
        data: dict[str, Any] = json.loads(answer.body)
        return f"Bearer {data.get('token') or data['access_token']}"
    except (ValueError, KeyError, TypeError, AttributeError):
        hint = "log in first (podman login, docker login)"
        came = described_body(answer.body) if answer.status == 200 else f"HTTP {answer.status}"
        raise stop(
            realm.partition("?")[0], f"gives no token: {came}", hint, Exit.REMOTE_UNREACHABLE
        ) from None
