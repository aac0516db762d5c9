"""The doctor on GitHub: what is asked, by which paths, and what comes of refusals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from specs import SMALL, project

from truewheel.cli import main
from truewheel.forges.calls import PER_PAGE, Answer, Caller, Fault
from truewheel.forges.github.api import settings

SPEC = (
    SMALL
    + """\
indexes: {own: {url: 'https://index.example/x', credentials: {password: PASS}}}
github: {runners: {x86_64: [self-hosted, big]}}
"""
)
PLACE = "/repos/o/r"
WELL: dict[str, Any] = {
    PLACE: {"id": 1, "default_branch": "main", "permissions": {"push": True}},
    f"{PLACE}/actions/permissions": {"enabled": True, "allowed_actions": "selected"},
    f"{PLACE}/actions/permissions/selected-actions": {
        "github_owned_allowed": True,
        "patterns_allowed": ["pypa/gh-action-pypi-publish@*"],
    },
    f"{PLACE}/actions/permissions/workflow": {"default_workflow_permissions": "read"},
    f"{PLACE}/actions/permissions/artifact-and-log-retention": {"days": 90},
    f"{PLACE}/actions/workflows": {
        "total_count": 2,
        "workflows": [{"path": "x"}, {"path": ".github/workflows/wheels.yml", "state": "active"}],
    },
    f"{PLACE}/actions/runners": {
        "total_count": 1,
        "runners": [{"status": "online", "labels": [{"name": "self-hosted"}, {"name": "big"}]}],
    },
    f"{PLACE}/rulesets": [{"id": 1, "name": "v", "target": "tag", "enforcement": "active"}],
    f"{PLACE}/environments": {
        "total_count": 1,
        "environments": [{"name": "own", "protection_rules": [{}]}],
    },
    f"{PLACE}/environments/own/secrets": {"total_count": 1, "secrets": [{"name": "PASS"}]},
    f"{PLACE}/environments/own/variables": {"total_count": 0, "variables": []},
    **{
        f"{PLACE}/actions/{prefix}secrets": {"total_count": 0, "secrets": []}
        for prefix in ("", "organization-")
    },
    **{
        f"{PLACE}/actions/{prefix}variables": {"total_count": 0, "variables": []}
        for prefix in ("", "organization-")
    },
}


class Transport:
    """Answers from a table; a number there is the status of a refusal.

    Lists in records end on their second page.
    """

    def __init__(self, table: Mapping[str, Any]) -> None:
        self.table = table
        self.asked: list[str] = []

    def send(
        self, verb: str, path: str, query: Mapping[str, Any], body: Any, seconds: float
    ) -> Answer:
        assert (verb, body) == ("GET", None)
        assert seconds > 0
        self.asked.append(path)
        answer = self.table.get(path, 404)
        if isinstance(answer, int):
            raise Fault(answer, f"{answer} refused")
        if isinstance(answer, dict) and "total_count" in answer:
            answer = {key: self.page(value, query["page"]) for key, value in answer.items()}
        return Answer(200, {"date": "Sat, 28 Nov 2026 00:00:00 GMT"}, answer)

    def page(self, value: Any, page: int) -> Any:
        return [{"name": "x"}] * PER_PAGE if isinstance(value, list) and page == 1 else value

    def tail(self, path: str, most: int, seconds: float) -> bytes:
        raise NotImplementedError

    def fetch(self, path: str, file: Path, seconds: float) -> None:
        raise NotImplementedError


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run the doctor on a repository; return exit code, findings as text, and stderr."""
    monkeypatch.chdir(project(tmp_path, SPEC))
    monkeypatch.setenv("GITHUB_TOKEN", "a-token")

    def run(changes: Mapping[str, Any] | None = None) -> tuple[int, list[str], str]:
        caller = Caller("https://api.example", Transport({**WELL, **(changes or {})}), 60.0)
        monkeypatch.setattr(settings, "Github", lambda *_: SimpleNamespace(caller=caller))
        code = main(["doctor", "--forge", "github", "--project", "o/r", "--json"])
        out, err = capsys.readouterr()
        findings = json.loads(out)["findings"] if out else []
        return (
            code,
            [
                f"{finding['severity']} {finding['topic']}: {finding['message']}"
                for finding in findings
            ],
            err,
        )

    return run


def test_correct_settings_have_only_notes(doctor: Any):
    assert doctor() == (0, ["note publish: tags are protected by v: those are published"], "")


@pytest.mark.parametrize(
    ("path", "answer", "expected"),
    [
        ("/actions/permissions", {"enabled": False}, "error actions: actions are off"),
        (
            "/actions/permissions/selected-actions",
            {"github_owned_allowed": False},
            "error actions: the repository does not",
        ),
        (
            "/actions/permissions/artifact-and-log-retention",
            {"days": 1},
            "warning actions: artifacts are kept 1 days",
        ),
        ("/actions/workflows", {"total_count": 0, "workflows": []}, "error workflow: "),
        ("/actions/runners", {"total_count": 0, "runners": []}, "warning runners: "),
        ("/rulesets", [], "error publish: no tag is protected"),
        (
            "/environments",
            {"total_count": 0, "environments": []},
            "error publish: PASS, the password of the index own",
        ),
        (
            "/environments/own/secrets",
            {"total_count": 0, "secrets": []},
            "error publish: PASS, the password of the",
        ),
        (
            "",
            {"id": 1, "default_branch": "trunk"},
            "warning repository: pushes to the default branch trunk",
        ),
    ],
)
def test_each_wrong_setting_is_found(doctor: Any, path: str, answer: Any, expected: str):
    code, findings, _ = doctor({PLACE + path: answer})
    assert code == 3
    assert findings[0].startswith(expected)


@pytest.mark.parametrize("path", [*WELL][1:])
def test_a_question_that_the_token_may_not_ask_is_a_note(doctor: Any, path: str):
    code, findings, err = doctor({path: 403})
    assert (code, err) == (0, "")
    assert [
        finding
        for finding in findings
        if finding.startswith("note not checked: ") and "the token may not ask" in finding
    ]


def test_a_repository_that_is_not_there_is_exit_5(doctor: Any):
    code, findings, err = doctor({PLACE: 404})
    assert (code, findings) == (5, [])
    assert err.startswith("o/r: the repository cannot be read: 404 refused")
