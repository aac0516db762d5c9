"""Misconfigured settings of a GitHub repository, found in plain records."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from specs import plan_of, spec_of

from truewheel.forges.github.actions import PINS
from truewheel.forges.github.api import settings_rules
from truewheel.forges.github.api.settings_rules import Needs
from truewheel.forges.github.emit import workflows
from truewheel.forges.settings import NOTE

TODAY = date(2026, 11, 28)
CHECKOUT = "actions/checkout@0123"
NEEDS = Needs(
    indexes={"own": ("USER", "PASS")},
    labels={("ubuntu-24.04",): "plan", ("self-hosted", "s390x"): "wheel"},
    actions=frozenset({CHECKOUT}),
    branches=("main", "release/*"),
    retention_days=7,
    has_schedules=True,
)
SPEC = """
packages: {foo: {}}
targets: {rhel8: {arches: [x86_64, s390x]}}
indexes:
  own: {url: 'https://index.example/x', credentials: {username: USER, password: PASS}}
  trusted: {url: 'https://index.example/y'}
  named: {}
schedules: {night: {cron: '0 3 * * *'}}
github: {runners: {s390x: [self-hosted, s390x]}, branches: [main, dev], retention_days: '9'}
"""


def one(results: Any) -> str:
    """Return severity and message of the one finding; only a note has no next step."""
    findings = list(results)
    assert all(finding.step or finding.severity == NOTE for finding in findings)
    (text,) = [f"{finding.severity}: {finding.message}" for finding in findings] or [""]
    return text


def matches(results: Any, expected: str) -> None:
    text = one(results)
    assert text.startswith(expected)
    assert bool(text) == bool(expected)


def test_requirements_come_from_the_generated_workflows():
    spec, plan = spec_of(SPEC), plan_of(SPEC, event="")
    needs = settings_rules.needs(spec, plan, workflows.documents(plan, spec, {}, PINS))
    assert needs.indexes == {"own": ("USER", "PASS"), "trusted": ("", "")}
    assert [*needs.labels] == [("ubuntu-24.04",), ("self-hosted", "s390x")]
    assert {action.partition("@")[0] for action in needs.actions} >= {
        "actions/checkout",
        "actions/upload-artifact",
    }
    assert not [action for action in needs.actions if action.startswith("./")]
    assert (needs.branches, needs.retention_days, needs.has_schedules) == (("main", "dev"), 9, True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("2026-12-01 10:00:00 UTC", "warning: the token ends on 2026-12-01, in 3 days"),
        ("2027-12-01 10:00:00 UTC", "note: the token ends on 2027-12-01"),
        ("soon", ""),
    ],
)
def test_a_token_that_expires_soon_is_found(text: str, expected: str):
    matches(settings_rules.token_end(text, TODAY), expected)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"default_branch": "main", "permissions": {"push": True}}, ""),
        ({"default_branch": "release/1"}, ""),
        (
            {"default_branch": "master"},
            "warning: pushes to the default branch master start nothing",
        ),
        ({"archived": True}, "error: it is archived or disabled"),
        ({"permissions": {"pull": True, "push": False}}, "error: its role is below Write"),
    ],
)
def test_settings_of_a_repository(record: dict[str, Any], expected: str):
    matches(settings_rules.repository(record, NEEDS), expected)


@pytest.mark.parametrize(
    ("record", "selected", "expected"),
    [
        ({"enabled": True, "allowed_actions": "all"}, {}, ""),
        ({"enabled": False}, {}, "error: actions are off"),
        (
            {"enabled": True, "allowed_actions": "local_only"},
            {},
            "error: the repository does not allow actions/checkout",
        ),
        ({"enabled": True, "allowed_actions": "selected"}, {"github_owned_allowed": True}, ""),
        (
            {"enabled": True, "allowed_actions": "selected"},
            {"patterns_allowed": ["actions/check*@*"]},
            "",
        ),
        (
            {"enabled": True, "allowed_actions": "selected"},
            {"patterns_allowed": ["x/*"]},
            "error: the repository does not",
        ),
        ({"enabled": True, "allowed_actions": "selected"}, {}, ""),  # which ones may not be asked
    ],
)
def test_settings_of_allowed_actions(
    record: dict[str, Any], selected: dict[str, Any], expected: str
):
    matches(settings_rules.actions(record, selected, NEEDS), expected)


def test_permissions_and_retention():
    matches(
        settings_rules.permissions({"default_workflow_permissions": "write"}),
        "note: workflows that say nothing may write",
    )
    matches(settings_rules.permissions({"default_workflow_permissions": "read"}), "")
    matches(
        settings_rules.retention({"days": 3}, NEEDS), "warning: artifacts are kept 3 days at most"
    )
    matches(settings_rules.retention({"days": 7}, NEEDS), "")


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([{"path": workflows.CALLER, "state": "active"}], ""),
        (
            [{"path": "other.yml", "state": "active"}],
            f"error: {workflows.CALLER} is not on the default branch",
        ),
        (
            [{"path": workflows.CALLER, "state": "disabled_inactivity"}],
            f"error: {workflows.CALLER} is disabled inactivity: its schedules do not run",
        ),
        (
            [{"path": workflows.CALLER, "state": "disabled_manually"}],
            f"error: {workflows.CALLER} is disabled manually: it does",
        ),
    ],
)
def test_the_workflow_must_be_there_and_active(records: list[dict[str, Any]], expected: str):
    matches(settings_rules.workflow(records, NEEDS), expected)


@pytest.mark.parametrize(
    ("rulesets", "expected"),
    [
        (
            [{"name": "v", "target": "tag", "enforcement": "active"}],
            "note: tags are protected by v",
        ),
        ([{"name": "v", "target": "tag", "enforcement": "disabled"}], "error: no tag is protected"),
        (
            [{"name": "v", "target": "branch", "enforcement": "active"}],
            "error: no tag is protected",
        ),
    ],
)
def test_rules_for_tags(rulesets: list[dict[str, Any]], expected: str):
    matches(settings_rules.tags(rulesets, NEEDS), expected)
    matches(settings_rules.tags(rulesets, NEEDS._replace(indexes={})), "")


def test_rules_for_environments():
    matches(settings_rules.environment("own", None), "warning: the environment own is not there")
    matches(
        settings_rules.environment("own", {"protection_rules": []}),
        "warning: the environment own has no protection",
    )
    matches(settings_rules.environment("own", {"protection_rules": [{}]}), "")
    matches(
        settings_rules.environment(
            "own", {"deployment_branch_policy": {"protected_branches": True}}
        ),
        "",
    )


@pytest.mark.parametrize(
    ("names", "names_there", "everywhere", "variables", "expected"),
    [
        (("USER", "PASS"), ["USER", "PASS"], [], [], ""),
        (("USER", "PASS"), ["PASS"], [], ["USER"], ""),
        (("", "PASS"), ["PASS"], [], [], ""),
        (("", ""), [], [], [], ""),
        (("", "GITHUB_TOKEN"), [], [], [], ""),
        (("", "PASS"), [], ["PASS"], [], "warning: PASS is a secret of the repository"),
        (("", "PASS"), [], [], ["PASS"], "error: PASS, the password of the index own, is not set"),
        (
            ("USER", "PASS"),
            ["PASS"],
            [],
            [],
            "error: USER, the user name of the index own, is not set",
        ),
    ],
)
def test_credentials_of_indexes(
    names: Any, names_there: list[str], everywhere: list[str], variables: list[str], expected: str
):
    matches(settings_rules.credentials("own", names, names_there, everywhere, variables), expected)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([{"status": "online", "labels": [{"name": "self-hosted"}, {"name": "s390x"}]}], ""),
        (
            [{"status": "offline", "labels": [{"name": "self-hosted"}, {"name": "s390x"}]}],
            "warning: no runner of the",
        ),
        (
            [{"status": "online", "labels": [{"name": "self-hosted"}]}],
            "warning: no runner of the repository is online",
        ),
        (
            [],
            (
                "warning: no runner of the repository is online that has the labels self-hosted, "
                "s390x (such as wheel)"
            ),
        ),
    ],
)
def test_runners_must_be_online(records: list[dict[str, Any]], expected: str):
    matches(settings_rules.runners(records, NEEDS), expected)
