"""Ask a GitLab project for its settings, and check them.

What the token may not ask becomes a note, and no failure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from truewheel.forges.base import number_of, text_of
from truewheel.forges.gitlab.api import requirements, settings_rules
from truewheel.forges.gitlab.api import schedules as clock
from truewheel.forges.gitlab.api.access import find_access
from truewheel.forges.gitlab.api.client import Gitlab
from truewheel.forges.gitlab.api.requirements import Needs
from truewheel.forges.gitlab.api.schedules import Schedule
from truewheel.forges.gitlab.emit import pipeline
from truewheel.forges.kind import Declared, RemoteProject
from truewheel.forges.settings import NOTE, Finding, Questions, sorted_findings

RUNNERS = 20
"""Runners that are looked at for a set of tags."""
Record = dict[str, Any]


def examine_project(project: RemoteProject, declared: Declared) -> list[Finding]:
    """Return all findings about a project, the worst first.

    Raises `Stop`: exit 2 without a token, exit 5 when the project cannot be read.
    """
    access = find_access(project.environment)
    spec, by_inputs = declared.spec, declared.spec.gitlab.inputs
    documents = pipeline.documents(declared.plan, spec, declared.variables)
    return examine(
        Gitlab(access, project.name, project.seconds),
        requirements.needs(spec, declared.policy, declared.plan, documents, by_inputs=by_inputs),
        spec.project,
        lambda branch: clock.declared(spec, branch, by_inputs=by_inputs),
        access.kind,
    )


def examine(
    forge: Gitlab,
    needs: Needs,
    project: str,
    declared: Callable[[str], Mapping[str, Schedule]],
    kind: str,
) -> list[Finding]:
    """Return all findings, the worst first.

    Raises `Stop` (exit 5) when the project itself cannot be read.

    `project` is the spec's, `declared` gives the schedules for a default branch, `kind` is that of
    the token.
    """
    questions = Questions(forge.caller)
    with forge.explained("the project cannot be read"):
        settings = questions.must(forge.path())
    branch = text_of(settings, "default_branch")
    user = questions.one("the token's user", "/user")
    level = settings_rules.level_of(settings) or _membership(questions, forge, user)
    findings = [
        *_token(questions, kind),
        *settings_rules.access(level),
        *settings_rules.version(
            text_of(questions.one("the server's version", "/version"), "version"), needs
        ),
        *settings_rules.project(settings, needs, level),
        *_refs(questions, forge, needs, branch),
        *_job_token(questions, forge),
        *_variables(questions, forge, needs, settings),
        *_runners(questions, forge, needs),
        *_images(questions, forge, needs, settings),
        *_schedules(questions, forge, declared(branch), project, text_of(user, "username")),
    ]
    return sorted_findings([*findings, *questions.notes])


def _membership(questions: Questions, forge: Gitlab, user: Mapping[str, Any]) -> int:
    """Return the access level of somebody who is a member by way of a group, or 0."""
    if not user.get("id"):
        return 0
    member = questions.one("the role of the token's user", forge.path("members", "all", user["id"]))
    return int(number_of(member, "access_level"))


def _token(questions: Questions, kind: str) -> Iterator[Finding]:
    if kind != "private":
        yield Finding(
            "not checked",
            NOTE,
            f"scopes and end of the token: a {kind or 'missing'} token does not say",
        )
    elif record := questions.one("scopes and end of the token", "/personal_access_tokens/self"):
        yield from settings_rules.token(record, questions.today)


def _refs(questions: Questions, forge: Gitlab, needs: Needs, branch: str) -> Iterator[Finding]:
    tags = (
        questions.known("protected tags", forge.path("protected_tags")) if needs.publishes else None
    )
    if tags is not None:
        yield from settings_rules.protected_tags(tags, needs)
    branches = questions.known("protected branches", forge.path("protected_branches"))
    if branches is not None:
        yield from settings_rules.default_branch(branches, branch)


def _job_token(questions: Questions, forge: Gitlab) -> Iterator[Finding]:
    if scope := questions.one("the scope of job tokens", forge.path("job_token_scope")):
        allowed = questions.known(
            "the allowlist of job tokens", forge.path("job_token_scope", "allowlist")
        )
        if allowed is not None:
            yield from settings_rules.job_token(scope, allowed)


def _variables(
    questions: Questions, forge: Gitlab, needs: Needs, settings: Mapping[str, Any]
) -> Iterator[Finding]:
    """Judge the variables of the project and of the groups above it."""
    of_project = questions.known("variables of the project", forge.path("variables"))
    records, is_all = list(of_project or []), of_project is not None
    yield from settings_rules.colliding(records, "project", needs)
    for group in _groups(settings):
        path = f"/groups/{quote(group, safe='')}/variables"
        above = questions.known(f"variables of the group {group}", path)
        is_all = is_all and above is not None
        yield from settings_rules.colliding(above or [], f"group {group}", needs)
        records += above or []
    for secret in needs.secrets:
        yield from settings_rules.held(secret, records, is_all=is_all)


def _groups(settings: Mapping[str, Any]) -> list[str]:
    """Return the paths of the groups that a project is in, the nearest first."""
    space = settings.get("namespace")
    if not isinstance(space, dict) or space.get("kind") != "group":
        return []
    parts = text_of(space, "full_path").split("/")
    return ["/".join(parts[:end]) for end in range(len(parts), 0, -1) if parts[0]]


def _runners(questions: Questions, forge: Gitlab, needs: Needs) -> Iterator[Finding]:
    details: dict[int, Record] = {}
    for tags, job in needs.tags.items():
        query = {
            "status": "online",
            "paused": "false",
            **({"tag_list": ",".join(tags)} if tags else {}),
        }
        online = questions.known("runners", forge.path("runners"), most=RUNNERS, **query)
        if online is None:
            return
        yield from settings_rules.runners(
            tags, job, [_runner(questions, runner, details) for runner in online], needs
        )


def _images(
    questions: Questions, forge: Gitlab, needs: Needs, settings: Mapping[str, Any]
) -> Iterator[Finding]:
    if paths := settings_rules.repositories(settings, needs.images):
        path = forge.path("registry", "protection", "repository", "rules")
        rules = questions.known("protected container repositories", path)
        if rules is not None:
            yield from settings_rules.image_rules(rules, paths)


def _runner(questions: Questions, listed: Record, details: dict[int, Record]) -> Record:
    """Return what may be seen of a runner: a list says little of it."""
    number = int(number_of(listed, "id"))
    if number not in details:
        details[number] = {**listed, **questions.one(f"the runner {number}", f"/runners/{number}")}
    return details[number]


def _schedules(
    questions: Questions, forge: Gitlab, declared: Mapping[str, Schedule], project: str, user: str
) -> Iterator[Finding]:
    listed = questions.known("schedules", forge.path("pipeline_schedules"))
    if listed is None:
        return
    ours = [schedule for schedule in listed if clock.ours(schedule, project)]
    details = [
        questions.one(
            f"the schedule {clock.ours(schedule, project)}",
            forge.path("pipeline_schedules", schedule.get("id")),
        )
        for schedule in ours
    ]
    if all(details):
        known = [clock.read_schedule(schedule, project) for schedule in details]
        yield from settings_rules.schedules(clock.steps(declared, known), user)
    yield from settings_rules.foreign_schedules(
        [schedule for schedule in listed if not clock.ours(schedule, project)]
    )
