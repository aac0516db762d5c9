"""GitHub's routes and records.

Repositories, workflows, runs, jobs, artifacts, statuses, pull requests, comments.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import unquote, urlencode, urlsplit

from standins.ci import FINAL, Build, Pipeline, cancel_all
from standins.github_repository import Repository, Workflow, artifacts, log
from standins.http import Refused, Reply, Request, parameters
from standins.routes import Route
from standins.state import DEVELOPER, REPORTER, Token

if TYPE_CHECKING:
    from standins.github import GitHub

DOCS = "https://docs.github.com/rest"
PREFIX = "/api/v3"
"""Of the paths of an Enterprise Server; they are served beside those without it."""
INPUTS_LIMIT = 25
DETAILS = "return_run_details"
MONTH = 30 * 86400
RESULTS = {"success": "success", "failed": "failure", "canceled": "cancelled", "skipped": "skipped"}
REASONS = {"job_execution_timeout": "timed_out"}
REPO = "/repos/:owner/:name"
ACTIONS = f"{REPO}/actions"
STATES = ("error", "failure", "pending", "success")

ROUTES: list[Route] = []


@dataclass
class Call:
    """A request that found its route: values of the path, parameters, and who is asking."""

    server: GitHub
    request: Request
    values: Mapping[str, str]
    params: dict[str, Any]
    token: Token | None
    repo: Repository

    @property
    def now(self) -> float:
        """The server's time."""
        return self.server.clock.now()

    @property
    def run(self) -> Pipeline:
        """The run of the path."""
        return (
            next((run for run in self.repo.pipelines if str(run.id) == self.values["run"]), None)
            or missing()
        )

    @property
    def job(self) -> Build:
        """The job of the path."""
        builds = (build for run in self.repo.pipelines for build in run.builds)
        return (
            next((build for build in builds if str(build.id) == self.values["job"]), None)
            or missing()
        )

    @property
    def home(self) -> str:
        """The address of the repository in the API."""
        prefix = PREFIX if urlsplit(self.request.target).path.startswith(PREFIX) else ""
        return f"{self.server.url}{prefix}/repos/{self.repo.path}"


def refuse(status: int, message: str) -> NoReturn:
    """Refuse as GitHub does."""
    raise Refused(status, message, documentation_url=DOCS)


def missing() -> NoReturn:
    """Refuse with 404."""
    refuse(404, "Not Found")


def route(
    method: str, pattern: str, level: int = REPORTER
) -> Callable[[Callable[[Call], Any]], Callable[[Call], Any]]:
    """Add a handler to the table; `level` is the least access level."""

    def add(handler: Callable[[Call], Any]) -> Callable[[Call], Any]:
        ROUTES.append(Route(method, pattern, handler, level))  # type: ignore[arg-type]
        return handler

    return add


def handle(server: GitHub, request: Request) -> Reply:
    """Answer a request as GitHub would."""
    try:
        return _handled(server, request)
    except Refused as refused:
        return refused.reply


def _handled(server: GitHub, request: Request) -> Reply:
    token = _authenticated(server, request)
    path = urlsplit(request.target).path.removeprefix(PREFIX)
    for line in ROUTES:
        match = line.match(path) if line.method == request.method else None
        if match:
            values = {name: unquote(value) for name, value in match.groupdict().items()}
            repo = _repository(server, f"{values['owner']}/{values['name']}", token, line.level)
            call = Call(server, request, values, parameters(request), token, repo)
            return _reply(line.handler(call), request.method)  # type: ignore[arg-type]
    missing()


def _authenticated(server: GitHub, request: Request) -> Token | None:
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    if not kind:
        return None
    token = server.state.tokens.get(secret) if kind.lower() in {"token", "bearer"} else None
    if (
        token is None
        or token.revoked
        or (token.expires is not None and token.expires <= server.clock.now())
    ):
        refuse(401, "Bad credentials")
    return token


def _repository(server: GitHub, path: str, token: Token | None, level: int) -> Repository:
    repository = next(
        (repo for repo in server.repositories() if repo.path.lower() == path.lower()), None
    )
    is_public = repository is not None and repository.settings["visibility"] == "public"
    if repository is None or not (is_public or (token and token.level_in(repository))):
        missing()
    if is_public and level <= REPORTER:
        return repository
    if token is None:
        refuse(401, "Requires authentication")
    if token.level_in(repository) < level:
        refuse(403, "Resource not accessible by personal access token")
    return repository


def _reply(result: Any, method: str) -> Reply:
    if isinstance(result, Reply):
        return result
    return Reply.of(result, 201 if method == "POST" else 200)


def _page(call: Call, items: list[Any], field: str = "") -> Reply:
    size = min(int(call.params.get("per_page", 30)), 100)
    page = int(call.params.get("page", 1))
    last = max(1, -(-len(items) // size))
    shown = items[(page - 1) * size : page * size]
    numbers = {
        "prev": page - 1,
        "next": page + 1 if page < last else 0,
        "last": last if page < last else 0,
    }
    links = [
        f'<{_address(call, number)}>; rel="{name}"' for name, number in numbers.items() if number
    ]
    body = {"total_count": len(items), field: shown} if field else shown
    return Reply.of(body, headers={"Link": ", ".join(links)} if links else {})


def _address(call: Call, page: int) -> str:
    query = urlencode({**call.request.query, "page": page})
    return f"{call.server.url}{urlsplit(call.request.target).path}?{query}"


# Repositories and workflows


@route("GET", REPO)
def repository(call: Call) -> Any:
    return repository_view(call)


def repository_view(call: Call) -> dict[str, Any]:
    owner, _, name = call.repo.path.partition("/")
    return {
        "id": call.repo.id,
        "name": name,
        "full_name": call.repo.path,
        "owner": {"login": owner, "id": 1, "type": "Organization"},
        "private": call.repo.settings["visibility"] != "public",
        "fork": False,
        "default_branch": call.repo.settings["default_branch"],
        "html_url": call.repo.url,
        "url": call.home,
    }


@route("GET", f"{ACTIONS}/workflows/:file")
def workflow(call: Call) -> Any:
    workflow = _workflow(call)
    url = f"{call.home}/actions/workflows/{workflow.file}"
    path = f".github/workflows/{workflow.file}"
    return {
        "id": _number(workflow),
        "name": workflow.name,
        "path": path,
        "state": "active",
        "url": url,
    }


def _workflow(call: Call) -> Workflow:
    name = call.values["file"]
    flows = call.repo.workflows.values()
    return (
        next((flow for flow in flows if name in {flow.file, str(_number(flow))}), None) or missing()
    )


def _number(workflow: Workflow) -> int:
    return int(hashlib.sha256(workflow.file.encode()).hexdigest()[:6], 16)


@route("POST", f"{ACTIONS}/workflows/:file/dispatches", DEVELOPER)
def dispatch(call: Call) -> Any:
    workflow = _workflow(call)
    allowed = {"ref", "inputs"} | ({DETAILS} if call.server.details != "refused" else set())
    if unknown := [name for name in call.params if name not in allowed]:
        refuse(422, f'Invalid request.\n\n"{unknown[0]}" is not a permitted key.')
    if "ref" not in call.params:
        refuse(422, 'Invalid request.\n\n"ref" wasn\'t supplied.')
    ref, inputs = str(call.params["ref"]), call.params.get("inputs") or {}
    if call.repo.find_commit(ref) is None or call.repo.commits.get(ref):
        refuse(422, f"No ref found for: {ref}")
    if len(inputs) > INPUTS_LIMIT:
        refuse(
            422,
            f"Invalid request.\n\nNo more than {INPUTS_LIMIT} properties are allowed;"
            f" {len(inputs)} were supplied.",
        )
    if objection := workflow.objection(inputs):
        refuse(422, objection)
    run = call.repo.run(workflow, ref, inputs, user=call.token.user if call.token else "root")
    if call.server.details != "given" or call.params.get(DETAILS) is not True:
        return Reply(204)
    view = run_view(call, run)
    return Reply.of(
        {"workflow_run_id": run.id, "run_url": view["url"], "html_url": view["html_url"]}
    )


# Runs and jobs


@route("GET", f"{ACTIONS}/runs")
@route("GET", f"{ACTIONS}/workflows/:file/runs")
def runs(call: Call) -> Any:
    call.repo.listings += 1
    listed = [
        run_view(call, run) for run in reversed(call.repo.pipelines) if call.repo.is_listed(run)
    ]
    if "file" in call.values:
        listed = [view for view in listed if view["workflow_id"] == _number(_workflow(call))]
    names = {
        "event": "event",
        "branch": "head_branch",
        "head_sha": "head_sha",
        "actor": "actor",
        "status": "status",
    }
    for given, name in names.items():
        if given in call.params:
            listed = [
                view
                for view in listed
                if call.params[given] in (view[name], view.get("conclusion"))
            ]
    return _page(call, listed, "workflow_runs")


@route("GET", f"{ACTIONS}/runs/:run")
def run(call: Call) -> Any:
    return run_view(call, call.run)


def run_view(call: Call, run: Pipeline) -> dict[str, Any]:
    flow = call.repo.origins.get(run.id) or next(iter(call.repo.workflows.values()))
    status, conclusion = _state(run.status)
    return {
        "id": run.id,
        "name": flow.name,
        "display_title": run.name or "chore: change",
        "path": f".github/workflows/{flow.file}",
        "workflow_id": _number(flow),
        "event": run.source,
        "head_branch": run.ref,
        "head_sha": run.sha,
        "run_number": run.iid,
        "run_attempt": call.repo.attempts[run.id],
        "status": status,
        "conclusion": conclusion,
        "created_at": moment(run.created),
        "updated_at": moment(run.updated),
        "url": f"{call.home}/actions/runs/{run.id}",
        "jobs_url": f"{call.home}/actions/runs/{run.id}/jobs",
        "artifacts_url": f"{call.home}/actions/runs/{run.id}/artifacts",
        "cancel_url": f"{call.home}/actions/runs/{run.id}/cancel",
        "html_url": f"{call.repo.url}/actions/runs/{run.id}",
    }


def _state(status: str, reason: str = "") -> tuple[str, str | None]:
    """Return the status and the conclusion of a run or job."""
    if status in RESULTS:
        return "completed", REASONS.get(reason, RESULTS[status]) if status == "failed" else RESULTS[
            status
        ]
    return ("in_progress" if status in {"running", "canceling"} else "queued"), None


@route("GET", f"{ACTIONS}/runs/:run/jobs")
def jobs(call: Call) -> Any:
    run = call.run
    builds = run.builds if call.params.get("filter") == "all" else run.latest()
    return _page(
        call, [job_view(call, build) for build in builds if build.status != "created"], "jobs"
    )


@route("GET", f"{ACTIONS}/jobs/:job")
def job(call: Call) -> Any:
    return job_view(call, call.job)


def job_view(call: Call, build: Build) -> dict[str, Any]:
    status, conclusion = _state(build.status, build.failure_reason or "")
    return {
        "id": build.id,
        "run_id": build.pipeline.id,
        "run_attempt": call.repo.attempts[build.pipeline.id],
        "name": build.script.name,
        "head_sha": build.pipeline.sha,
        "status": status,
        "conclusion": conclusion,
        "created_at": moment(build.created),
        "started_at": moment(build.started if build.started is not None else build.created),
        "completed_at": moment(build.ended),
        "labels": list(build.script.tags),
        "steps": [],
        "url": f"{call.home}/actions/jobs/{build.id}",
        "html_url": f"{call.repo.url}/actions/runs/{build.pipeline.id}/job/{build.id}",
    }


@route("GET", f"{ACTIONS}/jobs/:job/logs")
def logs(call: Call) -> Any:
    text = log(call.job)
    return _stored(call, text, "text/plain") if text is not None else missing()


@route("POST", f"{ACTIONS}/runs/:run/rerun-failed-jobs", DEVELOPER)
def rerun_failed_jobs(call: Call) -> Any:
    if call.run.status not in FINAL:
        refuse(403, "This workflow is already running")
    if call.now - call.run.created > MONTH:
        refuse(403, "Unable to retry this workflow run because it was created over a month ago")
    if not call.repo.rerun_failed(call.run, call.now):
        refuse(403, "This workflow run cannot be retried")
    return {}


@route("POST", f"{ACTIONS}/runs/:run/cancel", DEVELOPER)
def cancel(call: Call) -> Any:
    if call.run.status in FINAL:
        refuse(409, "Cannot cancel a workflow run that is completed")
    cancel_all(call.run, call.now)
    return Reply.of({}, 202)


# Artifacts


@route("GET", f"{ACTIONS}/runs/:run/artifacts")
def run_artifacts(call: Call) -> Any:
    views = [
        {
            "id": number,
            "name": build.script.name,
            "size_in_bytes": len(content),
            "expired": False,
            "created_at": moment(build.ended),
            "archive_download_url": f"{call.home}/actions/artifacts/{number}/zip",
            "url": f"{call.home}/actions/artifacts/{number}",
        }
        for number, (build, content) in artifacts(call.run).items()
    ]
    return _page(call, views, "artifacts")


@route("GET", f"{ACTIONS}/artifacts/:artifact/zip")
def artifact(call: Call) -> Any:
    archives = {
        str(number): content
        for run in call.repo.pipelines
        for number, (_, content) in artifacts(run).items()
    }
    content = archives.get(call.values["artifact"])
    return _stored(call, content, "application/zip") if content is not None else missing()


def _stored(call: Call, content: bytes, kind: str) -> Reply:
    """Redirect to another server, where the content lies for a minute."""
    return Reply(302, b"", {"Location": call.server.storage.keep(content, kind)})


# Statuses, pull requests, comments


@route("POST", f"{REPO}/statuses/:sha", DEVELOPER)
def set_status(call: Call) -> Any:
    if call.values["sha"] not in call.repo.commits:
        refuse(422, f"No commit found for SHA: {call.values['sha']}")
    if call.params.get("state") not in STATES:
        refuse(422, "Validation Failed")
    if len(str(call.params.get("description") or "")) > 140:
        refuse(422, "Validation Failed: description is too long (maximum is 140 characters)")
    given = {name: call.params.get(name) for name in ("state", "description", "target_url")}
    record = {"id": len(call.repo.statuses) + 1, "sha": call.values["sha"], **given}
    record |= {"context": call.params.get("context", "default"), "created_at": moment(call.now)}
    call.repo.statuses.append(record)
    return record


@route("GET", f"{REPO}/commits/:sha/statuses")
def statuses(call: Call) -> Any:
    return _page(
        call,
        [record for record in reversed(call.repo.statuses) if record["sha"] == call.values["sha"]],
    )


@route("GET", f"{REPO}/pulls")
def pulls(call: Call) -> Any:
    state = call.params.get("state", "open")
    return _page(
        call, [pull_view(call, pull) for pull in call.repo.pulls if state in {"all", pull["state"]}]
    )


@route("GET", f"{REPO}/pulls/:number")
def pull(call: Call) -> Any:
    return pull_view(call, _pull(call))


def _pull(call: Call) -> dict[str, Any]:
    number = call.values["number"]
    return (
        next((pull for pull in call.repo.pulls if str(pull["number"]) == number), None) or missing()
    )


def pull_view(call: Call, pull: Mapping[str, Any]) -> dict[str, Any]:
    sides = {"head": (pull["head"], pull["branch"]), "base": (call.repo.path, pull["base"])}
    return {
        **{name: pull[name] for name in ("id", "number", "state", "title", "body")},
        "merged": bool(pull.get("merged")),
        "draft": bool(pull.get("draft")),
        "user": {"login": pull["user"].username, "id": pull["user"].id},
        "labels": [{"name": label} for label in pull["labels"]],
        "url": f"{call.home}/pulls/{pull['number']}",
        "issue_url": f"{call.home}/issues/{pull['number']}",
        "html_url": f"{call.repo.url}/pull/{pull['number']}",
        **{name: _side(call, *side) for name, side in sides.items()},
    }


def _side(call: Call, path: str | None, branch: str) -> dict[str, Any]:
    commit = call.repo.find_commit(branch)
    repo = repository_view(call) if path == call.repo.path else {"full_name": path, "fork": True}
    return {"ref": branch, "sha": commit.sha if commit else "", "repo": repo if path else None}


@route("GET", f"{REPO}/issues/:number/comments")
def comments(call: Call) -> Any:
    number = _pull(call)["number"]
    return _page(
        call,
        [
            comment_view(call, comment)
            for comment in call.repo.comments
            if comment["number"] == number
        ],
    )


@route("POST", f"{REPO}/issues/:number/comments", DEVELOPER)
def create_comment(call: Call) -> Any:
    number, user = _pull(call)["number"], call.token.user if call.token else None
    identity = next(call.server.state.ids["note"])
    record = {
        "id": identity,
        "number": number,
        "user": user,
        "body": _body(call),
        "created": call.now,
    }
    call.repo.comments.append(record)
    return comment_view(call, record)


@route("GET", f"{REPO}/issues/comments/:id")
def comment(call: Call) -> Any:
    return comment_view(call, _comment(call))


@route("PATCH", f"{REPO}/issues/comments/:id", DEVELOPER)
def change_comment(call: Call) -> Any:
    record = _comment(call)
    record["body"] = _body(call)
    return comment_view(call, record)


@route("DELETE", f"{REPO}/issues/comments/:id", DEVELOPER)
def delete_comment(call: Call) -> Any:
    call.repo.comments.remove(_comment(call))
    return Reply(204)


def _comment(call: Call) -> dict[str, Any]:
    number = call.values["id"]
    return (
        next((comment for comment in call.repo.comments if str(comment["id"]) == number), None)
        or missing()
    )


def _body(call: Call) -> str:
    body = call.params.get("body")
    if not isinstance(body, str) or not body:
        refuse(422, "Validation Failed")
    return body


def comment_view(call: Call, comment: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": comment["id"],
        "body": comment["body"],
        "user": {"login": comment["user"].username, "id": comment["user"].id},
        "created_at": moment(comment["created"]),
        "url": f"{call.home}/issues/comments/{comment['id']}",
        "issue_url": f"{call.home}/issues/{comment['number']}",
        "html_url": f"{call.repo.url}/pull/{comment['number']}#issuecomment-{comment['id']}",
    }


def moment(seconds: float | None) -> str | None:
    """Return a time as GitHub writes it: ISO 8601, UTC, whole seconds."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(int(seconds), timezone.utc).isoformat().replace("+00:00", "Z")
