"""init writes all of its files or none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from truewheel.cli import main
from truewheel.errors import stop
from truewheel.system import files

PROJECT = '[project]\nname = "foo"\nversion = "1.0"\n'


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one package, which is the current folder."""
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize(
    "reason", [KeyboardInterrupt(), stop("disk", "is full")], ids=["Ctrl-C", "no space"]
)
def test_when_a_file_cannot_be_written_none_is_left(
    here: Path, monkeypatch: pytest.MonkeyPatch, reason: BaseException, number: int
):
    whole, written = files.write_text, []

    def write_text(path: Path, text: str) -> None:
        written.append(path)
        if len(written) == number:
            raise reason
        whole(path, text)

    monkeypatch.setattr(files, "write_text", write_text)
    assert main(["init", "--yes"]) in {2, 130}
    assert len(written) == number
    assert [path.name for path in here.iterdir()] == ["pyproject.toml"]


def test_who_has_no_git_yet_is_told_to_begin_with_it(
    here: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["init", "--dry-run"]) == 0
    assert (
        "4. git init; git add .gitlab-ci.yml pipelines truewheel.yml; commit and push"
        in capsys.readouterr().out
    )
    (here / ".git").mkdir()
    assert main(["init", "--dry-run"]) == 0
    assert (
        "4. git add .gitlab-ci.yml pipelines truewheel.yml; commit and push"
        in capsys.readouterr().out
    )


def test_the_spec_is_written_last_so_that_a_killed_init_can_be_run_again(
    here: Path, monkeypatch: pytest.MonkeyPatch
):
    whole, written = files.write_text, []
    monkeypatch.setattr(
        files, "write_text", lambda path, text: (written.append(path.name), whole(path, text))
    )
    assert main(["init", "--yes"]) == 0
    assert written == [".gitlab-ci.yml", "any-any.yml", "truewheel.yml"]
    (here / "truewheel.yml").unlink()
    assert main(["init", "--yes"]) == 0
    assert written[3:] == ["truewheel.yml"]


def test_a_generated_pipeline_of_another_spec_is_written_again(here: Path):
    assert main(["init", "--yes"]) == 0
    (here / "truewheel.yml").unlink()
    (here / "pyproject.toml").write_text(PROJECT.replace("foo", "bar"))
    assert main(["init", "--yes"]) == 0
    assert "bar/any/any/py3" in (here / "pipelines/any-any.yml").read_text()


def test_jobs_are_not_told_to_take_truewheel_from_an_index_by_its_name(
    here: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["init", "--yes"]) == 0
    out = capsys.readouterr().out
    assert "fill in tool in truewheel.yml: jobs must install Truewheel" in out
    text = (here / "truewheel.yml").read_text(encoding="utf-8")
    assert "# tool: {file: ci/truewheel-X-py3-none-any.whl, sha256: …}\n" in text
    assert "\ntool:" not in text
    for path in here.rglob("*"):
        if path.is_file():
            assert not re.search(
                r"truewheel(\[\w+\])?[=~]=|install \S*truewheel[\s\"'\[]", path.read_text()
            ), path
