"""The Makefile: what its targets leave alone."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_an_environment_that_several_checkouts_share_is_not_emptied(tmp_path: Path):
    """`python -m venv --clear` follows a link, empties the folder behind it, and then fails."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/marker").touch()
    checkout = tmp_path / "checkout"
    (checkout / "requirements").mkdir(parents=True)
    shutil.copy(ROOT / "requirements/run.txt", checkout / "requirements")
    (checkout / ".venv").symlink_to("../shared")
    command = ["make", "--file", str(ROOT / "Makefile"), "venv"]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert (tmp_path / "shared/marker").is_file()
    assert done.returncode == 2
    assert ".venv is a link to ../shared, which has no environment for this lock" in done.stderr
