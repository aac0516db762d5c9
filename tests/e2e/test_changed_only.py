"""A merge request that changes one package.

Gitlab-ci-local has its jobs alone, and prove asks for no more.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import projects
import pytest
from checkout import copy_checkout
from gitlab_ci_local import CHECKOUT, MARKS, commit, pipeline

from truewheel.workspace import loading

pytestmark = MARKS

SPEC = {
    "truewheel": 1,
    "packages": {name: {"path": name, "abi": "none"} for name in ("foo", "bar")},
    "targets": {"deb": {"floor": "linux"}},
    "naming": "plain",
    "scripts": "scripts",
    "setup": [". scripts/setup_job.sh"],
    "merge_requests": {"changed_only": True},
}


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.invalid"]
    return subprocess.run(
        ["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A clone, on a branch that changes nothing yet, of a project with two packages."""
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    copy_checkout(origin, *CHECKOUT[:3])
    for name in SPEC["packages"]:
        projects.make(origin, path=name, name=name)
    (origin / "truewheel.yml").write_text(json.dumps(SPEC))
    (origin / ".gitignore").write_text(
        "__pycache__/\n*.egg-info/\n/.gitlab-ci-local/\n/build/\n/dist/\n/plan.json\n"
    )
    subprocess.run([sys.executable, "gen_ci.py", "generate"], cwd=origin, check=True)
    commit(origin)
    git(tmp_path, "clone", "--quiet", str(origin), str(clone))
    git(clone, "switch", "--quiet", "--create", "branch")
    return clone


def run(folder: Path) -> tuple[list[str], Path]:
    """Run the pipeline of a merge request.

    Returns the cells that were built, and the folder of artifacts.
    """
    values = {
        "CI_PIPELINE_SOURCE": "merge_request_event",
        "CI_MERGE_REQUEST_IID": "1",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": git(folder, "merge-base", "HEAD", "origin/main").strip(),
    }
    flags = [word for name, value in values.items() for word in ("--variable", f"{name}={value}")]
    status, log = pipeline(folder, *flags)
    assert status == 0, log
    artifacts = folder / ".gitlab-ci-local/artifacts"
    names = (path.name.replace("Og", ":") for path in artifacts.iterdir())  # it writes colons so
    return sorted(name for name in names if name.startswith("wheel:")), artifacts


def test_a_change_of_one_package_builds_and_proves_that_one(repository: Path):
    (repository / "foo/more.py").touch()
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "change foo")
    built, artifacts = run(repository)
    assert built == ["wheel:foo:any:any:py3"]
    plan, _ = loading.read_plan(None, artifacts / "plan")
    assert plan.left_out == ("bar/any/any/py3",)
    assert [path.name for path in (artifacts / "prove/dist").glob("*.whl")] == [
        "foo-1.0-py3-none-any.whl"
    ]


def test_a_change_of_no_package_proves_that_there_is_none(repository: Path):
    (repository / "README.md").write_text("more to read\n")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "change no package")
    built, artifacts = run(repository)
    assert built == []
    assert (artifacts / "prove/dist/SHA256SUMS").read_text() == ""
