"""Child pipelines.

A job of the parent starts one for each part. In all of them, the pipeline id is the parent's.

A parent gets no artifacts from its children, and what lies in the package registry may be
anybody's. So the parent makes a key, which is an artifact that nobody can download; a job of each
child, which runs no code of a package, signs the records of its wheels and their verdicts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from truewheel.forges.gitlab.emit.jobs import (
    DEFAULTS,
    KEY,
    PARENTS,
    TOOL,
    Document,
    changed_rules,
    changed_templates,
    kind_templates,
    need,
    packages_of,
    place_jobs,
    tool_template,
)
from truewheel.forges.gitlab.emit.layout import FOLDER, Layout, signed_lots
from truewheel.plan import jobs
from truewheel.plan.model import Job, Plan
from truewheel.spec.model import Spec

TRIGGER = "trigger"
PREFIX = f"{TRIGGER}:"
HAND_OVER = "hand-over"
KINDS = (TRIGGER, KEY, HAND_OVER)
"""Kinds of jobs that are not in the plan: no other forge has them, and no other layout."""


def parent_jobs(plan: Plan, spec: Spec, layout: Layout) -> dict[str, Document]:
    """Return the job that makes the key, and the jobs that start the children, by name.

    Only what is named here reaches a child: a parent's own variables would beat those of its jobs,
    while variables of people, schedules and the API would stay behind.
    """
    triggers = {
        trigger_name(path, part): _trigger(path, part, plan, spec)
        for path, part in layout.parts.items()
    }
    return {KEY: _key_job(plan, spec), **triggers}


def _key_job(plan: Plan, spec: Spec) -> Document:
    return {
        "extends": TOOL,
        "stage": plan.kinds["plan"].stage,
        "needs": [],
        "script": [_hand_over(spec, f"--make-key {jobs.KEY_FILE}")],
        # It expires with plan.json, without which no job of the pipeline can run again.
        "artifacts": {
            "paths": [jobs.KEY_FILE],
            "access": "none",
            "expire_in": spec.gitlab.expire_in,
        },
    }


def _hand_over(spec: Spec, flags: str) -> str:
    return f"{' '.join(jobs.tool(spec))} hand-over {flags}"


def trigger_name(path: str, members: Iterable[Job]) -> str:
    """Return the name of the job that starts the child of a file with these jobs."""
    first = next(iter(members))
    number = (
        path.removeprefix(f"{FOLDER}/{first.target}-{first.arch}")
        .removesuffix(".yml")
        .replace(".", ":")
    )
    return f"{PREFIX}{first.target}:{first.arch}{number}"


def _trigger(path: str, members: Iterable[Job], plan: Plan, spec: Spec) -> Document:
    # A child of which every job is left out could not start.
    rules = changed_rules(packages_of(members), spec)
    return {
        "stage": plan.kinds["wheel"].stage,
        "needs": ["plan", KEY],
        "inherit": {"variables": False},
        "variables": {"TRUEWHEEL_PIPELINE_ID": "$CI_PIPELINE_ID"},
        "trigger": {
            "include": [{"local": path}],
            "strategy": "depend",
            "forward": {"pipeline_variables": True},
        },
        **({"rules": rules} if rules else {}),
    }


def child(members: Iterable[Job], plan: Plan, spec: Spec, layout: Layout) -> Document:
    """Return the document of a child pipeline.

    It is complete in itself: only variables come from its parent.
    """
    members = tuple(members)
    kinds = {job.kind for job in members}
    templates = {f".{name}" for name in kinds}
    stages = [kind.stage for name, kind in plan.kinds.items() if name in kinds]
    return {
        "stages": list(dict.fromkeys([*stages, HAND_OVER])),
        # A child of a merge request's pipeline is one itself: without a rule, its jobs would
        # silently not be there.
        "workflow": {"rules": [{"when": "always"}]},
        "default": dict(DEFAULTS),
        TOOL: tool_template(spec),
        **{
            name: template
            for name, template in kind_templates(plan, spec, layout).items()
            if name in templates
        },
        **changed_templates(packages_of(members), spec),
        **place_jobs(members, plan, spec, layout),
        **_signing_jobs(members, plan, spec, layout),
    }


def _signing_jobs(
    members: Iterable[Job], plan: Plan, spec: Spec, layout: Layout
) -> dict[str, Document]:
    """Return the jobs that sign what wheel jobs and test jobs have recorded, by name.

    No code of a package is near the key.
    """
    lots = signed_lots(members, plan)
    return {
        _signing_name(lot[0], number): _signing_job(lot, plan, spec, layout)
        for number, lot in enumerate(lots, 1)
    }


def _signing_name(first: Job, number: int) -> str:
    return f"{HAND_OVER}:{first.target}:{first.arch}{f':{number}' if number > 1 else ''}"


def _signing_job(lot: Sequence[Job], plan: Plan, spec: Spec, layout: Layout) -> Document:
    changed_only = spec.merge_requests.changed_only
    rules = changed_rules(packages_of(lot), spec)
    made = [
        cell for job in lot if plan.kinds[job.kind].traits.wheels == "make" for cell in job.cells
    ]
    return {
        "extends": TOOL,
        "stage": HAND_OVER,
        "timeout": "60 minutes",
        "needs": [
            *(need(name, spec, layout) for name in PARENTS),
            *({"job": job.name, "optional": True} if changed_only else job.name for job in lot),
        ],
        **({"rules": rules} if rules else {}),
        "variables": {"TRUEWHEEL_CELL": ",".join(made)},
        "script": [_hand_over(spec, f'--sign --key {jobs.KEY_FILE} --cell "$TRUEWHEEL_CELL"')],
    }
