"""Requests of GitHub built by GitLab, and the reverse.

Verdicts, forks, and what neither side may hear.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from specs import project as make_project
from standins import GitHub, GitLab, Job, Project, Repository, faults
from standins.core import StandIn

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
STATUS = "POST */statuses/*"
STORM = [fault for fault in faults.TRANSIENT if fault.name != "too many requests"]
TO_GITLAB = ("github:owner/public", "gitlab:internal/secret")
TO_GITHUB = ("gitlab:group/public", "github:internal/secret")


@pytest.fixture
def gitlab() -> Iterator[GitLab]:
    with GitLab(tick=5) as server:
        yield server


@pytest.fixture
def github() -> Iterator[GitHub]:
    with GitHub(tick=5) as server:
        yield server


@pytest.fixture
def public(github: GitHub) -> Repository:
    repository = github.repository("owner/public")
    repository.commit({"a": b"1"}, branch="change")
    repository.pull("change", labels=["safe to build"])
    return repository


@pytest.fixture
def inside(gitlab: GitLab) -> Project:
    project = gitlab.project("internal/secret")
    project.plan(Job("secret-log", seconds=20, trace="secret-log\n"))
    return project


@pytest.fixture
def tokens(
    gitlab: GitLab, github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    tokens_ = [gitlab.token().value, github.token().value]
    for name in [
        name for name in os.environ if name.startswith(("CI_", "GITLAB_", "GITHUB_", "GH_"))
    ]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CI_SERVER_URL", gitlab.url)
    monkeypatch.setenv("GITLAB_TOKEN", tokens_[0])
    monkeypatch.setenv("GITHUB_API_URL", f"{github.url}/api/v3")
    monkeypatch.setenv("GITHUB_TOKEN", tokens_[1])
    monkeypatch.chdir(make_project(tmp_path, SPEC))
    monkeypatch.setattr(watch, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(watch, "REQUESTS_PER_SECOND", 1000.0)
    monkeypatch.setattr(trigger, "RECHECK_SECONDS", (0.01, 0.01))
    monkeypatch.setattr(bridge, "EVERY", 0.0)
    return tokens_


def build(*words: str, sides: tuple[str, str] = TO_GITLAB) -> int:
    return main(["bridge", "--from", sides[0], "--request", "1", "--to", sides[1], *words])


def reported(server: StandIn) -> list[dict[str, Any]]:
    """What the source was told, in order."""
    return [request.json for request in server.asked(STATUS)]


def spoken(server: StandIn) -> str:
    """All that a server was sent."""
    return "\n".join(
        f"{request.target} {request.headers} {request.body!r}" for request in server.requests
    )


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize(
    ("result", "code", "state"), [("success", 0, "success"), ("failed", 5, "failure")]
)
def test_github_gets_the_verdict_of_gitlab_and_no_detail(
    github: GitHub,
    gitlab: GitLab,
    inside: Project,
    tokens: list[str],
    result: str,
    code: int,
    state: str,
    capsys: pytest.CaptureFixture[str],
):
    inside.plan(Job("secret-log", seconds=20, result=result, trace="secret-log\n"))
    assert build("--sha-variable", "UPSTREAM_SHA", "-v", "KIND=a") == code
    statuses, public = reported(github), github.repository("owner/public")
    assert (statuses[0]["state"], statuses[-1]["state"]) == ("pending", state)
    assert "1 of 1 jobs ended" in statuses[-1]["description"]
    assert {status["context"] for status in statuses} == {"truewheel/wheels"}
    assert not [
        status for status in statuses if any(secret in json.dumps(status) for secret in SECRETS)
    ]
    assert [status["sha"] for status in public.statuses] == [public.branches["change"].sha] * len(
        statuses
    )
    sent = {variable["key"]: variable["value"] for variable in inside.pipelines[0].variables}
    assert (sent["UPSTREAM_SHA"], sent["KIND"]) == (public.branches["change"].sha, "a")
    assert tokens[0] not in spoken(github)
    assert tokens[1] not in spoken(gitlab)
    output = capsys.readouterr()
    assert not [token for token in tokens if token in output.out + output.err]


@pytest.mark.parametrize(
    ("result", "code", "state"), [("success", 0, "success"), ("failed", 5, "failed")]
)
def test_gitlab_gets_the_verdict_of_github_and_no_detail(
    github: GitHub, gitlab: GitLab, tokens: list[str], result: str, code: int, state: str
):
    public = gitlab.project("group/public")
    public.commit({"a": b"1"}, branch="change")
    public.merge_request("change")
    inside = github.repository("internal/secret")
    inside.workflow(inputs=("truewheel_key", "UPSTREAM_SHA", "KIND"))
    inside.plan(Job("secret-log", seconds=20, result=result, trace="secret-log\n"))
    assert build("--sha-variable", "UPSTREAM_SHA", "-v", "KIND=a", sides=TO_GITHUB) == code
    statuses = reported(gitlab)
    assert (statuses[0]["state"], statuses[-1]["state"]) == ("running", state)
    assert not [
        status for status in statuses if any(secret in json.dumps(status) for secret in SECRETS)
    ]
    (run,) = inside.pipelines
    assert (run.inputs["UPSTREAM_SHA"], run.inputs["KIND"]) == (public.branches["change"].sha, "a")
    assert run.inputs["truewheel_key"].startswith("bridge-")
    assert tokens[0] not in spoken(github) + spoken(github.storage)
    assert tokens[1] not in spoken(gitlab) + spoken(github.storage)
    assert build("--sha-variable", "UPSTREAM_SHA", "-v", "KIND=a", sides=TO_GITHUB) == code
    assert len(inside.pipelines) == 1


@pytest.mark.usefixtures("tokens")
@pytest.mark.parametrize("fork", ["somebody/public", None])
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
    public: Repository, inside: Project, fork: str | None, words: list[str], code: int
):
    public.pulls[0]["head"] = fork
    sha = public.branches["change"].sha
    assert build(*(sha if word == "HEAD" else word for word in words)) == code
    assert len(inside.pipelines) == (code == 0)


@pytest.mark.usefixtures("tokens")
def test_a_closed_or_moved_request_is_not_built(public: Repository, inside: Project):
    old = public.branches["change"].sha
    public.commit({"a": b"2"}, branch="change")
    assert build("--sha", old) == 2
    public.pulls[0]["state"] = "closed"
    assert build() == 2
    assert inside.pipelines == []
    assert public.statuses == []


@pytest.mark.usefixtures("tokens")
@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"pull_request": {"number": 1}}, 0),
        ({"issue": {"number": 1, "pull_request": {"url": "x"}}, "comment": {}}, 0),
        ({"issue": {"number": 1}, "comment": {}}, 2),
        ({"pull_request": {"number": True}}, 2),
        ({"pull_request": None}, 2),
        ({"ref": "refs/heads/main"}, 2),
        (["pull_request"], 2),
        ("{", 2),
    ],
)
def test_without_from_the_request_of_the_job_is_built(
    public: Repository,
    inside: Project,
    event: Any,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    (tmp_path / "event.json").write_text(event if isinstance(event, str) else json.dumps(event))
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))
    monkeypatch.setenv("GITHUB_REPOSITORY", public.path)
    assert main(["bridge", "--to", TO_GITLAB[1]]) == code
    assert len(inside.pipelines) == (code == 0)


@pytest.mark.usefixtures("tokens", "public", "inside")
def test_the_address_of_the_pipeline_is_reported_only_if_asked_for(github: GitHub):
    assert build() == 0
    assert not [status for status in reported(github) if "target_url" in status]
    assert build("--public-url") == 0
    assert reported(github)[-1]["target_url"].endswith("/-/pipelines/1001")


@pytest.mark.usefixtures("tokens", "public")
def test_a_status_that_cannot_be_set_is_explained(github: GitHub, inside: Project):
    forbidden = faults.answer(403, "Resource not accessible by integration")
    github.misbehave(forbidden, on=STATUS, times=1)
    assert build() == 0
    assert reported(github)[-1]["state"] == "success"
    github.misbehave(forbidden, on=STATUS, times=None)
    assert build() == 6
    assert len(inside.pipelines) == 1


@pytest.mark.usefixtures("tokens", "public", "inside")
def test_a_pipeline_without_a_verdict_is_an_error_at_github(gitlab: GitLab, github: GitHub):
    gitlab.misbehave(
        faults.expired_token(), on="GET /projects/internal/secret/pipelines/*", after=3, times=None
    )
    assert build() == 6
    assert reported(github)[-1]["state"] == "error"
    assert "gave no verdict" in reported(github)[-1]["description"]


@pytest.mark.usefixtures("tokens", "public")
def test_a_variable_without_an_input_is_refused_before_any_call(
    gitlab: GitLab, github: GitHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    names = "".join(f"  V{number:02}: {{}}\n" for number in range(30))
    (tmp_path / "truewheel.yml").write_text(SPEC + names)
    assert build("--sha-variable", "V29", sides=TO_GITHUB) == 2
    assert "-v V29: has no input in the workflow" in capsys.readouterr().err
    assert gitlab.requests == github.requests == []


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize("seed", range(6))
def test_random_faults_on_both_sides_change_no_verdict(
    gitlab: GitLab,
    github: GitHub,
    inside: Project,
    tokens: list[str],
    seed: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("truewheel.forges.calls.FIRST_PAUSE", 0.01)
    result = ["success", "failed"][seed % 2]
    inside.plan(Job("wheel", seconds=20, result=result))
    for number, server in enumerate((gitlab, github)):
        server.misbehave_at_random(10 * seed + number, rate=0.2, kinds=STORM)
    assert build() == (0 if result == "success" else 5)
    assert len(inside.pipelines) == 1
    assert reported(github)[-1]["state"] == {"success": "success", "failed": "failure"}[result]
    assert tokens[0] not in spoken(github)
    assert tokens[1] not in spoken(gitlab)
    output = capsys.readouterr()
    assert not [token for token in tokens if token in output.out + output.err]
