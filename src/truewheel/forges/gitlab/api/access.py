"""GitLab's server and token, from the environment or from python-gitlab's own configuration."""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from urllib.parse import urlsplit

from truewheel.errors import stop
from truewheel.forges.access import Access, checked, first_set

TOKENS = {
    "GITLAB_PRIVATE_TOKEN": "private",
    "GITLAB_TOKEN": "private",
    "GITLAB_OAUTH_TOKEN": "oauth",
}
JOB_TOKEN = "CI_JOB_TOKEN"  # noqa: S105 - the name of a variable
SERVERS = ("CI_SERVER_URL", "GITLAB_URL")


def find_access(environment: Mapping[str, str]) -> Access:
    """Return the access to GitLab.

    Raises `Stop` (exit 2) if no server or no suitable token is known.

    A token goes to the server that it stands beside: one of the environment to that of the
    environment, one of python-gitlab's configuration to the server named there.
    """
    server = environment.get(first_set(environment, SERVERS), "")
    name = first_set(environment, TOKENS)
    if name and server:
        return checked(Access(server, TOKENS[name], environment[name]), name)
    configured = _configured(environment)
    if name and configured:
        return checked(configured._replace(kind=TOKENS[name], token=environment[name]), name)
    if (
        configured
        and configured.token
        and (not server or _host(server) == _host(configured.server))
    ):
        return checked(configured, "python-gitlab's configuration")
    if server and environment.get(JOB_TOKEN):
        return checked(Access(server, "job", environment[JOB_TOKEN]), JOB_TOKEN)
    if not server and not configured:
        raise stop(
            "gitlab",
            "no server is known",
            "set CI_SERVER_URL and GITLAB_TOKEN, or configure python-gitlab",
        )
    raise stop(
        "gitlab",
        "no token is known",
        f"set one of {', '.join(TOKENS)}, or configure python-gitlab",
    )


def _host(server: str) -> tuple[str, str]:
    parts = urlsplit(server)
    return parts.scheme, parts.netloc


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
