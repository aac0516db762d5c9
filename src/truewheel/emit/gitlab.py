"""GitLab CI from a plan: the parent file and one included file for each target and architecture."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from truewheel.model import ARCH, CELL, INDEX, PYTHON, TARGET, Job, JobKind, Plan
from truewheel.policy import Variable
from truewheel.spec import Spec

PARENT = ".gitlab-ci.yml"
FOLDER = "pipelines"
CONDITIONS = {"mr": '$CI_PIPELINE_SOURCE == "merge_request_event"', "tag": "$CI_COMMIT_TAG"}
"""By event, what is true in its pipelines alone."""

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
        **_kind_templates(plan, spec),
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


def _kind_templates(plan: Plan, spec: Spec) -> dict[str, Document]:
    """Return the hidden jobs `.container`, `.wheel` and `.test`: what all jobs of a kind share."""
    templates = {}
    for name in ("container", "wheel", "test"):
        if kind := plan.kinds.get(name):
            fields: Document = {"stage": kind.stage}
            if name == "container" and spec.images.job_image:
                fields["image"] = spec.images.job_image
            if name != "container":
                fields["script"] = _script(kind)
            if kind.artifacts:
                fields["artifacts"] = _artifacts(kind, spec)
            templates[f".{name}"] = _template(spec, fields)
    return templates


def _tool_job(job: Job, plan: Plan, spec: Spec) -> Document:
    kind = plan.kinds[job.kind]
    fields: Document = {"extends": ".truewheel", "stage": kind.stage}
    if job.needs is not None:
        fields["needs"] = list(job.needs)
    if kind.events:
        fields["rules"] = [{"if": _condition(event, is_protected=kind.is_protected)} for event in kind.events]
    if kind.exclusive:
        fields |= {"resource_group": kind.exclusive, "interruptible": False}
    if job.index_name:
        fields["environment"] = {"name": f"{plan.project}/{job.index_name}"}
    if job.kind == "names":
        fields["variables"] = {"GIT_DEPTH": "0"}  # the change is told from where it branched off
    fields["script"] = _script(kind, job)
    return {**fields, "artifacts": _artifacts(kind, spec)} if kind.artifacts else fields


def _condition(event: str, *, is_protected: bool) -> str:
    protected = ' && $CI_COMMIT_REF_PROTECTED == "true"' if is_protected else ""
    return CONDITIONS[event] + protected


def _artifacts(kind: JobKind, spec: Spec) -> Document:
    reports = {"reports": {"junit": kind.report}} if kind.report else {}
    return {"paths": list(kind.artifacts), "expire_in": spec.gitlab.expire_in, **reports}


def _script(kind: JobKind, job: Job | None = None) -> list[str]:
    """Return the commands of a job, or those that all jobs of the kind share."""
    words = {CELL: '"$TRUEWHEEL_CELL"', PYTHON: '"$TRUEWHEEL_PYTHON"'}
    if job:
        words |= {INDEX: shlex.quote(job.index_name), TARGET: shlex.quote(job.target), ARCH: shlex.quote(job.arch)}
    return [" ".join(words.get(word) or shlex.quote(word) for word in argv) for argv in kind.commands]


def _included(plan: Plan, spec: Spec) -> dict[str, Document]:
    """Return one document for each target and architecture, with hidden jobs that its jobs extend."""
    files: dict[str, Document] = {}
    for job in plan.jobs:
        if not job.target:
            continue
        document = files.setdefault(f"{FOLDER}/{job.target}-{job.arch}.yml", {})
        if job.kind == "container":
            script = _script(plan.kinds[job.kind], job)
            document[job.name] = {"extends": ".container", **_runner(job, plan, spec), "needs": [], "script": script}
            continue
        place = f"{job.target}:{job.arch}"
        template = f".{place}" if job.kind == "wheel" else f".{job.kind}:{place}"
        if template not in document:
            document[template] = _place_template(job, plan, spec)
        document[job.name] = {"extends": template, **_own(job)}
    return files


def _place_template(job: Job, plan: Plan, spec: Spec) -> Document:
    """Return what the jobs of a kind share on one target and architecture."""
    image = plan.image(job.target, job.arch) if job.kind == "wheel" else plan.test_image(job.target, job.arch)
    fields: Document = {"extends": f".{job.kind}", **({"image": image} if image else {}), **_runner(job, plan, spec)}
    if job.kind == "wheel":
        fields["needs"] = [
            {"job": name, "artifacts": False} if name.startswith("container:") else name for name in job.needs or ()
        ]
    return fields


def _own(job: Job) -> Document:
    """Return what a job has for itself."""
    variables = {"TRUEWHEEL_CELL": ",".join(job.cells)}
    if job.kind == "wheel":
        return {"variables": variables}
    return {"needs": list(job.needs or ()), "variables": {**variables, "TRUEWHEEL_PYTHON": job.python}}


def _runner(job: Job, plan: Plan, spec: Spec) -> Document:
    """Return the tags of a job's runners: those of its architecture, or of the one that builds its wheel from afar."""
    builder = plan.targets[job.target].runner if job.kind != "test" else ""
    tags = spec.gitlab.runners.get(builder or job.arch, ())
    return {"tags": list(tags)} if tags else {}
