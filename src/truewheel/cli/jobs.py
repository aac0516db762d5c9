"""truewheel compile, repair and test: what a wheel job does, on a forge or on a laptop."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path

from truewheel.cli import arguments as common
from truewheel.cli.terminal import show
from truewheel.errors import Exit
from truewheel.plan.model import Cell, Plan
from truewheel.workspace import loading

EXAMPLES = """\
examples:
  {command} --cell tritonserver/rhel8/x86_64/cp312
  {command} --cell foo/host/x86_64/cp312 --plan dist/plan.json
  {command} --cell foo/rhel8/x86_64/cp312,bar/rhel8/x86_64/cp312
"""


def arguments(command: str, parser: ArgumentParser) -> None:
    """Declare the arguments of a job-side command."""
    parser.epilog = EXAMPLES.format(command=command)
    parser.set_defaults(
        run={"compile": compile_cells, "repair": repair_cells, "test": test_cells}[command]
    )
    common.add_cells(parser, required=True)
    common.add_plan(parser)
    if command == "test":
        parser.add_argument(
            "--python",
            default="",
            metavar="TAG",
            help="interpreter (default: the one that compiled)",
        )
    if command == "compile":
        twice = "build a second time in another folder, and say which members of the wheel differ"
        parser.add_argument("--twice", action="store_true", help=twice)


def compile_cells(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Build the wheels of the cells in build/<cell>/."""
    from truewheel.build.engines.command import build_wheels
    from truewheel.build.engines.pep517 import compile_wheel

    plan, cells, root = _cells(arguments, environment)
    loading.refuse_separators(root)
    for batch_id, batch in plan.batches(cells).items():
        if plan.packages[batch[0].package].build:
            made = build_wheels(plan, batch_id, batch, root, environment, twice=arguments.twice)
        else:
            made = [
                compile_wheel(plan, cell, root, environment, twice=arguments.twice)
                for cell in batch
            ]
        show("\n".join(map(str, made)))
    return Exit.OK


def repair_cells(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Repair the compiled wheels into the output folder."""
    from truewheel.build.repair import repair_wheel

    plan, cells, root = _cells(arguments, environment)
    for cell in cells:
        show(str(repair_wheel(plan, cell, root, Path(arguments.out), environment)))
    return Exit.OK


def test_cells(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Install each cell's wheel from the output folder and run its smoke test."""
    from truewheel.build import evidence
    from truewheel.build.smoke_test import smoke_test

    plan, cells, root = _cells(arguments, environment)
    out = Path(arguments.out)
    for cell in cells:
        smoke_test(
            plan, cell, root, out / evidence.settled(out, cell).wheel, environment, arguments.python
        )
    return Exit.OK


def _cells(
    arguments: Namespace, environment: Mapping[str, str]
) -> tuple[Plan, tuple[Cell, ...], Path]:
    plan, path = common.read_plan(arguments.plan, Path(arguments.out), environment)
    return (
        plan,
        common.planned_cells(plan, arguments.cell, path),
        loading.root_of(arguments.spec, Path.cwd()),
    )
