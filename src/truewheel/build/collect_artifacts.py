"""Collect the wheels of a pipeline from its jobs' artifacts.

A wheel is taken from the job that makes it alone, and must be as it was proven there.

Artifacts are zips that a job fills as it likes, so nothing is unpacked by the names in them: what
the plan names is looked for under its exact name, and nothing else is taken.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from zipfile import BadZipFile, ZipFile, ZipInfo

from truewheel.build import evidence, hand_over, verdicts
from truewheel.build import proof as proven
from truewheel.build.prove import ARCHIVES, COPIES, PROOF, RECORD_LIMIT, SUMS, forget, others
from truewheel.errors import Exit, Problem, Stop, Where, stop
from truewheel.forges.base import Archive, Forge, PipelineState
from truewheel.plan import plan_file
from truewheel.plan.jobs import PLAN_FILE
from truewheel.plan.model import Cell, Job, Plan, cell_file
from truewheel.system.files import CHUNK, explained, move, remove, subfolder, write_chunks
from truewheel.wheel.filename import printable

PLAN, PROVE = "plan", "prove"
"""The names of two jobs in every plan."""
DOCUMENT_LIMIT = 256 * 2**20
"""Bytes of a plan or a proof that are read."""
HINT = "look at the job, and at who may write artifacts in this pipeline"
BROKEN = (BadZipFile, EOFError, NotImplementedError, OSError, RuntimeError, ValueError, zlib.error)
"""What zipfile raises for other files, for passwords and for compression that it does not know."""


class _Expected(NamedTuple):
    """A wheel as `prove` has seen it: its sha256 in hex, and its size in bytes."""

    sha256: str
    size: int


def collect(
    forge: Forge, look: PipelineState, folder: Path, tell: Callable[[str], None], prefix: str = ""
) -> Plan:
    """Leave a pipeline's plan, wheels, evidence and proof in an empty folder, and return the plan.

    The plan comes from the job `plan`, the proof from the job `prove`, a wheel and its evidence
    from the job that makes it, or a wheel's bytes from the package registry, and verdicts from the
    jobs that test. `prefix` is what the names of the jobs begin with, where that is not clear.
    Raises `Stop`: exit 4 when an archive is broken or the jobs do not agree, 5 or 6 when a file
    cannot be had.
    """
    collector = _Collector(forge, look, folder, tell, forge.archives(look, prefix))
    plan = collector.take_plan()
    collector.take_proof(plan)
    makers = set(collector.owners.values())
    for job in plan.jobs:
        if job.name in makers:
            collector.take_wheels(job)
        elif job.kind == "test":
            collector.take_verdicts(job)
    collector.take_packages(plan)
    collector.check(plan)
    return plan


@contextmanager
def lend_folder(folder: Path) -> Iterator[Path]:
    """Lend an empty folder on the file system of another; what is in it at the end goes.

    It is inside of one that is there, hidden: beside a mounted one nothing may be written.
    """
    parent = folder if folder.is_dir() else folder.absolute().parent
    hidden = parent / f".{os.urandom(8).hex()}.tmp"
    with explained(hidden, "made"):
        hidden.mkdir(parents=True)
    try:
        yield hidden
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def move_in(source: Path, folder: Path) -> None:
    """Move proven files into a folder, the proof last; other files of it stay.

    Raises `Stop` (exit 4) where it has other wheels, which would be a mix: then nothing is moved.
    """
    if not os.path.lexists(folder):
        with explained(folder, "written"):
            source.rename(folder)
        return
    names = {path.name for path in folder.glob("*.whl") if not path.name.startswith(".")}
    if strangers := sorted(names - {path.name for path in source.glob("*.whl")}):
        hint = "remove it, or name another folder; nothing was written"
        places = [Where(printable(str(folder / name))) for name in strangers]
        raise Stop(
            [Problem(place, "is not of this pipeline", hint) for place in places], Exit.WHEEL
        )
    subfolder(
        folder, *evidence.path(Path(), "any").parent.parts
    )  # a link in its place: before anything changes
    _refuse_others(source, folder)
    forget(folder)
    files = [path.relative_to(source) for path in sorted(source.rglob("*")) if path.is_file()]
    for path in sorted(files, key=lambda path: path in {Path(PROOF), Path(SUMS)}):
        move(source / path, subfolder(folder, *path.parent.parts) / path.name)


def _refuse_others(source: Path, folder: Path) -> None:
    """Raise `Stop` (exit 4) for files of others where the copies or archives belong."""
    for name in (COPIES, ARCHIVES):
        if (source / name).is_dir() and (other := others(folder, name)):
            hint = "move it, or name another folder; nothing was written"
            message = "no proof has made it, and this pipeline's files belong there"
            raise stop(printable(str(other)), message, hint, Exit.WHEEL)


@dataclass
class _Artifacts:
    """The artifacts of a job: `members` by their path below the folder that it keeps."""

    job: str
    archive: ZipFile
    members: Mapping[str, list[ZipInfo]]

    @property
    def place(self) -> str:
        """Where messages say that something is wrong."""
        return f"artifacts of {printable(self.job)}"

    def sha256(self, path: str, size: int) -> str:
        """Return the SHA-256 of a file in hex, or "" for one of another size, which is not read."""
        if self._member(path).file_size != size:
            return ""
        digest = hashlib.sha256()
        for chunk in self._chunks(path, size):
            digest.update(chunk)
        return digest.hexdigest()

    def data(self, path: str) -> Any:
        """Return the data of a JSON file, or None for a text that is none."""
        try:
            return json.loads(b"".join(self._chunks(path, RECORD_LIMIT)))
        except (ValueError, RecursionError):
            return None

    def write(self, path: str, file: Path, limit: int) -> None:
        """Write a file of at most so many bytes to a path."""
        write_chunks(file, self._chunks(path, limit))

    def _chunks(self, path: str, limit: int) -> Iterator[bytes]:
        """Yield the bytes of a file.

        zipfile returns no more of them than the archive declares.
        """
        member = self._member(path)
        if member.file_size > limit:
            raise stop(self.place, f"{path} has more than {limit} bytes", HINT, Exit.WHEEL)
        with _zip_explained(self.job), self.archive.open(member) as stream:
            while chunk := stream.read(CHUNK):
                yield chunk

    def _member(self, path: str) -> ZipInfo:
        members = self.members.get(path, [])
        if len(members) != 1:
            raise stop(
                self.place, f"{path} is there {len(members)} times, not once", HINT, Exit.WHEEL
            )
        kind = stat.S_IFMT(members[0].external_attr >> 16)
        if kind not in {0, stat.S_IFREG}:
            raise stop(self.place, f"{path} is a link, or no file", HINT, Exit.WHEEL)
        return members[0]


@contextmanager
def _zip_explained(job: str) -> Iterator[None]:
    """Turn what zipfile says of a bad archive into a `Stop` (exit 4)."""
    try:
        yield
    except BROKEN as error:
        raise stop(
            f"artifacts of {printable(job)}", f"no archive: {error}", HINT, Exit.WHEEL
        ) from None


@dataclass
class _Collector:
    """Takes files into a folder; all `problems` are reported together at the end.

    `owners` are the jobs of the plan by the files that each may give; `wheels` and `records` are
    what `prove` has seen.
    """

    forge: Forge
    look: PipelineState
    folder: Path
    tell: Callable[[str], None]
    archives: Sequence[Archive]
    problems: dict[tuple[str, str], Problem] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    wheels: dict[str, _Expected] = field(default_factory=dict)
    records: dict[str, Any] = field(default_factory=dict)

    def take_plan(self) -> Plan:
        """Take the plan, and learn which job may give which file."""
        file = self.folder / PLAN_FILE
        with self._opened(PLAN, below="") as artifacts:
            artifacts.write(PLAN_FILE, file, DOCUMENT_LIMIT)
        plan = plan_file.read(
            file.read_text(encoding="utf-8", errors="replace"), f"{PLAN_FILE} of the job {PLAN}"
        )
        cells = {cell.id: cell for cell in plan.cells}
        for job in (job for job in plan.jobs if job.kind == "wheel"):
            for cell in (cells[cell_id] for cell_id in job.cells if cell_id in cells):
                names = [candidate.wheel for candidate in cell.possible()]
                self.owners |= dict.fromkeys([*names, _record(cell)], job.name)
        return plan

    def take_proof(self, plan: Plan) -> None:
        """Take what `prove` says, and hold its own wheels and evidence against that."""
        with self._opened(PROVE) as artifacts:
            for name in (PROOF, SUMS):
                artifacts.write(name, self.folder / name, DOCUMENT_LIMIT)
            known = self._known()
            for name in known.recorded.keys() | known.sums.keys():
                if known.recorded.get(name) != known.sums.get(name):
                    self._refuse(name, f"{SUMS} and {PROOF} of the job {PROVE} differ about it")
            self._learn(json.loads((self.folder / PROOF).read_bytes()))
            planned = {wheel.wheel for cell in plan.cells for wheel in cell.possible()}
            for name in known.recorded.keys() - planned:
                self._refuse(name, f"the job {PROVE} has proven it, but the plan has no such wheel")
            self._compare(artifacts)

    def take_wheels(self, job: Job) -> None:
        """Take the wheels and the evidence of a job's own cells."""
        if not self._has_left_some(job):
            return
        with self._opened(job.name) as artifacts:
            self._compare(artifacts)
            for path in artifacts.members:
                if self.owners.get(path) == job.name and not self._is_refused(path):
                    limit = self.wheels[path].size if path in self.wheels else RECORD_LIMIT
                    folder = subfolder(self.folder, *PurePosixPath(path).parent.parts)
                    artifacts.write(path, folder / PurePosixPath(path).name, limit)

    def take_verdicts(self, job: Job) -> None:
        """Take what a test job says of its own cells: no wheel and no evidence, and nothing else.

        Code of a package has run in it.
        """
        if not self._has_left_some(job):
            return
        # On GitHub, an artifact begins at the folder of all its files.
        below = self.forge.kept_below and f"{self.forge.kept_below}{verdicts.FOLDER}/"
        with self._opened(job.name, below) as artifacts:
            for cell in job.cells:
                form = re.compile(rf"{re.escape(cell_file(cell))}\.[A-Za-z0-9]+\.json")
                names = [name for name in artifacts.members if form.fullmatch(name)]
                for name in names:
                    file = subfolder(self.folder, verdicts.FOLDER) / name
                    artifacts.write(name, file, verdicts.LIMIT)
                if not names:
                    self._refuse(cell, f"has no verdict: the job {job.name} has left none")

    def _has_left_some(self, job: Job) -> bool:
        """Return whether a job has artifacts.

        One of a child pipeline for another place is refused.
        """
        archive = self._archive(job.name)
        if archive is None:
            if job.kind == "test":
                self._refuse(job.name, "has left no verdicts")
            return False
        if archive.starter and not f"{archive.starter}:".startswith(f"{job.target}:{job.arch}:"):
            self._refuse(
                job.name, f"the child pipeline of {archive.starter} has a job of this name"
            )
            return False
        return True

    def take_packages(self, plan: Plan) -> None:
        """Get the bytes of proven wheels that are in no artifact from the package registry."""
        for cell in plan.cells:
            name = evidence.settled(self.folder, cell).wheel
            if (
                name in self.wheels
                and not (self.folder / name).exists()
                and not self._is_refused(name)
            ):
                self.tell(f"looking for {name} in the package registry")
                place = (hand_over.package(plan), hand_over.file_name(name))
                self.forge.fetch_package(
                    self.look.run, *place, self.folder / name, self.wheels[name].size
                )

    def check(self, plan: Plan) -> None:
        """Raise `Stop` (exit 4) unless every cell of the plan has a wheel that `prove` accepted."""
        known = self._known()
        for cell in plan.cells:
            name, record = evidence.settled(self.folder, cell).wheel, _record(cell)
            for path in (name, record):
                if not (self.folder / path).exists() and not self._is_refused(path):
                    owner = self.owners.get(path, "that the plan should have for it")
                    self._refuse(path, f"is missing: the job {owner} has left none")
            if not self._is_refused(name) and (fault := proven.fault(self.folder, name, known)):
                self._refuse(name, f"{fault} (by the job {PROVE})")
        if self.problems:
            raise Stop(
                sorted(self.problems.values(), key=lambda problem: problem.where.file), Exit.WHEEL
            )

    def _learn(self, proof: Mapping[str, Any]) -> None:
        """Remember the wheels and records of a proof."""
        try:
            for entry in proof["wheels"]:
                self.wheels[entry["wheel"]] = _Expected(entry["sha256"], int(entry["size"]))
                self.records[evidence.path(Path(), entry["cell"]).as_posix()] = entry["evidence"]
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
            raise stop(f"artifacts of {PROVE}", f"{PROOF}: damaged", HINT, Exit.WHEEL) from None

    def _known(self) -> proven.Seen:
        try:
            return proven.read_proof(self.folder)
        except Stop as stopped:
            raise stop(
                f"{PROOF} of the job {PROVE}", stopped.problems[0].message, HINT, Exit.WHEEL
            ) from None

    def _compare(self, artifacts: _Artifacts) -> None:
        """Compare the files of a job that the plan has, whichever job made them, with the proof."""
        job = artifacts.job
        for path in artifacts.members:
            owner = self.owners.get(path)
            if owner is None:
                if path.endswith(".whl") and "/" not in path:
                    self._refuse(path, f"the job {job} has left it, but the plan has no such wheel")
            elif not self._is_proven(path, artifacts):
                mine = job in {PROVE, owner}
                who = f"the job {PROVE} has proven others" if mine else f"the job {owner} makes it"
                self._refuse(path, f"the job {job} has left other bytes under this name: {who}")

    def _is_proven(self, path: str, artifacts: _Artifacts) -> bool:
        """Return whether a planned file is as `prove` has seen it."""
        if not path.endswith(".whl"):
            record = self.records.get(path)
            return record is not None and artifacts.data(path) == record
        recorded = self.wheels.get(path)
        return recorded is not None and artifacts.sha256(path, recorded.size) == recorded.sha256

    def _archive(self, job: str) -> Archive | None:
        """Return the archive of a job. Raises `Stop` (exit 4) where several jobs have its name."""
        name = self.forge.archive_name(job)
        matches = [archive for archive in self.archives if archive.name == name]
        if len(matches) > 1:
            message = "two jobs of the pipeline and its children have this name"
            raise stop(printable(job), message, HINT, Exit.WHEEL)
        return matches[0] if matches else None

    @contextmanager
    def _opened(self, job: str, below: str | None = None) -> Iterator[_Artifacts]:
        """Lend the artifacts of a job, while they are on this machine."""
        archive = self._archive(job)
        if archive is None:
            hint = "look whether it has gone well, and how long its artifacts are kept"
            raise stop(f"job {job}", "has left no artifacts", hint, Exit.WHEEL)
        if job in {PLAN, PROVE} and archive.starter:  # a project may start a child with such jobs
            message = f"is of the child pipeline of {printable(archive.starter)}, not of this one"
            raise stop(f"job {job}", message, HINT, Exit.WHEEL)
        below = self.forge.kept_below if below is None else below
        file = self.folder / ".artifacts.zip"
        self.tell(f"downloading the artifacts of {printable(job)}")
        try:
            self.forge.fetch(archive, file)
            with _zip_explained(job):
                opened = ZipFile(file)
            with opened:
                members: dict[str, list[ZipInfo]] = {}
                for member in opened.infolist():
                    if member.orig_filename.startswith(below):
                        members.setdefault(member.orig_filename[len(below) :], []).append(member)
                yield _Artifacts(job, opened, members)
        finally:
            remove(file)

    def _is_refused(self, path: str) -> bool:
        return any(place == path for place, _ in self.problems)

    def _refuse(self, place: str, message: str) -> None:
        problem = Problem(Where(printable(place)), printable(message), HINT)
        self.problems[place, message] = problem


def _record(cell: Cell) -> str:
    return evidence.path(Path(), cell.id).as_posix()
