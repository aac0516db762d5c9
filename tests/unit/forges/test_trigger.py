"""A pipeline is started once, whatever gets lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from forge_lab import connected, connected_by
from standins import Fault, GitLab, Job, Project, faults

from truewheel.errors import Exit, Stop
from truewheel.forges import trigger
from truewheel.forges.access import Access
from truewheel.forges.base import StartRequest
from truewheel.forges.gitlab.api.client import Gitlab
from truewheel.spec.variables import KEY

START = "POST /projects/*/pipeline"
WISH = StartRequest("main", {"NVIDIA_UPSTREAM_VERSION": "26.05"}, "key-1")


@pytest.fixture
def server() -> Iterator[GitLab]:
    with GitLab() as server:
        server.project("group/demo").plan(Job("build", seconds=60))
        yield server


@pytest.fixture
def project(server: GitLab) -> Project:
    return server.project("group/demo")


def start(
    forge: Gitlab, wish: StartRequest = WISH, *, is_fresh: bool = True, tell: Any = None
) -> trigger.Started:
    return trigger.start(forge, wish, tell or (lambda _: None), is_fresh=is_fresh)


def variables(project: Project) -> list[dict[str, str]]:
    return [
        {variable["key"]: variable["value"] for variable in pipeline.variables}
        for pipeline in project.pipelines
    ]


def test_variables_and_key_are_sent(server: GitLab, project: Project):
    started = start(connected(server))
    assert started.is_new
    assert started.run.id == project.pipelines[0].id
    assert variables(project) == [{"NVIDIA_UPSTREAM_VERSION": "26.05", KEY: "key-1"}]


def test_a_fresh_key_takes_two_requests(server: GitLab):
    start(connected(server))
    assert len(server.requests) == 2


def test_the_pipeline_of_a_key_is_found_again(server: GitLab, project: Project):
    first = start(connected(server), is_fresh=False)
    for other in ("key-2", "key"):
        start(connected(server), WISH._replace(key=other), is_fresh=False)
    again = start(connected(server), is_fresh=False)
    assert (again.run.id, again.is_new) == (first.run.id, False)
    assert len(project.pipelines) == 3


def test_the_same_key_on_another_ref_starts_a_pipeline(server: GitLab, project: Project):
    project.commit({"a": b""}, branch="next")
    start(connected(server), is_fresh=False)
    assert start(connected(server), WISH._replace(ref="next"), is_fresh=False).is_new


@pytest.mark.parametrize("is_fresh", [True, False])
@pytest.mark.parametrize(
    "fault",
    [faults.lost_reply(), faults.cut_reply(), faults.truncated_json(), faults.wrong_length()],
    ids=lambda fault: fault.name,
)
def test_a_lost_answer_starts_no_second_pipeline(
    server: GitLab, project: Project, fault: Fault, is_fresh: bool
):
    server.misbehave(fault, on=START, times=None)
    started = start(connected(server), is_fresh=is_fresh)
    assert started.is_new
    assert [pipeline.id for pipeline in project.pipelines] == [started.run.id]
    assert len(server.asked(START)) == 1


def test_a_pipeline_that_is_listed_late_is_waited_for(server: GitLab, project: Project):
    server.lag(seconds=5)
    server.misbehave(faults.lost_reply(), on=START)
    started = start(connected(server))
    assert [pipeline.id for pipeline in project.pipelines] == [started.run.id]


@pytest.mark.parametrize(
    "fault",
    [
        faults.server_error(500),
        faults.server_error(503),
        faults.reset(),
        faults.too_many_requests(7),
    ],
    ids=lambda fault: fault.name,
)
def test_a_start_without_effect_is_retried(server: GitLab, project: Project, fault: Fault):
    server.misbehave(fault, on=START, times=3)
    lines: list[str] = []
    started = start(connected(server), tell=lines.append)
    assert [pipeline.id for pipeline in project.pipelines] == [started.run.id]
    assert len(server.asked(START)) == 4
    assert len(lines) == 3


def test_of_two_pipelines_started_at_once_the_older_stays(server: GitLab, project: Project):
    """The other one starts its pipeline between our look and our start."""

    def other(_state: Any, _request: Any) -> None:
        other_one = [{"key": KEY, "value": WISH.key}]
        project.pipeline("main", variables=other_one, source="api")

    server.misbehave(Fault("another", before=other), on=START)
    lines: list[str] = []
    started = start(connected(server), is_fresh=False, tell=lines.append)
    assert not started.is_new
    assert started.run.id == project.pipelines[0].id
    assert [pipeline.status for pipeline in project.pipelines][1] in {"canceled", "canceling"}
    assert any("is cancelled" in line for line in lines)


@pytest.mark.parametrize(
    ("fault", "message", "hint"),
    [
        (
            faults.variables_refused(),
            "Insufficient permissions to set pipeline variables",
            "inputs",
        ),
        (
            faults.variables_refused(400),
            "Insufficient permissions to set pipeline variables",
            "inputs",
        ),
        (faults.expired_token(), "401", "expired"),
        (faults.forbidden(), "403 Forbidden", "Developer"),
        (
            faults.answer(404, "404 Project Not Found"),
            "404 Project Not Found",
            "name of the project",
        ),
        (faults.answer(400, {"base": ["Reference not found"]}), "Reference not found", ""),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
def test_a_refusal_is_final_and_explained(
    server: GitLab, project: Project, fault: Fault, message: str, hint: str
):
    server.misbehave(fault, on=START, times=None)
    with pytest.raises(Stop) as stopped:
        start(connected(server))
    assert stopped.value.code is Exit.REMOTE_FAILED
    (problem,) = stopped.value.problems
    assert message in problem.message
    assert hint in problem.hint
    assert project.pipelines == []
    assert len(server.asked(START)) == 1


def test_a_server_that_always_fails_is_exit_6_at_the_deadline(server: GitLab, project: Project):
    server.misbehave(faults.server_error(502), on=START, times=None)
    with pytest.raises(Stop) as stopped:
        start(connected(server, seconds=100))
    assert stopped.value.code is Exit.REMOTE_UNREACHABLE
    assert project.pipelines == []


def test_a_start_is_not_repeated_while_nobody_can_say_what_came_of_it(
    server: GitLab, project: Project
):
    server.misbehave(faults.lost_reply(), on=START)
    server.misbehave(faults.server_error(500), on="GET /projects/*/pipelines", after=1, times=None)
    with pytest.raises(Stop) as stopped:
        start(connected(server, seconds=200))
    assert stopped.value.code is Exit.REMOTE_UNREACHABLE
    assert len(server.asked(START)) == len(project.pipelines) == 1


def test_a_start_is_not_repeated_where_a_new_pipeline_hides_its_variables(
    server: GitLab, project: Project
):
    server.misbehave(faults.lost_reply(), on=START)
    server.misbehave(faults.forbidden(), on="GET */variables", times=None)
    with pytest.raises(Stop) as stopped:
        start(connected(server))
    assert stopped.value.code is Exit.REMOTE_UNREACHABLE
    assert len(server.asked(START)) == len(project.pipelines) == 1


def test_a_job_starts_by_its_own_token(server: GitLab, project: Project):
    build = project.pipeline("main").builds[0]
    token = server.job_token(build).value
    forge = connected_by(server, Access(server.url, "job", token))
    run = forge.start(WISH)
    assert project.pipelines[-1].id == run.id
    assert server.asked("POST /projects/*/trigger/pipeline")[0].body.count(b"[token") == 1
    assert variables(project)[-1][KEY] == WISH.key


def test_values_are_sent_as_inputs_where_pipelines_take_inputs(server: GitLab, project: Project):
    project.spec_inputs = {"NVIDIA_UPSTREAM_VERSION": {}, "truewheel_key": {}}
    start(connected(server), WISH._replace(by_inputs=True))
    body = server.asked(START)[0].body
    assert b'"inputs": {"NVIDIA_UPSTREAM_VERSION": "26.05", "truewheel_key": "key-1"}' in body
    assert b"variables" not in body


def test_valid_and_invalid_keys():
    assert trigger.new_key() != trigger.new_key()
    same = trigger.key_of("a/b", "main", {"A": "1", "B": "2"})
    assert same == trigger.key_of("a/b", "main", {"B": "2", "A": "1"})
    others = {
        trigger.key_of("a/c", "main", {"A": "1", "B": "2"}),
        trigger.key_of("a/b", "next", {"A": "1", "B": "2"}),
        trigger.key_of("a/b", "main", {"A": "12", "B": ""}),
        same,
    }
    assert len(others) == 4
    assert all(trigger.KEY_PATTERN.fullmatch(key) for key in (*others, trigger.new_key()))
