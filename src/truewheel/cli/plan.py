"""truewheel plan: list all cells with the file names of their wheels."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from truewheel.cli import plan_changes
from truewheel.cli.arguments import add_json, add_spec, add_variables
from truewheel.cli.plans import (
    detect_machine,
    find_event,
    find_merge_base,
    load_workspace,
    make_plan,
    select_cells,
)
from truewheel.cli.problems import show_problems
from truewheel.cli.terminal import print_json, say, show
from truewheel.errors import Exit, Stop, pluralize, select_errors, stop
from truewheel.plan import changes as changed_packages
from truewheel.plan import events, plan_file
from truewheel.plan.model import Cell, Index, Plan
from truewheel.plan.naming import source_of
from truewheel.plan.plan_diff import Change
from truewheel.spec.model import Spec
from truewheel.system import files
from truewheel.workspace import git
from truewheel.workspace.loading import Workspace

EXAMPLES = """\
examples:
  plan                                   the names of a push at this commit
  plan --event tag -v PYPI_RELEASE=true  what a tag would publish
  plan --local                           what run builds on this machine
  plan --cell 'foo/*/aarch64/*' --json
  plan --html plan.html                  matrix, names, jobs and problems as one page
  plan --against origin/main             which names this branch changes
  plan --against-policy triton-2026.04   which names another naming policy changes
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of plan."""
    add_spec(parser)
    add_variables(parser)
    parser.add_argument(
        "--event",
        choices=events.EVENTS,
        help="what starts the pipeline (default: the event of this job, else push)",
    )
    parser.add_argument(
        "--changed-since",
        metavar="REF",
        default="",
        help="with --event mr and changed_only in the spec: the git revision before the change "
        "(default: where the merge request began)",
    )
    parser.add_argument("--cell", metavar="GLOB", help="show only these cells")
    parser.add_argument(
        "--local",
        action="store_true",
        help="the cells of this machine (target host), without containers",
    )
    parser.add_argument(
        "--output", metavar="FILE", type=_file, help="write the plan to a file, as JSON"
    )
    add_json(parser)
    parser.add_argument(
        "--html", metavar="FILE", type=_file, help="write the plan as a page for a browser"
    )
    older = parser.add_mutually_exclusive_group()
    older.add_argument("--against", metavar="REF", help="show how names change from a git revision")
    older.add_argument(
        "--against-policy", metavar="P", help="show how names change from another policy"
    )
    parser.add_argument(
        "--allow-older",
        action="store_true",
        help="with --against: accept new names that are not newer for installers",
    )


def _file(text: str) -> Path:
    if not Path(text).name:
        raise ArgumentTypeError(f"{text!r} is not the name of a file")
    return Path(text)


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Print or write the plan; exit 2 when it must be refused."""
    try:
        return _run(arguments, environment)
    except Stop as stopped:
        if arguments.json:  # programs get a document in any case
            problems = [plan_file.problem_data(problem) for problem in stopped.problems]
            print_json(
                {"version": plan_file.VERSION, "cells": [], "jobs": [], "problems": problems}
            )
        raise


def _run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    space = load_workspace(arguments)
    machine = detect_machine(space.spec, environment) if arguments.local else None
    event = arguments.event or find_event(environment)
    changed = None
    if event == "mr" and not arguments.local:
        changed = _changed_packages(arguments, space, environment)
    plan = make_plan(arguments, space, environment, event=event, on=machine, changed=changed)
    code = show_problems(plan.problems)
    shown = select_cells(plan, arguments.cell)
    changes = None
    if arguments.against is not None or arguments.against_policy is not None:
        changes = plan_changes.find_changes(arguments, space, environment, plan, machine)
        if _has_older(changes) and not arguments.allow_older:
            code = Exit.REFUSED
    if arguments.output and code is Exit.OK:
        files.write_text(arguments.output, plan_file.write(plan))
    if arguments.html:
        files.write_text(arguments.html, _page(plan, space))
    if changes is not None:
        _show_changes(arguments, shown, changes)
    elif arguments.json:
        print_json(plan_file.to_data(shown))
    elif not (arguments.output or arguments.html) or code is not Exit.OK:
        show(table(shown))
        show(summary(plan, space.spec))
    return code


def _has_older(changes: Sequence[Change]) -> bool:
    return any(change.older_for for change in changes)


def _changed_packages(
    arguments: Namespace, space: Workspace, environment: Mapping[str, str]
) -> frozenset[str] | None:
    """Return the packages that the merge request changes, or None where all are built."""
    base = arguments.changed_since or find_merge_base(environment)
    if not (base and space.spec.merge_requests.changed_only):
        return None
    paths = git.list_changed_files(space.root, environment, base)
    if paths is None:
        if fault := git.find_fault(space.root, environment):
            raise stop("plan", fault.message, fault.hint)
        hint = "fetch the whole history (GIT_DEPTH: 0), and install git in the image of the job"
        raise stop("plan", f"git cannot list the files changed since {base}", hint)
    return changed_packages.changed_packages(space.spec, paths)


def _show_changes(arguments: Namespace, shown: Plan, changes: Sequence[Change]) -> None:
    if arguments.cell:
        changes = [change for change in changes if fnmatchcase(change.cell, arguments.cell)]
    if arguments.json:
        print_json({**plan_file.to_data(shown), "changes": plan_changes.to_data(changes)})
        return
    show(plan_changes.table(changes))
    if _has_older(changes) and not arguments.allow_older:
        say("refused: a new name is not newer for an installer (to accept it: --allow-older)")


def _page(plan: Plan, space: Workspace) -> str:
    """Return the HTML page of a plan; that of a refused plan shows its problems."""
    from truewheel.cli.pipeline_files import generate_files
    from truewheel.report import page
    from truewheel.spec.forges import FORGES, forge_of
    from truewheel.workspace import loading

    texts = {} if select_errors(plan.problems) else generate_files(space).texts
    shown = [
        page.File(FORGES[forge_of(path)].title, path, len(text.encode()))
        for path, text in texts.items()
    ]
    parts = page.Parts(*(loading.read_asset(f"page.{kind}") for kind in ("html", "css", "js")))
    return page.render_page(plan, shown, parts)


def table(plan: Plan) -> str:
    """Return the cells as a table, with the facts of the names above it."""
    rows = [("package", "target", "arch", "python", "wheel"), *map(_row, plan.cells)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "  " + "  ".join([*(f"{text:{width}}" for text, width in zip(row, widths)), row[4]])
        for row in rows
    ]
    return "\n".join([facts_line(plan.cells), "", *lines, *_archive_lines(plan)])


def _row(cell: Cell) -> tuple[str, str, str, str, str]:
    return cell.package, cell.target, cell.arch, cell.python, _wheel_column(cell)


def _archive_lines(plan: Plan) -> list[str]:
    rows = [
        f"  {archive.file}  all wheels of {archive.target} {archive.arch}"
        for archive in plan.archives
    ]
    return ["", *rows] if rows else []


def _wheel_column(cell: Cell) -> str:
    """Return a cell's wheel, and the lowest platform that auditwheel may choose."""
    if not cell.platforms:
        return cell.wheel
    return f"{cell.wheel} (audited, or lower: from {cell.platforms[0]})"


def facts_line(cells: Iterable[Cell]) -> str:
    """Return the channels and facts of the cells in one line, each with where it came from."""
    channels: dict[str, None] = {}
    facts: dict[str, dict[str, None]] = {}
    for cell in cells:
        channels[cell.channel] = None
        for name, fact in cell.facts.items():
            text = f"{fact.value} from {source_of(fact)}" if fact.value is not None else "absent"
            facts.setdefault(name, {})[text] = None
    parts = [
        f"channel {', '.join(channels)}",
        *(f"{name} {_few(list(texts))}" for name, texts in facts.items()),
    ]
    return " · ".join(parts)


def _few(texts: list[str]) -> str:
    return " / ".join(texts[:3]) + (f" / {len(texts) - 3} more" if len(texts) > 3 else "")


def summary(plan: Plan, spec: Spec) -> str:
    """Return the last line: how many wheels, and which indexes accept them."""
    names = [possible.wheel for cell in plan.cells for possible in cell.possible()]
    unique = ""
    if len(names) > 1:
        is_unique = len(set(names)) == len(names)
        unique = ", all names unique" if is_unique else ", some names equal: refused"
    left_out = [f"{len(plan.left_out)} of unchanged packages left out"] if plan.left_out else []
    present = [cell for cell in plan.cells if cell.id in plan.named]
    named = [f"{len(present)} only named: no job loads them"] if present else []
    indexes = (_index_summary(index, spec) for index in plan.indexes)
    parts = [f"\n{pluralize(len(plan.cells), 'wheel')}{unique}", *left_out, *named, *indexes]
    return " · ".join(parts)


def _index_summary(index: Index, spec: Spec) -> str:
    condition = " ".join(f"{name}={value}" for name, value in spec.indexes[index.name].when.items())
    when = "" if index.active else f" (plan with {condition})"
    answer = f"refused, {', '.join(index.refusals)}" if index.refusals else "accepted"
    return f"{index.name}: {answer}{when}"
