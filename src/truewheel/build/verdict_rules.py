"""Whether the verdicts on wheels are those that a proof needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from truewheel.build import verdicts
from truewheel.build.verdicts import Record, Verdict
from truewheel.plan.matrix import PURE
from truewheel.plan.model import Cell, Job, Plan

_SHOWN = ("python", "verdict", "problems", "warnings", "modules", "not_tried", "loaded_up_to")


def about(
    cells: Iterable[Cell], digests: Mapping[str, str], records: Mapping[str, Record]
) -> dict[str, tuple[Verdict, ...]]:
    """Return the verdicts on the bytes of each cell's wheel; `digests` are sha256 by file name."""
    return {
        cell.id: tuple(
            verdict
            for verdict in verdicts.of_cell(records, cell.id)
            if verdict.wheel == cell.wheel and verdict.sha256 == digests.get(cell.wheel)
        )
        for cell in cells
    }


def problems(
    plan: Plan,
    cells: Iterable[Cell],
    tried: Mapping[str, tuple[Verdict, ...]],
    records: Mapping[str, Record],
    *,
    in_job: bool,
) -> Iterator[str]:
    """Yield what is wrong: damaged verdicts, wheels that failed, and in a job missing verdicts."""
    for name, record in records.items():
        if record.fault:
            hint = "run its test job again" if in_job else "remove it"
            yield f"{verdicts.FOLDER}/{name}: damaged verdict: {record.fault}; {hint}"
    for cell in cells:
        for verdict in tried[cell.id]:
            if verdict.verdict == verdicts.FAILED:
                reasons = verdict.problems or ("its job gives no reason",)
                where = f"{cell.wheel}: failed on {verdict.python}"
                yield from (f"{where}: {reason}" for reason in reasons)
        if in_job:
            yield from _missing(plan, cell, tried[cell.id], records)


def _missing(
    plan: Plan, cell: Cell, tried: tuple[Verdict, ...], records: Mapping[str, Record]
) -> Iterator[str]:
    """Yield a problem for each test job of the plan that says nothing of a cell's wheel."""
    for job in plan.jobs:
        if job.kind != "test" or cell.id not in job.cells:
            continue
        if any(_is_on(verdict, job) for verdict in tried):
            continue
        if any(_is_on(verdict, job) for verdict in verdicts.of_cell(records, cell.id)):
            yield f"{cell.id}: {job.name} has tried other bytes than those of {cell.wheel}"
        else:
            yield f"{cell.id}: no verdict of {job.name} on {cell.wheel}; keep those of its job"


def _is_on(verdict: Verdict, job: Job) -> bool:
    """Tell whether a verdict is on the Python of a test job, which may be any."""
    return job.python in {"", PURE, verdict.python}


def to_data(tried: Iterable[Verdict]) -> dict[str, Any]:
    """Return the verdicts on a wheel as data of a proof."""
    tried = tuple(tried)
    data = [verdict.to_data() for verdict in tried]
    return {
        "verdict": verdicts.combined(tried),
        "loads": [{key: entry[key] for key in _SHOWN} for entry in data],
    }
