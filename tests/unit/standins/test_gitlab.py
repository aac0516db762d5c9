"""The stand-in, driven by the real python-gitlab."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from standins import Bridge, GitLab, Job, Project, faults

gitlab = pytest.importorskip("gitlab", reason="python-gitlab is not installed")


@pytest.fixture
def server() -> Iterator[GitLab]:
    with GitLab() as server:
        server.project("group/demo")
        yield server


@pytest.fixture
def demo(server: GitLab) -> Project:
    return server.project("group/demo")


@pytest.fixture
def client(server: GitLab) -> Iterator[Any]:
    with gitlab.Gitlab(server.url, private_token=server.token("bot").value) as client:
        yield client


@pytest.fixture
def project(client: Any) -> Any:
    return client.projects.get("group/demo")


def refused(call: Any) -> tuple[int, Any]:
    with pytest.raises(gitlab.GitlabError) as raised:
        call()
    return raised.value.response_code, raised.value.error_message


def test_who_and_where(server, client, project):
    client.auth()
    assert client.user.username == "bot"
    assert client.version()[0].startswith("18.")
    assert client.personal_access_tokens.get("self").scopes == ["api"]
    assert (project.path_with_namespace, project.default_branch) == ("group/demo", "main")
    assert client.projects.get(project.id).id == project.id
    assert [item.id for item in client.projects.list(get_all=True)] == [project.id]


def test_settings(demo, project):
    project.ci_pipeline_variables_minimum_override_role = "maintainer"
    project.save()
    assert demo.settings["restrict_user_defined_variables"] is True
    project.build_timeout = 7200
    project.save()
    assert demo.settings["build_timeout"] == 7200
    project.ci_pipeline_variables_minimum_override_role = "nobody"
    assert refused(project.save)[0] == 400


def test_a_pipeline_from_start_to_end(server, demo, project):
    wheel = {"dist/a.whl": b"wheel"}
    demo.plan(
        Job("compile", seconds=30, artifacts=wheel, trace="0123456789", tags=["gpu"]),
        Bridge("kids", "children", child=[Job("sub", seconds=20)]),
        Job("prove", "prove", seconds=10),
    )
    run = project.pipelines.create(
        {"ref": "main", "variables": [{"key": "A", "value": "1"}], "inputs": {"x": True}}
    )
    assert (run.status, run.source, run.user["username"]) == ("running", "api", "bot")
    assert demo.pipelines[0].inputs == {"x": True}
    assert [(item.key, item.value) for item in run.variables.list(get_all=True)] == [("A", "1")]
    server.advance(15)
    compile_ = project.jobs.get(run.jobs.list(scope="running")[0].id)
    assert (compile_.name, compile_.trace(), compile_.duration) == ("compile", b"01234", 15)
    assert refused(compile_.artifacts)[0] == 404
    server.advance(20)
    (bridge,) = run.bridges.list(get_all=True)
    child = project.pipelines.get(bridge.downstream_pipeline["id"])
    assert (bridge.status, child.source, child.status) == ("running", "parent_pipeline", "running")
    server.advance(25)
    run.refresh()
    assert (run.status, run.duration, run.detailed_status["text"]) == ("success", 60, "passed")
    compile_.refresh()
    with zipfile.ZipFile(io.BytesIO(compile_.artifacts())) as archive:
        assert archive.read("dist/a.whl") == b"wheel"
    assert compile_.artifact("dist/a.whl") == b"wheel"
    assert [item.name for item in run.jobs.list(get_all=True)] == ["prove", "compile"]
    assert project.artifacts.raw("main", "dist/a.whl", job="compile") == b"wheel"
    assert run.test_report.get().total_count == 0


def test_retries(server, demo, project):
    demo.plan(
        Job(
            "flaky", seconds=1, result=("failed", "success"), failure_reason="runner_system_failure"
        )
    )
    run = project.pipelines.create({"ref": "main"})
    server.advance(1)
    (failed,) = run.jobs.list(get_all=True)
    assert (failed.status, failed.failure_reason) == ("failed", "runner_system_failure")
    new = project.jobs.get(failed.id).retry()
    assert new["id"] > failed.id
    server.advance(1)
    assert [job.id for job in run.jobs.list(get_all=True)] == [new["id"]]
    assert len(run.jobs.list(include_retried=True, get_all=True)) == 2
    assert refused(project.jobs.get(failed.id).retry)[0] == 403
    demo.plan(Job("bad", seconds=1, result=("failed", "success")))
    run = project.pipelines.create({"ref": "main"})
    server.advance(1)
    run.retry()
    server.advance(1)
    run.refresh()
    assert run.status == "success"


def test_a_retried_pipeline_leaves_its_children_alone(server, demo, project):
    demo.plan(Bridge("kids", child=[Job("x", seconds=1, result="failed")]))
    run = project.pipelines.create({"ref": "main"})
    server.advance(1)
    (bridge,) = run.bridges.list(get_all=True)
    run.retry()
    assert [item.id for item in run.bridges.list(get_all=True)] == [bridge.id]
    assert refused(lambda: project.jobs.get(bridge.id))[0] == 404
    project.jobs.get(bridge.id, lazy=True).retry()
    (new,) = run.bridges.list(get_all=True)
    assert new.downstream_pipeline["id"] > bridge.downstream_pipeline["id"]


def test_cancel_and_play(server, demo, project):
    demo.plan(Job("go", when="manual"), Job("later", "next"))
    run = project.pipelines.create({"ref": "main"})
    assert run.status == "manual"
    job = project.jobs.get(next(item.id for item in run.jobs.list() if item.name == "go"))
    job.play()
    job.refresh()
    assert job.status == "running"
    assert refused(job.play)[0] == 400
    job.cancel()
    run.refresh()
    assert run.status == "canceled"
    other = project.pipelines.create({"ref": "main"})
    other.cancel()
    assert {item.status for item in other.jobs.list()} == {"manual", "canceled"}


def test_only_owners_delete_pipelines(server, demo, client, project):
    demo.plan(Bridge("kids", child=[Bridge("more", child=[Job("x")])]))
    run = project.pipelines.create({"ref": "main"})
    assert refused(run.delete)[0] == 403
    owner = gitlab.Gitlab(server.url, private_token=server.token("boss", 50).value)
    owner.projects.get(project.id).pipelines.delete(run.id)
    assert demo.pipelines == []


def test_finding_pipelines(server, demo, project):
    demo.commit({"a": b""}, branch="side")
    first, second = demo.pipeline("main"), demo.pipeline("side", source="schedule")
    server.advance(60)
    third = demo.pipeline("main", source="api", user="bot")

    def ids(**filters: Any) -> list[int]:
        return [run.id for run in project.pipelines.list(get_all=True, **filters)]

    assert ids() == [third.id, second.id, first.id]
    assert ids(sort="asc") == [first.id, second.id, third.id]
    assert ids(ref="side") == ids(sha=second.sha) == ids(source="schedule") == [second.id]
    assert ids(username="bot") == ids(status="running") == ids(scope="running") == [third.id]
    assert ids(scope="finished", ref="main") == [first.id]
    assert (
        ids(updated_before="2000-01-01T00:00:00Z")
        == ids(updated_after="2100-01-01T00:00:00Z")
        == []
    )
    assert refused(lambda: ids(updated_after="soon"))[0] == 400
    assert project.pipelines.latest().id == third.id


def test_triggers(demo, project):
    trigger = project.triggers.create({"description": "bot"})
    run = project.trigger_pipeline("main", trigger.token, variables={"A": "1"})
    assert (run.source, demo.pipelines[0].variables[0]["value"]) == ("trigger", "1")
    trigger.description = "new"
    trigger.save()
    assert [item.description for item in project.triggers.list(get_all=True)] == ["new"]
    trigger.delete()
    assert refused(lambda: project.trigger_pipeline("main", trigger.token))[0] == 404


def test_schedules(server, demo, project):
    demo.tag("v1")
    schedule = project.pipelineschedules.create(
        {"description": "nightly", "ref": "main", "cron": "0 1 * * 1-5"}
    )
    schedule.variables.create({"key": "A", "value": "1"})
    assert refused(lambda: schedule.variables.create({"key": "A", "value": "2"}))[0] == 400
    number = schedule.id
    schedule.play()
    schedule = project.pipelineschedules.get(number)
    assert (schedule.ref, schedule.owner["username"], schedule.last_pipeline["source"]) == (
        "refs/heads/main",
        "bot",
        "schedule",
    )
    assert schedule.attributes["variables"][0]["key"] == "A"
    assert [item.id for item in schedule.pipelines.list(get_all=True)] == [demo.pipelines[0].id]
    schedule.ref, schedule.active = "v1", False
    schedule.save()
    assert (demo.schedules[0]["ref"], demo.schedules[0]["active"]) == ("refs/tags/v1", False)
    assert project.pipelineschedules.list(scope="active", get_all=True) == []
    for bad in ({"cron": "sometimes"}, {"cron_timezone": "Nowhere/At all"}, {"ref": "nope"}):
        with pytest.raises(gitlab.GitlabUpdateError):
            project.pipelineschedules.update(number, bad)


def test_a_schedule_belongs_to_somebody(server, project):
    schedule = project.pipelineschedules.create(
        {"description": "x", "ref": "main", "cron": "* * * * *"}
    )
    other = gitlab.Gitlab(server.url, private_token=server.token("dev", 30).value).projects.get(
        project.id
    )
    theirs = other.pipelineschedules.get(schedule.id)
    assert refused(theirs.delete)[0] == 403
    assert refused(theirs.take_ownership)[0] == 403
    boss = gitlab.Gitlab(server.url, private_token=server.token("boss", 40).value).projects.get(
        project.id
    )
    mine = boss.pipelineschedules.get(schedule.id)
    mine.take_ownership()
    assert mine.owner["username"] == "boss"
    mine.delete()
    assert project.pipelineschedules.list(get_all=True) == []


def test_variables(project):
    project.variables.create({"key": "A", "value": "1"})
    project.variables.create({"key": "A", "value": "2", "environment_scope": "prod"})
    assert refused(lambda: project.variables.create({"key": "A", "value": "3"}))[0] == 400
    assert refused(lambda: project.variables.get("A"))[0] == 409
    assert project.variables.get("A", filter={"environment_scope": "prod"}).value == "2"
    assert (
        refused(lambda: project.variables.create({"key": "B", "value": "short", "masked": True}))[0]
        == 400
    )
    hidden = project.variables.create(
        {"key": "C", "value": "long-enough", "masked_and_hidden": True}
    )
    assert (hidden.value, hidden.masked, hidden.hidden) == (None, True, True)
    hidden.protected = True
    hidden.save()
    assert project.variables.get("C").protected is True
    hidden.delete()
    assert len(project.variables.list(get_all=True)) == 2


def test_rules_for_container_repositories(project):
    rules = project.registry_protection_repository_rules
    assert rules.list(get_all=True) == []
    rule = rules.create(
        {
            "repository_path_pattern": "group/demo/builder/*",
            "minimum_access_level_for_push": "maintainer",
        }
    )
    assert (rule.project_id, rule.minimum_access_level_for_delete) == (project.id, None)
    assert [item.repository_path_pattern for item in rules.list(get_all=True)] == [
        "group/demo/builder/*"
    ]
    assert (
        refused(lambda: rules.create({"repository_path_pattern": "group/demo/builder/*"}))[0] == 422
    )
    rule.minimum_access_level_for_push = "owner"
    rule.save()
    assert rules.list(get_all=True)[0].minimum_access_level_for_push == "owner"
    rules.delete(rule.id)
    assert rules.list(get_all=True) == []


def test_protection(server, project):
    project.protectedbranches.create({"name": "main", "push_access_level": 0})
    assert project.protectedbranches.get("main").push_access_levels[0]["access_level"] == 0
    assert project.branches.get("main").protected is True
    assert refused(lambda: project.protectedbranches.create({"name": "main"}))[0] == 409
    project.protectedtags.create({"name": "v*", "create_access_level": 40})
    assert [item.name for item in project.protectedtags.list(get_all=True)] == ["v*"]
    project.protectedbranches.delete("main")
    assert project.protectedbranches.list(get_all=True) == []


def test_notes(server, demo, project):
    demo.commit({"a": b"1"}, "feat: a", "side")
    iid = demo.merge_request("side", title="feat: a", labels=["build"])["iid"]
    request = project.mergerequests.get(iid)
    assert (request.source_branch, request.target_branch, request.labels) == (
        "side",
        "main",
        ["build"],
    )
    for number in range(25):
        request.notes.create({"body": f"note {number}"})
    bodies = [note.body for note in request.notes.list(get_all=True)]
    assert (len(bodies), bodies[0]) == (25, "note 24")
    assert request.notes.list(sort="asc", per_page=1, page=1)[0].body == "note 0"
    note = request.notes.list(sort="asc", per_page=1, page=1)[0]
    note.body = "new"
    note.save()
    assert request.notes.get(note.id).body == "new"
    other = gitlab.Gitlab(server.url, private_token=server.token("guest", 20).value).projects.get(
        project.id
    )
    theirs = other.mergerequests.get(iid).notes.get(note.id)
    assert refused(theirs.delete)[0] == 403
    note.delete()
    assert refused(lambda: request.notes.get(note.id))[0] == 404
    assert refused(lambda: request.notes.create({"body": "x" * 1_000_001}))[0] == 400


def test_merge_requests(demo, project):
    commit = demo.commit({"a": b"1"}, "feat: a", "side")
    demo.merge_request("side", title="feat: a")
    run = demo.pipeline("side", source="merge_request_event")
    request = project.mergerequests.list(state="opened", get_all=True)[0]
    assert [item.id for item in request.pipelines.list(get_all=True)] == [run.id]
    assert [item.id for item in request.commits()] == [commit.sha]
    request = project.mergerequests.get(1)
    request.labels = ["x", "y"]
    request.title = "fix: b"
    request.save()
    assert (demo.merge_requests[0]["labels"], demo.merge_requests[0]["title"]) == (
        ["x", "y"],
        "fix: b",
    )
    assert project.mergerequests.list(target_branch="nope", get_all=True) == []


def test_the_repository(demo, project):
    old = demo.branches["main"]
    new = demo.commit({"a.txt": b"one\ntwo\n", "README.md": None}, "feat: a\n\nmore")
    demo.tag("v1")
    assert project.files.get("a.txt", ref="v1").decode() == b"one\ntwo\n"
    assert project.files.raw("a.txt", ref="main") == b"one\ntwo\n"
    assert refused(lambda: project.files.get("README.md", ref="main"))[0] == 404
    assert [commit.title for commit in project.commits.list(get_all=True)] == [
        "feat: a",
        "chore: first commit",
    ]
    assert project.commits.get(new.sha[:8]).parent_ids == [old.sha]
    compared = project.repository_compare(old.sha, "main")
    assert [item["id"] for item in compared["commits"]] == [new.sha]
    assert [(item["new_path"], item["deleted_file"]) for item in compared["diffs"]] == [
        ("README.md", True),
        ("a.txt", False),
    ]
    assert project.tags.get("v1").target == new.sha
    assert [branch.name for branch in project.branches.list(get_all=True)] == ["main"]


def test_statuses(server, demo, project):
    commit = project.commits.get("main")
    commit.statuses.create(
        {"state": "running", "name": "bridge", "target_url": "https://ci.example/1"}
    )
    code, message = refused(lambda: commit.statuses.create({"state": "running", "name": "bridge"}))
    assert (code, "Cannot transition" in str(message)) == (400, True)
    commit.statuses.create({"state": "success", "name": "bridge", "description": "done"})
    (status,) = commit.statuses.list(get_all=True)
    assert (status.status, status.description, status.target_url) == (
        "success",
        "done",
        "https://ci.example/1",
    )
    commit.statuses.create({"state": "pending", "name": "bridge"})
    assert len(commit.statuses.list(all=True, get_all=True)) == 2
    assert refused(lambda: commit.statuses.create({"state": "fine"}))[0] == 400


def test_lint(demo, project):
    assert project.ci_lint.create({"content": "a: {script: x}"}).valid is True
    assert project.ci_lint.create({"content": "a: {stage: x}"}).errors == [
        "jobs:a config should implement the script:, run:, or trigger: keyword"
    ]
    assert project.ci_lint.create({"content": "a: ["}).valid is False
    assert project.ci_lint.get().valid is False
    demo.commit({".gitlab-ci.yml": b"a: {script: x}"})
    assert project.ci_lint.get().valid is True
    demo.linter = lambda content: [content]
    assert project.ci_lint.create({"content": "my own"}).errors == ["my own"]


def test_token_scope(server, project):
    other = server.project("group/other")
    scope = project.job_token_scope.get()
    assert scope.inbound_enabled is True
    scope.allowlist.create({"target_project_id": other.id})
    assert [item.id for item in scope.allowlist.list(get_all=True)] == [project.id, other.id]
    scope.allowlist.delete(other.id)
    assert refused(lambda: scope.allowlist.delete(other.id))[0] == 404
    scope.enabled = False
    scope.save()
    assert project.job_token_scope.get().inbound_enabled is False


def test_packages(demo, project, tmp_path):
    file = tmp_path / "a.whl"
    file.write_bytes(b"wheel")
    project.generic_packages.upload("demo", "1.0", "a.whl", path=str(file))
    assert project.generic_packages.download("demo", "1.0", "a.whl") == b"wheel"
    (package,) = project.packages.list(package_name="demo", get_all=True)
    assert [(item.file_name, item.size) for item in package.package_files.list(get_all=True)] == [
        ("a.whl", 5)
    ]
    assert refused(lambda: project.generic_packages.download("demo", "1.0", "b.whl"))[0] == 404
    package.delete()
    assert refused(lambda: project.generic_packages.download("demo", "1.0", "a.whl"))[0] == 404


def test_runners(demo, project):
    demo.runners.append({"id": 1, "description": "gpu", "online": True})
    assert [item.description for item in project.runners.list(get_all=True)] == ["gpu"]


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({"level": 3}, ""),
        ({"level": 3, "kind": "slow"}, ""),
        ({}, "required value has not been provided"),
        ({"level": "3"}, "not a number"),
        ({"level": 3, "kind": "odd"}, "allowed options"),
        ({"level": 3, "other": 1}, "not defined"),
    ],
)
def test_inputs_are_checked_where_they_are_declared(demo, project, inputs, reason):
    demo.spec_inputs = {
        "level": {"type": "number"},
        "kind": {"options": ["fast", "slow"], "default": "fast"},
    }
    if reason:
        code, message = refused(lambda: project.pipelines.create({"ref": "main", "inputs": inputs}))
        assert (code, reason in str(message)) == (400, True)
    else:
        assert project.pipelines.create({"ref": "main", "inputs": inputs}).status == "running"


def test_a_job_with_its_token(server, demo, tmp_path):
    build = demo.pipeline().builds[0]
    file = tmp_path / "a.whl"
    file.write_bytes(b"wheel")
    secret = server.job_token(build).value
    with gitlab.Gitlab(server.url, job_token=secret) as client:
        project = client.projects.get(demo.id, lazy=True)
        project.generic_packages.upload("demo", "1.0", "a.whl", path=str(file))
        assert project.trigger_pipeline("main", secret).source == "pipeline"
        assert refused(lambda: project.pipelines.create({"ref": "main"}))[0] == 401
        assert refused(lambda: client.projects.get(demo.id))[0] == 404
    assert {request.token for request in server.requests} == {"job 1"}


def test_a_client_that_tries_again(server, client, monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    server.misbehave(faults.server_error(502))
    server.misbehave(faults.too_many_requests(7))
    client.retry_transient_errors = True
    assert client.projects.get("group/demo").default_branch == "main"
    assert (len(server.requests), waits[1]) == (3, 7)
