"""truewheel run: build, repair, validate, load and prove this machine's cells."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from truewheel.build import contained, evidence, load, local, prove
from truewheel.build.containers import ENGINES
from truewheel.build.local import Progress
from truewheel.build.submodules import find_missing
from truewheel.cli import verdict_table
from truewheel.cli.arguments import add_json, add_spec, add_variables
from truewheel.cli.plans import (
    detect_machine,
    find_event,
    find_unnamed_submodules,
    load_workspace,
    make_plan,
    select_cells,
)
from truewheel.cli.problems import refuse
from truewheel.cli.terminal import print_json, say, show
from truewheel.cli.verdict_table import say_verdict
from truewheel.errors import Exit, pluralize, stop
from truewheel.plan import plan_file
from truewheel.plan.matrix import ANY, HOST
from truewheel.plan.model import Cell, Plan
from truewheel.system import files, folder_lock
from truewheel.workspace.loading import Workspace, check_separators

EXAMPLES = """\
examples:
  run                          all cells of this machine, into dist/
  run --cell 'foo/*' --jobs 1
  run -v CI_PIPELINE_ID=49163608 --out wheels
  run --engine podman          the cells of this architecture, in their targets' images
"""

BUSY = "wait for its end, or run in another checkout with another --out"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of run."""
    add_spec(parser)
    add_variables(parser)
    parser.add_argument(
        "--cell", metavar="GLOB", help="build only these cells, and prove only them"
    )
    parser.add_argument(
        "--engine",
        choices=(HOST, *ENGINES),
        default=HOST,
        help="host (default): on this machine; an engine: in the targets' images",
    )
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=_jobs,
        default=_cores(),
        help="cells built at the same time (default: the number of cores)",
    )
    parser.add_argument(
        "--out", metavar="DIR", default="dist", help="folder of the finished wheels (default: dist)"
    )
    add_json(parser)
    parser.add_argument(
        "options", nargs="*", metavar="OPTION", help="after --: further options of the engine's run"
    )


def _jobs(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 1024")
    return int(text)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Build, repair, validate, load and prove the cells of this machine; exit 4 when one fails.

    Raises `Stop` (exit 2) when another run works in build/ or the folder of the wheels.
    """
    space = load_workspace(arguments)
    in_images = arguments.engine != HOST
    check_separators(space.root, *([Path(arguments.out).absolute()] if in_images else []))
    machine = None if in_images else detect_machine(space.spec, environment)
    plan = make_plan(arguments, space, environment, event=find_event(environment), on=machine)
    refuse(plan.problems)
    selected = select_cells(plan, arguments.cell)
    cells = _local_cells(selected) if in_images else selected.cells
    refuse([*find_unnamed_submodules(space), *find_missing(plan, cells, space.root)])
    out = Path(arguments.out).absolute()
    folders = (space.root / evidence.WORK, out)
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    with folder_lock.held(folders, BUSY):
        return _run(arguments, space, plan, cells, out, environment)


def _run(
    arguments: Namespace,
    space: Workspace,
    plan: Plan,
    cells: Sequence[Cell],
    out: Path,
    environment: Mapping[str, str],
) -> Exit:
    prove.forget(out, plan)
    files.write_text(out / "plan.json", plan_file.write(plan))
    for name in local.remove_stale(plan, out):
        say(f"removed {name}: from an earlier run, and not in this plan")
    results = _build(arguments, space, plan, cells, out, environment)
    failed = [progress.cell for progress in results if progress.state == "failed"]
    built = [progress.cell for progress in results if progress.state == "built"]
    for batch_id in plan.batches(built):
        for line in local.notices(space.root, batch_id):
            say(line)
    for batch_id in plan.batches(failed):
        say(local.failure(space.root, batch_id))
    _show_unbuilt(arguments, space, environment)
    if failed:
        say(f"{len(failed)} of {len(cells)} cells failed")
        return Exit.WHEEL
    # Before code of the wheels runs: what it does to files of the folder changes no digest.
    digests = {cell.id: files.sha256(out / evidence.settled(out, cell).wheel) for cell in cells}
    _load(arguments, space, plan, cells, out, environment, results)
    return _prove(arguments, plan, cells, out, results, digests)


def _load(
    arguments: Namespace,
    space: Workspace,
    plan: Plan,
    cells: Sequence[Cell],
    out: Path,
    environment: Mapping[str, str],
    results: Sequence[Progress],
) -> None:
    """Install and load the wheels, and run their smoke tests.

    What was said of the same bytes holds while no wheel of the set is another one.
    """
    if arguments.engine != HOST:
        contained.test(
            plan,
            cells,
            space.root,
            out,
            environment,
            engine=arguments.engine,
            options=arguments.options,
        )
        return
    session = load.Session(
        plan, out, environment, space.root, lambda cell: evidence.work_folder(space.root, cell)
    )
    unchanged = all(progress.state == "unchanged" for progress in results)
    tried = load.load_cells(session, cells, say_verdict, reuse=unchanged)
    for line in verdict_table.obstacles(plan, tried.obstacles):
        say(line)


def _build(
    arguments: Namespace,
    space: Workspace,
    plan: Plan,
    cells: Sequence[Cell],
    out: Path,
    environment: Mapping[str, str],
) -> Sequence[Progress]:
    with _display(cells) as tell:
        if arguments.engine == HOST:
            anew = _is_committed(space.root, out, environment)
            return local.run(
                plan, cells, space.root, out, environment, jobs=arguments.jobs, tell=tell, anew=anew
            )
        engine = {"engine": arguments.engine, "options": arguments.options, "tell": tell}
        return contained.run(plan, cells, space.root, out, environment, **engine)


def _is_committed(root: Path, out: Path, environment: Mapping[str, str]) -> bool:
    """Return whether files of earlier builds came with the checkout; say so.

    Then nobody knows who has built them, and that they are unchanged says nothing.
    """
    from truewheel.workspace import git  # starts programs, which most commands do not

    for folder in (root / evidence.WORK, out):
        if git.has_tracked(root, environment, folder):
            say(f"{folder}: files of the repository are in it, so every cell is built anew")
            return True
    return False


def _prove(
    arguments: Namespace,
    plan: Plan,
    cells: Sequence[Cell],
    out: Path,
    results: Sequence[Progress],
    digests: Mapping[str, str],
) -> Exit:
    only = frozenset(cell.id for cell in cells)
    proof = prove.prove(out, plan, only, digests=digests)
    for problem in proof.problems:
        say(problem)
    states = Counter(progress.state for progress in results)
    counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    if arguments.json:
        print_json(proof.data)
    elif proof.ok:
        wheels = f"{pluralize(len(cells), 'wheel')} ({counts})"
        show(f"{wheels}, named as planned and proven: {arguments.out}/{prove.SUMS}")
        show("\n".join(verdict_table.rows(proof.data)))
    return Exit.OK if proof.ok else Exit.WHEEL


def _local_cells(plan: Plan) -> tuple[Cell, ...]:
    """Return the cells with an image of this machine's architecture.

    Raises `Stop` (exit 2) when there are none.
    """
    cells = tuple(
        cell
        for cell in plan.cells
        if cell.arch == platform.machine() and plan.image(cell.target, cell.arch)
    )
    if not cells:
        message = f"no cell has an image for {platform.machine()}"
        raise stop("run --engine", message, "name one: targets.<name>.base")
    return cells


def _show_unbuilt(arguments: Namespace, space: Workspace, environment: Mapping[str, str]) -> None:
    """Say which cells of the spec's targets this machine cannot build, and why."""
    in_images = arguments.engine != HOST
    plan = make_plan(arguments, space, environment, event=find_event(environment))
    here = platform.machine()
    built = {cell.id for cell in _local_cells(plan)} if in_images else set()
    left = [cell for cell in plan.cells if cell.target != ANY and cell.id not in built]
    reasons = Counter((cell.target, cell.arch) for cell in left)
    for (target, arch), count in reasons.items():
        without = "has no image" if in_images else "needs a container"
        reason = without if arch == here else f"needs {arch}, this machine is {here}"
        say(f"not built here: {count} cells of {target}/{arch}: {reason}")


@contextmanager
def _display(cells: Sequence[Cell]) -> Iterator[Callable[[Progress], None]]:
    """Show progress: a live table at a terminal, plain lines in a log."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from truewheel.cli.cells_table import table

        with table(cells) as update:
            yield update
    else:
        yield _show_line


def _show_line(progress: Progress) -> None:
    seconds = f" in {progress.seconds:.0f} s" if progress.state in {"built", "failed"} else ""
    say(f"{progress.cell.id}: {progress.state}{seconds}")
