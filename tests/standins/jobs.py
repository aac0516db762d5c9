"""The routes of jobs, their logs and artifacts."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any

from standins import views
from standins.ci import STATUSES, Build, again, cancel
from standins.http import Refused, Reply
from standins.routes import PIPELINE, PROJECT, Call, flag, found, not_found, raw, route
from standins.state import DEVELOPER

JOB = f"{PROJECT}/jobs/:job_id"


def _in_scope(builds: list[Build], call: Call) -> list[Build]:
    scope = call.params.get("scope") or []
    statuses = set(map(str, scope)) if isinstance(scope, list) else {str(scope)}
    if not statuses <= STATUSES:
        raise Refused(400, "scope does not have a valid value", "error")
    return sorted(
        (build for build in builds if not statuses or build.status in statuses),
        key=lambda build: -build.id,
    )


@route("GET", f"{PIPELINE}/jobs", job_token=True)
def pipeline_jobs(call: Call) -> Any:
    run = call.pipeline
    builds = run.builds if flag(call.params.get("include_retried")) else run.latest()
    return views.jobs((build for build in _in_scope(builds, call) if not build.is_bridge), call.now)


@route("GET", f"{PIPELINE}/bridges")
@route("GET", f"{PIPELINE}/trigger_jobs")
def pipeline_bridges(call: Call) -> Any:
    return views.jobs(
        (build for build in _in_scope(call.pipeline.latest(), call) if build.is_bridge), call.now
    )


@route("GET", f"{PROJECT}/jobs", job_token=True)
def project_jobs(call: Call) -> Any:
    call.totals = False  # GitLab does not count these
    builds = [
        build for run in call.project.pipelines for build in run.builds if not build.is_bridge
    ]
    return views.jobs(_in_scope(builds, call), call.now)


@route("GET", JOB)
def job(call: Call) -> Any:
    return views.job(_build(call), call.now)


def _build(call: Call) -> Build:
    return call.job if not call.job.is_bridge else not_found("Not found")


@route("GET", f"{JOB}/trace")
def trace(call: Call) -> Any:
    """A log grows with the time that its job has run."""
    build = _build(call)
    text = "" if build.started is None else build.script.trace
    if build.started is not None and build.ended is None and build.script.seconds > 0:
        text = text[: int(len(text) * (call.now - build.started) / build.script.seconds)]
    return Reply(200, text.encode(), {"Content-Type": "text/plain"})


@route("POST", f"{JOB}/retry", DEVELOPER)
def retry_job(call: Call) -> Any:
    build = call.job
    if build.retried or build.status not in {"success", "failed", "canceled"}:
        raise Refused(403, "403 Forbidden - Job is not retryable")
    return _shown(call, again(build, call.now))


@route("POST", f"{JOB}/cancel", DEVELOPER)
def cancel_job(call: Call) -> Any:
    cancel(_build(call), call.now)
    return _shown(call, call.job)


@route("POST", f"{JOB}/play", DEVELOPER)
def play_job(call: Call) -> Any:
    build = call.job
    if build.status != "manual":
        raise Refused(400, "400 Bad request - Unplayable Job")
    build.status, build.queued = build.script.waits, call.now
    return Reply.of(_shown(call, build))


def _shown(call: Call, build: Build) -> dict[str, Any]:
    call.state.settle()
    return views.job(build, call.now)


def _artifacts(build: Build) -> Mapping[str, bytes]:
    return build.script.artifacts if build.status in {"success", "failed"} else {}


def _zipped(files: Mapping[str, bytes]) -> Reply:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    headers = {
        "Content-Type": "application/zip",
        "Content-Disposition": 'attachment; filename="artifacts.zip"',
    }
    return Reply(200, buffer.getvalue(), headers)


@route("GET", f"{JOB}/artifacts", job_token=True)
def artifacts(call: Call) -> Any:
    return _zipped(_artifacts(_build(call)) or not_found())


@route("GET", f"{JOB}/artifacts/*path", job_token=True)
def artifact(call: Call) -> Any:
    return raw(_artifacts(_build(call)), call.values["path"])


def _last_build(call: Call) -> Build:
    (name,) = call.need("job")
    runs = [run for run in reversed(call.project.pipelines) if run.ref == call.values["ref"]]
    builds = (build for run in runs if run.status == "success" for build in run.latest())
    last: Build = found(build for build in builds if build.script.name == name)
    return last


@route("GET", f"{PROJECT}/jobs/artifacts/:ref/download", job_token=True)
def artifacts_by_ref(call: Call) -> Any:
    return _zipped(_artifacts(_last_build(call)) or not_found())


@route("GET", f"{PROJECT}/jobs/artifacts/:ref/raw/*path", job_token=True)
def artifact_by_ref(call: Call) -> Any:
    return raw(_artifacts(_last_build(call)), call.values["path"])
