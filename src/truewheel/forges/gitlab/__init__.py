"""GitLab: its files, its API, its limits. Nothing here is imported before a command needs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from truewheel.forges.kind import (
    Declared,
    Documents,
    Environment,
    ForgeKind,
    JobEnvironment,
    Lint,
    Proposal,
    RemoteProject,
    Row,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from truewheel.errors import Problem
    from truewheel.forges.base import Forge
    from truewheel.forges.reviews import Reviews
    from truewheel.forges.schedules import Schedules
    from truewheel.forges.settings import Finding
    from truewheel.spec.model import Spec


def _job(environment: Environment) -> JobEnvironment:
    from truewheel.forges.gitlab.job import GitlabJob

    return GitlabJob(environment)


def _documents(declared: Declared) -> Documents:
    from truewheel.forges.gitlab.emit import pipeline

    return pipeline.documents(declared.plan, declared.spec, declared.variables)


def _files(declared: Declared, sources: Mapping[str, str]) -> Mapping[str, str]:
    from truewheel.forges.gitlab.emit import publishing

    in_packages = declared.spec.gitlab.wheels == "packages"
    return publishing.files(declared.plan, sources, packages=in_packages)


def _plan_problems(declared: Declared) -> Iterable[Problem]:
    from truewheel.forges.gitlab.emit import inputs, runner_rules

    return [
        *inputs.problems(declared.spec, declared.variables),
        *runner_rules.find_problems(declared.plan, declared.spec),
    ]


def _file_problems(documents: Documents, spec: Spec, root: Path | None) -> Iterable[Problem]:
    from truewheel.forges.gitlab.lint import generated
    from truewheel.forges.gitlab.repository import FilesOfSpec

    return generated.find_problems(documents, spec, FilesOfSpec(root) if root else None)


def _layout_note(declared: Declared) -> str:
    from truewheel.forges.gitlab.emit.layout import layout

    chosen = layout(declared.plan, declared.spec)
    return f"GitLab layout {chosen.name}: {chosen.reason}" if chosen.reason else ""


def _has_children(declared: Declared) -> bool:
    from truewheel.forges.gitlab.emit.layout import layout

    return layout(declared.plan, declared.spec).children


def _lint(root: Path) -> Lint:
    from truewheel.forges.gitlab.repository import GitlabLint

    return GitlabLint(root)


def _lint_search() -> Callable[..., bool]:
    from truewheel.forges.gitlab.lint.regexes import searched

    return searched


def _propose(proposal: Proposal) -> Iterable[Row]:
    from truewheel.forges.gitlab.proposal import propose

    return propose(proposal)


def _change_by_hand(paths: Collection[str]) -> tuple[str, str] | None:
    from truewheel.forges.gitlab.proposal import change_by_hand

    return change_by_hand(paths)


def _connect(project: RemoteProject) -> Forge:
    from truewheel.forges.gitlab.api.access import find_access
    from truewheel.forges.gitlab.api.client import Gitlab

    return Gitlab(find_access(project.environment), project.name, project.seconds)


def _reviews(project: RemoteProject, number: int, is_writing: bool) -> Reviews:
    from truewheel.forges.gitlab.api import merge_requests

    return merge_requests.connect(project, number, is_writing)


def _examine(project: RemoteProject, declared: Declared) -> list[Finding]:
    from truewheel.forges.gitlab.api import settings

    return settings.examine_project(project, declared)


def _schedules(project: RemoteProject, declared: Declared) -> Schedules:
    from truewheel.forges.gitlab.api.schedules import GitlabSchedules

    return GitlabSchedules(project, declared.spec)


KIND = ForgeKind(
    library="python-gitlab",
    module="gitlab",
    project=r"[^\s\x00-\x1f\x7f?#%]+",
    project_example="group/name, or its number",
    run_path=r"/(.+?)/-/pipelines/(\d{1,19})/?",
    request_mark="!",
    is_on_many_servers=True,
    job_variable="GITLAB_CI",
    project_variables=("CI_PROJECT_PATH", "CI_PROJECT_ID"),
    protected_variable="CI_COMMIT_REF_PROTECTED",
    ci_files=(".gitlab-ci.yml",),
    marked_files=(".gitlab-ci.yml",),
    folders=("pipelines",),
    sources=("fetch_listed.py",),
    job=_job,
    documents=_documents,
    header_key="spec",
    files=_files,
    plan_problems=_plan_problems,
    file_problems=_file_problems,
    layout_note=_layout_note,
    has_children=_has_children,
    lint=_lint,
    lint_search=_lint_search,
    propose=_propose,
    change_by_hand=_change_by_hand,
    connect=_connect,
    reviews=_reviews,
    examine=_examine,
    schedules=_schedules,
    job_prefix=lambda spec: spec.gitlab.own_prefix,
    takes_inputs=lambda spec: spec.gitlab.inputs,
)
