"""Checks of what is sent to a forge, before any call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from truewheel.cli.problems import refuse
from truewheel.errors import Problem, Stop
from truewheel.forges import FORGES, trigger_variables
from truewheel.forges.kind import Declared
from truewheel.plan import planner
from truewheel.spec import variables as spec_variables
from truewheel.workspace.loading import GENERATOR, Workspace


def check_variables(space: Workspace, variables: Mapping[str, str], forge: str) -> int:
    """Return how many wheels a pipeline with these variables makes.

    Raises `Stop` (exit 2) when a variable may not be sent, or the plan is refused.
    """
    problems = [
        *trigger_variables.problems(space.spec, space.policy, variables),
        *find_missing_inputs(space, variables, forge),
    ]
    request = planner.Request(
        generator=GENERATOR,
        versions=space.versions(),
        event="push",
        overrides=variables,
        stand_in="0",
        images=space.images(),
    )
    try:
        plan = planner.plan(space.spec, space.policy, request)
    except Stop as stopped:
        raise Stop([*problems, *stopped.problems]) from None
    refuse([*problems, *plan.problems])
    return len(plan.cells)


def find_missing_inputs(
    space: Workspace, variables: Iterable[str], forge: str
) -> Iterable[Problem]:
    """Return a problem for each variable that generated pipelines of a forge have no input for."""
    declared = spec_variables.declared_variables(space.spec, space.policy)
    return FORGES[forge].missing_inputs(declared, variables)


def check_schedules(space: Workspace) -> Declared:
    """Return the plan of all events, with what it was made from.

    Raises `Stop` (exit 2) when it is refused, or the plan of a schedule is.
    """
    from truewheel.forges import pipelines  # imports the emitters, which trigger does not need

    request = planner.Request(
        generator=GENERATOR,
        versions=space.versions(),
        event="",
        stand_in="0",
        images=space.images(),
    )
    plan = planner.plan(space.spec, space.policy, request)
    refuse([*plan.problems, *pipelines.problems(plan, space.spec, space.policy)])
    if problems := list(trigger_variables.schedule_problems(space.spec, space.policy, request)):
        raise Stop(problems)
    return Declared(plan, space.spec, space.policy, space.lock.actions)
