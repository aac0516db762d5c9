"""truewheel check: compare the pipeline files with the spec, or check GitLab files."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from truewheel import __version__
from truewheel.cli import forges
from truewheel.cli.commands import program_name
from truewheel.cli.pipeline_files import (
    add_file_arguments,
    choose_files,
    drift_data,
    find_drift,
    generate_chosen,
    generate_files,
)
from truewheel.cli.problems import show_problems
from truewheel.cli.terminal import print_json, say, show
from truewheel.errors import Exit, select_errors, stop
from truewheel.forges import FORGES, pipelines
from truewheel.forges.pipelines import Generated
from truewheel.spec.forges import FORGES as WORDS
from truewheel.workspace import renewed_pins
from truewheel.workspace.generated_files import Drift
from truewheel.workspace.loading import Workspace
from truewheel.workspace.lock_file import LOCK_FILE
from truewheel.workspace.renewed_pins import RenewedPin

if TYPE_CHECKING:
    from truewheel.cli import check_lint
    from truewheel.forges.kind import Answer

REMOTE_SECONDS = 120.0
EXAMPLES = """\
examples:
  check               in pre-commit and CI: exit 3 when a file is not as generated
  check --lint .gitlab-ci.yml
                      what GitLab would refuse in files written by hand
  check --remote --project triton/server
                      what that GitLab server says about the pipeline and its child pipelines
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of check."""
    add_file_arguments(parser)
    parser.add_argument(
        "--lint",
        nargs="+",
        metavar="FILE",
        type=Path,
        help="check these GitLab files instead, and what they include",
    )
    parser.add_argument(
        "--remote",
        action="store_true",
        help="then ask GitLab's own lint about the pipeline and its child pipelines",
    )
    parser.add_argument(
        "--ref",
        metavar="R",
        default="",
        help="with --remote: also about the pipeline that would start on this branch or tag",
    )
    forges.add_project(parser, seconds=REMOTE_SECONDS)


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Compare the pipeline files with the plan; exit 3 when they differ."""
    if arguments.lint:
        from truewheel.cli import check_lint  # its YAML reader is slow to import

        linter = check_lint.choose_linter(arguments.forge)
        remote = _remote(arguments, environment, linter.forge) if arguments.remote else None
        return check_lint.check_files(arguments.lint, linter, is_json=arguments.json, remote=remote)
    space, files, drift, pins = _compare(arguments)
    if not arguments.json:
        _show_pins(pins)
    if not drift and not arguments.json:
        show(f"{len(files.texts)} files as generated{', apart from these pins' if pins else ''}")
    answer = None
    if arguments.remote and not drift:
        answer = _ask(arguments, environment, space)
    if arguments.json:
        return _print_json(drift, pins, answer)
    if drift:
        _show_drift(drift)
        return Exit.DRIFT
    if answer and not select_errors(answer.problems):
        show(str(answer))
    return show_problems(answer.problems if answer else [])


def _compare(
    arguments: Namespace,
) -> tuple[Workspace, Generated, list[Drift], list[RenewedPin]]:
    """Return what differs, and the pins that somebody renewed: they are no difference."""
    space, files = generate_chosen(arguments)
    if space.spec.has_included_files:
        pipelines.refuse(files, space.spec, space.root)
    drift = find_drift(arguments, space, files)
    pins: list[RenewedPin] = []
    if drift:
        lock, pins = renewed_pins.read(space.lock, files.texts, space.read)
    if pins:
        space = space.with_lock(lock)
        files = choose_files(arguments, generate_files(space, warn=False))
        drift = find_drift(arguments, space, files)
    return space, files, drift, pins


def _show_pins(pins: list[RenewedPin]) -> None:
    for pin in pins:
        show(str(pin))
    if pins:
        say(f"hint: to take these pins into {LOCK_FILE}: {program_name()} lock --from-files")


def _print_json(drift: list[Drift], pins: list[RenewedPin], answer: Answer | None) -> Exit:
    problems = {}
    if answer:
        from truewheel.cli import check_lint

        problems = {"problems": check_lint.problem_data(answer.problems)}
    renewed = [pin._asdict() for pin in pins]
    print_json({"files": drift_data(drift), "pins": renewed, **problems})
    if drift:
        return Exit.DRIFT
    return Exit.REFUSED if answer and select_errors(answer.problems) else Exit.OK


def _show_drift(drift: list[Drift]) -> None:
    for version in sorted({entry.made_by for entry in drift} - {"", __version__}):
        say(f"generated by Truewheel {version}; this is Truewheel {__version__}")
    for entry in drift:
        show(f"{entry.state:9} {entry.path}")
    if diff := "".join(entry.diff for entry in drift):
        show("\n" + diff.removesuffix("\n"))
    say(f"hint: to write them again: {program_name()} generate")


def _ask(arguments: Namespace, environment: Mapping[str, str], space: Workspace) -> Answer:
    """Ask a forge about the pipeline as it is on disk."""
    from truewheel.cli import check_lint

    name, read = check_lint.choose_linter(arguments.forge)
    entry = FORGES[name].ci_files[0]
    if not (space.root / entry).is_file():
        raise stop(
            "--remote",
            f"there is no {entry} beside {space.spec.document.file}",
            f"{WORDS[name].title} starts pipelines from this file alone",
        )
    remote = _remote(arguments, environment, name)
    return read(space.root).ask([entry], remote.client, remote.ref)


def _remote(arguments: Namespace, environment: Mapping[str, str], name: str) -> check_lint.Remote:
    """Return the project to ask. Raises `Stop` (exit 2) when no server or token is known."""
    from truewheel.cli import check_lint

    forges.require_library(name)
    project = forges.find_project(name, arguments.project, environment)
    client = forges.connect(name, project, arguments.deadline, environment)
    return check_lint.Remote(client, arguments.ref)
