"""The routes of branches, tags, commits with their statuses, files, and generic packages."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from typing import Any

from standins import views
from standins.ci import FINAL
from standins.http import Refused, Reply
from standins.routes import PROJECT, Call, flag, found, not_found, raw, route
from standins.state import DEVELOPER, MAINTAINER, Commit

REPOSITORY = f"{PROJECT}/repository"


def _commit(call: Call, ref: str) -> Commit:
    return call.project.find_commit(ref) or not_found("Commit")


@route("GET", f"{REPOSITORY}/branches", job_token=True)
def branches(call: Call) -> Any:
    word = str(call.params.get("search", ""))
    return [
        views.branch(call.project, name) for name in sorted(call.project.branches) if word in name
    ]


@route("GET", f"{REPOSITORY}/branches/:name")
def branch(call: Call) -> Any:
    name = call.values["name"]
    return (
        views.branch(call.project, name) if name in call.project.branches else not_found("Branch")
    )


@route("GET", f"{REPOSITORY}/tags", job_token=True)
def tags(call: Call) -> Any:
    return [views.tag(call.project, name) for name in sorted(call.project.tags, reverse=True)]


@route("GET", f"{REPOSITORY}/tags/:name")
def tag(call: Call) -> Any:
    name = call.values["name"]
    return views.tag(call.project, name) if name in call.project.tags else not_found("Tag")


@route("GET", f"{REPOSITORY}/commits")
def commits(call: Call) -> Any:
    ref = str(call.params.get("ref_name") or "")
    return [views.commit(commit) for commit in _ancestry(_commit(call, ref))]


def _ancestry(commit: Commit | None) -> list[Commit]:
    line = []
    while commit:
        line.append(commit)
        commit = commit.parent
    return line


@route("GET", f"{REPOSITORY}/commits/:sha", job_token=True)
def commit(call: Call) -> Any:
    one = _commit(call, call.values["sha"])
    runs = [run for run in call.project.pipelines if run.sha == one.sha and run.parent is None]
    last = views.pipeline(runs[-1]) if runs else None
    return {**views.commit(one), "last_pipeline": last, "status": last and last["status"]}


@route("GET", f"{REPOSITORY}/files/:path")
def file(call: Call) -> Any:
    (ref,) = call.need("ref")
    return views.file(call.project, call.values["path"], str(ref), _with_file(call, str(ref)))


@route("GET", f"{REPOSITORY}/files/:path/raw", job_token=True)
def raw_file(call: Call) -> Any:
    ref = str(call.params.get("ref") or "")
    return raw(_with_file(call, ref).files, call.values["path"])


def _with_file(call: Call, ref: str) -> Commit:
    one = _commit(call, ref)
    return one if call.values["path"] in one.files else not_found("File")


@route("GET", f"{REPOSITORY}/compare")
def compare(call: Call) -> Any:
    old, new = (_commit(call, str(name)) for name in call.need("from", "to"))
    seen = _ancestry(old)
    missing = [commit for commit in _ancestry(new) if commit not in seen]
    names = sorted(
        name for name in {*old.files, *new.files} if old.files.get(name) != new.files.get(name)
    )
    return {
        "commit": views.commit(new),
        "commits": [views.commit(commit) for commit in reversed(missing)],
        "diffs": [_diff(name, old.files, new.files) for name in names],
        "compare_timeout": False,
        "compare_same_ref": old is new,
    }


def _diff(name: str, old: Mapping[str, bytes], new: Mapping[str, bytes]) -> dict[str, Any]:
    before, after = (
        files.get(name, b"").decode("utf-8", "replace").splitlines(True) for files in (old, new)
    )
    text = "".join(list(difflib.unified_diff(before, after))[2:])
    states = {"new_file": name not in old, "deleted_file": name not in new, "renamed_file": False}
    return {
        "old_path": name,
        "new_path": name,
        "a_mode": "100644",
        "b_mode": "100644",
        "diff": text,
        **states,
    }


@route("GET", f"{REPOSITORY}/commits/:sha/statuses")
def statuses(call: Call) -> Any:
    sha = _commit(call, call.values["sha"]).sha
    same = [status for status in call.project.statuses if status["sha"] == sha]
    statuses = [
        status
        for status in same
        if all(call.params.get(name) in (None, status[name]) for name in ("ref", "name"))
    ]
    return (
        statuses
        if flag(call.params.get("all"))
        else list({status["name"]: status for status in statuses}.values())
    )


MOVES = {
    "pending": "enqueue",
    "running": "run",
    "success": "success",
    "failed": "drop",
    "canceled": "cancel",
}


@route("POST", f"{PROJECT}/statuses/:sha", DEVELOPER)
def set_status(call: Call) -> Any:
    (state,) = call.need("state")
    if state not in {*MOVES, "skipped"}:
        raise Refused(400, "state does not have a valid value", "error")
    sha = _commit(call, call.values["sha"]).sha
    name = str(call.params.get("name") or call.params.get("context") or "default")
    same = [
        status for status in call.project.statuses if (status["sha"], status["name"]) == (sha, name)
    ]
    record = same[-1] if same and same[-1]["status"] in {"pending", "running"} else None
    if record and record["status"] == state:  # GitLab refuses to say the same thing twice
        move = MOVES[state]
        reason = f'Reason(s): Status cannot transition via "{move}"'
        raise Refused(400, f"Cannot transition status via :{move} from :{state} ({reason})")
    if record is None:
        record = _new_status(call, sha, name)
    texts: dict[str, Any] = {
        key: call.params[key]
        for key in ("target_url", "description", "coverage")
        if key in call.params
    }
    record |= {"status": state, **texts}
    if state == "running":
        field = "started_at"
    else:
        field = "finished_at" if state in FINAL else "updated_at"
    record[field] = views.moment(call.now)
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
    package = next(
        (
            package
            for package in packages
            if (package["name"], package["version"]) == (name, version)
        ),
        None,
    )
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
    ids = {
        package["id"]
        for package in call.project.packages
        if (package["name"], package["version"]) == (name, version)
    }
    files = [file for file in call.project.package_files if file["package_id"] in ids]
    return raw({file["file_name"]: file["content"] for file in files}, call.values["file"])


@route("GET", f"{PROJECT}/packages", job_token=True)
def packages(call: Call) -> Any:
    given = {"name": call.params.get("package_name"), "version": call.params.get("package_version")}
    every = call.project.packages
    return [
        item for item in every if all(value in (None, item[name]) for name, value in given.items())
    ]


@route("GET", f"{PROJECT}/packages/:package_id/package_files", job_token=True)
def package_files(call: Call) -> Any:
    number = call.number("package_id")
    return [_file_view(file) for file in call.project.package_files if file["package_id"] == number]


@route("DELETE", f"{PROJECT}/packages/:package_id", MAINTAINER, job_token=True)
def delete_package(call: Call) -> Any:
    number = call.number("package_id")
    package = found(item for item in call.project.packages if item["id"] == number)
    call.project.packages.remove(package)
