"""truewheel compile: build the wheels of cells."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping

from truewheel.cli import job_cells
from truewheel.cli.problems import refuse
from truewheel.cli.terminal import show
from truewheel.errors import Exit
from truewheel.workspace import loading

EXAMPLES = job_cells.EXAMPLES.format(command="compile")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of compile."""
    job_cells.add_job_cells(parser)
    parser.add_argument(
        "--twice",
        action="store_true",
        help="build a second time in another folder, and say which files in the wheel differ",
    )


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Build the wheels of the cells in build/<cell>/."""
    from truewheel.build.engines.command import build_wheels
    from truewheel.build.engines.pep517 import compile_wheel
    from truewheel.build.submodules import find_missing

    plan, cells, root = job_cells.read_job_cells(arguments, environment)
    loading.check_separators(root)
    refuse(find_missing(plan, cells, root))
    for batch_id, batch in plan.batches(cells).items():
        if plan.packages[batch[0].package].build:
            wheels = build_wheels(plan, batch_id, batch, root, environment, twice=arguments.twice)
        else:
            wheels = [
                compile_wheel(plan, cell, root, environment, twice=arguments.twice)
                for cell in batch
            ]
        show("\n".join(map(str, wheels)))
    return Exit.OK
