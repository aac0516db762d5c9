"""What may be asked of a pipeline: variables that people set, with values that the spec allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from truewheel.errors import Problem, Stop, Where, select_errors
from truewheel.plan import planner
from truewheel.plan.planner import Request
from truewheel.spec import variables
from truewheel.spec.forges import is_set_by_a_forge
from truewheel.spec.model import Spec
from truewheel.spec.policy import Policy

WHY = {
    "forge": ("is set by the forge itself", "leave it out: plan -v shows names with it"),
    "image": (
        "is provided by the container, and never forwarded",
        "say its value in targets.NAME.provides",
    ),
    "secret": (
        "is a secret, and every process of this machine can read the command line",
        "set it in the settings of the project",
    ),
}


def problems(spec: Spec, policy: Policy, values: Mapping[str, str]) -> Iterator[Problem]:
    """Return a problem for every variable that nobody may send to a pipeline.

    The plan checks the values.
    """
    known = variables.declared_variables(spec, policy)
    for name in values:
        scope = "forge" if is_set_by_a_forge(name) else "pipeline"
        if name in known:
            scope = known[name].scope
        if scope in WHY:
            message, hint = WHY[scope]
            yield Problem(Where(f"-v {name}"), message, hint)


def schedule_problems(spec: Spec, policy: Policy, request: Request) -> Iterator[Problem]:
    """Return what the plans of the spec's schedules are refused for, at their lines.

    `request` is one without them.
    """
    for name, schedule in spec.schedules.items():
        try:
            scheduled = replace(request, event="schedule", overrides=schedule.variables)
            problems_ = planner.plan(spec, policy, scheduled).problems
        except Stop as stopped:
            problems_ = stopped.problems
        for problem in select_errors(problems_):
            message = f"the pipelines of {name} are refused: {problem.message}"
            yield spec.document.problem(("schedules", name), message, problem.hint, key=True)
