"""GitHub by PyGithub.

A workflow run is a pipeline; the name of a run ends in the key that it was started with.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from truewheel.errors import Exit, Stop, stop
from truewheel.forges.access import Access
from truewheel.forges.base import Archive, Job, PipelineState, Run, StartRequest, number_of, text_of
from truewheel.forges.bridge import Request
from truewheel.forges.calls import (
    WRITE,
    Answer,
    Caller,
    Clock,
    Explained,
    Fault,
    UnexpectedAnswer,
    plain,
    rate_wait,
    retry_after,
    was_not_sent,
)
from truewheel.forges.github.emit.workflows import CALLER, KEY_INPUT
from truewheel.forges.job_logs import readable
from truewheel.net.answers import described_body
from truewheel.plan.jobs import PLAN_FILE

STATES = {
    **dict.fromkeys(("queued", "waiting", "pending", "requested"), "pending"),
    "in_progress": "running",
    **dict.fromkeys(("success", "neutral"), "success"),
    "skipped": "skipped",
    "cancelled": "canceled",
    **dict.fromkeys(
        ("failure", "timed_out", "startup_failure", "action_required", "stale"), "failed"
    ),
}
"""GitHub's status, or its conclusion once there is one, in GitLab's words."""
REASONS = {"timed_out": "job_execution_timeout", "startup_failure": "runner_system_failure"}
LATE = 2.0
"""Seconds between looks for a run that was accepted without a word of its id."""
DETAILS = "return_run_details"
UNTOLD = 60.0
"""Seconds to wait at a rate limit that does not say how long: GitHub asks for a minute at least."""
RUNNING = "already running"
"""What GitHub says of a run that cannot run again yet, or does so already."""
HINTS = {
    401: "the token is not accepted: has it expired, is it of this server?",
    403: (
        "the token may not do this: it needs actions: write, for a status statuses: write "
        "(classic: the scope repo)"
    ),
    404: (
        "look at OWNER/NAME, at what the token may see, and whether the default branch has "
        f"{CALLER}"
    ),
    410: "it has expired, or was deleted",
    422: "does the ref exist, and is the workflow there the one that `generate` writes?",
}


class PyGithub:
    """The transport: one request of PyGithub, which neither waits nor tries again by itself."""

    def __init__(self, access: Access) -> None:
        import requests
        from github import Auth, Github

        self._requests = requests
        self._secrets = (access.token,)
        github = Github(
            auth=Auth.Token(access.token),
            base_url=access.server,
            timeout=int(WRITE),
            verify=access.verify,
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
        )
        self._requester = github.requester

    def send(
        self, verb: str, path: str, query: Mapping[str, Any], body: Any, seconds: float
    ) -> Answer:
        """Send one request."""
        del (
            seconds
        )  # a request has the time of the transport, and the call that waits for it ends in time
        status, headers, text = self._ask(verb, path, query, body)
        if status >= 300:
            raise Fault(
                status, f"{status} the server sends to another address: was the repository renamed?"
            )
        if not text:
            return Answer(status, headers, None)
        try:
            return Answer(status, headers, json.loads(text))
        except (ValueError, RecursionError):
            raise UnexpectedAnswer(path, described_body(text.encode()), "JSON") from None

    def stream(self, path: str, seconds: float) -> Iterator[bytes]:
        """Return the chunks of a file, which lies on another host: the token does not go there."""
        status, headers, _ = self._ask("GET", path, {}, None)
        if "location" not in headers:
            raise Fault(status, f"{status} without the address of the file")
        try:
            address, nobody = (
                headers["location"],
                lambda request: request,
            )  # not even who a .netrc says
            with self._requests.get(
                address, stream=True, timeout=min(seconds, WRITE), auth=nobody
            ) as answer:
                answer.raise_for_status()
                yield from answer.iter_content(65536)
        except self._requests.RequestException as error:
            raise Fault(0, f"the file cannot be downloaded: {type(error).__name__}") from None

    def _ask(
        self, verb: str, path: str, query: Mapping[str, Any], body: Any
    ) -> tuple[int, Mapping[str, str], str]:
        try:
            status, headers, text = self._requester.requestJson(
                verb, path, parameters=dict(query), input=body
            )
        except self._requests.RequestException as error:
            reason = plain(f"{type(error).__name__}: {error}", self._secrets)
            raise Fault(0, reason, is_certain=was_not_sent(error)) from None
        except (
            RuntimeError,
            ValueError,
            AssertionError,
        ) as error:  # redirects to elsewhere, headers that are none
            raise Fault(0, plain(str(error), self._secrets) or type(error).__name__) from None
        if status >= 400:
            raise self._refused(status, headers, text)
        return status, headers, text

    def _refused(self, status: int, headers: Mapping[str, str], text: str) -> Fault:
        try:
            message = str(json.loads(text)["message"])
        except (ValueError, KeyError, TypeError, RecursionError):
            message = "an error page"
        is_broken = message == "an error page" and text.lstrip().startswith("{")
        wait = max(retry_after(headers), rate_wait(headers))
        reason = plain(f"{status} {message}", self._secrets)
        if status == 429 or (status == 403 and (wait > 0 or "rate limit" in message.lower())):
            return Fault(429, reason, wait=wait or UNTOLD)
        if is_broken and status < 500:  # what the server refused, it says again
            return Fault(0, f"{status} without a whole reason", is_certain=True)
        return Fault(status, reason, wait=wait)


class Github:
    """A repository on GitHub, as `model.Forge` says."""

    name = "GitHub"
    is_retried_whole = True
    kept_below = ""

    def __init__(
        self, access: Access, project: str, seconds: float, clock: Clock = Clock()
    ) -> None:
        self.project = project
        self.caller = Caller(access.server, PyGithub(access), seconds, clock)
        self._access = access

    def path(self, *parts: object) -> str:
        """Return the path of something of the repository."""
        return "/repos/" + "/".join(
            [quote(self.project), *(quote(str(part), safe="") for part in parts)]
        )

    def refusal(self, message: str, fault: Fault) -> Stop:
        """Return the `Stop` (exit 5) for a start that GitHub refuses."""
        return stop(
            self.caller.server,
            f"{message}: {fault.reason}",
            HINTS.get(fault.status, ""),
            Exit.REMOTE_FAILED,
        )

    def explained(self, message: str) -> Explained:
        """Return a block in which a `Fault` becomes the `Stop` (exit 5) that says what to do."""
        return Explained(lambda fault: self.refusal(message, fault))

    def default_ref(self) -> str:
        """Return the default branch."""
        with self.explained("the repository cannot be read"):
            return text_of(self.caller.get(self.path()), "default_branch") or "main"

    def newest(self) -> int:
        """Return the highest id of a run, or 0."""
        with self.explained("runs cannot be listed"):
            runs = self.caller.first(self.path("actions", "runs"), "workflow_runs", per_page=1)
        return max(map(_id, runs), default=0)

    def find(self, wanted: StartRequest, after: int, *, strictly: bool = False) -> list[Run]:
        """Return the runs newer than `after` whose name ends in the request's key, oldest first."""
        del strictly  # a name is hidden from nobody
        place = self.path("actions", "workflows", _file(), "runs")
        query = {"event": "workflow_dispatch", "branch": wanted.short_ref}
        with self.explained("runs cannot be searched for the key"):
            records = [
                record
                for _, record in zip(range(100), self.caller.pages(place, "workflow_runs", **query))
                if _id(record) > after and _has_key(record, wanted.key)
            ]
        return sorted((self._run(record) for record in records), key=lambda run: run.id)

    def start(self, wanted: StartRequest) -> Run:
        """Start a run, by one request. Raises `Fault`."""
        inputs = {**wanted.variables, KEY_INPUT: wanted.key}
        answer = self._dispatch({"ref": wanted.ref, "inputs": inputs, DETAILS: True})
        if isinstance(answer.data, dict) and isinstance(answer.data.get("workflow_run_id"), int):
            run_id, url = answer.data["workflow_run_id"], text_of(answer.data, "html_url")
            return Run(self.project, run_id, "pending", url, wanted.ref)
        if answer.status != 204:
            raise self.caller.unexpected(answer.data, "a run")
        while True:  # it was accepted: only its id is not known yet
            if runs := self.find(wanted, 0):
                return runs[0]
            self.caller.sleep(LATE)

    def _dispatch(self, body: Mapping[str, Any]) -> Answer:
        place = self.path("actions", "workflows", _file(), "dispatches")
        try:
            return self.caller.send("POST", place, body=body)
        except Fault as fault:
            if fault.status not in {400, 422} or DETAILS not in fault.reason:
                raise
        older = {
            name: value for name, value in body.items() if name != DETAILS
        }  # an Enterprise Server before 2026
        return self.caller.send("POST", place, body=older)

    def run(self, run_id: int) -> Run:
        """Return a run by its id."""
        with self.explained(f"the run {run_id} cannot be read"):
            return self.caller.retry(lambda: self._get_run(run_id))

    def _get_run(self, run_id: int) -> Run:
        record = self._record(self.path("actions", "runs", run_id))
        if _id(record) != run_id or not _state(record):
            raise self.caller.unexpected(record, "a run")
        return self._run(record)

    def _record(self, path: str) -> dict[str, Any]:
        record = self.caller.send("GET", path).data
        if not isinstance(record, dict):
            raise self.caller.unexpected(record, "a record")
        return record

    def read_state(self, run: Run, before: PipelineState | None) -> PipelineState:
        """Return a run as it is now, with the newest attempt of its jobs.

        Reusable workflows are jobs of it.
        """
        del before
        with self.explained(f"the run {run.id} cannot be followed"):
            now = self.caller.retry(lambda: self._get_run(run.id))
            records = self.caller.pages(
                self.path("actions", "runs", run.id, "jobs"), "jobs", filter="latest"
            )
            jobs = sorted((self._job(record) for record in records), key=lambda job: job.id)
        return PipelineState(now, tuple(jobs))

    def retry(self, job: Job) -> None:
        """Run the failed jobs of the job's run again.

        GitHub runs all of them again, after the run has ended.
        """
        with self.explained(f"{job.name} cannot run again"):
            attempt = self.caller.retry(lambda: self._attempt(job.run_id))
            self.caller.retry(lambda: self._rerun(job.run_id, attempt))

    def _attempt(self, run_id: int) -> int:
        return int(number_of(self._record(self.path("actions", "runs", run_id)), "run_attempt"))

    def _rerun(self, run_id: int, attempt: int) -> None:
        """Run the failed jobs of an attempt again, unless an unanswered request did so."""
        if self._attempt(run_id) != attempt:
            return
        try:
            self.caller.send("POST", self.path("actions", "runs", run_id, "rerun-failed-jobs"))
        except Fault as fault:
            if RUNNING not in fault.reason:
                raise

    def cancel(self, run: Run) -> None:
        """Cancel a run."""
        with self.explained(f"the run {run.id} cannot be cancelled"):
            self.caller.retry(
                lambda: self.caller.send("POST", self.path("actions", "runs", run.id, "cancel"))
            )

    def log_tail(self, job: Job, most: int) -> str:
        """Return the end of a job's log as plain text."""
        with self.explained(f"the log of {job.name} cannot be read"):
            raw = self.caller.tail(self.path("actions", "jobs", job.id, "logs"), most)
        return readable(raw.decode(errors="replace"), self._access.token)

    def archives(self, snapshot: PipelineState, prefix: str = "") -> list[Archive]:
        """Return the artifacts of a run: of several with one name (attempts of a job) the last."""
        del prefix
        with self.explained("artifacts cannot be listed"):
            records = list(
                self.caller.pages(
                    self.path("actions", "runs", snapshot.run.id, "artifacts"), "artifacts"
                )
            )
        last = {text_of(record, "name"): record for record in sorted(records, key=_id)}
        return [Archive(self.project, _id(record), name) for name, record in last.items()]

    def archive_name(self, job: str) -> str:
        """Return the name of the artifact of a job of the plan."""
        return {"plan": PLAN_FILE, "prove": "dist"}.get(job) or job.replace(":", "__")

    def fetch(self, archive: Archive, file: Path) -> None:
        """Write an artifact to a file, as a zip."""
        with self.explained(f"the artifact {archive.name} cannot be downloaded"):
            self.caller.fetch(self.path("actions", "artifacts", archive.id, "zip"), file)

    def fetch_package(self, run: Run, package: str, name: str, file: Path, most: int) -> None:
        """Write nothing: on GitHub, wheels are in artifacts alone."""

    def request(self, number: int) -> Request:
        """Return a pull request."""
        with self.explained(f"the pull request {number} cannot be read"):
            record = self.caller.retry(lambda: self._pull(number))
        head, base = record["head"], record["base"]
        theirs, ours = (text_of(side.get("repo") or {}, "full_name") for side in (head, base))
        is_fork = theirs != ours or not ours  # a repository that is hidden or deleted is not ours
        return Request(number, text_of(head, "sha"), text_of(record, "state") == "open", is_fork)

    def _pull(self, number: int) -> dict[str, Any]:
        record = self._record(self.path("pulls", number))
        if not all(
            isinstance(record.get(side), dict) and record[side].get("sha")
            for side in ("head", "base")
        ):
            raise self.caller.unexpected(record, "a pull request")
        return record

    def report(self, sha: str, context: str, state: str, description: str, url: str) -> None:
        """Set the status of a commit."""
        body = {
            "state": state,
            "context": context,
            "description": description[:140],
            **({"target_url": url} if url else {}),
        }
        with self.explained("the status of the commit cannot be set"):
            self.caller.retry(lambda: self.caller.change("POST", self.path("statuses", sha), body))

    def _run(self, record: Mapping[str, Any]) -> Run:
        texts = (
            text_of(record, key) for key in ("html_url", "head_branch", "display_title", "event")
        )
        return Run(self.project, _id(record), _state(record) or "pending", *texts)

    def _job(self, record: Mapping[str, Any]) -> Job:
        name = text_of(record, "name")
        began, ended = (_moment(text_of(record, key)) for key in ("started_at", "completed_at"))
        created = _moment(text_of(record, "created_at"))
        return Job(
            project=self.project,
            id=_id(record),
            name=name,
            stage=name.partition(" / ")[0],
            state=_state(record) or "pending",
            url=text_of(record, "html_url"),
            reason=REASONS.get(text_of(record, "conclusion"), ""),
            seconds=max(0.0, ended - began) if began and ended else 0.0,
            queued=max(0.0, began - created) if began and created else 0.0,
            run_id=int(number_of(record, "run_id")),
        )


def _file() -> str:
    """Return the file name of the workflow that starts all others."""
    return CALLER.rpartition("/")[2]


def _id(record: Mapping[str, Any]) -> int:
    return int(number_of(record, "id"))


def _has_key(record: Mapping[str, Any], key: str) -> bool:
    return any(text_of(record, field).endswith(f"[{key}]") for field in ("display_title", "name"))


def _state(record: Mapping[str, Any]) -> str:
    """Return a run's or job's state in GitLab's words, or "" for one that nobody knows."""
    status = text_of(record, "status")
    return STATES.get(text_of(record, "conclusion") if status == "completed" else status, "")


def _moment(text: str) -> float:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0
