"""GitHub: its workflows, its API. Nothing here is imported before a command needs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from truewheel.forges.github.actions import PINS
from truewheel.forges.kind import (
    Declared,
    Documents,
    Environment,
    ForgeKind,
    JobEnvironment,
    Pin,
    Proposal,
    RemoteProject,
    Row,
)

if TYPE_CHECKING:
    from truewheel.errors import Problem
    from truewheel.forges.base import Forge
    from truewheel.forges.reviews import Reviews
    from truewheel.forges.settings import Finding
    from truewheel.spec.policy import Variable


def _job(environment: Environment) -> JobEnvironment:
    from truewheel.forges.github.job import GithubJob

    return GithubJob(environment)


def _documents(declared: Declared) -> Documents:
    from truewheel.forges.github.emit import workflows

    pins = {**PINS, **declared.pins}
    return workflows.documents(declared.plan, declared.spec, declared.variables, pins)


def _plan_problems(declared: Declared) -> Iterable[Problem]:
    from truewheel.forges.github.emit import plan_rules

    return plan_rules.find_problems(declared.plan, declared.spec, declared.variables)


def _newest_pins(pins: Mapping[str, Pin], environment: Environment) -> dict[str, Pin]:
    from truewheel.forges.github.api import action_updates

    return action_updates.newest(pins, environment)


def _annotation(severity: str, file: str, title: str, message: str) -> str:
    from truewheel.forges.github.log_commands import write

    return write(severity, file, title, message)


def _propose(proposal: Proposal) -> Iterable[Row]:
    from truewheel.forges.github.proposal import propose

    return propose(proposal)


def _proposal_notes(proposal: Proposal) -> Iterable[str]:
    from truewheel.forges.github.proposal import make_notes

    return make_notes(proposal)


def _connect(project: RemoteProject) -> Forge:
    from truewheel.forges.github.api.access import find_access
    from truewheel.forges.github.api.client import Github

    return Github(find_access(project.environment), project.name, project.seconds)


def _reviews(project: RemoteProject, number: int, is_writing: bool) -> Reviews:
    from truewheel.forges.github.api import pull_requests

    return pull_requests.connect(project, number, is_writing)


def _examine(project: RemoteProject, declared: Declared) -> list[Finding]:
    from truewheel.forges.github.api import settings

    return settings.examine_repository(project, declared)


def _missing_inputs(declared: Mapping[str, Variable], names: Iterable[str]) -> Iterable[Problem]:
    from truewheel.forges.github.emit import plan_rules

    return plan_rules.find_missing_inputs(declared, names)


KIND = ForgeKind(
    library="PyGithub",
    module="github",
    project=r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+",
    project_example="owner/name",
    run_path=r"/(.+?)/actions/runs/(\d{1,19})(?:/.*)?",
    request_mark="#",
    job_variable="GITHUB_ACTIONS",
    project_variables=("GITHUB_REPOSITORY",),
    protected_variable="GITHUB_REF_PROTECTED",
    runner_files=(
        *("GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"),
    ),
    runs_in_planned_image=True,
    job_packages=("cffi", "cryptography", "pycparser", "pygithub", "pyjwt", "pynacl"),
    ci_files=(".github/workflows/*.yml", ".github/workflows/*.yaml"),
    marked_files=(".github/workflows/*.yml",),
    job=_job,
    documents=_documents,
    plan_problems=_plan_problems,
    pins=PINS,
    newest_pins=_newest_pins,
    annotation=_annotation,
    summary_variable="GITHUB_STEP_SUMMARY",
    propose=_propose,
    proposal_notes=_proposal_notes,
    connect=_connect,
    reviews=_reviews,
    examine=_examine,
    schedules_file=".github/workflows/wheels.yml",
    missing_inputs=_missing_inputs,
)
