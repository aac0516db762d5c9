"""Child pipelines run: each child file directly, as gitlab-ci-local cannot start children; then the parent's proof.

The package registry between them is a stand-in on this machine.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from truewheel import workspace

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests/unit"))

import packages  # noqa: E402
from test_gitlab_ci_local import SPEC, commit, missing, pipeline, repository  # noqa: E402, F401

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing() or "all is here")]


@pytest.fixture
def children(repository: Path) -> Path:  # noqa: F811
    """A committed copy of this checkout whose pipeline has a child."""
    spec = repository / "truewheel.yml"
    spec.write_text(spec.read_text() + "gitlab: {layout: children}\n")
    subprocess.run([sys.executable, "gen_ci.py", "generate"], cwd=repository, check=True)
    commit(repository)
    return repository


def test_the_parent_proves_the_wheels_of_its_child(children: Path):
    artifacts = children / ".gitlab-ci-local/artifacts"
    status, log = pipeline(children, "plan")
    assert status == 0, log
    shutil.copy2(artifacts / "plan/plan.json", children)  # as the child's need of the parent's job would bring it
    (children / ".gitignore").write_text("__pycache__/\n/.gitlab-ci-local/\n/build/\n/dist/\n")
    commit(children)
    (child,) = (children / "pipelines").glob("here-*.yml")
    with packages.running() as registry:
        variables = {
            "CI_API_V4_URL": registry.api,
            "CI_JOB_TOKEN": packages.TOKEN,
            "CI_PROJECT_ID": "42",
            "TRUEWHEEL_PIPELINE_ID": "49163608",
        }
        words = [word for name, value in variables.items() for word in ("--variable", f"{name}={value}")]
        status, log = pipeline(children, "--file", str(child.relative_to(children)), *words)
        assert status == 0, log
        assert len(registry.files) == 4
        status, log = pipeline(children, "prove", *words)
    assert status == 0, log
    plan, _ = workspace.read_plan(None, children)
    expected = sorted(cell.wheel for cell in plan.cells)
    assert len(expected) == 2
    assert sorted(path.name for path in (artifacts / "prove/dist").glob("*.whl")) == expected
    assert packages.TOKEN not in log
