"""The routes of the instance, of the current user, and of a project.

Settings, job token scope, lint.
"""

from __future__ import annotations

from typing import Any

from standins import views
from standins.http import Refused, Reply
from standins.routes import PROJECT, Call, flag, found, not_found, route
from standins.state import DEVELOPER, GUEST, MAINTAINER, ROLES

# The instance and who is asking


@route("GET", "/version")
@route("GET", "/metadata")
def version(_: Call) -> Any:
    return {
        "version": "18.9.0",
        "revision": "0123456789a",
        "enterprise": False,
        "kas": {"enabled": False},
    }


@route("GET", "/user")
def user(call: Call) -> Any:
    return {
        **call.who.user.view(),
        "email": f"{call.who.user.username}@example.invalid",
        "bot": False,
    }


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
        not_found("Job")
    return views.job(call.who.build, call.now)


# The project


@route("GET", "/projects")
def projects(call: Call) -> Any:
    seen = (project for project in call.state.projects.values() if call.who.level_in(project))
    return [views.project(project) for project in seen]


@route("GET", PROJECT, GUEST)
def project(call: Call) -> Any:
    access = {
        "project_access": {"access_level": call.level, "notification_level": 3},
        "group_access": None,
    }
    return {**views.project(call.project), "permissions": access}


@route("PUT", PROJECT, MAINTAINER)
def change_project(call: Call) -> Any:
    settings = call.project.settings
    new = {
        name: _like(settings[name], value)
        for name, value in call.params.items()
        if name in settings
    }
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
    return [
        views.project(project, settings=False)
        for project in every
        if project.id in {call.project.id, *_allowed(call)}
    ]


def _allowed(call: Call) -> list[int]:
    return call.project.allowlist


@route("POST", f"{PROJECT}/job_token_scope/allowlist", MAINTAINER)
def allow_project(call: Call) -> Any:
    target = call.integer("target_project_id")
    found(project for project in call.state.projects.values() if project.id == target)
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
        return {
            **_linted(call, ""),
            "errors": ["Please provide content of .gitlab-ci.yml"],
            "valid": False,
        }
    return _linted(call, commit.files[path].decode())


def _linted(call: Call, content: str) -> dict[str, Any]:
    errors = call.project.linter(content)
    merged = None if errors else content
    entry = {
        "valid": not errors,
        "errors": errors,
        "warnings": [],
        "merged_yaml": merged,
        "includes": [],
    }
    return {**entry, "jobs": []} if flag(call.params.get("include_jobs")) else entry
