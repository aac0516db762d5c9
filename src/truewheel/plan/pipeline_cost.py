"""How many jobs pipelines have, and their total time, estimated from an earlier pipeline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from truewheel.plan.jobs import select_by_event
from truewheel.plan.model import Job, Plan

COMPARED_EVENTS = ("mr", "push")
"""Of all events, those whose pipelines a change makes longer for everyone, day after day."""


class Times(NamedTuple):
    """Seconds that jobs took, by their names and as the mean of their kinds.

    `source` is the pipeline, in Markdown.
    """

    of_jobs: Mapping[str, float]
    of_kinds: Mapping[str, float]
    source: str

    def of(self, job: Job) -> float | None:
        """Return the seconds that a job of this name took, else the mean of its kind, or None."""
        return self.of_jobs.get(_plain(job.name), self.of_kinds.get(job.kind))


class Load(NamedTuple):
    """How many jobs a pipeline has, and their total minutes; `unknown` are kinds that never ran."""

    jobs: int
    minutes: float = 0.0
    unknown: tuple[str, ...] = ()


class Cost(NamedTuple):
    """The load of an event's pipelines before and after a change; `before` may be None."""

    event: str
    before: Load | None
    after: Load


def times(durations: Iterable[tuple[str, float]], prefix: str, source: str) -> Times:
    """Return the times of jobs by their names on a forge.

    The names of jobs without a target begin with `prefix`.
    """
    of_jobs: dict[str, float] = {}
    of_kinds: defaultdict[str, list[float]] = defaultdict(list)
    for name, seconds in durations:
        plain = _plain(name).removeprefix(prefix)
        of_jobs[plain] = seconds
        of_kinds[plain.partition(" ")[0]].append(seconds)
    means = {kind: sum(values) / len(values) for kind, values in of_kinds.items()}
    return Times(of_jobs, means, source)


def costs(before: Plan | None, after: Plan, history: Times | None) -> list[Cost]:
    """Return the load of merge requests' pipelines and of pushes'.

    Both plans are those of a merge request.
    """
    return [
        Cost(
            event,
            None if before is None else _load(before, event, history),
            _load(after, event, history),
        )
        for event in COMPARED_EVENTS
    ]


def _load(plan: Plan, event: str, history: Times | None) -> Load:
    jobs = select_by_event(plan.jobs, plan.kinds, event)
    if history is None:
        return Load(len(jobs))
    seconds = {job: history.of(job) for job in jobs}
    unknown = dict.fromkeys(job.kind for job, value in seconds.items() if value is None)
    return Load(len(jobs), sum(filter(None, seconds.values())) / 60, tuple(unknown))


def _plain(name: str) -> str:
    """Return a job's name without its place: GitLab has `wheel:foo`, GitHub `rhel8 / wheel foo`."""
    return name.rpartition(" / ")[2].replace(":", " ")
