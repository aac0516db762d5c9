"""A stranger's repository names programs in git's configuration: no command starts one of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from paths import SOURCE
from specs import SMALL, project

from truewheel.cli import main
from truewheel.workspace import git as of_checkout

SPEC = (
    SMALL
    + """\
gitlab: {}
github: {}
merge_requests: {changed_only: true}
naming:
  extends: plain
  facts:
    a: {from: ['vcs:distance'], otherwise: drop}
    b: {from: ['vcs:commit'], otherwise: drop}
    c: {from: ['vcs:date'], otherwise: drop}
    d: {from: ['vcs:branch'], otherwise: drop}
    e: {from: ['vcs:tag'], otherwise: drop}
  channels: {default: {version: '{base}', local: ['n{a}', 'g{b}', 'd{c}', '{d}', '{e}']}}
"""
)
COMMANDS = (
    ("plan",),
    ("plan", "--against", "HEAD"),
    ("plan", "--changed-since", "HEAD~1"),
    ("note", "--against", "HEAD", "--no-post"),
    ("lock", "--dry-run"),
    ("doctor", "--forge", "gitlab"),
    ("init", "--dry-run"),
)
PROGRAM = '#!/bin/sh\necho "$0 $*" >>"$MARKER"\n'
SIGNED = """\
tree {tree}
parent {parent}
author a <a@example.invalid> 1700000000 +0000
committer a <a@example.invalid> 1700000000 +0000
gpgsig -----BEGIN PGP SIGNATURE-----
 \n iQ=
 -----END PGP SIGNATURE-----

signed
"""
CONFIG = """\
[core]
	repositoryformatversion = {version}
	bare = false
	worktree = {worktree}
	sshCommand = {program}
	fsmonitor = {program}
	pager = {program}
	hooksPath = {folder}
[log]
	showSignature = true
[gpg]
	program = {program}
[diff]
	external = {program}
[protocol "ssh"]
	allow = always
[protocol "ext"]
	allow = always
[url "ssh://a@127.0.0.1/"]
	insteadOf = file:///nowhere/
"""
PARTIAL = """\
[extensions]
	partialClone = origin
[remote "origin"]
	url = {address}
	promisor = true
"""


def git(folder: Path, *words: str, stdin: str = "") -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    done = subprocess.run(
        ["git", *identity, *words],
        cwd=folder,
        check=True,
        capture_output=True,
        input=stdin,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture(autouse=True)
def marker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that the programs of the configuration write."""
    for name in [name for name in os.environ if name.startswith(("CI", "GIT", "GH_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GITHUB_SERVER_URL", "file:///nowhere")
    monkeypatch.setenv("MARKER", str(tmp_path / "marker"))
    return tmp_path / "marker"


def stranger(folder: Path, *, is_bare: bool, address: str = "") -> Path:
    """A project whose repository is beside its files, or among them; one with missing objects."""
    project(folder, SPEC)
    (folder / "pyproject.toml").write_text('[project]\nname = "foo"\nversion = "1.0"\n')
    git(folder, "init", "--quiet", "--initial-branch=main")
    for message in ("one", "two"):
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    signed = SIGNED.format(
        tree=git(folder, "rev-parse", "HEAD^{tree}"), parent=git(folder, "rev-parse", "HEAD~1")
    )
    commit = git(folder, "hash-object", "-t", "commit", "-w", "--stdin", stdin=signed)
    git(folder, "update-ref", "refs/heads/main", commit)
    git(folder, "tag", "v1.0", "HEAD~1")
    blob = git(folder, "rev-parse", "HEAD:truewheel.yml")
    database = folder / ".git"
    shutil.rmtree(database / "hooks")
    (database / "hooks").mkdir()
    for name in ("program", "hooks/reference-transaction", "hooks/post-index-change"):
        path = database / name
        path.write_text(PROGRAM)
        path.chmod(0o755)
    if address:
        (database / "objects" / blob[:2] / blob[2:]).unlink()
    place = folder if is_bare else database
    text = CONFIG + (PARTIAL if address else "")
    program = place / "program"
    (database / "config").write_text(
        text.format(
            version=1 if address else 0,
            worktree="." if is_bare else "..",
            program=program,
            folder=place / "hooks",
            address=address.format(program=program),
        )
    )
    if is_bare:
        for path in database.iterdir():
            path.replace(folder / path.name)
        database.rmdir()
    return folder


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("address", ["", "ssh://a@127.0.0.1/x", "ext::{program} x"])
@pytest.mark.parametrize("is_bare", [True, False])
def test_no_program_of_the_configuration_is_started(
    tmp_path: Path,
    marker: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    address: str,
    is_bare: bool,
) -> None:
    root = stranger(tmp_path / "stranger", is_bare=is_bare, address=address)
    if command[0] == "init":
        (root / "truewheel.yml").unlink()
    monkeypatch.chdir(root)
    code = main(command)
    assert not marker.exists(), marker.read_text()
    assert code in {0, 2, 3, 6}


def test_one_function_starts_git() -> None:
    starts = {
        path.name
        for path in (SOURCE / "truewheel").rglob("*.py")
        if '["git", ' in path.read_text() or '*("git", ' in path.read_text()
    }
    assert starts == {"git_program.py"}


def test_a_tag_that_is_called_like_an_option_is_a_tag(tmp_path: Path, marker: Path) -> None:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", "one")
    git(tmp_path, "update-ref", f"refs/tags/--output={marker}", "HEAD")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", "two")
    read = of_checkout.FactReader(tmp_path, os.environ)
    assert read("tag") == f"--output={marker}"
    assert read("distance") == "1"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("marker")]


def test_clones_worktrees_and_submodules_are_read(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    origin.mkdir()
    git(origin, "init", "--quiet", "--initial-branch=main")
    for message in ("one", "two"):
        git(origin, "commit", "--quiet", "--allow-empty", "--message", message)
    git(origin, "tag", "-a", "v1", "-m", "v1", "HEAD~1")
    url = origin.as_uri()
    git(tmp_path, "clone", "--quiet", url, "clone")
    git(tmp_path, "clone", "--quiet", "--depth=1", url, "shallow")
    git(tmp_path / "clone", "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    allowed = ("-c", "protocol.file.allow=always")
    git(tmp_path / "clone", *allowed, "submodule", "--quiet", "add", url, "inner")
    short = git(origin, "rev-parse", "--short=9", "HEAD")
    for name, distance in (("clone", "1"), ("side", "1"), ("clone/inner", "1"), ("shallow", "1")):
        read = of_checkout.FactReader(tmp_path / name, os.environ)
        assert (read("commit"), read("distance")) == (short, distance), name
    assert of_checkout.FactReader(tmp_path / "side", os.environ)("branch") == "side"
    assert of_checkout.list_changed_files(tmp_path / "clone", os.environ, "HEAD~1") == []
