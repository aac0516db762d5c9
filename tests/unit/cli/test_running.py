"""What run does with results of builds that came with a checkout."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from truewheel.cli import running


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
    assert not running._is_committed(tmp_path, out, os.environ)
    git(tmp_path, "add", "--force", name)
    assert running._is_committed(tmp_path, out, os.environ)
    assert "every cell is built anew" in capsys.readouterr().err


def test_without_a_repository_nothing_came_with_a_checkout(tmp_path: Path):
    assert not running._is_committed(tmp_path, tmp_path / "dist", os.environ)
