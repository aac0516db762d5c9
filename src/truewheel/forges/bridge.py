"""Build a request of one forge in a pipeline of another.

The verdict becomes a status of the request's commit.

The source may be public and the pipeline internal: what is reported are sentences of this module
and counts of jobs, no address, log, variable or name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from truewheel.errors import Exit, Stop, stop
from truewheel.forges import trigger
from truewheel.forges.base import ENDED, Forge, PipelineState, StartRequest
from truewheel.forges.calls import Caller
from truewheel.forges.watch import Follower, Verdict

PENDING, SUCCESS, FAILURE, ERROR = "pending", "success", "failure", "error"
"""States of a commit status, in GitHub's words."""
EVERY = 60.0
"""Seconds between two reports on the way."""


class Request(NamedTuple):
    """A merge or pull request: the commit at its head, and whether that lies in a fork."""

    number: int
    sha: str
    is_open: bool
    is_fork: bool


class Source(Protocol):
    """The forge that has the request."""

    name: str
    project: str
    caller: Caller

    def request(self, number: int) -> Request:
        """Return a merge or pull request."""

    def report(self, sha: str, context: str, state: str, description: str, url: str) -> None:
        """Set the status of a commit: of one context, the newest counts. `url` may be ""."""


class Asked(NamedTuple):
    """Which request is to be built, and how it is reported.

    `sha` "" means its current head.
    """

    number: int
    sha: str
    context: str
    may_be_fork: bool
    shows_url: bool


def choose_request(source: Source, request: Asked) -> Request:
    """Return the request, when it may be built. Raises `Stop` (exit 2) when not."""
    head_request = source.request(request.number)
    where = f"{source.name} {source.project} {request.number}"
    if not head_request.is_open:
        raise stop(where, "is not open", "only open requests are built")
    if request.sha and request.sha != head_request.sha:
        message = f"{request.sha[:12]} is not its head, which is {head_request.sha[:12]} now"
        raise stop(where, message, "look at what has changed, then name the new commit")
    if head_request.is_fork and not (request.may_be_fork and request.sha):
        hint = "read it, then name the commit that you have read: --allow-fork --sha SHA"
        raise stop(
            where, "comes from a fork: its code would run with what this pipeline may do", hint
        )
    return head_request


def key_of(source: Source, request: Request) -> str:
    """Return the key of the one pipeline of a commit of a request."""
    text = f"{source.name} {source.project} {request.number} {request.sha}"
    return f"bridge-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


@dataclass(kw_only=True)
class Bridge:
    """Builds one commit on the other side, and reports how it goes. `follower` follows there."""

    source: Source
    target: Forge
    request: Request
    asked: Asked
    tell: Callable[[str], None]
    _reported: tuple[str, str] = ("", "")
    _at: float = 0.0
    _url: str = ""

    def build(self, wanted: StartRequest, follower: Follower) -> Verdict:
        """Return the verdict, after it was reported.

        Raises `Stop`: exit 5 when the pipeline cannot be started, exit 6 when there is no verdict,
        or no way to report it; the source hears of the first two too.
        """
        self._on_the_way("wheels are waiting to be built")
        follower.show = self._seen
        try:
            started = trigger.start(self.target, wanted, self.tell, is_fresh=False)
            self._url = started.run.url if self.asked.shows_url else ""
            verdict = follower.to_end(started.run)
        except Stop:
            self._try(ERROR, "wheels could not be built: the pipeline gave no verdict")
            raise
        state = SUCCESS if verdict.is_good else FAILURE
        self._report(
            state,
            f"wheels {'are built and proven' if verdict.is_good else 'failed'}: "
            f"{counts(verdict.snapshot)}",
        )
        return verdict

    def _seen(self, snapshot: PipelineState) -> None:
        if self.source.caller.clock.now() - self._at >= EVERY:
            self._on_the_way(f"wheels are being built: {counts(snapshot)}")

    def _on_the_way(self, description: str) -> None:
        if description != self._reported[1]:
            self._try(PENDING, description)

    def _try(self, state: str, description: str) -> None:
        """Report what is not the verdict: when that fails, the work goes on."""
        try:
            self._report(state, description)
        except Stop as stopped:
            self.tell(str(stopped))

    def _report(self, state: str, description: str) -> None:
        self._at = self.source.caller.clock.now()
        try:
            self.source.report(self.request.sha, self.asked.context, state, description, self._url)
        except Stop as stopped:
            raise Stop(stopped.problems, Exit.REMOTE_UNREACHABLE) from None
        self._reported = (state, description)


def counts(snapshot: PipelineState) -> str:
    """Return how many jobs have ended, and how many of them failed."""
    jobs = [job for pipeline in snapshot.all() for job in pipeline.jobs]
    ended = sum(job.state in ENDED for job in jobs)
    failed = sum(job.state == "failed" and not job.is_allowed_to_fail for job in jobs)
    return f"{ended} of {len(jobs)} jobs ended" + (f", {failed} failed" if failed else "")
