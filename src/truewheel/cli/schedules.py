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
from truewheel.forges import access
from truewheel.forges.gitlab.api import schedules as gitlab_schedules
from truewheel.forges.gitlab.api.client import Gitlab
from truewheel.forges.gitlab.api.schedules import Difference, Step
from truewheel.spec import variables
from truewheel.workspace.loading import Workspace

EXAMPLES = """\
examples:
  schedules --dry-run                  what would change
  schedules --project triton/server    a second time, this changes nothing
"""
CREATE, CHANGE = gitlab_schedules.CREATE, gitlab_schedules.CHANGE
REMOVE, KEEP = gitlab_schedules.REMOVE, gitlab_schedules.KEEP
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
    pipeline_requests.check_schedules(space)
    name = forges.choose_forge(arguments, environment, space.spec.forges())
    if name == "github":
        return _show_github(arguments, space)
    project = forges.find_project(name, arguments.project, environment)
    forges.require_library(name)
    forge = Gitlab(access.gitlab(environment), project, arguments.deadline)
    steps = _find_steps(space, forge)
    report = _Report(arguments, space)
    if not arguments.dry_run:
        _apply(forge, space, steps, report)
    report.end(project, steps)
    return Exit.OK


def _find_steps(space: Workspace, forge: Gitlab) -> list[Step]:
    """Return the steps from the project's schedules to those of the spec."""
    schedules = space.spec.schedules_of("gitlab").values()
    needs_default = any(not schedule.ref for schedule in schedules)
    default_ref = forge.default_ref() if needs_default else ""
    by_inputs = pipeline_requests.takes_inputs(space, "gitlab")
    wanted = gitlab_schedules.declared(space.spec, default_ref, by_inputs=by_inputs)
    return gitlab_schedules.steps(wanted, gitlab_schedules.read(forge, space.spec.project))


def _apply(forge: Gitlab, space: Workspace, steps: Sequence[Step], report: _Report) -> None:
    """Do the steps; when two commands have created the same schedule, the older one stays."""
    changes = [step for step in steps if step.action != KEEP]
    user = ""
    if any(step.action == CHANGE for step in changes):
        user = gitlab_schedules.me(forge)
    project = space.spec.project
    for step in changes:
        gitlab_schedules.apply(forge, project, step, user, say)
        report.step(step)
    if any(step.action == CREATE for step in changes):
        for step in _find_steps(space, forge):
            if step.action == REMOVE:
                gitlab_schedules.apply(forge, project, step, user, say)


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
        number = step.found.id if step.found else None
        return {
            "name": step.name,
            "action": step.action,
            "id": number,
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


def _show_github(arguments: Namespace, space: Workspace) -> Exit:
    from truewheel.forges.github.emit.schedules import scheduled
    from truewheel.forges.github.emit.workflows import CALLER

    schedules = scheduled(space.spec)
    if arguments.json:
        data = [
            {"name": name, "cron": schedule.cron, "timezone": schedule.timezone}
            for name, schedule in schedules.items()
        ]
        print_json({"version": 1, "file": CALLER, "schedules": data})
        return Exit.OK
    for name, schedule in schedules.items():
        show(f"= {name}  {schedule.cron} {schedule.timezone}")
    show(
        f"GitHub reads its schedules from {CALLER} on the default branch: "
        "generate writes them, check compares them"
    )
    return Exit.OK
