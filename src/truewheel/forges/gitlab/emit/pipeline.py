"""GitLab pipelines from a plan.

There is a parent file, or a fragment, and a file for each target and architecture.
"""

from __future__ import annotations

from collections.abc import Mapping

from truewheel.forges.gitlab.emit import additions, children, entry, inputs
from truewheel.forges.gitlab.emit.jobs import (
    DEFAULTS,
    PARENTS,
    TOOL,
    Document,
    changed_templates,
    kind_templates,
    place_jobs,
    tool_job,
    tool_template,
)
from truewheel.forges.gitlab.emit.layout import FOLDER as FOLDER
from truewheel.forges.gitlab.emit.layout import Layout
from truewheel.forges.gitlab.emit.layout import layout as layout
from truewheel.plan.model import Plan
from truewheel.spec.model import Spec
from truewheel.spec.policy import Variable
from truewheel.spec.variables import BUILT_IN, KEY, select_settable

PARENT = ".gitlab-ci.yml"
HEADER = "spec"
"""The key of a document that stands before all others, in a document of its own."""


def documents(plan: Plan, spec: Spec, variables: Mapping[str, Variable]) -> dict[str, Document]:
    """Return the documents of the pipeline by path. `variables` are those that a person may set.

    Raises `Stop` (exit 2) for a layout that GitLab would not take, and for additions that fit no
    job.
    """
    chosen = layout(plan, spec)
    generated = {TOOL: tool_template(spec)}
    if not chosen.children:
        generated |= {
            **kind_templates(plan, spec, chosen),
            **changed_templates(plan.packages, spec),
        }
    generated |= {job.name: tool_job(job, plan, spec, chosen) for job in plan.jobs if not job.place}
    if spec.gitlab.inputs and spec.gitlab.entry:
        _give_inputs(generated, plan, variables)
    generated |= children.parent_jobs(plan, spec, chosen) if chosen.children else {}
    if not spec.gitlab.entry:
        generated["prove"] = {**generated["prove"], "dependencies": _proven_artifacts(plan, chosen)}
    parts = {path: _part(path, plan, spec, chosen) for path in chosen.parts}
    additions.apply(spec, plan, [generated, *parts.values()])
    if generated["prove"].get(
        "needs"
    ):  # of an override: GitLab wants dependencies to be among them
        generated["prove"].pop("dependencies", None)
    if spec.gitlab.entry:
        return _with_header(_fragment(generated, parts, plan, spec, chosen), spec, variables)
    stages = _stages(generated, plan, spec, chosen)
    additions.check_jobs(
        spec, {*generated, *(name for part in parts.values() for name in part)}, stages
    )
    parent: Document = {"stages": stages, "workflow": _workflow()}
    if prefilled := inputs.values(variables) if spec.gitlab.inputs else _prefilled(variables):
        parent["variables"] = prefilled
    parent["default"] = dict(DEFAULTS)
    included = [{"local": path} for path in parts] if not chosen.children else []
    if included or spec.gitlab.include:
        parent["include"] = [*included, *_own_files(spec)]
    return _with_header(
        {PARENT: {**parent, **generated, **spec.gitlab.jobs}, **parts}, spec, variables
    )


def _proven_artifacts(plan: Plan, made: Layout) -> list[str]:
    """Return the jobs whose artifacts `prove` takes.

    It waits for whole stages, and would get the artifacts of a project's own jobs there as well:
    another plan.json, or another wheel under a planned name. There is no limit for dependencies,
    as there is for needs.
    """
    if made.children:
        return list(PARENTS)
    kept = {"make", "load"}
    names = [job.name for job in plan.jobs if plan.kinds[job.kind].traits.wheels in kept]
    return ["plan", *names]


def _with_header(
    documents_: dict[str, Document], spec: Spec, variables: Mapping[str, Variable]
) -> dict[str, Document]:
    """Return the documents; the first, if it has inputs, declares them."""
    if not spec.gitlab.inputs:
        return documents_
    first = next(iter(documents_))
    return {**documents_, first: {HEADER: inputs.header(variables), **documents_[first]}}


def _give_inputs(
    generated: dict[str, Document], plan: Plan, variables: Mapping[str, Variable]
) -> None:
    """Set the values of inputs in the jobs that read them.

    A fragment cannot set variables of the pipeline.
    """
    readers = [job.name for job in plan.jobs if plan.kinds[job.kind].traits.take_variables]
    for name in readers:
        job = generated[name]
        generated[name] = {
            **job,
            "variables": {**job.get("variables", {}), **inputs.values(variables)},
        }


def _part(path: str, plan: Plan, spec: Spec, chosen: Layout) -> Document:
    if chosen.children:
        return children.child(chosen.parts[path], plan, spec, chosen)
    return place_jobs(chosen.parts[path], plan, spec, chosen)


def _fragment(
    generated: dict[str, Document],
    parts: dict[str, Document],
    plan: Plan,
    spec: Spec,
    chosen: Layout,
) -> dict[str, Document]:
    """Return the fragment, and the files of the children.

    Without children, all jobs are in the fragment.
    """
    if not chosen.children:
        for part in parts.values():
            generated |= part
        parts = {}
    additions.check_jobs(spec, generated.keys(), None)
    includes = {"include": _own_files(spec)} if spec.gitlab.include else {}
    added = entry.renamed(spec.gitlab.jobs, generated, spec)
    return {
        spec.gitlab.entry: {**includes, **entry.fragment(generated, plan, spec, chosen), **added},
        **parts,
    }


def _stages(generated: Mapping[str, Document], plan: Plan, spec: Spec, chosen: Layout) -> list[str]:
    known = list(dict.fromkeys(kind.stage for kind in plan.kinds.values()))
    if chosen.children:
        used = {job.get("stage") for job in generated.values()}
        known = [stage for stage in known if stage in used]
    return list(dict.fromkeys([*known, *spec.gitlab.own_stages]))


def _own_files(spec: Spec) -> list[Document]:
    return [
        {"local": file} if isinstance(file, str) else dict(file) for file in spec.gitlab.include
    ]


def _workflow() -> Document:
    # A push to a branch with an open merge request would build everything twice.
    is_twice = '$CI_COMMIT_BRANCH && $CI_OPEN_MERGE_REQUESTS && $CI_PIPELINE_SOURCE == "push"'
    has_ref = "$CI_COMMIT_TAG || $CI_COMMIT_BRANCH"
    return {
        "name": "wheels for $CI_COMMIT_REF_NAME $TRUEWHEEL_RUN",
        "rules": [
            {"if": '$CI_PIPELINE_SOURCE == "merge_request_event"'},
            {"if": is_twice, "when": "never"},
            {
                "if": f"${KEY} =~ /^{BUILT_IN[KEY].pattern}$/ && ({has_ref})",
                "variables": {"TRUEWHEEL_RUN": f"[${KEY}]"},
            },
            {"if": has_ref},
        ],
    }


def _prefilled(variables: Mapping[str, Variable]) -> Document:
    prefilled: Document = {}
    for name, variable in select_settable(variables).items():
        prefilled[name] = {"value": variable.default}
        if "$" in variable.default:
            prefilled[name]["expand"] = False
        if allowed := inputs.options(variable):
            prefilled[name]["options"] = allowed
        if variable.description:
            prefilled[name]["description"] = variable.description
    return prefilled
