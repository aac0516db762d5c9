"""The generated workflows run.

Act makes, repairs, tests and proves the wheel of a small project, without containers.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from act import MARKS, run
from checkout import LEFT_OUT, copy_checkout
from gitlab_ci_local import commit, levels

from truewheel.wheel import platform_tags
from truewheel.workspace import loading

pytestmark = MARKS

ROOT = Path(__file__).parents[2]
CHECKOUT = ("src", "schema", "examples")
SCRIPTS = "a 'b' $(touch $PWNED) ${{ github.token }}"
# No expression: act, unlike GitHub, evaluates the value of a variable once more.
NOTE = "'\"; touch $PWNED; $(touch $PWNED) `touch $PWNED` \\"
SPEC = """\
truewheel: 1
packages:
  tritonfrontend:
    path: examples/tritonfrontend
    version: {file: examples/TRITON_VERSION, inject: 'env:VERSION'}
    smoke: examples/tritonfrontend/smoke.py
targets: {here: {floor: %(floor)s}}
arches: [%(arch)s]
pythons: ['%(python)s']
naming: triton-2026.04
variables: {NOTE: {description: Anything.}}
indexes: {own: {url: 'https://index.example/x'}}
merge_requests: {types: [feat]}
scripts: "%(scripts)s"
setup: ['. ci/setup_job.sh', 'echo "the note is $NOTE"']
github: {runners: {%(arch)s: [ubuntu-latest]}}
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A committed copy of this checkout with a hostile spec, its workflows generated."""
    folder = tmp_path / "repository"
    copy_checkout(folder, *CHECKOUT)
    shutil.copytree(ROOT / "scripts", folder / SCRIPTS, ignore=LEFT_OUT)
    (folder / "ci").mkdir()
    shutil.copy2(ROOT / "scripts/setup_job.sh", folder / "ci")
    glibc = int((os.confstr("CS_GNU_LIBC_VERSION") or "").rpartition(".")[2])
    words = {
        "floor": platform_tags.highest_floor(glibc),
        "arch": platform.machine(),
        "python": f"3.{sys.version_info.minor}{sys.abiflags}",
        "scripts": SCRIPTS,
    }
    (folder / "truewheel.yml").write_text(SPEC % words)
    (folder / ".gitignore").write_text("__pycache__/\n/build/\n/dist/\n/plan.json\n")
    subprocess.run([sys.executable, "gen_ci.py", "generate"], cwd=folder, check=True)
    commit(folder)
    return folder


def planned(repository: Path) -> list[str]:
    """The names that a pipeline of GitLab with the same variables would give."""
    variables = {"CI_PIPELINE_ID": "1", "NVIDIA_UPSTREAM_VERSION": "26.04"}
    words = [word for name, value in variables.items() for word in ("-v", f"{name}={value}")]
    done = subprocess.run(
        [sys.executable, "gen_ci.py", "plan", "--json", *words],
        cwd=repository,
        check=True,
        capture_output=True,
    )
    return sorted(cell["wheel"] for cell in json.loads(done.stdout)["cells"])


def test_a_push_makes_the_wheels_that_the_plan_named_and_evaluates_nothing(repository: Path):
    status, log = run(
        repository, "push", "--var", "NVIDIA_UPSTREAM_VERSION=26.04", "--var", f"NOTE={NOTE}"
    )
    assert status == 0, log[-8000:]
    store = repository.parent / "store"
    plan, _ = loading.read_plan(None, store / "plan.json")
    names = sorted(path.name for path in (store / "dist").glob("*.whl"))
    assert names == sorted(cell.wheel for cell in plan.cells) == planned(repository)
    assert all("+nv26.4-1-cp3" in name for name in names)
    sums = (store / "dist/SHA256SUMS").read_text(encoding="utf-8").splitlines()
    assert sorted(line.split("  ")[1] for line in sums if line.endswith(".whl")) == names
    assert levels(store / "dist") == ["tested"]
    assert "publish:own" not in log, "there is no tag"
    assert f"the note is {NOTE}" in log
    assert plan.variables["NOTE"].value == NOTE
    assert not (repository.parent / "pwned").exists()


def test_the_title_of_a_pull_request_is_read_as_text(repository: Path):
    assert run(repository, "pull_request", "--job", "title", title=f"feat: {NOTE}")[0] == 0
    status, log = run(repository, "pull_request", "--job", "title", title=f"$(touch $PWNED) {NOTE}")
    assert status != 0, log
    assert not (repository.parent / "pwned").exists()
