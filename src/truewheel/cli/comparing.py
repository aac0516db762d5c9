"""plan --against: how names change from a git revision, or from another policy."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from truewheel.cli import arguments as common
from truewheel.errors import Problem, Stop, Where
from truewheel.plan.matrix import Host
from truewheel.plan.model import Plan
from truewheel.plan.plan_diff import Change, changes
from truewheel.workspace import loading
from truewheel.workspace.loading import Workspace

WHO = {"pip": "pip", "uv": "uv", "sort": "a plain sort"}


def against(
    arguments: Namespace,
    space: Workspace,
    environment: Mapping[str, str],
    new: Plan,
    machine: Host | None,
) -> list[Change]:
    """Return the change of every cell's name.

    Raises `Stop` (exit 2) when the old plan cannot be made.
    """
    return changes(before(arguments, space, environment, new, machine), new)


def before(
    arguments: Namespace,
    space: Workspace,
    environment: Mapping[str, str],
    new: Plan,
    machine: Host | None,
) -> Plan:
    """Return the plan to compare with, made of the same variables.

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
        old = _under(arguments.against_policy, space)
    declared = {**old.policy.variables, **old.spec.variables}
    # A variable that only the new policy knows is no mistake here.
    given = [(name, value) for name, value in arguments.variables if name in declared]
    old_arguments = Namespace(**{**vars(arguments), "variables": given})
    return common.make_plan(old_arguments, old, environment, event=event, on=machine)


def _at(revision: str, problem: Problem) -> Problem:
    """Return a problem of a file as that of the file in a revision.

    One with the revision itself stays.
    """
    place = problem.where
    if place.file.startswith(("--against", f"{revision}:")):
        return problem
    return replace(problem, where=replace(place, file=f"{revision}:{place.file}"))


def _under(name: str, space: Workspace) -> Workspace:
    """Return the workspace under another policy, with the indexes whose channels that one has."""
    policy = loading.read_policy(name, space.root, Where(f"--against-policy {name}"))
    known = {"", *(channel.name for channel in policy.channels)}
    indexes = {index: rule for index, rule in space.spec.indexes.items() if rule.channel in known}
    return Workspace(space.root, space.spec._replace(naming=name, indexes=indexes), space.read)


def table(found: Sequence[Change]) -> str:
    """Return the changes for people.

    Old and new name under one another, and who would not take the new one.
    """
    lines = []
    for change in found:
        index = f" on the index {change.index}" if change.index else ""
        was = f" (was {change.was})" if change.was else ""
        lines.append(f"{change.state:9}  {change.cell}{index}{was}")
        if change.state == "unchanged":
            lines.append(f"             {change.new}")
        else:
            lines += [f"           - {change.old}"] if change.old else []
            lines += [f"           + {change.new}"] if change.new else []
        if change.older_for:
            named = ", ".join(WHO[who] for who in change.older_for)
            lines.append(f"           ! not taken for newer by {named}")
    counts = Counter(change.state for change in found)
    lines += ["", ", ".join(f"{count} {state}" for state, count in counts.items()) or "no cells"]
    return "\n".join(lines)


def to_data(found: Sequence[Change]) -> list[dict[str, Any]]:
    """Return the changes as JSON data."""
    return [{**asdict(change), "older_for": list(change.older_for)} for change in found]
