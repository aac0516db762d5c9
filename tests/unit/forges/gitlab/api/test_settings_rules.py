"""Misconfigured settings of a GitLab project, found in plain records."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from truewheel.forges.gitlab.api import settings_rules
from truewheel.forges.gitlab.api.requirements import Needs, Secret
from truewheel.forges.settings import NOTE, Finding
from truewheel.spec.policy import Variable

TODAY = date(2026, 11, 28)
NEEDS = Needs(
    secrets=(),
    variables={
        "CUDA": Variable("image"),
        "MINE": Variable(),
        "CI_X": Variable("forge"),
        "KEY": Variable("secret"),
    },
    job_variables=frozenset({"TRUEWHEEL_CELL"}),
    tags={},
    limits={"slow": 3 * 3600.0},
    unlimited="wheel:a",
    publishes=True,
    uses_packages=False,
    config=".gitlab-ci.yml",
    version=(15, 8),
    sends_variables=False,
    by_inputs=False,
    largest=0,
    images=(),
)
PASS = Secret("PASS", "the password of the index own", "p/own", is_late=True)
PLAIN = Secret("SIGN", "a secret of the spec")


def told(results: Any) -> list[str]:
    """Return severities and the words of the messages; each that bites has a next step."""
    findings = list(results)
    assert all(
        isinstance(finding, Finding) and (finding.step or finding.severity == NOTE)
        for finding in findings
    )
    return [f"{finding.severity}: {finding.message}" for finding in findings]


def one(results: Any) -> str:
    (text,) = told(results) or [""]
    return text


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (
            {"name": "t", "scopes": ["api"], "expires_at": "2027-11-01"},
            "note: the token t ends on 2027-11-01",
        ),
        ({"name": "t", "scopes": ["api"], "expires_at": None}, "note: the token t has no end"),
        (
            {"name": "t", "scopes": ["api"], "expires_at": "2026-12-28"},
            "warning: the token t ends on 2026-12-28, in 30",
        ),
        (
            {"name": "t", "scopes": ["api"], "expires_at": "2026-12-29"},
            "note: the token t ends on 2026-12-29",
        ),
        (
            {"name": "t", "scopes": "api", "expires_at": "soon"},
            "warning: the token t has the scopes of nothing",
        ),
        (
            {"scopes": ["read_api"], "expires_at": "2027-11-01"},
            "warning: the token  has the scopes read_api",
        ),
    ],
)
def test_scopes_and_end_of_a_token(record: dict[str, Any], expected: str):
    assert told(settings_rules.token(record, TODAY))[0].startswith(expected)


@pytest.mark.parametrize(
    ("level", "severity"), [(0, ""), (20, "error"), (30, "note"), (40, ""), (50, "")]
)
def test_the_role_of_the_tokens_user(level: int, severity: str):
    assert one(settings_rules.access(level)).partition(":")[0] == severity


@pytest.mark.parametrize(
    ("permissions", "level"),
    [
        ({"project_access": {"access_level": 30}, "group_access": {"access_level": 40}}, 40),
        ({"project_access": None, "group_access": None}, 0),
        (None, 0),
        ([], 0),
    ],
)
def test_the_level_of_a_project_s_record(permissions: Any, level: int):
    assert settings_rules.level_of({"permissions": permissions}) == level


@pytest.mark.parametrize(
    ("text", "needed", "severity"),
    [
        ("18.9.0-pre", (15, 8), "note"),
        ("15.8.0", (15, 8), "note"),
        ("15.7.9", (15, 8), "error"),
        ("9.10", (15, 8), "error"),
        ("17.10.1-ee", (17, 11), "error"),
        ("", (15, 8), ""),
    ],
)
def test_the_version_of_the_server(text: str, needed: tuple[int, int], severity: str):
    assert (
        one(settings_rules.version(text, NEEDS._replace(version=needed))).partition(":")[0]
        == severity
    )


@pytest.mark.parametrize(
    ("record", "change", "expected"),
    [
        ({}, {}, ""),
        ({"archived": True}, {}, "error: it is archived"),
        ({"jobs_enabled": False}, {}, "error: CI/CD is off"),
        ({"builds_access_level": "disabled"}, {}, "error: CI/CD is off"),
        ({"ci_config_path": ""}, {}, ""),
        ({"ci_config_path": None}, {}, ""),
        ({"ci_config_path": ".gitlab-ci.yml"}, {}, ""),
        ({"ci_config_path": "x.yml"}, {}, "error: GitLab reads x.yml"),
        ({"ci_config_path": "x.yml"}, {"config": ""}, ""),
        ({"package_registry_access_level": "disabled"}, {}, ""),
        (
            {"package_registry_access_level": "disabled"},
            {"uses_packages": True},
            "error: the package registry is off",
        ),
        (
            {"packages_enabled": False},
            {"uses_packages": True},
            "error: the package registry is off",
        ),
        ({"package_registry_access_level": "private"}, {"uses_packages": True}, ""),
        ({"max_artifacts_size": 100}, {"largest": 10**9}, "error: artifacts may have 100 MiB"),
        ({"max_artifacts_size": 100}, {"largest": 10**9, "uses_packages": True}, ""),
        ({"max_artifacts_size": 100}, {"largest": 100 * 1024 * 1024}, ""),
        ({"build_timeout": 600}, {}, "warning: jobs such as wheel:a end after 10 minutes"),
        ({"build_timeout": 3600}, {}, "note: jobs such as wheel:a end after 60 minutes"),
        ({"build_timeout": 7200}, {}, ""),
        ({"build_timeout": 600}, {"unlimited": ""}, ""),
        (
            {"auto_cancel_pending_pipelines": "disabled"},
            {},
            "note: pipelines of commits that are no longer the newest",
        ),
        ({"ci_push_repository_for_job_token_allowed": True}, {}, "note: jobs may push"),
        (
            {"keep_latest_artifact": True},
            {},
            "note: the artifacts of each ref's latest pipeline stay",
        ),
        ({"keep_latest_artifact": True}, {"uses_packages": True}, ""),
    ],
)
def test_settings_of_a_project(record: dict[str, Any], change: dict[str, Any], expected: str):
    text = one(settings_rules.project(record, NEEDS._replace(**change), 40))
    assert text.startswith(expected)
    assert bool(text) == bool(expected)


@pytest.mark.parametrize(
    ("record", "change", "level", "severity"),
    [
        ({"ci_pipeline_variables_minimum_override_role": "developer"}, {}, 30, ""),
        ({"ci_pipeline_variables_minimum_override_role": "maintainer"}, {}, 30, "warning"),
        ({"ci_pipeline_variables_minimum_override_role": "maintainer"}, {}, 40, ""),
        (
            {"ci_pipeline_variables_minimum_override_role": "owner"},
            {"sends_variables": True},
            40,
            "error",
        ),
        ({"ci_pipeline_variables_minimum_override_role": "no_one_allowed"}, {}, 50, "warning"),
        (
            {"ci_pipeline_variables_minimum_override_role": "no_one_allowed"},
            {"by_inputs": True},
            50,
            "",
        ),
        ({"restrict_user_defined_variables": True}, {}, 30, "warning"),
        ({"restrict_user_defined_variables": True}, {}, 40, ""),
        ({}, {}, 30, ""),
        (
            {"ci_pipeline_variables_minimum_override_role": "owner"},
            {},
            0,
            "",
        ),  # the role is not known
    ],
)
def test_who_may_pass_variables(
    record: dict[str, Any], change: dict[str, Any], level: int, severity: str
):
    assert (
        one(settings_rules.project(record, NEEDS._replace(**change), level)).partition(":")[0]
        == severity
    )


def test_protected_tags_and_branches():
    assert one(settings_rules.protected_tags([], NEEDS)).startswith("error: no tag is protected")
    assert (
        one(settings_rules.protected_tags([{"name": "v*"}], NEEDS))
        == "note: tags like v* are published"
    )
    assert one(settings_rules.protected_tags([], NEEDS._replace(publishes=False))) == ""
    assert one(settings_rules.default_branch([{"name": "rel*"}], "main")).startswith(
        "warning: main is not protected"
    )
    assert one(settings_rules.default_branch([{"name": "ma*"}], "main")) == ""


@pytest.mark.parametrize(
    ("scope", "allowed", "severity"),
    [
        ({"inbound_enabled": False}, 1, "warning"),
        ({"inbound_enabled": True}, 1, "note"),
        ({"inbound_enabled": True}, 2, ""),
    ],
)
def test_settings_of_job_tokens(scope: dict[str, Any], allowed: int, severity: str):
    assert one(settings_rules.job_token(scope, [{}] * allowed)).partition(":")[0] == severity


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CUDA", "error: CUDA of the project hides what the images provide"),
        (
            "TRUEWHEEL_CELL",
            "error: TRUEWHEEL_CELL of the project replaces the value that our jobs get",
        ),
        ("CI_X", "warning: CI_X of the project replaces GitLab's own value"),
        ("CI_COMMIT_SHA", "warning: CI_COMMIT_SHA of the project replaces GitLab's own value"),
        ("MINE", "warning: MINE of the project replaces the default"),
        ("KEY", ""),
        ("OTHER", ""),
    ],
)
def test_variables_of_the_project_with_names_of_ours(name: str, expected: str):
    text = one(
        settings_rules.colliding(
            [{"key": name}, {"key": name, "environment_scope": "x"}], "project", NEEDS
        )
    )
    assert text.startswith(expected)
    assert bool(text) == bool(expected)


GOOD = {
    "key": "PASS",
    "environment_scope": "*",
    "protected": True,
    "masked": True,
    "value": "abcdefgh",
    "raw": False,
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, ""),
        ({"environment_scope": "p/*"}, ""),
        ({"environment_scope": "p/own"}, ""),
        (
            {"environment_scope": "q"},
            "error: PASS, the password of the index own, is there for the environments q alone",
        ),
        ({"masked": False}, "warning: PASS, the password of the index own, is not masked"),
        ({"protected": False}, "warning: PASS, the password of the index own, is not protected"),
        ({"value": "a$bcdefg"}, "warning: PASS, the password of the index own, has a $ in it"),
        ({"value": "a$bcdefg", "raw": True}, ""),
        ({"value": None}, ""),
        ({"key": "PAST"}, "error: PASS, the password of the index own, is not set"),
    ],
)
def test_the_password_of_an_index(change: dict[str, Any], expected: str):
    text = one(settings_rules.held(PASS, [{**GOOD, **change}], is_all=True))
    assert text.startswith(expected)
    assert bool(text) == bool(expected)
    assert "bcdefg" not in text


def test_other_secrets_and_groups_that_may_not_be_asked():
    record = {**GOOD, "key": "SIGN"}
    assert one(settings_rules.held(PLAIN, [record], is_all=True)).startswith(
        "note: SIGN, a secret of the spec, is protected"
    )
    assert one(settings_rules.held(PLAIN, [{**record, "protected": False}], is_all=True)) == ""
    assert "and not for jobs without an environment" in one(
        settings_rules.held(PLAIN, [{**record, "environment_scope": "p/*"}], is_all=True)
    )
    assert one(settings_rules.held(PLAIN, [], is_all=False)).startswith(
        "warning: SIGN, a secret of the spec, is not among"
    )
    name = PASS._replace(name="USER", is_hidden=False)
    assert (
        one(
            settings_rules.held(
                name, [{"key": "USER", "environment_scope": "*", "masked": False}], is_all=True
            )
        )
        == ""
    )


ONLINE = {
    "tag_list": ["linux", "big"],
    "run_untagged": False,
    "access_level": "not_protected",
    "maximum_timeout": None,
}


@pytest.mark.parametrize(
    ("tags", "runners", "expected"),
    [
        (("linux",), [ONLINE], ""),
        (("linux", "gpu"), [ONLINE], "error: no runner is online that takes jobs with linux, gpu"),
        ((), [ONLINE], "error: no runner is online that takes jobs with no tags"),
        ((), [ONLINE, {**ONLINE, "run_untagged": True}], ""),
        (("linux",), [], "error: no runner is online"),
        (("linux",), [{"id": 1}], ""),  # what the server named for the tags, and tells no more of
        (
            ("linux",),
            [{**ONLINE, "access_level": "ref_protected"}],
            "warning: all online runners for linux",
        ),
        (("linux",), [{**ONLINE, "access_level": "ref_protected"}, ONLINE], ""),
        (
            ("linux",),
            [{**ONLINE, "maximum_timeout": 3600}],
            "warning: every online runner for linux (such as job) ends",
        ),
        (("linux",), [{**ONLINE, "maximum_timeout": 3600}, ONLINE], ""),
        (("linux",), [{**ONLINE, "maximum_timeout": 3 * 3600}], ""),
    ],
)
def test_runners_must_be_online_and_fit(
    tags: tuple[str, ...], runners: list[dict[str, Any]], expected: str
):
    text = one(settings_rules.runners(tags, "job", runners, NEEDS))
    assert text.startswith(expected)
    assert bool(text) == bool(expected)


@pytest.mark.parametrize(
    ("record", "is_found"),
    [
        ({"active": True, "owner": {"state": "blocked"}}, True),
        ({"active": True, "owner": None}, True),
        ({"active": True, "owner": {"state": "active"}}, False),
        ({"active": False, "owner": {"state": "blocked"}}, False),
    ],
)
def test_schedules_that_others_made(record: dict[str, Any], is_found: bool):
    assert bool(one(settings_rules.foreign_schedules([{"description": "x", **record}]))) == is_found


IMAGES = (
    "$CI_REGISTRY_IMAGE/builder/rhel8-x86_64:0",
    "${CI_REGISTRY_IMAGE}/builder/rhel8-aarch64:0",
)
HERE = {
    "path_with_namespace": "Group/demo",
    "container_registry_image_prefix": "registry.example/group/demo",
}
OPEN = (
    "warning: no rule protects group/demo/builder/rhel8-x86_64, group/demo/builder/rhel8-aarch64: "
    "every Developer,"
)


def rule(pattern: object, push: str | None = "maintainer") -> dict[str, object]:
    return {"id": 1, "repository_path_pattern": pattern, "minimum_access_level_for_push": push}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], OPEN),
        ([rule("group/demo/builder/*")], ""),
        ([rule("group/demo*")], ""),
        ([rule("group/demo/builder/rhel8-*"), rule("other")], ""),
        ([rule("group/demo/builder/*", None)], OPEN),
        ([rule("group/demo")], OPEN),
        ([rule("group/demo/builder.rhel8*")], OPEN),
        ([rule(None), rule(["*"])], OPEN),
        (
            [rule("group/demo/builder/*-x86_64")],
            "warning: no rule protects group/demo/builder/rhel8-aarch64: every Developer,",
        ),
    ],
)
def test_builder_images_are_for_a_protected_repository(
    rules: list[dict[str, object]], expected: str
):
    finding = one(settings_rules.image_rules(rules, settings_rules.repositories(HERE, IMAGES)))
    assert finding.startswith(expected)
    assert bool(finding) == bool(expected)


@pytest.mark.parametrize(
    ("image", "record", "expected"),
    [
        (
            "registry.example/group/demo/builder/rhel8-x86_64:0",
            HERE,
            ["group/demo/builder/rhel8-x86_64"],
        ),
        ("registry.example/group/demo2/builder/rhel8-x86_64:0", HERE, []),
        ("elsewhere.example/g/builder/rhel8-x86_64:0", HERE, []),
        (
            "$CI_REGISTRY_IMAGE/x/builder/rhel8-x86_64:0",
            {"path_with_namespace": "g/p"},
            ["g/p/x/builder/rhel8-x86_64"],
        ),
        ("$CI_REGISTRY_IMAGES/builder/rhel8-x86_64:0", HERE, []),
        ("$OTHER/builder/rhel8-x86_64:0", HERE, []),
    ],
)
def test_only_images_in_the_registry_of_the_project_can_be_protected_there(
    image: str, record: dict[str, str], expected: list[str]
):
    assert settings_rules.repositories(record, [image]) == expected
