"""The generated pipeline runs.

Gitlab-ci-local makes, repairs and proves the wheels of a small project, in a shell.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from truewheel.wheel import platform_tags
from truewheel.workspace import loading

ROOT = Path(__file__).parents[2]
RUNNER = ROOT / "tests/e2e/node/node_modules/.bin/gitlab-ci-local"
FLAGS = ["--force-shell-executor", "--shell-isolation", "--no-artifacts-to-source", "--color=false"]
VALUES = {"CI_PIPELINE_ID": "49163608", "NVIDIA_UPSTREAM_VERSION": "26.04"}
CHECKOUT = ("src", "scripts", "schema", "examples")
SPEC = """\
truewheel: 1
packages:
  tritonserver: {path: examples/tritonserver, version: {file: examples/TRITON_VERSION}}
  tritonfrontend: {path: examples/tritonfrontend, version: {file: examples/TRITON_VERSION, inject: 'env:VERSION'}}
targets: {here: {floor: %(floor)s}}
arches: [%(arch)s]
pythons: ['%(python)s']
naming: triton-2026.04
scripts: scripts
setup: ['. scripts/setup_job.sh']
"""


def missing() -> str:
    """What is not here and the tests cannot do without, or ""."""
    programs = [name for name in ("git", "node", "rsync", "timeout") if not shutil.which(name)]
    if programs:
        return f"not installed: {', '.join(programs)}"
    return (
        ""
        if RUNNER.is_file()
        else f"no gitlab-ci-local: npm ci in {RUNNER.parents[2].relative_to(ROOT)}"
    )


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing()), reason=missing() or "all is here"),
]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A committed copy of this checkout with a spec for this machine, its pipeline generated."""
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "dist")
    for name in CHECKOUT:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copy2(ROOT / "gen_ci.py", tmp_path)
    glibc = int((os.confstr("CS_GNU_LIBC_VERSION") or "").rpartition(".")[2])
    python = f"3.{sys.version_info.minor}{sys.abiflags}"
    words = {
        "floor": platform_tags.highest_floor(glibc),
        "arch": platform.machine(),
        "python": python,
    }
    (tmp_path / "truewheel.yml").write_text(SPEC % words)
    (tmp_path / ".gitignore").write_text(
        "__pycache__/\n/.gitlab-ci-local/\n/build/\n/dist/\n/plan.json\n"
    )
    subprocess.run([sys.executable, "gen_ci.py", "generate"], cwd=tmp_path, check=True)
    commit(tmp_path)
    return tmp_path


def commit(folder: Path) -> None:
    git = [
        "git",
        "-c",
        "init.defaultBranch=main",
        "-c",
        "user.name=test",
        "-c",
        "user.email=test@example.invalid",
    ]
    for words in (
        ["init", "--quiet"],
        ["add", "--all"],
        ["commit", "--quiet", "--message", "test"],
    ):
        subprocess.run([*git, *words], cwd=folder, check=True)


def pipeline(folder: Path, *jobs: str) -> tuple[int, str]:
    """Run jobs, or the whole pipeline; returns the exit status and the log.

    A pipeline that hangs is killed.
    """
    variables = [
        word for name, value in VALUES.items() for word in ("--variable", f"{name}={value}")
    ]
    home = folder / ".gitlab-ci-local/home"
    command = [
        "timeout",
        "-s",
        "KILL",
        "900",
        str(RUNNER),
        *FLAGS,
        "--home",
        str(home),
        *variables,
        *jobs,
    ]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("CI", "GITLAB_"))
    }
    environment["TRUEWHEEL_VENV"] = sys.prefix
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


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
