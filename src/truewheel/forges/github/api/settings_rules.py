"""Misconfigured settings of a GitHub repository, found in records of the API.

No requests are made here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from truewheel.forges.base import number_of, text_of
from truewheel.forges.github.emit.schedules import scheduled
from truewheel.forges.github.emit.workflows import CALLER
from truewheel.forges.settings import ERROR, NOTE, SOON, WARNING, Finding
from truewheel.plan.model import Plan
from truewheel.spec.model import Spec

ACTIONS = "Settings → Actions → General"
ENVIRONMENTS = "Settings → Environments"
SECRETS = "Settings → Secrets and variables → Actions"
HOSTED = ("ubuntu-", "windows-", "macos-")
"""How the labels of GitHub's own runners begin."""
OWN_TOKEN = "GITHUB_TOKEN"  # noqa: S105 - the name of a secret
"""The secret that every job has."""
OF_GITHUB = ("actions/", "github/")

Record = Mapping[str, Any]


class Needs(NamedTuple):
    """What the workflows need.

    `indexes` have the names of their credentials, `labels` an example of a job.
    """

    indexes: Mapping[str, tuple[str, str]]
    labels: Mapping[tuple[str, ...], str]
    actions: frozenset[str]
    branches: tuple[str, ...]
    retention_days: int
    has_schedules: bool


def needs(spec: Spec, plan: Plan, documents: Mapping[str, Mapping[str, Any]]) -> Needs:
    """Return what the generated workflows of a plan need; the plan is that of all events."""
    jobs = [
        (name, job) for document in documents.values() for name, job in document["jobs"].items()
    ]
    labels: dict[tuple[str, ...], str] = {}
    for name, job in jobs:
        if "runs-on" in job:
            runs_on = job["runs-on"]
            labels.setdefault((runs_on,) if isinstance(runs_on, str) else tuple(runs_on), name)
    used = [job.get("uses", "") for _, job in jobs]
    used += [step.get("uses", "") for _, job in jobs for step in job.get("steps", ())]
    published = {job.index_name for job in plan.jobs if job.index_name}
    return Needs(
        indexes={
            index.name: (index.username, index.password)
            for index in plan.indexes
            if index.name in published
        },
        labels=labels,
        actions=frozenset(str(action) for action in used if action and not action.startswith("./")),
        branches=spec.github.branches,
        retention_days=int(spec.github.retention_days),
        has_schedules=bool(scheduled(spec)),
    )


def token_end(text: str, today: date) -> Iterator[Finding]:
    """Check the end of the token, as the header of every answer tells it."""
    try:
        days = (date.fromisoformat(text[:10]) - today).days
    except ValueError:
        return
    if days <= SOON:
        message = (
            f"the token ends on {text[:10]}, in {days} days: trigger and watch fail from then on"
        )
        yield Finding(
            "token", WARNING, message, "your Settings → Developer settings → Personal access tokens"
        )
    else:
        yield Finding("token", NOTE, f"the token ends on {text[:10]}")


def repository(record: Record, needs: Needs) -> Iterator[Finding]:
    """Check the repository itself."""
    if record.get("archived") is True or record.get("disabled") is True:
        step = "Settings → General → Danger Zone"
        yield Finding("repository", ERROR, "it is archived or disabled: no workflow runs", step)
    may = record.get("permissions")
    if isinstance(may, dict) and not may.get("push"):
        step = "Settings → Collaborators and teams: give the role Write"
        yield Finding("token", ERROR, "its role is below Write: it can start no workflow", step)
    branch = text_of(record, "default_branch")
    if branch and not any(fnmatchcase(branch, pattern) for pattern in needs.branches):
        message = (
            f"pushes to the default branch {branch} start nothing: the spec names "
            f"{', '.join(needs.branches)}"
        )
        yield Finding("repository", WARNING, message, "add it to github.branches in the spec")


def actions(record: Record, selected: Record, needs: Needs) -> Iterator[Finding]:
    """Check whether workflows run, and whether they may use the actions that they use."""
    allowed = text_of(record, "allowed_actions")
    if record.get("enabled") is False:
        yield Finding("actions", ERROR, "actions are off: no workflow runs", ACTIONS)
    elif allowed == "local_only" or (allowed == "selected" and selected):
        refused = sorted(
            action
            for action in needs.actions
            if allowed == "local_only" or not _allows(selected, action)
        )
        if refused:
            message = (
                "the repository does not allow "
                f"{', '.join(action.partition('@')[0] for action in refused)}"
            )
            yield Finding("actions", ERROR, message, f"{ACTIONS} → Actions permissions")


def _allows(selected: Record, action: str) -> bool:
    patterns = selected.get("patterns_allowed")
    allowed = [str(pattern) for pattern in patterns] if isinstance(patterns, list) else []
    is_own = selected.get("github_owned_allowed") is True and action.startswith(OF_GITHUB)
    return is_own or any(fnmatchcase(action, pattern) for pattern in allowed)


def permissions(record: Record) -> Iterator[Finding]:
    """Check what workflows may do that say nothing of it; ours do."""
    if text_of(record, "default_workflow_permissions") == "write":
        message = (
            "workflows that say nothing may write to the repository; the generated ones say what "
            "they need"
        )
        yield Finding("actions", NOTE, message, f"{ACTIONS} → Workflow permissions: read")


def retention(record: Record, needs: Needs) -> Iterator[Finding]:
    """Check how long artifacts may be kept."""
    days = int(number_of(record, "days"))
    if 0 < days < needs.retention_days:
        message = (
            f"artifacts are kept {days} days at most, and not the {needs.retention_days} of the "
            "spec"
        )
        yield Finding("actions", WARNING, message, f"{ACTIONS} → Artifact and log retention")


def workflow(records: Iterable[Record], needs: Needs) -> Iterator[Finding]:
    """Check whether the workflow is there and switched on."""
    ours = next((record for record in records if text_of(record, "path") == CALLER), None)
    if ours is None:
        message = (
            f"{CALLER} is not on the default branch: it can be started neither by hand nor by a "
            "schedule"
        )
        yield Finding("workflow", ERROR, message, "generate, and merge what it writes")
    elif text_of(ours, "state") not in {"active", ""}:
        why = text_of(ours, "state").replace("_", " ")
        what = (
            "its schedules do not run"
            if needs.has_schedules and "inactivity" in why
            else "it does not run"
        )
        yield Finding(
            "workflow", ERROR, f"{CALLER} is {why}: {what}", "Actions → wheels → Enable workflow"
        )


def tags(rulesets: Sequence[Record], needs: Needs) -> Iterator[Finding]:
    """Check whether any tag is protected: only those are published."""
    active = [
        ruleset
        for ruleset in rulesets
        if text_of(ruleset, "target") == "tag" and ruleset.get("enforcement") == "active"
    ]
    if not needs.indexes:
        return
    if active:
        names = ", ".join(text_of(ruleset, "name") for ruleset in active)
        yield Finding("publish", NOTE, f"tags are protected by {names}: those are published")
    else:
        message = "no tag is protected: the publish jobs never run"
        yield Finding(
            "publish", ERROR, message, "Settings → Rules → Rulesets: add one for tags such as v*"
        )


def environment(index: str, record: Record | None) -> Iterator[Finding]:
    """Check the environment that an index is published from; None where there is none."""
    if record is None:
        message = (
            f"the environment {index} is not there: its first job makes it, without any protection"
        )
        yield Finding(
            "publish", WARNING, message, f"{ENVIRONMENTS}: add {index}, with protected tags alone"
        )
    elif not record.get("protection_rules") and not record.get("deployment_branch_policy"):
        message = (
            f"the environment {index} has no protection: a workflow on any branch can publish "
            "from it"
        )
        yield Finding(
            "publish", WARNING, message, f"{ENVIRONMENTS} → {index}: allow protected tags alone"
        )


def credentials(
    index: str,
    names: tuple[str, str],
    names_there: Iterable[str],
    of_all: Iterable[str],
    variables: Iterable[str],
) -> Iterator[Finding]:
    """Check that the credentials of an index exist, in its environment or in the repository."""
    here, everywhere, open_ones = {*names_there, OWN_TOKEN}, {*of_all}, {*variables}
    username, password = names
    if username and username not in here | everywhere | open_ones:
        message = f"{username}, the user name of the index {index}, is not set"
        yield Finding(
            "publish",
            ERROR,
            message,
            f"{ENVIRONMENTS} → {index} → Environment secrets: add {username}",
        )
    if not password or password in here:
        return
    step = f"{ENVIRONMENTS} → {index} → Environment secrets: add {password}"
    if password in everywhere:
        message = (
            f"{password} is a secret of the repository: every workflow of every branch can read it"
        )
        yield Finding("publish", WARNING, message, f"{step}, and remove it from {SECRETS}")
    else:
        yield Finding(
            "publish", ERROR, f"{password}, the password of the index {index}, is not set", step
        )


def runners(records: Sequence[Record], needs: Needs) -> Iterator[Finding]:
    """Check the repository's own runners; those of its organization are not asked for."""
    online = [_labels(record) for record in records if text_of(record, "status") == "online"]
    for labels, job in needs.labels.items():
        if not is_hosted(labels) and not any({*labels} <= known for known in online):
            message = (
                f"no runner of the repository is online that has the labels {', '.join(labels)} "
                f"(such as {job})"
            )
            step = "Settings → Actions → Runners, or see that the organization has one"
            yield Finding("runners", WARNING, message, step)


def is_hosted(labels: Iterable[str]) -> bool:
    """Return whether labels are those of GitHub's own runners."""
    return any(label.startswith(HOSTED) for label in labels)


def _labels(record: Record) -> set[str]:
    listed = record.get("labels")
    return (
        {text_of(label, "name") for label in listed if isinstance(label, dict)}
        if isinstance(listed, list)
        else set()
    )
