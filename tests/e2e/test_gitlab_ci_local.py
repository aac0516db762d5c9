"""The generated pipeline runs.

Gitlab-ci-local makes, repairs and proves the wheels of a small project, in a shell.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gitlab_ci_local import MARKS, commit, levels, make_repository, pipeline

from truewheel.workspace import loading

pytestmark = MARKS


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return make_repository(tmp_path)


def test_the_pipeline_makes_the_wheels_that_the_plan_named(repository: Path):
    status, log = pipeline(repository)
    assert status == 0, log
    artifacts = repository / ".gitlab-ci-local/artifacts"
    plan, _ = loading.read_plan(None, artifacts / "plan")
    expected = sorted(cell.wheel for cell in plan.cells)
    assert len(expected) == 2
    assert all("+nv26.4-49163608-cp3" in wheel for wheel in expected)
    proven = artifacts / "prove/dist"
    assert sorted(path.name for path in proven.glob("*.whl")) == expected
    sums = (proven / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    assert sorted(line.split("  ")[1] for line in sums if line.endswith(".whl")) == expected
    assert levels(proven) == ["loaded", "loaded"]
    (tests,) = artifacts.glob("test*")
    kept = [path.relative_to(tests) for path in tests.rglob("*") if path.is_file()]
    assert len(kept) == 2
    assert {path.parent.as_posix() for path in kept} == {"dist/verdicts"}, "and nothing else"
    assert not list(repository.glob("*.whl")), "the jobs leave nothing in the checkout"


def test_a_wheel_that_cannot_be_loaded_ends_the_pipeline_and_its_verdict_says_why(repository: Path):
    module = repository / "examples/tritonfrontend/src/tritonfrontend/__init__.py"
    module.write_text("import os\nos.abort()\n", encoding="utf-8")
    commit(repository)
    status, log = pipeline(repository)
    assert status != 0
    artifacts = repository / ".gitlab-ci-local/artifacts"
    (verdict,) = artifacts.glob("test*/dist/verdicts/tritonfrontend__*.json")
    said = json.loads(verdict.read_text(encoding="utf-8"))
    assert said["verdict"] == "failed"
    assert said["problems"] == ["tritonfrontend: killed: Aborted while it was imported"]
    assert said["problems"][0] in log
    assert not (artifacts / "prove").exists()


def test_a_pipeline_that_is_not_as_generated_fails_in_its_first_job(repository: Path):
    (file,) = (repository / "pipelines").iterdir()
    file.write_text(file.read_text(encoding="utf-8") + "# by hand\n", encoding="utf-8")
    commit(repository)
    status, log = pipeline(repository, "plan")
    assert status != 0
    assert f"modified  pipelines/{file.name}" in log
    assert "-# by hand" in log
