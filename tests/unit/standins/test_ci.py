"""Pipelines follow their script, second by second."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standins.ci import FINAL, Bridge, Build, Job, Pipeline, again, cancel_all, composite, settle
from standins.state import Clock, Project, State


@pytest.fixture
def project() -> Project:
    return State(Clock(1000.0), "http://127.0.0.1").project("group/demo", {})


def run(project: Project, *jobs: Job) -> Pipeline:
    return project.pipeline(jobs=jobs)


def at(pipeline: Pipeline, seconds: float) -> dict[str, str]:
    settle(pipeline, 1000 + seconds)
    return {build.script.name: build.status for build in pipeline.latest()} | {"": pipeline.status}


def test_a_job_waits_runs_and_ends(project):
    pipeline = run(project, Job("a", queued=5, seconds=10))
    assert at(pipeline, 0) == {"a": "pending", "": "pending"}
    assert at(pipeline, 5) == {"a": "running", "": "running"}
    assert at(pipeline, 14.9)["a"] == "running"
    assert at(pipeline, 15) == {"a": "success", "": "success"}
    assert (pipeline.started, pipeline.finished) == (1005, 1015)


def test_other_ways_of_waiting(project):
    pipeline = run(project, Job("a", queued=5, seconds=10, waits="waiting_for_resource"))
    assert at(pipeline, 0) == {"a": "waiting_for_resource", "": "waiting_for_resource"}
    assert at(pipeline, 5)["a"] == "running"


def test_a_stage_waits_for_the_one_before_it(project):
    pipeline = run(project, Job("a", seconds=10), Job("b", seconds=20), Job("c", "next", seconds=5))
    assert at(pipeline, 19) == {"a": "success", "b": "running", "c": "created", "": "running"}
    assert at(pipeline, 100) == {"a": "success", "b": "success", "c": "success", "": "success"}
    assert pipeline.finished == 1025, "time that was passed over is not lost"


def test_what_comes_after_a_failure(project):
    pipeline = run(
        project,
        Job("a", seconds=1, result="failed", failure_reason="runner_system_failure"),
        Job("b", "next"),
        Job("tidy", "next", seconds=1, when="always"),
        Job("mend", "next", seconds=1, when="on_failure"),
    )
    statuses = at(pipeline, 9)
    assert statuses == {
        "a": "failed",
        "b": "skipped",
        "tidy": "success",
        "mend": "success",
        "": "failed",
    }
    assert pipeline.builds[0].failure_reason == "runner_system_failure"


def test_a_failure_that_is_allowed(project):
    pipeline = run(
        project,
        Job("a", seconds=1, result="failed", allow_failure=True),
        Job("b", "next", seconds=1),
    )
    assert at(pipeline, 9) == {"a": "failed", "b": "success", "": "success"}


def test_nothing_to_mend(project):
    assert (
        at(run(project, Job("a", seconds=1), Job("mend", "next", when="on_failure")), 9)["mend"]
        == "skipped"
    )


def test_needs_leave_stages_aside(project):
    pipeline = run(
        project, Job("slow"), Job("a", seconds=1), Job("b", "next", seconds=1, needs=["a"])
    )
    assert at(pipeline, 2) == {"slow": "running", "a": "success", "b": "success", "": "running"}
    assert at(run(project, Job("slow"), Job("b", "next", seconds=1, needs=[])), 1)["b"] == "success"


def test_a_skipped_need_skips(project):
    pipeline = run(
        project,
        Job("a", seconds=1, result="failed"),
        Job("b", "two"),
        Job("c", "three", when="always", needs=["b"]),
    )
    assert at(pipeline, 2)["b"] == "skipped"
    pipeline = run(
        project,
        Job("a", seconds=1, result="failed"),
        Job("b", "two"),
        Job("c", "three", needs=["b"]),
    )
    assert at(pipeline, 2)["c"] == "skipped"


def test_a_manual_job_blocks_unless_it_may_fail(project):
    blocked = run(project, Job("a", when="manual"), Job("b", "next"))
    assert at(blocked, 99) == {"a": "manual", "b": "created", "": "manual"}
    free = run(project, Job("a", when="manual", allow_failure=True), Job("b", "next", seconds=1))
    assert at(free, 99) == {"a": "manual", "b": "success", "": "success"}


def test_a_retried_job_has_a_new_number_and_frees_what_was_skipped(project):
    pipeline = run(
        project, Job("a", seconds=1, result=("failed", "success")), Job("b", "next", seconds=1)
    )
    assert at(pipeline, 5) == {"a": "failed", "b": "skipped", "": "failed"}
    new = again(pipeline.builds[0], 1010.0)
    assert new.id > max(build.id for build in pipeline.builds[:2])
    assert at(pipeline, 20) == {"a": "success", "b": "success", "": "success"}
    assert [build.script.name for build in pipeline.builds if build.retried] == ["a"]
    assert new.ended == 1011


def test_a_job_that_the_server_retries(project):
    pipeline = run(project, Job("a", seconds=10, result="failed", retry=2), Job("b", "next"))
    assert at(pipeline, 15) == {"a": "running", "b": "created", "": "running"}
    assert at(pipeline, 30) == {"a": "failed", "b": "skipped", "": "failed"}
    assert len(pipeline.builds) == 4


def test_a_trigger_job_follows_its_child(project):
    pipeline = run(
        project, Bridge("kids", child=[Job("x", seconds=5)]), Job("b", "next", seconds=1)
    )
    child = pipeline.builds[0].downstream
    assert (child.source, child.ref, child.status) == ("parent_pipeline", "main", "running")
    assert at(pipeline, 5) == {"kids": "success", "b": "running", "": "running"}


def test_a_retry_in_a_child_wakes_the_parent(project):
    script = Job("x", seconds=5, result=("failed", "success"))
    pipeline = run(project, Bridge("kids", child=[script]), Job("b", "next", seconds=1))
    assert at(pipeline, 5) == {"kids": "failed", "b": "skipped", "": "failed"}
    again(pipeline.builds[0].downstream.builds[0], 1010.0)
    assert at(pipeline, 12) == {"kids": "running", "b": "created", "": "running"}
    assert at(pipeline, 16) == {"kids": "success", "b": "success", "": "success"}


@pytest.mark.parametrize(
    ("job", "status"),
    [
        (Job("x", seconds=1, result="canceled"), "canceled"),
        (Job("x", when="on_failure"), "failed"),
        (Job("x", seconds=1, result="failed", allow_failure=True), "success"),
    ],
)
def test_what_a_trigger_job_makes_of_its_child(project, job, status):
    assert at(run(project, Bridge("kids", child=[job])), 1) == {"kids": status, "": status}


def test_a_child_that_nobody_waits_for(project):
    pipeline = run(project, Bridge("kids", child=[Job("x", result="failed")], depends=False))
    assert at(pipeline, 0) == {"kids": "success", "": "success"}


@pytest.mark.parametrize(
    "bridge", [Bridge("kids", child=None), Bridge("kids", project="no/such", child=[Job("x")])]
)
def test_a_child_that_cannot_be_made(project, bridge):
    pipeline = run(project, bridge)
    assert at(pipeline, 0) == {"kids": "failed", "": "failed"}
    assert pipeline.builds[0].failure_reason == "downstream_pipeline_creation_failed"
    assert pipeline.builds[0].downstream is None


def test_a_pipeline_in_another_project(project):
    other = project.state.project("group/other", {})
    pipeline = run(project, Bridge("there", project="group/other", child=[Job("x", seconds=2)]))
    assert [pipeline.source for pipeline in other.pipelines] == ["pipeline"]
    assert at(pipeline, 2)["there"] == "success"


def test_cancelling_takes_the_children_along(project):
    pipeline = run(
        project, Bridge("kids", child=[Job("x")]), Job("done", seconds=1), Job("later", "next")
    )
    at(pipeline, 5)
    cancel_all(pipeline, 1005.0)
    assert at(pipeline, 500) == {
        "kids": "canceled",
        "done": "success",
        "later": "canceled",
        "": "canceled",
    }
    assert pipeline.builds[0].downstream.status == "canceled"


def test_cancelling_may_take_its_time(project):
    pipeline = run(project, Job("a", canceling=10), Job("b", "next"))
    at(pipeline, 5)
    cancel_all(pipeline, 1005.0)
    assert at(pipeline, 14) == {"a": "canceling", "b": "canceled", "": "canceling"}
    assert at(pipeline, 15) == {"a": "canceled", "b": "canceled", "": "canceled"}


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        ("success success", "success"),
        ("success skipped", "success"),
        ("skipped skipped", "skipped"),
        ("success failed", "failed"),
        ("failed canceled", "failed"),
        ("success canceled", "canceled"),
        ("created created", "created"),
        ("pending created", "pending"),
        ("success created", "running"),
        ("success pending", "running"),
        ("failed running", "running"),
        ("failed manual", "manual"),
        ("success scheduled", "scheduled"),
        ("preparing success", "preparing"),
        ("canceled canceling", "canceling"),
    ],
)
def test_status_of_a_pipeline(project, statuses, status):
    pipeline = run(project)
    builds = [Build(1, Job("x"), pipeline, 0.0, status=status) for status in statuses.split()]
    assert composite(builds) == status
    assert composite(reversed(builds)) == status


SCRIPTS = st.lists(
    st.builds(
        Job,
        name=st.just("x"),
        stage=st.sampled_from("abc"),
        seconds=st.integers(0, 5),
        queued=st.integers(0, 3),
        result=st.sampled_from(["success", "failed", ("failed", "success")]),
        allow_failure=st.booleans(),
        when=st.sampled_from(["on_success", "always", "on_failure"]),
        retry=st.integers(0, 2),
    ),
    min_size=1,
    max_size=8,
)


@given(SCRIPTS, st.lists(st.integers(0, 9), max_size=8))
def test_how_often_we_look_does_not_matter(jobs, steps):
    """What has happened depends on the time alone, and every script ends."""

    def statuses_after(moments: list[float]) -> list[tuple[object, ...]]:
        pipeline = run(State(Clock(1000.0), "").project("demo", {}), *jobs)
        for moment in moments:
            at(pipeline, moment)
        facts = [
            (build.script, build.status, build.started, build.ended) for build in pipeline.builds
        ]
        return sorted(facts, key=repr)

    end = sum(steps)
    assert statuses_after([*itertools.accumulate(steps)]) == statuses_after([end] if steps else [])
    assert {fact[1] for fact in statuses_after([1000])} <= FINAL
