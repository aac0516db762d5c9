"""Copies of this checkout, in which tests generate, build and commit."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.egg-info")
# Each job runs in a copy of its own: with byte code, it does not compile Truewheel again. It counts
# where the times of the sources are kept.
LEFT_OUT_OF_SOURCE = shutil.ignore_patterns("*.egg-info")
# Examples hold what `make run` built; src/truewheel/build is a package.
LEFT_OUT_OF_EXAMPLES = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "dist")


def copy_checkout(folder: Path, *names: str) -> None:
    """Copy gen_ci.py and the named folders of the checkout into a folder, but nothing built."""
    ignored_of = {"examples": LEFT_OUT_OF_EXAMPLES, "src": LEFT_OUT_OF_SOURCE}
    for name in names:
        ignored = ignored_of.get(name, LEFT_OUT)
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    shutil.copy2(ROOT / "gen_ci.py", folder)
