"""GitLab by python-gitlab: what goes over the wire, and what stays here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from forge_lab import connected
from standins import Fault, GitLab, Reply, faults
from standins import Job as Script

from truewheel.errors import Exit, Stop
from truewheel.forges.base import Archive, Job, StartRequest
from truewheel.forges.gitlab.api.client import Gitlab
from truewheel.forges.job_logs import readable


@pytest.fixture
def server() -> Iterator[GitLab]:
    with GitLab() as server:
        server.project("group/demo")
        yield server


def job_of(forge: Gitlab, server: GitLab) -> Job:
    run = forge.start(StartRequest("main", {}, "key"))
    server.advance(1000)
    return forge.read_state(run, None).jobs[0]


def test_a_token_does_not_follow_to_another_host(server: GitLab, tmp_path: Path):
    with GitLab() as other:
        forge = connected(server)
        job = job_of(forge, server)
        elsewhere = other.url.replace("127.0.0.1", "localhost") + "/api/v4/version"
        server.misbehave(faults.redirect(elsewhere), on="GET */artifacts")
        other.misbehave(faults.server_error(404))
        with pytest.raises(Stop):
            forge.fetch(Archive(job.project, job.id, job.name), tmp_path / "a.zip")
        (request,) = other.requests
    assert not {"private-token", "job-token", "authorization"} & set(request.headers)
    assert forge._access.token not in str(request)


def test_the_end_of_a_huge_log_is_enough(server: GitLab):
    server.project("group/demo").plan(
        Script("build", trace="x" * 80 + "\n" + "y\n" * 1_000_000 + "last\n")
    )
    forge = connected(server)
    log = forge.log_tail(job_of(forge, server), 100)
    assert log.endswith("y\nlast")
    assert len(log) <= 100


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("\x1b[0KRunning\x1b[0;m\n", "Running"),
        (
            (
                "section_start:17:get_sources[collapsed=true]\r\x1b[0KGetting\n"
                "section_end:18:get_sources\r\x1b[0Kdone\n"
            ),
            "Getting\ndone",
        ),
        (
            "2026-11-27T10:00:00.123456Z 01O hello\n2026-11-27T10:00:01.5Z 01O+there\n",
            "hello\nthere",
        ),
        ("10%\r50%\r100%\nend", "100%\nend"),
        ("windows\r\nlines\r\n", "windows\nlines"),
    ],
)
def test_control_sequences_of_logs_are_removed(raw: str, text: str):
    assert readable(raw, "") == text


def test_a_project_is_named_by_its_path(server: GitLab):
    forge = connected(server)
    assert forge.default_ref() == "main"
    assert server.requests[-1].target == "/api/v4/projects/group%2Fdemo"
    assert forge.path("pipelines", "a/b?c") == "/projects/group%2Fdemo/pipelines/a%2Fb%3Fc"


def test_a_missing_project_is_explained(server: GitLab):
    forge = connected(server)
    forge.project = "group/none"
    with pytest.raises(Stop, match="the project cannot be read: 404") as stopped:
        forge.default_ref()
    assert stopped.value.code is Exit.REMOTE_FAILED
    assert "name of the project" in stopped.value.problems[0].hint


def test_ended_pipelines_are_not_requested_again(server: GitLab):
    forge = connected(server)
    run = forge.start(StartRequest("main", {}, "key"))
    server.advance(1000)
    look = forge.read_state(run, None)
    before = len(server.requests)
    assert forge.read_state(run, look).jobs == look.jobs
    assert len(server.requests) == before + 1


def test_an_answer_about_another_pipeline_is_not_used(server: GitLab):
    forge = connected(server)
    run = forge.start(StartRequest("main", {}, "key"))
    wrong = Reply.of({"id": run.id + 1, "status": "success"}, 200)
    server.misbehave(
        Fault("another", instead=lambda *_: wrong), on=f"GET */pipelines/{run.id}", times=3
    )
    assert forge.run(run.id).state != "success"


def test_archives_are_those_of_jobs_that_went_well(server: GitLab):
    files = {"plan.json": b"{}"}
    server.project("group/demo").plan(
        Script("wheel", stage="wheel", artifacts=files),
        Script("broken", stage="wheel", artifacts=files, result="failed", allow_failure=True),
        Script("bare", stage="wheel"),
        Script("plan", stage="plan", artifacts=files, needs=[]),
    )
    forge = connected(server)
    run = forge.start(StartRequest("main", {}, "key"))
    server.advance(1000)
    assert [archive.name for archive in forge.archives(forge.read_state(run, None))] == [
        "wheel",
        "plan",
    ]


def test_jobs_stand_in_the_order_in_which_they_were_made(server: GitLab):
    server.project("group/demo").plan(
        *(Script(name, stage=name) for name in ("plan", "wheel", "prove"))
    )
    forge = connected(server)
    assert [
        job.name
        for job in forge.read_state(forge.start(StartRequest("main", {}, "key")), None).jobs
    ] == [
        "plan",
        "wheel",
        "prove",
    ]
