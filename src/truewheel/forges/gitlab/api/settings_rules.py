"""Misconfigured settings of a GitLab project, found in records of the API.

No requests are made here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from fnmatch import fnmatchcase
from typing import Any

from truewheel.forges.base import number_of, text_of
from truewheel.forges.gitlab.api.requirements import Needs, Secret, readable
from truewheel.forges.gitlab.api.schedules import Step
from truewheel.forges.schedules import KEEP
from truewheel.forges.settings import ERROR, NOTE, SOON, WARNING, Finding
from truewheel.spec.forges import is_set_by_a_forge

DEVELOPER, MAINTAINER, OWNER, NOBODY = 30, 40, 50, 99
ROLES = {"developer": DEVELOPER, "maintainer": MAINTAINER, "owner": OWNER, "no_one_allowed": NOBODY}
HOUR = 3600
VARIABLES = "Settings → CI/CD → Variables"
GENERAL = "Settings → CI/CD → General pipelines"
FEATURES = "Settings → General → Visibility, project features, permissions"
TOKENS = "Settings → Access tokens"
RUNNERS = "Settings → CI/CD → Runners"
CONTAINERS = (
    "Settings → Packages and registries → Container registry → Protected container repositories"
)

Record = Mapping[str, Any]


def token(record: Record, today: date) -> Iterator[Finding]:
    """Check the token itself (`/personal_access_tokens/self`)."""
    scopes = record.get("scopes")
    scopes = [str(scope) for scope in scopes] if isinstance(scopes, list) else []
    name, ends = text_of(record, "name"), text_of(record, "expires_at")
    if "api" not in scopes:
        message = (
            f"the token {name} has the scopes {', '.join(scopes) or 'of nothing'}: it can start "
            "and change nothing"
        )
        yield Finding("token", WARNING, message, f"{TOKENS}: make one with the scope api")
    days = _days(ends, today)
    if days is not None and days <= SOON:
        message = (
            f"the token {name} ends on {ends}, in {days} days: trigger and watch fail from then on"
        )
        yield Finding("token", WARNING, message, f"{TOKENS}: rotate it")
    elif days is None:
        yield Finding(
            "token", NOTE, f"the token {name} has no end", f"{TOKENS}: one that ends is safer"
        )
    else:
        yield Finding("token", NOTE, f"the token {name} ends on {ends}")


def _days(text: str, today: date) -> int | None:
    try:
        return (date.fromisoformat(text[:10]) - today).days
    except ValueError:
        return None


def level_of(project: Record) -> int:
    """Return the access level that a project's record tells of the token's user, or 0."""
    permissions = project.get("permissions")
    levels = permissions.values() if isinstance(permissions, dict) else ()
    return max(
        (int(number_of(level, "access_level")) for level in levels if isinstance(level, dict)),
        default=0,
    )


def access(level: int) -> Iterator[Finding]:
    """Check the role of the token's user."""
    step = "Manage → Members: give the role Maintainer"
    if 0 < level < DEVELOPER:
        yield Finding("token", ERROR, "its role is below Developer: it can start no pipeline", step)
    elif DEVELOPER <= level < MAINTAINER:
        message = (
            "its role is Developer: variables, runners and others' schedules are for Maintainers "
            "alone"
        )
        yield Finding("token", NOTE, message, step)


def version(text: str, needs: Needs) -> Iterator[Finding]:
    """Check the server's version."""
    match = re.match(r"(\d+)\.(\d+)", text)
    oldest = ".".join(map(str, needs.version))
    if match and (int(match[1]), int(match[2])) < needs.version:
        message = f"GitLab {text} is too old for the generated pipeline, which needs {oldest}"
        yield Finding("server", ERROR, message, "update GitLab")
    elif match:
        yield Finding("server", NOTE, f"GitLab {text}; the generated pipeline needs {oldest}")


def project(record: Record, needs: Needs, level: int) -> Iterator[Finding]:
    """Check the settings of the project."""
    if record.get("archived") is True:
        yield Finding(
            "project", ERROR, "it is archived: no pipeline starts", "Settings → General → Advanced"
        )
    if record.get("jobs_enabled") is False or record.get("builds_access_level") == "disabled":
        yield Finding("project", ERROR, "CI/CD is off: no pipeline starts", f"{FEATURES} → CI/CD")
    path = text_of(record, "ci_config_path") or ".gitlab-ci.yml"
    if needs.config and path != needs.config:
        message = f"GitLab reads {path}, and not {needs.config}, which is generated"
        step = (
            f"{GENERAL} → CI/CD configuration file: empty it, or write gitlab.entry into the spec"
        )
        yield Finding("project", ERROR, message, step)
    yield from _packages(record, needs)
    yield from _time(record, needs)
    yield from _override(record, needs, level)
    if record.get("auto_cancel_pending_pipelines") == "disabled":
        message = (
            "pipelines of commits that are no longer the newest are not cancelled: they keep "
            "runners busy"
        )
        yield Finding("project", NOTE, message, f"{GENERAL} → Auto-cancel redundant pipelines")
    if record.get("ci_push_repository_for_job_token_allowed") is True:
        message = "jobs may push to the repository, and none of ours does"
        yield Finding("project", NOTE, message, "Settings → CI/CD → Job token permissions")
    if record.get("keep_latest_artifact") is True and not needs.uses_packages:
        message = "the artifacts of each ref's latest pipeline stay beyond gitlab.expire_in"
        yield Finding("project", NOTE, message, "Settings → CI/CD → Artifacts")


def _packages(record: Record, needs: Needs) -> Iterator[Finding]:
    is_off = (
        record.get("package_registry_access_level") == "disabled"
        or record.get("packages_enabled") is False
    )
    if needs.uses_packages and is_off:
        message = "the package registry is off, and wheels travel through it"
        yield Finding("project", ERROR, message, f"{FEATURES} → Package registry")
    limit = int(number_of(record, "max_artifacts_size"))
    if not needs.uses_packages and limit and needs.largest > limit * 1024 * 1024:
        message = (
            f"artifacts may have {limit} MiB, and wheels up to {needs.largest} bytes: such a job "
            "fails at its end"
        )
        yield Finding(
            "project",
            ERROR,
            message,
            "write gitlab.wheels: packages into the spec, or ask an administrator",
        )


def _time(record: Record, needs: Needs) -> Iterator[Finding]:
    limit = int(number_of(record, "build_timeout"))
    if needs.unlimited and 0 < limit <= HOUR:
        message = (
            f"jobs such as {needs.unlimited} end after {limit // 60} minutes, whether done or not"
        )
        step = f"{GENERAL} → Timeout, or gitlab.overrides in the spec: {{wheel: {{timeout: 3h}}}}"
        yield Finding("project", NOTE if limit == HOUR else WARNING, message, step)


def _override(record: Record, needs: Needs, level: int) -> Iterator[Finding]:
    """Check who may pass variables to a pipeline."""
    role = text_of(record, "ci_pipeline_variables_minimum_override_role")
    if not role:  # before GitLab 17.1
        role = (
            "maintainer" if record.get("restrict_user_defined_variables") is True else "developer"
        )
    if needs.by_inputs or level >= ROLES.get(role, 0) or not level:
        return
    who = "nobody" if role == "no_one_allowed" else f"only the role {role}"
    step = (
        f"{VARIABLES} → Minimum role to use pipeline variables, or gitlab.inputs: true in the spec"
    )
    if needs.sends_variables:
        message = (
            f"{who} may pass variables to a pipeline: the schedules' cannot be saved, trigger -v "
            "is refused"
        )
        yield Finding("project", ERROR, message, step)
    else:
        yield Finding(
            "project",
            WARNING,
            f"{who} may pass variables to a pipeline: trigger -v is refused",
            step,
        )


def protected_tags(records: Sequence[Record], needs: Needs) -> Iterator[Finding]:
    """Check whether any tag is protected: only those are published."""
    if not needs.publishes:
        return
    names = [text_of(record, "name") for record in records]
    if names:
        yield Finding("publish", NOTE, f"tags like {' or '.join(names)} are published")
    else:
        message = "no tag is protected: the publish jobs never run"
        yield Finding(
            "publish", ERROR, message, "Settings → Repository → Protected tags: add one such as v*"
        )


def default_branch(records: Sequence[Record], branch: str) -> Iterator[Finding]:
    """Check whether the default branch is protected."""
    if branch and not any(fnmatchcase(branch, text_of(record, "name")) for record in records):
        message = (
            f"{branch} is not protected: everybody with the role Developer can change what is built"
        )
        yield Finding(
            "project", WARNING, message, "Settings → Repository → Branch rules: protect it"
        )


def job_token(scope: Record, allowed: Sequence[Record]) -> Iterator[Finding]:
    """Check which projects' jobs may start pipelines here."""
    step = "Settings → CI/CD → Job token permissions"
    if scope.get("inbound_enabled") is False:
        message = "jobs of any project may use their token here"
        yield Finding(
            "job token", WARNING, message, f"{step}: only this project and those of the allowlist"
        )
    elif len(allowed) <= 1:
        message = "jobs of no other project may start a pipeline here"
        yield Finding("job token", NOTE, message, f"{step}: add those that are to")


def colliding(records: Iterable[Record], of: str, needs: Needs) -> Iterator[Finding]:
    """Check variables of a project or group whose names mean something to us.

    They beat those of files and images.
    """
    for name in dict.fromkeys(text_of(record, "key") for record in records):
        rule = needs.variables.get(name)
        step = f"{VARIABLES} ({of}): remove {name}"
        if rule and rule.scope == "image":
            yield Finding(
                "variables",
                ERROR,
                f"{name} of the {of} hides what the images provide under that name",
                step,
            )
        elif name in needs.job_variables:
            yield Finding(
                "variables", ERROR, f"{name} of the {of} replaces the value that our jobs get", step
            )
        elif (rule and rule.scope == "forge") or is_set_by_a_forge(name):
            yield Finding(
                "variables", WARNING, f"{name} of the {of} replaces GitLab's own value", step
            )
        elif rule and rule.scope == "pipeline":
            message = (
                f"{name} of the {of} replaces the default in every pipeline where nobody sets it"
            )
            yield Finding(
                "variables", WARNING, message, f"{step}, or set it in a schedule or with trigger -v"
            )


def held(secret: Secret, records: Iterable[Record], *, is_all: bool) -> Iterator[Finding]:
    """Check whether a secret is there, and for the jobs that need it.

    `is_all` says that all places were looked at.
    """
    known = [record for record in records if text_of(record, "key") == secret.name]
    matching = [
        record
        for record in known
        if _reaches(text_of(record, "environment_scope") or "*", secret.environment)
    ]
    what = f"{secret.name}, {secret.purpose},"
    if matching:
        yield from _kept(secret, matching[0], what)
    elif known:
        scopes = ", ".join(text_of(record, "environment_scope") for record in known)
        jobs = (
            f"the environment {secret.environment}"
            if secret.environment
            else "jobs without an environment"
        )
        message = f"{what} is there for the environments {scopes} alone, and not for {jobs}"
        yield Finding(
            "variables", ERROR, message, f"{VARIABLES}: change the environment of {secret.name}"
        )
    else:
        where = "is not set" if is_all else "is not among the variables that this token may see"
        step = f"{VARIABLES}: add {secret.name}, masked" + (
            " and protected" if secret.is_late else ""
        )
        yield Finding("variables", ERROR if is_all else WARNING, f"{what} {where}", step)


def _reaches(scope: str, environment: str) -> bool:
    return scope == "*" or fnmatchcase(environment, scope.replace("[", "[[]"))


def _kept(secret: Secret, record: Record, what: str) -> Iterator[Finding]:
    """Check how a secret is kept."""
    step = f"{VARIABLES} → {secret.name}"
    is_protected = record.get("protected") is True
    if secret.is_hidden and record.get("masked") is not True:
        message = f"{what} is not masked: a job's log may show it"
        rule = "mask it; for that it must be one line of 8 characters or more, without spaces"
        yield Finding("variables", WARNING, message, f"{step}: {rule}")
    if secret.is_hidden and secret.is_late and not is_protected:
        message = f"{what} is not protected: the jobs of every branch can read it"
        yield Finding("variables", WARNING, message, f"{step}: Protect variable")
    if not secret.is_late and is_protected:
        message = f"{what} is protected: on branches that are not, it is absent"
        yield Finding("variables", NOTE, message, step)
    if "$" in text_of(record, "value") and record.get("raw") is False:
        message = f"{what} has a $ in it, which GitLab takes for a variable"
        yield Finding("variables", WARNING, message, f"{step}: untick Expand variable reference")


def runners(
    tags: Sequence[str], job: str, records: Sequence[Record], needs: Needs
) -> Iterator[Finding]:
    """Check the online runners that the server names for a set of tags.

    What it hides of one is taken for fitting.
    """
    matching = [record for record in records if _takes(record, tags)]
    what = f"{readable(tags)} (such as {job})"
    if not matching:
        step = f"{RUNNERS}: start or register one" + (
            " that takes jobs without tags" if not tags else ""
        )
        yield Finding(
            "runners",
            ERROR,
            f"no runner is online that takes jobs with {what}: they stay pending",
            step,
        )
        return
    if all(runner.get("access_level") == "ref_protected" for runner in matching):
        message = (
            f"all online runners for {what} serve protected refs alone: jobs of merge requests "
            "stay pending"
        )
        yield Finding("runners", WARNING, message, f"{RUNNERS}: let one run unprotected jobs")
    longest = max(
        (int(number_of(runner, "maximum_timeout")) or 10**9 for runner in matching), default=0
    )
    if needs.limits and longest < max(needs.limits.values()):
        slow = max(needs.limits, key=lambda name: needs.limits[name])
        message = (
            f"every online runner for {what} ends jobs after {longest // 60} minutes, before "
            f"{slow} would"
        )
        yield Finding("runners", WARNING, message, f"{RUNNERS}: raise its maximum job timeout")


def _takes(runner: Record, tags: Sequence[str]) -> bool:
    known = runner.get("tag_list")
    if tags:
        return not isinstance(known, list) or {*tags} <= {*map(str, known)}
    return runner.get("run_untagged") is not False


def repositories(project: Record, images: Iterable[str]) -> list[str]:
    """Return the paths of those images that lie in the project's own container registry."""
    project_path = text_of(
        project, "path_with_namespace"
    ).lower()  # as repositories of images are written
    heads = [
        "$CI_REGISTRY_IMAGE",
        "${CI_REGISTRY_IMAGE}",
        text_of(project, "container_registry_image_prefix"),
    ]
    paths = (
        image.rpartition(":")[0].removeprefix(head) for image in images for head in heads if head
    )
    return [project_path + path for path in paths if path.startswith("/")]


def image_rules(rules: Sequence[Record], paths: Sequence[str]) -> Iterator[Finding]:
    """Check that builder images are in a protected repository, where no Developer may push."""
    patterns = [
        text_of(rule, "repository_path_pattern")
        for rule in rules
        if rule.get("minimum_access_level_for_push")
    ]
    bare = [path for path in paths if not any(_is_below(path, pattern) for pattern in patterns)]
    if bare:
        who = (
            "every Developer, and every job that one starts, may push what jobs of unprotected "
            "refs run in"
        )
        rule = (
            f"add {bare[0].rpartition('/')[0]}/*, push for Maintainer; who then changes an image "
            "needs one to run it"
        )
        yield Finding(
            "images", WARNING, f"no rule protects {', '.join(bare)}: {who}", f"{CONTAINERS}: {rule}"
        )


def _is_below(path: str, pattern: str) -> bool:
    """Return whether a rule's pattern, in which * alone is special, fits a path."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), path) is not None


def schedules(steps: Iterable[Step], user: str) -> Iterator[Finding]:
    """Check our schedules: drift, and who owns them."""
    for step in steps:
        if step.action != KEEP:
            what = (
                ", ".join(difference.what for difference in step.differences) if step.found else ""
            )
            messages = {
                "create": "is not there",
                "change": f"differs in {what}",
                "remove": f"is too many: {step.why}",
            }
            message = f"the schedule {step.name} {messages[step.action]}"
            yield Finding("schedules", WARNING, message, "apply what is declared: schedules")
        elif step.found and user and step.found.owner != user:
            message = f"the schedule {step.name} runs with the rights of {step.found.owner}"
            yield Finding("schedules", NOTE, message)


def foreign_schedules(records: Iterable[Record]) -> Iterator[Finding]:
    """Check the schedules of others."""
    for record in records:
        owner = record.get("owner")
        state = text_of(owner, "state") if isinstance(owner, dict) else "gone"
        if record.get("active") is True and state not in {"active", ""}:
            message = (
                f"the schedule {text_of(record, 'description')!r} belongs to a user who is "
                f"{state}: it never runs"
            )
            yield Finding(
                "schedules",
                WARNING,
                message,
                "Build → Pipeline schedules: take it over, or delete it",
            )
