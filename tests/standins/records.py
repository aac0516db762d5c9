"""The routes of records that people keep in a project.

Variables, schedules, triggers, protection, merge requests.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping
from typing import Any

from standins import views
from standins.http import Refused, Reply
from standins.routes import PROJECT, Call, Kind, crud, flag, found, route
from standins.state import DEVELOPER, MAINTAINER, REPORTER, Token

SCHEDULE = f"{PROJECT}/pipeline_schedules/:schedule_id"
MERGE_REQUEST = f"{PROJECT}/merge_requests/:iid"
NOTE_LENGTH = 1_000_000


def _taken(call: Call, old: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record's fields: the old ones or the defaults, then what the request gives."""
    record = {**defaults, **old}
    for name in record.keys() & call.params.keys():
        given = call.params[name]
        record[name] = flag(given) if isinstance(record[name], bool) else str(given)
    return record


# Variables of a project


def _variable(call: Call, old: dict[str, Any]) -> dict[str, Any]:
    defaults = {
        "key": "",
        "value": "",
        "variable_type": "env_var",
        "protected": False,
        "masked": False,
        "hidden": False,
        "raw": False,
        "environment_scope": "*",
        "description": None,
    }
    record = _taken(call, old, defaults)
    if flag(call.params.get("masked_and_hidden")):
        record |= {"masked": True, "hidden": True}
    if not re.fullmatch(r"[A-Za-z0-9_]{1,255}", str(record["key"])):
        text = "can contain only letters, digits and '_'."
        raise Refused(400, {"key": [text]})
    if record["masked"] and not re.fullmatch(r"[^\s]{8,}", str(record["value"])):
        raise Refused(400, {"value": ["is invalid"]})
    place = (record["key"], record["environment_scope"])
    if any(
        other is not old and (other["key"], other["environment_scope"]) == place
        for other in _others(call, old)
    ):
        raise Refused(400, {"key": [f"({record['key']}) has already been taken"]})
    return record


def _others(call: Call, old: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [record for record in call.project.variables if record is not old]


def _in_environment(call: Call, record: Mapping[str, Any]) -> bool:
    filters = call.params.get("filter")
    if isinstance(filters, dict) and "environment_scope" in filters:
        return bool(record["environment_scope"] == filters["environment_scope"])
    if sum(other["key"] == record["key"] for other in call.project.variables) > 1:
        text = (
            "There are multiple variables with provided parameters."
            " Please use 'filter[environment_scope]'"
        )
        raise Refused(409, text)
    return True


crud(
    Kind(
        f"{PROJECT}/variables",
        "Variable",
        lambda call: call.project.variables,
        _variable,
        key="key",
        required=("key", "value"),
        read=MAINTAINER,
        write=MAINTAINER,
        view=lambda _, record, __: {
            **record,
            "value": None if record["hidden"] else record["value"],
        },
        matches=_in_environment,
    )
)


# Schedules and their variables


def _schedule(call: Call, old: dict[str, Any]) -> dict[str, Any]:
    defaults = {"description": "", "ref": "", "cron": "", "cron_timezone": "UTC", "active": True}
    record = _taken(call, old, defaults)
    _check_cron(record)
    if call.project.find_commit(record["ref"]) is None:
        raise Refused(400, {"ref": ["is ambiguous"]})
    if not record["ref"].startswith("refs/"):
        place = "tags" if record["ref"] in call.project.tags else "heads"
        record["ref"] = f"refs/{place}/{record['ref']}"
    now = views.moment(call.now)
    fresh: dict[str, Any] = {
        "id": next(call.state.ids["schedule"]),
        "created_at": now,
        "owner": call.who.user,
        "variables": [],
    }
    return {
        **({} if old else fresh),
        **record,
        "updated_at": now,
        "inputs": _inputs(call, old.get("inputs", [])),
    }


def _check_cron(record: Mapping[str, Any]) -> None:
    field = r"(\*|[\dA-Za-z]+(-[\dA-Za-z]+)?)(/\d+)?(,(\*|[\dA-Za-z]+(-[\dA-Za-z]+)?)(/\d+)?)*"
    if not re.fullmatch(rf"{field}( +{field}){{4}}", str(record["cron"]).strip()):
        raise Refused(400, {"cron": [" is invalid syntax"]})
    try:
        zoneinfo.ZoneInfo(str(record["cron_timezone"]))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        if record["cron_timezone"] != "UTC":
            raise Refused(400, {"cron_timezone": [" is invalid syntax"]}) from None


def _inputs(call: Call, old: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = {item["name"]: item["value"] for item in old}
    given = call.params.get("inputs") or []
    if not isinstance(given, list) or not all(
        isinstance(item, dict) and "name" in item for item in given
    ):
        raise Refused(400, "inputs is invalid", "error")
    for item in given:
        if flag(item.get("destroy")):
            kept.pop(item["name"], None)
        else:
            kept[item["name"]] = item.get("value")
    return [{"name": name, "value": value} for name, value in kept.items()]


def _schedule_view(call: Call, record: dict[str, Any], alone: bool) -> dict[str, Any]:
    listed = {**record, "owner": record["owner"].view(), "next_run_at": None}
    more = {name: listed.pop(name) for name in ("variables", "inputs")}
    if not alone:
        return listed
    runs = [run for run in call.project.pipelines if run.schedule == record["id"]]
    last = views.pipeline(runs[-1]) if runs else None
    return {**listed, **more, "last_pipeline": last}


def _owned(call: Call, record: Mapping[str, Any]) -> None:
    if record["owner"] != call.who.user:
        call.at_least(MAINTAINER)


def _one_schedule(call: Call) -> dict[str, Any]:
    number = call.number("schedule_id")
    record: dict[str, Any] = found(
        schedule for schedule in call.project.schedules if schedule["id"] == number
    )
    return record


def _schedule_variables(call: Call) -> list[dict[str, Any]]:
    record = _one_schedule(call)
    if call.request.method != "GET":
        _owned(call, record)
    variables: list[dict[str, Any]] = record["variables"]
    return variables


def _schedule_variable(call: Call, old: dict[str, Any]) -> dict[str, Any]:
    record = _taken(call, old, {"key": "", "value": "", "variable_type": "env_var", "raw": False})
    if not old and any(other["key"] == record["key"] for other in _schedule_variables(call)):
        raise Refused(400, {"key": ["has already been taken"]})
    return record


@route("POST", f"{SCHEDULE}/play", DEVELOPER)
def play_schedule(call: Call) -> Any:
    record = _one_schedule(call)
    ref = record["ref"].removeprefix("refs/heads/").removeprefix("refs/tags/")
    variables = [dict(variable) for variable in record["variables"]]
    inputs = {item["name"]: item["value"] for item in record["inputs"]}
    run = call.project.pipeline(ref, "schedule", record["owner"], variables, inputs=inputs)
    run.schedule = record["id"]
    return {"message": "201 Created"}


@route("POST", f"{SCHEDULE}/take_ownership", DEVELOPER)
def own_schedule(call: Call) -> Any:
    record = _one_schedule(call)
    call.at_least(MAINTAINER)
    status = 200 if record["owner"] == call.who.user else 201
    record["owner"] = call.who.user
    return Reply.of(_schedule_view(call, record, True), status)


@route("GET", f"{SCHEDULE}/pipelines", DEVELOPER)
def pipelines_of_schedule(call: Call) -> Any:
    number = _one_schedule(call)["id"]
    return [views.pipeline(run) for run in call.project.pipelines if run.schedule == number]


crud(
    Kind(
        f"{SCHEDULE}/variables",
        "Pipeline Schedule Variable",
        _schedule_variables,
        _schedule_variable,
        key="key",
        required=("key", "value"),
        read=DEVELOPER,
        write=DEVELOPER,
    )
)
crud(
    Kind(
        f"{PROJECT}/pipeline_schedules",
        "Pipeline Schedule",
        lambda call: (
            [
                record
                for record in call.project.schedules
                if {"active": record["active"], "inactive": not record["active"]}.get(
                    str(call.params.get("scope")), True
                )
            ]
            if call.request.method == "GET"
            else call.project.schedules
        ),
        _schedule,
        required=("description", "ref", "cron"),
        read=DEVELOPER,
        write=DEVELOPER,
        allowed=_owned,
        view=_schedule_view,
    )
)


# Trigger tokens


def _trigger(call: Call, old: dict[str, Any]) -> dict[str, Any]:
    record = _taken(call, old, {"description": ""})
    if old:
        return record
    number = next(call.state.ids["trigger"])
    value = f"glptt-{number:020d}"
    who = call.who
    level = who.level_in(call.project)
    call.state.tokens[value] = Token(
        number,
        f"trigger {number}",
        value,
        who.user,
        0,
        kind="trigger",
        levels={call.project.path: level},
    )
    now = views.moment(call.now)
    return {
        **record,
        "id": number,
        "token": value,
        "owner": who.user,
        "created_at": now,
        "updated_at": now,
    }


def _trigger_view(call: Call, record: Mapping[str, Any], _: bool) -> dict[str, Any]:
    """Only its owner sees a whole trigger token."""
    token = record["token"] if record["owner"] == call.who.user else record["token"][:4]
    return {
        **record,
        "token": token,
        "owner": record["owner"].view(),
        "last_used": None,
        "deleted_at": None,
    }


def _revoke(call: Call, record: Mapping[str, Any]) -> None:
    if call.request.method == "DELETE":
        call.state.tokens[record["token"]].revoked = True


crud(
    Kind(
        f"{PROJECT}/triggers",
        "Trigger",
        lambda call: call.project.triggers,
        _trigger,
        required=("description",),
        read=MAINTAINER,
        write=MAINTAINER,
        allowed=_revoke,
        view=_trigger_view,
    )
)


# Protected branches and tags


ACCESS = {0: "No one", 30: "Developers + Maintainers", 40: "Maintainers", 60: "Admins"}


def _access(call: Call, name: str, old: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return `name`_levels from the short form (`push_access_level=40`)."""
    if old and name not in call.params:
        levels: list[dict[str, Any]] = old[f"{name}s"]
        return levels
    level = call.integer(name) if name in call.params else MAINTAINER
    return [{"id": 1, "access_level": level, "access_level_description": ACCESS.get(level, "")}]


def _protected_branch(call: Call, old: dict[str, Any]) -> dict[str, Any]:
    record = _taken(
        call, old, {"name": "", "allow_force_push": False, "code_owner_approval_required": False}
    )
    if not old and any(
        other["name"] == record["name"] for other in call.project.protected_branches
    ):
        raise Refused(409, f"Protected branch '{record['name']}' already exists")
    levels = {
        f"{name}s": _access(call, name, old) for name in ("push_access_level", "merge_access_level")
    }
    return {**({} if old else {"id": next(call.state.ids["rule"])}), **record, **levels}


def _protected_tag(call: Call, old: dict[str, Any]) -> dict[str, Any]:
    (name,) = call.need("name")
    return {"name": name, "create_access_levels": _access(call, "create_access_level", old)}


for _path, _title, _records, _make, _update in (
    (
        "branches",
        "Not found",
        lambda call: call.project.protected_branches,
        _protected_branch,
        "PATCH",
    ),
    ("tags", "Not found", lambda call: call.project.protected_tags, _protected_tag, "PATCH"),
):
    crud(
        Kind(
            *(f"{PROJECT}/protected_{_path}", _title, _records, _make),
            key="name",
            required=("name",),
            read=DEVELOPER,
            write=MAINTAINER,
        ),
        update=_update,
    )


def _repository_rule(call: Call, old: dict[str, Any]) -> dict[str, Any]:
    levels = ("minimum_access_level_for_push", "minimum_access_level_for_delete")
    record = {
        "project_id": call.project.id,
        "repository_path_pattern": "",
        **dict.fromkeys(levels),
        **old,
    }
    record |= {name: str(call.params[name]) or None for name in record.keys() & call.params.keys()}
    others = (other for other in call.project.repository_rules if other is not old)
    if any(
        other["repository_path_pattern"] == record["repository_path_pattern"] for other in others
    ):
        raise Refused(422, {"repository_path_pattern": ["has already been taken"]})
    if not any(record[level] for level in levels):
        raise Refused(
            422, {"base": ["A rule must have at least a minimum access role for push or delete."]}
        )
    return record if old else {"id": next(call.state.ids["rule"]), **record}


crud(
    Kind(
        f"{PROJECT}/registry/protection/repository/rules",
        "Not found",
        lambda call: call.project.repository_rules,
        _repository_rule,
        required=("repository_path_pattern",),
        read=MAINTAINER,
        write=MAINTAINER,
    ),
    update="PATCH",
)


# Merge requests and their notes


def _merge_request(call: Call) -> dict[str, Any]:
    number = call.number("iid")
    record: dict[str, Any] = found(
        request for request in call.project.merge_requests if request["iid"] == number
    )
    return record


@route("GET", f"{PROJECT}/merge_requests", job_token=True)
def merge_requests(call: Call) -> Any:
    names = {"state": "state", "source_branch": "source", "target_branch": "target"}
    filters = {
        key: call.params[name]
        for name, key in names.items()
        if call.params.get(name) not in (None, "all")
    }
    every = reversed(call.project.merge_requests)
    return [
        views.merge_request(call.project, request)
        for request in every
        if all(request[key] == value for key, value in filters.items())
    ]


@route("GET", MERGE_REQUEST, job_token=True)
def merge_request(call: Call) -> Any:
    return views.merge_request(call.project, _merge_request(call))


@route("PUT", MERGE_REQUEST, DEVELOPER)
def change_merge_request(call: Call) -> Any:
    record = _merge_request(call)
    names = {"title": "title", "description": "description", "target_branch": "target"}
    record.update({key: call.params[name] for name, key in names.items() if name in call.params})
    labels = list(_labels(call.params["labels"]) if "labels" in call.params else record["labels"])
    labels += [label for label in _labels(call.params.get("add_labels", [])) if label not in labels]
    gone = _labels(call.params.get("remove_labels", []))
    record |= {"labels": [label for label in labels if label not in gone], "updated": call.now}
    return views.merge_request(call.project, record)


def _labels(given: object) -> list[str]:
    if isinstance(given, list):
        return [str(label) for label in given]
    return [label.strip() for label in str(given).split(",") if label.strip()]


@route("GET", f"{MERGE_REQUEST}/pipelines")
def pipelines_of_merge_request(call: Call) -> Any:
    source = _merge_request(call)["source"]
    refs = {source, f"refs/merge-requests/{call.values['iid']}/head"}
    return [
        views.pipeline(run)
        for run in reversed(call.project.pipelines)
        if run.ref in refs and not run.parent
    ]


@route("GET", f"{MERGE_REQUEST}/commits")
def commits_of_merge_request(call: Call) -> Any:
    record = _merge_request(call)
    target, commit = (
        call.project.branches[record["target"]],
        call.project.branches.get(record["source"]),
    )
    line = []
    while commit and commit is not target:
        line.append(views.commit(commit))
        commit = commit.parent
    return line


def _notes(call: Call) -> list[dict[str, Any]]:
    return call.project.notes[_merge_request(call)["iid"]]


def _note(call: Call, old: dict[str, Any]) -> dict[str, Any]:
    (body,) = call.need("body")
    if len(str(body)) > NOTE_LENGTH:
        raise Refused(400, {"note": [f"is too long (maximum is {NOTE_LENGTH} characters)"]})
    now = views.moment(call.now)
    if old:
        return {"body": body, "updated_at": now}
    record = _merge_request(call)
    return {
        "id": next(call.state.ids["note"]),
        "type": None,
        "body": body,
        "author": call.who.user,
        "created_at": now,
        "updated_at": now,
        "system": False,
        "resolvable": False,
        "internal": False,
        "noteable_id": record["id"],
        "noteable_iid": record["iid"],
        "noteable_type": "MergeRequest",
        "project_id": call.project.id,
    }


def _written(call: Call, record: Mapping[str, Any]) -> None:
    if record["author"] != call.who.user:
        call.at_least(MAINTAINER)


def _listed_notes(call: Call) -> list[dict[str, Any]]:
    """A list is newest first unless it is asked for otherwise."""
    notes = _notes(call)
    if call.request.method != "GET" or "key" in call.values:
        return notes
    time = "updated_at" if call.params.get("order_by") == "updated_at" else "created_at"
    return sorted(
        notes,
        key=lambda note: (note[time], note["id"]),
        reverse=call.params.get("sort", "desc") != "asc",
    )


crud(
    Kind(
        f"{MERGE_REQUEST}/notes",
        "Not found",
        _listed_notes,
        _note,
        required=("body",),
        read=REPORTER,
        write=REPORTER,
        job_reads=True,
        allowed=_written,
        view=lambda _, record, __: {**record, "author": record["author"].view()},
    )
)
