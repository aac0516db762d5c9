"""What every engine does around a compilation: clean sources and environment, time, record."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from truewheel.build import credentials, evidence
from truewheel.plan import explain
from truewheel.plan.model import Cell, Plan
from truewheel.spec.policy import from_data
from truewheel.system import files, processes
from truewheel.wheel.comparison import differences
from truewheel.workspace import git

INPUTS = "inputs.json"
AGAIN = "again"
START_OF_2020 = "1577836800"


def compare_builds(wheel: Path, again: Path, cell: Cell) -> list[str]:
    """Return what differs between two builds of a cell's wheel, and say so."""
    changes = differences(wheel, again)
    if changes:
        processes.say(f"compile {cell.id}: WARNING: a second build, {again}, differs:")
        for difference in changes:
            processes.say(f"    {difference}")
        processes.say("    hint: docs/building.md has what usually differs, and what to do")
    else:
        processes.say(f"compile {cell.id}: a second build in another folder is bit-identical")
    return changes


def without_credentials(
    plan: Plan, where: str, allowed: Iterable[str], env: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of a build or test, without credentials.

    The names of the removed variables are printed, since a build may need one.
    """
    remaining, left_out = credentials.remove_credentials(env, plan, allowed)
    if left_out:
        processes.say(
            f"{where}: without {', '.join(left_out)}: name those that it needs under secrets"
        )
    return remaining


def explain_name(plan: Plan, cell: Cell) -> str:
    """Return the lines that say where each part of the wheel's name comes from.

    A variable that was lost on the way into the job is seen there.
    """
    return "\n".join([cell.wheel, *explain.lines(explain.explain(cell, from_data(plan.policy)))])


def copy_sources(sources: Iterable[evidence.Source], folder: Path) -> None:
    """Copy source files to their places below a folder.

    All get the same access rights, as wheels record them.
    """
    for source in sources:
        copy = folder / source.name
        with files.explained(copy, "copied"):
            copy.parent.mkdir(parents=True, exist_ok=True)
            if source.link:
                copy.symlink_to(source.link)
            else:
                shutil.copy2(source.file, copy)
                copy.chmod(0o755 if copy.stat().st_mode & evidence.EXECUTABLE else 0o644)


def source_date_epoch(root: Path, env: Mapping[str, str]) -> str:
    """Return the seconds for times in archives: the environment's, the last commit's, or fixed."""
    if env.get("SOURCE_DATE_EPOCH"):
        return env["SOURCE_DATE_EPOCH"]
    return git.FactReader(root, env)("time") or START_OF_2020
