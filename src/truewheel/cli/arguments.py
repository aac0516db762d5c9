"""Arguments that several commands share, and what they stand for."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from truewheel.cli.terminal import say, send
from truewheel.errors import Exit, Problem, Stop, Where, errors, meant, stop
from truewheel.plan import planner
from truewheel.plan.matrix import Host
from truewheel.plan.model import Cell, Plan
from truewheel.system import files
from truewheel.system.log_text import harmless_json
from truewheel.workspace import loading
from truewheel.workspace.loading import GENERATOR, Workspace

PLAN_HELP = "the plan (default: DIR/plan.json, then ./plan.json; in a job of a CI, ./plan.json)"
JOB_MARKS = (
    "CI",
    "GITLAB_CI",
    "GITHUB_ACTIONS",
    "TF_BUILD",
    "JENKINS_URL",
    "TEAMCITY_VERSION",
    "CODEBUILD_BUILD_ID",
)
"""Variables of which a CI system sets at least one in its jobs."""


def add_spec(parser: argparse.ArgumentParser) -> None:
    """Add --spec."""
    parser.add_argument(
        "--spec", metavar="FILE", help="the spec (default: truewheel.yml here or above)"
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add --json."""
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def add_plan(parser: argparse.ArgumentParser) -> None:
    """Add --plan, --out and --spec, as the job-side commands read them."""
    parser.add_argument("--plan", metavar="FILE", help=PLAN_HELP)
    parser.add_argument(
        "--out", metavar="DIR", default="dist", help="folder of the finished wheels (default: dist)"
    )
    add_spec(parser)


def in_job(environment: Mapping[str, str]) -> bool:
    """Return whether this is a job of a CI, whose folders hold what other jobs have left."""
    unset = {"", "0", "false"}
    return any(environment.get(name, "").strip().lower() not in unset for name in JOB_MARKS)


def read_plan(given: str | None, folder: Path, environment: Mapping[str, str]) -> tuple[Plan, Path]:
    """Return the plan for the wheels of a folder, and its path: see `workspace.read_plan`.

    Raises `Stop` (exit 4) in a job whose folder is a link: its own files would get to where that
    leads.
    """
    is_job = in_job(environment)
    if is_job and not folder.is_absolute() and (link := files.link_to(Path(), folder.as_posix())):
        raise stop(
            str(link), "is a link, where a folder belongs", "look which job has left it", Exit.WHEEL
        )
    return loading.read_plan(given, folder, in_job=is_job)


def add_cells(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Add --cell, as the job-side commands read it."""
    parser.add_argument(
        "--cell",
        required=required,
        metavar="ID[,ID…]",
        help="the cell, or the cells of one build, as plan names them",
    )


def planned_cells(made: Plan, cell_ids: str, path: Path) -> tuple[Cell, ...]:
    """Return cells of a written plan by their ids, which commas part.

    Raises `Stop` (exit 2) when one is not there.
    """
    return tuple(
        _planned_cell(made, cell_id, path) for cell_id in dict.fromkeys(cell_ids.split(","))
    )


def _planned_cell(made: Plan, cell_id: str, path: Path) -> Cell:
    cell = made.cell(cell_id)
    if cell_id in made.left_out:
        message = "nothing to do: the merge request does not change this package"
        raise Stop([Problem(Where(cell_id), message)], Exit.OK)
    if cell is None:
        hint = meant(cell_id, [cell.id for cell in made.cells], cutoff=0.3)
        raise stop(str(path), f"no cell {cell_id!r} in this plan", hint)
    return cell


def add_variables(parser: argparse.ArgumentParser) -> None:
    """Add -v and --release-version."""
    parser.add_argument(
        "-v", dest="variables", metavar="NAME=VALUE", action="append", type=assignment, default=[],
        help="set a variable of the pipeline; may repeat",
    )  # fmt: skip
    parser.add_argument(
        "--release-version", metavar="V", help="base version, instead of the packages' own"
    )


def assignment(text: str) -> tuple[str, str]:
    """Return the name and the value of NAME=VALUE."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier() or not name.isascii():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def options(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the flags that a policy may read."""
    return (
        {} if arguments.release_version is None else {"release-version": arguments.release_version}
    )


def make_plan(
    arguments: argparse.Namespace,
    space: Workspace,
    environment: Mapping[str, str],
    *,
    event: str = "push",
    on: Host | None = None,
    changed: frozenset[str] | None = None,
) -> Plan:
    """Return the plan of the arguments' variables, for the spec's targets or for this machine (`on`).

    `changed` are the packages whose cells alone are wanted (None: all).
    """
    from truewheel.workspace import git  # starts programs, which most commands do not

    request = planner.Request(
        generator=GENERATOR,
        versions=space.versions(),
        event=event,
        overrides=dict(arguments.variables),
        environment=environment,
        options=options(arguments),
        host=on,
        read_file=_file_reader(space, is_host=on is not None),
        vcs=git.reader(space.root, environment),
        images=space.images(),
        changed=changed,
    )
    return planner.plan(space.spec, space.policy, request)


def merge_base(environment: Mapping[str, str]) -> str:
    """Return the revision that the merge or pull request of this pipeline is compared with, "" without one."""
    branch = environment.get("GITHUB_BASE_REF", "")
    return environment.get("CI_MERGE_REQUEST_DIFF_BASE_SHA") or (
        f"origin/{branch}" if branch else ""
    )


def _file_reader(space: Workspace, *, is_host: bool) -> Callable[[str], str | None]:
    """Return the reader of files for facts.

    Those of the spec's folder, and on this machine also absolute ones.
    """

    def read(path: str) -> str | None:
        if path.startswith("/"):
            return loading.read_text(Path(path)) if is_host else None
        return space.text(path)

    return read


def load(arguments: argparse.Namespace) -> Workspace:
    """Return the workspace that the arguments name."""
    return loading.load(arguments.spec, Path.cwd())


def tell(problems: Iterable[Problem]) -> Exit:
    """Print what speaks against a plan, and return how that ends."""
    problems = tuple(problems)
    for problem in problems:
        say(str(problem))
    return Exit.REFUSED if errors(problems) else Exit.OK


def refuse(problems: Iterable[Problem]) -> None:
    """Raise `Stop` (exit 2) when something speaks against a plan; say what is only a warning."""
    problems = tuple(problems)
    if errors(problems):
        raise Stop(problems)
    tell(problems)


def print_json(data: Any) -> None:
    """Print a document for programs."""
    send(harmless_json(json.dumps(data, indent=1)))
