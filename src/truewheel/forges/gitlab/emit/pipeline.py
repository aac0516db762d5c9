"""GitLab CI from a plan.

The parent file, or a fragment of one, and a file for each target and architecture.
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
from truewheel.spec.variables import BUILT_IN, KEY, settable

PARENT = ".gitlab-ci.yml"
HEADER = "spec"
"""The key of a document that stands before all others, in a document of its own."""


def documents(plan: Plan, spec: Spec, variables: Mapping[str, Variable]) -> dict[str, Document]:
    """Return the documents of the pipeline by path. `variables` are those that a person may set.

    Raises `Stop` (exit 2) for a layout that GitLab would not take, and for additions that fit no
    job.
    """
    made = layout(plan, spec)
    generated = {TOOL: tool_template(spec)}
    if not made.children:
        generated |= {**kind_templates(plan, spec, made), **changed_templates(plan.packages, spec)}
    generated |= {job.name: tool_job(job, plan, spec, made) for job in plan.jobs if not job.place}
    if spec.gitlab.inputs and spec.gitlab.entry:
        _give_inputs(generated, plan, variables)
    generated |= children.parent_jobs(plan, spec, made) if made.children else {}
    if not spec.gitlab.entry:
        generated["prove"] = {**generated["prove"], "dependencies": _proven_artifacts(plan, made)}
    parts = {path: _part(path, plan, spec, made) for path in made.parts}
    additions.apply(spec, plan, [generated, *parts.values()])
    if generated["prove"].get(
        "needs"
    ):  # of an override: GitLab wants dependencies to be among them
        generated["prove"].pop("dependencies", None)
    if spec.gitlab.entry:
        return _with_header(_fragment(generated, parts, plan, spec, made), spec, variables)
    stages = _stages(generated, plan, spec, made)
    additions.check_jobs(
        spec, {*generated, *(name for part in parts.values() for name in part)}, stages
    )
    parent: Document = {"stages": stages, "workflow": _workflow()}
    if prefilled := inputs.values(variables) if spec.gitlab.inputs else _prefilled(variables):
        parent["variables"] = prefilled
    parent["default"] = dict(DEFAULTS)
    included = [{"local": path} for path in parts] if not made.children else []
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
    return ["plan", *(job.name for job in plan.jobs if job.kind == "wheel")]


def _with_header(
    made: dict[str, Document], spec: Spec, variables: Mapping[str, Variable]
) -> dict[str, Document]:
    """Return the documents; the first, if it has inputs, declares them."""
    if not spec.gitlab.inputs:
        return made
    first = next(iter(made))
    return {**made, first: {HEADER: inputs.header(variables), **made[first]}}


def _give_inputs(
    generated: dict[str, Document], plan: Plan, variables: Mapping[str, Variable]
) -> None:
    """Give the values of inputs to the jobs that read them.

    A fragment has no variables of a whole pipeline.
    """
    readers = [job.name for job in plan.jobs if plan.kinds[job.kind].traits.take_variables]
    for name in readers:
        job = generated[name]
        generated[name] = {
            **job,
            "variables": {**job.get("variables", {}), **inputs.values(variables)},
        }


def _part(path: str, plan: Plan, spec: Spec, made: Layout) -> Document:
    if made.children:
        return children.child(made.parts[path], plan, spec, made)
    return place_jobs(made.parts[path], plan, spec, made)


def _fragment(
    generated: dict[str, Document], parts: dict[str, Document], plan: Plan, spec: Spec, made: Layout
) -> dict[str, Document]:
    """Return the fragment, and the files of the children.

    Without children, all jobs are in the fragment.
    """
    if not made.children:
        for part in parts.values():
            generated |= part
        parts = {}
    additions.check_jobs(spec, generated.keys(), None)
    own = {"include": _own_files(spec)} if spec.gitlab.include else {}
    added = entry.renamed(spec.gitlab.jobs, generated, spec)
    return {
        spec.gitlab.entry: {**own, **entry.fragment(generated, plan, spec, made), **added},
        **parts,
    }


def _stages(generated: Mapping[str, Document], plan: Plan, spec: Spec, made: Layout) -> list[str]:
    known = list(dict.fromkeys(kind.stage for kind in plan.kinds.values()))
    if made.children:
        used = {job.get("stage") for job in generated.values()}
        known = [stage for stage in known if stage in used]
    return list(dict.fromkeys([*known, *spec.gitlab.own_stages]))


def _own_files(spec: Spec) -> list[Document]:
    return [
        {"local": each} if isinstance(each, str) else dict(each) for each in spec.gitlab.include
    ]


def _workflow() -> Document:
    # A push to a branch with an open merge request would build everything twice.
    return {
        "name": "wheels for $CI_COMMIT_REF_NAME $TRUEWHEEL_RUN",
        "rules": [
            {"if": '$CI_PIPELINE_SOURCE == "merge_request_event"'},
            {
                "if": '$CI_COMMIT_BRANCH && $CI_OPEN_MERGE_REQUESTS && $CI_PIPELINE_SOURCE == "push"',
                "when": "never",
            },
            {
                "if": f"${KEY} =~ /^{BUILT_IN[KEY].pattern}$/ && ($CI_COMMIT_TAG || $CI_COMMIT_BRANCH)",
                "variables": {"TRUEWHEEL_RUN": f"[${KEY}]"},
            },
            {"if": "$CI_COMMIT_TAG || $CI_COMMIT_BRANCH"},
        ],
    }


def _prefilled(variables: Mapping[str, Variable]) -> Document:
    prefilled: Document = {}
    for name, variable in settable(variables).items():
        prefilled[name] = {"value": variable.default}
        if "$" in variable.default:
            prefilled[name]["expand"] = False
        if allowed := inputs.options(variable):
            prefilled[name]["options"] = allowed
        if variable.description:
            prefilled[name]["description"] = variable.description
    return prefilled
