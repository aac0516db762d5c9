"""A clone on a machine that has Python, make and a compiler.

`make run` builds and proves the examples' wheels.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEEDED = ("git", "make", "g++")
MISSING = [name for name in NEEDED if not shutil.which(name)]
# How this machine reaches its package index: a fresh one has that as well.
NETWORK = ("PIP_", "SSL_", "REQUESTS_", "http_", "https_", "no_", "HTTP_", "HTTPS_", "NO_")
PYTHONS = f"{sys.base_prefix}/bin"
PYTHON = f"{PYTHONS}/python3.{sys.version_info.minor}"
ENVIRONMENT = {name: value for name, value in os.environ.items() if name.startswith(NETWORK)}
ENVIRONMENT["PATH"] = f"{PYTHONS}:{os.defpath}"
# What uv has unpacked before it links: the home folder is empty, the cache need not be.
UV_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "uv"
ENVIRONMENT["UV_CACHE_DIR"] = os.environ.get("UV_CACHE_DIR") or str(UV_CACHE)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout"),
]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the files of this checkout, in a folder with a space in its name."""
    folder = tmp_path_factory.mktemp("fresh clone")
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, listed):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    git(folder, "-c", "init.defaultBranch=main", "init", "--quiet")
    git(folder, "add", "--all")
    git(
        folder,
        "-c",
        "user.name=test",
        "-c",
        "user.email=test@example.invalid",
        "commit",
        "--quiet",
        "--message=test",
    )
    return folder


@pytest.fixture(scope="module")
def first(clone: Path) -> str:
    """What the first `make run` said; it must have succeeded."""
    return make_run(clone)


def git(folder: Path, *words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=folder, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def make_run(clone: Path) -> str:
    """Run `make run` with an empty home folder and next to no environment.

    Return stdout and stderr.
    """
    home = clone.with_name("home")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    done = subprocess.run(
        ["make", "run", f"PYTHON={PYTHON}"],
        cwd=clone,
        env={**ENVIRONMENT, "HOME": str(home)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def planned(clone: Path) -> list[str]:
    """The wheel names of `plan --local`."""
    command = [clone / ".venv/bin/python", "gen_ci.py", "plan", "--local", "--json"]
    done = subprocess.run(
        command, cwd=clone, env=ENVIRONMENT, check=True, stdout=subprocess.PIPE, text=True
    )
    return sorted(cell["wheel"] for cell in json.loads(done.stdout)["cells"])


def test_the_first_run_leaves_the_planned_wheels_and_proves_them(clone: Path, first: str):
    dist = clone / "dist"
    wheels = sorted(path.name for path in dist.glob("*.whl"))
    assert len(wheels) >= 2
    assert {name.split("-")[0] for name in wheels} == {"tritonserver", "tritonfrontend"}
    assert wheels == sorted(
        cell["wheel"] for cell in json.loads((dist / "plan.json").read_text())["cells"]
    )
    assert wheels == planned(clone)
    evidence = json.loads((dist / "evidence.json").read_text())
    assert evidence["ok"], evidence
    sums = dict(line.split("  ")[::-1] for line in (dist / "SHA256SUMS").read_text().splitlines())
    for name in wheels:
        assert sums[name] == hashlib.sha256((dist / name).read_bytes()).hexdigest()
        assert name in first


@pytest.mark.usefixtures("first")
def test_the_tree_of_one_command_is_built_too(clone: Path):
    proof = json.loads((clone / "examples/tree/dist/evidence.json").read_text())
    assert proof["ok"], proof
    assert [wheel["wheel"].split("-")[0] for wheel in proof["wheels"]] == [
        "treefrontend",
        "treeserver",
    ]


@pytest.mark.usefixtures("first")
def test_nothing_but_ignored_files_was_made(clone: Path):
    assert git(clone, "status", "--porcelain") == ""


def test_a_second_run_builds_nothing_again(clone: Path, first: str):
    before = {path: path.stat().st_mtime_ns for path in (clone / "dist").glob("*.whl")}
    output = make_run(clone)
    assert "making .venv" in first
    assert "making .venv" not in output
    assert ": unchanged" in output
    assert ": compile" not in output
    assert {path: path.stat().st_mtime_ns for path in before} == before
