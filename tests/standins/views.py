"""Records as the API shows them: GitLab's JSON keys."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from standins.ci import Build, Pipeline
from standins.state import Commit, Project

LABELS = {
    "success": "passed",
    "waiting_for_resource": "waiting for resource",
    "manual": "manual action",
}


def moment(seconds: float | None) -> str | None:
    """Return a time as GitLab writes it: ISO 8601, UTC, milliseconds."""
    if seconds is None:
        return None
    return (
        datetime.fromtimestamp(seconds, timezone.utc)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


def instant(text: str) -> float:
    """Return the seconds of an ISO 8601 time. ValueError when it is none."""
    found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()


def project(found: Project, settings: bool = True) -> dict[str, Any]:
    namespace, _, name = found.path.rpartition("/")
    return {
        "id": found.id,
        "name": name,
        "path": name,
        "path_with_namespace": found.path,
        "web_url": found.url,
        "name_with_namespace": found.path.replace("/", " / "),
        "http_url_to_repo": f"{found.url}.git",
        "created_at": moment(found.created),
        "default_branch": found.settings["default_branch"],
        "namespace": {
            "id": 2,
            "name": namespace,
            "path": namespace,
            "kind": "group",
            "full_path": namespace,
        },
        "empty_repo": not found.commits,
        "topics": [],
        **(found.settings if settings else {}),
    }


def pipeline(found: Pipeline) -> dict[str, Any]:
    """Return a pipeline as it is listed."""
    return {
        "id": found.id,
        "iid": found.iid,
        "project_id": found.project.id,
        "sha": found.sha,
        "ref": found.ref,
        "status": found.status,
        "source": found.source,
        "name": found.name,
        "created_at": moment(found.created),
        "updated_at": moment(found.updated),
        "web_url": f"{found.project.url}/-/pipelines/{found.id}",
    }


def whole_pipeline(found: Pipeline) -> dict[str, Any]:
    """Return a pipeline as it is shown alone. `duration` is from the first start to the last end."""
    started, finished, label = found.started, found.finished, LABELS.get(found.status, found.status)
    return {
        **pipeline(found),
        "before_sha": "0" * 40,
        "tag": found.tag,
        "yaml_errors": None,
        "coverage": None,
        "committed_at": None,
        "user": found.user.view(),
        "started_at": moment(started),
        "finished_at": moment(finished),
        "duration": int(finished - started)
        if started is not None and finished is not None
        else None,
        "queued_duration": int(started - found.created) if started is not None else None,
        "archived": False,
        "detailed_status": {
            "icon": f"status_{found.status}",
            "text": label,
            "label": label,
            "tooltip": label,
            "group": found.status,
            "has_details": True,
            "illustration": None,
            "details_path": f"/{found.project.path}/-/pipelines/{found.id}",
        },
    }


def jobs(found: Iterable[Build], now: float) -> list[dict[str, Any]]:
    """Return jobs as they are listed; what they tell of their pipelines is looked up once."""
    above: dict[int, dict[str, Any]] = {}
    listed = []
    for each in found:
        if each.pipeline.id not in above:
            above[each.pipeline.id] = pipeline(each.pipeline)
        listed.append(job(each, now, above[each.pipeline.id]))
    return listed


def job(found: Build, now: float, above: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a job or a trigger job."""
    run, script = found.pipeline, found.script
    ended = None if found.status == "skipped" else found.ended
    return {
        "id": found.id,
        "name": script.name,
        "stage": script.stage,
        "status": found.status,
        "ref": run.ref,
        "tag": run.tag,
        "coverage": None,
        "allow_failure": script.allow_failure,
        "user": run.user.view(),
        "created_at": moment(found.created),
        "started_at": moment(found.started),
        "finished_at": moment(ended),
        "erased_at": None,
        "duration": _between(found.started, ended, now),
        "queued_duration": _between(found.queued, found.started, now),
        "commit": commit(run.project.commits[run.sha]),
        "pipeline": above or pipeline(run),
        "web_url": f"{run.project.url}/-/jobs/{found.id}",
        "project": {
            "ci_job_token_scope_enabled": run.project.settings["ci_job_token_scope_enabled"]
        },
        **({"failure_reason": found.failure_reason} if found.status == "failed" else {}),
        **(_of_bridge(found) if found.is_bridge else _of_runner(found)),
    }


def _between(start: float | None, end: float | None, now: float) -> float | None:
    return None if start is None else round((now if end is None else end) - start, 3)


def _of_bridge(found: Build) -> dict[str, Any]:
    return {"downstream_pipeline": pipeline(found.downstream) if found.downstream else None}


def _of_runner(found: Build) -> dict[str, Any]:
    size = sum(map(len, found.script.artifacts.values()))
    has_files = bool(found.script.artifacts) and found.status in {"success", "failed"}
    archive = {
        "file_type": "archive",
        "size": size,
        "filename": "artifacts.zip",
        "file_format": "zip",
    }
    log = {
        "file_type": "trace",
        "size": len(found.script.trace),
        "filename": "job.log",
        "file_format": "raw",
    }
    return {
        **({"artifacts_file": {"filename": "artifacts.zip", "size": size}} if has_files else {}),
        "artifacts": ([archive] if has_files else [])
        + ([log] if found.ended is not None and found.started else []),
        "artifacts_expire_at": None,
        "archived": False,
        "tag_list": list(found.script.tags),
        "runner": None if found.started is None else runner(),
        "runner_manager": None,
    }


def runner() -> dict[str, Any]:
    return {
        "id": 1,
        "description": "stand-in",
        "active": True,
        "paused": False,
        "is_shared": True,
        "online": True,
        "runner_type": "instance_type",
        "name": "gitlab-runner",
        "status": "online",
        "ip_address": None,
    }


def commit(found: Commit) -> dict[str, Any]:
    when, author = moment(found.time), found.author.username
    return {
        "id": found.sha,
        "short_id": found.sha[:8],
        "title": found.message.split("\n")[0],
        "message": found.message,
        "author_name": author,
        "author_email": f"{author}@example.invalid",
        "authored_date": when,
        "committer_name": author,
        "committer_email": f"{author}@example.invalid",
        "committed_date": when,
        "created_at": when,
        "parent_ids": [found.parent.sha] if found.parent else [],
        "trailers": {},
    }


def branch(within: Project, name: str) -> dict[str, Any]:
    is_protected = any(rule["name"] == name for rule in within.protected_branches)
    return {
        "name": name,
        "commit": commit(within.branches[name]),
        "merged": False,
        "protected": is_protected,
        "default": name == within.settings["default_branch"],
        "can_push": True,
        "developers_can_push": False,
        "developers_can_merge": False,
        "web_url": f"{within.url}/-/tree/{name}",
    }


def tag(within: Project, name: str) -> dict[str, Any]:
    found = within.tags[name]
    is_protected = any(rule["name"] == name for rule in within.protected_tags)
    return {
        "name": name,
        "message": "",
        "target": found.sha,
        "commit": commit(found),
        "release": None,
        "protected": is_protected,
        "created_at": None,
    }


def file(within: Project, path: str, ref: str, found: Commit) -> dict[str, Any]:
    content = found.files[path]
    return {
        "file_name": path.rpartition("/")[2],
        "file_path": path,
        "size": len(content),
        "encoding": "base64",
        "content": base64.b64encode(content).decode(),
        "content_sha256": hashlib.sha256(content).hexdigest(),
        "ref": ref,
        "commit_id": found.sha,
        "last_commit_id": found.sha,
        "execute_filemode": False,
        "blob_id": hashlib.sha1(
            b"blob %d\0" % len(content) + content, usedforsecurity=False
        ).hexdigest(),
    }


def merge_request(within: Project, record: dict[str, Any]) -> dict[str, Any]:
    found = within.branches.get(record["source"])
    runs = [
        run for run in within.pipelines if found and run.sha == found.sha and run.parent is None
    ]
    return {
        **{
            key: record[key]
            for key in ("id", "iid", "title", "description", "state", "draft", "labels")
        },
        "project_id": within.id,
        "source_project_id": record.get("source_project_id", within.id),
        "target_project_id": within.id,
        "source_branch": record["source"],
        "target_branch": record["target"],
        "author": record["author"].view(),
        "created_at": moment(record["created"]),
        "updated_at": moment(record["updated"]),
        "sha": found.sha if found else None,
        "web_url": f"{within.url}/-/merge_requests/{record['iid']}",
        "work_in_progress": record["draft"],
        "user_notes_count": len(within.notes[record["iid"]]),
        "head_pipeline": whole_pipeline(runs[-1]) if runs else None,
        "merge_status": "can_be_merged",
    }
