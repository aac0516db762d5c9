"""truewheel trigger, from the command line to a stand-in for GitLab."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import PIPELINE_SPEC
from paths import ROOT, SOURCE
from specs import plan_of, project
from standins import GitLab, Job, Project, Token, faults

from truewheel.cli import main
from truewheel.forges import trigger as triggers


def sent(demo: Project) -> dict[str, str]:
    return {each["key"]: each["value"] for each in demo.pipelines[-1].variables}


@pytest.mark.usefixtures("token")
def test_a_pipeline_is_started_and_followed(demo: Project, capsys: pytest.CaptureFixture[str]):
    assert main(["trigger", "-v", "KIND=a", "-v", "NUMBER=12", "--watch"]) == 0
    assert {name: value for name, value in sent(demo).items() if name != "TRUEWHEEL_KEY"} == {
        "KIND": "a",
        "NUMBER": "12",
    }
    said = capsys.readouterr()
    assert f"started: {demo.url}/-/pipelines/{demo.pipelines[0].id}" in said.out
    assert "succeeded: 1 success" in said.out
    assert "wheel: success (20 s)" in said.err


@pytest.mark.usefixtures("token")
def test_a_failed_pipeline_ends_with_five_and_its_log(
    demo: Project, capsys: pytest.CaptureFixture[str]
):
    demo.plan(Job("wheel", seconds=5, result="failed", trace="make: *** boom\n"))
    assert main(["trigger", "--watch"]) == 5
    said = capsys.readouterr()
    assert "failed: 1 failed" in said.out
    assert "wheel failed (script): its script failed: make: *** boom" in said.err
    assert "    | make: *** boom" in said.err


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("KIND=c", "KIND (-v): 'c' is not allowed"),
        ("NUMBER=x", "NUMBER (-v): 'x' does not match"),
        ("NUMER=1", "did you mean NUMBER?"),
        ("PASSWORD=hush", "-v PASSWORD: is a secret"),
        ("CI_PIPELINE_ID=1", "-v CI_PIPELINE_ID: is set by the forge itself"),
    ],
)
def test_a_bad_variable_ends_with_two_before_any_call(
    server: GitLab, capsys: pytest.CaptureFixture[str], variable: str, message: str
):
    assert main(["trigger", "-v", variable]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "hush" not in said
    assert server.requests == []


@pytest.mark.usefixtures("token")
def test_all_bad_variables_are_told_at_once(capsys: pytest.CaptureFixture[str]):
    assert (
        main(["trigger", "-v", "KIND=c", "-v", "NUMBER=x", "-v", "PASSWORD=1", "-v", "OTHER=1"])
        == 2
    )
    said = capsys.readouterr().err
    assert all(name in said for name in ("KIND", "NUMBER", "PASSWORD", "OTHER"))


@pytest.mark.usefixtures("token")
def test_a_plan_with_two_equal_names_starts_nothing(
    server: GitLab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "truewheel.yml").write_text(
        PIPELINE_SPEC.replace("rhel8: {}", "rhel8: {}, rocky8: {}")
    )
    assert main(["trigger"]) == 2
    assert "two cells get one name" in capsys.readouterr().err
    assert server.requests == []


@pytest.mark.usefixtures("token")
def test_a_dry_run_sends_no_request(server: GitLab, capsys: pytest.CaptureFixture[str]):
    assert main(["trigger", "-v", "KIND=a", "--dry-run"]) == 0
    assert (
        capsys.readouterr().out
        == "would start: gitlab group/demo, the default branch, 1 wheel\n  KIND=a\n"
    )
    assert server.requests == []


def test_a_dry_run_needs_no_client_library(tmp_path: Path):
    code = (
        "import sys; from truewheel.cli import main; "
        "sys.exit(main(sys.argv[1:]) or 'gitlab' in sys.modules)"
    )
    argv = [sys.executable, "-c", code, "trigger", "--project", "a/b", "--dry-run"]
    env = {**os.environ, "PYTHONPATH": str(SOURCE)}
    ended = subprocess.run(
        argv,
        cwd=project(tmp_path, PIPELINE_SPEC),
        env=env,
        check=False,
        capture_output=True,
        timeout=60,
    )
    assert ended.returncode == 0


@pytest.mark.usefixtures("token")
def test_a_key_finds_its_pipeline_again(demo: Project, capsys: pytest.CaptureFixture[str]):
    assert main(["trigger", "--key", "nightly-1"]) == 0
    assert main(["trigger", "--key", "nightly-1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert told["pipelines"][0]["is_new"] is False
    assert told["pipelines"][0]["id"] == demo.pipelines[0].id
    assert len(demo.pipelines) == 1


@pytest.mark.usefixtures("token")
def test_the_same_variables_start_nothing_new_where_only_a_change_counts(demo: Project):
    for number in (1, 2, 2, 1):
        assert main(["trigger", "--if-changed", "-v", f"NUMBER={number}"]) == 0
    assert [
        sorted(each["value"] for each in pipeline.variables if each["key"] == "NUMBER")
        for pipeline in demo.pipelines
    ] == [["1"], ["2"]]


@pytest.mark.usefixtures("token")
def test_several_projects_need_a_policy_that_reads_the_build_tag(
    server: GitLab, demo: Project, tmp_path: Path
):
    server.project("group/core").plan(Job("wheel", seconds=5))
    both = ["trigger", "--project", demo.path, "--project", "group/core"]
    assert main(both) == 2
    (tmp_path / "truewheel.yml").write_text(PIPELINE_SPEC + "  TRUEWHEEL_BUILD_TAG: {}\n")
    assert main([*both, "--watch"]) == 0
    assert "TRUEWHEEL_BUILD_TAG" not in sent(demo)
    assert sent(server.project("group/core"))["TRUEWHEEL_BUILD_TAG"] == str(demo.pipelines[0].id)


def test_an_unreachable_server_ends_with_six(
    token: Token, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("CI_SERVER_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("truewheel.forges.calls.FIRST_PAUSE", 0.01)
    assert main(["trigger"]) == 6
    said = capsys.readouterr().err
    assert "http://127.0.0.1:9: no answer after 6 attempts" in said
    assert token.value not in said


def test_without_a_token_or_server_nothing_is_started(
    token: Token, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    del token
    monkeypatch.delenv("GITLAB_TOKEN")
    monkeypatch.setattr("gitlab.config._DEFAULT_FILES", [])
    assert main(["trigger"]) == 2
    assert "set one of GITLAB_PRIVATE_TOKEN, GITLAB_TOKEN" in capsys.readouterr().err


def test_no_token_in_any_output(
    server: GitLab, token: Token, demo: Project, capsys: pytest.CaptureFixture[str]
):
    demo.plan(Job("wheel", seconds=5, result="failed", trace=f"export TOKEN={token.value}\n"))
    server.misbehave(faults.answer(500, f"internal error for {token.value}"), on="POST */pipeline")
    assert main(["trigger", "--watch"]) == 5
    said = capsys.readouterr()
    assert token.value not in said.out + said.err
    assert "[hidden]" in said.err


@pytest.mark.parametrize("policy", ["triton-2026.04", "triton-2026.08"])
def test_the_built_in_policies_read_the_shared_build_tag_before_their_own(policy: str):
    spec = f"packages: {{foo: {{}}}}\ntargets: {{rhel8: {{}}}}\nnaming: {policy}\n"
    given = {"TRUEWHEEL_BUILD_TAG": "49", "TRUEWHEEL_PIPELINE_ID": "7", "CI_PIPELINE_ID": "7"}
    shared = plan_of(spec, version="1.0.0dev0", overrides=given)
    alone = plan_of(spec, version="1.0.0dev0", overrides={"CI_PIPELINE_ID": "49"})
    assert shared.cells[0].wheel == alone.cells[0].wheel
    assert "49" in shared.cells[0].wheel


def test_the_script_is_the_command(tmp_path: Path):
    script = ROOT / "scripts/trigger_pipeline.py"
    words = [sys.executable, str(script), "--project", "a/b", "-v", "KIND=a", "--dry-run"]
    ended = subprocess.run(
        words,
        cwd=project(tmp_path, PIPELINE_SPEC),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout) == (
        0,
        "would start: gitlab a/b, the default branch, 1 wheel\n  KIND=a\n",
    )


@pytest.mark.usefixtures("token", "demo")
def test_text_of_the_server_cannot_begin_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    start = triggers.start

    def with_line_feed(*arguments: Any, **options: Any) -> triggers.Started:
        started = start(*arguments, **options)
        return started._replace(run=started.run._replace(url="http://x/\n::error::y"))

    monkeypatch.setattr(triggers, "start", with_line_feed)
    assert main(["trigger"]) == 0
    assert capsys.readouterr().out.startswith("started: http://x/\\n::error::y · ")
