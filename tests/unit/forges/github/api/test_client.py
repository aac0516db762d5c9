"""GitHub through PyGithub, against its stand-in.

Started once, followed, run again once, never a wrong verdict.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from forge_lab import Time
from specs import project as make_project
from standins import Fault, GitHub, Job, Repository, Token, faults

from truewheel.cli import main
from truewheel.errors import Exit, Stop
from truewheel.forges import trigger, watch
from truewheel.forges.access import Access
from truewheel.forges.base import PipelineState, StartRequest
from truewheel.forges.github.api.client import Github
from truewheel.forges.watch import Follower, Verdict

DISPATCH = "POST /repos/owner/demo/actions/workflows/wheels.yml/dispatches"
RERUN = "POST /repos/owner/demo/actions/runs/*/rerun-failed-jobs"
RUN = "GET /repos/owner/demo/actions/runs/*"
WISH = StartRequest("main", {"KIND": "a"}, "key-1")
NETWORK = "curl: (6) Could not resolve host: example.com\n"
STORM = [fault for fault in faults.TRANSIENT if fault.name != "too many requests"]
STORM += [faults.rate_limit(20), faults.secondary_limit(30), faults.secondary_limit(20, 429)]


@pytest.fixture
def server() -> Iterator[GitHub]:
    with GitHub() as server:
        yield server


@pytest.fixture
def repo(server: GitHub) -> Repository:
    repository = server.repository()
    repository.workflow(
        inputs={
            "truewheel_key": {},
            "KIND": {"type": "choice", "options": ["", "a", "b"]},
            "NUMBER": {},
        }
    )
    repository.plan(Job("wheel", seconds=60))
    return repository


def connected(server: GitHub, seconds: float = 3600.0, base: str = "", **token: Any) -> Github:
    access = Access(server.url + base, "oauth", server.token(**token).value)
    return Github(access, "owner/demo", seconds, clock=Time(server).clock())


def start(forge: Github, wish: StartRequest = WISH, *, is_fresh: bool = True) -> trigger.Started:
    return trigger.start(forge, wish, lambda _: None, is_fresh=is_fresh)


def followed(forge: Github, lines: list[str] | None = None, **more: Any) -> Verdict:
    run = start(forge).run
    return Follower(forge=forge, tell=(lines if lines is not None else []).append, **more).to_end(
        run
    )


def attempts(repo: Repository) -> int:
    return repo.attempts[repo.pipelines[0].id]


@pytest.mark.parametrize("base", ["", "/api/v3"])
@pytest.mark.parametrize("details", ["given", "ignored", "refused"])
def test_inputs_and_key_arrive_at_new_and_old_servers(
    server: GitHub, repo: Repository, details: str, base: str
):
    server.details = details
    server.lag(requests=2)
    started = start(connected(server, base=base))
    assert [run.id for run in repo.pipelines] == [started.run.id]
    assert repo.pipelines[0].inputs == {"KIND": "a", "truewheel_key": "key-1"}
    assert len(server.asked(DISPATCH)) == (2 if details == "refused" else 1)


def test_a_refusal_that_is_cut_in_half_is_asked_for_again(server: GitHub, repo: Repository):
    server.details = "refused"
    server.misbehave(faults.truncated_json(), on=DISPATCH)
    start(connected(server))
    assert len(repo.pipelines) == 1
    assert [request.status for request in server.asked(DISPATCH)] == [422, 422, 204]


def test_a_fresh_key_takes_two_requests(server: GitHub, repo: Repository):
    start(connected(server))
    assert len(server.requests) == 2
    assert len(repo.pipelines) == 1


@pytest.mark.parametrize("ref", ["main", "refs/heads/main"])
def test_the_run_of_a_key_is_found_again(server: GitHub, repo: Repository, ref: str):
    wish = WISH._replace(ref=ref)
    first = start(connected(server), wish, is_fresh=False)
    for other in ("key-2", "key", "1"):
        start(connected(server), wish._replace(key=other), is_fresh=False)
    again = start(connected(server), wish, is_fresh=False)
    assert (again.run.id, again.is_new) == (first.run.id, False)
    assert len(repo.pipelines) == 4


@pytest.mark.parametrize("ref", ["main", "refs/heads/main"])
@pytest.mark.parametrize("details", ["given", "ignored"])
@pytest.mark.parametrize(
    "fault",
    [faults.lost_reply(), faults.cut_reply(), faults.truncated_json(), faults.wrong_length()],
    ids=lambda fault: fault.name,
)
def test_a_lost_answer_starts_no_second_run(
    server: GitHub,
    repo: Repository,
    fault: Fault,
    details: str,
    ref: str,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("truewheel.forges.calls.FIRST_PAUSE", 0.01)
    server.details = details
    server.lag(seconds=4)
    server.misbehave(fault, on=DISPATCH, times=None)
    started = start(connected(server), WISH._replace(ref=ref))
    assert [run.id for run in repo.pipelines] == [started.run.id]
    assert len(server.asked(DISPATCH)) == 1


def test_of_two_runs_started_at_once_the_older_stays(server: GitHub, repo: Repository):
    flow = repo.workflows["wheels.yml"]
    another = Fault(
        "another", before=lambda *_: repo.run(flow, inputs={"truewheel_key": WISH.key}) and None
    )
    server.misbehave(another, on=DISPATCH)
    started = start(connected(server), is_fresh=False)
    assert (started.run.id, started.is_new) == (repo.pipelines[0].id, False)
    assert [run.status for run in repo.pipelines] == ["running", "canceled"]


@pytest.mark.parametrize(
    ("fault", "message", "hint"),
    [
        (faults.bad_credentials(), "401 Bad credentials", "expired"),
        (
            faults.answer(403, "Resource not accessible by personal access token"),
            "not accessible",
            "actions: write",
        ),
        (faults.answer(404, "Not Found"), "404 Not Found", ".github/workflows/wheels.yml"),
        (faults.answer(422, "No ref found for: x"), "No ref found for: x", "does the ref exist"),
        (faults.redirect("http://127.0.0.1:9/", 307), "sends to another address", ""),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
def test_a_refusal_is_final_and_in_githubs_words(
    server: GitHub, repo: Repository, fault: Fault, message: str, hint: str
):
    server.misbehave(fault, on=DISPATCH, times=None)
    with pytest.raises(Stop) as stopped:
        start(connected(server))
    assert stopped.value.code is Exit.REMOTE_FAILED
    (problem,) = stopped.value.problems
    assert message in problem.message
    assert hint in problem.hint
    assert "Developer" not in problem.hint
    assert repo.pipelines == []
    assert len(server.asked(DISPATCH)) == 1


@pytest.mark.parametrize("details", ["given", "ignored"])
def test_a_start_that_cannot_be_searched_for_is_exit_6(
    server: GitHub, repo: Repository, details: str
):
    server.details = details
    if details == "given":
        server.misbehave(faults.lost_reply(), on=DISPATCH)
    server.misbehave(
        faults.answer(403, "Forbidden"), on="GET */workflows/wheels.yml/runs", times=None
    )
    with pytest.raises(Stop) as stopped:
        start(connected(server))
    assert stopped.value.code is Exit.REMOTE_UNREACHABLE
    assert len(repo.pipelines) == len(server.asked(DISPATCH)) == 1


def test_an_accepted_run_that_is_never_listed_is_exit_6_at_the_deadline(
    server: GitHub, repo: Repository
):
    server.details = "ignored"
    server.lag(seconds=10**9)
    forge = connected(server, seconds=60)
    with pytest.raises(Stop) as stopped:
        start(forge)
    assert stopped.value.code is Exit.REMOTE_UNREACHABLE
    assert len(repo.pipelines) == len(server.asked(DISPATCH)) == 1
    assert -1 < forge.caller.left() <= 0


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (faults.rate_limit(900), 900),
        (faults.secondary_limit(120), 120),
        (faults.secondary_limit(120, 429), 120),
        (faults.secondary_limit(None), 60),
        (faults.secondary_limit(None, 429), 60),
    ],
)
def test_rate_limits_are_waited_for_by_the_servers_clock(
    repo: Repository, fault: Fault, seconds: int
):
    del repo
    with GitHub(skew=-7200) as server:
        repository = server.repository()
        repository.workflow(inputs=("truewheel_key", "KIND"))
        server.misbehave(fault, on=DISPATCH)
        forge = connected(server)
        began = server.clock.now()
        start(forge)
        assert seconds - 2 <= server.clock.now() - began <= seconds + 2
        assert len(repository.pipelines) == 1


def test_an_hourly_limit_is_waited_for(server: GitHub, repo: Repository):
    repo.plan(Job("wheel", seconds=3000))
    server.limit(40)
    assert followed(connected(server, seconds=5 * 3600)).is_good
    assert not [request for request in server.requests if request.status == 403]


def test_a_limit_beyond_the_deadline_is_not_waited_for(server: GitHub, repo: Repository):
    server.misbehave(faults.rate_limit(900), on=DISPATCH, times=None)
    with pytest.raises(Stop, match="asks to wait 900 s") as stopped:
        start(connected(server, seconds=100))
    assert stopped.value.code is Exit.REMOTE_UNREACHABLE
    assert repo.pipelines == []


@pytest.mark.parametrize(
    ("result", "reason", "description"),
    [
        ("success", "", ""),
        ("failed", "script_failure", "its script failed: make: *** [all] Error 1"),
        ("failed", "job_execution_timeout", "the job took longer than its timeout"),
        ("canceled", "", ""),
    ],
)
def test_each_conclusion_has_its_verdict(
    server: GitHub, repo: Repository, result: str, reason: str, description: str
):
    repo.plan(
        Job(
            "wheel",
            seconds=9,
            result=result,
            failure_reason=reason,
            trace="a\n" * 50 + "make: *** [all] Error 1\n",
        )
    )
    verdict = followed(connected(server))
    assert verdict.is_good == (result == "success")
    assert [failure.cause.told for failure in verdict.failures] == (
        [description] if description else []
    )
    for failure in verdict.failures:
        assert failure.log.endswith("a\nmake: *** [all] Error 1")
    assert attempts(repo) == 1


def test_a_run_is_run_again_once_for_all_that_failed_in_it(server: GitHub, repo: Repository):
    flaky = [
        Job(f"wheel {n}", seconds=5 * n, result=("failed", "success"), trace=NETWORK)
        for n in (1, 2, 3)
    ]
    repo.plan(Job("slow", seconds=200), *flaky, Job("prove", "prove", seconds=5))
    lines: list[str] = []
    verdict = followed(connected(server), lines)
    assert verdict.is_good
    assert attempts(repo) == 2
    (request,) = server.asked(RERUN)
    assert request.time >= max(
        build.ended or 0
        for build in repo.pipelines[0].builds
        if build.retried or build.script.name == "slow"
    )
    assert len([line for line in lines if "runs again (1 of 1)" in line]) == 3


@pytest.mark.parametrize(
    "jobs",
    [
        [
            Job("a", result="failed", trace=NETWORK),
            Job("b", result="failed", trace="make: *** Error 1\n"),
        ],
        [Job("a", result="canceled"), Job("b", seconds=1, result="success")],
        [Job("a", result="failed", trace="make: *** Error 1\n")],
        [Job("a", result="failed", trace=NETWORK, allow_failure=True), Job("b")],
    ],
)
def test_a_run_is_not_run_again_for_nothing(server: GitHub, repo: Repository, jobs: list[Job]):
    repo.plan(*jobs)
    assert followed(connected(server)).is_good == jobs[0].allow_failure
    assert server.asked(RERUN) == []


def test_a_job_that_fails_twice_is_a_failure(server: GitHub, repo: Repository):
    repo.plan(Job("wheel", seconds=5, result="failed", trace=NETWORK))
    verdict = followed(connected(server))
    assert not verdict.is_good
    assert [failure.cause.kind for failure in verdict.failures] == ["network"]
    assert attempts(repo) == 2


@pytest.mark.parametrize("seconds", [0.1, 10])
@pytest.mark.parametrize(
    "fault",
    [faults.lost_reply(), faults.cut_reply(), faults.truncated_json()],
    ids=lambda fault: fault.name,
)
def test_a_lost_answer_to_a_rerun_asks_for_no_other(
    server: GitHub, repo: Repository, fault: Fault, seconds: float
):
    """Also where the second attempt has failed before anybody asks again."""
    repo.plan(Job("wheel", seconds=seconds, result=("failed", "failed"), trace=NETWORK))
    server.misbehave(fault, on=RERUN, times=None)
    assert not followed(connected(server)).is_good
    assert attempts(repo) == 2
    assert len(server.asked(RERUN)) == 1


def test_a_rerun_that_is_refused_is_told_and_does_not_hang(server: GitHub, repo: Repository):
    repo.plan(Job("wheel", seconds=5, result="failed", trace=NETWORK))
    server.misbehave(faults.answer(403, "Must have admin rights"), on=RERUN, times=None)
    lines: list[str] = []
    assert not followed(connected(server), lines).is_good
    assert any("wheel cannot run again: 403 Must have admin rights" in line for line in lines)


@pytest.mark.parametrize("fault", [faults.bad_credentials(), faults.answer(404, "Not Found")])
def test_a_server_that_refuses_to_answer_gives_no_verdict(
    server: GitHub, repo: Repository, fault: Fault
):
    repo.plan(Job("wheel", seconds=100))
    server.misbehave(fault, on=RUN, after=4, times=None)
    with pytest.raises(Stop) as stopped:
        followed(connected(server))
    assert stopped.value.code is Exit.REMOTE_UNREACHABLE


def test_a_token_that_expires_on_the_way_gives_no_verdict(server: GitHub, repo: Repository):
    repo.plan(Job("wheel", seconds=1000))
    with pytest.raises(Stop, match="Bad credentials") as stopped:
        followed(connected(server, expires_in=300))
    assert stopped.value.code is Exit.REMOTE_UNREACHABLE


def test_the_deadline_is_kept(server: GitHub, repo: Repository):
    repo.plan(Job("wheel", seconds=10**6))
    forge = connected(server, seconds=400)
    with pytest.raises(Stop, match="the deadline is over"):
        followed(forge)
    assert -1 < forge.caller.left() <= 0


@pytest.mark.parametrize("data", [[], {"id": 1}, {"id": 5, "status": "odd"}, "text"])
def test_an_answer_that_is_no_run_gives_no_verdict(server: GitHub, repo: Repository, data: Any):
    from standins import Reply

    server.misbehave(Fault("odd", instead=lambda *_: Reply.of(data)), on=RUN, times=None)
    with pytest.raises(Stop) as stopped:
        followed(connected(server, seconds=100))
    assert stopped.value.code is Exit.REMOTE_UNREACHABLE
    assert len(repo.pipelines) == 1


def test_more_jobs_than_a_page_holds(server: GitHub, repo: Repository):
    repo.plan(*[Job(f"wheel {number}", seconds=number) for number in range(230)])
    assert len(followed(connected(server)).snapshot.jobs) == 230


def test_no_token_is_in_logs_or_sent_to_their_storage(server: GitHub, repo: Repository):
    forge = connected(server)
    token = forge._access.token
    repo.plan(
        Job("wheel", seconds=5, result="failed", trace=f"curl -H 'Authorization: token {token}'\n")
    )
    (failure,) = followed(forge).failures
    assert token not in failure.log + failure.cause.told
    assert "[hidden]" in failure.log
    assert server.storage.requests
    assert not [
        request
        for request in server.storage.requests
        if request.token or "authorization" in request.headers
    ]


@pytest.mark.parametrize(
    "fault", [*STORM[:4], faults.reset(), faults.cut_reply(), faults.wrong_length()]
)
def test_files_of_another_host_are_fetched_in_spite_of_faults(
    server: GitHub, repo: Repository, fault: Fault, tmp_path: Path
):
    repo.plan(Job("wheel", seconds=5, artifacts={"a.whl": bytes(5000)}))
    forge = connected(server)
    look = followed(forge).snapshot
    server.storage.misbehave(fault, times=2)
    (archive,) = forge.archives(look)
    forge.fetch(archive, tmp_path / "a.zip")
    assert len((tmp_path / "a.zip").read_bytes()) > 5000


def test_an_artifact_that_is_gone_is_told(server: GitHub, repo: Repository, tmp_path: Path):
    repo.plan(Job("wheel", seconds=5, artifacts={"a.whl": b"1"}))
    forge = connected(server)
    (archive,) = forge.archives(followed(forge).snapshot)
    server.misbehave(faults.answer(410, "Artifact has expired"), on="GET */zip", times=None)
    with pytest.raises(Stop, match="410 Artifact has expired"):
        forge.fetch(archive, tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()


@pytest.mark.parametrize("seed", range(15))
def test_random_faults_change_no_verdict_and_start_nothing_twice(
    server: GitHub, repo: Repository, seed: int
):
    chance = random.Random(seed)  # noqa: S311
    result = chance.choice(["success", "failed"])
    is_flaky = chance.random() < 0.5
    wheels = [
        Job(f"wheel-{number}", "w", seconds=chance.randrange(200))
        for number in range(chance.randrange(4))
    ]
    if is_flaky:
        last = Job("last", "w", seconds=20, result=("failed", result), trace=NETWORK)
    else:
        last = Job("last", "w", seconds=20, result=result, trace="make: *** Error 1\n")
    repo.plan(Job("plan", "plan", seconds=9), *wheels, last)
    server.details = chance.choice(["given", "ignored", "refused"])
    server.lag(requests=chance.randrange(3))
    server.misbehave_at_random(seed, rate=0.3, kinds=STORM)
    # Half of a log, whole for HTTP, is a log: nobody can tell.
    server.storage.misbehave_at_random(
        seed, rate=0.3, kinds=[kind for kind in STORM if kind.name != "truncated JSON"]
    )
    lines: list[str] = []
    forge = connected(server, seconds=6 * 3600)
    started = trigger.start(forge, WISH, lines.append, is_fresh=chance.random() < 0.5)
    verdict = Follower(forge=forge, tell=lines.append).to_end(started.run)
    assert verdict.is_good == (result == "success")
    assert len(repo.pipelines) == 1
    assert attempts(repo) == (2 if is_flaky else 1)
    assert not any(forge._access.token in line for line in lines)
    assert not [request for request in server.storage.requests if request.token]


def test_a_state_has_all_jobs_of_a_run(server: GitHub, repo: Repository):
    repo.plan(Job("rhel8 x86_64 / wheel cp312", seconds=60, queued=0))
    forge = connected(server)
    run = start(forge).run
    server.advance(100)
    look = forge.read_state(run, None)
    assert isinstance(look, PipelineState)
    (job,) = look.jobs
    assert (job.name, job.stage, job.state, job.seconds) == (
        "rhel8 x86_64 / wheel cp312",
        "rhel8 x86_64",
        "success",
        60,
    )
    assert (look.run.ref, look.run.source) == ("main", "workflow_dispatch")
    assert look.run.name.endswith("[key-1]")


# From the command line

SPEC = """\
truewheel: 1
packages: {foo: {version: {file: VERSION}}}
targets: {rhel8: {}}
forge: github
variables:
  KIND: {choices: [a, b]}
  NUMBER: {pattern: '[0-9]+'}
  SWITCH: {choices: ['true', 'false'], default: 'false'}
"""


@pytest.fixture
def token(
    server: GitHub, repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Token:
    """Everything that trigger needs: a repository, a spec, a server and a token."""
    server.tick = 5
    repo.workflow(
        inputs={"truewheel_key": {}, "KIND": {}, "NUMBER": {}, "SWITCH": {"type": "boolean"}}
    )
    repo.plan(Job("wheel", seconds=20))
    token_ = server.token()
    for name in [
        name for name in os.environ if name.startswith(("CI_", "GITLAB_", "GITHUB_", "GH_"))
    ]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GITHUB_API_URL", server.url)
    monkeypatch.setenv("GITHUB_REPOSITORY", repo.path)
    monkeypatch.setenv("GITHUB_TOKEN", token_.value)
    monkeypatch.chdir(make_project(tmp_path, SPEC.replace("forge: github\n", "")))
    monkeypatch.setattr(watch, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(watch, "REQUESTS_PER_SECOND", 1000.0)
    monkeypatch.setattr(trigger, "RECHECK_SECONDS", (0.01, 0.01))
    return token_


@pytest.mark.usefixtures("token")
def test_a_run_is_started_and_followed(repo: Repository, capsys: pytest.CaptureFixture[str]):
    words = [
        "trigger",
        "--forge",
        "github",
        "-v",
        "KIND=a",
        "-v",
        "NUMBER=12",
        "-v",
        "SWITCH=true",
        "--watch",
    ]
    assert main(words) == 0
    (run,) = repo.pipelines
    inputs = dict(run.inputs)
    assert inputs.pop("truewheel_key")
    assert inputs == {"KIND": "a", "NUMBER": "12", "SWITCH": "true"}
    output = capsys.readouterr()
    assert f"started: {repo.url}/actions/runs/{run.id} · owner/demo main · key" in output.out
    assert "succeeded: 1 success" in output.out


def test_a_failed_run_ends_with_five_and_no_token(
    token: Token, repo: Repository, capsys: pytest.CaptureFixture[str]
):
    repo.plan(
        Job("wheel", seconds=5, result="failed", trace=f"export T={token.value}\nmake: *** boom\n")
    )
    assert main(["trigger", "--forge", "github", "--watch"]) == 5
    output = capsys.readouterr()
    assert "wheel failed (script): its script failed: make: *** boom" in output.err
    assert token.value not in output.out + output.err
    assert "[hidden]" in output.err


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize(
    "address", ["{run}", "{url}/actions/runs/{run}", "{url}/actions/runs/{run}/job/7"]
)
def test_a_run_is_watched_by_its_id_or_address(
    repo: Repository, address: str, capsys: pytest.CaptureFixture[str]
):
    run = repo.run(repo.workflows["wheels.yml"])
    words = address.format(run=run.id, url=repo.url)
    assert (
        main(["watch", words, "--json", *(["--forge", "github"] if words.isdecimal() else [])]) == 0
    )
    (pipeline,) = json.loads(capsys.readouterr().out)["pipelines"]
    assert (pipeline["id"], pipeline["verdict"], pipeline["project"]) == (
        run.id,
        "success",
        "owner/demo",
    )


@pytest.mark.usefixtures("token")
def test_the_address_says_which_forge_is_meant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setattr("gitlab.config._DEFAULT_FILES", [])
    assert main(["watch", "https://gitlab.example.com/a/b/-/pipelines/7"]) == 2
    assert "gitlab: no server is known" in capsys.readouterr().err


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize(
    ("environment", "ref"),
    [
        (
            {
                "GITHUB_REF": "refs/heads/next",
                "GITHUB_REF_TYPE": "branch",
                "GITHUB_REF_NAME": "next",
            },
            "next",
        ),
        (
            {
                "GITHUB_REF": "refs/pull/1/merge",
                "GITHUB_REF_TYPE": "branch",
                "GITHUB_REF_NAME": "1/merge",
            },
            "main",
        ),
        ({"GITHUB_REF": "refs/tags/v1", "GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": "v1"}, "v1"),
    ],
)
@pytest.mark.parametrize("event", ["push", "pull_request_review"])
def test_the_ref_is_that_of_the_job_unless_it_is_a_pull_requests(
    repo: Repository,
    environment: dict[str, str],
    ref: str,
    event: str,
    monkeypatch: pytest.MonkeyPatch,
):
    repo.commit({"a": b""}, branch="next")
    repo.tag("v1")
    for name, value in {**environment, "GITHUB_EVENT_NAME": event}.items():
        monkeypatch.setenv(name, value)
    assert main(["trigger", "--forge", "github"]) == 0
    assert repo.pipelines[0].ref == ref


@pytest.mark.usefixtures("token")
def test_a_variable_without_an_input_is_refused_before_any_call(
    server: GitHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    names = "".join(f"  V{number:02}: {{}}\n" for number in range(30))
    (tmp_path / "truewheel.yml").write_text(SPEC.replace("forge: github\n", "") + names)
    assert main(["trigger", "--forge", "github", "-v", "V29=1"]) == 2
    err = capsys.readouterr().err
    assert "-v V29: has no input in the workflow: GitHub allows 25" in err
    assert server.requests == []
    assert (
        main(["trigger", "--forge", "gitlab", "--project", "a/b", "-v", "V29=1", "--dry-run"]) == 0
    )


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize("project", ["a/b/c", "12", "..", "a/..", "a b/c"])
def test_what_is_no_repository_is_refused(server: GitHub, project: str):
    assert main(["trigger", "--forge", "github", "--project", project]) == 2
    with pytest.raises(SystemExit):
        main(["bridge", "--from", f"github:{project}", "--request", "1", "--to", "github:a/b"])
    assert server.requests == []


@pytest.mark.usefixtures("token")
def test_a_missing_run_is_exit_6(capsys: pytest.CaptureFixture[str]):
    assert main(["watch", "4", "--forge", "github"]) == 6
    assert "the run 4 cannot be read: 404" in capsys.readouterr().err
