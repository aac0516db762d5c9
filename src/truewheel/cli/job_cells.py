"""What compile, repair and test share: the cells of a wheel job, on a forge or on a laptop."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from truewheel.cli.arguments import add_cells, add_plan
from truewheel.cli.plans import read_plan, select_planned
from truewheel.plan.model import Cell, Plan
from truewheel.workspace import loading

EXAMPLES = """\
examples:
  {command} --cell tritonserver/rhel8/x86_64/cp312
  {command} --cell foo/host/x86_64/cp312 --plan dist/plan.json
  {command} --cell foo/rhel8/x86_64/cp312,bar/rhel8/x86_64/cp312
"""


class JobCells(NamedTuple):
    """The cells of a wheel job, their plan, and the folder of the spec."""

    plan: Plan
    cells: tuple[Cell, ...]
    root: Path


def add_job_cells(parser: ArgumentParser) -> None:
    """Add --cell, --plan, --out and --spec."""
    add_cells(parser, required=True)
    add_plan(parser)


def read_job_cells(arguments: Namespace, environment: Mapping[str, str]) -> JobCells:
    """Return the cells that the arguments name. Raises `Stop` (exit 2) for unknown ones."""
    plan, path = read_plan(arguments.plan, Path(arguments.out), environment)
    cells = select_planned(plan, arguments.cell, path)
    return JobCells(plan, cells, loading.find_root(arguments.spec, Path.cwd()))
