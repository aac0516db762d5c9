"""Golden cases: a folder with a spec, what is planned and generated from it in `expected`.

A new folder is a new test.

After a change that is meant: TRUEWHEEL_ACCEPT=1 pytest tests/cases, then read the difference. The
parent pipeline, or GitHub's caller, is much the same in all cases: it is compared where `expected`
has it.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from truewheel.errors import select_errors
from truewheel.forges import pipelines
from truewheel.forges.github.emit.workflows import CALLER
from truewheel.forges.gitlab.emit.pipeline import PARENT
from truewheel.plan import planner
from truewheel.plan.model import Plan
from truewheel.plan.planner import Request
from truewheel.workspace import loading

CASES = sorted(path.parent for path in Path(__file__).parent.glob("*/truewheel.yml"))
ACCEPT = os.environ.get("TRUEWHEEL_ACCEPT") == "1"


def results(case: Path) -> dict[str, str]:
    """The text of every result by its path.

    What is planned, and the pipeline unless the plan is refused.
    """
    space = loading.load(str(case / "truewheel.yml"), case)
    lines = (loading.read_text(case / "variables.txt") or "").splitlines()
    overrides = dict(line.split("=", 1) for line in lines)
    request = Request(
        generator="truewheel 0",
        versions=space.versions(),
        event="",
        overrides=overrides,
        images=space.images(),
    )
    made = planner.plan(space.spec, space.policy, request)
    generated = (
        {}
        if select_errors(made.problems)
        else pipelines.texts(made, space.spec, space.policy, space.lock.actions, space.job_files())
    )
    return {"plan.txt": planned(made), **generated}


def planned(made: Plan) -> str:
    """Every cell with its wheel and copies, then what speaks against the plan."""
    lines = []
    for cell in made.cells:
        lines.append(f"{cell.id}  {cell.wheel}")
        lines += [f"    {copy.index}: {copy.wheel}" for copy in cell.copies]
    return "\n".join([*lines, *map(str, made.problems)]) + "\n"


def test_there_are_cases():
    assert CASES


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Path):
    made, folder = results(case), case / "expected"
    if folder.is_dir() and not (folder / PARENT).exists():
        made.pop(PARENT, None)
    if not (folder / CALLER).is_file():
        made.pop(CALLER, None)
    if ACCEPT:
        shutil.rmtree(folder, ignore_errors=True)
        for path, text in made.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8", newline="")
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert made == {
        path.relative_to(folder).as_posix(): path.read_bytes().decode() for path in files
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_is_small_enough_to_be_read(case: Path):
    limits = {"truewheel.yml": 25, PARENT: 95}
    for path in case.rglob("*"):
        if path.is_file():
            # A workflow has container, wheel and test jobs, all their steps written out.
            others = 120 if path.parent.name == "workflows" else 80
            assert len(path.read_bytes().splitlines()) <= limits.get(path.name, others), path
