"""Server and token, from the environment or from python-gitlab's own configuration.

Tokens are never taken from the command line: every process of a machine can read that.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from truewheel.errors import stop

GITLAB_TOKENS = {
    "GITLAB_PRIVATE_TOKEN": "private",
    "GITLAB_TOKEN": "private",
    "GITLAB_OAUTH_TOKEN": "oauth",
}
GITHUB_TOKENS = ("GH_TOKEN", "GITHUB_TOKEN")
JOB_TOKEN = "CI_JOB_TOKEN"  # noqa: S105 - the name of a variable
GITLAB_SERVERS = ("CI_SERVER_URL", "GITLAB_URL")
_TOKEN = re.compile(r"[!-~]+")


class Access(NamedTuple):
    """A server, and how to be known there: `kind` is private, oauth, job or "" (nobody).

    `verify` is for its TLS.
    """

    server: str
    kind: str
    token: str
    verify: bool | str = True

    def __repr__(self) -> str:
        return f"Access({self.server!r}, {self.kind!r})"


def gitlab(environment: Mapping[str, str]) -> Access:
    """Return the access to GitLab.

    Raises `Stop` (exit 2) if no server or no suitable token is known.

    A token goes to the server that it stands beside: one of the environment to that of the
    environment, one of python-gitlab's configuration to the server named there.
    """
    server = _first(environment, GITLAB_SERVERS)
    name = next((name for name in GITLAB_TOKENS if environment.get(name)), "")
    if name and server:
        return _checked(Access(server, GITLAB_TOKENS[name], environment[name]), name)
    configured = _configured(environment)
    if name and configured:
        return _checked(
            configured._replace(kind=GITLAB_TOKENS[name], token=environment[name]), name
        )
    if (
        configured
        and configured.token
        and (not server or _host(server) == _host(configured.server))
    ):
        return _checked(configured, "python-gitlab's configuration")
    if server and environment.get(JOB_TOKEN):
        return _checked(Access(server, "job", environment[JOB_TOKEN]), JOB_TOKEN)
    if not server and not configured:
        raise stop(
            "gitlab",
            "no server is known",
            "set CI_SERVER_URL and GITLAB_TOKEN, or configure python-gitlab",
        )
    raise stop(
        "gitlab",
        "no token is known",
        f"set one of {', '.join(GITLAB_TOKENS)}, or configure python-gitlab",
    )


def github(environment: Mapping[str, str]) -> Access:
    """Return the access to GitHub. Raises `Stop` (exit 2) where no token is known."""
    server = environment.get("GITHUB_API_URL") or "https://api.github.com"
    name = next((name for name in GITHUB_TOKENS if environment.get(name)), "")
    if not name:
        raise stop("github", "no token is known", f"set one of {', '.join(GITHUB_TOKENS)}")
    return _checked(Access(server, "oauth", environment[name]), name)


def _checked(access: Access, where: str) -> Access:
    if not _TOKEN.fullmatch(access.token):
        raise stop(
            where, "is not a token: it has spaces, line ends or letters beyond ASCII", "set it anew"
        )
    parts = _parts(access.server)
    if parts is None or parts.username or parts.password or parts.query or parts.fragment:
        raise stop(
            where,
            "the server's address is none of http or https",
            "such as https://gitlab.example.com",
        )
    return access._replace(server=access.server.rstrip("/"))


def _parts(server: str) -> SplitResult | None:
    try:
        parts = urlsplit(server)
        _ = parts.port
    except ValueError:
        return None
    return (
        parts
        if parts.scheme in {"http", "https"} and parts.hostname and not re.search(r"\s", server)
        else None
    )


def _host(server: str) -> tuple[str, str]:
    parts = urlsplit(server)
    return parts.scheme, parts.netloc


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((environment[name] for name in names if environment.get(name)), "")


def _configured(environment: Mapping[str, str]) -> Access | None:
    """Return what python-gitlab is configured to use, or None.

    Raises `Stop` (exit 2) where that is broken.
    """
    from gitlab.config import ConfigError, GitlabConfigParser

    file = environment.get("PYTHON_GITLAB_CFG")
    try:
        parser = GitlabConfigParser(config_files=[file] if file else None)
    except (ConfigError, configparser.Error, OSError, ValueError) as error:
        raise stop(
            "python-gitlab's configuration", str(error), "correct it, or set GITLAB_TOKEN"
        ) from None
    if not parser.url:
        return None
    kinds = {"private": parser.private_token, "oauth": parser.oauth_token, "job": parser.job_token}
    kind = next((kind for kind, token in kinds.items() if token), "")
    return Access(parser.url, kind, kinds.get(kind) or "", parser.ssl_verify)
