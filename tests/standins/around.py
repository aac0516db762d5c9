"""The routes beside a project: runners, members, and the variables of its groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from standins.http import Refused
from standins.routes import Call, flag, found, not_found, route
from standins.state import GUEST, MAINTAINER

PROJECT = "/projects/:id"
LISTED = ("id", "description", "paused", "is_shared", "runner_type", "online", "status")
RUNNER: Mapping[str, Any] = {
    "description": "runner",
    "paused": False,
    "is_shared": False,
    "runner_type": "project_type",
    "online": True,
    "status": "online",
    "tag_list": [],
    "run_untagged": True,
    "access_level": "not_protected",
    "maximum_timeout": None,
}
"""What a runner is that a test says nothing else of."""


@route("GET", f"{PROJECT}/runners", MAINTAINER)
def runners(call: Call) -> Any:
    """A list tells little of each, and is asked for by status and tags."""
    every = [{**RUNNER, **runner} for runner in call.project.runners]
    return [
        {key: runner[key] for key in LISTED} for runner in every if _is_asked(runner, call.params)
    ]


def _is_asked(runner: Mapping[str, Any], params: Mapping[str, Any]) -> bool:
    tags = {*filter(None, str(params.get("tag_list") or "").split(","))}
    paused = params.get("paused")
    return (
        params.get("status") in (None, runner["status"])
        and (paused is None or flag(paused) == runner["paused"])
        and tags <= {*runner["tag_list"]}
    )


@route("GET", "/runners/:number")
def runner(call: Call) -> Any:
    """Who maintains one of its projects sees all of a runner."""
    number = call.number("number")
    owned = (
        project
        for project in call.state.projects.values()
        if call.who.level_in(project) >= MAINTAINER
    )
    return {
        **RUNNER,
        **found(
            runner for project in owned for runner in project.runners if runner["id"] == number
        ),
    }


@route("GET", f"{PROJECT}/members/all/:user", GUEST)
def member(call: Call) -> Any:
    """Members by way of a group are members too."""
    number = call.number("user")
    token = found(token for token in call.state.tokens.values() if token.user.id == number)
    return {**token.user.view(), "access_level": token.level_in(call.project)}


@route("GET", "/groups/:group/variables")
def group_variables(call: Call) -> Any:
    """A group is there when one of its projects is; only maintainers see its variables."""
    path = call.values["group"]
    if not any(project.path.startswith(f"{path}/") for project in call.state.projects.values()):
        not_found("Group")
    if call.who.level < MAINTAINER:
        raise Refused(403, "403 Forbidden")
    return call.state.group_variables[path]
