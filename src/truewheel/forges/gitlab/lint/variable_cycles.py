"""Variables that refer to one another in a cycle.

GitLab expands variables, and such a pipeline cannot start.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from truewheel.forges.gitlab.lint.graph import find_circle
from truewheel.forges.gitlab.lint.resolve import Config

_REFERENCE = r"\$([A-Za-z_]\w*)|\$\{([A-Za-z_]\w*)\}|%([A-Za-z_]\w*)%"


def check(config: Config) -> None:
    """Report each circle among the variables of a job and those it has from the top level."""
    above = config.keywords.get("variables")
    shared = above if isinstance(above, dict) else {}
    reported: set[frozenset[str]] = set()
    for name, job in config.jobs.items():
        variables = job["variables"] if isinstance(job.get("variables"), dict) else {}
        circle = find_circle(_edges({**_inherited(job, shared), **variables}))
        if circle and frozenset(circle) not in reported:
            reported.add(frozenset(circle))
            around = " → ".join([*circle, circle[0]])
            route = (
                (name, "variables", circle[0])
                if circle[0] in variables
                else ("variables", circle[0])
            )
            config.report.add(
                "cyclic-variables", route, f"job {name}: variables go in a circle: {around}"
            )


def _inherited(job: Mapping[str, Any], shared: Mapping[Any, Any]) -> Mapping[Any, Any]:
    inherit = job.get("inherit")
    inherited = inherit.get("variables", True) if isinstance(inherit, dict) else True
    if isinstance(inherited, list):
        return {name: value for name, value in shared.items() if name in inherited}
    return shared if inherited else {}


def _edges(variables: Mapping[Any, Any]) -> dict[str, list[str]]:
    return {
        str(name): [other for other in _named(value) if other != name]
        for name, value in variables.items()
    }


def _named(value: Any) -> list[str]:
    if isinstance(value, dict):
        value = value.get("value") if value.get("expand") is not False else None
    if not isinstance(value, str) or not ("$" in value or "%" in value):
        return []
    return [match[match.lastindex or 0] for match in re.finditer(_REFERENCE, value)]
