"""The routes of pipelines and jobs, of the project, its repository and its packages: GitLab's REST API, version 4."""

from __future__ import annotations

import difflib
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

from truewheel.standin import views
from truewheel.standin.ci import FINAL, Build, Pipeline, again, cancel, cancel_all
from truewheel.standin.http import Refused, Reply
from truewheel.standin.routes import Call, flag, found, not_found, route, within_scope
from truewheel.standin.state import DEVELOPER, GUEST, MAINTAINER, OWNER, ROLES, Commit, Project, Token

PROJECT = "/projects/:id"
PIPELINE = f"{PROJECT}/pipelines/:pipeline_id"
JOB = f"{PROJECT}/jobs/:job_id"
REPOSITORY = f"{PROJECT}/repository"
NO_VARIABLES = "Insufficient permissions to set pipeline variables"


# The instance and who is asking


@route("GET", "/version")
@route("GET", "/metadata")
def version(_: Call) -> Any:
    return {"version": "18.9.0", "revision": "0123456789a", "enterprise": False, "kas": {"enabled": False}}


@route("GET", "/user")
def user(call: Call) -> Any:
    return {**call.who.user.view(), "email": f"{call.who.user.username}@example.invalid", "bot": False}


@route("GET", "/personal_access_tokens/self")
def token_itself(call: Call) -> Any:
    token = call.who
    if token.kind == "job":
        raise Refused(401, "401 Unauthorized")
    expires = views.moment(token.expires)
    return {
        "id": token.id,
        "name": token.name,
        "revoked": token.revoked,
        "active": True,
        "scopes": [*token.scopes],
        "user_id": token.user.id,
        "expires_at": expires and expires[:10],
        "last_used_at": views.moment(call.now),
    }


@route("GET", "/job", job_token=True)
def job_of_token(call: Call) -> Any:
    if call.who.build is None:
        raise Refused(401, "401 Unauthorized")
    return views.job(call.who.build, call.now)


# The project


@route("GET", "/projects")
def projects(call: Call) -> Any:
    seen = (project for project in call.state.projects.values() if call.who.level_in(project))
    return [views.project(project) for project in seen]


@route("GET", PROJECT, GUEST)
def project(call: Call) -> Any:
    access = {"project_access": {"access_level": call.level, "notification_level": 3}, "group_access": None}
    return {**views.project(call.project), "permissions": access}


@route("PUT", PROJECT, MAINTAINER)
def change_project(call: Call) -> Any:
    settings = call.project.settings
    new = {name: _like(settings[name], value) for name, value in call.params.items() if name in settings}
    role = new.get("ci_pipeline_variables_minimum_override_role")
    if role is not None and role not in ROLES:
        message = "ci_pipeline_variables_minimum_override_role does not have a valid value"
        raise Refused(400, message, "error")
    if role is not None:  # the older setting is the same thing in GitLab since 17.7
        new["restrict_user_defined_variables"] = role != "developer"
    settings.update(new)
    return views.project(call.project)


def _like(old: object, value: Any) -> Any:
    if isinstance(old, bool):
        return flag(value)
    return int(value) if isinstance(old, int) and str(value).isdecimal() else value


@route("GET", f"{PROJECT}/runners", MAINTAINER)
def runners(call: Call) -> Any:
    return call.project.runners


@route("GET", f"{PROJECT}/job_token_scope", MAINTAINER)
def token_scope(call: Call) -> Any:
    return call.project.token_scope


@route("PATCH", f"{PROJECT}/job_token_scope", MAINTAINER)
def change_token_scope(call: Call) -> Any:
    (enabled,) = call.need("enabled")
    call.project.token_scope["inbound_enabled"] = flag(enabled)
    return Reply(204)


@route("GET", f"{PROJECT}/job_token_scope/allowlist", MAINTAINER)
def allowlist(call: Call) -> Any:
    every = call.state.projects.values()
    return [views.project(each, settings=False) for each in every if each.id in {call.project.id, *_allowed(call)}]


def _allowed(call: Call) -> list[int]:
    return call.project.allowlist


@route("POST", f"{PROJECT}/job_token_scope/allowlist", MAINTAINER)
def allow_project(call: Call) -> Any:
    target = call.integer("target_project_id")
    found(each for each in call.state.projects.values() if each.id == target)
    _allowed(call).append(target)
    return {"source_project_id": call.project.id, "target_project_id": target}


@route("DELETE", f"{PROJECT}/job_token_scope/allowlist/:target", MAINTAINER)
def disallow_project(call: Call) -> Any:
    if call.number("target") not in _allowed(call):
        not_found("Not found")
    _allowed(call).remove(call.number("target"))


@route("POST", f"{PROJECT}/ci/lint", DEVELOPER)
def lint(call: Call) -> Any:
    (content,) = call.need("content")
    return Reply.of(_linted(call, str(content)))


@route("GET", f"{PROJECT}/ci/lint")
def lint_committed(call: Call) -> Any:
    ref = str(call.params.get("content_ref") or call.params.get("sha") or "")
    commit = call.project.find_commit(ref) or not_found("Commit")
    path = call.project.settings["ci_config_path"] or ".gitlab-ci.yml"
    if path not in commit.files:
        return {**_linted(call, ""), "errors": ["Please provide content of .gitlab-ci.yml"], "valid": False}
    return _linted(call, commit.files[path].decode())


def _linted(call: Call, content: str) -> dict[str, Any]:
    errors = call.project.linter(content)
    merged = None if errors else content
    found = {"valid": not errors, "errors": errors, "warnings": [], "merged_yaml": merged, "includes": []}
    return {**found, "jobs": []} if flag(call.params.get("include_jobs")) else found


# Pipelines


@route("GET", f"{PROJECT}/pipelines")
def pipelines(call: Call) -> Any:
    call.project.listings += 1
    runs = [run for run in call.project.pipelines if _is_wanted(run, call.params) and _is_visible(run, call)]
    order = call.params.get("order_by", "id")
    keys = {"status": lambda run: run.status, "ref": lambda run: run.ref, "updated_at": lambda run: run.updated}
    runs.sort(key=lambda run: run.id)
    runs.sort(key=keys.get(order, lambda run: run.id))
    if call.params.get("sort", "desc") != "asc":
        runs.reverse()
    return [views.pipeline(run) for run in runs]


def _is_visible(run: Pipeline, call: Call) -> bool:
    """A new pipeline may be missing from the first lists, as when a replica is behind."""
    lag = call.state.lag
    return call.project.listings - run.listed_from > lag.requests and call.now - run.created >= lag.seconds


SCOPES = {"running": {"running"}, "pending": {"pending"}, "finished": {"success", "failed", "canceled"}}


def _is_wanted(run: Pipeline, params: Mapping[str, Any]) -> bool:
    view = views.pipeline(run)
    if any(params.get(name) not in (None, view[name]) for name in ("ref", "sha", "status", "source", "name")):
        return False
    if run.source == "parent_pipeline" and params.get("source") != "parent_pipeline":
        return False
    if params.get("username") not in (None, run.user.username):
        return False
    scope = params.get("scope")
    if scope in SCOPES and run.status not in SCOPES[scope]:
        return False
    if scope in {"branches", "tags"} and run.tag != (scope == "tags"):
        return False
    return _is_between(run, params)


def _is_between(run: Pipeline, params: Mapping[str, Any]) -> bool:
    for name, time in (("updated", run.updated), ("created", run.created)):
        for side, sign in (("after", 1), ("before", -1)):
            limit = params.get(f"{name}_{side}")
            if limit is not None and (time - _instant(f"{name}_{side}", limit)) * sign < 0:
                return False
    return True


def _instant(name: str, text: object) -> float:
    try:
        return views.instant(str(text))
    except ValueError:
        raise Refused(400, f"{name} is invalid", "error") from None


@route("POST", f"{PROJECT}/pipeline", DEVELOPER)
def create_pipeline(call: Call) -> Any:
    (ref,) = call.need("ref")
    variables = call.params.get("variables") or []
    if not _are_hashes(variables, "key"):
        raise Refused(400, "variables is invalid", "error")
    run = _start(call, call.who, str(ref), "api", [{"value": "", **each} for each in variables])
    return views.whole_pipeline(run)


def _are_hashes(value: object, *names: str) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) and each.keys() >= {*names} for each in value)


@route("POST", f"{PROJECT}/trigger/pipeline", is_open=True)
@route("POST", f"{PROJECT}/ref/:ref/trigger/pipeline", is_open=True)
def trigger_pipeline(call: Call) -> Any:
    if "ref" in call.values:
        call.params["ref"] = call.values["ref"]
    ref, secret = call.need("ref", "token")
    variables = call.params.get("variables") or {}
    if not isinstance(variables, dict) or not all(isinstance(value, str) for value in variables.values()):
        raise Refused(400, "variables needs to be a map of key-valued strings")
    token = _trigger_token(call, str(secret))
    given = [{"key": key, "value": value} for key, value in variables.items()]
    run = _start(call, token, str(ref), "pipeline" if token.kind == "job" else "trigger", given)
    payload = {name: value for name, value in call.params.items() if name != "token"}
    extra = {"key": "TRIGGER_PAYLOAD", "value": json.dumps(payload), "variable_type": "file", "raw": False}
    run.variables.append(extra)
    return views.whole_pipeline(run)


def _trigger_token(call: Call, secret: str) -> Token:
    token = call.state.tokens.get(secret)
    if token is None or token.kind not in {"trigger", "job"} or token.revoked:
        not_found()
    if token.kind == "job" and token.build and token.build.status != "running":
        raise Refused(401, "Job is not running")
    if not token.level_in(call.project):
        not_found()
    try:
        within_scope(token, call.project)
    except Refused:
        not_found()
    return token


def _start(call: Call, token: Token, ref: str, source: str, variables: list[dict[str, Any]]) -> Pipeline:
    """Start a pipeline, or refuse as GitLab does: 400 with the reasons under `base`."""
    level = token.level_in(call.project)
    reason = _objection(call, level, ref, variables)
    if reason:
        raise Refused(400, {"base": [reason]})
    script = call.project.script()
    if not script:
        reason = "Pipeline will not run for the selected trigger. The rules configuration prevented any jobs from being"
        raise Refused(400, {"base": [f"{reason} added to the pipeline."]})
    inputs = _inputs(call)
    return call.project.pipeline(ref, source, token.user, variables, script, inputs=inputs)


def _inputs(call: Call) -> dict[str, Any]:
    inputs = call.params.get("inputs") or {}
    if not isinstance(inputs, dict):
        raise Refused(400, "inputs is invalid", "error")
    return inputs


def _objection(call: Call, level: int, ref: str, variables: list[dict[str, Any]]) -> str:
    project = call.project
    if project.find_commit(ref) is None or ref in project.commits:
        return "Reference not found"
    if level < _least(project.protected_branches, ref):
        advice = "Please select a different branch or contact your administrator for assistance."
        return f"You do not have sufficient permission to run a pipeline on '{ref}'. {advice}"
    role = project.settings["ci_pipeline_variables_minimum_override_role"]
    if variables and project.settings["restrict_user_defined_variables"] and level < ROLES[role]:
        return NO_VARIABLES
    keys = [variable["key"] for variable in variables]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        return f"Duplicate variable name: {', '.join(twice)}"
    return _wrong_inputs(project, _inputs(call))


def _least(rules: list[dict[str, Any]], name: str) -> int:
    """Return the access level that a protected ref wants, 0 for one that is not protected."""
    rule = next((rule for rule in rules if rule["name"] == name), None)
    if rule is None:
        return 0
    levels = [entry["access_level"] for entry in rule["push_access_levels"] + rule["merge_access_levels"]]
    return min((level for level in levels if level), default=OWNER + 1)


def _wrong_inputs(project: Project, inputs: Mapping[str, Any]) -> str:
    """Inputs are judged only where the test says which there are: {name: {"type", "options", "default"}}."""
    declared = project.spec_inputs
    if declared is None:
        return ""
    for name, value in inputs.items():
        if name not in declared:
            return f"Given inputs not defined in the `spec` section of the included configuration file: {name}"
        options = declared[name].get("options")
        if options and value not in options:
            return f"`{name}` input: `{value}` cannot be used because it is not in the list of allowed options"
        kinds: dict[str, Any] = {"string": str, "number": (int, float), "boolean": bool, "array": list}
        kind = declared[name].get("type", "string")
        if not isinstance(value, kinds[kind]):
            return f"`{name}` input: provided value is not a {kind}"
    missing = [name for name, rule in declared.items() if "default" not in rule and name not in inputs]
    return f"`{missing[0]}` input: required value has not been provided" if missing else ""


@route("GET", f"{PROJECT}/pipelines/latest")
def latest_pipeline(call: Call) -> Any:
    ref = str(call.params.get("ref") or call.project.settings["default_branch"])
    commit = call.project.find_commit(ref)
    runs = [run for run in call.project.pipelines if commit and run.sha == commit.sha and run.ref == ref]
    if not runs:
        raise Refused(403, "403 Forbidden")
    return views.whole_pipeline(runs[-1])


@route("GET", PIPELINE)
def pipeline(call: Call) -> Any:
    return views.whole_pipeline(call.pipeline)


@route("DELETE", PIPELINE, OWNER)
def delete_pipeline(call: Call) -> Any:
    gone = {call.pipeline.id}
    gone |= {build.downstream.id for build in call.pipeline.builds if build.downstream}
    call.project.pipelines[:] = [run for run in call.project.pipelines if run.id not in gone]


@route("PUT", f"{PIPELINE}/metadata", DEVELOPER, job_token=True)
def rename_pipeline(call: Call) -> Any:
    (call.pipeline.name,) = call.need("name")
    return views.whole_pipeline(call.pipeline)


@route("GET", f"{PIPELINE}/variables")
def pipeline_variables(call: Call) -> Any:
    run = call.pipeline
    if call.who.user != run.user:  # others than who started it must be maintainers
        call.at_least(MAINTAINER)
    return run.variables


@route("GET", f"{PIPELINE}/test_report")
def test_report(call: Call) -> Any:
    counts = ("total_time", "total_count", "success_count", "failed_count", "skipped_count", "error_count")
    empty = {**dict.fromkeys(counts, 0), "test_suites": []}
    return call.project.test_reports.get(call.pipeline.id, empty)


@route("POST", f"{PIPELINE}/cancel", DEVELOPER)
def cancel_pipeline(call: Call) -> Any:
    cancel_all(call.pipeline, call.now)
    return Reply.of(views.whole_pipeline(call.pipeline))


@route("POST", f"{PIPELINE}/retry", DEVELOPER)
def retry_pipeline(call: Call) -> Any:
    for build in call.pipeline.latest():
        if build.status in {"failed", "canceled"}:
            again(build, call.now)
    call.state.settle()
    return views.whole_pipeline(call.pipeline)


# Jobs


def _in_scope(builds: list[Build], call: Call) -> list[Build]:
    scope = call.params.get("scope") or []
    wanted = set(map(str, scope)) if isinstance(scope, list) else {scope}
    return sorted((build for build in builds if not wanted or build.status in wanted), key=lambda build: -build.id)


@route("GET", f"{PIPELINE}/jobs", job_token=True)
def pipeline_jobs(call: Call) -> Any:
    run = call.pipeline
    builds = run.builds if flag(call.params.get("include_retried")) else run.latest()
    return views.jobs((build for build in _in_scope(builds, call) if not build.is_bridge), call.now)


@route("GET", f"{PIPELINE}/bridges")
@route("GET", f"{PIPELINE}/trigger_jobs")
def pipeline_bridges(call: Call) -> Any:
    return views.jobs((build for build in _in_scope(call.pipeline.latest(), call) if build.is_bridge), call.now)


@route("GET", f"{PROJECT}/jobs")
def project_jobs(call: Call) -> Any:
    builds = [build for run in call.project.pipelines for build in run.builds if not build.is_bridge]
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
    cancel(call.job, call.now)
    return _shown(call, call.job)


@route("POST", f"{JOB}/play", DEVELOPER)
def play_job(call: Call) -> Any:
    build = call.job
    if build.status != "manual":
        raise Refused(400, "400 Bad request - Unplayable Job")
    build.status, build.queued = "pending", call.now
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
    headers = {"Content-Type": "application/zip", "Content-Disposition": 'attachment; filename="artifacts.zip"'}
    return Reply(200, buffer.getvalue(), headers)


def _raw(files: Mapping[str, bytes], path: str) -> Reply:
    return Reply(200, files[path], {"Content-Type": "application/octet-stream"}) if path in files else not_found()


@route("GET", f"{JOB}/artifacts", job_token=True)
def artifacts(call: Call) -> Any:
    return _zipped(_artifacts(_build(call)) or not_found())


@route("GET", f"{JOB}/artifacts/*path", job_token=True)
def artifact(call: Call) -> Any:
    return _raw(_artifacts(_build(call)), call.values["path"])


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
    return _raw(_artifacts(_last_build(call)), call.values["path"])


# The repository


def _commit(call: Call, ref: str) -> Commit:
    return call.project.find_commit(ref) or not_found("Commit")


@route("GET", f"{REPOSITORY}/branches")
def branches(call: Call) -> Any:
    word = str(call.params.get("search", ""))
    return [views.branch(call.project, name) for name in sorted(call.project.branches) if word in name]


@route("GET", f"{REPOSITORY}/branches/:name")
def branch(call: Call) -> Any:
    name = call.values["name"]
    return views.branch(call.project, name) if name in call.project.branches else not_found("Branch")


@route("GET", f"{REPOSITORY}/tags")
def tags(call: Call) -> Any:
    return [views.tag(call.project, name) for name in sorted(call.project.tags, reverse=True)]


@route("GET", f"{REPOSITORY}/tags/:name")
def tag(call: Call) -> Any:
    name = call.values["name"]
    return views.tag(call.project, name) if name in call.project.tags else not_found("Tag")


@route("GET", f"{REPOSITORY}/commits")
def commits(call: Call) -> Any:
    ref = str(call.params.get("ref_name") or "")
    return [views.commit(each) for each in _ancestry(_commit(call, ref))]


def _ancestry(commit: Commit | None) -> list[Commit]:
    line = []
    while commit:
        line.append(commit)
        commit = commit.parent
    return line


@route("GET", f"{REPOSITORY}/commits/:sha")
def commit(call: Call) -> Any:
    one = _commit(call, call.values["sha"])
    runs = [run for run in call.project.pipelines if run.sha == one.sha and run.parent is None]
    last = views.pipeline(runs[-1]) if runs else None
    return {**views.commit(one), "last_pipeline": last, "status": last and last["status"]}


@route("GET", f"{REPOSITORY}/files/:path")
def file(call: Call) -> Any:
    (ref,) = call.need("ref")
    return views.file(call.project, call.values["path"], str(ref), _with_file(call, str(ref)))


@route("GET", f"{REPOSITORY}/files/:path/raw")
def raw_file(call: Call) -> Any:
    ref = str(call.params.get("ref") or "")
    return _raw(_with_file(call, ref).files, call.values["path"])


def _with_file(call: Call, ref: str) -> Commit:
    one = _commit(call, ref)
    return one if call.values["path"] in one.files else not_found("File")


@route("GET", f"{REPOSITORY}/compare")
def compare(call: Call) -> Any:
    old, new = (_commit(call, str(name)) for name in call.need("from", "to"))
    seen = _ancestry(old)
    missing = [each for each in _ancestry(new) if each not in seen]
    names = sorted(name for name in {*old.files, *new.files} if old.files.get(name) != new.files.get(name))
    return {
        "commit": views.commit(new),
        "commits": [views.commit(each) for each in reversed(missing)],
        "diffs": [_diff(name, old.files, new.files) for name in names],
        "compare_timeout": False,
        "compare_same_ref": old is new,
    }


def _diff(name: str, old: Mapping[str, bytes], new: Mapping[str, bytes]) -> dict[str, Any]:
    before, after = (files.get(name, b"").decode("utf-8", "replace").splitlines(True) for files in (old, new))
    text = "".join(list(difflib.unified_diff(before, after))[2:])
    states = {"new_file": name not in old, "deleted_file": name not in new, "renamed_file": False}
    return {"old_path": name, "new_path": name, "a_mode": "100644", "b_mode": "100644", "diff": text, **states}


@route("GET", f"{REPOSITORY}/commits/:sha/statuses")
def statuses(call: Call) -> Any:
    sha = _commit(call, call.values["sha"]).sha
    same = [each for each in call.project.statuses if each["sha"] == sha]
    wanted = [each for each in same if all(call.params.get(name) in (None, each[name]) for name in ("ref", "name"))]
    return wanted if flag(call.params.get("all")) else list({each["name"]: each for each in wanted}.values())


MOVES = {"pending": "enqueue", "running": "run", "success": "success", "failed": "drop", "canceled": "cancel"}


@route("POST", f"{PROJECT}/statuses/:sha", DEVELOPER)
def set_status(call: Call) -> Any:
    (state,) = call.need("state")
    if state not in {*MOVES, "skipped"}:
        raise Refused(400, "state does not have a valid value", "error")
    sha = _commit(call, call.values["sha"]).sha
    name = str(call.params.get("name") or call.params.get("context") or "default")
    same = [each for each in call.project.statuses if (each["sha"], each["name"]) == (sha, name)]
    record = same[-1] if same and same[-1]["status"] in {"pending", "running"} else None
    if record and record["status"] == state:  # GitLab refuses to say the same thing twice
        move = MOVES[state]
        reason = f'Reason(s): Status cannot transition via "{move}"'
        raise Refused(400, f"Cannot transition status via :{move} from :{state} ({reason})")
    if record is None:
        record = _new_status(call, sha, name)
    texts: dict[str, Any] = {
        key: call.params[key] for key in ("target_url", "description", "coverage") if key in call.params
    }
    record |= {"status": state, **texts}
    record["started_at" if state == "running" else "finished_at" if state in FINAL else "updated_at"] = views.moment(
        call.now
    )
    return record


def _new_status(call: Call, sha: str, name: str) -> dict[str, Any]:
    record = {
        "id": next(call.state.ids["job"]),
        "sha": sha,
        "ref": call.params.get("ref") or "main",
        "name": name,
        "target_url": None,
        "description": None,
        "coverage": None,
        "allow_failure": False,
        "pipeline_id": None,
        "created_at": views.moment(call.now),
        "started_at": None,
        "finished_at": None,
        "author": call.who.user.view(),
    }
    call.project.statuses.append(record)
    return record


# Packages


GENERIC = f"{PROJECT}/packages/generic/:name/:version/*file"


@route("PUT", GENERIC, DEVELOPER, job_token=True)
def put_package_file(call: Call) -> Any:
    name, version, file = (call.values[key] for key in ("name", "version", "file"))
    packages = call.project.packages
    package = next((each for each in packages if (each["name"], each["version"]) == (name, version)), None)
    if package is None:
        package = {
            "id": next(call.state.ids["package"]),
            "name": name,
            "version": version,
            "package_type": "generic",
            "status": "default",
            "created_at": views.moment(call.now),
            "last_downloaded_at": None,
            "tags": [],
        }
        packages.append(package)
    content = call.request.body
    record = {
        "id": next(call.state.ids["package_file"]),
        "package_id": package["id"],
        "file_name": file,
        "size": len(content),
        "created_at": views.moment(call.now),
        "content": content,
        "file_sha256": hashlib.sha256(content).hexdigest(),
        "file_md5": None,
        "file_sha1": None,
    }
    call.project.package_files.append(record)
    if call.params.get("select") == "package_file":
        return Reply.of(_file_view(record), 201)
    return Reply.of({"message": "201 Created"}, 201)


def _file_view(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "content"}


@route("GET", GENERIC, job_token=True)
def get_package_file(call: Call) -> Any:
    name, version = call.values["name"], call.values["version"]
    ids = {each["id"] for each in call.project.packages if (each["name"], each["version"]) == (name, version)}
    files = [each for each in call.project.package_files if each["package_id"] in ids]
    return _raw({each["file_name"]: each["content"] for each in files}, call.values["file"])


@route("GET", f"{PROJECT}/packages", job_token=True)
def packages(call: Call) -> Any:
    given = {"name": call.params.get("package_name"), "version": call.params.get("package_version")}
    every = call.project.packages
    return [each for each in every if all(value in (None, each[name]) for name, value in given.items())]


@route("GET", f"{PROJECT}/packages/:package_id/package_files", job_token=True)
def package_files(call: Call) -> Any:
    number = call.number("package_id")
    return [_file_view(each) for each in call.project.package_files if each["package_id"] == number]


@route("DELETE", f"{PROJECT}/packages/:package_id", MAINTAINER, job_token=True)
def delete_package(call: Call) -> Any:
    number = call.number("package_id")
    package = found(each for each in call.project.packages if each["id"] == number)
    call.project.packages.remove(package)
