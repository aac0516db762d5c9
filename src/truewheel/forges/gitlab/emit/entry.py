"""A fragment for a hand-written pipeline.

It has no top-level keys, a prefix for all its jobs, and needs in place of stages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from truewheel.forges.gitlab.emit.children import PREFIX
from truewheel.forges.gitlab.emit.jobs import CHANGED, DEFAULTS, PARENTS, Document
from truewheel.forges.gitlab.emit.layout import Layout, jobs_before_proof
from truewheel.plan.model import Plan
from truewheel.spec.model import Spec

STAGES = {
    "plan": ".pre",
    "container": "build",
    "wheel": "build",
    "test": "test",
    "prove": "test",
    "image": "deploy",
    "publish": "deploy",
    "review": "test",
}
"""Where our stages are in a file that has none of its own: it has GitLab's."""


def fragment(generated: Mapping[str, Document], plan: Plan, spec: Spec, layout: Layout) -> Document:
    """Return the generated jobs as a fragment, with prefixes.

    The jobs that `prove` waited for by its stage become its needs.

    The including file's `default` does not reach them, and theirs is not its own.
    """
    prove = generated["prove"]
    needs = (
        [_optional(need) for need in _needs(generated, plan, layout)]
        if spec.merge_requests.changed_only
        else None
    )
    document = {
        **generated,
        "prove": {**prove, "needs": prove.get("needs", needs or _needs(generated, plan, layout))},
    }
    stages = {**STAGES, **spec.gitlab.stages}
    return {
        _renamed(name, spec): _moved(_isolated(name, job), document, stages, spec)
        for name, job in document.items()
    }


def renamed(project_jobs: Mapping[str, Any], generated: Iterable[str], spec: Spec) -> Document:
    """Return a project's added jobs with prefixes, also in their needs."""
    known = {*project_jobs, *generated}
    return {_renamed(name, spec): _follow(job, known, spec) for name, job in project_jobs.items()}


def _needs(generated: Mapping[str, Document], plan: Plan, layout: Layout) -> list[Any]:
    if layout.children:
        return [*PARENTS, *(name for name in generated if name.startswith(PREFIX))]
    return ["plan", *(job.name for job in jobs_before_proof(plan))]


def _optional(need: Any) -> Any:
    """Return a need that a job has only where the other job is there: not for every change."""
    if need in PARENTS:
        return need
    return {**(need if isinstance(need, dict) else {"job": need}), "optional": True}


def _isolated(name: str, job: Document) -> Document:
    if "trigger" in job:
        return {**job, "inherit": {"default": False, **job.get("inherit", {})}}
    is_top = name.startswith(".") and "extends" not in job and not name.startswith(CHANGED)
    return {"inherit": {"default": False}, **DEFAULTS, **job} if is_top else job


def _moved(
    job: Document, known: Mapping[str, Any], stages: Mapping[str, str], spec: Spec
) -> Document:
    moved = {"stage": stages[job["stage"]]} if job.get("stage") in stages else {}
    return _follow({**job, **moved}, known, spec)


def _follow(job: Mapping[str, Any], known: Iterable[str], spec: Spec) -> Document:
    """Return a job whose references to renamed jobs have their new names."""
    references = {
        key: _references(job[key], known, spec)
        for key in ("extends", "needs", "dependencies")
        if key in job
    }
    return {**job, **references}


def _references(value: Any, known: Iterable[str], spec: Spec) -> Any:
    if isinstance(value, list):
        return [_references(item, known, spec) for item in value]
    if isinstance(value, dict):
        is_ours = "job" in value and not {"pipeline", "project"} & value.keys()
        return {**value, "job": _references(value["job"], known, spec)} if is_ours else value
    return _renamed(value, spec) if isinstance(value, str) and value in known else value


def _renamed(name: str, spec: Spec) -> str:
    prefix = spec.gitlab.prefix
    return f".{prefix}{name[1:]}" if name.startswith(".") else prefix + name
