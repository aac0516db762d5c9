"""truewheel hand-over: pass wheels from job to job through GitLab's package registry."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

from truewheel.cli.arguments import add_cells, add_plan, parse_whole_seconds
from truewheel.cli.plans import read_plan, select_planned
from truewheel.cli.terminal import say, show
from truewheel.errors import Exit, stop
from truewheel.plan.model import Cell, Plan

EXAMPLES = """\
examples:
  hand-over --put --cell tritonserver/rhel8/x86_64/cp312  last, in a wheel job: its wheel
  hand-over --get                                         first, in the job that proves
  hand-over --put --made                                  last, in the job that proves
where records and verdicts are no artifacts (gitlab.layout: children):
  hand-over --make-key truewheel.key                      all that the job key does
  hand-over --sign --key truewheel.key --cell CELLS       a job after them: what they recorded
  hand-over --get --key truewheel.key                     first, in the job that proves
"""

SHOWN = 20
"""Files that are named where more are not there: a test job has no others than its place's."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of hand-over."""
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument(
        "--put", action="store_true", help="send wheels to the project's package registry"
    )
    action.add_argument(
        "--get", action="store_true", help="get the wheels of the records in DIR from there"
    )
    action.add_argument("--sign", action="store_true", help="send signed records there")
    action.add_argument(
        "--make-key", metavar="FILE", help="write a new key, with which this pipeline signs"
    )
    add_cells(parser, required=False)
    parser.add_argument(
        "--made", action="store_true", help="with --put: the copies and archives of prove"
    )
    parser.add_argument(
        "--key",
        metavar="FILE",
        help="the pipeline's key, which signs records (--sign) or checks their signatures (--get); "
        "the file is then removed",
    )
    parser.add_argument(
        "--deadline",
        metavar="S",
        type=parse_whole_seconds,
        default=3600.0,
        help="seconds that it may take (default: 3600)",
    )
    add_plan(parser)


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Send or get the files of a pipeline's wheels, or make its key."""
    from truewheel.build import hand_over, signed_records

    if problem := _wrong_combination(arguments):
        raise stop("hand-over", problem, "see hand-over --help")
    if arguments.make_key:
        signed_records.make_key(Path(arguments.make_key))
        show(f"a new key is in {arguments.make_key}")
        return Exit.OK
    out = Path(arguments.out)
    plan, path = read_plan(arguments.plan, out, environment)
    cells = _cells(arguments, plan, path)
    store = hand_over.store(plan, environment, arguments.deadline)
    key = signed_records.take_key(Path(arguments.key), environment) if arguments.key else b""
    if arguments.sign:
        records = hand_over.sign(out, cells, store, key)
        show(f"{len(records)} records sent to {store.address}")
        return Exit.OK
    if arguments.put:
        if arguments.made:
            sent = hand_over.put_made(out, store)
        else:
            sent = hand_over.put(out, cells, store)
        show(f"{len(sent)} files sent to {store.address}")
        return Exit.OK
    if key:
        hand_over.get_records(out, cells, store, key)
        tested = {cell for job in plan.jobs if job.kind == "test" for cell in job.cells}
        loaded = [cell for cell in cells if cell.id in tested]
        hand_over.get_verdicts(out, loaded, store, key)
    missing = hand_over.get(out, cells, store)
    for name in missing[:SHOWN]:
        say(f"not there: {name}")
    if len(missing) > SHOWN:
        say(f"nor {len(missing) - SHOWN} more files")
    show(f"got from {store.address}")
    return Exit.OK


def _wrong_combination(arguments: Namespace) -> str:
    """Return which arguments cannot be used together, or ""."""
    if arguments.made and (not arguments.put or arguments.cell):
        return "--made needs --put, and no --cell"
    if arguments.make_key and arguments.cell:
        return "--make-key takes no --cell"
    if arguments.sign and not (arguments.key and arguments.cell):
        return "--sign needs --key and --cell"
    if arguments.key and not arguments.sign and (not arguments.get or arguments.cell):
        return "--key is for --sign, and for --get without --cell"
    return ""


def _cells(arguments: Namespace, plan: Plan, path: Path) -> Sequence[Cell]:
    if not arguments.cell:
        return plan.cells
    if not arguments.sign:
        return select_planned(plan, arguments.cell, path)
    # A job signs for many wheel jobs; a merge request may leave some of them out.
    kept = [cell for cell in arguments.cell.split(",") if cell not in plan.left_out]
    return select_planned(plan, ",".join(kept), path) if kept else ()
