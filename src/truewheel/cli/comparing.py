"""plan --against: how names change from a git revision, or from another policy."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from truewheel import workspace
from truewheel.against import Change, changes
from truewheel.cli import common
from truewheel.matrix import Host
from truewheel.model import Plan
from truewheel.workspace import Workspace

WHO = {"pip": "pip", "uv": "uv", "sort": "a plain sort"}


def against(
    arguments: Namespace,
    space: Workspace,
    environment: Mapping[str, str],
    new: Plan,
    machine: Host | None,
) -> list[Change]:
    """Return the change of every cell's name. Raises `Stop` (exit 2) when the old plan cannot be made."""
    return changes(before(arguments, space, environment, new, machine), new)


def before(
    arguments: Namespace,
    space: Workspace,
    environment: Mapping[str, str],
    new: Plan,
    machine: Host | None,
) -> Plan:
    """Return the plan to compare with, made of the same variables. Raises `Stop` (exit 2) when it cannot be made."""
    if arguments.against is not None:
        old = workspace.load_revision(arguments.spec, Path.cwd(), arguments.against)
    else:
        # The indexes of the spec name channels of its own policy; copies are not compared.
        spec = space.spec._replace(naming=arguments.against_policy, indexes={})
        old = Workspace(space.root, spec, space.read)
    declared = {**old.policy.variables, **old.spec.variables}
    # A variable that only the new policy knows is no mistake here.
    given = [(name, value) for name, value in arguments.variables if name in declared]
    old_arguments = Namespace(**{**vars(arguments), "variables": given})
    return common.make_plan(old_arguments, old, environment, event=new.event, on=machine)


def table(found: Sequence[Change]) -> str:
    """Return the changes for people: old and new name under one another, and who would not take the new one."""
    lines = []
    for change in found:
        lines.append(f"{change.state:9}  {change.cell}")
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
