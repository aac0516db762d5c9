"""Pipelines and jobs of a forge, in GitLab's words; GitHub's are translated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from truewheel.errors import Stop
from truewheel.forges.calls import Caller, Fault

ENDED = frozenset({"success", "failed", "canceled", "skipped"})
"""States that a pipeline or a job stays in, unless somebody runs it again."""
STATES = ENDED | {
    *("created", "waiting_for_resource", "preparing", "pending", "running"),
    *("manual", "scheduled", "canceling", "waiting_for_callback"),
}


class Run(NamedTuple):
    """A pipeline of GitLab, or a workflow run of GitHub.

    `project` is the id or path that its calls need.
    """

    project: str
    id: int
    state: str
    url: str
    ref: str = ""
    name: str = ""
    source: str = ""


class Job(NamedTuple):
    """A job's newest attempt. `reason` is the forge's own word for its failure.

    Times are in seconds.
    """

    project: str
    id: int
    name: str
    stage: str
    state: str
    url: str
    reason: str = ""
    seconds: float = 0.0
    queued: float = 0.0
    is_allowed_to_fail: bool = False
    has_artifacts: bool = False
    run_id: int = 0


class Archive(NamedTuple):
    """A zip of files that a pipeline leaves behind.

    `name` is that of its job in the plan, or what `archive_name` makes of it. `starter` is
    `target:arch…` of the generated job that started the child pipeline of the job, "" in the
    pipeline itself.
    """

    project: str
    id: int
    name: str
    starter: str = ""


class PipelineState(NamedTuple):
    """A pipeline at one moment, with its jobs and the pipelines that it started.

    `starter` is the name of the job which started it, `is_tolerated` says that this job may fail,
    `is_leaf` that no job of it starts another.
    """

    run: Run
    jobs: tuple[Job, ...]
    children: tuple[PipelineState, ...] = ()
    is_tolerated: bool = False
    is_leaf: bool = False
    starter: str = ""

    def all(self) -> Iterator[PipelineState]:
        """Return this pipeline and all pipelines below it."""
        yield self
        for child in self.children:
            yield from child.all()


class StartRequest(NamedTuple):
    """What is to be started: on which ref, with which variables (or inputs), under which key."""

    ref: str
    variables: Mapping[str, str]
    key: str
    by_inputs: bool = False

    @property
    def short_ref(self) -> str:
        """The ref as lists of pipelines show it."""
        return self.ref.removeprefix("refs/heads/").removeprefix("refs/tags/")


class Forge(Protocol):
    """What trigger and watch need of a forge. Raises `Fault` and `Stop` as `calls.Caller` does."""

    name: str
    caller: Caller
    is_retried_whole: bool
    """Whether only an ended pipeline runs again, with all that failed in it."""
    kept_below: str
    """What the names in the archive of a job's folder `dist` begin with."""

    def refusal(self, message: str, fault: Fault) -> Stop:
        """Return the `Stop` (exit 5) for a start that the forge refuses."""

    def default_ref(self) -> str:
        """Return the default branch."""

    def newest(self) -> int:
        """Return the highest id of a pipeline, or 0."""

    def find(self, wanted: StartRequest, after: int, *, strictly: bool = False) -> list[Run]:
        """Return the pipelines newer than the id `after` with the key of a request, oldest first.

        `strictly` refuses where one of them keeps from us whether it has the key: it may be our
        own.
        """

    def start(self, wanted: StartRequest) -> Run:
        """Start a pipeline: one request, sent once."""

    def run(self, run_id: int) -> Run:
        """Return a pipeline by its id."""

    def read_state(self, run: Run, before: PipelineState | None) -> PipelineState:
        """Return a pipeline and its children as they are now.

        For those that had ended `before`, no new requests are made.
        """

    def retry(self, job: Job) -> None:
        """Run a failed job again (`is_retried_whole`: with all others).

        What runs again already stays as it is.
        """

    def cancel(self, run: Run) -> None:
        """Cancel a pipeline."""

    def log_tail(self, job: Job, most: int) -> str:
        """Return the end of a job's log, without secrets."""

    def archives(self, snapshot: PipelineState, prefix: str = "") -> list[Archive]:
        """Return what the last successful attempts of the generated jobs left behind.

        `prefix` is what their names begin with, where the pipeline leaves that open.
        """

    def archive_name(self, job: str) -> str:
        """Return the name of the archive of a job of the plan."""

    def fetch(self, archive: Archive, file: Path) -> None:
        """Write an archive to a file."""

    def fetch_package(self, run: Run, package: str, name: str, file: Path, most: int) -> None:
        """Write a file of a pipeline's package registry, if it is there; at most `most` bytes."""


def text_of(record: Mapping[str, Any], key: str) -> str:
    """Return a text of a record of the API, or "" where there is none."""
    value = record.get(key)
    return value if isinstance(value, str) else ""


def number_of(record: Mapping[str, Any], key: str) -> float:
    """Return a number of a record of the API, or 0 where there is none."""
    value = record.get(key)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0
