"""Additions of a project to its workflows: keys of generated jobs, and further jobs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from truewheel.errors import Problem, Stop, show_value, sort_problems, suggest
from truewheel.plan.jobs import PLAN_FILE
from truewheel.spec import overrides
from truewheel.spec.model import Spec

KEYWORDS = (
    *(
        "concurrency",
        "container",
        "continue-on-error",
        "defaults",
        "env",
        "environment",
        "if",
        "name",
        "needs",
    ),
    *(
        "outputs",
        "permissions",
        "runs-on",
        "secrets",
        "services",
        "steps",
        "strategy",
        "timeout-minutes",
        "uses",
        "with",
    ),
)
"""The keys of a job (GitHub's workflow syntax)."""
OWN_VARIABLES = "TRUEWHEEL_"
UPLOAD = "actions/upload-artifact"
TAKEN = ("dist", PLAN_FILE)
"""Names of artifacts that generated jobs take."""
TAKEN_BEGIN = "wheel__"
"""What the names of all artifacts with wheels begin with."""
PLACED = re.compile(r"(container|wheel|test)\b")

Document = dict[str, Any]


def apply(
    spec: Spec, workflows: Mapping[str, Document], kinds: Mapping[str, str], caller: str
) -> None:
    """Apply `github.overrides` and `steps` to the workflows, and add `github.jobs` to the caller.

    `kinds` are those of the caller's jobs by id. A selector is a kind, or workflow/job with * and
    ?: kinds are changed first. Raises `Stop` (exit 2) for keys that no job has, selectors that
    reach nothing, nulls that remove nothing, and ids that are taken.
    """
    changed = [
        *_faults(spec, "overrides"),
        *_faults(spec, "jobs"),
        *overrides.find_misread(spec.document, *_steps_of(spec)),
        *_taken_artifacts(spec),
    ]
    jobs = workflows[caller]["jobs"]
    for name in spec.github.jobs.keys() & jobs.keys():
        hint = "change it under github.overrides, or rename this one"
        changed.append(
            spec.document.problem(
                ("github", "jobs", name), f"the job {name} is generated", hint, key=True
            )
        )
    for selector in sorted(spec.github.overrides, key=_is_narrow):
        changed += _patch(spec, selector, workflows, kinds)
    for selector in sorted(spec.github.steps, key=_is_narrow):
        changed += _insert(spec, selector, workflows, kinds)
    if changed:
        raise Stop(sort_problems(changed))
    jobs |= spec.github.jobs


def _is_narrow(selector: str) -> bool:
    return "/" in selector


def _steps_of(spec: Spec) -> tuple[Any, overrides.Route]:
    return {selector: list(steps) for selector, steps in spec.github.steps.items()}, (
        "github",
        "steps",
    )


def _taken_artifacts(spec: Spec) -> Iterator[Problem]:
    """Yield a problem for each added step that keeps an artifact under a name that is ours.

    The last one of a name counts, so it would take the place of a generated job's.
    """
    lists: list[tuple[overrides.Route, Any]] = [
        *((("jobs", name, "steps"), job.get("steps")) for name, job in spec.github.jobs.items()),
        *((("steps", name), steps) for name, steps in spec.github.steps.items()),
    ]
    for route, steps in lists:
        for number, step in enumerate(steps if isinstance(steps, (list, tuple)) else ()):
            if name := _artifact_of(step):
                hint = f"generated jobs take {', '.join(TAKEN)} and {TAKEN_BEGIN}*: rename it"
                message = f"{show_value(name)} is the name of a generated artifact"
                where: list[str | int] = ["github", *route, number, "with", "name"]
                yield spec.document.problem(where, message, hint)


def _artifact_of(step: Any) -> str:
    """Return the name under which a step keeps an artifact, if that is one of ours, else ""."""
    if not (isinstance(step, dict) and str(step.get("uses", "")).startswith(UPLOAD)):
        return ""
    inputs = step.get("with")
    name = str(inputs.get("name", "")) if isinstance(inputs, dict) else ""
    return name if name in TAKEN or name.startswith(TAKEN_BEGIN) else ""


def _reached(
    selector: str, workflows: Mapping[str, Document], kinds: Mapping[str, str]
) -> list[tuple[dict[str, Document], str]]:
    """Return the jobs that a selector matches, as the jobs of their workflow and their id."""
    reached = []
    for path, workflow in workflows.items():
        for name in workflow["jobs"]:
            placed = PLACED.match(name)
            kind = kinds.get(name) or (placed[1] if placed else "")
            if selector == kind or fnmatchcase(_named(path, name), selector):
                reached.append((workflow["jobs"], name))
    return reached


def _patch(
    spec: Spec, selector: str, workflows: Mapping[str, Document], kinds: Mapping[str, str]
) -> Iterator[Problem]:
    route, patch = ("github", "overrides", selector), spec.github.overrides[selector]
    removed: set[overrides.Route] = set()
    reached = _reached(selector, workflows, kinds)
    for jobs, name in reached:
        jobs[name] = overrides.merge(jobs[name], patch, {}, removed)
    if not reached:
        yield _nothing(spec, route, workflows, kinds)
        return
    for at in overrides.find_removals(patch):
        if at not in removed:
            message = f"{selector} has no {'.'.join(at)} to remove"
            yield spec.document.problem((*route, *at), message, "remove the line", key=True)


def _insert(
    spec: Spec, selector: str, workflows: Mapping[str, Document], kinds: Mapping[str, str]
) -> Iterator[Problem]:
    """Put steps of the project between a job's checkout and what it does there."""
    reached = [
        (jobs, name) for jobs, name in _reached(selector, workflows, kinds) if "steps" in jobs[name]
    ]
    for jobs, name in reached:
        steps = jobs[name]["steps"]
        first = next((at for at, step in enumerate(steps) if not _is_start(step)), len(steps))
        jobs[name] = {
            **jobs[name],
            "steps": [*steps[:first], *spec.github.steps[selector], *steps[first:]],
        }
    if not reached:
        yield _nothing(spec, ("github", "steps", selector), workflows, kinds)


def _is_start(step: Mapping[str, Any]) -> bool:
    return str(step.get("uses", "")).startswith(("actions/checkout@", "actions/setup-python@"))


def _nothing(
    spec: Spec, route: overrides.Route, workflows: Mapping[str, Document], kinds: Mapping[str, str]
) -> Problem:
    names = [
        _named(path, name) for path, workflow in workflows.items() for name in workflow["jobs"]
    ]
    known = [*kinds.values(), "container", "wheel", "test", *names]
    hint = suggest(route[-1], known, "name a kind, or workflow/job; * and ? match")
    return spec.document.problem(route, f"no job is {show_value(route[-1])}", hint, key=True)


def _named(path: str, job: str) -> str:
    """Return a job as a selector names it: with its workflow, such as wheels-rhel8-x86_64/test."""
    return f"{path.rpartition('/')[2].removesuffix('.yml')}/{job}"


def _faults(spec: Spec, part: str) -> Iterator[Problem]:
    """Yield what is wrong with the keys and values of patches, or of added jobs."""
    for name, fields in getattr(spec.github, part).items():
        route = ("github", part, name)
        for key in fields:
            if key not in KEYWORDS:
                message, hint = (
                    f"jobs have no key {show_value(key)}",
                    suggest(key, KEYWORDS, "see GitHub's workflow syntax"),
                )
                yield spec.document.problem((*route, key), message, hint, key=True)
        variables = fields.get("env") if part == "overrides" else None
        for variable in variables if isinstance(variables, dict) else ():
            if variable.startswith(OWN_VARIABLES):
                hint = "the plan decides it: name your variable otherwise"
                yield spec.document.problem(
                    (*route, "env", variable), f"{variable} is Truewheel's own", hint, key=True
                )
        yield from overrides.find_misread(spec.document, fields, route)
