"""Verdicts for the tests, as the test jobs of a pipeline leave them."""

from __future__ import annotations

from pathlib import Path

from truewheel.build import verdicts
from truewheel.build.verdicts import NotTried, Verdict
from truewheel.plan.model import Cell
from truewheel.system.files import sha256


def write(dist: Path, cell: Cell, verdict: str = "loaded", needs: str = "") -> None:
    """Write the verdict on the wheel that a folder has of a cell.

    With `needs`, its module was not tried, as another distribution is missing.
    """
    python = cell.python if cell.python.startswith("cp") else "cp312"
    verdicts.write(
        dist,
        Verdict(
            cell=cell.id,
            wheel=cell.wheel,
            sha256=sha256(dist / cell.wheel),
            python=python,
            verdict=verdict,
            not_tried=(NotTried("demo", needs),) if needs else (),
        ),
    )
