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
    instant = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (instant if instant.tzinfo else instant.replace(tzinfo=timezone.utc)).timestamp()


def project(record: Project, settings: bool = True) -> dict[str, Any]:
    namespace, _, name = record.path.rpartition("/")
    return {
        "id": record.id,
        "name": name,
        "path": name,
        "path_with_namespace": record.path,
        "web_url": record.url,
        "name_with_namespace": record.path.replace("/", " / "),
        "http_url_to_repo": f"{record.url}.git",
        "created_at": moment(record.created),
        "default_branch": record.settings["default_branch"],
        "namespace": {
            "id": 2,
            "name": namespace,
            "path": namespace,
            "kind": "group",
            "full_path": namespace,
        },
        "empty_repo": not record.commits,
        "topics": [],
        **(record.settings if settings else {}),
    }


def pipeline(run: Pipeline) -> dict[str, Any]:
    """Return a pipeline as it is listed."""
    return {
        "id": run.id,
        "iid": run.iid,
        "project_id": run.project.id,
        "sha": run.sha,
        "ref": run.ref,
        "status": run.status,
        "source": run.source,
        "name": run.name,
        "created_at": moment(run.created),
        "updated_at": moment(run.updated),
        "web_url": f"{run.project.url}/-/pipelines/{run.id}",
    }


def whole_pipeline(run: Pipeline) -> dict[str, Any]:
    """Return a pipeline as it is shown alone.

    `duration` is from the first start to the last end.
    """
    started, finished, label = run.started, run.finished, LABELS.get(run.status, run.status)
    return {
        **pipeline(run),
        "before_sha": "0" * 40,
        "tag": run.tag,
        "yaml_errors": None,
        "coverage": None,
        "committed_at": None,
        "user": run.user.view(),
        "started_at": moment(started),
        "finished_at": moment(finished),
        "duration": int(finished - started)
        if started is not None and finished is not None
        else None,
        "queued_duration": int(started - run.created) if started is not None else None,
        "archived": False,
        "detailed_status": {
            "icon": f"status_{run.status}",
            "text": label,
            "label": label,
            "tooltip": label,
            "group": run.status,
            "has_details": True,
            "illustration": None,
            "details_path": f"/{run.project.path}/-/pipelines/{run.id}",
        },
    }


def jobs(builds: Iterable[Build], now: float) -> list[dict[str, Any]]:
    """Return jobs as they are listed; what they tell of their pipelines is looked up once."""
    above: dict[int, dict[str, Any]] = {}
    listed = []
    for build in builds:
        if build.pipeline.id not in above:
            above[build.pipeline.id] = pipeline(build.pipeline)
        listed.append(job(build, now, above[build.pipeline.id]))
    return listed


def job(build: Build, now: float, above: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a job or a trigger job."""
    run, script = build.pipeline, build.script
    ended = None if build.status == "skipped" else build.ended
    return {
        "id": build.id,
        "name": script.name,
        "stage": script.stage,
        "status": build.status,
        "ref": run.ref,
        "tag": run.tag,
        "coverage": None,
        "allow_failure": script.allow_failure,
        "user": run.user.view(),
        "created_at": moment(build.created),
        "started_at": moment(build.started),
        "finished_at": moment(ended),
        "erased_at": None,
        "duration": _between(build.started, ended, now),
        "queued_duration": _between(build.queued, build.started, now),
        "commit": commit(run.project.commits[run.sha]),
        "pipeline": above or pipeline(run),
        "web_url": f"{run.project.url}/-/jobs/{build.id}",
        "project": {
            "ci_job_token_scope_enabled": run.project.settings["ci_job_token_scope_enabled"]
        },
        **({"failure_reason": build.failure_reason} if build.status == "failed" else {}),
        **(_of_bridge(build) if build.is_bridge else _of_runner(build)),
    }


def _between(start: float | None, end: float | None, now: float) -> float | None:
    return None if start is None else round((now if end is None else end) - start, 3)


def _of_bridge(build: Build) -> dict[str, Any]:
    return {"downstream_pipeline": pipeline(build.downstream) if build.downstream else None}


def _of_runner(build: Build) -> dict[str, Any]:
    size = sum(map(len, build.script.artifacts.values()))
    has_files = bool(build.script.artifacts) and build.status in {"success", "failed"}
    archive = {
        "file_type": "archive",
        "size": size,
        "filename": "artifacts.zip",
        "file_format": "zip",
    }
    log = {
        "file_type": "trace",
        "size": len(build.script.trace),
        "filename": "job.log",
        "file_format": "raw",
    }
    return {
        **({"artifacts_file": {"filename": "artifacts.zip", "size": size}} if has_files else {}),
        "artifacts": ([archive] if has_files else [])
        + ([log] if build.ended is not None and build.started else []),
        "artifacts_expire_at": None,
        "archived": False,
        "tag_list": list(build.script.tags),
        "runner": None if build.started is None else runner(),
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


def commit(record: Commit) -> dict[str, Any]:
    when, author = moment(record.time), record.author.username
    return {
        "id": record.sha,
        "short_id": record.sha[:8],
        "title": record.message.split("\n")[0],
        "message": record.message,
        "author_name": author,
        "author_email": f"{author}@example.invalid",
        "authored_date": when,
        "committer_name": author,
        "committer_email": f"{author}@example.invalid",
        "committed_date": when,
        "created_at": when,
        "parent_ids": [record.parent.sha] if record.parent else [],
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
    tip = within.tags[name]
    is_protected = any(rule["name"] == name for rule in within.protected_tags)
    return {
        "name": name,
        "message": "",
        "target": tip.sha,
        "commit": commit(tip),
        "release": None,
        "protected": is_protected,
        "created_at": None,
    }


def file(within: Project, path: str, ref: str, tip: Commit) -> dict[str, Any]:
    content = tip.files[path]
    return {
        "file_name": path.rpartition("/")[2],
        "file_path": path,
        "size": len(content),
        "encoding": "base64",
        "content": base64.b64encode(content).decode(),
        "content_sha256": hashlib.sha256(content).hexdigest(),
        "ref": ref,
        "commit_id": tip.sha,
        "last_commit_id": tip.sha,
        "execute_filemode": False,
        "blob_id": hashlib.sha1(
            b"blob %d\0" % len(content) + content, usedforsecurity=False
        ).hexdigest(),
    }


def merge_request(within: Project, record: dict[str, Any]) -> dict[str, Any]:
    tip = within.branches.get(record["source"])
    runs = [run for run in within.pipelines if tip and run.sha == tip.sha and run.parent is None]
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
        "sha": tip.sha if tip else None,
        "web_url": f"{within.url}/-/merge_requests/{record['iid']}",
        "work_in_progress": record["draft"],
        "user_notes_count": len(within.notes[record["iid"]]),
        "head_pipeline": whole_pipeline(runs[-1]) if runs else None,
        "merge_status": "can_be_merged",
    }
