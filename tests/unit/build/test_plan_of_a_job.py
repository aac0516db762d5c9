"""In a job of a forge, the plan is that of the job `plan`, and not the one in dist."""

from __future__ import annotations

import json
from pathlib import Path

import projects
import pytest

from truewheel.build import verdicts
from truewheel.cli import main
from truewheel.system import files

pytestmark = pytest.mark.slow  # starts programs

SPEC = """\
truewheel: 1
packages: {demo: {path: demo, abi: none, smoke: smoke.py}}
targets: {rhel8: {}}
indexes: {own: {url: 'http://127.0.0.1:9/'}}
"""
CELL = "demo/any/any/py3"
COMMANDS = {
    "compile": ["--cell", CELL],
    "repair": ["--cell", CELL],
    "validate": ["--cell", CELL, "--report"],
    "test": ["--cell", CELL],
    "prove": ["dist"],
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose wheel is made.

    Plan.json is the plan, dist/plan.json what a wheel job has left.
    """
    root = projects.make(tmp_path)
    projects.write(root, {"truewheel.yml": SPEC, "smoke.py": ""})
    monkeypatch.chdir(root)
    assert main(["plan", "--output", "plan.json"]) == 0
    for command in ("compile", "repair"):
        assert main([command, "--cell", CELL]) == 0
    (wheel,) = (root / "dist").glob("*.whl")
    fields = {"cell": CELL, "wheel": wheel.name, "sha256": files.sha256(wheel)}
    verdicts.write(root / "dist", verdicts.Verdict(**fields, python=projects.TAG, verdict="tested"))
    plan = json.loads((root / "plan.json").read_text())
    text = json.dumps(plan).replace(CELL, "forged/any/any/py3")
    (root / "dist/plan.json").write_text(text)
    return root


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_job_takes_the_plan_of_the_job_plan(monkeypatch: pytest.MonkeyPatch, command: str):
    monkeypatch.setenv("CI", "true")
    assert main([command, *COMMANDS[command]]) == 0


MARKS = {
    "CI": "1",
    "GITLAB_CI": "true",
    "GITHUB_ACTIONS": "true",
    "TF_BUILD": "True",
    "JENKINS_URL": "http://127.0.0.1:9/",
    "TEAMCITY_VERSION": "2026.1",
}


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(("variable", "value"), [*MARKS.items(), ("CI", "True"), ("CI", "drone")])
def test_jobs_of_other_systems_take_it_too(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
):
    monkeypatch.setenv(variable, value)
    assert main(["validate", "--cell", CELL]) == 0


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("value", ["", "0", "false", "False"])
def test_a_variable_that_denies_a_job_is_none(monkeypatch: pytest.MonkeyPatch, value: str):
    monkeypatch.setenv("CI", value)
    assert main(["validate", "--cell", CELL]) == 2


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_laptop_with_two_different_plans_wants_to_know_which(
    root: Path, command: str, capsys: pytest.CaptureFixture[str]
):
    assert main([command, *COMMANDS[command]]) == 2
    assert "dist/plan.json: is another plan than plan.json" in capsys.readouterr().err
    assert main([command, *COMMANDS[command], "--plan", "plan.json"]) == 0


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_laptop_takes_the_plan_beside_the_wheels(
    root: Path, command: str, capsys: pytest.CaptureFixture[str]
):
    (root / "plan.json").unlink()
    assert main([command, *COMMANDS[command]]) in {2, 4}
    assert "demo" in capsys.readouterr().err


def test_publish_in_a_job_takes_it_too(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("CI", "true")
    plan = json.loads((root / "plan.json").read_text())
    (root / "dist/plan.json").write_text(json.dumps({**plan, "indexes": []}))
    assert main(["publish", "--index", "own", "dist"]) == 4
    assert "dist/evidence.json: is not there" in capsys.readouterr().err


def test_hand_over_and_container_in_a_job_take_it_too(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("CI", "true")
    (root / "dist/plan.json").write_text("{}")
    assert main(["hand-over", "--get"]) == 2
    assert "CI_API_V4_URL: is not set" in capsys.readouterr().err


def test_explain_in_a_job_takes_it_too(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("CI", "true")
    (root / "dist/plan.json").write_text("{}")
    assert main(["explain", str(next(Path("dist").glob("*.whl")))]) == 0
    assert "the project's name" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_without_it_a_job_ends(
    root: Path, monkeypatch: pytest.MonkeyPatch, command: str, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("CI", "true")
    (root / "plan.json").rename(root / "dist/plan.json")
    assert main([command, *COMMANDS[command]]) == 2
    err = capsys.readouterr().err
    assert "plan.json: is not here; dist/plan.json may be of any job, and is not taken" in err
    assert "--plan FILE" in err
    assert main([command, *COMMANDS[command], "--plan", "dist/plan.json"]) == 0


UNPLANNED = (
    *(
        "other-1.0.tar.gz",
        "other-1.0.zip",
        "other-1.0.tgz",
        "other-1.0.tar.xz",
        "x/demo-1.0-py3-none-any.whl",
        "evidence/demo-1.0-py3-none-any.whl",
    ),
    *(
        "demo-1.0-py3-none-any.whl.publish.attestation",
        "demo-1.0-py3-none-any.whl.asc",
        "x/y/other-1.0.egg",
    ),
)


@pytest.mark.parametrize("name", UNPLANNED)
def test_prove_in_a_job_refuses_what_an_uploader_might_take(
    root: Path, monkeypatch: pytest.MonkeyPatch, name: str, capsys: pytest.CaptureFixture[str]
):
    projects.write(root / "dist", {name: "x"})
    monkeypatch.setenv("CI", "true")
    assert main(["prove", "dist"]) == 4
    assert f"{name}: the plan has no such file" in capsys.readouterr().err
    assert not (root / "dist/SHA256SUMS").exists()
    monkeypatch.delenv("CI")
    assert main(["prove", "dist", "--plan", "plan.json"]) == 0


def test_what_other_jobs_say_of_the_proof_is_gone_after_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
):
    """The folder becomes an artifact.

    Who downloads it and publishes would take a plan beside the wheels.
    """
    others = (
        "plan.json",
        "evidence.json",
        "SHA256SUMS",
        "copies/own/SHA256SUMS",
        "archives/all.zip",
    )
    projects.write(root / "dist", dict.fromkeys(others, "forged"))
    monkeypatch.setenv("CI", "true")
    assert main(["prove", "dist"]) == 0
    remaining = {
        path.relative_to(root / "dist").as_posix(): path.read_bytes()
        for path in (root / "dist").rglob("*.*")
        if path.is_file()
    }
    assert not [name for name in others[3:] if name in remaining]
    assert "plan.json" not in remaining
    assert b"forged" not in remaining.values()


def test_a_plan_that_is_named_stays(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CI", "true")
    (root / "plan.json").rename(root / "dist/plan.json")
    assert main(["prove", "dist", "--plan", "./dist/plan.json"]) == 0
    assert (root / "dist/plan.json").exists()
