"""Wheels from job to job through the project's package registry.

For child pipelines, and above artifact limits.

Whoever may write packages may write there, so the registry is believed nothing: which bytes a wheel
has is told by records that came as artifacts, or that are signed with the pipeline's own key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.parse import quote

from truewheel.build import evidence, signed_records, verdicts
from truewheel.build.prove import ARCHIVES, COPIES, RECORD_LIMIT, SUMS
from truewheel.errors import Exit, Problem, Stop, Where, stop
from truewheel.net.http import Client, OtherBytes
from truewheel.plan.model import Cell, Plan, cell_file
from truewheel.system.files import (
    explained,
    link_to,
    remove,
    subfolder,
    write_chunks,
    write_text,
)

DEADLINE = 3600.0
"""Seconds that all files of a job may take together."""
TOKEN = "CI_JOB_TOKEN"  # noqa: S105 - the name of a variable
PIPELINE = ("TRUEWHEEL_PIPELINE_ID", "CI_PIPELINE_ID")
STRANGER = (
    "was a job run again? then run those after it again, hand-over too; "
    "if none was, somebody else has put it there: see who may write packages, and start a new "
    "pipeline"
)
_ADDRESS = re.compile(r"https?://[A-Za-z0-9\[][^\s@?#\x00-\x1f\x7f]*")
_TOKEN = re.compile(r"[!-~]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LONGEST_HEADER = 1024


class Store(NamedTuple):
    """The place of one pipeline's files: a generic package whose version is the pipeline's id."""

    address: str
    client: Client
    pipeline: str

    def url(self, path: str) -> str:
        """Return the address of a file, by its path below the folder of the wheels."""
        return f"{self.address}/{quote(file_name(path), safe='')}"


def package(plan: Plan) -> str:
    """Return the name of the generic package that holds the files of pipelines."""
    return f"{plan.project}-handover"


def file_name(path: str) -> str:
    """Return what a file is called in the package, by its path below the folder of the wheels.

    GitLab takes letters, digits and `. _ - +` in the name of a file: + stands before the hex of all
    others.
    """
    return quote(path, safe="").replace("%", "+")


class _Wanted(NamedTuple):
    """A file to download: its path in the folder, its cell, and its expected sha256."""

    path: str
    cell: str
    sha256: str


def store(plan: Plan, env: Mapping[str, str], deadline: float) -> Store:
    """Return the place for the files of this job's pipeline.

    Raises `Stop` (exit 2) outside of a GitLab job.
    """
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
        raise stop(
            "TRUEWHEEL_PIPELINE_ID",
            "is no pipeline's id",
            "leave it to the job that starts the child pipeline",
        )
    parts = (env["CI_PROJECT_ID"], "packages", "generic", package(plan), pipeline)
    path = "/".join(quote(part, safe="") for part in ("projects", *parts))
    return Store(
        f"{env['CI_API_V4_URL'].rstrip('/')}/{path}",
        Client({"JOB-TOKEN": env[TOKEN]}, deadline),
        pipeline,
    )


def put(out: Path, cells: Iterable[Cell], place: Store) -> list[str]:
    """Send the wheel of each cell; returns their paths. Raises `Stop`: see `web.Client`.

    Raises `Stop` (exit 4) when a wheel is not there.
    """
    return _put_all(out, [_wheel(out, cell) for cell in cells], place)


def put_made(out: Path, place: Store) -> list[str]:
    """Send the copies and archives that the proof has made; returns their paths.

    Their sums stay artifacts.
    """
    files = (
        path
        for folder in (COPIES, ARCHIVES)
        for path in sorted((out / folder).rglob("*"))
        if path.is_file()
    )
    return _put_all(
        out, [path.relative_to(out).as_posix() for path in files if path.name != SUMS], place
    )


def sign(out: Path, cells: Iterable[Cell], place: Store, key: bytes) -> list[str]:
    """Send the record of each cell and its verdicts, signed; returns the paths of the records.

    Raises `Stop`: see `web.Client`; exit 4 when a record is not there, or says nothing of the
    wheel's bytes. A verdict that is not there is missed by `prove`.
    """
    cells = tuple(cells)
    if missing := [_record(cell) for cell in cells if not _recorded(out, cell)]:
        raise Stop(
            [Problem(Where(str(out / path)), "is not there") for path in missing], Exit.WHEEL
        )
    _refuse_links(out, [_record(cell) for cell in cells])
    with TemporaryDirectory() as folder:
        sealed = Path(folder, "record")
        for cell in cells:
            with explained(out / _record(cell), "read"):
                record = (out / _record(cell)).read_bytes()
            sealed.write_bytes(signed_records.seal(record, key, place.pipeline, cell.id))
            place.client.put(sealed, place.url(_record(cell)))
            if said := _verdicts(out, cell):
                content = json.dumps(said).encode()
                name = _signed_name(cell)
                sealed.write_bytes(signed_records.seal(content, key, place.pipeline, name))
                place.client.put(sealed, place.url(name))
    return [_record(cell) for cell in cells]


def _verdicts(out: Path, cell: Cell) -> dict[str, str]:
    """Return the texts of a cell's verdicts by the tag of their Python.

    Raises `Stop` (exit 4) for a link, and for more bytes than verdicts have.
    """
    result = {}
    for file in _verdict_files(out, cell):
        _refuse_links(out, [file.relative_to(out).as_posix()])
        with explained(file, "read"), file.open("rb") as stream:
            content = stream.read(verdicts.LIMIT + 1)
        if len(content) > verdicts.LIMIT:
            message = f"has more than {verdicts.LIMIT} bytes"
            raise stop(str(file), message, "look at its test job", Exit.WHEEL)
        result[file.name.split(".")[-2]] = content.decode("utf-8", errors="replace")
    return result


def _verdict_files(out: Path, cell: Cell) -> list[Path]:
    form = re.compile(rf"{re.escape(cell_file(cell.id))}\.[A-Za-z0-9]+\.json")
    return sorted(file for file in (out / verdicts.FOLDER).glob("*") if form.fullmatch(file.name))


def _signed_name(cell: Cell) -> str:
    """Return the path of a cell's verdicts in the registry, for which they are signed, too."""
    return f"{verdicts.FOLDER}/{cell_file(cell.id)}.json"


def get_records(out: Path, cells: Iterable[Cell], place: Store, key: bytes) -> None:
    """Get the record of each cell that a job of this pipeline has signed.

    What else lies in its place is removed.

    Raises `Stop` (exit 4) for records that are not signed, or not by this pipeline for this cell:
    none is written.
    """
    records, problems = {}, []
    for cell in cells:
        path = _record(cell)
        sealed = place.client.read(place.url(path), RECORD_LIMIT + _LONGEST_HEADER)
        record, fault = (
            signed_records.unseal(sealed, key, place.pipeline, cell.id)
            if sealed is not None
            else (b"", "")
        )
        if fault:
            problems.append(
                Problem(Where(cell.id), f"{path} of the package registry {fault}", STRANGER)
            )
        records[out / path] = record
    if problems:
        raise Stop(problems, Exit.WHEEL)
    for file, record in records.items():
        subfolder(out, file.parent.name)
        with explained(file, "written"):
            file.unlink(missing_ok=True)
        if record:
            write_chunks(file, [record])


def get_verdicts(out: Path, cells: Iterable[Cell], place: Store, key: bytes) -> None:
    """Get the verdicts on each cell that a job of this pipeline has signed.

    What else lies in their place is removed. Raises `Stop` (exit 4) for verdicts that are not
    signed, or not by this pipeline for this cell.
    """
    for cell in cells:
        for file in _verdict_files(out, cell):
            remove(file)
        name = _signed_name(cell)
        sealed = place.client.read(place.url(name), RECORD_LIMIT + _LONGEST_HEADER)
        if sealed is None:
            continue
        content, fault = signed_records.unseal(sealed, key, place.pipeline, name)
        if fault:
            message = f"{name} of the package registry {fault}"
            raise stop(cell.id, message, STRANGER, Exit.WHEEL)
        for python, text in json.loads(content).items():
            folder = subfolder(out, verdicts.FOLDER)
            write_text(folder / verdicts.path(out, cell.id, python).name, text)


def get(out: Path, cells: Iterable[Cell], place: Store) -> list[str]:
    """Get the wheel that each cell's record speaks of; returns the paths of what is not there.

    That is no error here: `prove` says which wheels are missing. Raises `Stop` (exit 4) for a wheel
    of other bytes.
    """
    files, missing = [], []
    for cell in cells:
        if sha256 := _recorded(out, cell):
            files.append(_Wanted(_wheel(out, cell), cell.id, sha256))
        else:
            missing += [_record(cell), _wheel(out, cell)]
    return missing + _get_all(out, files, place)


def _wheel(out: Path, cell: Cell) -> str:
    return evidence.settled(out, cell).wheel


def _record(cell: Cell) -> str:
    return evidence.path(Path(), cell.id).as_posix()


def _recorded(out: Path, cell: Cell) -> str:
    """Return the sha256 of a cell's wheel from its record in this folder, "" without a record."""
    record = evidence.read(out, cell.id)
    if record is None:
        return ""
    sha256 = record.get("sha256")
    if (
        record.get("cell") != cell.id
        or not isinstance(sha256, str)
        or not _SHA256.fullmatch(sha256)
    ):
        message = f"{_record(cell)} is no record of this cell's wheel"
        raise stop(cell.id, message, "build the cell again", Exit.WHEEL)
    return sha256


def _put_all(out: Path, paths: Sequence[str], place: Store) -> list[str]:
    if missing := [
        Problem(Where(str(out / path)), "is not there")
        for path in paths
        if not (out / path).is_file()
    ]:
        raise Stop(missing, Exit.WHEEL)
    _refuse_links(out, paths)
    for path in paths:
        place.client.put(out / path, place.url(path))
    return list(paths)


def _refuse_links(out: Path, paths: Iterable[str]) -> None:
    links = filter(None, (link_to(out, path) for path in paths))
    if problems := [
        Problem(Where(str(link)), "is a link", "put the file itself there") for link in links
    ]:
        raise Stop(problems, Exit.WHEEL)


def _get_all(out: Path, files: Iterable[_Wanted], place: Store) -> list[str]:
    missing, problems = [], []
    for file in files:
        subfolder(out, *PurePosixPath(file.path).parent.parts)
        try:
            if not place.client.get(place.url(file.path), out / file.path, file.sha256):
                missing.append(file.path)
        except OtherBytes as other:
            message = (
                f"{file.path} of the package registry has other bytes than its job made: "
                f"sha256 {other}, recorded {file.sha256}"
            )
            problems.append(Problem(Where(file.cell), message, STRANGER))
    if problems:
        raise Stop(problems, Exit.WHEEL)
    return missing
