"""GitLab by python-gitlab: pipelines, jobs, children, and what merge requests are told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from truewheel.errors import Exit, Stop, stop
from truewheel.forges.access import Access
from truewheel.forges.base import (
    ENDED,
    STATES,
    Archive,
    Job,
    PipelineState,
    Run,
    StartRequest,
    number_of,
    text_of,
)
from truewheel.forges.bridge import Request
from truewheel.forges.calls import (
    Answer,
    Caller,
    Clock,
    Explained,
    Fault,
    UnexpectedAnswer,
    plain,
    retry_after,
    was_not_sent,
)
from truewheel.forges.gitlab.emit.children import PREFIX
from truewheel.forges.gitlab.emit.inputs import KEY_INPUT
from truewheel.forges.job_logs import readable
from truewheel.net.answers import described_body
from truewheel.spec.variables import KEY

NEWEST = 100
"""Pipelines that are looked through for a key, newest first."""
STARTED_BY_PROGRAMS = frozenset({"api", "trigger", "pipeline", "web", ""})
TOKEN_HEADERS = ("PRIVATE-TOKEN", "JOB-TOKEN")


class PythonGitlab:
    """One request of python-gitlab, which neither waits nor tries again by itself."""

    def __init__(self, access: Access) -> None:
        import gitlab  # takes half a second, which only calls should pay
        import requests

        self._errors = gitlab.exceptions
        self._requests = requests
        self._secrets = (access.token,) if access.token else ()
        self._headers: Mapping[str, str] = {}
        session = _discreet(requests.Session)()
        session.hooks["response"].append(self._remember)
        tokens: dict[str, Any] = {f"{access.kind}_token": access.token} if access.kind else {}
        self._client = gitlab.Gitlab(
            access.server, ssl_verify=access.verify, session=session, **tokens
        )

    def send(
        self, verb: str, path: str, query: Mapping[str, Any], body: Any, seconds: float
    ) -> Answer:
        """Send one request; its server may be silent for `seconds`."""
        response = self._ask(verb, path, query, body, seconds)
        headers = {name.lower(): value for name, value in response.headers.items()}
        if response.status_code == 204 or not response.content:
            return Answer(response.status_code, headers, None)
        try:
            return Answer(response.status_code, headers, response.json())
        except (ValueError, RecursionError):
            raise UnexpectedAnswer(path, described_body(response.content), "JSON") from None

    def stream(self, path: str, seconds: float) -> Iterator[bytes]:
        """Return the chunks of a file."""
        response = self._ask("GET", path, {}, None, seconds, streamed=True)
        with response:
            try:
                yield from response.iter_content(65536)
            except self._requests.RequestException as error:
                raise Fault(0, self._plain(error)) from None

    def _ask(
        self,
        verb: str,
        path: str,
        query: Mapping[str, Any],
        body: Any,
        seconds: float,
        *,
        streamed: bool = False,
    ) -> Any:
        self._headers = {}
        try:
            return self._client.http_request(
                verb.lower(),
                path,
                query_data=dict(query),
                post_data=body,
                streamed=streamed,
                timeout=max(0.1, seconds),
                obey_rate_limit=False,
                retry_transient_errors=False,
            )
        except self._errors.GitlabError as error:
            raise self._refused(error) from None
        except self._requests.RequestException as error:
            raise Fault(0, self._plain(error), is_certain=was_not_sent(error)) from None

    def _refused(self, error: Any) -> Fault:
        status = error.response_code or 0
        message = error.error_message
        text = message.decode(errors="replace") if isinstance(message, bytes) else str(message)
        reason = "an error page" if text.lstrip()[:1] == "<" else plain(text, self._secrets)
        return Fault(
            status, f"{status} {reason}" if status else reason, wait=retry_after(self._headers)
        )

    def _plain(self, error: Exception) -> str:
        while error.__cause__ or (
            error.__context__ and isinstance(error, self._requests.RequestException)
        ):
            inner = error.__cause__ or error.__context__
            if not isinstance(inner, Exception) or inner is error:
                break
            error = inner
        return plain(f"{type(error).__name__}: {error}", self._secrets)

    def _remember(self, response: Any, *_args: Any, **_kwargs: Any) -> None:
        self._headers = {name.lower(): value for name, value in response.headers.items()}


def _discreet(session: Any) -> Any:
    """Return a class of sessions that follow to another host without our tokens.

    Artifacts may lie elsewhere.
    """

    class Discreet(session):  # type: ignore[misc]
        def rebuild_auth(self, prepared_request: Any, response: Any) -> None:
            super().rebuild_auth(prepared_request, response)
            if self.should_strip_auth(response.request.url, prepared_request.url):
                for header in TOKEN_HEADERS:
                    prepared_request.headers.pop(header, None)

    return Discreet


class Gitlab:
    """A project of a GitLab server, as `model.Forge` says."""

    name = "GitLab"
    is_retried_whole = False
    kept_below = "dist/"

    def __init__(
        self, access: Access, project: str, seconds: float, clock: Clock = Clock()
    ) -> None:
        self.project = project
        self.caller = Caller(access.server, PythonGitlab(access), seconds, clock)
        self._access = access

    def path(self, *parts: object, project: str = "") -> str:
        """Return the path of something of the project, or of another one."""
        return "/projects/" + "/".join(
            quote(str(part), safe="") for part in (project or self.project, *parts)
        )

    def refusal(self, message: str, fault: Fault) -> Stop:
        """Return the `Stop` (exit 5) for a start that GitLab refuses."""
        if "variables" in fault.reason and fault.status in {400, 403}:
            hint = (
                "start by inputs (in the spec gitlab.inputs: true), or raise in the project's "
                "settings, CI/CD, "
                "Variables, the minimum role to use pipeline variables"
            )
            return stop(self.caller.server, f"{message}: {fault.reason}", hint, Exit.REMOTE_FAILED)
        return refusal(self.caller.server, message, fault, self._access.kind)

    def default_ref(self) -> str:
        """Return the default branch."""
        with self.explained("the project cannot be read"):
            return text_of(self.caller.get(self.path()), "default_branch") or "main"

    def newest(self) -> int:
        """Return the highest id of a pipeline, or 0."""
        with self.explained("pipelines cannot be listed"):
            records = self.caller.first(
                self.path("pipelines"), per_page=1, order_by="id", sort="desc"
            )
        return max(map(_id, records), default=0)

    def find(self, wanted: StartRequest, after: int, *, strictly: bool = False) -> list[Run]:
        """Return the pipelines newer than `after` with the key of a request, oldest first."""
        with self.explained("pipelines cannot be searched for the key"):
            newer = [record for record in self._newest(wanted.short_ref) if _id(record) > after]
            records = [
                self._run(record)
                for record in newer
                if self._has_key(record, wanted.key, strictly=strictly)
            ]
        return sorted(records, key=lambda run: run.id)

    def _newest(self, ref: str) -> Iterator[dict[str, Any]]:
        pages = self.caller.pages(self.path("pipelines"), ref=ref, order_by="id", sort="desc")
        for _, record in zip(range(NEWEST), pages):
            if text_of(record, "source") in STARTED_BY_PROGRAMS:
                yield record

    def _has_key(self, record: Mapping[str, Any], key: str, *, strictly: bool) -> bool:
        """Return whether a pipeline has a key, by its name or by its variables.

        Those of others may be hidden.
        """
        if text_of(record, "name").endswith(f"[{key}]"):
            return True
        try:
            records = list(self.caller.pages(self.path("pipelines", _id(record), "variables")))
        except Fault as fault:
            if strictly or fault.status not in {403, 404}:
                raise
            return False
        return any(record.get("key") == KEY and record.get("value") == key for record in records)

    def start(self, wanted: StartRequest) -> Run:
        """Start a pipeline, by one request. Raises `Fault`."""
        values = {**wanted.variables, KEY: wanted.key}
        if self._access.kind == "job":  # this is all that a job may start
            body = {
                "token": self._access.token,
                "ref": wanted.ref,
                **_given(values, wanted, as_list=False),
            }
            answer = self.caller.send("POST", self.path("trigger", "pipeline"), body=body)
        else:
            body = {"ref": wanted.ref, **_given(values, wanted, as_list=True)}
            answer = self.caller.send("POST", self.path("pipeline"), body=body)
        if not isinstance(answer.data, dict) or _id(answer.data) == 0:
            raise self.caller.unexpected(answer.data, "a pipeline")
        return self._run(answer.data)

    def run(self, run_id: int) -> Run:
        """Return a pipeline by its id."""
        with self.explained(f"the pipeline {run_id} cannot be read"):
            return self._get_run(self.project, run_id)

    def read_state(self, run: Run, before: PipelineState | None) -> PipelineState:
        """Return a pipeline as it is now, with its jobs and all pipelines below it."""
        with self.explained(f"the pipeline {run.id} cannot be followed"):
            return self._read_state(self._get_run(run.project, run.id), before, is_tolerated=False)

    def _read_state(
        self, run: Run, before: PipelineState | None, *, is_tolerated: bool
    ) -> PipelineState:
        if before and _is_over(before) and run.state == before.run.state:
            return before._replace(is_tolerated=is_tolerated)
        jobs = [_job(run.project, record) for record in self._listed(run, "jobs")]
        known = {snapshot.run.id: snapshot for snapshot in before.children} if before else {}
        children = []
        # A pipeline's jobs are all there once it has begun: one that starts no other never will.
        bridges = [] if before and before.is_leaf else list(self._listed(run, "bridges"))
        for bridge in bridges:
            below = bridge.get("downstream_pipeline")
            if isinstance(below, dict) and _id(below):
                child = self._run(below, str(below.get("project_id") or run.project))
                may_fail = bridge.get("allow_failure") is True
                snapshot = self._read_state(child, known.get(child.id), is_tolerated=may_fail)
                children.append(snapshot._replace(starter=text_of(bridge, "name")))
            else:
                jobs.append(_job(run.project, bridge))
        ordered = tuple(sorted(jobs, key=lambda job: job.id))
        is_leaf = not bridges and run.state not in {"created", "preparing"}
        return PipelineState(run, ordered, tuple(children), is_tolerated, is_leaf)

    def _listed(self, run: Run, what: str) -> Iterator[dict[str, Any]]:
        return self.caller.pages(self.path("pipelines", run.id, what, project=run.project))

    def _get_run(self, project: str, run_id: int) -> Run:
        def ask() -> Run:
            record = self.caller.send("GET", self.path("pipelines", run_id, project=project)).data
            if (
                not isinstance(record, dict)
                or _id(record) != run_id
                or record.get("status") not in STATES
            ):
                raise self.caller.unexpected(record, "a pipeline")
            return self._run(record, project)

        return self.caller.retry(ask)

    def retry(self, job: Job) -> None:
        """Run a failed job again.

        A job that GitLab does not run again was run again before, or never may be.
        """
        self._set(
            self.path("jobs", job.id, "retry", project=job.project),
            f"the job {job.name} cannot be retried",
        )

    def cancel(self, run: Run) -> None:
        """Cancel a pipeline."""
        self._set(
            self.path("pipelines", run.id, "cancel", project=run.project),
            f"{run.id} cannot be cancelled",
        )

    def _set(self, path: str, message: str) -> None:
        with self.explained(message):
            self.caller.retry(lambda: self.caller.change("POST", path))

    def log_tail(self, job: Job, most: int) -> str:
        """Return the end of a job's log as plain text."""
        with self.explained(f"the log of {job.name} cannot be read"):
            raw = self.caller.tail(self.path("jobs", job.id, "trace", project=job.project), most)
        return readable(raw.decode(errors="replace"), self._access.token)

    def archives(self, snapshot: PipelineState, prefix: str = "") -> list[Archive]:
        """Return the artifacts of generated jobs that succeeded, also in children that they start.

        Raises `Stop` (exit 2) where no fragment has the prefix, or where there are several and none
        is asked for.
        """
        prefix = self._prefix(snapshot, prefix)
        starts = f"{prefix}{PREFIX}"
        children = [child for child in snapshot.children if child.starter.startswith(starts)]
        return [
            *_archives(snapshot, prefix),
            *(
                archive
                for child in children
                for archive in _archives(child, "", child.starter.removeprefix(starts))
            ),
        ]

    def _prefix(self, snapshot: PipelineState, preferred: str) -> str:
        """Return the prefix of a fragment's jobs in a pipeline; it may have several fragments."""
        names = {job.name for job in snapshot.jobs}
        known = {name.removesuffix("plan") for name in names if name.endswith("plan")}
        known = {prefix for prefix in known if f"{prefix}prove" in names}
        if preferred and preferred not in known:
            raise stop(
                snapshot.run.url,
                f"has no jobs {preferred}plan and {preferred}prove, which the spec here names",
                "call it in the folder of the spec of that pipeline",
            )
        if preferred in known or len(known) < 2:
            return preferred if preferred in known else next(iter(known), "")
        both = ", ".join(sorted(f"{prefix}plan" for prefix in known))
        raise stop(
            snapshot.run.url,
            f"several jobs may have the plan: {both}",
            "call it in the folder of the spec",
        )

    def archive_name(self, job: str) -> str:
        """Return the name of the archive of a job of the plan: the job's own."""
        return job

    def fetch(self, archive: Archive, file: Path) -> None:
        """Write the artifacts of a job to a file, as a zip."""
        with self.explained(f"the artifacts of {archive.name} cannot be downloaded"):
            self.caller.fetch(
                self.path("jobs", archive.id, "artifacts", project=archive.project), file
            )

    def fetch_package(self, run: Run, package: str, name: str, file: Path, most: int) -> None:
        """Write a file of the package whose version is the pipeline's id, if it is there."""
        path = self.path("packages", "generic", package, run.id, name, project=run.project)
        with self.explained(f"{name} of the package {package} cannot be downloaded"):
            try:
                self.caller.fetch(path, file, most)
            except Fault as fault:
                if fault.status != 404:
                    raise

    def request(self, number: int) -> Request:
        """Return a merge request."""
        with self.explained(f"the merge request {number} cannot be read"):
            record = self.caller.get(self.path("merge_requests", number))
        theirs, ours = (number_of(record, f"{side}_project_id") for side in ("source", "target"))
        is_fork = theirs != ours or not ours  # a project that is hidden or deleted is not ours
        return Request(
            number, text_of(record, "sha"), text_of(record, "state") == "opened", is_fork
        )

    def report(self, sha: str, context: str, state: str, description: str, url: str) -> None:
        """Set the status of a commit."""
        words = {"pending": "running", "failure": "failed", "error": "canceled"}
        body = {"state": words.get(state, state), "name": context, "description": description}

        def send() -> None:
            try:
                self.caller.change(
                    "POST",
                    self.path("statuses", sha),
                    body={**body, **({"target_url": url} if url else {})},
                )
            except Fault as fault:
                if (
                    "Cannot transition status" not in fault.reason
                ):  # GitLab's word for: it is so already
                    raise

        with self.explained("the status of the commit cannot be set"):
            self.caller.retry(send)

    def explained(self, message: str) -> Explained:
        """Return a block in which a `Fault` becomes the `Stop` (exit 5) that says what to do."""
        return Explained(
            lambda fault: refusal(self.caller.server, message, fault, self._access.kind)
        )

    def _run(self, record: Mapping[str, Any], project: str = "") -> Run:
        state = text_of(record, "status")
        texts = (text_of(record, key) for key in ("web_url", "ref", "name", "source"))
        return Run(project or self.project, _id(record), state, *texts)


def _archives(snapshot: PipelineState, prefix: str, starter: str = "") -> Iterator[Archive]:
    """Yield the archives of the last attempts of a pipeline's jobs, without the names' prefix."""
    jobs = [
        job
        for job in snapshot.jobs
        if job.has_artifacts and job.state == "success" and job.name.startswith(prefix)
    ]
    last = {job.name: job for job in sorted(jobs, key=lambda job: job.id)}
    for job in last.values():
        yield Archive(job.project, job.id, job.name.removeprefix(prefix), starter)


def refusal(server: str, message: str, fault: Fault, kind: str) -> Stop:
    """Return the `Stop` (exit 5) for an answer that will stay as it is."""
    hints = {
        401: "the token is not accepted: has it expired, is it of this server?",
        403: "the token may not do this: it needs the scope api and the role Developer or higher",
        404: "look at the name of the project, and whether the token may see it",
    }
    if kind == "job" and fault.status in hints:
        hint = (
            "a job's token may start pipelines and little else: set GITLAB_TOKEN to a project's "
            "access token"
        )
    else:
        hint = hints.get(fault.status, "")
    return stop(server, f"{message}: {fault.reason}", hint, Exit.REMOTE_FAILED)


def _given(values: Mapping[str, str], wanted: StartRequest, *, as_list: bool) -> dict[str, Any]:
    if wanted.by_inputs:
        return {
            "inputs": {KEY_INPUT if name == KEY else name: value for name, value in values.items()}
        }
    if as_list:
        return {"variables": [{"key": name, "value": value} for name, value in values.items()]}
    return {"variables": dict(values)}


def _is_over(snapshot: PipelineState) -> bool:
    return (
        snapshot.run.state in ENDED
        and all(job.state in ENDED | {"manual"} for job in snapshot.jobs)
        and all(_is_over(child) for child in snapshot.children)
    )


def _id(record: Mapping[str, Any]) -> int:
    value = record.get("id")
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _job(project: str, record: Mapping[str, Any]) -> Job:
    return Job(
        project=project,
        id=_id(record),
        name=text_of(record, "name"),
        stage=text_of(record, "stage"),
        state=text_of(record, "status"),
        url=text_of(record, "web_url"),
        reason=text_of(record, "failure_reason"),
        seconds=number_of(record, "duration"),
        queued=number_of(record, "queued_duration"),
        is_allowed_to_fail=record.get("allow_failure") is True,
        has_artifacts=isinstance(record.get("artifacts_file"), dict),
    )
