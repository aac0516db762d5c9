"""truewheel run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from command_line import Run
from specs import project

from truewheel.cli import run


def test_a_failed_run_leaves_no_sums_of_an_earlier_one(here: Path, truewheel: Run):
    sums = here / "dist/SHA256SUMS"
    sums.parent.mkdir()
    sums.write_text("of wheels that are about to be made anew\n")
    code, _, err = truewheel(
        "run"
    )  # there is nothing to compile: the package has no pyproject.toml
    assert (code, sums.exists()) == (4, False)
    assert "1 of 1 cells failed" in err


@pytest.mark.parametrize("name", ["a:b", "c;d"])
@pytest.mark.parametrize("is_out", [False, True])
def test_a_folder_that_others_read_as_two_is_named_before_anything_is_built(
    here: Path, truewheel: Run, monkeypatch: pytest.MonkeyPatch, name: str, is_out: bool
):
    folder = here / name
    project(folder)
    if not is_out:
        monkeypatch.chdir(folder)
    code, _, err = truewheel("run", *(["--engine", "podman", "--out", name] if is_out else []))
    assert code == 2
    assert err.startswith(f"{folder}: a {'colon' if ':' in name else 'semicolon'} separates ")
    assert "    hint: move the project to another folder\n" in err
    assert {path.name for path in folder.iterdir()} == {"VERSION", "truewheel.yml"}


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize("name", ["build/x/passed", "dist/x.whl"])
def test_results_that_came_with_the_checkout_are_not_taken_for_ours(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
):
    git(tmp_path, "init", "--quiet")
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text("x")
    out = tmp_path / "dist"
    assert not run._is_committed(tmp_path, out, os.environ)
    git(tmp_path, "add", "--force", name)
    assert run._is_committed(tmp_path, out, os.environ)
    assert "every cell is built anew" in capsys.readouterr().err


def test_without_a_repository_nothing_came_with_a_checkout(tmp_path: Path):
    assert not run._is_committed(tmp_path, tmp_path / "dist", os.environ)
