"""check --remote: GitLab's own lint, asked through the stand-in."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from specs import SMALL, project
from standins import GitLab, Reply, faults

from truewheel.cli import main
from truewheel.errors import Exit, Stop
from truewheel.forges import calls
from truewheel.forges.access import Access
from truewheel.forges.gitlab.api.client import Gitlab
from truewheel.forges.gitlab.api.lint import LintResult, check_text

Run = Callable[..., tuple[int, str, str]]
LINT = "POST /projects/*/ci/lint"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitLab]:
    """A small project here, generated, and a server that knows it."""
    for name in [
        name
        for name in os.environ
        if name.startswith(("CI", "GITLAB_", "GITHUB_", "PYTHON_GITLAB_CFG"))
    ]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(calls, "FIRST_PAUSE", 0.001)
    with GitLab() as gitlab:
        gitlab.project("group/demo")
        monkeypatch.setenv("CI_SERVER_URL", gitlab.url)
        monkeypatch.setenv("CI_PROJECT_PATH", "group/demo")
        monkeypatch.setenv("GITLAB_TOKEN", gitlab.token("bot").value)
        monkeypatch.chdir(project(tmp_path / "demo", SMALL + "gitlab: {layout: children}\n"))
        assert main(["generate"]) == 0
        yield gitlab


@pytest.fixture
def truewheel(capsys: pytest.CaptureFixture[str], server: GitLab) -> Run:
    capsys.readouterr()

    def run(*argv: str) -> tuple[int, str, str]:
        code = main(argv)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        assert "glpat" not in out + err
        return code, out, err

    return run


def asked(server: GitLab) -> list[dict[str, Any]]:
    return [request.json for request in server.asked(LINT)]


def test_the_pipeline_and_its_child_are_asked_about_each_by_itself(server: GitLab, truewheel: Run):
    code, out, _ = truewheel("check", "--remote")
    assert (code, out) == (0, "2 files as generated\nGitLab accepts 2 pipelines\n")
    parent, child = (yaml.safe_load(call["content"]) for call in asked(server))
    assert "plan" in parent
    assert "wheel:foo:rhel8:x86_64:cp312" in child
    assert all(call["include_jobs"] and "ref" not in call for call in asked(server))


def test_jobs_are_counted_where_gitlab_tells_them(server: GitLab, truewheel: Run):
    body = {"valid": True, "errors": [], "warnings": [], "jobs": [{"name": "x"}, {"name": "y"}]}
    server.misbehave(faults.Fault("made", instead=lambda *_: Reply.of(body)), on=LINT, times=2)
    assert truewheel("check", "--remote")[1].endswith("GitLab accepts 2 pipelines, of 4 jobs\n")


def test_with_a_ref_gitlab_tries_the_pipeline_there(server: GitLab, truewheel: Run):
    assert truewheel("check", "--remote", "--ref", "main")[0] == 0
    assert {(call["dry_run"], call["ref"]) for call in asked(server)} == {(True, "main")}


def test_what_gitlab_refuses_ends_in_2_at_the_job_s_place(server: GitLab, truewheel: Run):
    text = "jobs:wheel:foo:rhel8:x86_64:cp312 config contains unknown keys: x"
    server.project("group/demo").linter = lambda content: [text] if "wheel:foo" in content else []
    code, _, err = truewheel("check", "--remote")
    assert code == 2
    place, _, rest = err.partition(": ")
    assert place.startswith("pipelines/rhel8-x86_64.yml:")
    assert rest == f"{text} [gitlab]\n"
    code, out, _ = truewheel("check", "--remote", "--json")
    assert (code, [problem["message"] for problem in json.loads(out)["problems"]]) == (2, [text])


def test_with_drift_the_server_is_not_asked(server: GitLab, truewheel: Run):
    with Path(".gitlab-ci.yml").open("a") as file:
        file.write("x: {script: y}\n")
    assert truewheel("check", "--remote")[0] == 3
    assert asked(server) == []


def test_files_written_by_hand_are_put_together_from_the_disk(server: GitLab, truewheel: Run):
    Path(".git").mkdir()
    Path("own.yml").write_text("include: part.yml\njob: {extends: .base}\n")
    Path("part.yml").write_text(".base: {script: make}\n")
    code, out, _ = truewheel("check", "--lint", "own.yml", "--remote")
    assert (code, out) == (0, "1 file without an error; GitLab accepts 1 pipeline\n")
    (one,) = asked(server)
    assert yaml.safe_load(one["content"]) == {
        ".base": {"script": "make"},
        "job": {"extends": ".base"},
    }


def test_files_with_known_errors_are_not_sent(server: GitLab, truewheel: Run):
    Path(".git").mkdir()
    Path("own.yml").write_text("job: {extends: .nowhere}\n")
    assert truewheel("check", "--lint", "own.yml", "--remote")[0] == 2
    assert asked(server) == []


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        (faults.forbidden(), 5, "needs the scope api"),
        (faults.expired_token(), 5, "has it expired"),
        (faults.answer(404, "404 Project Not Found"), 5, "look at the name of the project"),
        (faults.server_error(503), 6, "no answer after"),
        (faults.answer(200, "no verdict"), 6, "where a verdict is needed"),
    ],
    ids=["403", "401", "404", "503", "odd"],
)
def test_a_missing_verdict_is_explained(
    server: GitLab, truewheel: Run, fault: faults.Fault, code: int, words: str
):
    server.misbehave(fault, times=None)
    ended, _, err = truewheel("check", "--remote", "--deadline", "1")
    assert ended == code
    assert server.url in err
    assert words in err


@pytest.mark.parametrize("fault", faults.TRANSIENT, ids=lambda fault: fault.name)
def test_passing_faults_are_retried(server: GitLab, truewheel: Run, fault: faults.Fault):
    server.misbehave(fault)
    assert truewheel("check", "--remote", "--deadline", "20")[0] == 0


def test_a_job_token_is_refused_with_a_hint(server: GitLab, truewheel: Run, monkeypatch):
    monkeypatch.delenv("GITLAB_TOKEN")
    monkeypatch.setenv("CI_JOB_TOKEN", "nothing-of-ours")
    code, _, err = truewheel("check", "--remote")
    assert code == 5
    assert "set GITLAB_TOKEN to a project's access token" in err


def test_warnings_and_jobs_are_counted(server: GitLab):
    body = {"valid": True, "errors": [], "warnings": ["a\n warning"], "jobs": [{"name": "x"}]}
    server.misbehave(faults.Fault("made", instead=lambda *_: Reply.of(body)))
    there = Gitlab(Access(server.url, "private", server.token("bot").value), "group/demo", 5.0)
    assert check_text(there, "x: {script: y}") == LintResult((), ("a warning",), 1)


def test_a_refusal_without_a_reason_is_an_error(server: GitLab):
    server.misbehave(faults.Fault("made", instead=lambda *_: Reply.of({"valid": False})))
    there = Gitlab(Access(server.url, "private", server.token("bot").value), "group/demo", 5.0)
    assert len(check_text(there, "x").errors) == 1


def test_a_token_without_the_right_gives_no_verdict(server: GitLab):
    there = Gitlab(
        Access(server.url, "private", server.token("bot", level=20).value), "group/demo", 5.0
    )
    with pytest.raises(Stop) as stopped:
        check_text(there, "x: {script: y}")
    assert stopped.value.code is Exit.REMOTE_FAILED
