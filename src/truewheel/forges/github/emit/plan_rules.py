"""Problems of a plan on GitHub.

GitHub would refuse it, read it differently, or leave a part of it open to change.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from truewheel.errors import Problem, Where
from truewheel.forges.github.emit.schedules import scheduled
from truewheel.forges.github.emit.workflows import (
    EXPRESSION,
    INPUTS_LIMIT,
    REGISTRY,
    SUBJECTS_LIMIT,
    asked,
    attests,
    image_of,
    is_own,
    logs_in,
    runner_of,
)
from truewheel.plan.model import Plan
from truewheel.spec.model import Schedule, Spec
from truewheel.spec.policy import Variable
from truewheel.spec.variables import select_settable

Route = tuple[str | int, ...]
_OF_OTHERS = re.compile(
    r"(?s)\$\{\{(?:(?!\}\}).)*\b(?:inputs|github\.(?:event|head_ref|ref_name|base_ref|actor))\b"
)
"""Expressions for what somebody typed: inputs, titles, texts, names of branches."""
ZONE = re.compile(r"[A-Za-z_]+(/[A-Za-z0-9_+-]+)+")
"""A name of the time zone database."""


def find_problems(plan: Plan, spec: Spec, variables: Mapping[str, Variable]) -> list[Problem]:
    """Return all problems of a plan; `variables` are those that a person may set."""
    return [
        *_expressions(spec),
        *_own_scripts(spec),
        *_runners(plan, spec),
        *_registry(plan, spec),
        *_images(plan, spec),
        *_names(spec, variables),
        *_subjects(plan, spec),
        *_schedules(spec),
    ]


def find_missing_inputs(
    declared: Mapping[str, Variable], names: Iterable[str]
) -> Iterator[Problem]:
    """Yield a problem for each variable that the generated workflow has no input for."""
    settable, inputs = select_settable(declared), asked(declared)
    for name in names:
        if name in settable and name not in inputs:
            limit = f"GitHub allows {INPUTS_LIMIT} inputs, one of them for the key"
            yield Problem(
                Where(f"-v {name}"),
                f"has no input in the workflow: {limit}",
                "declare it earlier in variables, or set it in the repository",
            )


def _expressions(spec: Spec) -> Iterator[Problem]:
    for number, line in enumerate(spec.setup):
        if EXPRESSION in line:
            message = f"GitHub would evaluate {EXPRESSION} before the shell sees this line"
            yield spec.document.problem(
                ("setup", number), message, "read a variable of the environment instead"
            )
    for name, index in spec.indexes.items():
        if EXPRESSION in index.url:
            message = f"GitHub would read a part of {index.url} as an expression"
            yield spec.document.problem(("indexes", name, "url"), message, "write the address out")


def _own_scripts(spec: Spec) -> Iterator[Problem]:
    """Yield a warning for each script of the project into which GitHub puts what others write."""
    parts = {
        "jobs": spec.github.jobs,
        "overrides": spec.github.overrides,
        "steps": spec.github.steps,
    }
    for key, part in parts.items():
        for route in _filled_in(part, ("github", key)):
            message = "GitHub puts the words of others into this script, before the shell reads it"
            hint = 'give it to the step by env: and read the variable: "$NAME"'
            yield _warning(spec.document.problem(route, message, hint))


def _filled_in(value: object, route: Route) -> Iterator[Route]:
    """Yield the routes of the scripts (`run`) below a value with an expression of `_OF_OTHERS`."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "run" and isinstance(item, str) and _OF_OTHERS.search(item):
                yield (*route, key)
            yield from _filled_in(item, (*route, key))
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from _filled_in(item, (*route, number))


def _runners(plan: Plan, spec: Spec) -> Iterator[Problem]:
    kinds: dict[str, set[str]] = {}
    for job in plan.jobs:
        if job.target and not runner_of(job, plan, spec):
            kinds.setdefault(job.arch, set()).add(job.kind)
    for arch, needed in kinds.items():
        hint = f"name the labels of your own: github.runners.{arch}"
        if needed == {"test"}:  # the wheels are cross-compiled
            hint += f"; if there are none: named: [{{arch: {arch}}}]"
        yield spec.document.problem(("github",), f"GitHub has no runners of {arch}", hint, key=True)


def _registry(plan: Plan, spec: Spec) -> Iterator[Problem]:
    route = ("images", "registry")
    if any("$" in image for image in plan.images.values()):
        message = f"{spec.images.registry}: GitHub knows no variable in the name of an image"
        yield spec.document.problem(route, message, f"write it out, such as {REGISTRY}/owner/name")
    elif plan.images and not is_own(spec.images.registry) and not logs_in(spec):
        message = (
            f"a job's own token is for {REGISTRY} alone: it cannot push to {spec.images.registry}"
        )
        yield _warning(
            spec.document.problem(route, message, "name images.credentials, or push from elsewhere")
        )


def _images(plan: Plan, spec: Spec) -> Iterator[Problem]:
    for image, job in {image_of(job, plan): job for job in plan.jobs}.items():
        route = ("targets", job.target)
        if not image or image in plan.images.values():
            continue
        if "$" in image:
            message = f"{image}: GitHub knows no variable in the name of an image"
            yield spec.document.problem(route, message, "write it out", key=True)
        elif "@" not in image:
            message = f"the tag of {image} can move: no digest is locked"
            hint = "write its digest into truewheel.lock: truewheel lock"
            yield _warning(spec.document.problem(route, message, hint, key=True))


def _names(spec: Spec, variables: Mapping[str, Variable]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for name in select_settable(variables):
        route = ("variables", name) if name in spec.variables else ("naming",)
        other = first.setdefault(name.upper(), name)
        if other != name:
            yield spec.document.problem(
                route, f"{name} and {other} are one variable for GitHub", "rename one", key=True
            )
        if name.upper().startswith("GITHUB_"):
            message = f"nobody can set {name} on GitHub: such names are its own"
            yield spec.document.problem(
                route, message, "rename it, or declare it with scope: forge", key=True
            )


def _subjects(plan: Plan, spec: Spec) -> Iterator[Problem]:
    publishes = any(job.index_name for job in plan.jobs)
    if publishes and spec.github.attestations and not attests(plan, spec):
        message = (
            f"{len(plan.cells)} wheels are too many for an attestation ({SUBJECTS_LIMIT} names): "
            "there is none"
        )
        yield _warning(
            spec.document.problem(
                ("github",), message, "say so: github.attestations: false", key=True
            )
        )


def _schedules(spec: Spec) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for name, schedule in scheduled(spec).items():
        for key, message, hint in _schedule_faults(schedule):
            yield spec.document.problem(("schedules", name, key), message, hint)
        other = first.setdefault(schedule.cron.upper(), name)
        if other != name:
            message = (
                f"{name} and {other} are one schedule for GitHub: it tells a run its cron "
                "expression alone"
            )
            yield spec.document.problem(
                ("schedules", name, "cron"), message, "let one start some minutes later"
            )
        for variable, value in schedule.variables.items():
            if EXPRESSION in value or "}}" in value:
                message = f"{variable}: GitHub would read a part of {value} as an expression"
                hint = "give it to GitLab's schedule alone: forges: [gitlab]"
                yield spec.document.problem(
                    ("schedules", name, "variables", variable), message, hint
                )


def _schedule_faults(schedule: Schedule) -> Iterator[tuple[str, str, str]]:
    """Yield what GitHub cannot do for a schedule: key, message and hint."""
    if schedule.ref:
        message = "GitHub's schedules build the default branch alone"
        yield "ref", message, "remove it, or give the schedule to GitLab alone: forges: [gitlab]"
    if schedule.timezone != "UTC" and not ZONE.fullmatch(schedule.timezone):
        yield (
            "timezone",
            f"{schedule.timezone} is no time zone for GitHub",
            "such as Europe/Berlin, or UTC",
        )


def _warning(problem: Problem) -> Problem:
    return replace(problem, severity="warning")
