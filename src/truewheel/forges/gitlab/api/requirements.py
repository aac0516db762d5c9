"""What pipelines need of a GitLab project: variables, runners, time, registry and version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from truewheel.forges.gitlab.emit import pipeline
from truewheel.forges.gitlab.emit.layout import Layout
from truewheel.forges.gitlab.lint import durations
from truewheel.plan.model import Plan, digest_variable
from truewheel.spec import variables as contract
from truewheel.spec.forges import is_set_by_a_forge
from truewheel.spec.model import Spec
from truewheel.spec.policy import Policy, Variable

OLDEST = (15, 8)
"""The first GitLab that takes all that is generated.

A pipeline's name, and prefilled variables with options.
"""
OLDEST_WITH_KEYS = (16, 11)
"""The first GitLab that has artifacts which nobody can download."""
OLDEST_WITH_INPUTS = (17, 11)

Documents = Mapping[str, Mapping[str, Any]]


class Secret(NamedTuple):
    """A variable that the settings must hold, and what for.

    `environment` is that of the one job which reads it; `is_hidden` says that nobody may see it,
    `is_late` that only jobs of protected refs need it.
    """

    name: str
    purpose: str
    environment: str = ""
    is_hidden: bool = True
    is_late: bool = False


class Needs(NamedTuple):
    """What pipelines need.

    `tags` has an example of a job for each set of tags, `limits` the jobs' own timeouts.

    `sends_variables` says that schedules set variables, `by_inputs` that all values can be inputs.
    `largest` is the size in bytes that wheels may have, 0 where nothing is said of it, `images` are
    the builder images that jobs push.
    """

    secrets: tuple[Secret, ...]
    variables: Mapping[str, Variable]
    job_variables: frozenset[str]
    tags: Mapping[tuple[str, ...], str]
    limits: Mapping[str, float]
    unlimited: str
    publishes: bool
    uses_packages: bool
    config: str
    version: tuple[int, int]
    sends_variables: bool
    by_inputs: bool
    largest: int
    images: tuple[str, ...]


def needs(
    spec: Spec, policy: Policy, plan: Plan, documents: Documents, *, by_inputs: bool = False
) -> Needs:
    """Return what the generated documents of a plan need of their project.

    The plan is that of all events.
    """
    jobs = dict(_jobs(documents))
    layout = pipeline.layout(plan, spec)
    schedules = spec.schedules_of("gitlab").values()
    limits = {
        name: durations.seconds(str(job["timeout"]))
        for name, job in jobs.items()
        if "timeout" in job
    }
    return Needs(
        secrets=tuple(secrets(spec, policy, plan)),
        variables=contract.declared_variables(spec, policy),
        job_variables=frozenset(
            [
                *(name for job in jobs.values() for name in job.get("variables", {})),
                *(digest_variable(*place.split("/")) for place in plan.images),
            ]
        ),
        tags=_tags(jobs),
        limits={name: limit for name, limit in limits.items() if limit},
        unlimited=_unlimited(plan, limits),
        publishes=any(plan.kinds[job.kind].is_protected for job in plan.jobs),
        uses_packages=layout.children or layout.packages,
        config="" if spec.gitlab.entry else pipeline.PARENT,
        version=_oldest(layout, by_inputs=by_inputs),
        sends_variables=not by_inputs and any(schedule.variables for schedule in schedules),
        by_inputs=by_inputs,
        largest=max((package.max_size for package in plan.packages.values()), default=0),
        images=tuple(plan.images.values()),
    )


def _unlimited(plan: Plan, limits: Mapping[str, float | None]) -> str:
    """Return a job that makes wheels and has no timeout of its own, "" if there is none."""
    makers = (job.name for job in plan.jobs if plan.kinds[job.kind].traits.wheels == "make")
    return next((name for name in makers if not limits.get(name)), "")


def _oldest(layout: Layout, *, by_inputs: bool) -> tuple[int, int]:
    """Return the first GitLab that takes the generated files."""
    if by_inputs:
        return OLDEST_WITH_INPUTS
    return OLDEST_WITH_KEYS if layout.children else OLDEST


def _tags(jobs: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, ...], str]:
    """Return the first job of each set of tags; jobs that start a pipeline need no runner."""
    first_jobs: dict[tuple[str, ...], str] = {}
    for name, job in jobs.items():
        if "trigger" not in job:
            first_jobs.setdefault(tuple(job.get("tags", ())), name)
    return first_jobs


def secrets(spec: Spec, policy: Policy, plan: Plan) -> Iterator[Secret]:
    """Yield the variables for credentials of indexes, and the spec's and policy's secrets."""
    published = {job.index_name for job in plan.jobs if job.index_name}
    known = set()
    for index in plan.indexes:
        if index.name in published:
            environment = f"{plan.project}/{index.name}"
            for name, word in ((index.username, "user name"), (index.password, "password")):
                if name and not is_set_by_a_forge(name):  # those GitLab sets itself
                    known.add(name)
                    purpose = f"the {word} of the index {index.name}"
                    yield Secret(
                        name, purpose, environment, is_hidden=word == "password", is_late=True
                    )
    for name, rule in contract.declared_variables(spec, policy).items():
        if rule.scope == "secret" and name not in known:
            yield Secret(
                name, "a secret of the spec" if name in spec.variables else "a secret of the policy"
            )


def _jobs(documents: Documents) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the visible jobs of all files with what they get from hidden ones.

    Their own file's, else any.
    """
    everywhere = {name: job for document in documents.values() for name, job in document.items()}
    for document in documents.values():
        known = {**everywhere, **document}
        for name, job in document.items():
            if (
                not name.startswith(".")
                and isinstance(job, dict)
                and {"script", "extends", "trigger"} & job.keys()
            ):
                yield name, _whole(job, known)


def _whole(job: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    above = job.get("extends", ())
    merged: dict[str, Any] = {}
    for name in [above] if isinstance(above, str) else above:
        merged |= _whole(known.get(name, {}), known)
    variables = {**_mapping(merged.get("variables")), **_mapping(job.get("variables"))}
    return {**merged, **job, "variables": variables}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def readable(tags: Iterable[str]) -> str:
    """Return a set of tags as messages show it."""
    return ", ".join(tags) or "no tags"
