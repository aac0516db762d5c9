"""The routes of pipelines: starting and refusing, finding, canceling, retrying."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from standins import views
from standins.ci import Pipeline, again, cancel_all
from standins.http import Refused, Reply
from standins.routes import PIPELINE, PROJECT, Call, not_found, route, within_scope
from standins.state import DEVELOPER, MAINTAINER, NO_VARIABLES, OWNER, ROLES, Project, Token


@route("GET", f"{PROJECT}/pipelines")
def pipelines(call: Call) -> Any:
    call.project.listings += 1
    runs = [
        run
        for run in call.project.pipelines
        if _is_wanted(run, call.params) and call.project.is_listed(run)
    ]
    order = call.params.get("order_by", "id")
    keys = {
        "status": lambda run: run.status,
        "ref": lambda run: run.ref,
        "updated_at": lambda run: run.updated,
    }
    runs.sort(key=lambda run: run.id)
    runs.sort(key=keys.get(order, lambda run: run.id))
    if call.params.get("sort", "desc") != "asc":
        runs.reverse()
    return [views.pipeline(run) for run in runs]


SCOPES = {
    "running": {"running"},
    "pending": {"pending"},
    "finished": {"success", "failed", "canceled"},
}


def _is_wanted(run: Pipeline, params: Mapping[str, Any]) -> bool:
    view = views.pipeline(run)
    if any(
        params.get(name) not in (None, view[name])
        for name in ("ref", "sha", "status", "source", "name")
    ):
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
    run = _start(
        call, call.who, str(ref), "api", [{"value": "", **variable} for variable in variables]
    )
    return views.whole_pipeline(run)


def _are_hashes(value: object, *names: str) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, dict) and item.keys() >= {*names} for item in value
    )


@route("POST", f"{PROJECT}/trigger/pipeline", is_open=True)
@route("POST", f"{PROJECT}/ref/:ref/trigger/pipeline", is_open=True)
def trigger_pipeline(call: Call) -> Any:
    if "ref" in call.values:
        call.params["ref"] = call.values["ref"]
    ref, secret = call.need("ref", "token")
    variables = call.params.get("variables") or {}
    if not isinstance(variables, dict) or not all(
        isinstance(value, str) for value in variables.values()
    ):
        raise Refused(400, "variables needs to be a map of key-valued strings")
    token = _trigger_token(call, str(secret))
    given = [{"key": key, "value": value} for key, value in variables.items()]
    run = _start(call, token, str(ref), "pipeline" if token.kind == "job" else "trigger", given)
    payload = {name: value for name, value in call.params.items() if name != "token"}
    extra = {
        "key": "TRIGGER_PAYLOAD",
        "value": json.dumps(payload),
        "variable_type": "file",
        "raw": False,
    }
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


def _start(
    call: Call, token: Token, ref: str, source: str, variables: list[dict[str, Any]]
) -> Pipeline:
    """Start a pipeline, or refuse as GitLab does: 400 with the reasons under `base`."""
    level = token.level_in(call.project)
    reason = _objection(call, level, ref, variables)
    if reason:
        raise Refused(400, {"base": [reason]})
    script = call.project.script()
    if not script:
        reason = "Pipeline will not run for the selected trigger. "
        reason += "The rules configuration prevented any jobs from being"
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
    """Return the access level that a protected ref demands, 0 for one that is not protected."""
    rule = next((rule for rule in rules if rule["name"] == name), None)
    if rule is None:
        return 0
    levels = [
        entry["access_level"] for entry in rule["push_access_levels"] + rule["merge_access_levels"]
    ]
    return min((level for level in levels if level), default=OWNER + 1)


def _wrong_inputs(project: Project, inputs: Mapping[str, Any]) -> str:
    """Return what GitLab says against the inputs of a pipeline, or "".

    They are checked only where the test declares them: {name: {"type", "options", "default"}}.
    """
    declared = project.spec_inputs
    if declared is None:
        return ""
    for name, value in inputs.items():
        if name not in declared:
            where = "the `spec` section of the included configuration file"
            return f"Given inputs not defined in {where}: {name}"
        options = declared[name].get("options")
        if options and value not in options:
            reason = "it is not in the list of allowed options"
            return f"`{name}` input: `{value}` cannot be used because {reason}"
        kinds: dict[str, Any] = {
            "string": str,
            "number": (int, float),
            "boolean": bool,
            "array": list,
        }
        kind = declared[name].get("type", "string")
        if not isinstance(value, kinds[kind]):
            return f"`{name}` input: provided value is not a {kind}"
    missing = [
        name for name, rule in declared.items() if "default" not in rule and name not in inputs
    ]
    return f"`{missing[0]}` input: required value has not been provided" if missing else ""


@route("GET", f"{PROJECT}/pipelines/latest")
def latest_pipeline(call: Call) -> Any:
    ref = str(call.params.get("ref") or call.project.settings["default_branch"])
    commit = call.project.find_commit(ref)
    runs = [
        run for run in call.project.pipelines if commit and run.sha == commit.sha and run.ref == ref
    ]
    if not runs:
        raise Refused(403, "403 Forbidden")
    return views.whole_pipeline(runs[-1])


@route("GET", PIPELINE)
def pipeline(call: Call) -> Any:
    return views.whole_pipeline(call.pipeline)


@route("DELETE", PIPELINE, OWNER)
def delete_pipeline(call: Call) -> Any:
    gone = _family(call.pipeline)
    call.project.pipelines[:] = [run for run in call.project.pipelines if run not in gone]


def _family(run: Pipeline) -> list[Pipeline]:
    children = [build.downstream for build in run.builds if build.downstream]
    return [run, *(run for child in children for run in _family(child))]


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
    counts = (
        "total_time",
        "total_count",
        "success_count",
        "failed_count",
        "skipped_count",
        "error_count",
    )
    empty = {**dict.fromkeys(counts, 0), "test_suites": []}
    return call.project.test_reports.get(call.pipeline.id, empty)


@route("POST", f"{PIPELINE}/cancel", DEVELOPER)
def cancel_pipeline(call: Call) -> Any:
    cancel_all(call.pipeline, call.now)
    return Reply.of(views.whole_pipeline(call.pipeline))


@route("POST", f"{PIPELINE}/retry", DEVELOPER)
def retry_pipeline(call: Call) -> Any:
    """Trigger jobs are left as they are: their pipelines are retried by themselves."""
    for build in call.pipeline.latest():
        if build.status in {"failed", "canceled"} and not build.is_bridge:
            again(build, call.now)
    call.state.settle()
    return views.whole_pipeline(call.pipeline)
