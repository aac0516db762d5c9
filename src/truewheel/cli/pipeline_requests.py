"""Checks of what is sent to a forge, before any call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from truewheel.cli.plans import find_event
from truewheel.cli.problems import refuse
from truewheel.errors import Problem, Stop, Where
from truewheel.forges import trigger_variables
from truewheel.plan import planner
from truewheel.plan.model import Plan
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
        event=find_event({"CI_PIPELINE_SOURCE": "api"}),
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
) -> Iterator[Problem]:
    """Yield a problem for each variable that the generated workflow of GitHub has no input for."""
    if forge != "github":
        return
    from truewheel.forges.github.emit import workflows

    declared = spec_variables.declared_variables(space.spec, space.policy)
    settable, inputs = spec_variables.select_settable(declared), workflows.asked(declared)
    for name in variables:
        if name in settable and name not in inputs:
            limit = f"GitHub allows {workflows.INPUTS_LIMIT} inputs, one of them for the key"
            yield Problem(
                Where(f"-v {name}"),
                f"has no input in the workflow: {limit}",
                "declare it earlier in variables, or set it in the repository",
            )


def takes_inputs(space: Workspace, forge: str) -> bool:
    """Return whether pipelines get inputs instead of variables."""
    return forge == "gitlab" and space.spec.gitlab.inputs


def check_schedules(space: Workspace) -> Plan:
    """Return the plan of all events.

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
    return plan
