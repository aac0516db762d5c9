"""What plan and note share: how names change from a git revision, or from another policy."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from truewheel.cli.plans import make_plan
from truewheel.errors import Problem, Stop, Where
from truewheel.plan import plan_diff
from truewheel.plan.matrix import Host
from truewheel.plan.model import Plan
from truewheel.plan.plan_diff import Change
from truewheel.workspace import loading
from truewheel.workspace.loading import Workspace

TOOLS = {"pip": "pip", "uv": "uv", "sort": "a plain sort"}


def find_changes(
    arguments: Namespace,
    space: Workspace,
    environment: Mapping[str, str],
    new: Plan,
    machine: Host | None,
) -> list[Change]:
    """Return the change of every cell's name.

    Raises `Stop` (exit 2) when the old plan cannot be made.
    """
    return plan_diff.changes(plan_before(arguments, space, environment, new, machine), new)


def plan_before(
    arguments: Namespace,
    space: Workspace,
    environment: Mapping[str, str],
    new: Plan,
    machine: Host | None,
) -> Plan:
    """Return the plan to compare with, with the same variables.

    Raises `Stop` (exit 2) when it cannot be made.
    """
    try:
        return _old(arguments, space, environment, new.event, machine)
    except Stop as stopped:
        if arguments.against is None:
            raise
        raise Stop(
            [_at(arguments.against, problem) for problem in stopped.problems], stopped.code
        ) from None


def _old(
    arguments: Namespace,
    space: Workspace,
    environment: Mapping[str, str],
    event: str,
    machine: Host | None,
) -> Plan:
    if arguments.against is not None:
        old = loading.load_revision(arguments.spec, Path.cwd(), arguments.against)
    else:
        old = _with_policy(arguments.against_policy, space)
    declared = {**old.policy.variables, **old.spec.variables}
    # The old policy may not have a variable of the new one.
    given = [(name, value) for name, value in arguments.variables if name in declared]
    old_arguments = Namespace(**{**vars(arguments), "variables": given})
    return make_plan(old_arguments, old, environment, event=event, on=machine)


def _at(revision: str, problem: Problem) -> Problem:
    """Return the problem with the revision before its file; one of the revision itself stays."""
    place = problem.where
    if place.file.startswith(("--against", f"{revision}:")):
        return problem
    return replace(problem, where=replace(place, file=f"{revision}:{place.file}"))


def _with_policy(name: str, space: Workspace) -> Workspace:
    """Return the workspace with another policy, and the indexes whose channels that one has."""
    policy = loading.read_policy(name, space.root, Where(f"--against-policy {name}"))
    known = {"", *(channel.name for channel in policy.channels)}
    indexes = {index: rule for index, rule in space.spec.indexes.items() if rule.channel in known}
    return Workspace(space.root, space.spec._replace(naming=name, indexes=indexes), space.read)


def table(changes: Sequence[Change]) -> str:
    """Return the changes as a table: old and new name, and which installers keep the old one."""
    lines = []
    for change in changes:
        index = f" on the index {change.index}" if change.index else ""
        was = f" (was {change.was})" if change.was else ""
        lines.append(f"{change.state:9}  {change.cell}{index}{was}")
        if change.state == "unchanged":
            lines.append(f"             {change.new}")
        else:
            lines += [f"           - {change.old}"] if change.old else []
            lines += [f"           + {change.new}"] if change.new else []
        if change.older_for:
            names = ", ".join(TOOLS[tool] for tool in change.older_for)
            lines.append(f"           ! not a newer name for {names}")
    counts = Counter(change.state for change in changes)
    lines += ["", ", ".join(f"{count} {state}" for state, count in counts.items()) or "no cells"]
    return "\n".join(lines)


def to_data(changes: Sequence[Change]) -> list[dict[str, Any]]:
    """Return the changes as JSON data."""
    return [{**asdict(change), "older_for": list(change.older_for)} for change in changes]
