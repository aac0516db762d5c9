"""Install a cell's wheel into a fresh environment and run the package's own smoke test."""

from __future__ import annotations

from pathlib import Path
from typing import Mapping

from truewheel import interpreters, process, wheelfile
from truewheel.model import Cell, Plan
from truewheel.problems import Exit, stop
from truewheel.steps import evidence

TAIL_LINES = 20


def smoke_test(plan: Plan, cell: Cell, root: Path, wheel: Path, env: Mapping[str, str]) -> None:
    """Run the smoke test of a cell's package against its wheel, away from the sources; without one, do nothing.

    Raises `Stop` (exit 4) when the wheel cannot be installed or the test fails, with the end of its output.
    """
    package = plan.packages[cell.package]
    if not package.smoke:
        return
    root, wheel = root.absolute(), wheel.absolute()
    script = root / package.smoke
    if not script.is_file():
        raise stop(f"packages.{package.name}.smoke", f"there is no file {package.smoke}", "correct it, or add the file")
    _refuse_hidden(script, wheel, cell)
    work = evidence.work_folder(root, cell.id) / "smoke"
    python = interpreters.require(cell.builder, env, cell.id)
    own = interpreters.make_environment(python, work / "env", env, cell.id)
    interpreters.install(own, [str(wheel)], env, cell.id)
    log = work / "output.log"
    ...
