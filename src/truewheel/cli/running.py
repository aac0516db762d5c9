"""truewheel run."""

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

from truewheel.build import contained, evidence, local, prove
from truewheel.build.containers import ENGINES
from truewheel.build.local import Progress
from truewheel.cli import arguments as common
from truewheel.cli.planning import event_of, local_host, selected
from truewheel.cli.terminal import say, show
from truewheel.errors import Exit, counted, stop
from truewheel.plan import plan_file
from truewheel.plan.matrix import ANY, HOST
from truewheel.plan.model import Cell, Plan
from truewheel.system import files, folder_lock
from truewheel.workspace.loading import Workspace, refuse_separators

EXAMPLES = """\
examples:
  run                          all cells of this machine, into dist/
  run --cell 'foo/*' --jobs 1
  run -v CI_PIPELINE_ID=49163608 --out wheels
  run --engine podman          the cells of this architecture, in their targets' images
"""
BUSY = "wait until it has ended, or run in another checkout with another --out"


def arguments(command: str, parser: ArgumentParser) -> None:
    """Declare the arguments of run."""
    del command
    parser.epilog = EXAMPLES
    parser.set_defaults(run=run)
    common.add_spec(parser)
    common.add_variables(parser)
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
        help="cells at once (default: the cores)",
    )
    parser.add_argument(
        "--out", metavar="DIR", default="dist", help="folder of the finished wheels (default: dist)"
    )
    common.add_json(parser)
    parser.add_argument(
        "options", nargs="*", metavar="OPTION", help="after --: further options of the engine's run"
    )


def _jobs(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 1024")
    return int(text)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Build, repair, validate, test and prove the cells of this machine; exit 4 when one fails.

    It has build/ and the folder of the wheels for itself. Raises `Stop` (exit 2) when another run
    is at work there.
    """
    space = common.load(arguments)
    in_images = arguments.engine != HOST
    refuse_separators(space.root, *([Path(arguments.out).absolute()] if in_images else []))
    machine = None if in_images else local_host(space.spec, environment)
    made = common.make_plan(arguments, space, environment, event=event_of(environment), on=machine)
    common.refuse(made.problems)
    cells = (
        _here(selected(made, arguments.cell)) if in_images else selected(made, arguments.cell).cells
    )
    out = Path(arguments.out).absolute()
    folders = (space.root / evidence.WORK, out)
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    with folder_lock.held(folders, BUSY):
        return _run(arguments, space, made, cells, out, environment)


def _run(
    arguments: Namespace,
    space: Workspace,
    made: Plan,
    cells: Sequence[Cell],
    out: Path,
    environment: Mapping[str, str],
) -> Exit:
    in_images = arguments.engine != HOST
    prove.forget(out, made)
    files.write_text(out / "plan.json", plan_file.write(made))
    for name in local.remove_stale(made, out):
        say(f"removed {name}: an earlier run made it, this plan does not name it")
    anew = not in_images and _is_committed(space.root, out, environment)
    with _display(cells) as tell:
        if in_images:
            known = {"engine": arguments.engine, "options": arguments.options, "tell": tell}
            ended = contained.run(made, cells, space.root, out, environment, **known)
        else:
            ended = local.run(
                made,
                cells,
                space.root,
                out,
                environment,
                jobs=arguments.jobs,
                tell=tell,
                anew=anew,
            )
    failed = [end.cell for end in ended if end.state == "failed"]
    for batch_id in made.batches(failed):
        say(local.failure(space.root, batch_id))
    _tell_elsewhere(arguments, space, environment, in_images=in_images)
    if failed:
        say(f"{len(failed)} of {len(cells)} cells failed")
        return Exit.WHEEL
    return _prove(arguments, made, cells, out, ended)


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
    arguments: Namespace, made: Plan, cells: Sequence[Cell], out: Path, ended: Sequence[Progress]
) -> Exit:
    only = frozenset(cell.id for cell in cells)
    proof = prove.prove(out, made, only)
    for problem in proof.problems:
        say(problem)
    states = Counter(end.state for end in ended)
    how = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    if arguments.json:
        common.print_json(proof.data)
    elif proof.ok:
        show(
            f"{counted(len(cells), 'wheel')} ({how}), named as planned and proven: {arguments.out}/SHA256SUMS"
        )
        show("\n".join(f"  {cell.wheel}" for cell in cells))
    return Exit.OK if proof.ok else Exit.WHEEL


def _here(made: Plan) -> tuple[Cell, ...]:
    """Return the cells that images of this machine's architecture build.

    Raises `Stop` (exit 2) if there are none.
    """
    cells = tuple(
        cell
        for cell in made.cells
        if cell.arch == platform.machine() and made.image(cell.target, cell.arch)
    )
    if not cells:
        raise stop(
            "run --engine",
            f"no cell has an image for {platform.machine()}",
            "name one: targets.<name>.base",
        )
    return cells


def _tell_elsewhere(
    arguments: Namespace, space: Workspace, environment: Mapping[str, str], *, in_images: bool
) -> None:
    """Name the cells of the spec's targets that cannot be built here, with the reason."""
    whole = common.make_plan(arguments, space, environment, event=event_of(environment))
    here = platform.machine()
    built = {cell.id for cell in _here(whole)} if in_images else set()
    left = [cell for cell in whole.cells if cell.target != ANY and cell.id not in built]
    reasons = Counter((cell.target, cell.arch) for cell in left)
    for (target, arch), count in reasons.items():
        without = "has no image" if in_images else "needs a container"
        reason = without if arch == here else f"needs {arch}, this machine is {here}"
        say(f"not built here: {count} cells of {target}/{arch}: {reason}")


@contextmanager
def _display(cells: Sequence[Cell]) -> Iterator[Callable[[Progress], None]]:
    """Show progress: a live table where a terminal watches, plain lines in a log."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from truewheel.cli.live import table

        with table(cells) as tell:
            yield tell
    else:
        yield _tell_line


def _tell_line(progress: Progress) -> None:
    seconds = f" in {progress.seconds:.0f} s" if progress.state in {"built", "failed"} else ""
    say(f"{progress.cell.id}: {progress.state}{seconds}")
