"""Ask a GitHub repository for its settings, and check them.

What the token may not ask becomes a note, and no failure.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from truewheel.errors import Exit, stop
from truewheel.forges.base import text_of
from truewheel.forges.calls import Caller, Fault
from truewheel.forges.github.actions import PINS
from truewheel.forges.github.api import settings_rules
from truewheel.forges.github.api.access import find_access
from truewheel.forges.github.api.client import Github
from truewheel.forges.github.api.settings_rules import Needs
from truewheel.forges.github.emit import workflows
from truewheel.forges.kind import Declared, RemoteProject
from truewheel.forges.settings import Finding, Questions, sorted_findings

EXPIRATION = "github-authentication-token-expiration"


def examine_repository(project: RemoteProject, declared: Declared) -> list[Finding]:
    """Return all findings about a repository, the worst first.

    Raises `Stop`: exit 2 without a token, exit 5 when the repository cannot be read.
    """
    plan, spec = declared.plan, declared.spec
    documents = workflows.documents(plan, spec, declared.variables, {**PINS, **declared.pins})
    client = Github(find_access(project.environment), project.name, project.seconds)
    try:
        return examine(client.caller, project.name, settings_rules.needs(spec, plan, documents))
    except Fault as fault:
        message = f"the repository cannot be read: {fault.reason}"
        hint = "check its name, and what the token may read"
        raise stop(project.name, message, hint, Exit.REMOTE_FAILED) from None


def examine(caller: Caller, repository: str, needs: Needs) -> list[Finding]:
    """Return all findings, the worst first.

    Raises `Fault` when the repository itself cannot be read.
    """
    questions, place = Questions(caller), f"/repos/{quote(repository)}"
    record = questions.must(place)
    findings = [
        *settings_rules.token_end(questions.headers.get(EXPIRATION, ""), questions.today),
        *settings_rules.repository(record, needs),
        *_actions(questions, f"{place}/actions", needs),
        *_publishing(questions, place, needs),
    ]
    return sorted_findings([*findings, *questions.notes])


def _actions(questions: Questions, place: str, needs: Needs) -> Iterator[Finding]:
    if settings := questions.one("which actions are allowed", f"{place}/permissions"):
        is_selected = text_of(settings, "allowed_actions") == "selected"
        path = f"{place}/permissions/selected-actions"
        selected = questions.one("which actions are selected", path) if is_selected else {}
        yield from settings_rules.actions(settings, selected, needs)
    yield from settings_rules.permissions(
        questions.one("permissions of workflows", f"{place}/permissions/workflow")
    )
    path = f"{place}/permissions/artifact-and-log-retention"
    yield from settings_rules.retention(questions.one("how long artifacts are kept", path), needs)
    workflows = questions.known("workflows", f"{place}/workflows", "workflows")
    if workflows is not None:
        yield from settings_rules.workflow(workflows, needs)
    if not all(map(settings_rules.is_hosted, needs.labels)):
        runners = questions.known("runners", f"{place}/runners", "runners")
        if runners is not None:
            yield from settings_rules.runners(runners, needs)


def _publishing(questions: Questions, place: str, needs: Needs) -> Iterator[Finding]:
    if not needs.indexes:
        return
    rulesets = questions.known("rulesets of tags", f"{place}/rulesets", targets="tag")
    if rulesets is not None:
        yield from settings_rules.tags(rulesets, needs)
    environments = questions.known("environments", f"{place}/environments", "environments")
    if environments is None:
        return
    by_name = {text_of(environment, "name"): environment for environment in environments}
    for index, names in needs.indexes.items():
        yield from settings_rules.environment(index, by_name.get(index))
        if any(names):
            yield from _credentials(
                questions, place, index, names, has_environment=index in by_name
            )


def _credentials(
    questions: Questions, place: str, index: str, names: tuple[str, str], *, has_environment: bool
) -> Iterator[Finding]:
    """Judge the credentials of an index by their names alone.

    Nobody can read the values of secrets.
    """
    environment_place = f"{place}/environments/{quote(index, safe='')}"
    places = {
        "secrets of the environment": (f"{environment_place}/secrets", "secrets", has_environment),
        "variables of the environment": (
            f"{environment_place}/variables",
            "variables",
            has_environment,
        ),
        "secrets of the repository": (f"{place}/actions/secrets", "secrets", True),
        "secrets of the organization": (f"{place}/actions/organization-secrets", "secrets", True),
        "variables of the repository": (f"{place}/actions/variables", "variables", True),
        "variables of the organization": (
            f"{place}/actions/organization-variables",
            "variables",
            True,
        ),
    }
    names_by_kind = {}
    for what, (path, key, is_there) in places.items():
        records = questions.known(what, path, key) if is_there else []
        if records is None:
            return
        names_by_kind[what] = [text_of(record, "name") for record in records]
    yield from settings_rules.credentials(
        index,
        names,
        names_by_kind["secrets of the environment"],
        [
            *names_by_kind["secrets of the repository"],
            *names_by_kind["secrets of the organization"],
        ],
        [name for what in places if what.startswith("variables") for name in names_by_kind[what]],
    )
