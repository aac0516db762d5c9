"""truewheel test: install the wheels of cells and run their smoke tests."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path

from truewheel.cli import job_cells
from truewheel.errors import Exit

EXAMPLES = job_cells.EXAMPLES.format(command="test")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of test."""
    job_cells.add_job_cells(parser)
    parser.add_argument(
        "--python",
        default="",
        metavar="TAG",
        help="interpreter (default: the one that compiled)",
    )


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Install each cell's wheel from the output folder and run its smoke test."""
    from truewheel.build import evidence
    from truewheel.build.smoke_test import smoke_test

    plan, cells, root = job_cells.read_job_cells(arguments, environment)
    out = Path(arguments.out)
    for cell in cells:
        wheel = out / evidence.settled(out, cell).wheel
        smoke_test(plan, cell, root, wheel, environment, arguments.python)
    return Exit.OK
