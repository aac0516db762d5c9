"""Run the plan's wheel jobs on this machine.

The commands are those of a forge; as many jobs run at the same time as there are cores.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from truewheel.build import evidence
from truewheel.plan.model import CELL, Cell, Plan
from truewheel.system import files, interpreters, processes

POLL_SECONDS = 0.05
GRACE_SECONDS = 10.0
PASSED = "passed"
LOG = "log.txt"


class Step(NamedTuple):
    """One command of a job."""

    name: str
    argv: list[str]


class Progress(NamedTuple):
    """What is heard of a cell: `state` is the step it is in, or one of unchanged, built, failed."""

    cell: Cell
    state: str
    seconds: float = 0.0


@dataclass
class _Running:
    """The cells of a job whose steps are under way."""

    cells: tuple[Cell, ...]
    steps: list[Step]
    started: float
    child: subprocess.Popen[bytes] | None = None
    log: Path = field(default_factory=Path)


def run(
    plan: Plan,
    cells: Sequence[Cell],
    root: Path,
    out: Path,
    environment: Mapping[str, str],
    *,
    jobs: int,
    tell: Callable[[Progress], None],
    anew: bool = False,
) -> list[Progress]:
    """Build, repair and validate the cells; return how each ended.

    Cells of one job whose inputs and wheels are those of their last success are left alone, unless
    all are built `anew`.
    Interrupted, all children are ended.
    """
    waiting: list[tuple[Path, tuple[Cell, ...]]] = []
    ended: list[Progress] = []

    def heard(progress: Sequence[Progress]) -> None:
        ended.extend(progress)
        for cell_progress in progress:
            tell(cell_progress)

    for batch_id, batch in plan.batches(cells).items():
        if not anew and all(is_unchanged(plan, cell, root, out, environment) for cell in batch):
            heard([Progress(cell, "unchanged") for cell in batch])
        else:
            waiting.append((log_file(root, batch_id), batch))
    running: list[_Running] = []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(_start(plan, *waiting.pop(0), root, out, tell, environment))
            time.sleep(POLL_SECONDS)
            for entry in list(running):
                if end := _advance(entry, root, out, environment, tell):
                    running.remove(entry)
                    heard(end)
    finally:
        _end_all(running)
    return ended


def is_unchanged(
    plan: Plan, cell: Cell, root: Path, out: Path, environment: Mapping[str, str]
) -> bool:
    """Return whether the cell's wheel is there, complete, and from the same inputs."""
    record, wheel = evidence.read(out, cell.id), out / cell.wheel
    passed = evidence.work_folder(root, cell.id) / PASSED
    if (
        record is None
        or record.get("wheel") != cell.wheel
        or not wheel.is_file()
        or not passed.is_file()
    ):
        return False
    python = interpreters.require(cell.builder, environment, cell.id)
    same_inputs = record.get("inputs") == evidence.inputs_digest(plan, cell, root, python)
    return same_inputs and files.sha256(wheel) == record.get("sha256") == passed.read_text(
        encoding="utf-8"
    )


def remove_stale(plan: Plan, out: Path) -> list[str]:
    """Remove the wheels that an earlier run left in `out` and this plan does not name.

    Return their names.

    Only wheels whose evidence is there and right are ours to remove: any other is left for `prove`
    to find.
    """
    planned = {cell.id: cell.wheel for cell in plan.cells}
    removed = []
    for record in list(evidence.read_all(out)):
        name, cell_id = str(record.get("wheel")), str(record.get("cell"))
        wheel = out / Path(name).name
        if planned.get(cell_id) == name or name in planned.values():
            continue
        if wheel.is_file() and files.sha256(wheel) == record.get("sha256"):
            wheel.unlink()
            removed.append(wheel.name)
        evidence.path(out, cell_id).unlink(missing_ok=True)
    return removed


def steps_of(plan: Plan, cells: Sequence[Cell], root: Path, out: Path) -> list[Step]:
    """Return the commands of these cells' job as they run here."""
    where = ["--plan", str(out / "plan.json"), "--out", str(out)]
    ids = ",".join(cell.id for cell in cells)
    return [_step(argv, ids, root, where) for argv in plan.kinds["wheel"].commands]


def _step(argv: Sequence[str], cell_ids: str, root: Path, where: Sequence[str]) -> Step:
    words = [cell_ids if word == CELL else word for word in argv]
    if words[0] == "python":
        name = Path(words[1]).name.split("_")[0]
        return Step(name, [*processes.python(str(root / words[1])), *words[2:], *where])
    return Step(words[1], [*processes.python("truewheel.program"), *words[1:], *where])


def _start(
    plan: Plan,
    log: Path,
    cells: tuple[Cell, ...],
    root: Path,
    out: Path,
    tell: Callable[[Progress], None],
    environment: Mapping[str, str],
) -> _Running:
    for cell in cells:
        work = evidence.work_folder(root, cell.id)
        work.mkdir(parents=True, exist_ok=True)
        (work / PASSED).unlink(missing_ok=True)
    entry = _Running(cells, steps_of(plan, cells, root, out), time.monotonic(), log=log)
    entry.log.parent.mkdir(parents=True, exist_ok=True)
    files.remove(entry.log)
    entry.log.write_bytes(b"")
    _next_step(entry, root, environment, tell)
    return entry


def _next_step(
    entry: _Running, root: Path, environment: Mapping[str, str], tell: Callable[[Progress], None]
) -> None:
    step = entry.steps.pop(0)
    for cell in entry.cells:
        tell(Progress(cell, step.name, time.monotonic() - entry.started))
    with entry.log.open("ab") as log:
        entry.child = processes.start(
            step.argv, cwd=root, env=environment, stdout=log, stderr=subprocess.STDOUT
        )


def _advance(
    entry: _Running,
    root: Path,
    out: Path,
    environment: Mapping[str, str],
    tell: Callable[[Progress], None],
) -> list[Progress]:
    """Return how the cells ended; nothing while they are under way."""
    status = entry.child.poll() if entry.child else None
    if status is None:
        return []
    entry.child = None
    seconds = time.monotonic() - entry.started
    if status:
        return [Progress(cell, "failed", seconds) for cell in entry.cells]
    if entry.steps:
        _next_step(entry, root, environment, tell)
        return []
    for cell in entry.cells:
        passed = evidence.work_folder(root, cell.id) / PASSED
        files.write_text(passed, files.sha256(out / cell.wheel))
    return [Progress(cell, "built", seconds) for cell in entry.cells]


def _end_all(running: Iterable[_Running]) -> None:
    children = [entry.child for entry in running if entry.child]
    for child in children:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline and any(child.poll() is None for child in children):
        time.sleep(POLL_SECONDS)
    for child in children:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def log_file(root: Path, batch_id: str) -> Path:
    """Return the log of a job, by the id of its batch of cells."""
    return evidence.work_folder(root, batch_id) / LOG


def notices(root: Path, batch_id: str) -> list[str]:
    """Return the lines of a job's log that whoever runs it is to see: warnings of its steps."""
    text = log_file(root, batch_id).read_text(encoding="utf-8", errors="replace")
    ours = re.compile(r"(compile|repair) \S+: WARNING: .*")
    return list(dict.fromkeys(filter(ours.fullmatch, text.splitlines())))


def failure(root: Path, batch_id: str, lines: int = 15) -> str:
    """Return the end of a failed job's log."""
    log = log_file(root, batch_id)
    text = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(
        [f"{batch_id} failed; the end of {log}:", *(f"    {line}" for line in text[-lines:])]
    )
