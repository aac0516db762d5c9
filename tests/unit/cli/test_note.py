"""truewheel note and title on both forges: what is written where, and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pull_requests import PullRequests, serving
from specs import SMALL, project
from standins import GitLab, Job, faults

from truewheel.cli import main
from truewheel.forges import calls, reviews

Run = Callable[..., tuple[int, str, str]]
SPEC = SMALL + "merge_requests: {types: [fix, feat], labels: [ready]}\ngitlab: {}\ngithub: {}\n"
MARK = "<!-- truewheel:names wheels -->"
FORGES_OWN = ("CI", "GITHUB_", "GITLAB_", "GH_", "PYTHON_GITLAB_CFG")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of version 1.0, committed and tagged `before`, then changed to 1.1."""
    for name in [name for name in os.environ if name.startswith(FORGES_OWN)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))  # python-gitlab's configuration may lie there
    monkeypatch.setattr(calls, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(reviews, "RECHECK_SECONDS", (0.0, 0.001))
    root = project(tmp_path / "demo", SPEC)
    identity = [
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.invalid",
        "-c",
        "commit.gpgsign=false",
    ]
    for words in (
        ["init", "--quiet"],
        ["add", "--all"],
        ["commit", "--quiet", "-m", "1.0"],
        ["tag", "before"],
    ):
        subprocess.run(["git", *identity, *words], cwd=root, check=True, capture_output=True)
    (root / "VERSION").write_text("1.1\n")
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def truewheel(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*argv: str) -> tuple[int, str, str]:
        code = main(argv)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        assert "glpat" not in out + err
        return code, out, err

    return run


@pytest.fixture
def gitlab(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitLab]:
    """A merge request's pipeline, whose job has a project's access token."""
    with GitLab() as server:
        there = server.project("group/demo")
        there.commit({"a": b"a"}, branch="change")
        there.merge_request("change", title="feat: a", labels=["ready"])
        monkeypatch.setenv("CI_SERVER_URL", server.url)
        monkeypatch.setenv("GITLAB_TOKEN", server.token("bot").value)
        monkeypatch.setenv("CI_MERGE_REQUEST_IID", "1")
        monkeypatch.setenv("CI_MERGE_REQUEST_PROJECT_PATH", "group/demo")
        monkeypatch.setenv("CI_MERGE_REQUEST_DIFF_BASE_SHA", "before")
        monkeypatch.setenv("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main")
        monkeypatch.setenv("CI_MERGE_REQUEST_TITLE", "feat: a")
        yield server


def bodies(server: GitLab) -> list[str]:
    return [note["body"] for note in server.project("group/demo").notes[1]]


# note


def test_a_note_is_written_where_a_token_is_known(gitlab: GitLab, truewheel: Run, here: Path):
    code, out, err = truewheel("note", "--output", "names.md")
    assert (code, out) == (0, (here / "names.md").read_text())
    assert "group/demo!1: note created" in err
    assert bodies(gitlab) == [f"{MARK}\n{out}"]
    assert "1 renamed" in out
    assert "group/demo!1: nothing to change" in truewheel("note")[2]


def test_a_note_says_so_when_nothing_changes_any_more(gitlab: GitLab, truewheel: Run, here: Path):
    truewheel("note")
    (here / "VERSION").write_text("1.0\n")
    code, out, err = truewheel("note", "--output", "names.md")
    assert (code, out, (here / "names.md").read_text()) == (0, "no name changes\n", "")
    assert "note updated" in err
    (body,) = bodies(gitlab)
    assert "Nothing changes any more" in body


def test_nothing_is_written_where_nothing_changes(gitlab: GitLab, truewheel: Run, here: Path):
    (here / "VERSION").write_text("1.0\n")
    assert truewheel("note")[0] == 0
    assert not gitlab.asked("POST /*")
    assert bodies(gitlab) == []


def test_a_dry_run_says_what_would_be_written(gitlab: GitLab, truewheel: Run):
    code, out, err = truewheel("note", "--dry-run")
    assert (code, bodies(gitlab)) == (0, [])
    assert "group/demo!1: would create a note" in err
    assert "1 renamed" in out


def test_a_job_s_token_writes_the_artifact_only(
    gitlab: GitLab, truewheel: Run, here: Path, monkeypatch
):
    monkeypatch.setenv("CI_JOB_TOKEN", gitlab.token("job").value)
    monkeypatch.delenv("GITLAB_TOKEN")
    code, out, err = truewheel("note", "--output", "names.md")
    assert (code, (here / "names.md").read_text()) == (0, out)
    assert "note not written: group/demo!1: a job token cannot write notes (set GITLAB_TOKEN" in err
    assert gitlab.requests == []
    assert truewheel("note", "--post")[0] == 2


def test_with_no_post_there_is_no_request(gitlab: GitLab, truewheel: Run):
    assert truewheel("note", "--no-post")[0] == 0
    assert gitlab.requests == []


@pytest.mark.parametrize(
    ("fault", "code"),
    [(faults.forbidden(), 5), (faults.expired_token(), 5), (faults.server_error(503), 6)],
    ids=["403", "401", "503"],
)
def test_a_note_that_cannot_be_written_is_still_in_the_artifact(
    gitlab: GitLab, truewheel: Run, here: Path, fault: faults.Fault, code: int
):
    gitlab.misbehave(fault, times=None)
    ended, out, err = truewheel("note", "--output", "names.md", "--deadline", "1")
    assert ended == code
    assert (here / "names.md").read_text() == out
    assert gitlab.url in err


def test_a_note_tells_drift_and_the_minutes_of_jobs(gitlab: GitLab, truewheel: Run, here: Path):
    there = gitlab.project("group/demo")
    there.plan(Job("plan", seconds=60), Job("wheel:foo:rhel8:x86_64:cp312", seconds=600))
    run = there.pipeline()
    gitlab.advance(3600)
    assert truewheel("generate")[0] == 0
    (here / ".gitlab-ci.yml").write_text((here / ".gitlab-ci.yml").read_text() + "x: {script: y}\n")
    out = truewheel("note")[1]
    assert "- modified `.gitlab-ci.yml`" in out
    assert "| pushes | 4 | about 11 |" in out
    assert f"[pipeline {run.id}]" in out


def test_a_target_branch_without_a_spec_has_all_names_added(
    gitlab: GitLab, truewheel: Run, here: Path
):
    (here / "truewheel.yml").rename(here / "other.yml")
    code, out, err = truewheel("note", "--spec", "other.yml")
    assert code == 0
    assert "1 added" in out
    assert (
        "nothing to compare with: before:other.yml: there is no such file in that revision" in err
    )


def test_an_unknown_revision_is_refused_and_no_empty_one(truewheel: Run):
    assert truewheel("note", "--against", "nowhere")[0] == 2


def test_another_merge_request_is_compared_with_its_target(
    gitlab: GitLab, truewheel: Run, here: Path, monkeypatch
):
    for name in (
        "CI_MERGE_REQUEST_IID",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA",
        "CI_MERGE_REQUEST_TITLE",
    ):
        monkeypatch.delenv(name)
    subprocess.run(
        ["git", "update-ref", "refs/remotes/origin/main", "before"], cwd=here, check=True
    )
    code, _, err = truewheel("note", "--merge-request", "1", "--project", "group/demo")
    assert (code, len(bodies(gitlab))) == (0, 1), err


def test_json_has_the_contents_of_the_note(gitlab: GitLab, truewheel: Run):
    told = json.loads(truewheel("note", "--json")[1])
    assert told["note"] == {"on": "group/demo!1", "done": "create", "is_dry": False}
    assert told["changes"][0]["state"] == "renamed"
    assert told["jobs"]["push"]["after"]["jobs"] == 4
    assert (told["problems"], told["drift"]) == ([], [])


def test_a_note_on_github(truewheel: Run, here: Path, monkeypatch: pytest.MonkeyPatch):
    with serving() as server:
        _pull_request(monkeypatch, here, server)
        assert truewheel("note", "--against", "before")[0] == 0
        (comment,) = server.comments.values()
        assert comment["body"].startswith(f"{MARK}\n### Wheel names")


def test_a_fork_s_pull_request_has_its_summary_only(
    truewheel: Run, here: Path, monkeypatch: pytest.MonkeyPatch
):
    with serving() as server:
        _pull_request(monkeypatch, here, server, head="somebody/demo")
        code, out, err = truewheel("note", "--against", "before", "--output", "names.md")
        assert (code, server.seen) == (0, [])
        assert (here / "names.md").read_text() == out
        assert "a pull request from a fork may not write comments" in err


def _pull_request(
    monkeypatch: pytest.MonkeyPatch, here: Path, server: PullRequests, head: str = "group/demo"
) -> None:
    sides = {"head": {"repo": {"full_name": head}}, "base": {"repo": {"full_name": "group/demo"}}}
    event = {"pull_request": {"number": 7, "title": "old", "labels": [], **sides}}
    (here / "event.json").write_text(json.dumps(event))
    values = {
        "ACTIONS": "true",
        "API_URL": server.url,
        "REPOSITORY": "group/demo",
        "EVENT_NAME": "pull_request",
    }
    values |= {
        "TOKEN": "ghs_0123456789",
        "REF": "refs/pull/7/merge",
        "EVENT_PATH": str(here / "event.json"),
    }
    for name, value in values.items():
        monkeypatch.setenv(f"GITHUB_{name}", value)


# title


def test_the_current_title_is_checked(
    gitlab: GitLab, truewheel: Run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CI_MERGE_REQUEST_TITLE", "no type, when the pipeline was made")
    assert truewheel("title")[0] == 0
    gitlab.project("group/demo").merge_requests[0]["labels"] = []
    code, out, _ = truewheel("title", "--json")
    told = json.loads(out)
    assert (code, told["source"], told["title"]) == (2, "gitlab", "feat: a")
    assert told["problems"][0]["message"] == "missing: ready"


@pytest.mark.parametrize(
    "fault", [faults.forbidden(), faults.server_error(502)], ids=["403", "502"]
)
def test_without_an_answer_the_title_of_the_pipeline_is_checked(
    gitlab: GitLab, truewheel: Run, monkeypatch: pytest.MonkeyPatch, fault: faults.Fault
):
    monkeypatch.setenv("CI_MERGE_REQUEST_LABELS", "ready")
    gitlab.misbehave(fault, times=None)
    code, _, err = truewheel("title", "--deadline", "1")
    assert code == 0
    assert "checked as it was at the start of the pipeline" in err


def test_a_title_elsewhere_needs_an_answer(gitlab: GitLab, truewheel: Run):
    gitlab.misbehave(faults.server_error(502), times=None)
    words = ("title", "--merge-request", "1", "--project", "group/demo", "--deadline", "1")
    assert truewheel(*words)[0] == 6
    gitlab.behave()
    assert truewheel(*words)[0] == 0


def test_the_current_title_of_a_pull_request_is_checked(
    truewheel: Run, here: Path, monkeypatch: pytest.MonkeyPatch
):
    with serving() as server:
        _pull_request(monkeypatch, here, server, head="somebody/demo")
        assert truewheel("title")[0] == 0
        server.title = "a"
        assert truewheel("title")[0] == 2
