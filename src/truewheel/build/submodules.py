"""Builds from git submodules that are not checked out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from truewheel.errors import Problem, Where
from truewheel.plan.model import Cell, Plan
from truewheel.workspace import loading, submodules


def find_missing(plan: Plan, cells: Iterable[Cell], root: Path) -> Iterator[Problem]:
    """Yield the submodules that the sources of cells contain, and whose folders are empty.

    They are errors where the spec has submodules checked out, and warnings where it says nothing.
    """
    folders = submodules.paths(loading.read_text(root / submodules.FILE))
    if not folders or plan.submodules == "false":
        return
    packages = {cell.package: plan.packages[cell.package] for cell in cells}.values()
    sources = [
        path for package in packages for path in (package.path, package.version_file) if path
    ]
    needed = [
        folder for folder in folders if any(submodules.touches(folder, path) for path in sources)
    ]
    recursive = " --recursive" if plan.submodules == "recursive" else ""
    for folder in submodules.select_empty(root, needed):
        yield Problem(
            Where(folder),
            "this git submodule is not checked out: its folder is empty",
            f"git submodule update --init{recursive}; in jobs: the key submodules of the spec",
            "error" if plan.submodules else "warning",
        )
