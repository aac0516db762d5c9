"""The stand-in for GitHub, driven by PyGithub."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any
from zipfile import ZipFile

import github
import pytest
import requests
from github import Auth, Github, GithubException
from standins import GitHub, GitLab, Job, Repository, faults

from truewheel.forges.github.emit.workflows import KEY_INPUT, RUN_NAME

FLAKY = Job(
    "wheel", seconds=30, result=("failed", "success"), trace="curl: (6) Could not resolve host\n"
)


@pytest.fixture
def server() -> Iterator[GitHub]:
    with GitHub() as server:
        server.repository().workflow(inputs=("truewheel_key", "KIND"))
        yield server


@pytest.fixture
def repo(server: GitHub) -> Repository:
    return server.repository()


def client(server: GitHub, base: str = "", **token: Any) -> Github:
    value = server.token(**token).value
    return Github(
        auth=Auth.Token(value),
        base_url=server.url + base,
        retry=None,
        seconds_between_requests=None,
        seconds_between_writes=None,
    )


def start(server: GitHub, ref: str = "main", inputs: dict[str, str] | None = None) -> Any:
    flow = client(server).get_repo("owner/demo").get_workflow("wheels.yml")
    return flow.create_dispatch(ref, inputs or {}, throw=True, return_run_details=True)


@pytest.mark.parametrize("base", ["", "/api/v3"])
def test_a_run_from_its_dispatch_to_its_end(server: GitHub, repo: Repository, base: str):
    repo.plan(
        Job("plan", "plan", seconds=10, trace="planned\n"),
        Job("wheel", "wheel", artifacts={"a.whl": b"1"}),
    )
    flow = client(server, base).get_repo("owner/demo").get_workflow("wheels.yml")
    run = flow.create_dispatch("main", {"truewheel_key": "k1"}, throw=True, return_run_details=True)
    assert (run.status, run.conclusion, run.event, run.head_branch) == (
        "in_progress",
        None,
        "workflow_dispatch",
        "main",
    )
    assert [job.name for job in run.jobs()] == ["plan"]
    server.advance(100)
    run = client(server, base).get_repo("owner/demo").get_workflow_run(run.id)
    assert (run.status, run.conclusion, run.run_attempt) == ("completed", "success", 1)
    assert [(job.name, job.conclusion) for job in run.jobs()] == [
        ("plan", "success"),
        ("wheel", "success"),
    ]
    (artifact,) = run.get_artifacts()
    assert artifact.name == "wheel"
    assert artifact.archive_download_url.startswith(server.url + base)


def test_the_title_is_that_of_the_generated_workflow(server: GitHub):
    run = start(server, inputs={KEY_INPUT: "k-1"})
    shape = re.search(
        r"format\('([^']*)', github.workflow, github.ref_name, inputs.truewheel_key\)", RUN_NAME
    )
    assert shape
    assert run.display_title == shape[1].format("wheels", "main", "k-1")
    assert start(server).display_title == "wheels"


@pytest.mark.parametrize(
    ("details", "status"), [("given", 200), ("ignored", 204), ("refused", 422)]
)
def test_older_servers_know_no_details(server: GitHub, repo: Repository, details: str, status: int):
    server.details = details
    url = f"{server.url}/repos/owner/demo/actions/workflows/wheels.yml/dispatches"
    headers = {"Authorization": f"Bearer {server.token().value}"}
    answer = requests.post(
        url, headers=headers, json={"ref": "main", "return_run_details": True}, timeout=10
    )
    assert answer.status_code == status
    assert len(repo.pipelines) == (status != 422)
    if status == 200:
        assert answer.json()["workflow_run_id"] == repo.pipelines[0].id
        assert answer.json()["html_url"] == f"{repo.url}/actions/runs/{repo.pipelines[0].id}"
    if status == 422:
        assert '"return_run_details" is not a permitted key' in answer.json()["message"]


@pytest.mark.parametrize(
    ("file", "ref", "inputs", "status", "message"),
    [
        ("other.yml", "main", {}, 404, "Not Found"),
        ("wheels.yml", "gone", {}, 422, "No ref found for: gone"),
        ("wheels.yml", "main", {"OTHER": "1"}, 422, 'Unexpected inputs provided: ["OTHER"]'),
        ("wheels.yml", "main", {"SWITCH": True}, 422, "is not a string"),
        ("wheels.yml", "main", {"SWITCH": "1"}, 422, "not in the list of allowed values"),
        ("wheels.yml", "main", {"CHOICE": "c"}, 422, "not in the list of allowed values"),
        ("wheels.yml", "main", {str(number): "" for number in range(26)}, 422, "No more than 25"),
    ],
)
def test_a_dispatch_is_refused(
    server: GitHub, repo: Repository, file: str, ref: str, inputs: Any, status: int, message
):
    repo.workflow(
        inputs={"SWITCH": {"type": "boolean"}, "CHOICE": {"type": "choice", "options": ["", "a"]}}
    )
    url = f"{server.url}/repos/owner/demo/actions/workflows/{file}/dispatches"
    headers = {"Authorization": f"token {server.token().value}"}
    answer = requests.post(url, headers=headers, json={"ref": ref, "inputs": inputs}, timeout=10)
    assert answer.status_code == status
    assert message in answer.json()["message"]
    assert repo.pipelines == []


def test_runs_are_filtered_and_come_in_pages(server: GitHub, repo: Repository):
    repo.commit({"a": b""}, branch="next")
    for number in range(45):
        repo.run(repo.workflows["wheels.yml"], "next" if number % 3 == 0 else "main")
    repo.pipeline("main", source="push")
    flow = client(server).get_repo("owner/demo").get_workflow("wheels.yml")
    assert flow.get_runs().totalCount == 46
    assert len(list(flow.get_runs(event="workflow_dispatch"))) == 45
    assert {run.head_branch for run in flow.get_runs(branch="next")} == {"next"}
    ids = [run.id for run in flow.get_runs()]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == 46


def test_new_runs_may_be_listed_late(server: GitHub):
    server.lag(requests=1)
    start(server)
    flow = client(server).get_repo("owner/demo").get_workflow("wheels.yml")
    assert [len(list(flow.get_runs())) for _ in range(2)] == [0, 1]


def test_only_what_failed_runs_again_and_only_after_the_end(server: GitHub, repo: Repository):
    repo.plan(Job("other", seconds=5), FLAKY, Job("after", "after", seconds=5))
    run = start(server)
    with pytest.raises(GithubException, match="already running"):
        run._requester.requestJsonAndCheck("POST", f"{run.url}/rerun-failed-jobs")
    server.advance(60)
    before = {job.name: (job.id, job.conclusion) for job in run.jobs()}
    assert [state[1] for state in before.values()] == ["success", "failure", "skipped"]
    assert run.rerun_failed_jobs()
    server.advance(60)
    after = {job.name: job for job in run.jobs()}
    assert {job.conclusion for job in after.values()} == {"success"}
    assert after["wheel"].id != before["wheel"][0]
    assert after["other"].id == before["other"][0]
    assert len(list(run.jobs("all"))) == 4
    assert client(server).get_repo("owner/demo").get_workflow_run(run.id).run_attempt == 2


def test_a_run_is_cancelled_until_it_has_ended(server: GitHub):
    run = start(server)
    assert run.cancel()
    with pytest.raises(GithubException, match=r"409.*completed"):
        run._requester.requestJsonAndCheck("POST", f"{run.url}/cancel")
    assert client(server).get_repo("owner/demo").get_workflow_run(run.id).conclusion == "cancelled"


def test_logs_and_artifacts_lie_elsewhere_for_a_minute(server: GitHub, repo: Repository):
    repo.plan(Job("wheel", seconds=10, trace="made\n", artifacts={"dist/a.whl": b"1"}))
    run = start(server)
    home = f"{server.url}/repos/owner/demo/actions"
    headers = {"Authorization": f"token {server.token().value}"}
    (job,) = run.jobs()
    assert (
        requests.get(f"{home}/jobs/{job.id}/logs", headers=headers, timeout=10).status_code == 404
    )
    server.advance(20)
    log = requests.get(
        f"{home}/jobs/{job.id}/logs", headers=headers, timeout=10, allow_redirects=False
    )
    assert (log.status_code, log.content) == (302, b"")
    where = log.headers["Location"]
    assert not where.startswith(server.url)
    assert requests.get(where, timeout=10).text.endswith("Z made\n")
    (artifact,) = run.get_artifacts()
    zipped = requests.get(artifact.archive_download_url, headers=headers, timeout=10).content
    assert ZipFile(io.BytesIO(zipped)).read("dist/a.whl") == b"1"
    server.advance(61)
    assert requests.get(where, timeout=10).status_code == 403
    assert [request.token for request in server.storage.requests] == ["", "", ""]


def test_the_storage_tells_when_a_token_comes_along(server: GitHub):
    token = server.token()
    requests.get(
        f"{server.storage.url}/files/1",
        headers={"Authorization": f"token {token.value}"},
        timeout=10,
    )
    assert server.storage.requests[0].token == token.name


def test_pull_requests_forks_statuses_and_comments(server: GitHub, repo: Repository):
    head = repo.commit({"a": b"1"}, branch="change")
    repo.pull("change", labels=["wheels"], title="feat: more")
    repo.pull("change", fork="somebody/demo")
    repo.pull("change", fork=None, state="closed")
    project = client(server).get_repo("owner/demo")
    pull = project.get_pull(1)
    assert (pull.head.sha, pull.head.repo.full_name, pull.base.repo.full_name) == (
        head.sha,
        "owner/demo",
        "owner/demo",
    )
    assert ([label.name for label in pull.labels], pull.title, pull.state) == (
        ["wheels"],
        "feat: more",
        "open",
    )
    assert project.get_pull(2).head.repo.full_name == "somebody/demo"
    assert project.get_pull(3).head.repo is None
    assert [pull.number for pull in project.get_pulls()] == [1, 2]
    url = f"{project.url}/statuses/{head.sha}"
    for state in ("pending", "success"):
        pull._requester.requestJsonAndCheck(
            "POST", url, input={"state": state, "context": "c", "description": "d"}
        )
    _, listed = pull._requester.requestJsonAndCheck(
        "GET", f"{project.url}/commits/{head.sha}/statuses"
    )
    assert [status["state"] for status in listed] == ["success", "pending"]
    with pytest.raises(GithubException, match="422"):
        pull._requester.requestJsonAndCheck("POST", url, input={"state": "running"})
    posted = pull.create_issue_comment("one")
    posted.edit("two")
    assert [comment.body for comment in pull.get_issue_comments()] == ["two"]
    posted.delete()
    assert list(pull.get_issue_comments()) == []


@pytest.mark.parametrize(
    ("token", "error"),
    [
        ({"level": 0}, github.UnknownObjectException),
        ({"expires_in": 0}, github.BadCredentialsException),
    ],
)
def test_who_may_not_read_sees_nothing(
    server: GitHub, token: dict[str, Any], error: type[Exception]
):
    with pytest.raises(error):
        client(server, **token).get_repo("owner/demo")


def test_who_may_only_read_starts_nothing(server: GitHub, repo: Repository):
    flow = client(server, level=20).get_repo("owner/demo").get_workflow("wheels.yml")
    with pytest.raises(GithubException, match=r"403.*not accessible"):
        flow.create_dispatch("main", throw=True)
    assert repo.pipelines == []


def test_a_limit_of_requests_each_hour():
    with GitHub(start=3600 * 500_000 + 1800) as server:
        server.repository()
        server.limit(2)
        asks = client(server)
        asks.get_repo("owner/demo")
        asks.get_repo("owner/demo")
        with pytest.raises(github.RateLimitExceededException) as raised:
            asks.get_repo("owner/demo")
        assert raised.value.headers["x-ratelimit-remaining"] == "0"
        assert raised.value.headers["x-ratelimit-reset"] == str(3600 * 500_001)
        server.advance(1800)
        assert asks.get_repo("owner/demo").full_name == "owner/demo"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.bad_credentials(), github.BadCredentialsException),
        (faults.rate_limit(), github.RateLimitExceededException),
        (faults.secondary_limit(), github.RateLimitExceededException),
        (faults.secondary_limit(None, 429), GithubException),
        (faults.lost_reply(), requests.ConnectionError),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_faults_are_shared(server: GitHub, fault: Any, error: type[Exception]):
    asks = client(server)
    server.misbehave(fault, on="GET /repos/owner/demo")
    with pytest.raises(error):
        asks.get_repo("owner/demo")
    assert asks.get_repo("owner/demo").default_branch == "main"


def test_the_clock_may_be_that_of_another_stand_in(server: GitHub):
    with GitLab(clock=server.clock) as other:
        other.project().plan(Job("build", seconds=50))
        run = other.project().pipeline()
        server.advance(60)
        other.advance(0)
        assert run.status == "success"
