"""Watch a pipeline until its end: report changes, run jobs again, and give a verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from truewheel.errors import Exit, Stop
from truewheel.forges.base import ENDED, Forge, Job, PipelineState, Run
from truewheel.forges.failures import PASSING, Cause, find_cause

FIRST_PAUSE, GROWTH, LONGEST_PAUSE = 1.0, 1.5, 10.0
"""Seconds between two requests: short at first, when a pipeline may be refused at once."""
REQUESTS_PER_SECOND = 0.95
LOG_BYTES, LOG_LINES = 65536, 20
"""How much of a failing log is read, and shown."""


class Failure(NamedTuple):
    """A failed job, the probable cause, and the end of its log."""

    job: Job
    cause: Cause
    log: str


class Verdict(NamedTuple):
    """How a pipeline ended: its last state and what failed.

    `is_good` only when all below it went well.
    """

    snapshot: PipelineState
    is_good: bool
    failures: tuple[Failure, ...]


@dataclass(kw_only=True)
class Follower:
    """Follows one pipeline. `interval` 0 keeps to a request a second.

    `retries` is how often a job runs again.

    `tell` hears sentences, `show` every state.
    """

    forge: Forge
    tell: Callable[[str], None]
    show: Callable[[PipelineState], None] = lambda _look: None
    interval: float = 0.0
    retries: int = 1
    _states: dict[str, str] = field(default_factory=dict)
    _again: dict[str, int] = field(default_factory=dict)
    _old: set[int] = field(default_factory=set)
    _judged: set[int] = field(default_factory=set)

    def to_end(self, run: Run) -> Verdict:
        """Return the verdict. Raises `Stop` (exit 6) when there is none in time."""
        try:
            return self._follow(run)
        except Stop as stopped:  # the forge refuses to tell: that is no verdict on the pipeline
            raise Stop(stopped.problems, Exit.REMOTE_UNREACHABLE) from None

    def _follow(self, run: Run) -> Verdict:
        snapshot: PipelineState | None = None
        pause = FIRST_PAUSE
        while True:
            requests = self.forge.caller.requests
            snapshot = self.forge.read_state(run, snapshot)
            self._tell_changes(snapshot)
            self.show(snapshot)
            if self._run_again(snapshot):
                snapshot = None  # ended pipelines below it may go on
            elif self._is_over(snapshot):
                return self._verdict(snapshot)
            waited = (self.forge.caller.requests - requests) / REQUESTS_PER_SECOND
            self.forge.caller.sleep(self.interval or max(pause, waited))
            pause = min(pause * GROWTH, LONGEST_PAUSE)

    def _is_over(self, snapshot: PipelineState) -> bool:
        """Return whether nothing moves any more: no pipeline, and no job that should run again."""
        jobs = [job for pipeline_ in snapshot.all() for job in pipeline_.jobs]
        if any(
            job.id in self._old for job in jobs
        ):  # the answer is older than our asking to run it again
            return False
        if any(pipeline.run.state not in ENDED for pipeline in snapshot.all()):
            return False
        # A pipeline that we have set going again may still be said to have failed.
        return not self._again or not any(
            job.state in {"pending", "running", "preparing"} for job in jobs
        )

    def _run_again(self, snapshot: PipelineState) -> bool:
        """Run again the failed jobs whose failure may pass; returns whether there were any."""
        jobs = [
            job
            for job in failed(snapshot)
            if not job.is_allowed_to_fail and job.id not in self._judged
        ]
        if self.forge.is_retried_whole and snapshot.run.state != "failed":
            return False
        causes = {
            job: self._cause(job) for job in jobs if self._again.get(job.name, 0) < self.retries
        }
        self._judged |= {job.id for job in jobs}
        again = {job: cause_ for job, cause_ in causes.items() if cause_.kind in PASSING}
        if self.forge.is_retried_whole and len(again) < len(jobs):
            return False  # what would fail again runs again too: the verdict is known
        for together in (
            [again]
            if self.forge.is_retried_whole
            else [{job: cause_} for job, cause_ in again.items()]
        ):
            self._retry(together)
        return bool(again)

    def _cause(self, job: Job) -> Cause:
        return find_cause(job, self._log(job) if job.reason in {"", "script_failure"} else "")

    def _retry(self, jobs: Mapping[Job, Cause]) -> None:
        """Run jobs again, by one request.

        A refusal may mean that they run again already, after a request whose answer was lost.
        """
        if not jobs:
            return
        self._again.update({job.name: self._again.get(job.name, 0) + 1 for job in jobs})
        try:
            self.forge.retry(next(iter(jobs)))
        except Stop as stopped:
            if stopped.code is Exit.REMOTE_UNREACHABLE:
                raise
            self.tell(stopped.problems[0].message)
            return
        for job, cause_ in jobs.items():
            self._old.add(job.id)
            self.tell(
                f"{job.name} runs again ({self._again[job.name]} of {self.retries}): {cause_.told}"
            )

    def _tell_changes(self, snapshot: PipelineState) -> None:
        """Tell what is new: a pipeline's start before its jobs' changes, and its end after them."""
        line = (f"pipeline {snapshot.run.id}", snapshot.run.state, snapshot.run.url)
        if snapshot.run.state not in ENDED:
            self._tell_change(*line)
        for job in snapshot.jobs:
            took = f"{job.seconds:.0f} s" if job.state in ENDED and job.seconds else ""
            self._tell_change(f"{snapshot.run.id}/{job.name}", job.state, took)
        for child in snapshot.children:
            self._tell_changes(child)
        self._tell_change(*line)

    def _tell_change(self, name: str, state: str, more: str) -> None:
        if self._states.get(name) == state:
            return
        is_news = state in ENDED | {"running", "manual"} - {"skipped"}
        self._states[name] = state
        if is_news:
            self.tell(f"{name}: {state}" + (f" ({more})" if more else ""))

    def _verdict(self, snapshot: PipelineState) -> Verdict:
        is_good = all(pipeline.run.state == "success" for pipeline in _asked(snapshot))
        failures = (
            ()
            if is_good
            else tuple(self._failure(job) for job in failed(snapshot) if not job.is_allowed_to_fail)
        )
        return Verdict(snapshot, is_good, failures)

    def _failure(self, job: Job) -> Failure:
        log = self._log(job)
        return Failure(job, find_cause(job, log), "\n".join(log.split("\n")[-LOG_LINES:]))

    def _log(self, job: Job) -> str:
        try:
            return self.forge.log_tail(job, LOG_BYTES)
        except (
            Stop
        ) as stopped:  # a job without a runner has no log, and a verdict does not wait for one
            self.tell(str(stopped.problems[0].message))
            return ""


def _asked(snapshot: PipelineState) -> Iterator[PipelineState]:
    """Return the pipelines that must go well; those below a tolerated one need not."""
    yield snapshot
    for child in snapshot.children:
        if not child.is_tolerated:
            yield from _asked(child)


def failed(snapshot: PipelineState) -> list[Job]:
    """Return the failed jobs of a pipeline and its children.

    The jobs of a child stand for the job that started it.
    """
    return [job for pipeline in snapshot.all() for job in pipeline.jobs if job.state == "failed"]


def states(snapshot: PipelineState) -> str:
    """Return how many jobs are in which state, as a sentence's part."""
    counter = Counter(job.state for pipeline in snapshot.all() for job in pipeline.jobs)
    return ", ".join(f"{count} {state}" for state, count in sorted(counter.items())) or "no jobs"
