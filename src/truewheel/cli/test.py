"""truewheel test: install and load the wheels of cells, and run their smoke tests."""

from __future__ import annotations

import argparse
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path

from truewheel.cli import job_cells
from truewheel.cli.arguments import add_cells, add_plan
from truewheel.cli.terminal import say
from truewheel.cli.verdict_table import say_verdict
from truewheel.errors import Exit, stop

EXAMPLES = """\
examples:
  test --target rhel8 --arch x86_64
  test --target rhel8 --arch x86_64 --python cp312
  test --cell tritonserver/rhel8/x86_64/cp312,foo/rhel8/x86_64/cp312
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of test."""
    add_cells(parser, required=False)
    parser.add_argument(
        "--target", metavar="NAME", help="all cells of this target and architecture"
    )
    parser.add_argument("--arch", metavar="ARCH", help="the architecture, with --target")
    add_plan(parser)
    parser.add_argument(
        "--python",
        default="",
        metavar="TAG",
        type=_tag,
        help="only on this interpreter, such as cp312 (default: those that each wheel is for)",
    )


def _tag(text: str) -> str:
    if text and not re.fullmatch(r"py3|cp3[0-9]{1,3}t?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no tag of an interpreter, such as cp312")
    return text


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Install and load each wheel of the output folder, and write a verdict on each.

    Exit 4 when one fails, or cannot be tried on this machine.
    """
    from truewheel.build import evidence, load

    plan, cells, root = job_cells.read_job_cells(arguments, environment)
    work = evidence.work_folder
    session = load.Session(
        plan, Path(arguments.out), environment, root, lambda cell_id: work(root, cell_id)
    )
    tried = load.load_cells(session, cells, say_verdict, python=arguments.python)
    for cell_id, obstacle in tried.obstacles.items():
        say(f"{cell_id}: cannot be tried here: {obstacle}")
    if not (tried.verdicts or tried.obstacles):
        raise stop("--python", f"no wheel of these cells is for {arguments.python}")
    failed = any(verdict.verdict == "failed" for verdict in tried.verdicts)
    return Exit.WHEEL if failed or tried.obstacles else Exit.OK
