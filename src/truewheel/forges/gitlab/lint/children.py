"""Child pipelines: files that `trigger:include` starts as pipelines of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from truewheel.forges.gitlab import limits
from truewheel.forges.gitlab.lint.events import Presence
from truewheel.forges.gitlab.lint.findings import Finding
from truewheel.forges.gitlab.lint.resolve import Config
from truewheel.forges.gitlab.lint.values import is_open


class Child(NamedTuple):
    """The files of a child pipeline, and the job that starts it."""

    job: str
    include: list[Any]

    @property
    def paths(self) -> list[str]:
        """Where the files are; those of a pattern are not listed."""
        entries = [
            str(item["local"] if isinstance(item, dict) else item).lstrip("/")
            for item in self.include
        ]
        return [path for path in entries if "*" not in path]


def of(config: Config) -> list[Child]:
    """Return the child pipelines whose files can be read; not those that a job makes."""
    children = []
    for name, job in config.jobs.items():
        trigger = job.get("trigger")
        include = trigger.get("include") if isinstance(trigger, dict) else None
        listed = include if isinstance(include, list) else [include]
        if all(_is_local(item) for item in listed):
            children.append(Child(name, listed))
    return children


def _is_local(item: Any) -> bool:
    path = item.get("local") if isinstance(item, dict) else item
    return isinstance(path, str) and "$" not in path and "://" not in path and not is_open(path)


def not_there(config: Config, child: Child, path: str) -> Finding:
    """Return the warning that a child's file is missing; GitLab reads it only when the job runs."""
    where = config.report.where((child.job, "trigger", "include"))
    return Finding(
        where,
        f"job {child.job} starts {path}, and there is no such file",
        "",
        "warning",
        "child-missing",
    )


def check_depth(config: Config, depth: int) -> None:
    """Report a pipeline that starts a child too deep below the first."""
    if depth < limits.CHILD_DEPTH:
        return
    for name, job in config.jobs.items():
        if isinstance(job.get("trigger"), dict) and "include" in job["trigger"]:
            levels = f"{depth + 1} levels below the first, of at most {limits.CHILD_DEPTH}"
            message = f"job {name} starts a child pipeline {levels}"
            config.report.add(
                "child-depth", (name, "trigger"), message, "start it from a pipeline above"
            )


def check_variables(parent: Config, child: Child, config: Config) -> None:
    """Warn of variables that do not arrive in a child as its file says."""
    job = parent.jobs[child.job]
    inherit = job.get("inherit")
    if isinstance(inherit, dict) and inherit.get("variables") is False:
        return
    above = parent.keywords.get("variables")
    names = above.keys() if isinstance(above, dict) else set()
    for name, inner in config.jobs.items():
        variables = inner.get("variables")
        for variable in variables if isinstance(variables, dict) else ():
            if variable in names:
                message = (
                    f"job {name}: {variable} will have the parent's value: its top-level "
                    "variables win in a child"
                )
                hint = (
                    f"write inherit: {{variables: false}} in {child.job}, or give it another name"
                )
                config.report.add(
                    "child-variable", (name, "variables", variable), message, hint, "warning"
                )


def check_presence(parent: Mapping[str, Presence], child: Child, config: Config) -> None:
    """Warn of a child without a job.

    In a merge request's pipeline, jobs without rules are left out.
    """
    presence = Presence(config, parent["mr"].event.child(), is_child=True)
    starts = parent["mr"].pipeline is not False and parent["mr"].job(child.job) is not False
    if not starts or not config.jobs or config.report.is_open:
        return
    if all(presence.job(name) is False for name in config.jobs):
        message = f"no job is there when {child.job} of a merge-request pipeline starts it"
        hint = "write: workflow: {rules: [{when: always}]}"
        config.report.add("child-empty", (next(iter(config.jobs)),), message, hint, "warning")
