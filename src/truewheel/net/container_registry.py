"""Names of images, and their digests in registries, by the OCI distribution protocol."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from truewheel.errors import Exit, Stop, stop
from truewheel.net import http
from truewheel.net.answers import described_body

Credentials = tuple[str, str]
"""A user's name and password."""

TRIES = 3
PAUSES = http.PAUSES[: TRIES - 1]
SILENCE = 30.0
"""Seconds that a registry may say nothing."""
DEADLINE = 120.0
"""Seconds that one image's digest may take, with all attempts: bytes may come one by one."""
MAX_BYTES = 4 * 2**20
"""Bytes of a manifest: the OCI distribution specification expects no larger ones."""

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

    The registry is docker.io where it names none.
    """
    name, _, digest = reference.partition("@")
    head, slash, rest = name.partition("/")
    has_host = slash and ("." in head or ":" in head or head == "localhost")
    host, path = (head, rest) if has_host else (DOCKER_HUB, name)
    path, _, tag = path.partition(":")
    if host == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    return Image(host, path, digest or tag or "latest")


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

    name = re.sub(r"\$(?:(\w+)|\{(\w+)\})", value, reference)
    if name.startswith("-"):
        message = f"is {name!r} here, which a program would read as an option"
        raise stop(reference, message, "correct the value of its variable")
    return name


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
    """Return the job's credentials for an image's registry, else those of a file of logins."""
    host = parse(reference).host
    logins = (_from_file(file, host) for file in _login_files(env))
    return job_credentials(reference, env) or next(filter(None, logins), None)


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
    pause: Callable[[float], None] | None = None,
    tries: int = TRIES,
) -> str | None:
    """Return the digest that a tag stands for now, or None if the registry has no such image.

    Raises `Stop` (exit 6) when the registry cannot be reached or not in time, refuses, or answers
    something else.
    """
    image = parse(reference)
    client = http.Client({}, DEADLINE, pauses=PAUSES[: tries - 1], silence=SILENCE, sleep=pause)
    tag = urllib.parse.quote(image.tag, safe=":")
    url = f"{image.address}/v2/{image.repository}/manifests/{tag}"
    headers = {"Accept": _MANIFESTS}
    answer = _ask(client, url, headers, reference)
    if answer.status == 401:
        if urllib.parse.urlsplit(answer.url)[:2] != urllib.parse.urlsplit(url)[:2]:
            # It would name the place to which the login of this registry is sent.
            raise _unreachable(reference, "it leads to another host, which asks for a login")
        challenge = answer.headers.get("www-authenticate", "")
        login = credentials(reference, env)
        headers["Authorization"] = _authorization(challenge, image, login, client)
        answer = _ask(client, url, headers, reference)
    if answer.status == 404:
        return None
    if answer.status != 200:
        hint = "log in first (podman login, docker login), or correct the name"
        message = f"the registry refuses: HTTP {answer.status}"
        raise stop(reference, message, hint, Exit.REMOTE_UNREACHABLE)
    return _digest_of(answer, url, image.tag)


def _digest_of(answer: http.Answer, url: str, tag: str) -> str:
    """Return the digest of a manifest. Raises `Stop` (exit 6) where it is not the wanted one."""
    actual = "sha256:" + hashlib.sha256(answer.body).hexdigest()
    if answer.body.lstrip()[:1] != b"{":  # a manifest is a JSON object
        raise _unusable(url, described_body(answer.body))
    wanted = tag if ":" in tag else actual
    if not actual == wanted == answer.headers.get("docker-content-digest", actual):
        raise _unusable(url, "a digest that is not that of its content")
    return actual


def _unusable(url: str, content: str) -> Stop:
    hint = "look at the address: is there a registry, or a proxy before it?"
    message = f"answers with {content}, where a manifest is needed"
    return stop(url, message, hint, Exit.REMOTE_UNREACHABLE)


def _ask(client: http.Client, url: str, headers: Mapping[str, str], reference: str) -> http.Answer:
    """Return the registry's answer, whatever its status says."""
    try:
        return client.ask(url, MAX_BYTES, headers, lambda answer: answer)
    except http.Refused as refused:
        return refused.answer
    except http.TooLarge as error:
        raise _unreachable(reference, f"its answer {error}") from None
    except http.NoAnswer as error:
        is_status = isinstance(error.last, http.Refused)
        reason = f"HTTP {error.reason}" if is_status else error.reason
        raise _unreachable(reference, reason) from None


def _unreachable(reference: str, reason: str) -> Stop:
    hint = "is the registry up, and within reach from here?"
    return stop(reference, f"the registry cannot be asked: {reason}", hint, Exit.REMOTE_UNREACHABLE)


def _authorization(
    challenge: str, image: Image, login: Credentials | None, client: http.Client
) -> str:
    """Return the header that answers a challenge.

    The password itself, or a token that is fetched with it.
    """
    basic = "Basic " + base64.b64encode(":".join(login).encode()).decode() if login else ""
    scheme, _, rest = challenge.partition(" ")
    if scheme.lower() != "bearer":
        return basic
    fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    realm = fields.get("realm", "")
    is_local = realm.startswith("http://") and _LOCAL.fullmatch(image.host)
    if not realm.startswith("https://") and not is_local:
        raise _unreachable(image.host, "it sends logins to a place without TLS")
    query = {"service": fields.get("service", ""), "scope": f"repository:{image.repository}:pull"}
    url = f"{realm}?{urllib.parse.urlencode(query)}"
    answer = _ask(client, url, {"Authorization": basic} if basic else {}, image.host)
    try:
        data: dict[str, Any] = json.loads(answer.body)
        return f"Bearer {data.get('token') or data['access_token']}"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        hint = "log in first (podman login, docker login)"
        content = f"HTTP {answer.status}"
        if answer.status == 200:
            content = described_body(answer.body)
        message = f"gives no token: {content}"
        raise stop(realm.partition("?")[0], message, hint, Exit.REMOTE_UNREACHABLE) from None
