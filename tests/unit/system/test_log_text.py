"""No text of others is a command in a job's log, whatever names, titles, logs and values hold."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import wheels
from hypothesis import given
from hypothesis import strategies as st
from specs import SMALL, project
from standins import GitLab, Job

from truewheel.cli import main
from truewheel.cli.terminal import print_json, say
from truewheel.errors import Problem, Where
from truewheel.forges import watch
from truewheel.report.findings import STYLES, render_findings
from truewheel.system import processes
from truewheel.system.log_text import harmless, harmless_json, one_line
from truewheel.wheel.checks.findings import Code, Finding

HOSTILE = (
    "x\n::set-env name=A::b\n  ::error::c\n\u2028::d::"
    "\r\x1b[0Ksection_start:1:e\r\x1b[0K##[add-mask]f##vso[g]"
)


def obeyed(text: str) -> list[str]:
    """Return the lines in which GitHub's runner or GitLab's log sees a command.

    They are read here as in the sources of both.
    """
    lines = re.split(r"\r\n|\n", text)
    by_github = [
        line
        for line in lines
        if line.strip().startswith("::") or re.search(r"##(vso)?\[.*\]", line)
    ]
    return by_github + re.findall(r"section_(?:start|end):\d+:[^\r]*\r\x1b\[0K|\x1b.|\r", text)


def test_the_reading_of_runners_itself():
    assert len(obeyed(HOSTILE)) > 5
    assert obeyed("a::b ## [c] section_start:1:e") == []


@given(st.text(st.sampled_from("a:# \n\r\x1b[]vso\u2028\xa0")))
def test_harmless_text_holds_no_command(text):
    assert obeyed(harmless(text)) == []
    assert obeyed(one_line(text)) == []
    assert "\n" not in one_line(text)
    assert obeyed(harmless_json(json.dumps({text: [text]}, indent=1))) == []
    assert json.loads(harmless_json(json.dumps({text: [text]}, indent=1))) == {text: [text]}


@pytest.mark.parametrize(
    "text", ["", "foo::bar", "a ##  b", "std::string", "# [a](b)", "two\nlines", "ä → 漢"]
)
def test_plain_text_stays_as_it_is(text):
    assert harmless(text) == text


def test_what_the_command_line_and_the_steps_say(capfd: pytest.CaptureFixture[str]):
    say(HOSTILE)
    say(str(Problem(Where(HOSTILE), HOSTILE, HOSTILE)))
    processes.say(HOSTILE)
    print_json({"title": HOSTILE})
    out, err = capfd.readouterr()
    assert obeyed(out + err) == []
    assert json.loads(out)["title"] == HOSTILE


@pytest.mark.parametrize("style", STYLES)
def test_reports_of_a_hostile_wheel(style):
    findings = [
        Finding(code=Code.TW302, severity=severity, message=HOSTILE, where=HOSTILE)
        for severity in ("error", "warning")
    ]
    results = [(Path(HOSTILE), [finding]) for finding in findings]
    text = render_findings(results, style)
    own = [
        line
        for line in obeyed(text)
        if not re.match(r"::(error|warning) file=[^:\r\n]*::[^\r\n]*$", line)
    ]
    assert own == []
    assert "##" not in text
    if style == "junit":
        assert "##vso" in ElementTree.fromstring(text)[0].get("name", "")  # noqa: S314


def test_a_wheel_whose_name_is_a_command(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    made = wheels.make(tmp_path)
    made.rename(tmp_path / f"x\n::error::y##[z]-{made.name}")
    for words in (["--format", "text"], ["--format", "json"], ["--format", "junit"]):
        main(["validate", str(tmp_path), *words])
    main(["explain", str(next(tmp_path.iterdir()))])
    assert obeyed("".join(capfd.readouterr())) == []


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitLab]:
    """A pipeline of somebody who writes commands wherever there is text."""
    for name in [
        name for name in os.environ if name.startswith(("CI", "GITLAB_", "GITHUB_", "GH_"))
    ]:
        monkeypatch.delenv(name)
    with GitLab(tick=5) as made:
        demo = made.project("group/demo")
        demo.plan(Job("wheel " + HOSTILE, seconds=5, result="failed", trace=HOSTILE))
        demo.commit({"a": b"a"}, branch="change")
        demo.merge_request("change", title="feat: " + HOSTILE)
        monkeypatch.setenv("CI_SERVER_URL", made.url)
        monkeypatch.setenv("CI_PROJECT_PATH", demo.path)
        monkeypatch.setenv("GITLAB_TOKEN", made.token().value)
        monkeypatch.setattr(watch, "FIRST_PAUSE", 0.01)
        monkeypatch.setattr(watch, "REQUESTS_PER_SECOND", 1000.0)
        monkeypatch.chdir(project(tmp_path, SMALL + "merge_requests: {types: [fix]}\n"))
        yield made


@pytest.mark.parametrize("words", [("trigger", "--watch"), ("trigger", "--watch", "--json")])
def test_the_job_and_the_log_of_others(
    server: GitLab, words: tuple[str, ...], capfd: pytest.CaptureFixture[str]
):
    assert main(list(words)) == 5
    out, err = capfd.readouterr()
    assert obeyed(out + err) == []
    assert "wheel x\\n::set-env" in err  # the name stays on one line
    assert "    | " in err


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_the_title_of_a_merge_request(
    server: GitLab, words: tuple[str, ...], capfd: pytest.CaptureFixture[str]
):
    assert main(["title", "--merge-request", "1", "--project", "group/demo", *words]) == 2
    assert obeyed("".join(capfd.readouterr())) == []
    assert main(["title", "--title", HOSTILE, *words]) == 2
    assert obeyed("".join(capfd.readouterr())) == []


@pytest.mark.parametrize("words", [(), ("--json",)])
@pytest.mark.parametrize("name", [HOSTILE, "x\n::error::b ##[group]c"])
def test_the_pipeline_of_others(
    server: GitLab, words: Any, name: str, capfd: pytest.CaptureFixture[str]
):
    text = json.dumps(name)
    Path("other.yml").write_text(
        f"{text}: {{script: 1, {text}: 2, needs: [{text}], stage: {text}}}\n"
    )
    assert main(["check", *words, "--lint", "other.yml"]) == 2
    out, err = capfd.readouterr()
    assert obeyed(out + err) == []
    assert "other.yml" in out + err


@pytest.mark.parametrize("key", ["project", "naming", "scripts", "targets"])
def test_the_values_of_a_spec(server: GitLab, key: str, capfd: pytest.CaptureFixture[str]):
    Path("truewheel.yml").write_text(
        f"truewheel: 1\npackages: {{a: {{}}}}\n{key}: {json.dumps(HOSTILE)}\n"
    )
    for words in (["plan"], ["plan", "--json"], ["check"]):
        assert main(words) == 2
    assert obeyed("".join(capfd.readouterr())) == []


def fenced(tmp_path: Path, capfd: pytest.CaptureFixture[str], log: Any = None) -> str:
    processes.run(
        ["printf", "%s", "::error::of a child"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        log=log,
    )
    return capfd.readouterr().err


def test_github_obeys_no_child(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert fenced(tmp_path, capfd) == ": :error::of a child\n"
    with (tmp_path / "log").open("w") as log:
        assert fenced(tmp_path, capfd, log) == ""


LEAVES = (
    "(while sleep 0.05; do echo ::error::left; done) & echo ::error::own; printf '\\ta\\r\\n##[b]'"
)


def test_github_obeys_nothing_that_a_child_leaves_behind(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    argv = ["sh", "-c", LEAVES]
    assert processes.run(argv, cwd=tmp_path, env={"PATH": os.environ["PATH"]}) == 0
    time.sleep(0.5)
    text = capfd.readouterr().err
    assert text.replace(": :error::left\n", "") == ": :error::own\n        a\n# #[b]\n"


def test_a_child_that_is_relayed_may_take_too_long(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    env = {"PATH": os.environ["PATH"]}
    with pytest.raises(TimeoutError):
        processes.run(["sh", "-c", "echo a; sleep 60"], cwd=tmp_path, env=env, timeout=0.3)
    assert capfd.readouterr().err == "a\n"
    many = "i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done; exit 3"
    assert processes.run(["sh", "-c", many], cwd=tmp_path, env=env) == 3
    assert capfd.readouterr().err == "0123456789\n" * 20000
    assert (
        processes.run(["sh", "-c", "exec >&- 2>&-; sleep 0.2; exit 4"], cwd=tmp_path, env=env) == 4
    )


def test_elsewhere_nothing_is_added(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    assert fenced(tmp_path, capfd) == "::error::of a child"
