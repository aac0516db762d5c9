"""The commits of GitHub's actions.

Found with git, kept in truewheel.lock, written into the workflows.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from specs import SMALL, project

from truewheel import cli
from truewheel.errors import Exit, Stop
from truewheel.forges.github.actions import PINS, Pin
from truewheel.forges.github.api import action_updates
from truewheel.workspace import loading, lock_file
from truewheel.workspace.lock_file import Lock

COMMIT = "f" * 40


def git(folder: Path, *words: str) -> str:
    command = [
        "git",
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.invalid",
        "-c",
        "init.defaultBranch=main",
        *words,
    ]
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of repositories, in the place of GitHub.

    Those of the actions have the tags of their pins.
    """
    folder = tmp_path / "server"
    for name, pin in PINS.items():
        (folder / name).mkdir(parents=True)
        git(folder / name, "init", "--quiet")
        release(folder / name, pin.tag)
    monkeypatch.setenv("GITHUB_SERVER_URL", folder.as_uri())
    return folder


def release(repository: Path, tag: str, *, annotated: bool = False) -> str:
    git(repository, "commit", "--quiet", "--allow-empty", "--message", tag)
    git(repository, "tag", *(("--annotate", "--message", tag) if annotated else ()), tag)
    return git(repository, "rev-parse", "HEAD")


def newest(server: Path) -> Pin:
    pins = {"actions/checkout": PINS["actions/checkout"]}
    return action_updates.newest(
        pins, {"GITHUB_SERVER_URL": server.as_uri(), "PATH": "/usr/bin:/bin"}
    )["actions/checkout"]


@pytest.mark.parametrize("annotated", [False, True])
def test_the_newest_release_of_the_same_major_is_taken(server: Path, annotated: bool):
    repository = server / "actions/checkout"
    commit = release(repository, "v7.10.0", annotated=annotated)
    for other in ("v7.9.9", "v8.0.0", "v7", "v7.11.0-beta", "latest"):
        release(repository, other)
    assert newest(server) == Pin(commit, "v7.10.0"), (
        "a number, not a text; of an annotated tag, the commit"
    )


def test_without_a_newer_release_the_pin_stays(server: Path):
    git(server / "actions/checkout", "tag", "--delete", PINS["actions/checkout"].tag)
    release(server / "actions/checkout", "v7.0.0")
    assert newest(server) == PINS["actions/checkout"]


def test_a_server_that_cannot_be_asked_ends_with_six(tmp_path: Path):
    with pytest.raises(Stop, match=r"actions/checkout: cannot be asked: ") as stopped:
        newest(tmp_path / "gone")
    assert stopped.value.code is Exit.REMOTE_UNREACHABLE


def test_lock_then_generate_names_the_new_commit(
    server: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(project(tmp_path, SMALL + "github: {}\n"))
    commit = release(server / "actions/checkout", "v7.0.2")
    assert cli.main(["lock"]) == Exit.OK
    assert cli.main(["generate"]) == Exit.OK
    assert f"actions/checkout@{commit}' # v7.0.2\n" in Path(
        ".github/workflows/wheels.yml"
    ).read_text(encoding="utf-8")
    before = Path("truewheel.lock").read_bytes()
    assert cli.main(["lock"]) == Exit.OK
    assert Path("truewheel.lock").read_bytes() == before
    assert loading.load(None, tmp_path).lock.actions["actions/checkout"] == Pin(commit, "v7.0.2")


def test_a_lock_is_read_as_it_was_written():
    lock = Lock(actions={"actions/checkout": Pin(COMMIT, "v7.0.2")})
    assert lock_file.parse(lock_file.write(lock, "truewheel 0"), "truewheel.lock") == lock


@pytest.mark.parametrize(
    "text", ["[a]", f"{{a: {COMMIT}}}", "{a: 'main v1'}", f"{{a: '{COMMIT} v1 # x'}}", "{a: 1}"]
)
def test_what_is_no_commit_is_refused(text: str):
    with pytest.raises(Stop, match=r"truewheel\.lock:1:"):
        lock_file.parse(f"actions: {text}", "truewheel.lock")
