"""What a project adds to its workflows: keys of generated jobs, by kind or by name, and jobs of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from truewheel import patches
from truewheel.problems import Problem, Stop, in_order, meant, shown
from truewheel.spec import Spec

KEYWORDS = (
    *("concurrency", "container", "continue-on-error", "defaults", "env", "environment", "if", "name", "needs"),
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
PLACED = re.compile(r"(container|wheel|test)\b")

Document = dict[str, Any]


def apply(spec: Spec, workflows: Mapping[str, Document], kinds: Mapping[str, str], caller: str) -> None:
    """Change the jobs of the workflows as `github.overrides` says, and add `github.jobs` to the caller.

    `kinds` are those of the caller's jobs by id. A selector is a kind, or workflow/job with * and ?. Raises `Stop`
    (exit 2) for keys that no job has, selectors that reach nothing, nulls that remove nothing, and ids that are taken.
    """
    found = [*_faults(spec, "overrides"), *_faults(spec, "jobs")]
    known = workflows[caller]["jobs"]
    for name in spec.github.jobs.keys() & known.keys():
        hint = "change it under github.overrides, or rename this one"
        found.append(spec.document.problem(("github", "jobs", name), f"the job {name} is generated", hint, key=True))
    for selector, patch in spec.github.overrides.items():
        found += _patch(spec, selector, patch, workflows, kinds)
    if found:
        raise Stop(in_order(found))
    known |= spec.github.jobs


def _patch(
    spec: Spec, selector: str, patch: Mapping[str, Any], workflows: Mapping[str, Document], kinds: Mapping[str, str]
) -> Iterator[Problem]:
    removed: set[patches.Route] = set()
    reached = False
    for path, workflow in workflows.items():
        jobs = workflow["jobs"]
        for name in jobs:
            placed = PLACED.match(name)
            kind = kinds.get(name) or (placed[1] if placed else "")
            if selector == kind or fnmatchcase(_named(path, name), selector):
                jobs[name] = patches.merged(jobs[name], patch, {}, removed)
                reached = True
    route = ("github", "overrides", selector)
    if not reached:
        names = [_named(path, name) for path, each in workflows.items() for name in each["jobs"]]
        known = [*kinds.values(), "container", "wheel", "test", *names]
        hint = meant(selector, known, "name a kind, or workflow/job; * and ? match")
        yield spec.document.problem(route, f"no job is {shown(selector)}", hint, key=True)
        return
    for at in patches.removals(patch):
        if at not in removed:
            message = f"{selector} has no {'.'.join(at)} to remove"
            yield spec.document.problem((*route, *at), message, "remove the line", key=True)


def _named(path: str, job: str) -> str:
    """Return a job as a selector names it: with its workflow, such as wheels-rhel8-x86_64/test."""
    return f"{path.rpartition('/')[2].removesuffix('.yml')}/{job}"


def _faults(spec: Spec, part: str) -> Iterator[Problem]:
    """Yield what is wrong with the keys and values of patches, or of added jobs."""
    for name, fields in getattr(spec.github, part).items():
        route = ("github", part, name)
        for key in fields:
            if key not in KEYWORDS:
                message, hint = f"jobs have no key {shown(key)}", meant(key, KEYWORDS, "see GitHub's workflow syntax")
                yield spec.document.problem((*route, key), message, hint, key=True)
        variables = fields.get("env") if part == "overrides" else None
        for variable in variables if isinstance(variables, dict) else ():
            if variable.startswith(OWN_VARIABLES):
                hint = "the plan decides it: name your variable otherwise"
                yield spec.document.problem((*route, "env", variable), f"{variable} is Truewheel's own", hint, key=True)
        yield from patches.misread(spec.document, fields, route)
