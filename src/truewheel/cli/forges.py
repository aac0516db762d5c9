"""Arguments of the commands that call a forge, and the forge and project they choose."""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from truewheel.cli.arguments import parse_seconds
from truewheel.errors import Stop, stop
from truewheel.forges import FORGES
from truewheel.forges.kind import RemoteProject
from truewheel.system.installation import install_hint

if TYPE_CHECKING:
    from truewheel.forges.base import Forge

REMOTE = re.compile(
    r"(?:[a-z+]+://(?:[^/@]*@)?|(?:[^/@:]*@)?)"
    r"[A-Za-z0-9][A-Za-z0-9.-]*(?::\d+/|[:/])(?P<path>[^?#]+)"
)


def add_forge(parser: ArgumentParser, *, seconds: float, many: bool = False) -> None:
    """Add --forge, --project and --deadline."""
    parser.add_argument(
        "--forge",
        choices=tuple(FORGES),
        help="default: the forge of this job, else that of the spec",
    )
    add_project(parser, seconds=seconds, many=many)


def add_project(parser: ArgumentParser, *, seconds: float, many: bool = False) -> None:
    """Add --project and --deadline."""
    repeated = "; may repeat" if many else ""
    parser.add_argument(
        "--project",
        metavar="P",
        action="append" if many else "store",
        help=f"path or id of the project (default: this job's, else the git remote's){repeated}",
    )
    parser.add_argument(
        "--deadline",
        metavar="S",
        type=parse_seconds,
        default=seconds,
        help="seconds that the whole command may take (default: %(default).0f)",
    )


def choose_forge(
    arguments: Namespace, environment: Mapping[str, str], declared: tuple[str, ...] = ()
) -> str:
    """Return the forge: the given one, the one of this job, or the first of the spec."""
    if arguments.forge:
        return str(arguments.forge)
    names = declared or tuple(FORGES)
    of_job = (name for name in names if environment.get(FORGES[name].job_variable))
    return next(of_job, names[0])


def require_library(name: str) -> None:
    """Raise `Stop` (exit 2) where the client library of a forge is not installed."""
    kind = FORGES[name]
    if find_spec(kind.module) is None:
        raise stop(name, f"{kind.library} is not installed", install_hint(name))


def connect(name: str, project: str, seconds: float, environment: Mapping[str, str]) -> Forge:
    """Return a client for a project of a forge.

    Raises `Stop` (exit 2) without a server, a token, or the client library.
    """
    require_library(name)
    return FORGES[name].connect(RemoteProject(environment, project, seconds))


def find_project(name: str, given: str | None, environment: Mapping[str, str]) -> str:
    """Return the project: the given one, this job's, or that of the git remote.

    Raises `Stop` (exit 2) when there is none, or its path is not one of this forge.
    """
    kind = FORGES[name]
    values = (environment.get(variable) for variable in kind.project_variables)
    project = given or next(filter(None, values), "") or read_remote_path(environment)
    if not project:
        raise _no_project(environment)
    if not re.fullmatch(kind.project, project) or {".", ".."} & {*project.split("/")}:
        message = f"{project!r} is not the path of a project"
        raise stop("--project", message, f"write {kind.project_example}")
    return project.strip("/")


def _no_project(environment: Mapping[str, str]) -> Stop:
    from truewheel.workspace import git

    message, hint = "no project is given", "name it: --project group/name"
    fault = git.find_fault(Path.cwd(), environment)
    if fault and fault.severity == "error":  # git may know it, and is not able to say so
        message, hint = f"{message}, and {fault.message}", f"{hint}; or {fault.hint}"
    return stop("--project", message, hint)


def read_remote_path(environment: Mapping[str, str]) -> str:
    """Return the path of the git remote origin on its server, or ""."""
    from truewheel.system import git_program

    words = ("remote", "get-url", "origin")
    address = git_program.output(words, cwd=Path.cwd(), env=environment, timeout=10)
    match = REMOTE.match((address or "").strip())
    return match["path"].strip("/").removesuffix(".git") if match else ""


def parse_pipeline(text: str, name: str) -> tuple[str, int]:
    """Return the project (or "") and the id of a pipeline, from its id or its address.

    Raises `Stop` (exit 2).
    """
    if text.isascii() and text.isdecimal() and len(text) < 20:
        return "", int(text)
    pattern = FORGES[name].run_path
    match = re.fullmatch(pattern, urlsplit(text).path) if "://" in text else None
    if not match:
        message = f"{text!r} is neither the id nor the address of a pipeline"
        raise stop("watch", message, "copy its id, or its address in the browser")
    return match[1], int(match[2])


def forge_of_address(text: str) -> str | None:
    """Return the forge whose pipelines have such an address, or None."""
    path = urlsplit(text).path
    return next((name for name, kind in FORGES.items() if re.fullmatch(kind.run_path, path)), None)


def check_server(text: str, server: str) -> None:
    """Raise `Stop` (exit 2) when an address is not on the server that the token is for."""
    there, here = urlsplit(text).netloc, urlsplit(server).netloc
    if there and there != here:
        message = f"the pipeline is on {there}, and the token is for {here}"
        raise stop("watch", message, "set CI_SERVER_URL, and a token of that server")
