"""What compile, repair and test share: the cells of a wheel job, on a forge or on a laptop."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from truewheel.cli.arguments import add_cells, add_plan
from truewheel.cli.plans import read_plan, select_planned
from truewheel.errors import Exit, Problem, Stop, Where, stop, suggest
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
    """Return the cells that the arguments name: by their ids, or by target and architecture.

    Raises `Stop` (exit 2) for unknown ones.
    """
    plan, path = read_plan(arguments.plan, Path(arguments.out), environment)
    if arguments.cell is None:
        cells = _cells_of_place(plan, arguments.target, arguments.arch)
    else:
        # A test job may have cells of several packages, of which a merge request changes some.
        kept = [cell for cell in arguments.cell.split(",") if cell not in plan.left_out]
        cells = select_planned(plan, ",".join(kept) or arguments.cell, path)
    return JobCells(plan, cells, loading.find_root(arguments.spec, Path.cwd()))


def _cells_of_place(plan: Plan, target: str | None, arch: str | None) -> tuple[Cell, ...]:
    """Return the cells of a target and architecture that a runner can load.

    Raises `Stop`: exit 0 when the merge request changes none of them.
    """
    if not (target and arch):
        raise stop(
            "--cell", "is missing, and so is --target or --arch", "list cells: truewheel plan"
        )
    cells = tuple(
        cell
        for cell in plan.cells
        if (cell.target, cell.arch) == (target, arch) and cell.id not in plan.named
    )
    if not cells:
        if any(cell_id.split("/")[1:3] == [target, arch] for cell_id in plan.left_out):
            message = "nothing to do: the merge request changes no package of this place"
            raise Stop([Problem(Where(f"{target}/{arch}"), message)], Exit.OK)
        places = dict.fromkeys(f"{cell.target}/{cell.arch}" for cell in plan.cells)
        hint = suggest(f"{target}/{arch}", places, f"places are {', '.join(places)}")
        raise stop("--target", f"the plan has no cells of {target}/{arch}", hint)
    return cells
