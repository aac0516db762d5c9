"""truewheel test, and what prove makes of its verdicts."""

from __future__ import annotations

import json
from pathlib import Path

import loads
import pytest
from command_line import Run

from truewheel.build import evidence
from truewheel.plan import plan_file
from truewheel.plan.model import Cell, Job, JobKind
from truewheel.system import files


def prepare(here: Path, *cells: Cell, code: str = "") -> None:
    """Leave a plan, and wheels with their evidence, in dist/."""
    for cell in cells:
        wheel = loads.make(here, cell, {f"{cell.package}/__init__.py": code})
        record = {"cell": cell.id, "wheel": cell.wheel, "sha256": files.sha256(wheel)}
        evidence.write(here / "dist", {"version": 1, **record})
    plan = loads.plan(*cells)
    files.write_text(here / "dist/plan.json", plan_file.write(plan))


PURE = loads.cell("foo", platform="any")
NATIVE = loads.cell("bar", python="cp39")


@pytest.mark.slow
def test_all_wheels_of_a_target_and_architecture_get_a_verdict(here: Path, truewheel: Run):
    prepare(here, PURE, NATIVE)
    code, _, err = truewheel("test", "--target", "any", "--arch", "any")
    assert (code, err) == (0, f"foo/any/any/py3 on {loads.projects.TAG}: loaded\n")
    (file,) = (here / "dist/verdicts").iterdir()
    assert json.loads(file.read_text())["wheel"] == PURE.wheel


@pytest.mark.slow
def test_a_wheel_that_cannot_be_loaded_ends_with_4(here: Path, truewheel: Run):
    prepare(here, PURE, code="import os; os.abort()")
    code, _, err = truewheel("test", "--cell", PURE.id)
    assert code == 4
    assert f"{PURE.wheel}: foo: killed: Aborted while it was imported" in err


def test_a_wheel_that_this_machine_cannot_try_ends_with_4(here: Path, truewheel: Run):
    prepare(here, NATIVE._replace(arch="sparc", id="bar/box/sparc/cp39"))
    code, _, err = truewheel("test", "--target", "box", "--arch", "sparc")
    assert code == 4
    assert "bar/box/sparc/cp39: cannot be tried here: needs sparc" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "--cell: is missing, and so is --target or --arch"),
        (("--target", "any"), "--cell: is missing, and so is --target or --arch"),
        (("--target", "anny", "--arch", "any"), "the plan has no cells of anny/any"),
        (("--cell", "foo/any/any/py4"), "no cell 'foo/any/any/py4' in this plan"),
        (("--target", "box", "--arch", loads.projects.ARCH, "--python", "cp399"), "no wheel of"),
        (("--cell", "foo/any/any/py3", "--python", "3.12"), "'3.12' is no tag of an interpreter"),
    ],
)
def test_wrong_arguments_are_refused(here: Path, truewheel: Run, words: list[str], message: str):
    prepare(here, PURE, NATIVE)
    code, _, err = truewheel("test", *words)
    assert code == 2
    assert message in err


@pytest.mark.slow
def test_prove_on_a_laptop_loads_what_nobody_has_tried(here: Path, truewheel: Run):
    prepare(here, PURE)
    code, out, err = truewheel("prove", "dist")
    assert code == 0, err
    assert f"  {PURE.wheel}" in out
    assert out.splitlines()[-1].split() == [PURE.wheel, "loaded"]
    _, _, again = truewheel("prove", "dist")
    assert f"{PURE.id} on" not in again, "the verdict on the same bytes holds"
    prepare(here, PURE, code="import os; os.abort()")
    code, _, err = truewheel("prove", "dist")
    assert code == 4
    assert "killed: Aborted" in err


def test_prove_in_a_job_runs_no_code_of_a_wheel(
    here: Path, truewheel: Run, monkeypatch: pytest.MonkeyPatch
):
    marker = here / "was-here"
    prepare(here, PURE, code=f"open({str(marker)!r}, 'w').close()")
    plan = loads.plan(PURE)
    files.write_text(here / "plan.json", plan_file.write(plan))
    monkeypatch.setenv("GITLAB_CI", "true")
    assert truewheel("prove", "dist", "--plan", "plan.json")[0] == 0
    assert not marker.exists()
    kind = JobKind(name="test", stage="test", commands=())
    job = Job(name="test:any:any", kind="test", cells=(PURE.id,), target="any", arch="any")
    plan = loads.plan(PURE)
    plan = type(plan)(**{**vars(plan), "jobs": (job,), "kinds": {"test": kind}})
    files.write_text(here / "plan.json", plan_file.write(plan))
    code, _, err = truewheel("prove", "dist", "--plan", "plan.json")
    assert code == 4
    assert "no verdict of test:any:any" in err
    assert not marker.exists()
