"""Pipelines that follow a script.

The script says what each job does; the server's clock says when it has done it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

FINAL = frozenset({"success", "failed", "canceled", "skipped"})
STATUSES = FINAL | {
    *("created", "waiting_for_resource", "preparing", "waiting_for_callback", "pending", "running"),
    *("canceling", "manual", "scheduled"),
}


@dataclass(frozen=True)
class Job:
    """What a job will do; times are seconds of the server's clock.

    `result` and `failure_reason` may be sequences: the first attempt takes the first item, and the
    last item is repeated. `retry` is GitLab's keyword: the server itself retries so many failures.
    For `queued` seconds the job is in state `waits` (pending, preparing, waiting_for_resource,
    scheduled); it takes `canceling` seconds to be canceled.
    """

    name: str
    stage: str = "build"
    seconds: float = 60.0
    result: str | Sequence[str] = "success"
    failure_reason: str | Sequence[str] = "script_failure"
    queued: float = 0.0
    waits: str = "pending"
    canceling: float = 0.0
    trace: str = ""
    artifacts: Mapping[str, bytes] = field(default_factory=dict)
    allow_failure: bool = False
    when: str = "on_success"
    needs: Sequence[str] | None = None
    retry: int = 0
    tags: Sequence[str] = ()


@dataclass(frozen=True)
class Bridge(Job):
    """A trigger job.

    `child` is the script of the pipeline that it starts, None when that cannot be created.
    `project` is the path of another project (a multi-project pipeline); `depends` is `strategy:
    depend`.
    """

    child: Sequence[Job] | None = ()
    project: str = ""
    depends: bool = True


@dataclass(eq=False)
class Build:
    """One attempt of a job."""

    id: int
    script: Job
    pipeline: Pipeline
    created: float
    attempt: int = 1
    status: str = "created"
    failure_reason: str | None = None
    queued: float | None = None
    started: float | None = None
    ended: float | None = None
    canceled: float | None = None
    retried: bool = False
    downstream: Pipeline | None = None

    @property
    def is_bridge(self) -> bool:
        """Whether it is a trigger job."""
        return isinstance(self.script, Bridge)

    @property
    def is_ignored(self) -> bool:
        """Whether nobody waits for it: a manual job that may fail."""
        return self.status == "manual" and self.script.allow_failure

    @property
    def is_bad(self) -> bool:
        """Whether it stops what comes after it."""
        return self.status in {"failed", "canceled"} and not self.script.allow_failure

    def last(self) -> float:
        """Return the time of its last change."""
        times = (self.created, self.queued, self.started, self.canceled, self.ended)
        return max(time for time in times if time is not None)

    def end(self, status: str, when: float, reason: str | None = None) -> None:
        """Be over."""
        self.status, self.ended, self.failure_reason = status, when, reason

    def outcome(self) -> tuple[str, str]:
        """Return how this attempt ends, and the reason for a failure."""
        return _nth(self.script.result, self.attempt), _nth(
            self.script.failure_reason, self.attempt
        )


@dataclass(eq=False)
class Pipeline:
    """A pipeline. Its `stages` come in the order of their first job."""

    id: int
    iid: int
    project: Any
    ref: str
    sha: str
    source: str
    user: Any
    created: float
    ids: Iterator[int]
    tag: bool = False
    name: str | None = None
    variables: list[dict[str, Any]] = field(default_factory=list)
    inputs: dict[str, Any] = field(default_factory=dict)
    parent: Build | None = None
    builds: list[Build] = field(default_factory=list)
    stages: dict[str, int] = field(default_factory=dict)
    listed_from: int = 0
    touched: float = 0.0
    schedule: int | None = None

    def fill(self, jobs: Iterable[Job]) -> None:
        """Add the jobs of a script, not yet run."""
        self.builds += [Build(next(self.ids), job, self, self.created) for job in jobs]
        names = dict.fromkeys(build.script.stage for build in self.builds)
        self.stages = {name: place for place, name in enumerate(names)}

    def latest(self) -> list[Build]:
        """Return the last attempt of each job."""
        return [build for build in self.builds if not build.retried]

    @property
    def status(self) -> str:
        """The status that follows from its jobs."""
        return composite(self.latest())

    @property
    def is_done(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.status in FINAL

    @property
    def started(self) -> float | None:
        """When the first job started."""
        return min(
            (build.started for build in self.builds if build.started is not None), default=None
        )

    @property
    def finished(self) -> float | None:
        """When the last job ended, None before that."""
        ends = [build.ended for build in self.builds if build.ended is not None]
        return max(ends, default=self.created) if self.is_done else None

    @property
    def updated(self) -> float:
        """When anything last changed."""
        return max([self.created, self.touched, *(build.last() for build in self.builds)])


def composite(builds: Iterable[Build]) -> str:
    """Return the status of a pipeline from those of its jobs, by GitLab's order of rules."""
    seen = {_weighed(build) for build in builds}
    neutral = {"skipped", "warning", "ignored"}
    if seen <= {"skipped", "ignored"}:
        return "skipped"
    for others, status in (
        ({"success"}, "success"),
        ({"created"}, "created"),
        ({"preparing"}, "preparing"),
        ({"canceled", "success"}, "canceled"),
        ({"pending", "created"}, "pending"),
    ):
        if seen <= others | neutral:
            return status
    for status in (
        "running",
        "pending",
        "waiting_for_resource",
        "manual",
        "scheduled",
        "preparing",
        "created",
    ):
        if status in seen:
            return "running" if status in {"pending", "created"} else status
    return "canceling" if "canceling" in seen else "failed"


def _weighed(build: Build) -> str:
    if build.is_ignored:
        return "ignored"
    if build.script.allow_failure and build.status in {"failed", "canceled"}:
        return "warning"
    return build.status


def settle(pipeline: Pipeline, now: float) -> None:
    """Let everything happen that the script says should have happened by now."""
    while sum(_step(build, now) for build in pipeline.latest()):  # a sum: every job has its step
        pass


def _step(build: Build, now: float) -> bool:
    """Move a job one state on; return whether it moved."""
    if build.status == "created":
        return _open(build)
    if (
        build.status == "canceling"
        and build.canceled is not None
        and build.canceled + build.script.canceling <= now
    ):
        build.end("canceled", build.canceled + build.script.canceling)
        return True
    if (
        build.status == build.script.waits
        and build.queued is not None
        and build.queued + build.script.queued <= now
    ):
        build.status, build.started = "running", build.queued + build.script.queued
        if build.is_bridge:
            _spawn(build, build.started)
        return True
    if build.status == "running" and build.started is not None:
        return _follow(build, now) if build.is_bridge else _finish(build, build.started, now)
    return False


def _open(build: Build) -> bool:
    before = _prerequisites(build)
    if any(other.status not in FINAL and not other.is_ignored for other in before):
        return False
    when = max([build.created, *(other.ended for other in before if other.ended is not None)])
    bad = any(other.is_bad for other in before)
    if build.script.needs is not None:
        bad = bad or any(other.status == "skipped" for other in before)
    if (bad and build.script.when not in {"always", "on_failure"}) or (
        not bad and build.script.when == "on_failure"
    ):
        build.end("skipped", when)
    elif build.script.when == "manual" and build.attempt == 1:
        build.status = "manual"
    else:
        build.status, build.queued = build.script.waits, when
    return True


def _prerequisites(build: Build) -> list[Build]:
    needs, stages = build.script.needs, build.pipeline.stages
    if needs is not None:
        return [other for other in build.pipeline.latest() if other.script.name in needs]
    stage = stages[build.script.stage]
    return [
        other
        for other in build.pipeline.builds
        if stages[other.script.stage] < stage and not other.retried
    ]


def _finish(build: Build, started: float, now: float) -> bool:
    end = started + build.script.seconds
    if end > now:
        return False
    result, reason = build.outcome()
    build.end(result, end, reason if result == "failed" else None)
    if result == "failed" and build.attempt <= build.script.retry:
        _renew(build, end)
    return True


def _spawn(build: Build, when: float) -> None:
    build.downstream = build.pipeline.project.downstream(build, when)
    if build.downstream is None:
        build.end("failed", when, "downstream_pipeline_creation_failed")
    elif isinstance(build.script, Bridge) and not build.script.depends:
        build.end("success", when)


def _follow(build: Build, now: float) -> bool:
    child = build.downstream
    if child is None:
        return False
    settle(child, now)
    if child.finished is None:
        return False
    # GitLab takes a child of which every job was skipped for a failure, and knows no reason
    status = child.status if child.status in {"success", "canceled"} else "failed"
    build.end(status, child.finished, "unknown_failure" if status == "failed" else None)
    return True


def again(build: Build, now: float) -> Build:
    """Make a new attempt of a job; what was skipped after it waits again."""
    _revive(build, now)
    return _renew(build, now)


def _renew(build: Build, now: float) -> Build:
    build.retried = True
    pipeline = build.pipeline
    new = Build(next(pipeline.ids), build.script, pipeline, now, build.attempt + 1)
    pipeline.builds.append(new)
    return new


def _revive(cause: Build, now: float) -> None:
    pipeline = cause.pipeline
    place, names = pipeline.stages[cause.script.stage], {cause.script.name}
    for build in sorted(pipeline.latest(), key=lambda build: pipeline.stages[build.script.stage]):
        needs = build.script.needs
        is_after = (
            pipeline.stages[build.script.stage] > place
            if needs is None
            else bool(names & set(needs))
        )
        if is_after and build.status == "skipped":
            build.status, build.ended, build.created = "created", None, now
            names.add(build.script.name)
    bridge = pipeline.parent
    if (
        bridge
        and bridge.status in FINAL
        and isinstance(bridge.script, Bridge)
        and bridge.script.depends
    ):
        bridge.status, bridge.ended, bridge.failure_reason = "running", None, None
        _revive(bridge, now)


def cancel(build: Build, now: float) -> None:
    """Cancel a job that has not ended, and the pipeline that it started.

    A manual job that nobody started stays as it is.
    """
    if build.downstream:
        cancel_all(build.downstream, now)
    if build.status == "running" and build.script.canceling:
        build.status, build.canceled = "canceling", now
    elif build.status not in FINAL | {"manual", "canceling"}:
        build.end("canceled", now)


def cancel_all(pipeline: Pipeline, now: float) -> None:
    """Cancel every job of a pipeline and of its children."""
    pipeline.touched = now
    for build in pipeline.latest():
        cancel(build, now)


def _nth(values: str | Sequence[str], attempt: int) -> str:
    if isinstance(values, str):
        return values
    return next(itertools.islice(values, attempt - 1, None), values[-1])
