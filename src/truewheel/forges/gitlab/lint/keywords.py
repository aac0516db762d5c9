"""The keywords of a GitLab file, and what each may hold. One entry a keyword.

What several share has a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from truewheel.errors import show_value
from truewheel.forges.gitlab import limits
from truewheel.forges.gitlab.lint import input_values
from truewheel.forges.gitlab.lint.values import (
    Check,
    Fault,
    Route,
    anything,
    below,
    boolean,
    condition,
    duration,
    each,
    either,
    filled,
    flat,
    integers,
    is_blank,
    is_open,
    kind_of,
    list_of,
    mapping,
    nested,
    one_of,
    regex,
    script,
    short_text,
    strings,
    text,
    text_or_list,
    text_or_regex,
    up_to,
    whole_number,
    wrong,
)

ON_SUCCESS = ("on_success", "on_failure", "always")
FAILURES = (
    "always", "unknown_failure", "script_failure", "api_failure", "stuck_or_timeout_failure",
    "stuck_pending_with_matching_runners", "stuck_pending_no_matching_runners",
    "no_updates_running", "no_updates_canceling", "runner_system_failure",
    "runner_configuration_error", "runner_external_dependency_failure", "runner_interrupted",
    "missing_dependency_failure", "runner_unsupported", "stale_schedule", "job_execution_timeout",
    "job_execution_server_timeout", "server_timeout_running", "server_timeout_canceling",
    "archived_failure", "unmet_prerequisites", "scheduler_failure", "data_integrity_failure",
    "forward_deployment_failure", "user_blocked", "project_deleted", "ci_quota_exceeded",
    "pipeline_loop_detected", "no_matching_runner", "trace_size_exceeded", "builds_disabled",
    "environment_creation_failure", "deployment_rejected", "failed_outdated_deployment_job",
    "protected_environment_failure", "insufficient_bridge_permissions",
    "downstream_bridge_project_not_found", "invalid_bridge_trigger",
    "upstream_bridge_project_not_found", "insufficient_upstream_permissions",
    "bridge_pipeline_is_child_pipeline", "downstream_pipeline_creation_failed",
    "secrets_provider_not_found", "reached_max_descendant_pipelines_depth",
    "ip_restriction_failure", "reached_max_pipeline_hierarchy_size",
    "reached_downstream_pipeline_trigger_rate_limit", "duo_workflow_not_allowed",
    "job_router_failure", "job_token_expired",
)  # fmt: skip
REPORTS = (
    "accessibility", "annotations", "api_fuzzing", "browser_performance", "cluster_image_scanning",
    "codequality", "container_scanning", "coverage_fuzzing", "coverage_report", "cyclonedx", "dast",
    "dependency_scanning", "dotenv", "junit", "license_scanning", "load_performance", "lsif",
    "metrics", "performance", "repository_xray", "requirements", "requirements_v2", "sarif", "sast",
    "secret_detection", "terraform",
)  # fmt: skip

_ENVIRONMENT = r"[A-Za-z0-9_\\${}. -](?:[A-Za-z0-9_/\\${}. -]*[A-Za-z0-9_\\${}. -])?"
_NAME = rf"[A-Za-z0-9_]{{1,{limits.VARIABLE_NAME}}}"
_EXPOSED = re.compile(r"\w[-\w ]*", re.ASCII)
_POLICY = re.compile(r"pull-push|push|pull|\$\w")
_TAG = r"""\s*(?:"([^"]*)"|'([^']*)'|([^,]*))\s*(?:,|$)"""


# Variables


def _scalar(value: Any) -> Iterator[Fault]:
    if not isinstance(value, (str, int, float)):
        yield wrong(value, "a text, a number, true or false")


def _word(value: Any) -> Iterator[Fault]:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        yield wrong(value, "a text or a whole number")


def _chosen(value: dict[str, Any]) -> Iterator[Fault]:
    options = value.get("options")
    if (
        options
        and isinstance(options, list)
        and not is_open(value.get("value"))
        and value.get("value") not in options
    ):
        hint = f"write one of them as value, or add it: {kind_of(value.get('value'))}"
        yield Fault("not-an-option", ("value",), "must be one of the options", hint)


def _variables(keys: dict[str, Check]) -> Check:
    long_form = mapping(keys)

    def value_of(value: Any) -> Iterator[Fault]:
        if isinstance(value, dict) and keys:
            yield from long_form(value)
            yield from _chosen(value)
        elif value is not None or not keys:
            yield from _scalar(value)

    def check(value: Any) -> Iterator[Fault]:
        yield from each(value_of)(value)
        for name in value if isinstance(value, dict) else ():
            yield from below(name, _variable_name(name))

    return check


def _variable_name(name: Any) -> Iterator[Fault]:
    if isinstance(name, bool) or not isinstance(name, (str, int)):
        yield Fault(
            "variable-name", (), f"must have a text as its name, not {kind_of(name)}", "quote it"
        )
    elif not re.fullmatch(_NAME, str(name)) and not is_open(name):
        form = f"letters, digits and _ only, at most {limits.VARIABLE_NAME}"
        message = f"has a name that a shell cannot read: {form}"
        yield Fault("odd-variable-name", (), message, "rename it")


_VALUE: dict[str, Check] = {"value": _scalar, "expand": boolean}
GLOBAL_VARIABLES = _variables({**_VALUE, "description": _word, "options": strings})
JOB_VARIABLES = _variables(_VALUE)
PLAIN_VARIABLES = _variables({})


# Images and services

_PULL_POLICY = one_of("always", "never", "if-not-present")
_IMAGE: dict[str, Check] = {
    "name": filled,
    "entrypoint": strings,
    "docker": mapping(
        {"platform": short_text(limits.IMAGE_PLATFORM), "user": short_text(limits.IMAGE_USER)}
    ),
    "kubernetes": mapping(
        {"user": either("a text or a number", text=short_text(limits.IMAGE_USER), number=_word)}
    ),
    "pull_policy": either(
        "a policy or a list of them", text=_PULL_POLICY, list=list_of(_PULL_POLICY, least=1)
    ),
}
_SERVICE: dict[str, Check] = {
    **_IMAGE,
    "command": script,
    "alias": text,
    "variables": PLAIN_VARIABLES,
}
IMAGE = either("a text or a mapping", text=filled, mapping=mapping(_IMAGE, required=("name",)))
SERVICES = flat(
    either("a text or a mapping", text=filled, mapping=mapping(_SERVICE, required=("name",)))
)


# Rules


def _start(value: Any) -> Iterator[Fault]:
    """A delay belongs to `when: delayed`, and only there."""
    if value.get("when") == "delayed" and is_blank(value.get("start_in")):
        yield Fault("missing-value", (), "is delayed and must have start_in")
    elif value.get("when") != "delayed" and value.get("start_in") is not None:
        yield Fault(
            "exclusive-keys", ("start_in",), "has start_in, which goes only with when: delayed"
        )


_DELAY = duration(most=limits.LONGEST_DELAY)
_PATHS = list_of(text, most=limits.PATHS)
_CHANGES = either(
    "a list of paths, or a mapping with paths",
    list=_PATHS,
    mapping=mapping({"paths": _PATHS, "compare_to": text}, present=("paths",)),
)
_EXISTING = mapping({"paths": _PATHS, "project": text, "ref": text}, present=("paths",))


def _files_that_exist(value: Any) -> Iterator[Fault]:
    yield from _EXISTING(value) if value else ()
    if value.get("ref") is not None and "project" not in value:
        yield Fault("missing-value", (), "has ref and must have project")


_EXISTS = either(
    "a path, a list of paths, or a mapping with paths",
    text=text,
    list=_PATHS,
    mapping=_files_that_exist,
)


def _rules(keys: dict[str, Check]) -> Check:
    rule = mapping(keys, may_be_empty=False)

    def check_rule(value: Any) -> Iterator[Fault]:
        yield from rule(value)
        if isinstance(value, dict):
            yield from _start(value)

    listed = nested(check_rule, "a list of rules")

    def check(value: Any) -> Iterator[Fault]:
        if value == []:
            yield Fault(
                "missing-value", (), "must not be empty", "write a rule, or leave the keyword out"
            )
        yield from listed(value)

    return check


# Needs


def _need(value: Any) -> Iterator[Fault]:
    if isinstance(value, str):
        yield from filled(value)
    elif not isinstance(value, dict):
        yield wrong(value, "a job's name or a mapping")
    elif "project" in value:
        yield from _NEED_OF_PROJECT(value)
    elif "pipeline" in value:
        yield from (_NEED_OF_PIPELINE if "job" in value else _PIPELINE_STATUS)(value)
    else:
        yield from _NEED(value)


def _needs(value: Any) -> Iterator[Fault]:
    if value == {}:
        yield Fault("missing-value", (), "must not be an empty mapping")
        return
    yield from either("a list", list=flat(_need), mapping=_need)(value)
    listed = value if isinstance(value, list) else []
    others = [
        need for need in listed if isinstance(need, dict) and "pipeline" in need and "job" in need
    ]
    if len(others) > limits.NEEDS_OF_PIPELINES:
        yield Fault(
            "too-many",
            (),
            f"has {len(others)} jobs of other pipelines, of at most {limits.NEEDS_OF_PIPELINES}",
        )


def _matrix_values(value: Any) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield wrong(value, "a mapping")
        return
    if not value:
        yield Fault("missing-value", (), "must not be empty")
    for name, items in value.items():
        if items is None:
            yield Fault("missing-value", (name,), "must not be empty")
            continue
        for index, item in enumerate(items if isinstance(items, list) else [items]):
            route: Route = (name, index) if isinstance(items, list) else (name,)
            if isinstance(item, (bool, float)) or not isinstance(item, (str, int)):
                yield Fault(
                    "matrix-value", route, f"must be a text, not {kind_of(item)}", _quoted(item)
                )


def _quoted(value: Any) -> str:
    return "quote it" if isinstance(value, (bool, float)) else ""


_MATRIX = mapping({"matrix": list_of(_matrix_values)}, present=("matrix",))
PARALLEL = either(
    f"a number from 1 to {limits.PARALLEL}, or a matrix",
    number=whole_number(1, limits.PARALLEL),
    mapping=_MATRIX,
)
_NEED_PARALLEL = either("a matrix", mapping=_MATRIX)
_NEED = mapping(
    {"job": filled, "artifacts": boolean, "optional": boolean, "parallel": _NEED_PARALLEL},
    required=("job",),
)
_NEED_OF_PIPELINE = mapping(
    {"pipeline": filled, "job": filled, "artifacts": boolean}, required=("pipeline",)
)
_PIPELINE_STATUS = mapping({"pipeline": filled}, required=("pipeline",))
_NEED_OF_PROJECT = mapping(
    {
        "project": filled,
        "ref": filled,
        "job": filled,
        "artifacts": boolean,
        "parallel": _NEED_PARALLEL,
    },
    required=("project", "ref", "job"),
)

_CANCEL = mapping(
    {
        "on_new_commit": one_of("conservative", "interruptible", "none"),
        "on_job_failure": one_of("none", "all"),
    }
)
_RULE: dict[str, Check] = {
    "if": condition,
    "changes": _CHANGES,
    "exists": _EXISTS,
    "when": one_of(*ON_SUCCESS, "never", "manual", "delayed"),
    "start_in": _DELAY,
    "allow_failure": boolean,
    "variables": PLAIN_VARIABLES,
    "needs": _needs,
}
INCLUDE_RULE = mapping(
    {"if": condition, "changes": _CHANGES, "exists": anything, "when": one_of("always", "never")},
    may_be_empty=False,
)
RULES = _rules({**_RULE, "interruptible": boolean})
WORKFLOW = mapping(
    {
        "rules": _rules({**_RULE, "when": one_of("always", "never"), "auto_cancel": _CANCEL}),
        "name": up_to(limits.WORKFLOW_NAME),
        "auto_cancel": _CANCEL,
    }
)
POLICY = either(
    "a list of refs, or a mapping",
    list=list_of(text_or_regex),
    mapping=mapping(
        {
            "refs": list_of(text_or_regex),
            "kubernetes": one_of("active"),
            "variables": list_of(condition),
            "changes": strings,
        },
        may_be_empty=False,
    ),
)


# Artifacts and caches


def _exposed(value: Any) -> Iterator[Fault]:
    yield from up_to(limits.EXPOSED_NAME)(value)
    if isinstance(value, str) and not _EXPOSED.fullmatch(value):
        yield Fault("wrong-value", (), "may have letters, digits, -, _ and spaces only")


_COVERAGE_REPORT = mapping(
    {"coverage_format": one_of("cobertura", "jacoco"), "path": text},
    required=("coverage_format", "path"),
)
_ARTIFACTS = mapping(
    {
        "name": text,
        "untracked": boolean,
        "paths": strings,
        "exclude": strings,
        "reports": mapping(
            {**dict.fromkeys(REPORTS, text_or_list), "coverage_report": _COVERAGE_REPORT}
        ),
        "when": one_of(*ON_SUCCESS),
        "expire_in": duration(never=True),
        "expose_as": _exposed,
        "public": boolean,
        "access": one_of("none", "developer", "maintainer", "all"),
    },
    exclusive=(("access", "public"),),
)


def artifacts(value: Any) -> Iterator[Fault]:
    """Take the artifacts of a job."""
    yield from _ARTIFACTS(value)
    if not isinstance(value, dict) or value.get("expose_as") is None:
        return
    if is_blank(value.get("paths")):
        yield Fault("missing-value", (), "has expose_as and must have paths")
    for index, path in enumerate(value.get("paths") or ()):
        if isinstance(path, str) and "*" in path:
            yield Fault("wrong-value", ("paths", index), "cannot have a * where expose_as is used")


def _cache_key(value: Any) -> Iterator[Fault]:
    yield from text(value)
    path = re.sub(
        "%2[ef]",
        lambda escape: {"%2e": ".", "%2f": "/"}[escape[0].lower()],
        str(value),
        flags=re.IGNORECASE,
    )
    if "/" in path:
        yield Fault(
            "cache-key", (), f"cannot have a / in it: {show_value(value)}", "write a - instead"
        )
    elif path in {".", ".."}:
        yield Fault("cache-key", (), "cannot be . or ..")


_FILES = list_of(text, least=1, most=limits.CACHE_KEY_FILES)
_FILES_KEY = mapping(
    {"files": _FILES, "files_commits": _FILES, "prefix": _cache_key},
    exclusive=(("files", "files_commits"),),
)


def _key_of_files(value: Any) -> Iterator[Fault]:
    yield from _FILES_KEY(value)
    if not {"files", "files_commits"} & value.keys():
        yield Fault("missing-value", (), "must have files or files_commits")


def _policy(value: Any) -> Iterator[Fault]:
    yield from text(value)
    if isinstance(value, str) and value.strip() and not _POLICY.search(value):
        yield Fault("wrong-value", (), f"must be pull-push, push or pull, not {show_value(value)}")


_CACHE = mapping(
    {
        "key": either("a text or a mapping", text=_cache_key, mapping=_key_of_files),
        "untracked": boolean,
        "paths": strings,
        "when": one_of(*ON_SUCCESS),
        "policy": _policy,
        "unprotect": boolean,
        "fallback_keys": list_of(text, most=limits.FALLBACK_KEYS),
    }
)


def cache(value: Any) -> Iterator[Fault]:
    """Take a cache or a list of them."""
    if isinstance(value, list) and len(value) > limits.CACHES:
        yield Fault("too-many", (), f"has {len(value)} caches, of at most {limits.CACHES}")
    yield from either("a mapping or a list of mappings", mapping=_CACHE, list=flat(_CACHE))(value)


# Triggers

_INCLUDED = mapping(
    {
        "local": filled, "file": text_or_list, "remote": filled, "project": filled, "ref": text,
        "integrity": text, "cache": anything, "template": filled, "artifact": filled,
        "inputs": each(anything), "job": filled, "rules": list_of(each(anything)),
        "component": filled,
    }
)  # fmt: skip
SOURCES = ("local", "project", "remote", "template", "artifact", "component")


def _included(value: Any) -> Iterator[Fault]:
    yield from _INCLUDED(value)
    included = (
        [key for key in SOURCES if value.get(key) is not None]
        if isinstance(value, dict)
        else ["local"]
    )
    if len(included) != 1:
        message = f"must have one of {', '.join(SOURCES)}" + (
            f", not {' and '.join(included)}" if included else ""
        )
        yield Fault("include-kind", (), message)
    elif included == ["project"] and is_blank(value.get("file")):
        yield Fault("missing-value", (), "must have file, the path in that project")
    elif included == ["artifact"] and is_blank(value.get("job")):
        yield Fault("missing-value", (), "must have job, whose artifact it is")


include_item = either("a path or a mapping", text=filled, mapping=_included)
_FORWARD = mapping({"yaml_variables": boolean, "pipeline_variables": boolean})
_STRATEGY = one_of("depend", "mirror")
_OF_PROJECT = mapping(
    {
        "project": filled,
        "branch": text,
        "strategy": _STRATEGY,
        "forward": _FORWARD,
        "inputs": each(anything),
    },
    required=("project",),
)
_OF_FILES = mapping(
    {
        "include": either(
            "a path or a list of files",
            text=filled,
            list=list_of(include_item, most=limits.CHILD_FILES),
        ),
        "strategy": _STRATEGY,
        "forward": _FORWARD,
    }
)


def _trigger(value: Any) -> Iterator[Fault]:
    yield from (_OF_FILES if "include" in value else _OF_PROJECT)(value)


TRIGGER = either("a project or a mapping", text=filled, mapping=_trigger)


# Environments and releases


def _environment_name(value: Any) -> Iterator[Fault]:
    yield from filled(value)
    if isinstance(value, str) and value.strip() and not re.fullmatch(_ENVIRONMENT, value):
        message = "may have letters, digits, spaces, - _ . / $ { } only, and no / at its ends"
        yield Fault("wrong-value", (), f"{message}: {show_value(value)}")


_MANAGED = mapping({"enabled": boolean})
_DASHBOARD = mapping(
    {
        "namespace": short_text(limits.KUBERNETES_NAMESPACE),
        "flux_resource_path": short_text(limits.FLUX_PATH),
    },
    required=("namespace",),
)
_KUBERNETES = mapping(
    {
        "namespace": text,
        "agent": text,
        "flux_resource_path": text,
        "managed_resources": _MANAGED,
        "dashboard": _DASHBOARD,
    },
    may_be_empty=False,
)


def _kubernetes(value: Any) -> Iterator[Fault]:
    """Take a connection to a cluster: lib/gitlab/ci/config/entry/kubernetes.rb."""
    yield from _KUBERNETES(value)
    if not isinstance(value, dict):
        return
    has_path = not is_blank(value.get("flux_resource_path"))
    dashboard = value.get("dashboard")
    managed = value.get("managed_resources")
    is_managed = isinstance(managed, dict) and managed.get("enabled") is True
    needs_agent = has_path or is_managed or not is_blank(dashboard)
    if needs_agent and is_blank(value.get("agent")):
        yield Fault("missing-value", (), "must have agent")
    if has_path and is_blank(value.get("namespace")):
        yield Fault("missing-value", (), "has flux_resource_path and must have namespace")
    for key in ("namespace", "flux_resource_path"):
        if value.get(key) and isinstance(dashboard, dict) and dashboard.get(key):
            yield Fault("exclusive-keys", (key,), f"has {key} in dashboard, too", "keep that one")


ENVIRONMENT = either(
    "a text or a mapping",
    text=_environment_name,
    mapping=mapping(
        {
            "name": _environment_name,
            "url": up_to(limits.ENVIRONMENT_ADDRESS),
            "action": one_of("start", "stop", "prepare", "verify", "access"),
            "on_stop": text,
            "auto_stop_in": text,
            "kubernetes": _kubernetes,
            "deployment_tier": text,
        },
        required=("name",),
    ),
)
_DATE = re.compile(
    r"(?P<year>\d{4})-?(?:(?P<month>\d\d)-?(?P<day>\d\d)|W\d\d-?[1-7]|\d{3})"
    r"(?:[T ]\d\d(?::?\d\d(?::?\d\d(?:[.,]\d+)?)?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?",
    re.IGNORECASE,
)


def _released_at(value: Any) -> Iterator[Fault]:
    yield from text(value)
    if not isinstance(value, str) or "$" in value:
        return
    match = _DATE.fullmatch(value.strip())
    if not match or (match["day"] and not _is_day(match)):
        hint = "such as '2026-11-29T08:00:00Z'"
        yield Fault("wrong-value", (), f"is no date of ISO 8601: {show_value(value)}", hint)


def _is_day(match: re.Match[str]) -> bool:
    try:
        date(int(match["year"]), int(match["month"]), int(match["day"]))
    except ValueError:
        return False
    return True


RELEASE = mapping(
    {
        "tag_name": filled, "tag_message": text, "name": text, "description": filled, "ref": text,
        "released_at": _released_at, "milestones": text_or_list,
        "assets": mapping({"links": list_of(each(anything), least=1)}, required=("links",)),
    },
    required=("tag_name", "description"),
)  # fmt: skip


# Jobs


def count_tags(tags: list[Any]) -> int:
    """Return how many different tags GitLab reads from a list: a comma divides."""
    matches = (match for match in re.finditer(_TAG, ", ".join(map(str, tags))) if match[0])
    return len({(match[1] or match[2] or match[3] or "").strip() for match in matches} - {""})


def _tags(value: Any) -> Iterator[Fault]:
    yield from strings(value)
    if isinstance(value, list) and (count := count_tags(value)) >= limits.TAGS:
        yield Fault("too-many", (), f"has {count} tags, and must have fewer than {limits.TAGS}")


def _retry_when(value: Any) -> Iterator[Fault]:
    yield from either(
        "a reason or a list of reasons", text=one_of(*FAILURES), list=list_of(one_of(*FAILURES))
    )(value)


_RETRIES = whole_number(0, limits.RETRIES)
RETRY = either(
    f"a number from 0 to {limits.RETRIES}, or a mapping",
    number=_RETRIES,
    mapping=mapping({"max": _RETRIES, "when": _retry_when, "exit_codes": integers}),
)
_ID_TOKEN = mapping({"aud": text_or_list}, required=("aud",))


def _option(value: Any) -> Iterator[Fault]:
    if value is None:
        yield Fault("wrong-value", (), "must not be null")


_OPTIONS = list_of(_option, most=limits.INPUT_OPTIONS)
_INPUT: dict[str, Check] = {
    "default": anything,
    "description": _word,
    "regex": text,
    "options": _OPTIONS,
    "type": one_of("array", "boolean", "number", "string"),
}


def _job_input(value: Any) -> Iterator[Fault]:
    """An input of a job can only be changed by hand, so it must have a default."""
    yield from _JOB_INPUT(value)
    if isinstance(value, dict) and value.get("default") is not None:
        for _, message in input_values.resolve(value, None, {}).faults:
            yield Fault("input-value", ("default",), message)


_JOB_INPUT = mapping(_INPUT, present=("default",))

# What `default:` may have too.
DEFAULT: dict[str, Check] = {
    "before_script": script,
    "after_script": script,
    "hooks": mapping({"pre_get_sources_script": script}),
    "cache": cache,
    "image": IMAGE,
    "services": SERVICES,
    "interruptible": boolean,
    "timeout": duration(most=limits.LONGEST_TIMEOUT),
    "retry": RETRY,
    "tags": _tags,
    "artifacts": artifacts,
    "id_tokens": each(_ID_TOKEN),
    "identity": one_of("google_cloud"),
}
INHERIT = mapping(
    {
        "default": either(
            "true, false or a list of keywords", boolean=boolean, list=list_of(one_of(*DEFAULT))
        ),
        "variables": either("true, false or a list of names", boolean=boolean, list=strings),
    }
)
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _step_name(value: Any) -> Iterator[Fault]:
    yield from text(value)
    if isinstance(value, str) and not _IDENTIFIER.fullmatch(value):
        message = "must be letters, digits and _, and begin with no digit"
        yield Fault("wrong-value", (), f"{message}: {show_value(value)}")


def _named(check: Check) -> Check:
    values = each(check)

    def check_named(value: Any) -> Iterator[Fault]:
        yield from values(value)
        for name in value if isinstance(value, dict) else ():
            yield from below(name, _step_name(name))

    return check_named


_GIT = mapping({"url": text, "rev": text, "dir": text, "file": text}, present=("url", "rev"))
_OCI = mapping(
    {"registry": text, "repository": text, "tag": text, "dir": text, "file": text},
    present=("registry", "repository", "tag"),
)
_FUNCTION = either(
    "a text, git or oci",
    text=text,
    mapping=lambda value: mapping(
        {"git": _GIT, "oci": _OCI},
        present=("oci",) if "oci" in value else ("git",),
        exclusive=(("oci", "git"),),
    )(value),
)
_STEP: dict[str, Check] = {
    "name": _step_name,
    "env": _named(text),
    "inputs": _named(anything),
    "step": _FUNCTION,
    "func": _FUNCTION,
    "script": filled,
}
_STEP_KINDS = ("script", "step", "func")


def _step(value: Any) -> Iterator[Fault]:
    """Take a step of `run`: app/validators/json_schemas/ci_run_steps.json."""
    yield from mapping(_STEP, present=("name",))(value)
    if not isinstance(value, dict):
        return
    kinds = [key for key in _STEP_KINDS if key in value]
    if len(kinds) != 1:
        yield Fault("exclusive-keys", (), f"must have one of {', '.join(_STEP_KINDS)}")
    elif kinds == ["script"] and "inputs" in value:
        yield Fault("unknown-key", ("inputs",), "has inputs, which a script does not take")


# Secrets are a feature of paid editions; the words are those of the YAML reference, `secrets`.
_VAULT = mapping(
    {
        "engine": mapping({"name": filled, "path": filled}, required=("name", "path")),
        "path": filled,
        "field": filled,
    },
    required=("engine", "path", "field"),
)
_PROVIDERS: dict[str, Check] = {
    "vault": either("a text or a mapping", text=filled, mapping=_VAULT),
    "gcp_secret_manager": either(
        "a text or a mapping",
        text=filled,
        mapping=mapping({"name": filled, "version": _word}, required=("name",)),
    ),
    "azure_key_vault": either(
        "a text or a mapping",
        text=filled,
        mapping=mapping({"name": filled, "version": text}, required=("name",)),
    ),
    "aws_secrets_manager": either("a text or a mapping", text=filled, mapping=each(anything)),
    "akeyless": each(anything),
    "gitlab_secrets_manager": either("a text or a mapping", text=filled, mapping=each(anything)),
}


def _secret(value: Any) -> Iterator[Fault]:
    yield from mapping({**_PROVIDERS, "file": boolean, "token": text})(value)
    if not isinstance(value, dict):
        return
    providers = [key for key in _PROVIDERS if value.get(key) is not None]
    if len(providers) != 1:
        message = f"must have one of {', '.join(_PROVIDERS)}"
        yield Fault("missing-value" if not providers else "exclusive-keys", (), message)
    if providers == ["gcp_secret_manager"] and is_blank(value.get("token")):
        yield Fault("missing-value", (), "must have token, beside gcp_secret_manager")


_EVERY: dict[str, Check] = {
    "extends": text_or_list,
    "stage": text,
    "only": POLICY,
    "except": POLICY,
    "rules": RULES,
    "variables": JOB_VARIABLES,
    "inherit": INHERIT,
    "needs": _needs,
    "parallel": PARALLEL,
    "resource_group": text,
    "environment": ENVIRONMENT,
    "interruptible": boolean,
}
_EXIT_CODES = mapping({"exit_codes": integers})
JOB: dict[str, Check] = {
    **DEFAULT,
    **_EVERY,
    "script": script,
    "run": list_of(_step),
    "when": one_of(*ON_SUCCESS, "manual", "delayed"),
    "start_in": _DELAY,
    "allow_failure": either("true, false or exit_codes", boolean=boolean, mapping=_EXIT_CODES),
    "dependencies": strings,
    "coverage": regex,
    "release": RELEASE,
    "publish": text,
    "pages": either(
        "true, false or a mapping",
        boolean=boolean,
        mapping=mapping(
            {
                "path_prefix": text,
                "expire_in": duration(never=True, variables=True),
                "publish": text,
            }
        ),
    ),
    "manual_confirmation": text,
    "secrets": each(_secret),
    "dast_configuration": mapping({"site_profile": text, "scanner_profile": text}),
    "inputs": each(_job_input),
}
BRIDGE: dict[str, Check] = {
    **_EVERY,
    "trigger": TRIGGER,
    "parallel": either("a matrix", mapping=_MATRIX),
    "when": one_of(*ON_SUCCESS, "manual"),
    "allow_failure": boolean,
}


# The top level

STAGES = nested(text, "a list of stages")
GLOBAL: dict[str, Check] = {
    "default": mapping(DEFAULT),
    "include": anything,
    "before_script": script,
    "image": IMAGE,
    "services": SERVICES,
    "after_script": script,
    "variables": GLOBAL_VARIABLES,
    "stages": STAGES,
    "cache": cache,
    "workflow": WORKFLOW,
}
_INPUT_RULE = mapping(
    {"if": condition, "options": _OPTIONS, "default": anything}, may_be_empty=False
)


def _input_rule(value: Any) -> Iterator[Fault]:
    yield from _INPUT_RULE(value)
    if not isinstance(value, dict):
        return
    if is_open(value.get("if")):  # here a block is a word of the expression itself
        yield from below("if", condition(value["if"]))
    options = value.get("options")
    if options is None and "default" not in value:
        yield Fault("missing-value", (), "must have options or default")
    elif options is None and value.get("if") is None:
        yield Fault("missing-value", (), "has no if and must have options")
    if isinstance(options, list) and value.get("default") is not None:
        for _, message in input_values.resolve(
            {"options": options, "default": value["default"], **_likely_type(options)}, None, {}
        ).faults:
            yield Fault("not-an-option", ("default",), message)


def _likely_type(options: list[Any]) -> dict[str, str]:
    is_number = all(
        isinstance(option, (int, float)) and not isinstance(option, bool) for option in options
    )
    return {"type": "number"} if options and is_number else {}


_HEADER_INPUT = mapping(
    {**_INPUT, "rules": list_of(_input_rule)},
    exclusive=(("rules", "options"), ("rules", "default")),
)
_HEADER_INCLUDE = mapping(
    {
        "local": filled,
        "remote": filled,
        "project": filled,
        "file": text_or_list,
        "ref": text,
        "integrity": text,
    }
)


def _header_include(value: Any) -> Iterator[Fault]:
    yield from _HEADER_INCLUDE(value)
    sources = [key for key in ("local", "remote", "project") if key in value]
    if len(sources) != 1:
        yield Fault("include-kind", (), "must have one of local, remote, project")
    elif sources == ["project"] and is_blank(value.get("file")):
        yield Fault("missing-value", (), "must have file, the path in that project")


_header_include_item = either("a path or a mapping", text=filled, mapping=_header_include)
HEADER = mapping(
    {
        "inputs": each(either("a mapping", mapping=_HEADER_INPUT, null=anything)),
        "include": either(
            "a path, a mapping, or a list of them",
            text=filled,
            mapping=_header_include,
            list=list_of(_header_include_item),
        ),
        "component": list_of(one_of("name", "sha", "version", "reference")),
        "description": up_to(limits.COMPONENT_DESCRIPTION),
    }
)
