"""truewheel repair: run auditwheel on the wheels of cells."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path

from truewheel.cli import job_cells
from truewheel.cli.terminal import show
from truewheel.errors import Exit

EXAMPLES = job_cells.EXAMPLES.format(command="repair")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of repair."""
    job_cells.add_job_cells(parser)


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Repair the compiled wheels into the output folder."""
    from truewheel.build.repair import repair_wheel

    plan, cells, root = job_cells.read_job_cells(arguments, environment)
    for cell in cells:
        show(str(repair_wheel(plan, cell, root, Path(arguments.out), environment)))
    return Exit.OK
