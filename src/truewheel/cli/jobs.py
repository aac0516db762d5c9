"""truewheel compile, repair and test: what a wheel job does, on a forge or on a laptop."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path

from truewheel import workspace
from truewheel.cli import common
from truewheel.cli.terminal import show
from truewheel.model import Cell, Plan
from truewheel.problems import Exit

EXAMPLES = """\
examples:
  {command} --cell tritonserver/rhel8/x86_64/cp312
  {command} --cell foo/host/x86_64/cp312 --plan dist/plan.json
"""


def arguments(command: str, parser: ArgumentParser) -> None:
    """Declare the arguments of a job-side command."""
    parser.epilog = EXAMPLES.format(command=command)
    parser.set_defaults(run={"compile": compile_cell, "repair": repair_cell, "test": test_cell}[command])
    parser.add_argument("--cell", required=True, metavar="ID", help="the cell, as plan names it")
    common.add_plan(parser)


def compile_cell(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Build the cell's wheel in build/<cell>/."""
    from truewheel.steps.compile import compile_wheel

    plan, cell, root = _cell(arguments)
    show(str(compile_wheel(plan, cell, root, environment)))
    return Exit.OK


def repair_cell(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Repair the compiled wheel into the output folder."""
    from truewheel.steps.repair import repair_wheel

    plan, cell, root = _cell(arguments)
    show(str(repair_wheel(plan, cell, root, Path(arguments.out), environment)))
    return Exit.OK


def test_cell(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Install the cell's wheel from the output folder and run its smoke test."""
    from truewheel.steps import evidence
    from truewheel.steps.smoke import smoke_test

    plan, cell, root = _cell(arguments)
    out = Path(arguments.out)
    smoke_test(plan, cell, root, out / evidence.settled(out, cell).wheel, environment)
    return Exit.OK


def _cell(arguments: Namespace) -> tuple[Plan, Cell, Path]:
    plan, path = workspace.read_plan(arguments.plan, Path(arguments.out))
    return plan, common.planned_cell(plan, arguments.cell, path), workspace.root_of(arguments.spec, Path.cwd())
