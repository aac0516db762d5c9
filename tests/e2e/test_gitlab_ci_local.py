"""The generated pipeline runs.

Gitlab-ci-local makes, repairs and proves the wheels of a small project, in a shell.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from gitlab_ci_local import MARKS, commit, make_repository, pipeline

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
    assert not list(repository.glob("*.whl")), "the jobs leave nothing in the checkout"


def test_a_pipeline_that_is_not_as_generated_fails_in_its_first_job(repository: Path):
    (file,) = (repository / "pipelines").iterdir()
    file.write_text(file.read_text(encoding="utf-8") + "# by hand\n", encoding="utf-8")
    commit(repository)
    status, log = pipeline(repository, "plan")
    assert status != 0
    assert f"modified  pipelines/{file.name}" in log
    assert "-# by hand" in log
