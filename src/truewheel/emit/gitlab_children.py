"""Child pipelines: a parent's job starts one for each part, and the parent's id is the only pipeline id in them."""

from __future__ import annotations

from collections.abc import Iterable

from truewheel.emit.gitlab_jobs import (
    DEFAULTS,
    Document,
    changed_rules,
    changed_templates,
    kind_templates,
    package_of,
    place_jobs,
)
from truewheel.emit.gitlab_layout import FOLDER, Layout
from truewheel.model import Job, Plan
from truewheel.spec import Spec

TRIGGER = "trigger"
PREFIX = f"{TRIGGER}:"


def triggers(plan: Plan, spec: Spec, layout: Layout) -> dict[str, Document]:
    """Return the jobs that start the children, by name.

    Only what is named here reaches a child: a parent's own variables would beat those of its jobs, while variables
    of people, schedules and the API would stay behind.
    """
    return {trigger_name(path, found): _trigger(path, found, plan, spec) for path, found in layout.parts.items()}


def trigger_name(path: str, found: Iterable[Job]) -> str:
    """Return the name of the job that starts the child of a file with these jobs."""
    first = next(iter(found))
    number = path.removeprefix(f"{FOLDER}/{first.target}-{first.arch}").removesuffix(".yml").replace(".", ":")
    return f"{PREFIX}{first.target}:{first.arch}{number}"


def _trigger(path: str, found: Iterable[Job], plan: Plan, spec: Spec) -> Document:
    # A child of which every job is left out could not start.
    rules = changed_rules(_packages(found), spec)
    return {
        "stage": plan.kinds["wheel"].stage,
        "needs": ["plan"],
        "inherit": {"variables": False},
        "variables": {"TRUEWHEEL_PIPELINE_ID": "$CI_PIPELINE_ID"},
        "trigger": {
            "include": [{"local": path}],
            "strategy": "depend",
            "forward": {"pipeline_variables": True},
        },
        **({"rules": rules} if rules else {}),
    }


def _packages(found: Iterable[Job]) -> list[str]:
    return list(dict.fromkeys(package_of(job) for job in found if job.cells))


def child(found: Iterable[Job], plan: Plan, spec: Spec, layout: Layout) -> Document:
    """Return the document of a child pipeline: whole in itself, as nothing but variables comes from its parent."""
    found = tuple(found)
    kinds = {job.kind for job in found}
    templates = {f".{name}" for name in kinds}
    return {
        "stages": list(dict.fromkeys(kind.stage for name, kind in plan.kinds.items() if name in kinds)),
        # A child of a merge request's pipeline is one itself: without a rule, its jobs would silently not be there.
        "workflow": {"rules": [{"when": "always"}]},
        "default": dict(DEFAULTS),
        **{name: each for name, each in kind_templates(plan, spec, layout).items() if name in templates},
        **changed_templates(_packages(found), spec),
        **place_jobs(found, plan, spec, layout),
    }
