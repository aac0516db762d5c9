"""truewheel schedules: let a project have the schedules that the spec declares."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from truewheel.cli import arguments as common
from truewheel.cli import forges
from truewheel.cli.terminal import say, show
from truewheel.cli.triggering import by_inputs
from truewheel.errors import Exit, Stop
from truewheel.forges import access, pipelines, trigger_variables
from truewheel.forges.gitlab.api import schedules as clock
from truewheel.forges.gitlab.api.client import Gitlab
from truewheel.forges.gitlab.api.schedules import Difference, Step
from truewheel.plan import planner
from truewheel.plan.model import Plan
from truewheel.spec import variables
from truewheel.workspace.loading import GENERATOR, Workspace

EXAMPLES = """\
examples:
  schedules --dry-run                  what would change
  schedules --project triton/server    again and again: a second time changes nothing
"""
SIGNS = {clock.CREATE: "+", clock.CHANGE: "~", clock.REMOVE: "-", clock.KEEP: "="}
SECONDS = 300.0


def arguments(command: str, parser: ArgumentParser) -> None:
    """Declare the arguments of schedules."""
    del command
    parser.epilog = EXAMPLES
    parser.set_defaults(run=schedules)
    common.add_spec(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="change nothing, say what would change"
    )
    forges.add_forge(parser, seconds=SECONDS)
    common.add_json(parser)


def schedules(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Create, change and remove our schedules; exit 2 before any call when the spec forbids one."""
    space = common.load(arguments)
    check(space)
    name = forges.forge_name(arguments, environment, space.spec.forges())
    if name == "github":
        return _of_github(arguments, space)
    project = forges.project_of(name, arguments.project, environment)
    forge = Gitlab(access.gitlab(environment), project, arguments.deadline)
    found = todo(space, forge)
    shown = _Shown(arguments, space)
    if not arguments.dry_run:
        _apply(forge, space, found, shown)
    shown.end(project, found)
    return Exit.OK


def check(space: Workspace) -> Plan:
    """Return the plan of all events.

    Raises `Stop` (exit 2) for what speaks against it, or against a schedule's.
    """
    request = planner.Request(
        generator=GENERATOR,
        versions=space.versions(),
        event="",
        stand_in="0",
        images=space.images(),
    )
    made = planner.plan(space.spec, space.policy, request)
    common.refuse([*made.problems, *pipelines.problems(made, space.spec, space.policy)])
    if found := list(trigger_variables.schedule_problems(space.spec, space.policy, request)):
        raise Stop(found)
    return made


def todo(space: Workspace, forge: Gitlab) -> list[Step]:
    """Return the steps from what a project has to what the spec declares."""
    needs_default = any(not each.ref for each in space.spec.schedules_of("gitlab").values())
    default_ref = forge.default_ref() if needs_default else ""
    wanted = clock.declared(space.spec, default_ref, by_inputs=by_inputs(space, "gitlab"))
    return clock.steps(wanted, clock.read(forge, space.spec.project))


def _apply(forge: Gitlab, space: Workspace, found: Sequence[Step], shown: _Shown) -> None:
    """Do the steps; of what two of us created at once, the oldest stays."""
    changes = [step for step in found if step.action != clock.KEEP]
    user = clock.me(forge) if any(step.action == clock.CHANGE for step in changes) else ""
    project = space.spec.project
    for step in changes:
        clock.apply(forge, project, step, user, say)
        shown.step(step)
    if any(step.action == clock.CREATE for step in changes):
        again = todo(space, forge)
        for step in again:
            if step.action == clock.REMOVE:
                clock.apply(forge, project, step, user, say)


class _Shown:
    """Tells of steps: as they are done, or all at the end where nothing is done."""

    def __init__(self, arguments: Namespace, space: Workspace) -> None:
        self._arguments = arguments
        declared = variables.declared(space.spec, space.policy)
        self._open = {name for name, rule in declared.items() if rule.scope == "pipeline"}

    def step(self, step: Step) -> None:
        """Tell of a step."""
        if not self._arguments.json:
            for line in self._lines(step):
                show(line)

    def end(self, project: str, steps: Sequence[Step]) -> None:
        """Tell of what was not told yet, and how many there were of each kind."""
        if self._arguments.json:
            told = [self._data(step) for step in steps]
            common.print_json(
                {
                    "version": 1,
                    "project": project,
                    "dry_run": self._arguments.dry_run,
                    "schedules": told,
                }
            )
            return
        for step in steps:
            if self._arguments.dry_run or step.action == clock.KEEP:
                self.step(step)
        show(_summary(steps, is_dry=self._arguments.dry_run))

    def _lines(self, step: Step) -> Iterator[str]:
        note = f"  ({step.why})" if step.why else ""
        yield f"{SIGNS[step.action]} {step.name}{note}"
        for each in step.differences:
            old, new = self._values(each)
            arrow = (
                f"{old} → {new}"
                if old is not None and new is not None
                else f"{new}"
                if old is None
                else ""
            )
            yield f"    {each.what}: {arrow or f'{old} → nothing'}"

    def _values(self, each: Difference) -> tuple[str | None, str | None]:
        """Return both sides of a difference.

        What a hand has put there, and no spec declares, may be a secret.
        """
        name = each.what.partition(".")[2]
        is_open = not name or name in self._open
        return (each.old if each.old is None or is_open else "(hidden)"), each.new

    def _data(self, step: Step) -> dict[str, Any]:
        differences = [
            dict(zip(("what", "old", "new"), (each.what, *self._values(each))))
            for each in step.differences
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
        for action in (clock.CREATE, clock.CHANGE, clock.REMOVE)
        if counts[action]
    ]
    return ", ".join([*changes, f"{counts[clock.KEEP]} as declared"])


def _of_github(arguments: Namespace, space: Workspace) -> Exit:
    from truewheel.forges.github.emit.schedules import scheduled
    from truewheel.forges.github.emit.workflows import CALLER

    found = scheduled(space.spec)
    if arguments.json:
        told = [
            {"name": name, "cron": each.cron, "timezone": each.timezone}
            for name, each in found.items()
        ]
        common.print_json({"version": 1, "file": CALLER, "schedules": told})
        return Exit.OK
    for name, each in found.items():
        show(f"= {name}  {each.cron} {each.timezone}")
    show(
        f"GitHub's schedules stand in {CALLER} on the default branch: generate writes them, check compares them"
    )
    return Exit.OK
