"""GitLab jobs from the jobs of a plan, and the hidden jobs that they extend."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable
from typing import Any

from truewheel.forges import publish_jobs, tool_script
from truewheel.forges.gitlab.emit import publishing
from truewheel.forges.gitlab.emit.layout import Layout
from truewheel.plan import changes, jobs
from truewheel.plan.events import BUT_MERGE_REQUESTS
from truewheel.plan.model import (
    ARCH,
    CELL,
    QUALITY,
    SELECTION,
    STAGE,
    TARGET,
    Job,
    JobKind,
    JobTraits,
    Plan,
    digest_variable,
)
from truewheel.spec.model import Spec

CONDITIONS = {"mr": '$CI_PIPELINE_SOURCE == "merge_request_event"', "tag": "$CI_COMMIT_TAG"}
"""By event, what is true in its pipelines alone."""
NO_MERGE_REQUEST = '$CI_PIPELINE_SOURCE != "merge_request_event"'
DEFAULTS = {
    "interruptible": True,
    "retry": {"max": 2, "when": ["runner_system_failure", "stuck_or_timeout_failure"]},
}
STRATEGIES = {"true": "normal", "recursive": "recursive"}
"""By `submodules` of the spec, GitLab's word for it."""
KEY = "key"
"""The parent's job whose artifact, the key of the pipeline, the jobs that sign and prove need."""
PARENTS = ("plan", KEY)
"""Jobs of a parent whose artifacts its children need."""
TOOL = ".truewheel"
"""The hidden job of jobs that have no target."""
CHANGED = ".changed:"
"""What the hidden jobs begin with that say for which merge requests a package is built."""
LARGE = ["dist/**/*.whl", "dist/**/*.zip"]

Document = dict[str, Any]


def template(spec: Spec, fields: Document) -> Document:
    """Return a hidden job that begins with the set-up: Truewheel's, then the project's own."""
    lines = tool_script.setup_lines(spec)
    return {**fields, "before_script": lines} if lines else fields


def tool_template(spec: Spec) -> Document:
    """Return the hidden job of jobs that have no target."""
    tags = {"tags": list(spec.gitlab.tool_runner)} if spec.gitlab.tool_runner else {}
    return template(
        spec, {"image": spec.gitlab.tool_image, **tags, "timeout": _timeout(JobTraits())}
    )


def _timeout(traits: JobTraits) -> str:
    return f"{traits.timeout} minutes"


def kind_templates(plan: Plan, spec: Spec, layout: Layout) -> dict[str, Document]:
    """Return the hidden jobs `.container`, `.wheel` and `.test`: what all jobs of a kind share."""
    return {
        f".{name}": _kind_template(kind, spec, layout)
        for name, kind in plan.kinds.items()
        if kind.traits.digest_file or kind.traits.image
    }


def _kind_template(kind: JobKind, spec: Spec, layout: Layout) -> Document:
    if kind.traits.digest_file:
        reports = {"dotenv": kind.traits.digest_file}
        artifacts = {"expire_in": spec.gitlab.expire_in, "reports": reports}
        return {**_engine_template(kind, spec), "artifacts": artifacts}
    fields: Document = {"stage": kind.stage, "timeout": _timeout(kind.traits)}
    if variables := _checkout(kind.traits):
        fields["variables"] = variables
    if kind.traits.wheels == "make":  # what a test job runs depends on its place
        fields["script"] = _script(kind, spec, layout)
    if kind.artifacts:  # each job says itself what it keeps
        artifacts = _artifacts(kind, spec, layout)
        del artifacts["paths"]
        fields["artifacts"] = artifacts
    return template(spec, fields)


def _engine_template(kind: JobKind, spec: Spec) -> Document:
    """Return what jobs that build images begin with."""
    fields: Document = {"stage": kind.stage, "timeout": _timeout(kind.traits)}
    if spec.images.job_image:
        fields["image"] = spec.images.job_image
    login = _login(spec) if spec.images.credentials.password else {}
    if variables := {**_checkout(kind.traits), **login}:
        fields["variables"] = variables
    return template(spec, fields)


def _checkout(traits: JobTraits) -> Document:
    """Return the variables by which the runner gets a job more than its commit.

    By default GitLab fetches 20 commits, and no submodules. GIT_DEPTH 0 stands for all commits and
    tags (Configuring runners, "Git strategy" and below).
    """
    depth = {"GIT_DEPTH": "0"} if traits.read_history else {}
    strategy = STRATEGIES.get(traits.submodules)
    return {**depth, **({"GIT_SUBMODULE_STRATEGY": strategy} if strategy else {})}


def _login(spec: Spec) -> Document:
    """Return another registry's credentials under the names that GitLab's own have in a job."""
    keys = spec.images.credentials
    host, names = (
        spec.images.registry.partition("/")[0],
        {"USER": keys.username, "PASSWORD": keys.password},
    )
    return {
        "CI_REGISTRY": host,
        **{f"CI_REGISTRY_{field}": f"${name}" for field, name in names.items() if name},
    }


def tool_job(job: Job, plan: Plan, spec: Spec, layout: Layout) -> Document:
    """Return a job that has no target."""
    kind = plan.kinds[job.kind]
    fields: Document = {"extends": TOOL, "stage": kind.stage}
    if kind.traits.build_images:
        fields = {**_engine_template(kind, spec), **_runner(job, plan, spec)}
    elif kind.traits.timeout != JobTraits().timeout:
        fields["timeout"] = _timeout(kind.traits)
    if job.needs is not None:
        fields["needs"] = list(job.needs)
    if kind.events == BUT_MERGE_REQUESTS:
        fields["rules"] = [{"if": NO_MERGE_REQUEST}]
    elif kind.events:
        fields["rules"] = [
            {"if": _condition(event, is_protected=kind.is_protected)} for event in kind.events
        ]
    if kind.exclusive:
        fields |= {"resource_group": kind.exclusive, "interruptible": False}
    if job.index_name:
        return {**fields, **_publishing(job, plan, layout)}
    if variables := _checkout(kind.traits):
        fields["variables"] = variables | fields.get("variables", {})
    if kind.traits.allowed_exit_codes:
        fields["allow_failure"] = {"exit_codes": list(kind.traits.allowed_exit_codes)}
    fields["script"] = _script(kind, spec, layout, job)
    return {**fields, "artifacts": _artifacts(kind, spec, layout)} if kind.artifacts else fields


def _publishing(job: Job, plan: Plan, layout: Layout) -> Document:
    """Return the keys of a job that publishes.

    It runs none of the project's set-up, as it has the rights to publish.
    """
    index = publish_jobs.index_of(plan, job.index_name)
    tokens = (
        {"id_tokens": {publishing.ID_TOKEN: {"aud": "pypi"}}}
        if publishing.is_trusted(index)
        else {}
    )
    package = f"{plan.project}-handover" if layout.packages else ""
    return {
        "environment": {"name": f"{plan.project}/{index.name}"},
        **tokens,
        "before_script": [],
        "script": publishing.script(index, package),
    }


def _condition(event: str, *, is_protected: bool) -> str:
    protected = ' && $CI_COMMIT_REF_PROTECTED == "true"' if is_protected else ""
    return CONDITIONS[event] + protected


def _artifacts(kind: JobKind, spec: Spec, layout: Layout) -> Document:
    is_proof = kind.name == "prove"
    large = {"exclude": LARGE} if layout.packages and is_proof else {}
    reports = (
        {"reports": {"junit": kind.report, "codequality": f"dist/{QUALITY}"}} if kind.report else {}
    )
    # What the job wrote is kept also when it fails: a note that is not posted, and verdicts.
    is_kept = kind.traits.allowed_exit_codes or kind.traits.wheels == "load"
    always = {"when": "always"} if is_kept else {}
    return {
        "paths": list(kind.artifacts),
        **large,
        **always,
        "expire_in": spec.gitlab.expire_in,
        **reports,
    }


def _script(kind: JobKind, spec: Spec, layout: Layout, job: Job | None = None) -> list[str]:
    """Return the commands of a job, or those that all jobs of the kind share."""
    words = {CELL: '"$TRUEWHEEL_CELL"'}
    if job:
        words |= {TARGET: shlex.quote(job.target), ARCH: shlex.quote(job.arch)}
        words |= {STAGE: shlex.quote(job.image), CELL: shlex.quote(",".join(job.cells))}
        words[SELECTION] = shlex.join(jobs.selection(job))
    hand_over = (*jobs.tool(spec), "hand-over")
    before, after = _hand_over_flags(kind.traits.wheels, layout)
    argvs = (
        *((*hand_over, *flags) for flags in before),
        *kind.commands,
        *((*hand_over, *flags) for flags in after),
    )
    return [" ".join(words.get(word) or shlex.quote(word) for word in argv) for argv in argvs]


def _hand_over_flags(
    wheels: str, layout: Layout
) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """Return what a job gets from the package registry first, and what it puts there last.

    Each is the flags of a call of `hand-over`; `wheels` is that of `JobTraits`.
    """
    if wheels == "make" and (layout.children or layout.packages):
        return [], [("--put", "--cell", CELL)]
    if wheels == "prove" and (layout.children or layout.packages):
        key = ("--key", jobs.KEY_FILE) if layout.children else ()
        return [("--get", *key)], [("--put", "--made")] if layout.packages else []
    if wheels == "use" and layout.packages:
        return [("--get", "--cell", CELL)], []
    if wheels == "load" and layout.packages:  # of the wheels whose records it has
        return [("--get",)], []
    return [], []


def changed_rules(packages: Iterable[str], spec: Spec) -> list[Document]:
    """Return the rules by which only merge requests that change the packages have a job.

    All other pipelines have it. There are no rules where any change is one of theirs.
    """
    package_roots = (
        [changes.package_paths(spec, name) for name in packages]
        if spec.merge_requests.changed_only
        else []
    )
    if not (package_roots and all(package_roots)):
        return []
    changed = [
        {"paths": [pattern for root in roots for pattern in (_glob(root), f"{_glob(root)}/**/*")]}
        for roots in dict.fromkeys(package_roots)
    ]
    is_request = "$CI_MERGE_REQUEST_IID"
    return [
        *({"if": is_request, "changes": change} for change in changed),
        {"if": f"{is_request} == null"},
    ]


def _glob(path: str) -> str:
    """Return the pattern of a path that stands for itself."""
    return re.sub(r"([*?\[\]{}\\])", r"\\\1", path)


def changed_templates(packages: Iterable[str], spec: Spec) -> dict[str, Document]:
    """Return the hidden jobs with the rules of packages, where requests build only what changed."""
    rules = {name: changed_rules([name], spec) for name in packages}
    return {f"{CHANGED}{name}": {"rules": rule} for name, rule in rules.items() if rule}


def packages_of(members: Iterable[Job]) -> list[str]:
    """Return the packages that jobs are for."""
    return list(dict.fromkeys(cell.partition("/")[0] for job in members for cell in job.cells))


def place_jobs(members: Iterable[Job], plan: Plan, spec: Spec, layout: Layout) -> Document:
    """Return the jobs of a target and architecture, with the hidden jobs that they extend."""
    document: Document = {}
    members = tuple(members)
    names = {job.name for job in members} if layout.children else {job.name for job in plan.jobs}
    filtered = changed_templates(plan.packages, spec).keys()
    for job in members:
        if plan.kinds[job.kind].traits.digest_file:
            script = _script(plan.kinds[job.kind], spec, layout, job)
            document[job.name] = {
                "extends": f".{job.kind}",
                **_runner(job, plan, spec),
                "needs": [],
                "script": script,
            }
            continue
        hidden, template = place_template(job, plan), _place_template(job, plan, spec, layout)
        if plan.kinds[job.kind].traits.wheels == "load":
            if not jobs.covers_place(job):
                document[hidden] = template
                template = {"extends": hidden}
            document[job.name] = {**template, **_loading(job, names, plan, spec, layout)}
            continue
        document[hidden] = template
        # One command may make wheels of several packages, which change together.
        changed = f"{CHANGED}{packages_of([job])[0]}"
        extends = [changed, hidden] if changed in filtered else hidden
        document[job.name] = {"extends": extends, **_own(job, layout)}
    return document


def place_template(job: Job, plan: Plan) -> str:
    """Return the name of the hidden job that a wheel job, or one of several test jobs, extends."""
    place = f"{job.target}:{job.arch}"
    makes_wheels = plan.kinds[job.kind].traits.wheels == "make"
    return f".{place}" if makes_wheels else f".{job.kind}:{place}"


def _place_template(job: Job, plan: Plan, spec: Spec, layout: Layout) -> Document:
    """Return what the jobs of a kind share on one target and architecture."""
    image = _image(job, plan)
    fields: Document = {
        "extends": f".{job.kind}",
        **({"image": image} if image else {}),
        **_runner(job, plan, spec),
    }
    if plan.kinds[job.kind].traits.wheels == "make":  # those of test jobs are their wheels
        fields["needs"] = [need(name, spec, layout) for name in job.needs or ()]
    return fields


def _image(job: Job, plan: Plan) -> str:
    """Return the image of a wheel or test job.

    A builder image has the digest that its container job passes on: a tag can be moved.

    Without that variable there is no such image, and the job does not start.
    """
    if builder := plan.builder(job):
        return f"{builder}@${digest_variable(job.target, job.arch)}"
    is_builder = plan.kinds[job.kind].traits.image == "builder"
    return (plan.image if is_builder else plan.test_image)(job.target, job.arch)


def need(name: str, spec: Spec, layout: Layout) -> str | Document:
    """Return what a job with a target writes to need another.

    A child's needs its parent's job from there.
    """
    if name in PARENTS and layout.children:
        return {"pipeline": "$TRUEWHEEL_PIPELINE_ID", "job": f"{spec.gitlab.own_prefix}{name}"}
    return name


def _own(job: Job, layout: Layout) -> Document:
    """Return what a wheel job has for itself."""
    wheels = [] if layout.packages else [jobs.WHEELS]
    return {
        "variables": {"TRUEWHEEL_CELL": ",".join(job.cells)},
        "artifacts": {"paths": [*wheels, *jobs.records(job)]},
    }


def _loading(job: Job, names: Collection[str], plan: Plan, spec: Spec, layout: Layout) -> Document:
    """Return what a test job has for itself.

    It needs those of `names`, the jobs that it can need: none of another child. A merge request
    may leave some of them out.
    """
    is_optional = spec.merge_requests.changed_only
    makers = {other.name for other in plan.jobs if plan.kinds[other.kind].traits.wheels == "make"}
    needs = [
        {"job": name, "optional": True}
        if is_optional and name in makers
        else need(name, spec, layout)
        for name in job.needs or ()
        if name in names or name in PARENTS
    ]
    rules = changed_rules(packages_of([job]), spec)
    return {
        "needs": needs,
        **({"rules": rules} if rules else {}),
        "script": _script(plan.kinds[job.kind], spec, layout, job),
        "artifacts": {"paths": jobs.records(job)},
    }


def _runner(job: Job, plan: Plan, spec: Spec) -> Document:
    """Return the tags of a job's runners: by its kind, or by the architecture that it runs on."""
    machine = plan.kinds[job.kind].traits.machine
    kind_tags = spec.gitlab.test_runners.get(job.arch) if machine == "test" else None
    builder = plan.targets[job.target].runner if machine == "builder" else ""
    tags = kind_tags or spec.gitlab.runners.get(builder or job.arch, ())
    return {"tags": list(tags)} if tags else {}
