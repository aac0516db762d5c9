"""What a plan says where git has not the facts that names depend on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from command_line import Run, git
from specs import project

SPEC = """\
truewheel: 1
packages: {demo: {version: {file: VERSION}, abi: none}}
targets: {ours: {floor: manylinux_2_28}}
setup: [. ci/setup.sh]
gitlab: {}
naming: naming.yml
"""
NAMING = """\
facts:
  base: {from: ['package:version']}
  given: {from: ['option:release-version', 'vcs:%s'], otherwise: none}
  fact: {from: ['fact:given']}
channels:
  default: {version: ['{base}.dev{fact}', '{base}']}
"""


def repository(folder: Path, fact: str) -> Path:
    """A project whose names have a fact of git, three commits after its tag."""
    folder.mkdir(parents=True)
    project(folder, SPEC, {"naming.yml": NAMING % fact})
    git(folder, "init", "--initial-branch=main")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "one")
    git(folder, "tag", "v1.0")
    for message in "abc":
        git(folder, "commit", "--allow-empty", "-m", message)
    return folder


def clone(origin: Path, folder: Path, *flags: str) -> Path:
    git(origin, "clone", *flags, origin.as_uri(), str(folder))
    return folder


def plan(folder: Path, truewheel: Run, monkeypatch: pytest.MonkeyPatch, *flags: str):
    monkeypatch.chdir(folder)
    return truewheel("plan", *flags)


@pytest.mark.parametrize(
    ("depth", "tags", "code"),
    [
        ("1", (), 2),
        ("3", (), 2),  # three commits: the tag is the fourth
        ("4", (), 0),
        ("9", (), 0),
        ("4", ("--no-tags",), 2),
    ],
)
def test_commits_are_not_counted_in_a_clone_that_lacks_them(
    tmp_path: Path,
    truewheel: Run,
    monkeypatch: pytest.MonkeyPatch,
    depth: str,
    tags: tuple[str, ...],
    code: int,
):
    origin = repository(tmp_path / "origin", "distance")
    shallow = clone(origin, tmp_path / "shallow", "--depth", depth, *tags)
    result, out, err = plan(shallow, truewheel, monkeypatch)
    assert result == code, err
    if code:
        assert err.startswith("truewheel.yml:6:9: the fact given is git's distance: ")
        assert "shallow" in err
        assert "git fetch --unshallow --tags" in err
        assert "GIT_DEPTH: 0" in err
        assert "fetch-depth: 0" in err
    else:
        assert "demo-1.0.dev3-" in out


def test_a_shallow_clone_of_a_tag_or_for_other_facts_is_whole_enough(
    tmp_path: Path, truewheel: Run, monkeypatch: pytest.MonkeyPatch
):
    origin = repository(tmp_path / "origin", "distance")
    tagged = clone(origin, tmp_path / "tagged", "--depth=1", "--branch=v1.0")
    assert plan(tagged, truewheel, monkeypatch)[0::2] == (0, "")
    origin = repository(tmp_path / "dated", "date")
    assert plan(clone(origin, tmp_path / "one", "--depth=1"), truewheel, monkeypatch)[2] == ""
    origin = repository(tmp_path / "optional", "distance")
    given = plan(
        clone(origin, tmp_path / "two", "--depth=1"),
        truewheel,
        monkeypatch,
        "--release-version=7",
    )
    assert given[0::2] == (0, ""), "an earlier source had the value, so git was not asked"


@pytest.mark.parametrize("fact", ["distance", "commit", "tag", "date", "branch"])
def test_a_repository_of_another_owner_is_named(
    tmp_path: Path, truewheel: Run, monkeypatch: pytest.MonkeyPatch, fact: str
):
    folder = repository(tmp_path / "a b", fact)
    # Git's own way to try this without another user.
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    code, _, err = plan(folder, truewheel, monkeypatch)
    assert code == 2
    assert "dubious ownership" in err
    assert f"git config --global --add safe.directory '{folder}'" in err
    for flags in (("--against", "HEAD"), ("--event", "mr", "--changed-since", "HEAD~1")):
        assert "dubious ownership" in plan(folder, truewheel, monkeypatch, *flags)[2]
    assert "dubious ownership" in truewheel("doctor", "--forge", "gitlab")[2]


def test_a_damaged_repository_and_a_missing_git_are_named(
    tmp_path: Path, truewheel: Run, monkeypatch: pytest.MonkeyPatch
):
    folder = repository(tmp_path / "a", "distance")
    (folder / ".git/HEAD").write_text("")
    code, _, err = plan(folder, truewheel, monkeypatch)
    assert (code, f"git cannot read {folder}: " in err) == (2, True), err
    monkeypatch.setenv("PATH", str(tmp_path))
    code, _, err = plan(folder, truewheel, monkeypatch)
    assert (code, "git is not installed" in err) == (2, True), err


def test_a_repository_without_a_commit_is_a_warning_and_no_repository_is_no_fault(
    tmp_path: Path, truewheel: Run, monkeypatch: pytest.MonkeyPatch
):
    folder = repository(tmp_path / "a", "distance")
    shutil.rmtree(folder / ".git")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert plan(folder, truewheel, monkeypatch)[0::2] == (0, "")
    git(folder, "init")
    code, _, err = plan(folder, truewheel, monkeypatch)
    assert (code, "warning: the fact given is git's distance: the repository has no" in err) == (
        0,
        True,
    )
