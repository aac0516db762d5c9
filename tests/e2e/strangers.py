"""Truewheel as a stranger has it: built into a wheel, with nothing of this checkout on any path."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from gitlab_ci_local import ROOT

OURS = ("PYTHON", "TRUEWHEEL", "VIRTUAL_ENV", "CI", "GITHUB_", "GITLAB_", "GIT_")
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}


def run(folder: Path, *words: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, words)),
        cwd=folder,
        env={**ENVIRONMENT, **more},
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
    )


def succeed(folder: Path, *words: str | Path, **more: str) -> str:
    done = run(folder, *words, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this checkout, from a copy, into a folder."""
    for name in ("src", "schema"):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, folder / "tree" / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, folder / "tree")
    words = ("pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder)
    succeed(folder, sys.executable, "-m", *words, folder / "tree")
    (path,) = folder.glob("*.whl")
    return path


def read_starter() -> str:
    """Return the spec of README.md, word for word."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    return next(block for block in blocks if block.startswith("truewheel: 1"))
