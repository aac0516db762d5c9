"""How a plan keeps within GitLab's limits: the layout, and which jobs stand together in a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from truewheel.errors import Problem, Stop
from truewheel.forges.gitlab import limits
from truewheel.plan.model import Job, Plan
from truewheel.spec.model import Spec

FOLDER = "pipelines"
SIGNED = limits.NEEDS - len(["plan", "key"])
"""Jobs whose records one job signs."""
CHILD_JOBS = limits.FREE_PLAN_JOBS - -(-limits.FREE_PLAN_JOBS // SIGNED)
"""Jobs of one child, beside those that sign for them."""


class Layout(NamedTuple):
    """How the jobs are divided into files.

    `name` is include or children; `reason` says why, if the spec leaves it open.

    `parts` are the jobs that have a target, by file. With `packages`, wheels travel through the
    package registry alone and are in no artifact.
    """

    name: str
    reason: str
    parts: Mapping[str, tuple[Job, ...]]
    packages: bool

    @property
    def children(self) -> bool:
        """Whether each part is a pipeline of its own."""
        return self.name == "children"


def layout(plan: Plan, spec: Spec) -> Layout:
    """Return the layout of a plan. Raises `Stop` (exit 2) for one that GitLab would not take."""
    name, reason = spec.gitlab.layout, ""
    if name == "auto":
        reason = _too_large_for_one(plan, spec)
        name = "children" if reason else "include"
    parts = _parts(plan.jobs, children=name == "children")
    result = Layout(name, reason, parts, spec.gitlab.wheels == "packages")
    if problem := _problem(result, plan, spec):
        raise Stop([problem])
    return result


def _too_large_for_one(plan: Plan, spec: Spec) -> str:
    """Return why the plan should not be one pipeline, or ""."""
    if len(plan.jobs) > limits.FREE_PLAN_JOBS:
        most = f"a pipeline of the hosted free plan may have {limits.FREE_PLAN_JOBS}"
        return f"{len(plan.jobs)} jobs, where {most}"
    return _too_many(_parts(plan.jobs, children=False), plan, spec)


def _too_many(parts: Mapping[str, Sequence[Job]], plan: Plan, spec: Spec) -> str:
    """Return which limit one pipeline would break, or ""."""
    if spec.gitlab.entry:
        needed = 1 + len(jobs_before_proof(plan))
        return (
            f"prove would need {needed} jobs, where a job may need {limits.NEEDS}"
            if needed > limits.NEEDS
            else ""
        )
    included = len(parts) + len(spec.gitlab.include)
    return (
        f"{included} files, where a pipeline may include {limits.INCLUDES}"
        if included > limits.INCLUDES
        else ""
    )


def _problem(result: Layout, plan: Plan, spec: Spec) -> Problem | None:
    route = ("gitlab", "layout")
    if not result.children:
        fault = _too_many(result.parts, plan, spec)
        return (
            spec.document.problem(route, f"layout include: {fault}", "write layout: children")
            if fault
            else None
        )
    most = limits.NEEDS - len(["plan", "key"]) if spec.gitlab.entry else limits.DOWNSTREAM
    if len(result.parts) > most:
        why = "prove may need" if spec.gitlab.entry else "a pipeline may start"
        message = f"layout children: {len(result.parts)} child pipelines, where {why} {most}"
        return spec.document.problem(
            route, message, "build fewer targets and architectures in one project"
        )
    return None


def jobs_before_proof(plan: Plan) -> list[Job]:
    """Return the jobs that must have ended well before the proof."""
    return [job for job in plan.jobs if plan.kinds[job.kind].traits.image]


def signed_lots(members: Iterable[Job], plan: Plan) -> list[list[Job]]:
    """Return the jobs of a child in lots, for each of which one job signs.

    A lot has wheel jobs, and then the test jobs that have loaded all of their wheels.
    """
    by_cell: dict[str, list[Job]] = {}
    wheels = []
    for job in members:
        if plan.kinds[job.kind].traits.wheels == "make":
            wheels.append(job)
        for cell in job.cells if plan.kinds[job.kind].traits.wheels == "load" else ():
            by_cell.setdefault(cell, []).append(job)
    lots: list[dict[Job, None]] = []
    for job in wheels:
        tests = [test for cell in job.cells for test in by_cell.get(cell, ())]
        if not lots or len({**lots[-1], **dict.fromkeys([job, *tests])}) > SIGNED:
            lots.append({})
        lots[-1] |= dict.fromkeys([job, *tests])
    return [sorted(lot, key=lambda job: job not in wheels) for lot in lots]


def _parts(jobs: Iterable[Job], *, children: bool) -> dict[str, tuple[Job, ...]]:
    """Return the jobs of each file, by path.

    A file has jobs of one target and architecture; if they are many, there are several files.
    """
    places: dict[str, list[Job]] = {}
    for job in jobs:
        if job.place:
            places.setdefault(job.place, []).append(job)
    return {
        f"{FOLDER}/{place}{f'.{number}' if number > 1 else ''}.yml": tuple(part)
        for place, members in places.items()
        for number, part in enumerate(_split(members, children=children), 1)
    }


def _split(jobs: list[Job], *, children: bool) -> list[list[Job]]:
    """Return jobs in lots that a file, or a child pipeline, may hold.

    In a child, a test job stays beside the jobs of its wheels: no job can need one of another
    child. Each has its own container job, of whose digest no other would hear.
    """
    limit = CHILD_JOBS if children else limits.FILE_JOBS
    if len(jobs) <= limit:
        return [jobs]
    containers = [job for job in jobs if not job.cells]
    lots = [list(containers)]
    for group in _connected(job for job in jobs if job.cells) if children else _alone(jobs):
        if len(lots[-1]) + len(group) > limit:
            lots.append(list(containers) if children else [])
        lots[-1] += group
    return lots


def _alone(jobs: Iterable[Job]) -> list[list[Job]]:
    return [[job] for job in jobs if job.cells]


def _connected(jobs: Iterable[Job]) -> list[list[Job]]:
    """Return jobs in groups without a need from one to another."""
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        others = {id(groups[name]): groups[name] for name in job.needs or () if name in groups}
        group = [member for other in others.values() for member in other] + [job]
        groups |= {member.name: group for member in group}
    return list({id(group): group for group in groups.values()}.values())
