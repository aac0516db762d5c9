"""GitLab CI from a plan: the parent file and one included file for each target and architecture."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from truewheel.model import ARCH, CELL, INDEX, TARGET, Job, JobKind, Plan
from truewheel.policy import Variable
from truewheel.spec import Spec

PARENT = ".gitlab-ci.yml"
FOLDER = "pipelines"
PROTECTED_TAG = '$CI_COMMIT_TAG && $CI_COMMIT_REF_PROTECTED == "true"'

Document = dict[str, Any]


def documents(plan: Plan, spec: Spec, variables: Mapping[str, Variable]) -> dict[str, Document]:
    """Return the documents of the pipeline by path. `variables` are those that a person may set."""
    included = _included(plan, spec)
    parent: Document = {
        "stages": list(dict.fromkeys(kind.stage for kind in plan.kinds.values())),
        "workflow": _workflow(),
    }
    if prefilled := _prefilled(variables):
        parent["variables"] = prefilled
    parent |= {
        "default": {
            "interruptible": True,
            "retry": {"max": 2, "when": ["runner_system_failure", "stuck_or_timeout_failure"]},
        },
        "include": [{"local": path} for path in included],
        ".truewheel": _template(spec, {"image": spec.gitlab.tool_image}),
        **_container_template(plan, spec),
        ".wheel": _wheel_template(plan.kinds["wheel"], spec),
    }
    for job in plan.jobs:
        if not job.target:
            parent[job.name] = _tool_job(job, plan, spec)
    return {PARENT: parent, **included}


def _workflow() -> Document:
    # A push to a branch with an open merge request would build everything twice.
    return {
        "name": "wheels for $CI_COMMIT_REF_NAME",
        "rules": [
            {"if": '$CI_PIPELINE_SOURCE == "merge_request_event"'},
            {
                "if": '$CI_COMMIT_BRANCH && $CI_OPEN_MERGE_REQUESTS && $CI_PIPELINE_SOURCE == "push"',
                "when": "never",
            },
            {"if": "$CI_COMMIT_TAG || $CI_COMMIT_BRANCH"},
        ],
    }


def _prefilled(variables: Mapping[str, Variable]) -> Document:
    prefilled: Document = {}
    for name, variable in variables.items():
        if variable.scope == "pipeline":
            prefilled[name] = {"value": variable.default}
            if "$" in variable.default:
                prefilled[name]["expand"] = False
            if variable.choices:
                prefilled[name]["options"] = list(dict.fromkeys([variable.default, "", *variable.choices]))
            if variable.description:
                prefilled[name]["description"] = variable.description
    return prefilled


def _template(spec: Spec, fields: Document) -> Document:
    return {**fields, "before_script": list(spec.setup)} if spec.setup else fields


def _container_template(plan: Plan, spec: Spec) -> dict[str, Document]:
    if not plan.images:
        return {}
    image = {"image": spec.images.job_image} if spec.images.job_image else {}
    return {".container": _template(spec, {"stage": plan.kinds["container"].stage, **image})}


def _wheel_template(kind: JobKind, spec: Spec) -> Document:
    fields = {
        "stage": kind.stage,
        "script": _script(kind),
        "artifacts": {**_artifacts(kind, spec), "reports": {"junit": kind.report}},
    }
    return _template(spec, fields)


def _tool_job(job: Job, plan: Plan, spec: Spec) -> Document:
    kind = plan.kinds[job.kind]
    fields: Document = {"extends": ".truewheel", "stage": kind.stage}
    if job.needs is not None:
        fields["needs"] = list(job.needs)
    if kind.protected_tags_only:
        fields["rules"] = [{"if": PROTECTED_TAG}]
    if kind.exclusive:
        fields |= {"resource_group": kind.exclusive, "interruptible": False}
    if job.index_name:
        fields["environment"] = {"name": f"{plan.project}/{job.index_name}"}
    fields["script"] = _script(kind, job)
    return {**fields, "artifacts": _artifacts(kind, spec)} if kind.artifacts else fields


def _artifacts(kind: JobKind, spec: Spec) -> Document:
    return {"paths": list(kind.artifacts), "expire_in": spec.gitlab.expire_in}


def _script(kind: JobKind, job: Job | None = None) -> list[str]:
    """Return the commands of a job, or those that all jobs of the kind share."""
    words = {CELL: '"$TRUEWHEEL_CELL"'}
    if job:
        words |= {INDEX: shlex.quote(job.index_name), TARGET: shlex.quote(job.target), ARCH: shlex.quote(job.arch)}
    return [" ".join(words.get(word) or shlex.quote(word) for word in argv) for argv in kind.commands]


def _container_job(job: Job, plan: Plan, spec: Spec) -> Document:
    script = _script(plan.kinds[job.kind], job)
    return {"extends": ".container", **_runner(job, spec), "needs": list(job.needs or ()), "script": script}


def _runner(job: Job, spec: Spec) -> Document:
    tags = spec.gitlab.runners.get(job.arch, ())
    return {"tags": list(tags)} if tags else {}


def _included(plan: Plan, spec: Spec) -> dict[str, Document]:
    """Return one document for each target and architecture, with a hidden job that its jobs extend."""
    files: dict[str, Document] = {}
    for job in plan.jobs:
        if not job.target:
            continue
        document = files.setdefault(f"{FOLDER}/{job.target}-{job.arch}.yml", {})
        if job.kind == "container":
            document[job.name] = _container_job(job, plan, spec)
            continue
        template = f".{job.target}:{job.arch}"
        if template not in document:
            document[template] = _target_template(job, plan, spec)
        document[job.name] = {"extends": template, "variables": {"TRUEWHEEL_CELL": ",".join(job.cells)}}
    return files


def _target_template(job: Job, plan: Plan, spec: Spec) -> Document:
    image = plan.image(job.target, job.arch)
    needs = [{"job": name, "artifacts": False} if name.startswith("container:") else name for name in job.needs or ()]
    return {
        "extends": ".wheel",
        **({"image": image} if image else {}),
        **_runner(job, spec),
        "needs": needs,
    }
