"""truewheel run."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Run
from specs import project


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
    assert err.startswith(f"{folder}: a {'colon' if ':' in name else 'semicolon'} parts ")
    assert "    hint: move the project to another folder\n" in err
    assert {path.name for path in folder.iterdir()} == {"VERSION", "truewheel.yml"}
