"""Two wheels out of one CMake command.

Named as planned, repaired, imported, and nothing stale among them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STALE = (
    "dist/treeserver-9.0-cp39-cp39-linux_x86_64.whl",
    "build/wheels/treefrontend-9.0-cp39-cp39-linux_x86_64.whl",
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("g++"), reason="not installed: g++"),
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the example in which somebody has built before."""
    ignored = shutil.ignore_patterns("build", "dist")
    shutil.copytree(ROOT / "examples/tree", tmp_path / "a tree", ignore=ignored)
    for name in STALE:
        (tmp_path / "a tree" / name).parent.mkdir(parents=True)
        (tmp_path / "a tree" / name).write_text("stale")
    return tmp_path / "a tree"


def run(tree: Path, *more: str) -> str:
    """Build the tree; return what is said."""
    values = [
        "-v",
        "CI_PIPELINE_ID=77",
        "-v",
        "NVIDIA_UPSTREAM_VERSION=26.04",
        "-v",
        "CUDA_VERSION=",
    ]
    command = [sys.executable, str(ROOT / "gen_ci.py"), "run", "--out", "../out", *values, *more]
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CI", "TRUEWHEEL_"))
    }
    done = subprocess.run(
        command,
        cwd=tree,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_one_command_makes_both_wheels_as_planned(tree: Path):
    output = run(tree)
    wheels = sorted(path.name for path in (tree.parent / "out").glob("*.whl"))
    assert wheels == sorted(
        cell["wheel"] for cell in json.loads((tree.parent / "out/plan.json").read_text())["cells"]
    )
    assert [name.split("-cp")[0] for name in wheels] == [
        "treefrontend-2.69.0.dev0+nv26.4-77",
        "treeserver-2.69.0.dev0+nv26.4-77",
    ]
    for package in ("treeserver", "treefrontend"):
        (file,) = (tree.parent / "out/evidence").glob(f"{package}__*.json")
        record = json.loads(file.read_text())
        assert record["repaired"] == "here"
        grafted = [library["name"].split("-")[0] for library in record["auditwheel"]["grafted"]]
        assert grafted == [f"{package}.libs/libtree"]
    (log,) = tree.glob("build/tree__host__*/log.txt")
    text = log.read_text()
    assert text.count("Executing workflow step 1 of 2") == 1, "the command ran once"
    assert "treeserver 2.69.0.dev0+nv26.4: the library is the wheel's own" in output
    assert "treefrontend: depths are right" in output
    assert ": unchanged" not in output

    before = {path: path.stat().st_mtime_ns for path in (tree.parent / "out").glob("*.whl")}
    again = run(tree)
    assert again.count(": unchanged") == 2
    assert ": compile" not in again
    assert {path: path.stat().st_mtime_ns for path in before} == before
