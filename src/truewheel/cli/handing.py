"""truewheel hand-over."""

from __future__ import annotations

import argparse
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path

from truewheel.cli import common
from truewheel.cli.terminal import say, show
from truewheel.problems import Exit, meant, stop

EXAMPLES = """\
examples:
  hand-over --put --cell tritonserver/rhel8/x86_64/cp312  last, in a wheel job
  hand-over --get                                         first, in the job that proves
  hand-over --put --made                                  last, in the job that proves
  hand-over --get --index internal                        first, in the job that publishes
"""


def arguments(command: str, parser: ArgumentParser) -> None:
    """Declare the arguments of hand-over."""
    del command
    parser.epilog = EXAMPLES
    parser.set_defaults(run=hand_over)
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--put", action="store_true", help="send files to the project's package registry")
    way.add_argument("--get", action="store_true", help="get files from there")
    common.add_cells(parser, required=False)
    parser.add_argument("--made", action="store_true", help="the copies and archives that prove has made (--put)")
    parser.add_argument("--index", metavar="NAME", help="the wheels that an index gets (--get)")
    parser.add_argument(
        "--deadline", metavar="S", type=_seconds, default=3600.0, help="seconds that it may take (default: 3600)"
    )
    common.add_plan(parser)


def _seconds(text: str) -> float:
    if not text.isdecimal() or not 0 < int(text) <= 10**6:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 1 to 1000000")
    return float(text)


def hand_over(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Send or get the files of a pipeline's wheels."""
    from truewheel.steps import handover

    if (arguments.made and (arguments.get or arguments.cell)) or (
        arguments.index and (arguments.put or arguments.cell)
    ):
        raise stop(
            "hand-over", "--made is for --put, --index for --get, and --cell for neither", "see hand-over --help"
        )
    out = Path(arguments.out)
    plan, path = common.read_plan(arguments.plan, out, environment)
    cells = common.planned_cells(plan, arguments.cell, path) if arguments.cell else plan.cells
    indexes = [index.name for index in plan.indexes]
    if arguments.index and arguments.index not in indexes:
        raise stop(str(path), f"no index {arguments.index!r} in this plan", meant(arguments.index, indexes))
    place = handover.store(plan, environment, arguments.deadline)
    if arguments.put:
        sent = handover.put_made(out, place) if arguments.made else handover.put(out, cells, place)
        show(f"{len(sent)} files sent to {place.address}")
        return Exit.OK
    if arguments.index:
        missing = handover.get_for(out, plan, arguments.index, place)
    else:
        missing = handover.get(out, cells, place)
    for name in missing:
        say(f"not there: {name}")
    show(f"got from {place.address}")
    return Exit.OK
