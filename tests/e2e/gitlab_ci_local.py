"""gitlab-ci-local, which runs the generated pipeline in a shell, and a project for it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import copy_checkout

from truewheel.wheel import platform_tags

ROOT = Path(__file__).parents[2]
RUNNER = ROOT / "tests/e2e/node/node_modules/.bin/gitlab-ci-local"
FLAGS = ["--force-shell-executor", "--shell-isolation", "--no-artifacts-to-source", "--color=false"]
VALUES = {"CI_PIPELINE_ID": "49163608", "NVIDIA_UPSTREAM_VERSION": "26.04"}
CHECKOUT = ("src", "scripts", "schema", "examples")
SPEC = """\
truewheel: 1
packages:
  tritonserver:
    path: examples/tritonserver
    version: {file: examples/TRITON_VERSION}
    graft: [libtritonserver.so.*]
  tritonfrontend:
    path: examples/tritonfrontend
    version: {file: examples/TRITON_VERSION, inject: 'env:VERSION'}
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


MARKS = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing()), reason=missing() or "all is here"),
]


def make_repository(folder: Path) -> Path:
    """A committed copy of this checkout with a spec for this machine, its pipeline generated."""
    copy_checkout(folder, *CHECKOUT)
    glibc = int((os.confstr("CS_GNU_LIBC_VERSION") or "").rpartition(".")[2])
    python = f"3.{sys.version_info.minor}{sys.abiflags}"
    words = {
        "floor": platform_tags.highest_floor(glibc),
        "arch": platform.machine(),
        "python": python,
    }
    (folder / "truewheel.yml").write_text(SPEC % words)
    (folder / ".gitignore").write_text("/.gitlab-ci-local/\n/build/\n/dist/\n/plan.json\n")
    subprocess.run([sys.executable, "gen_ci.py", "generate"], cwd=folder, check=True)
    commit(folder)
    return folder


def levels(dist: Path) -> list[str]:
    """The verdicts on the wheels of a proof, as its evidence has them."""
    proof = json.loads((dist / "evidence.json").read_text(encoding="utf-8"))
    return [wheel["verdict"] for wheel in proof["wheels"]]


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
