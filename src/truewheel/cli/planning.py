"""truewheel plan."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from truewheel.cli import arguments as common
from truewheel.cli import comparing
from truewheel.cli.terminal import say, show
from truewheel.errors import Exit, Stop, counted, errors, stop
from truewheel.plan import changes, events, matrix, plan_file
from truewheel.plan.model import Cell, Index, Plan
from truewheel.plan.naming import source_of
from truewheel.plan.plan_diff import Change
from truewheel.spec.model import Spec
from truewheel.system import files
from truewheel.workspace import git, host
from truewheel.workspace.loading import Workspace

EXAMPLES = """\
examples:
  plan                                   names as a push would get them here and now
  plan --event tag -v PYPI_RELEASE=true  what a tag would publish
  plan --local                           what run builds on this machine
  plan --cell 'foo/*/aarch64/*' --json
  plan --html plan.html                  matrix, names, jobs and problems as one page
  plan --against origin/main             which names this branch changes
  plan --against-policy triton-2026.04   which names a change of scheme changes
"""


def arguments(command: str, parser: ArgumentParser) -> None:
    """Declare the arguments of plan."""
    del command
    parser.epilog = EXAMPLES
    parser.set_defaults(run=run)
    common.add_spec(parser)
    common.add_variables(parser)
    parser.add_argument(
        "--event",
        choices=events.EVENTS,
        help="what starts the pipeline (default: what the forge says, else push)",
    )
    parser.add_argument(
        "--changed-since", metavar="REF", default="",
        help="with --event mr and changed_only in the spec: what the change is compared with (default: its target)",
    )  # fmt: skip
    parser.add_argument("--cell", metavar="GLOB", help="show only these cells")
    parser.add_argument(
        "--local",
        action="store_true",
        help="the cells of this machine: target host, without a container",
    )
    parser.add_argument(
        "--output", metavar="FILE", type=_file, help="write the plan to a file, as JSON"
    )
    common.add_json(parser)
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
        help="with --against: accept names that installers do not take for newer",
    )


def _file(text: str) -> Path:
    if not Path(text).name:
        raise ArgumentTypeError(f"{text!r} names no file")
    return Path(text)


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Print or write the plan; exit 2 when it must be refused."""
    try:
        return _run(arguments, environment)
    except Stop as stopped:
        if arguments.json:  # a program gets a document in any case
            problems = [plan_file.problem_data(problem) for problem in stopped.problems]
            common.print_json(
                {"version": plan_file.VERSION, "cells": [], "jobs": [], "problems": problems}
            )
        raise


def _run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    space = common.load(arguments)
    machine = local_host(space.spec, environment) if arguments.local else None
    event = arguments.event or event_of(environment)
    changed = (
        _changed(arguments, space, environment) if event == "mr" and not arguments.local else None
    )
    made = common.make_plan(arguments, space, environment, event=event, on=machine, changed=changed)
    code = common.tell(made.problems)
    shown = selected(made, arguments.cell)
    found = None
    if arguments.against is not None or arguments.against_policy is not None:
        found = comparing.against(arguments, space, environment, made, machine)
        if any(change.older_for for change in found) and not arguments.allow_older:
            code = Exit.REFUSED
    if arguments.output and code is Exit.OK:
        files.write_text(arguments.output, plan_file.write(made))
    if arguments.html:
        files.write_text(arguments.html, _page(made, space))
    if found is not None:
        return _print_changes(arguments, shown, found, code)
    if arguments.json:
        common.print_json(plan_file.to_data(shown))
    elif not (arguments.output or arguments.html) or code is not Exit.OK:
        show(table(shown))
        show(verdict(made, space.spec))
    return code


def _changed(
    arguments: Namespace, space: Workspace, environment: Mapping[str, str]
) -> frozenset[str] | None:
    """Return the packages that the merge request changes, or None where all are built."""
    base = arguments.changed_since or common.merge_base(environment)
    if not (base and space.spec.merge_requests.changed_only):
        return None
    files = git.changed_files(space.root, environment, base)
    if files is None:
        hint = "fetch the whole history (GIT_DEPTH: 0), and have git in the image of the job"
        raise stop("plan", f"git cannot tell what has changed since {base}", hint)
    return changes.changed(space.spec, files)


def _print_changes(arguments: Namespace, shown: Plan, found: Sequence[Change], code: Exit) -> Exit:
    if arguments.cell:
        found = [change for change in found if fnmatchcase(change.cell, arguments.cell)]
    if arguments.json:
        common.print_json({**plan_file.to_data(shown), "changes": comparing.to_data(found)})
    else:
        show(comparing.table(found))
        if any(change.older_for for change in found) and not arguments.allow_older:
            say(
                "refused: somebody would not take a new name for newer (accept that with --allow-older)"
            )
    return code


def _page(made: Plan, space: Workspace) -> str:
    """Return the page of a plan; a refused one has a page too, which shows why."""
    from truewheel.cli.generating import generated
    from truewheel.forges import pipelines
    from truewheel.report import page
    from truewheel.workspace import loading

    texts = {} if errors(made.problems) else generated(space).texts
    shown = [
        page.File(pipelines.forge_of(path), path, len(text.encode()))
        for path, text in texts.items()
    ]
    parts = page.Parts(*(loading.asset(f"page.{kind}") for kind in ("html", "css", "js")))
    return page.page(made, shown, parts)


def local_host(spec: Spec, environment: Mapping[str, str]) -> matrix.Host:
    """Return this machine as a target, and say so where it cannot keep a promise."""
    machine, warning = host.detect(matrix.wanted_pythons(spec), environment)
    if warning:
        say(f"warning: {warning}")
    return machine


def event_of(environment: Mapping[str, str]) -> str:
    """Return the event that the forge's own variables tell of."""
    source = environment.get("CI_PIPELINE_SOURCE") or environment.get("GITHUB_EVENT_NAME") or ""
    is_tag = bool(environment.get("CI_COMMIT_TAG")) or environment.get("GITHUB_REF_TYPE") == "tag"
    return events.name_of(source, is_tag=is_tag)


def selected(made: Plan, glob: str | None) -> Plan:
    """Return the plan with only the cells whose id matches, and their jobs.

    Raises `Stop` if there are none.
    """
    if glob is None:
        return made
    cells = tuple(cell for cell in made.cells if fnmatchcase(cell.id, glob))
    if not cells:
        hint = f"cells look like {made.cells[0].id}" if made.cells else "the plan has no cells"
        raise stop("--cell", f"no cell matches {glob!r}", hint)
    ids = {cell.id for cell in cells}
    jobs = (
        job._replace(cells=tuple(cell for cell in job.cells if cell in ids)) for job in made.jobs
    )
    return replace(
        made,
        cells=cells,
        jobs=tuple(job for job, whole in zip(jobs, made.jobs) if job.cells or not whole.cells),
        archives=tuple(archive for archive in made.archives if ids.issuperset(archive.cells)),
    )


def table(made: Plan) -> str:
    """Return the cells as a table, with the facts of the names above it."""
    head = ("package", "target", "arch", "python", "wheel")
    rows = [
        head,
        *((cell.package, cell.target, cell.arch, cell.python, _named(cell)) for cell in made.cells),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "  " + "  ".join([*(f"{text:{width}}" for text, width in zip(row, widths)), row[4]])
        for row in rows
    ]
    return "\n".join([facts_line(made.cells), "", *lines, *_archive_lines(made)])


def _archive_lines(made: Plan) -> list[str]:
    rows = [
        f"  {archive.file}  all wheels of {archive.target} {archive.arch}"
        for archive in made.archives
    ]
    return ["", *rows] if rows else []


def _named(cell: Cell) -> str:
    """Return a cell's wheel, and where its audit may end."""
    return (
        f"{cell.wheel} (audited, or lower: from {cell.platforms[0]})"
        if cell.platforms
        else cell.wheel
    )


def facts_line(cells: Iterable[Cell]) -> str:
    """Return the channels and facts of the cells in one line, each with where it came from."""
    channels: dict[str, None] = {}
    facts: dict[str, dict[str, None]] = {}
    for cell in cells:
        channels[cell.channel] = None
        for name, fact in cell.facts.items():
            told = f"{fact.value} from {source_of(fact)}" if fact.value is not None else "absent"
            facts.setdefault(name, {})[told] = None
    parts = [
        f"channel {', '.join(channels)}",
        *(f"{name} {_few(list(told))}" for name, told in facts.items()),
    ]
    return " · ".join(parts)


def _few(texts: list[str]) -> str:
    return " / ".join(texts[:3]) + (f" / {len(texts) - 3} more" if len(texts) > 3 else "")


def verdict(made: Plan, spec: Spec) -> str:
    """Return the last line: how many wheels, and what the indexes would say."""
    names = [possible.wheel for cell in made.cells for possible in cell.possible()]
    unique = ""
    if len(names) > 1:
        is_unique = len(set(names)) == len(names)
        unique = ", all names unique" if is_unique else ", some names equal: refused"
    left_out = [f"{len(made.left_out)} of unchanged packages left out"] if made.left_out else []
    indexes = (_index_verdict(index, spec) for index in made.indexes)
    return " · ".join([f"\n{counted(len(made.cells), 'wheel')}{unique}", *left_out, *indexes])


def _index_verdict(index: Index, spec: Spec) -> str:
    condition = " ".join(f"{name}={value}" for name, value in spec.indexes[index.name].when.items())
    when = "" if index.active else f" (plan with {condition})"
    said = f"refused, {', '.join(index.refusals)}" if index.refusals else "accepted"
    return f"{index.name}: {said}{when}"
