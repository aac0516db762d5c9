"""truewheel schedules: create, change and remove a project's schedules as the spec says."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from truewheel.cli import forges, pipeline_requests
from truewheel.cli.arguments import add_json, add_spec
from truewheel.cli.plans import load_workspace
from truewheel.cli.terminal import print_json, say, show
from truewheel.errors import Exit
from truewheel.forges import FORGES
from truewheel.forges.kind import RemoteProject
from truewheel.forges.schedules import CHANGE, CREATE, KEEP, REMOVE, Difference, Step
from truewheel.spec import variables
from truewheel.spec.forges import FORGES as WORDS
from truewheel.workspace.loading import Workspace

EXAMPLES = """\
examples:
  schedules --dry-run                  what would change
  schedules --project triton/server    a second time, this changes nothing
"""
SIGNS = {CREATE: "+", CHANGE: "~", REMOVE: "-", KEEP: "="}
SECONDS = 300.0


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of schedules."""
    add_spec(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="change nothing, say what would change"
    )
    forges.add_forge(parser, seconds=SECONDS)
    add_json(parser)


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Create, change and remove our schedules; exit 2 before any call when the spec forbids one."""
    space = load_workspace(arguments)
    declared = pipeline_requests.check_schedules(space)
    name = forges.choose_forge(arguments, environment, space.spec.forges())
    connect = FORGES[name].schedules
    if connect is None:
        return _show_file(arguments, space, name)
    project = forges.find_project(name, arguments.project, environment)
    forges.require_library(name)
    schedules = connect(RemoteProject(environment, project, arguments.deadline), declared)
    steps = schedules.steps()
    report = _Report(arguments, space)
    if not arguments.dry_run:
        for step in schedules.apply(steps, say):
            report.step(step)
    report.end(project, steps)
    return Exit.OK


class _Report:
    """Shows steps: each one when it is done, or all at the end of a dry run."""

    def __init__(self, arguments: Namespace, space: Workspace) -> None:
        self._arguments = arguments
        declared = variables.declared_variables(space.spec, space.policy)
        self._open = {name for name, rule in declared.items() if rule.scope == "pipeline"}

    def step(self, step: Step) -> None:
        """Show a step."""
        if not self._arguments.json:
            for line in self._lines(step):
                show(line)

    def end(self, project: str, steps: Sequence[Step]) -> None:
        """Show the steps that were not shown yet, and how many there are of each kind."""
        if self._arguments.json:
            print_json(
                {
                    "version": 1,
                    "project": project,
                    "dry_run": self._arguments.dry_run,
                    "schedules": [self._data(step) for step in steps],
                }
            )
            return
        for step in steps:
            if self._arguments.dry_run or step.action == KEEP:
                self.step(step)
        show(_summary(steps, is_dry=self._arguments.dry_run))

    def _lines(self, step: Step) -> Iterator[str]:
        note = f"  ({step.why})" if step.why else ""
        yield f"{SIGNS[step.action]} {step.name}{note}"
        for difference in step.differences:
            old, new = self._values(difference)
            before = "" if old is None else f"{old} → "
            yield f"    {difference.what}: {before}{'nothing' if new is None else new}"

    def _values(self, difference: Difference) -> tuple[str | None, str | None]:
        """Return the old and the new value.

        The old value of a variable that the spec does not declare may be a secret.
        """
        name = difference.what.partition(".")[2]
        is_open = not name or name in self._open
        is_shown = difference.old is None or is_open
        return difference.old if is_shown else "(hidden)", difference.new

    def _data(self, step: Step) -> dict[str, Any]:
        differences = [
            dict(zip(("what", "old", "new"), (difference.what, *self._values(difference))))
            for difference in step.differences
        ]
        return {
            "name": step.name,
            "action": step.action,
            "id": step.id,
            "why": step.why,
            "differences": differences,
        }


def _summary(steps: Sequence[Step], *, is_dry: bool) -> str:
    counts = Counter(step.action for step in steps)
    changes = [
        f"{counts[action]} {'to ' + action if is_dry else action + 'd'}"
        for action in (CREATE, CHANGE, REMOVE)
        if counts[action]
    ]
    return ", ".join([*changes, f"{counts[KEEP]} as declared"])


def _show_file(arguments: Namespace, space: Workspace, name: str) -> Exit:
    """Show the schedules of a forge that reads them from a generated file."""
    file = FORGES[name].schedules_file
    schedules = space.spec.active_schedules(name)
    if arguments.json:
        data = [
            {"name": schedule_name, "cron": schedule.cron, "timezone": schedule.timezone}
            for schedule_name, schedule in schedules.items()
        ]
        print_json({"version": 1, "file": file, "schedules": data})
        return Exit.OK
    for schedule_name, schedule in schedules.items():
        show(f"= {schedule_name}  {schedule.cron} {schedule.timezone}")
    show(
        f"{WORDS[name].title} reads its schedules from {file} on the default branch: "
        "generate writes them, check compares them"
    )
    return Exit.OK
