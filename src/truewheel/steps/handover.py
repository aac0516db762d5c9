"""Wheels from job to job through the project's package registry: for child pipelines, and above artifact limits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import quote

from truewheel.files import link_to, subfolder
from truewheel.model import Cell, Plan
from truewheel.problems import Exit, Problem, Stop, Where, stop
from truewheel.steps import evidence
from truewheel.steps.prove import ARCHIVES, COPIES, SUMS
from truewheel.web import Client

DEADLINE = 3600.0
"""Seconds that all files of a job may take together."""
TOKEN = "CI_JOB_TOKEN"  # noqa: S105 - the name of a variable
PIPELINE = ("TRUEWHEEL_PIPELINE_ID", "CI_PIPELINE_ID")
_ADDRESS = re.compile(r"https?://[A-Za-z0-9\[][^\s@?#\x00-\x1f\x7f]*")
_TOKEN = re.compile(r"[!-~]+")


class Store(NamedTuple):
    """A place for the files of one pipeline: a generic package, whose version is the pipeline's id."""

    address: str
    client: Client

    def url(self, path: str) -> str:
        """Return the address of a file, by its path below the folder of the wheels."""
        return f"{self.address}/{quote(file_name(path), safe='')}"


def package(plan: Plan) -> str:
    """Return the name of the generic package that holds the files of pipelines."""
    return f"{plan.project}-handover"


def file_name(path: str) -> str:
    """Return what a file is called in the package, by its path below the folder of the wheels.

    GitLab takes letters, digits and `. _ - +` in the name of a file: + stands before the hex of all others.
    """
    return quote(path, safe="").replace("%", "+")


def store(plan: Plan, env: Mapping[str, str], deadline: float) -> Store:
    """Return the place for the files of this job's pipeline. Raises `Stop` (exit 2) outside of a GitLab job."""
    needed = ("CI_API_V4_URL", "CI_PROJECT_ID", TOKEN)
    pipeline = next((env[name] for name in PIPELINE if env.get(name)), "")
    missing = [name for name in needed if not env.get(name)] + ([] if pipeline else [PIPELINE[1]])
    if missing:
        hint = "wheels are handed over between the jobs of a GitLab pipeline alone"
        raise Stop([Problem(Where(name), "is not set", hint) for name in missing])
    if not _ADDRESS.fullmatch(env["CI_API_V4_URL"]):
        raise stop("CI_API_V4_URL", "is no address", "leave it to GitLab")
    if not _TOKEN.fullmatch(env[TOKEN]):
        raise stop(TOKEN, "is no token", "leave it to GitLab")
    if not (pipeline.isascii() and pipeline.isalnum()):
        raise stop("TRUEWHEEL_PIPELINE_ID", "is no pipeline's id", "leave it to the job that starts the child pipeline")
    parts = (env["CI_PROJECT_ID"], "packages", "generic", package(plan), pipeline)
    path = "/".join(quote(part, safe="") for part in ("projects", *parts))
    return Store(f"{env['CI_API_V4_URL'].rstrip('/')}/{path}", Client({"JOB-TOKEN": env[TOKEN]}, deadline))


def put(out: Path, cells: Iterable[Cell], place: Store) -> list[str]:
    """Send each cell's wheel, and its evidence after it; returns their paths. Raises `Stop`: see `web.Client`.

    Raises `Stop` (exit 4) when a wheel or its evidence is not there.
    """
    return _put_all(out, [path for cell in cells for path in (_wheel(out, cell), _record(cell))], place)


def put_made(out: Path, place: Store) -> list[str]:
    """Send the copies and archives that the proof has made; returns their paths."""
    made = (path for folder in (COPIES, ARCHIVES) for path in sorted((out / folder).rglob("*")) if path.is_file())
    return _put_all(out, [path.relative_to(out).as_posix() for path in made], place)


def get(out: Path, cells: Sequence[Cell], place: Store) -> list[str]:
    """Get each cell's evidence and the wheel that it speaks of; returns the paths of what is not there.

    That is no error here: `prove` says which wheels are missing.
    """
    missing = []
    for cell in cells:
        missing += _get_all(out, [_record(cell)], place)
        missing += _get_all(out, [_wheel(out, cell)], place)
    return missing


def get_for(out: Path, plan: Plan, index: str, place: Store) -> list[str]:
    """Get the proven wheels of an index, under the names that it gets; returns the paths of what is not there."""
    paths = list(_names(out, plan, index))
    folder = f"{COPIES}/{index}"
    sums = [f"{folder}/{SUMS}"] if any(path.startswith(f"{folder}/") for path in paths) else []
    return _get_all(out, [*paths, *sums], place)


def _names(out: Path, plan: Plan, index: str) -> Iterator[str]:
    for planned in plan.cells:
        cell = evidence.settled(out, planned)
        for copy in cell.copies:
            if copy.index == index:
                yield copy.wheel if copy.wheel == cell.wheel else f"{COPIES}/{index}/{copy.wheel}"


def _wheel(out: Path, cell: Cell) -> str:
    return evidence.settled(out, cell).wheel


def _record(cell: Cell) -> str:
    return evidence.path(Path(), cell.id).as_posix()


def _put_all(out: Path, paths: Sequence[str], place: Store) -> list[str]:
    problems = [Problem(Where(str(out / path)), "is not there") for path in paths if not (out / path).is_file()]
    links = filter(None, (link_to(out, path) for path in paths))
    problems += [Problem(Where(str(link)), "is a link", "put the file itself there") for link in links]
    if problems:
        raise Stop(problems, Exit.WHEEL)
    for path in paths:
        place.client.put(out / path, place.url(path))
    return list(paths)


def _get_all(out: Path, paths: Iterable[str], place: Store) -> list[str]:
    missing = []
    for path in paths:
        subfolder(out, *PurePosixPath(path).parent.parts)
        if not place.client.get(place.url(path), out / path):
            missing.append(path)
    return missing
