"""truewheel hand-over."""

from __future__ import annotations

import argparse
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

from truewheel.cli import arguments as common
from truewheel.cli.terminal import say, show
from truewheel.errors import Exit, meant, stop
from truewheel.plan.model import Cell, Plan

EXAMPLES = """\
examples:
  hand-over --put --cell tritonserver/rhel8/x86_64/cp312  last, in a wheel job: its wheel
  hand-over --get                                         first, in the job that proves
  hand-over --put --made                                  last, in the job that proves
  hand-over --get --index internal                        first, in the job that publishes
where records do not travel as artifacts (gitlab.layout: children):
  hand-over --make-key truewheel.key                      the whole job key
  hand-over --sign --key truewheel.key --cell CELLS       a job after the wheel jobs: their records
  hand-over --get --key truewheel.key                     first, in the job that proves
"""


def arguments(command: str, parser: ArgumentParser) -> None:
    """Declare the arguments of hand-over."""
    del command
    parser.epilog = EXAMPLES
    parser.set_defaults(run=hand_over)
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument(
        "--put", action="store_true", help="send wheels to the project's package registry"
    )
    way.add_argument(
        "--get", action="store_true", help="get wheels from there: those of the records in DIR"
    )
    way.add_argument("--sign", action="store_true", help="send signed records there")
    way.add_argument(
        "--make-key", metavar="FILE", help="write a new key, with which this pipeline signs"
    )
    common.add_cells(parser, required=False)
    parser.add_argument(
        "--made", action="store_true", help="the copies and archives that prove has made (--put)"
    )
    parser.add_argument("--index", metavar="NAME", help="the wheels that an index gets (--get)")
    parser.add_argument(
        "--key", metavar="FILE",
        help="the pipeline's key: records are signed with it, and taken if so signed; the file is then removed",
    )  # fmt: skip
    parser.add_argument(
        "--deadline",
        metavar="S",
        type=_seconds,
        default=3600.0,
        help="seconds that it may take (default: 3600)",
    )
    common.add_plan(parser)


def _seconds(text: str) -> float:
    if not text.isdecimal() or not 0 < int(text) <= 10**6:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 1 to 1000000")
    return float(text)


def hand_over(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Send or get the files of a pipeline's wheels, or make its key."""
    from truewheel.build import hand_over as handover
    from truewheel.build import signed_records

    if problem := _misfit(arguments):
        raise stop("hand-over", problem, "see hand-over --help")
    if arguments.make_key:
        signed_records.make_key(Path(arguments.make_key))
        show(f"a new key is in {arguments.make_key}")
        return Exit.OK
    out = Path(arguments.out)
    plan, path = common.read_plan(arguments.plan, out, environment)
    cells = _cells(arguments, plan, path)
    indexes = [index.name for index in plan.indexes]
    if arguments.index and arguments.index not in indexes:
        raise stop(
            str(path), f"no index {arguments.index!r} in this plan", meant(arguments.index, indexes)
        )
    place = handover.store(plan, environment, arguments.deadline)
    key = signed_records.take_key(Path(arguments.key), environment) if arguments.key else b""
    if arguments.sign:
        show(f"{len(handover.sign(out, cells, place, key))} records sent to {place.address}")
        return Exit.OK
    if arguments.put:
        sent = handover.put_made(out, place) if arguments.made else handover.put(out, cells, place)
        show(f"{len(sent)} files sent to {place.address}")
        return Exit.OK
    if key:
        handover.get_records(out, cells, place, key)
    index = arguments.index
    for name in (
        handover.get_for(out, plan, index, place) if index else handover.get(out, cells, place)
    ):
        say(f"not there: {name}")
    show(f"got from {place.address}")
    return Exit.OK


def _misfit(arguments: Namespace) -> str:
    """Return which arguments say nothing together, or ""."""
    if (arguments.made and (not arguments.put or arguments.cell)) or (
        arguments.index and (not arguments.get or arguments.cell)
    ):
        return "--made is for --put, --index for --get, and --cell for neither"
    if arguments.make_key and arguments.cell:
        return "--make-key stands alone"
    if arguments.sign and not (arguments.key and arguments.cell):
        return "--sign needs --key and --cell"
    if (
        arguments.key
        and not arguments.sign
        and (not arguments.get or arguments.cell or arguments.index)
    ):
        return "--key is for --sign, and for --get without --cell and --index"
    return ""


def _cells(arguments: Namespace, plan: Plan, path: Path) -> Sequence[Cell]:
    if not arguments.cell:
        return plan.cells
    if not arguments.sign:
        return common.planned_cells(plan, arguments.cell, path)
    # a job signs for many wheel jobs, some of which a merge request may leave out
    kept = [cell for cell in arguments.cell.split(",") if cell not in plan.left_out]
    return common.planned_cells(plan, ",".join(kept), path) if kept else ()
