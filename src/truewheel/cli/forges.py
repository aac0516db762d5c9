"""Arguments of the commands that talk to a forge, and the forge that they name."""

from __future__ import annotations

import argparse
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from truewheel.errors import stop
from truewheel.forges import FORGES
from truewheel.system.installation import install_hint

if TYPE_CHECKING:
    from truewheel.forges.base import Forge

REMOTE = re.compile(
    r"(?:[a-z+]+://(?:[^/@]*@)?|(?:[^/@:]*@)?)[A-Za-z0-9][A-Za-z0-9.-]*(?::\d+/|[:/])(?P<path>[^?#]+)"
)


def add_forge(parser: ArgumentParser, *, seconds: float, many: bool = False) -> None:
    """Add --forge, --project and --deadline."""
    parser.add_argument(
        "--forge", choices=FORGES, help="default: the one whose job this is, else that of the spec"
    )
    add_project(parser, seconds=seconds, many=many)


def add_project(parser: ArgumentParser, *, seconds: float, many: bool = False) -> None:
    """Add --project and --deadline."""
    parser.add_argument(
        "--project", metavar="P", action="append" if many else "store",
        help="path or id of the project (default: this job's, else the git remote's)" + ("; may repeat" * many),
    )  # fmt: skip
    parser.add_argument(
        "--deadline", metavar="S", type=positive, default=seconds,
        help="seconds that all of it may take (default: %(default).0f)",
    )  # fmt: skip


def positive(text: str) -> float:
    """Return a number of seconds."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 10**7:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 1 to 10000000")
    return seconds


def forge_name(
    arguments: Namespace, environment: Mapping[str, str], declared: tuple[str, ...] = ()
) -> str:
    """Return which forge is meant."""
    if arguments.forge:
        return str(arguments.forge)
    names = declared or tuple(FORGES)
    of_job = (name for name in names if environment.get(FORGES[name].job_variable))
    return next(of_job, names[0])


def needed(name: str) -> None:
    """Raise `Stop` (exit 2) where the client library of a forge is not installed."""
    kind = FORGES[name]
    if find_spec(kind.module) is None:
        raise stop(name, f"{kind.library} is not installed", install_hint(name))


def connect(name: str, project: str, seconds: float, environment: Mapping[str, str]) -> Forge:
    """Return a project of a forge.

    Raises `Stop` (exit 2) when no server, no token or no client library is there.
    """
    needed(name)
    return FORGES[name].connect(environment, project, seconds)


def project_of(name: str, given: str | None, environment: Mapping[str, str]) -> str:
    """Return the project that is meant. Raises `Stop` (exit 2) when none is known."""
    kind = FORGES[name]
    of_job = (
        environment[variable] for variable in kind.project_variables if environment.get(variable)
    )
    known = given or next(of_job, "")
    known = known or remote_path(environment)
    if not known:
        raise stop("--project", "no project is known", "name it: --project group/name")
    if not re.fullmatch(kind.project, known) or {".", ".."} & {*known.split("/")}:
        hint = f"such as {kind.project_example}"
        raise stop("--project", f"{known!r} is no project of {name}", hint)
    return known.strip("/")


def remote_path(environment: Mapping[str, str]) -> str:
    """Return the path of the git remote origin on its server, or ""."""
    from truewheel.system import processes

    address = processes.output(
        ["git", "remote", "get-url", "origin"], cwd=Path.cwd(), env=environment, timeout=10
    )
    match = REMOTE.match((address or "").strip())
    return match["path"].strip("/").removesuffix(".git") if match else ""


def pipeline_of(text: str, name: str) -> tuple[str, int]:
    """Return the project (or "") and the id of a pipeline, from its id or its address.

    Raises `Stop` (exit 2).
    """
    if text.isascii() and text.isdecimal() and len(text) < 20:
        return "", int(text)
    pattern = FORGES[name].run_path
    match = re.fullmatch(pattern, urlsplit(text).path) if "://" in text else None
    if not match:
        raise stop(
            "watch", f"{text!r} is no pipeline", "name its id, or its address in the browser"
        )
    return match[1], int(match[2])


def forge_of_address(text: str) -> str | None:
    """Return the forge whose pipelines have such an address, or None."""
    path = urlsplit(text).path
    return next((name for name, kind in FORGES.items() if re.fullmatch(kind.run_path, path)), None)


def check_server(text: str, server: str) -> None:
    """Raise `Stop` (exit 2) when an address is one of another server than that of the token."""
    there, here = urlsplit(text).netloc, urlsplit(server).netloc
    if there and there != here:
        raise stop(
            "watch",
            f"{there} is another server than {here}, which the token is for",
            "set CI_SERVER_URL",
        )
