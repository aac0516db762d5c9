"""The local runner: what is built, what is not, and that interruptions end all children."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from local_runs import make_plan, run
from paths import SOURCE, UNIT

from truewheel.build import evidence, local
from truewheel.plan.model import CELL, Build, Plan
from truewheel.system import files, processes

pytestmark = pytest.mark.slow  # starts programs

# Stands for compile, repair and validate: what the runner sees of a job is a command, a wheel and
# its evidence.
STEP = """
import hashlib, json, os, pathlib, sys, time
from truewheel.plan.plan_file import read
at = dict(zip(sys.argv[1::2], sys.argv[2::2]))
plan = read(pathlib.Path(at["--plan"]).read_text(), "plan.json")
root, out = pathlib.Path.cwd(), pathlib.Path(at["--out"])
text = (root / "pkg/source.txt").read_text()
if "fail" in text:
    sys.exit("the compiler says no")
if "sleep" in text:
    pathlib.Path("child.pid").write_text(str(os.getpid()))
    time.sleep(60)
from truewheel.build import evidence
from truewheel.system import interpreters
with open("runs.txt", "a") as runs:
    runs.write(at["--cell"] + "\\n")
for cell in map(plan.cell, at["--cell"].split(",")):
    (out / cell.wheel).write_text(text)
    python = interpreters.require(cell.builder, os.environ, cell.id)
    digest = hashlib.sha256(text.encode()).hexdigest()
    evidence.write(out, {"version": 1, "cell": cell.id, "wheel": cell.wheel, "sha256": digest,
                         "inputs": evidence.inputs_digest(plan, cell, root, python)})
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg/source.txt").write_text("one")
    (tmp_path / "step.py").write_text(STEP)
    (tmp_path / "dist").mkdir()
    return tmp_path


def test_a_second_run_leaves_everything_alone(project: Path) -> None:
    plan = make_plan("a", "b")
    assert run(plan, project) == {"a": "built", "b": "built"}
    assert run(plan, project) == {"a": "unchanged", "b": "unchanged"}


def test_what_came_with_a_checkout_is_built_anew(project: Path) -> None:
    plan = make_plan("a")
    assert run(plan, project) == {"a": "built"}
    assert run(plan, project, anew=True) == {"a": "built"}


def built_by_one_command(*names: str) -> Plan:
    plan = make_plan(*names)
    build = Build(name="tree", command=("make",), requires=(), wheels=dict.fromkeys(names, "*.whl"))
    packages = {name: replace(package, build="tree") for name, package in plan.packages.items()}
    return replace(plan, packages=packages, builds={"tree": build})


def test_the_cells_of_one_command_are_built_at_once_and_again_when_one_of_them_changed(
    project: Path,
) -> None:
    plan = built_by_one_command("a", "b")
    both = ",".join(cell.id for cell in plan.cells) + "\n"
    assert run(plan, project) == {"a": "built", "b": "built"}
    assert run(plan, project) == {"a": "unchanged", "b": "unchanged"}
    assert (project / "runs.txt").read_text() == both
    (project / "dist" / plan.cells[1].wheel).unlink()
    assert run(plan, project) == {"a": "built", "b": "built"}
    assert (project / "runs.txt").read_text() == 2 * both


def test_another_command_is_another_input(project: Path) -> None:
    plan = built_by_one_command("a")
    run(plan, project)
    build = replace(plan.builds["tree"], command=("make", "all"))
    assert run(replace(plan, builds={"tree": build}), project) == {"a": "built"}


def test_a_failure_of_one_command_is_that_of_all_its_cells_and_told_once(project: Path) -> None:
    plan = built_by_one_command("a", "b")
    (project / "pkg/source.txt").write_text("fail")
    assert run(plan, project) == {"a": "failed", "b": "failed"}
    (batch_id,) = plan.batches(plan.cells)
    assert batch_id == plan.cells[0].id.replace("a/", "tree/")
    assert "the compiler says no" in local.failure(project, batch_id)


@pytest.mark.parametrize("change", ["source", "wheel", "name", "evidence"])
def test_only_what_changed_is_built_again(project: Path, change: str) -> None:
    plan = make_plan("a")
    run(plan, project)
    wheel = project / "dist" / plan.cells[0].wheel
    if change == "source":
        (project / "pkg/source.txt").write_text("two")
    elif change == "wheel":
        wheel.write_text("somebody wrote over it")
    elif change == "name":
        plan = make_plan("a", build="7")
    else:
        evidence.path(project / "dist", plan.cells[0].id).unlink()
    assert run(plan, project) == {"a": "built"}


def test_a_failure_is_told_with_the_end_of_its_log_and_not_taken_for_done(project: Path) -> None:
    plan = make_plan("a")
    (project / "pkg/source.txt").write_text("fail")
    assert run(plan, project) == {"a": "failed"}
    assert "the compiler says no" in local.failure(project, plan.cells[0].id)
    (project / "pkg/source.txt").write_text("one")
    assert run(plan, project) == {"a": "built"}


def test_the_warnings_of_a_log_are_to_be_seen(tmp_path: Path) -> None:
    log = local.log_file(tmp_path, "a/b/c/d")
    log.parent.mkdir(parents=True)
    ours = ["repair a/b/c/d: WARNING: two libraries", "compile a/b/c/d: WARNING: no cache"]
    others = ["WARNING: of the backend", "repair a/b/c/d: a.whl", "  repair x: WARNING: quoted"]
    log.write_text("\n".join([others[0], ours[0], *others, ours[1], ours[0]]))
    assert local.notices(tmp_path, "a/b/c/d") == ours


def test_a_wheel_whose_test_failed_is_not_unchanged(project: Path) -> None:
    plan = make_plan("a")
    run(plan, project)
    (evidence.work_folder(project, plan.cells[0].id) / local.PASSED).unlink()
    assert run(plan, project) == {"a": "built"}


def test_stale_wheels_of_our_own_are_removed_and_others_kept(project: Path) -> None:
    old = make_plan("a", build="1")
    run(old, project)
    foreign = project / "dist/foreign-1-py3-none-any.whl"
    foreign.write_text("not ours")
    new = make_plan("a", build="2")
    assert local.remove_stale(new, project / "dist") == [old.cells[0].wheel]
    assert foreign.exists()


def test_a_stale_wheel_that_somebody_changed_is_not_removed(project: Path) -> None:
    old = make_plan("a", build="1")
    run(old, project)
    (project / "dist" / old.cells[0].wheel).write_text("changed")
    assert local.remove_stale(make_plan("a", build="2"), project / "dist") == []


def test_evidence_cannot_point_outside_the_folder(project: Path) -> None:
    outside = project / "victim.whl"
    outside.write_text("x")
    record = {
        "version": 1,
        "cell": "a/host/x86_64/cp39",
        "wheel": "../victim.whl",
        "sha256": files.sha256(outside),
    }
    folder = project / "dist/evidence"
    folder.mkdir()
    (folder / "a__host__x86_64__cp39.json").write_text(json.dumps(record))
    local.remove_stale(make_plan("a"), project / "dist")
    assert outside.exists()


def test_steps_run_with_this_interpreter_whatever_is_on_path(project: Path) -> None:
    plan = make_plan("a")
    assert run(plan, project, env={**os.environ, "PATH": "/nonexistent"}) == {"a": "built"}


def test_an_installed_command_runs_as_a_module(project: Path) -> None:
    plan = make_plan("a")
    kind = replace(plan.kinds["wheel"], commands=(("truewheel", "compile", "--cell", CELL),))
    step = local.steps_of(
        replace(plan, kinds={"wheel": kind}), plan.cells, project, project / "dist"
    )[0]
    assert step.argv[:6] == [*processes.python("truewheel.program"), "compile", "--cell"]
    assert step.name == "compile"


def test_an_interrupted_run_ends_its_children(project: Path) -> None:
    (project / "pkg/source.txt").write_text("sleep")
    script = "import sys; sys.path[:0] = sys.argv[1:3]\nimport signal, local_runs, pathlib\n"
    script += (
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a background job ignores it
    )
    script += "local_runs.run(local_runs.make_plan('a'), pathlib.Path(sys.argv[3]))"
    paths = [str(SOURCE), str(UNIT), str(project)]
    runner = subprocess.Popen([sys.executable, "-c", script, *paths], stderr=subprocess.DEVNULL)
    pid_file = project / "child.pid"
    deadline = time.monotonic() + 30
    while not (pid_file.exists() and pid_file.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    runner.send_signal(signal.SIGINT)
    assert runner.wait(30) != 0
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)
    assert not list((project / "dist").glob("*.whl"))
