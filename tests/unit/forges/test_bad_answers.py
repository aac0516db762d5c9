"""A server whose answers are not those of its API ends each command with a message and exit 6."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from specs import project
from standins import Fault, GitHub, GitLab, Job, Reply

from truewheel.cli import main
from truewheel.forges import bridge, calls, reviews, settings, trigger, watch
from truewheel.forges.gitlab.api import schedules
from truewheel.net.answers import described_body

pytestmark = pytest.mark.slow  # every command, with every bad answer

SPEC = """\
truewheel: 1
project: demo
packages: {foo: {version: {file: VERSION}}}
targets: {rhel8: {}}
variables: {KIND: {choices: [a, b]}}
merge_requests: {types: [fix], labels: [ready]}
schedules: {nightly: {cron: '0 3 * * *', variables: {KIND: a}}}
indexes: {own: {url: 'https://index.example/x', credentials: {username: USER, password: PASS}}}
setup: [. ci/setup.sh]
gitlab: {}
github: {}
"""
PAGE = "<!DOCTYPE html><html><body>Please log in: SECRET-PAGE</body></html>"
BODIES = {
    "a JSON list": "[]",
    "a JSON list of numbers": "[1, null]",
    "nothing (null)": "null",
    "an object of another kind": "{}",
    "a page (HTML)": PAGE,
}
# To whoever reads the answer, a number is what null is, and what is cut is what a page is.
ALIKE = {
    "a JSON number": "5",
    "a JSON document that is cut": '[{"id": 1, "status": "succ',
}


def body(text: str) -> Fault:
    kind = "text/html" if text[0] == "<" else "application/json"
    return Fault("body", instead=lambda _, __: Reply(200, text.encode(), {"Content-Type": kind}))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with generated pipelines; its version is not committed. No test changes it."""
    root = project(tmp_path_factory.mktemp("demo"), SPEC)
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    for words in (
        "init --quiet",
        "add --all",
        "-c commit.gpgsign=false commit --quiet -m 1.0",
        "update-ref refs/remotes/origin/main HEAD",
    ):
        subprocess.run(
            ["git", *identity, *words.split()], cwd=root, check=True, capture_output=True
        )
    (root / "VERSION").write_text("1.1\n")
    assert main(["generate", "--spec", str(root / "truewheel.yml")]) == 0
    return root


@pytest.fixture(autouse=True)
def here(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(repository)
    monkeypatch.setattr(calls, "FIRST_PAUSE", 0.0001)
    for module in (calls, settings):  # how often one is asked again is for the tests of calls
        monkeypatch.setattr(module, "ATTEMPTS", 2)
    monkeypatch.setattr(watch, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(watch, "REQUESTS_PER_SECOND", 100_000.0)
    monkeypatch.setattr(bridge, "EVERY", 0.0)
    for module in (trigger, reviews, schedules):
        monkeypatch.setattr(module, "RECHECK_SECONDS", (0.0,))


@pytest.fixture
def gitlab(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitLab]:
    with GitLab(tick=5) as server:
        demo = server.project("group/demo")
        demo.plan(Job("wheel", seconds=5))
        demo.commit({"a": b"a"}, branch="change")
        demo.merge_request("change", title="fix: a", labels=["ready"])
        monkeypatch.setenv("CI_SERVER_URL", server.url)
        monkeypatch.setenv("CI_PROJECT_PATH", "group/demo")
        monkeypatch.setenv("GITLAB_TOKEN", server.token().value)
        yield server


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    with GitHub(tick=5) as server:
        repo = server.repository()
        repo.workflow(
            inputs={"truewheel_key": {}, "KIND": {"type": "choice", "options": ["", "a", "b"]}}
        )
        repo.plan(Job("wheel", seconds=5))
        repo.pull("change", title="fix: a")
        monkeypatch.setenv("GITHUB_API_URL", server.url)
        monkeypatch.setenv("GITHUB_REPOSITORY", "owner/demo")
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        monkeypatch.setenv("GITHUB_TOKEN", server.token().value)
        yield server


GITLAB = {
    "trigger": "trigger --watch",
    "key": "trigger --key k1",
    "watch": "watch 1",
    "doctor": "doctor --forge gitlab",
    "schedules": "schedules --forge gitlab",
    "note": "note --merge-request 1 --project group/demo",
    "title": "title --merge-request 1 --project group/demo",
    "remote": "check --remote --forge gitlab",
    "bridge": "bridge --from gitlab:group/demo --request 1 --to gitlab:group/demo",
}
GITHUB = {
    "trigger": "trigger --forge github --watch",
    "watch": "watch --forge github 1",
    "doctor": "doctor --forge github",
    "note": "note --merge-request 1 --project owner/demo",
    "title": "title --merge-request 1 --project owner/demo",
    "bridge": "bridge --from github:owner/demo --request 1 --to github:owner/demo",
}


def cases(commands: Mapping[str, str]) -> list[Any]:
    """Return each command with each body, and two of them with those that are alike."""
    return [
        pytest.param(words, text, id=f"{name}-{body}")
        for name, words in commands.items()
        for body, text in {**BODIES, **(ALIKE if name in {"watch", "note"} else {})}.items()
    ]


def ends(server: Any, words: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Answer with a body from the first, second, … request on; check how the command ends."""
    for after in range(12):
        if words.startswith("watch"):
            (known,) = server.state.projects.values()
            words = f"{words.rpartition(' ')[0]} {known.pipeline().id}"
        before = len(server.requests)
        server.misbehave(body(text), times=None, after=after)
        code = main([*words.split(), "--deadline", "20"])
        server.behave()
        out, err = capsys.readouterr()
        result = (words, text[:30], after, code, err[-600:])
        assert "SECRET-PAGE" not in out + err, result
        if len(server.requests) - before <= after:  # all was over before the body would have come
            return
        if code == 6:
            assert f"{server.url}: " in err, result
            assert " answers with " in err, result
        else:
            assert text in {"[]", "{}"}, result  # in some places nothing is an answer


@pytest.mark.parametrize(("words", "text"), cases(GITLAB))
def test_every_call_to_gitlab_survives_a_bad_answer(
    gitlab: GitLab, words: str, text: str, capsys: pytest.CaptureFixture[str]
):
    ends(gitlab, words, text, capsys)


@pytest.mark.parametrize(("words", "text"), cases(GITHUB))
def test_every_call_to_github_survives_a_bad_answer(
    github: GitHub, words: str, text: str, capsys: pytest.CaptureFixture[str]
):
    ends(github, words, text, capsys)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        *(
            ("", "an empty answer"),
            (" ", "an empty answer"),
            ("\n<a>", "a page (HTML)"),
            ("log in", "no JSON"),
        ),
        *(
            ("[", "cut or broken"),
            ('{"a', "cut or broken"),
            ("[" * 100_000, "cut or broken"),
            ("\xff", "no JSON"),
        ),
        *(
            ("[1]", "a JSON list"),
            ("{}", "a JSON object"),
            ("null", "(null)"),
            ("1.5", "a JSON number"),
        ),
        *(('"a"', "a JSON text"), ("true", "a JSON boolean")),
    ],
)
def test_a_bad_answer_is_described_in_words(text: str, message: str):
    assert message in described_body(text.encode("latin-1"))
