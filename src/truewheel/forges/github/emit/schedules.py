"""Schedules of a GitHub workflow: when it starts, and the values that its variables have then."""

from __future__ import annotations

from typing import Any

from truewheel.spec.model import Schedule, Spec

Document = dict[str, Any]


def scheduled(spec: Spec) -> dict[str, Schedule]:
    """Return the schedules that GitHub starts, by name."""
    return spec.active_schedules("github")


def clock(spec: Spec) -> Document:
    """Return what stands below `on`: nothing where there are no schedules."""
    times = [
        {
            "cron": schedule.cron,
            **({"timezone": schedule.timezone} if schedule.timezone != "UTC" else {}),
        }
        for schedule in scheduled(spec).values()
    ]
    return {"schedule": times} if times else {}


def with_values(environment: Document, spec: Spec) -> Document:
    """Return an environment in which the values of the schedule that started the run come first."""
    forms = dict(environment)
    for schedule in scheduled(spec).values():
        for name, value in schedule.variables.items():
            if name in forms:
                chosen = f"github.event.schedule == {_literal(schedule.cron)} && {_literal(value)}"
                forms[name] = f"${{{{ {chosen} || {forms[name].removeprefix('${{ ')}"
    return forms


def _literal(text: str) -> str:
    """Return a text as GitHub's expressions write it."""
    return "'" + text.replace("'", "''") + "'"
