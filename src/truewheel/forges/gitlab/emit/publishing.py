"""What GitLab jobs that publish run, and the files that they need beside the pipeline."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

from truewheel.forges.gitlab.emit.layout import FOLDER
from truewheel.forges.publish_jobs import FILES, lines_taking_files
from truewheel.plan.containerfile import UV_LOCK
from truewheel.plan.model import LISTS, Index, Plan

TEMPORARY = '"$TRUEWHEEL_TEMP"'
"""The folder in a GitLab job for `FILES` and `TOOLS`: the checkout may have such folders."""
TOOLS = f"{TEMPORARY}/uploader"
"""The virtual environment of the uploader on GitLab."""
STEERING = (
    "UV_CONFIG_FILE",
    "UV_PROJECT",
    "UV_PUBLISH_CHECK_URL",
    "UV_PUBLISH_INDEX",
    "UV_PUBLISH_TOKEN",
    "UV_WORKING_DIR",
    "UV_WORKING_DIRECTORY",
)
"""Variables by which uv would take other files, or pass over some. --no-config is no help there."""
REQUIREMENTS = f"{FOLDER}/publish-requirements.txt"
FETCH = f"{FOLDER}/fetch_listed.py"
FETCH_SOURCE = "fetch_listed.py"
ID_TOKEN = "PYPI_ID_TOKEN"  # noqa: S105 - the name of a variable
"""Where uv looks for a job's own token on GitLab.

Named for its audience, which the public index asks for.
"""
_GITLAB_INDEX = re.compile(
    r"https?://[^/]+/(.+/)?api/v4/(projects|groups)/[^/]+/(-/)?packages/pypi\b"
)


def script(index: Index, package: str) -> list[str]:
    """Return the script of a GitLab job.

    `package` is the registry's package that holds the wheels, "" for artifacts.
    """
    fetch = (
        [f"python3 -I {FETCH} {shlex.quote(package)} dist/{LISTS}/{index.name}.sha256"]
        if package
        else []
    )
    unset = [name for name in STEERING if name not in {index.username, index.password}]
    pip = f"{TOOLS}/bin/python -I -m pip install --quiet --disable-pip-version-check"
    return [
        f"unset {' '.join(unset)}",
        'TRUEWHEEL_TEMP="$(mktemp -d ./publish.XXXXXX)"',
        *lines_taking_files(index.name, *fetch, to=f"../{TEMPORARY}/{FILES}"),
        f"python3 -I -m venv {TOOLS}",
        f"{pip} --require-hashes --only-binary :all: --requirement {REQUIREMENTS}",
        *_login(index),
        # Relative: uv would expand a * or [ in a folder's name.
        " ".join(
            [
                f"{TOOLS}/bin/uv publish",
                *map(shlex.quote, _flags(index)),
                f"{TEMPORARY}/{FILES}/*.whl",
            ]
        ),
    ]


def is_trusted(index: Index) -> bool:
    """Return whether a GitLab job is known to the index by its own token.

    Trusted publishing, without credentials.
    """
    return index.profile == "pypi" and not index.password


def _login(index: Index) -> list[str]:
    """Return the lines that give uv its credentials.

    They go through the environment and a file: the words of a command can be read by others.
    """
    if is_trusted(index):
        return []
    if not index.password:  # uv insists on some, also for an index that lets everyone in
        return ["export UV_PUBLISH_USERNAME=anonymous UV_PUBLISH_PASSWORD=anonymous"]
    username = f'"${{{index.username}:?is not set}}"' if index.username else "__token__"
    password = f'"${{{index.password}:?is not set}}"'
    exports = f"export UV_PUBLISH_USERNAME={username} UV_PUBLISH_PASSWORD={password}"
    if _forwards(index):
        return [exports]
    # uv reads an index with what this file says alone; printf is the shell's own, so that no
    # command has the words.
    form = "machine %s login %s password %s\\n"
    values = f'{_host(index.simple)} "$UV_PUBLISH_USERNAME" "$UV_PUBLISH_PASSWORD"'
    return [
        f'{exports} NETRC="$PWD"/{TOOLS}/netrc',
        f"(umask 077 && printf '{form}' {values} > \"$NETRC\")",
    ]


def _flags(index: Index) -> Iterator[str]:
    yield f"--publish-url={index.url}"
    if not _forwards(index):
        yield f"--check-url={index.simple}"
    yield from ("--no-config", "--no-cache")
    yield f"--trusted-publishing={'always' if is_trusted(index) else 'never'}"
    yield from (
        "--no-attestations",
        "--keyring-provider=disabled",
        "--no-progress",
        "--color=never",
    )


def _forwards(index: Index) -> bool:
    """Return whether an index may show the files of another one as its own.

    GitLab's do, and uv would skip those.
    """
    return bool(_GITLAB_INDEX.match(index.simple))


def _host(address: str) -> str:
    return shlex.quote(address.partition("://")[2].partition("/")[0].partition(":")[0])


def files(plan: Plan, sources: Mapping[str, str], *, packages: bool) -> dict[str, str]:
    """Return the files that publish jobs of GitLab need beside the pipeline, by path.

    `sources` are by name.
    """
    if not any(job.index_name for job in plan.jobs):
        return {}
    lock = re.sub(r"\A(#.*\n)+", "", sources[UV_LOCK])
    return {REQUIREMENTS: lock, **({FETCH: sources[FETCH_SOURCE]} if packages else {})}
