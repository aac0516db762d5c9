"""Asks a GitHub repository for its settings, and has them judged.

What a token may not ask is told, and no failure.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from truewheel.forges.base import text_of
from truewheel.forges.calls import Caller
from truewheel.forges.github.api import settings_rules as judging
from truewheel.forges.github.api.settings_rules import Needs
from truewheel.forges.settings import Finding, Questions, sorted_findings

EXPIRATION = "github-authentication-token-expiration"


def examine(caller: Caller, repository: str, needs: Needs) -> list[Finding]:
    """Return all findings, the worst first.

    Raises `Fault` when the repository itself cannot be read.
    """
    asked, place = Questions(caller), f"/repos/{quote(repository)}"
    record = asked.must(place)
    found = [
        *judging.token_end(asked.headers.get(EXPIRATION, ""), asked.today),
        *judging.repository(record, needs),
        *_actions(asked, f"{place}/actions", needs),
        *_publishing(asked, place, needs),
    ]
    return sorted_findings([*found, *asked.notes])


def _actions(asked: Questions, place: str, needs: Needs) -> Iterator[Finding]:
    if settings := asked.one("which actions are allowed", f"{place}/permissions"):
        is_selected = text_of(settings, "allowed_actions") == "selected"
        path = f"{place}/permissions/selected-actions"
        selected = asked.one("which actions are selected", path) if is_selected else {}
        yield from judging.actions(settings, selected, needs)
    yield from judging.permissions(
        asked.one("permissions of workflows", f"{place}/permissions/workflow")
    )
    path = f"{place}/permissions/artifact-and-log-retention"
    yield from judging.retention(asked.one("how long artifacts are kept", path), needs)
    workflows = asked.known("workflows", f"{place}/workflows", "workflows")
    if workflows is not None:
        yield from judging.workflow(workflows, needs)
    if not all(map(judging.is_hosted, needs.labels)):
        runners = asked.known("runners", f"{place}/runners", "runners")
        if runners is not None:
            yield from judging.runners(runners, needs)


def _publishing(asked: Questions, place: str, needs: Needs) -> Iterator[Finding]:
    if not needs.indexes:
        return
    rulesets = asked.known("rulesets of tags", f"{place}/rulesets", targets="tag")
    if rulesets is not None:
        yield from judging.tags(rulesets, needs)
    environments = asked.known("environments", f"{place}/environments", "environments")
    if environments is None:
        return
    known = {text_of(each, "name"): each for each in environments}
    for index, names in needs.indexes.items():
        yield from judging.environment(index, known.get(index))
        if any(names):
            yield from _credentials(asked, place, index, names, has_environment=index in known)


def _credentials(
    asked: Questions, place: str, index: str, names: tuple[str, str], *, has_environment: bool
) -> Iterator[Finding]:
    """Judge the credentials of an index by their names alone.

    Nobody can read the values of secrets.
    """
    own = f"{place}/environments/{quote(index, safe='')}"
    places = {
        "secrets of the environment": (f"{own}/secrets", "secrets", has_environment),
        "variables of the environment": (f"{own}/variables", "variables", has_environment),
        "secrets of the repository": (f"{place}/actions/secrets", "secrets", True),
        "secrets of the organization": (f"{place}/actions/organization-secrets", "secrets", True),
        "variables of the repository": (f"{place}/actions/variables", "variables", True),
        "variables of the organization": (
            f"{place}/actions/organization-variables",
            "variables",
            True,
        ),
    }
    found = {}
    for what, (path, key, is_there) in places.items():
        records = asked.known(what, path, key) if is_there else []
        if records is None:
            return
        found[what] = [text_of(each, "name") for each in records]
    yield from judging.credentials(
        index,
        names,
        found["secrets of the environment"],
        [*found["secrets of the repository"], *found["secrets of the organization"]],
        [name for what in places if what.startswith("variables") for name in found[what]],
    )
