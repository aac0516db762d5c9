"""A pipeline is followed to its end: what is told, what runs again, and the verdict."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from forge_lab import connected
from standins import Bridge, GitLab, Job, Project, faults

from truewheel.errors import Exit, Stop
from truewheel.forges import trigger
from truewheel.forges.base import StartRequest
from truewheel.forges.gitlab.api.client import Gitlab
from truewheel.forges.watch import Follower, Verdict, states

LOG = (
    "\x1b[0;32m$ make\x1b[0;m\nsection_start:1:build\r\x1b[0Kmake: *** [all] Error 1\nERROR: Job "
    "failed: exit code 1\n"
)


@pytest.fixture
def server() -> Iterator[GitLab]:
    with GitLab() as server:
        server.project("group/demo")
        yield server


@pytest.fixture
def project(server: GitLab) -> Project:
    return server.project("group/demo")


def follow(forge: Gitlab, lines: list[str] | None = None, **more: Any) -> Verdict:
    run = forge.start(StartRequest("main", {}, "key"))
    return Follower(forge=forge, tell=(lines if lines is not None else []).append, **more).to_end(
        run
    )


def test_state_changes_of_a_good_pipeline_are_shown(server: GitLab, project: Project):
    project.plan(Job("plan", stage="plan", seconds=20), Job("prove", stage="prove", seconds=5))
    lines: list[str] = []
    verdict = follow(connected(server), lines)
    assert verdict.is_good
    assert states(verdict.snapshot) == "2 success"
    number = project.pipelines[0].id
    beginnings = [line.partition(" (")[0] for line in lines]
    assert beginnings.index(f"{number}/plan: running") < beginnings.index(f"{number}/plan: success")
    assert beginnings[-1] in {f"{number}/prove: success", f"pipeline {number}: success"}
    assert len(beginnings) == len(set(beginnings))


def test_a_failure_has_a_cause_and_the_end_of_its_log(server: GitLab, project: Project):
    project.plan(
        Job(
            "wheel",
            seconds=9,
            result="failed",
            failure_reason="script_failure",
            trace="early\n" * 50 + LOG,
        )
    )
    verdict = follow(connected(server))
    assert not verdict.is_good
    (failure,) = verdict.failures
    assert (failure.job.name, failure.cause.kind) == ("wheel", "script")
    assert failure.cause.told == "its script failed: make: *** [all] Error 1"
    assert failure.log.endswith("$ make\nmake: *** [all] Error 1\nERROR: Job failed: exit code 1")
    assert len(failure.log.split("\n")) == 20


@pytest.mark.parametrize("result", ["success", "failed"])
def test_child_pipelines_of_children_are_part_of_the_verdict(
    server: GitLab, project: Project, result: str
):
    grandchild = Bridge("deeper", child=[Job("wheel", seconds=30, result=result)])
    project.plan(Bridge("child", child=[grandchild, Job("other")]))
    verdict = follow(connected(server))
    assert verdict.is_good == (result == "success")
    assert [failure.job.name for failure in verdict.failures] == (
        ["wheel"] if result == "failed" else []
    )


def test_a_failed_child_of_a_successful_parent_is_a_failure(server: GitLab, project: Project):
    project.plan(
        Bridge("child", child=[Job("wheel", seconds=90, result="failed")], depends=False),
        Job("quick", seconds=1),
    )
    verdict = follow(connected(server))
    assert verdict.snapshot.run.state == "success"
    assert not verdict.is_good
    assert [failure.job.name for failure in verdict.failures] == ["wheel"]


def test_an_allowed_failure_does_not_count(server: GitLab, project: Project):
    project.plan(Job("wheel"), Job("extra", result="failed", allow_failure=True))
    verdict = follow(connected(server))
    assert verdict.is_good
    assert verdict.failures == ()


@pytest.mark.parametrize(
    ("job", "runs"),
    [
        (Job("wheel", result="failed", failure_reason="runner_system_failure"), 2),
        (Job("wheel", result="failed", trace="curl: (6) Could not resolve host: example.com\n"), 2),
        (Job("wheel", result="failed", trace="make: *** Error 1\n"), 1),
        (Job("wheel", result="failed", failure_reason="job_execution_timeout"), 1),
        (
            Job(
                "wheel", result="failed", failure_reason="runner_system_failure", allow_failure=True
            ),
            1,
        ),
    ],
)
def test_runner_and_network_failures_run_again_and_no_others(
    server: GitLab, project: Project, job: Job, runs: int
):
    project.plan(job)
    follow(connected(server))
    assert len(project.pipelines[0].builds) == runs


def test_a_second_attempt_can_save_the_pipeline(server: GitLab, project: Project):
    project.plan(
        Bridge(
            "child",
            child=[
                Job("wheel", result=("failed", "success"), failure_reason="runner_system_failure")
            ],
        )
    )
    lines: list[str] = []
    verdict = follow(connected(server), lines)
    assert verdict.is_good
    assert any("wheel runs again (1 of 1): the runner broke down" in line for line in lines)


def test_a_lost_answer_to_a_retry_is_no_failure(server: GitLab, project: Project):
    project.plan(Job("wheel", result=("failed", "success"), failure_reason="runner_system_failure"))
    server.misbehave(faults.lost_reply(), on="POST /projects/*/jobs/*/retry")
    assert follow(connected(server)).is_good
    assert len(project.pipelines[0].builds) == 2


def test_nothing_runs_again_where_nobody_asks_for_it(server: GitLab, project: Project):
    project.plan(Job("wheel", result="failed", failure_reason="runner_system_failure"))
    assert not follow(connected(server), retries=0).is_good
    assert len(project.pipelines[0].builds) == 1


def test_a_retry_that_is_refused_is_told_and_does_not_hang(server: GitLab, project: Project):
    project.plan(Job("wheel", result="failed", failure_reason="runner_system_failure"))
    server.misbehave(faults.forbidden(), on="POST /projects/*/jobs/*/retry", times=None)
    lines: list[str] = []
    assert not follow(connected(server), lines).is_good
    assert any("the job wheel cannot be retried" in line for line in lines)


def test_a_cancelled_pipeline_is_no_success(server: GitLab, project: Project):
    project.plan(Job("wheel", seconds=100))
    forge = connected(server)
    run = forge.start(StartRequest("main", {}, "key"))
    forge.cancel(run)
    verdict = Follower(forge=forge, tell=[].append).to_end(run)
    assert (verdict.is_good, verdict.snapshot.run.state) == (False, "canceled")


@pytest.mark.parametrize("seconds", [40, 400])
def test_the_deadline_is_kept(server: GitLab, project: Project, seconds: int):
    project.plan(Job("wheel", seconds=1_000_000))
    forge = connected(server, seconds=seconds)
    with pytest.raises(Stop, match="the deadline is over") as stopped:
        follow(forge)
    assert stopped.value.code is Exit.REMOTE_UNREACHABLE
    assert -1 < forge.caller.left() <= 0


@pytest.mark.parametrize(
    "fault", [faults.expired_token(), faults.forbidden(), faults.answer(404, "404 Not found")]
)
def test_a_forge_that_refuses_to_answer_gives_no_verdict(
    server: GitLab, project: Project, fault: Any
):
    project.plan(Job("wheel", seconds=100))
    server.misbehave(fault, on="GET /projects/*/pipelines/*", after=4, times=None)
    with pytest.raises(Stop) as stopped:
        follow(connected(server))
    assert stopped.value.code is Exit.REMOTE_UNREACHABLE


@pytest.mark.parametrize(
    "fault",
    [faults.forbidden(), faults.server_error(502), faults.reset()],
    ids=lambda each: each.name,
)
def test_a_verdict_does_not_wait_for_a_log(server: GitLab, project: Project, fault: Any):
    project.plan(Job("wheel", result="failed", failure_reason="script_failure"))
    server.misbehave(fault, on="GET */trace", times=None)
    forge = connected(server)
    (failure,) = follow(forge).failures
    assert forge.caller.left() > 3000
    assert failure.log == ""
    assert failure.cause.told == "its script failed"


def test_our_token_is_hidden_in_logs(server: GitLab, project: Project):
    forge = connected(server)
    token = forge._access.token
    project.plan(Job("wheel", result="failed", trace=f"curl -H 'PRIVATE-TOKEN: {token}'\n"))
    (failure,) = follow(forge).failures
    assert token not in failure.log + failure.cause.told
    assert "[hidden]" in failure.log


def test_five_hundred_jobs_take_a_request_a_second(server: GitLab, project: Project):
    project.plan(
        *[
            Bridge(
                f"child-{number}", child=[Job(f"w{number}-{job}", seconds=180) for job in range(25)]
            )
            for number in range(20)
        ]
    )
    forge = connected(server)
    before = forge.caller.clock.now()
    verdict = follow(forge)
    minutes = (forge.caller.clock.now() - before) / 60
    assert states(verdict.snapshot) == "500 success"
    assert len(server.requests) <= 60 * (minutes + 1)


@pytest.mark.parametrize("seed", range(15))
def test_random_faults_change_no_verdict_and_start_no_second_pipeline(
    server: GitLab, project: Project, seed: int
):
    chance = random.Random(seed)  # noqa: S311
    result = chance.choice(["success", "failed"])
    wheels = [
        Job(f"wheel-{number}", seconds=chance.randrange(200))
        for number in range(chance.randrange(4))
    ]
    bad = Job("bad", seconds=20, result=result, failure_reason="script_failure")
    project.plan(
        Job("plan", stage="plan", seconds=9), Bridge("child", stage="wheel", child=[*wheels, bad])
    )
    server.lag(requests=chance.randrange(3))
    server.misbehave_at_random(seed, rate=0.3)
    lines: list[str] = []
    forge = connected(server)
    started = trigger.start(
        forge, StartRequest("main", {}, f"key-{seed}"), lines.append, is_fresh=chance.random() < 0.5
    )
    verdict = Follower(forge=forge, tell=lines.append).to_end(started.run)
    assert verdict.is_good == (result == "success")
    assert len([pipeline for pipeline in project.pipelines if pipeline.source == "api"]) == 1
    assert not any(forge._access.token in line for line in lines)
