"""A request of one project, built by a pipeline of another, and what the source hears of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from specs import project as make_project
from standins import GitLab, Job, Project, faults

from truewheel.cli import main
from truewheel.forges import bridge, trigger, watch

SPEC = """\
truewheel: 1
packages: {foo: {version: {file: VERSION}}}
targets: {rhel8: {}}
variables:
  UPSTREAM_SHA: {pattern: '[0-9a-f]{40}'}
  KIND: {choices: [a, b]}
  PASSWORD: {scope: secret}
"""
SECRETS = ("internal", "secret-log", "UPSTREAM_SHA", "KIND", "127.0.0.1")
"""What the source must never hear."""


@pytest.fixture
def server() -> Iterator[GitLab]:
    with GitLab(tick=5) as server:
        yield server


@pytest.fixture
def public(server: GitLab) -> Project:
    project = server.project("group/public")
    project.commit({"a": b"1"}, branch="change")
    project.merge_request("change")
    return project


@pytest.fixture
def inside(server: GitLab) -> Project:
    project = server.project("internal/secret")
    project.plan(Job("secret-log", seconds=20, trace="secret-log\n"))
    return project


@pytest.fixture
def token(server: GitLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    value = server.token().value
    for name in [
        name for name in os.environ if name.startswith(("CI_", "GITLAB_", "GITHUB_", "GH_"))
    ]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CI_SERVER_URL", server.url)
    monkeypatch.setenv("GITLAB_TOKEN", value)
    monkeypatch.chdir(make_project(tmp_path, SPEC))
    monkeypatch.setattr(watch, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(watch, "REQUESTS_PER_SECOND", 1000.0)
    monkeypatch.setattr(trigger, "RECHECK_SECONDS", (0.01, 0.01))
    monkeypatch.setattr(bridge, "EVERY", 0.0)
    return value


def build(*words: str) -> int:
    sides = ["--from", "gitlab:group/public", "--request", "1", "--to", "gitlab:internal/secret"]
    return main(["bridge", *sides, *words])


def head(public: Project) -> str:
    return public.branches["change"].sha


def reported(server: GitLab) -> list[dict[str, Any]]:
    """What the source was told, in order."""
    return [request.json for request in server.asked("POST /projects/group/public/statuses/*")]


@pytest.mark.usefixtures("token", "public", "inside")
@pytest.mark.parametrize(
    ("result", "code", "state"), [("success", 0, "success"), ("failed", 5, "failed")]
)
def test_the_source_gets_the_verdict_and_no_detail(
    server: GitLab, public: Project, inside: Project, result: str, code: int, state: str
):
    inside.plan(Job("secret-log", seconds=20, result=result, trace="secret-log\n"))
    assert build("--sha-variable", "UPSTREAM_SHA", "-v", "KIND=a") == code
    statuses = reported(server)
    assert statuses[0]["state"] == "running"
    assert statuses[-1]["state"] == state
    assert "1 of 1 jobs ended" in statuses[-1]["description"]
    assert {status["name"] for status in statuses} == {"truewheel/wheels"}
    assert not [
        status for status in statuses if any(secret in json.dumps(status) for secret in SECRETS)
    ]
    sent = {variable["key"]: variable["value"] for variable in inside.pipelines[0].variables}
    assert (sent["UPSTREAM_SHA"], sent["KIND"]) == (head(public), "a")


@pytest.mark.usefixtures("token", "public")
def test_a_commit_is_built_once(public: Project, inside: Project):
    assert build() == build() == 0
    assert len(inside.pipelines) == 1
    public.commit({"a": b"2"}, branch="change")
    assert build() == 0
    assert len(inside.pipelines) == 2


@pytest.mark.usefixtures("token", "public", "inside")
def test_the_address_of_the_pipeline_is_reported_only_if_asked_for(server: GitLab):
    assert build("--public-url") == 0
    assert reported(server)[-1]["target_url"].endswith("/-/pipelines/1001")


@pytest.mark.usefixtures("token")
def test_a_commit_that_is_no_longer_the_head_is_not_built(
    public: Project, inside: Project, capsys: pytest.CaptureFixture[str]
):
    old = head(public)
    public.commit({"a": b"2"}, branch="change")
    assert build("--sha", old) == 2
    assert "is not its head" in capsys.readouterr().err
    assert inside.pipelines == []


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 2),
        (["--allow-fork"], 2),
        (["--sha", "HEAD"], 2),
        (["--allow-fork", "--sha", "HEAD"], 0),
    ],
)
def test_a_forks_commit_is_built_only_when_it_is_named(
    public: Project,
    inside: Project,
    words: list[str],
    code: int,
    capsys: pytest.CaptureFixture[str],
):
    public.merge_requests[0]["source_project_id"] = 999
    assert build(*(head(public) if word == "HEAD" else word for word in words)) == code
    assert len(inside.pipelines) == (code == 0)
    if code:
        assert "comes from a fork" in capsys.readouterr().err


@pytest.mark.usefixtures("token")
def test_a_closed_request_is_not_built(public: Project, inside: Project):
    public.merge_requests[0]["state"] = "merged"
    assert build() == 2
    assert inside.pipelines == []


@pytest.mark.usefixtures("token", "public")
@pytest.mark.parametrize(
    "words", [["-v", "KIND=c"], ["-v", "PASSWORD=x"], ["-v", "OTHER=1"], ["--sha-variable", "KIND"]]
)
def test_variables_are_checked_before_any_call(server: GitLab, words: list[str]):
    assert build(*words) == 2
    assert server.requests == []


@pytest.mark.usefixtures("token", "public", "inside")
def test_a_dry_run_starts_and_reports_nothing(
    server: GitLab, inside: Project, capsys: pytest.CaptureFixture[str]
):
    assert build("--dry-run") == 0
    assert "would build group/public 1" in capsys.readouterr().out
    assert inside.pipelines == []
    assert reported(server) == []


@pytest.mark.usefixtures("token", "public", "inside")
def test_a_status_that_cannot_be_set_on_the_way_does_not_stop_the_work(
    server: GitLab, inside: Project
):
    server.misbehave(faults.forbidden(), on="POST */statuses/*", times=1)
    assert build() == 0
    assert reported(server)[-1]["state"] == "success"
    assert len(inside.pipelines) == 1


@pytest.mark.usefixtures("token", "public", "inside")
def test_a_verdict_that_cannot_be_reported_is_exit_6(server: GitLab):
    server.misbehave(faults.forbidden(), on="POST */statuses/*", times=None)
    assert build() == 6


@pytest.mark.usefixtures("token", "public", "inside")
def test_a_pipeline_without_a_verdict_is_an_error_at_the_source(server: GitLab):
    server.misbehave(
        faults.expired_token(), on="GET /projects/internal/secret/pipelines/*", after=3, times=None
    )
    assert build() == 6
    assert reported(server)[-1]["state"] == "canceled"
    assert "gave no verdict" in reported(server)[-1]["description"]


@pytest.mark.usefixtures("public", "inside")
@pytest.mark.parametrize("seed", range(6))
def test_random_faults_start_no_second_pipeline_and_change_no_verdict(
    server: GitLab,
    inside: Project,
    token: str,
    seed: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("truewheel.forges.calls.FIRST_PAUSE", 0.01)
    result = ["success", "failed"][seed % 2]
    inside.plan(Job("wheel", seconds=20, result=result))
    server.misbehave_at_random(
        seed,
        rate=0.2,
        kinds=[fault for fault in faults.TRANSIENT if fault.name != "too many requests"],
    )
    assert build() == (0 if result == "success" else 5)
    assert len(inside.pipelines) == 1
    assert reported(server)[-1]["state"] == result
    output = capsys.readouterr()
    assert token not in output.out + output.err
