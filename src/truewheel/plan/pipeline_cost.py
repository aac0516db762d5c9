"""How many jobs pipelines have, and how long all of them take together, judged by those of an earlier pipeline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from truewheel.plan.jobs import of_event
from truewheel.plan.model import Job, Plan

EVENTS = ("mr", "push")
"""Of all events, those whose pipelines a change makes longer for everyone, day after day."""


class Times(NamedTuple):
    """Seconds that jobs took, by their names and as the mean of their kinds.

    `source` is the pipeline, in Markdown.
    """

    of_jobs: Mapping[str, float]
    of_kinds: Mapping[str, float]
    source: str

    def of(self, job: Job) -> float | None:
        """Return what a job should take.

        What one of its name took, else the mean of its kind, or None.
        """
        return self.of_jobs.get(_plain(job.name), self.of_kinds.get(job.kind))


class Load(NamedTuple):
    """The jobs of a pipeline, and the minutes that they take together.

    `unknown` are kinds that never ran.
    """

    jobs: int
    minutes: float = 0.0
    unknown: tuple[str, ...] = ()


class Effort(NamedTuple):
    """What the pipelines of an event take, before (None: there were none) and after a change."""

    event: str
    before: Load | None
    after: Load


def times(taken: Iterable[tuple[str, float]], prefix: str, source: str) -> Times:
    """Return the times of jobs by their names on a forge.

    `prefix` stands before those of jobs without a target.
    """
    of_jobs: dict[str, float] = {}
    of_kinds: defaultdict[str, list[float]] = defaultdict(list)
    for name, seconds in taken:
        plain = _plain(name).removeprefix(prefix)
        of_jobs[plain] = seconds
        of_kinds[plain.partition(" ")[0]].append(seconds)
    return Times(of_jobs, {kind: sum(each) / len(each) for kind, each in of_kinds.items()}, source)


def efforts(before: Plan | None, after: Plan, known: Times | None) -> list[Effort]:
    """Return what the pipelines of merge requests and of pushes take.

    Both plans are those of a merge request.
    """
    return [
        Effort(
            event,
            None if before is None else _load(before, event, known),
            _load(after, event, known),
        )
        for event in EVENTS
    ]


def _load(plan: Plan, event: str, known: Times | None) -> Load:
    jobs = of_event(plan.jobs, plan.kinds, event)
    if known is None:
        return Load(len(jobs))
    seconds = {job: known.of(job) for job in jobs}
    unknown = dict.fromkeys(job.kind for job, each in seconds.items() if each is None)
    return Load(len(jobs), sum(filter(None, seconds.values())) / 60, tuple(unknown))


def _plain(name: str) -> str:
    """Return a job's name as both forges have it.

    GitLab's `wheel:foo`, GitHub's `rhel8 x86_64 / wheel foo`.
    """
    return name.rpartition(" / ")[2].replace(":", " ")
