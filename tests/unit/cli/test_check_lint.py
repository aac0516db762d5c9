"""check --lint: files on disk, where the repository begins, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from truewheel.cli import main


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "ci").mkdir()
    (tmp_path / ".gitlab-ci.yml").write_text(
        "include: [ci/part.yml]\ntest: {script: make, needs: [part]}\n"
    )
    (tmp_path / "ci/part.yml").write_text("part: {extends: .nowhere}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_error_ends_in_2_with_its_place(capsys: pytest.CaptureFixture[str]):
    assert main(["check", "--lint", ".gitlab-ci.yml"]) == 2
    assert capsys.readouterr().err.startswith(
        "ci/part.yml:1:8: part extends '.nowhere', and there is no such job"
    )


def test_a_file_without_errors_ends_in_0(repository: Path, capsys: pytest.CaptureFixture[str]):
    (repository / "ci/part.yml").write_text("part: {script: make}\n")
    assert main(["check", "--lint", ".gitlab-ci.yml"]) == 0
    assert capsys.readouterr().out == "1 file without an error\n"


def test_a_part_is_checked_with_the_whole_not_alone(repository: Path):
    (repository / "ci/part.yml").write_text("part: {extends: .here, needs: [first]}\n")
    (repository / ".gitlab-ci.yml").write_text(
        "include: ci/part.yml\n.here: {script: make}\nfirst: {script: make}\n"
    )
    assert main(["check", "--lint", "ci/part.yml"]) == 2
    assert main(["check", "--lint", ".gitlab-ci.yml", "ci/part.yml"]) == 0


def test_paths_begin_at_the_top_of_the_repository(
    repository: Path, monkeypatch: pytest.MonkeyPatch
):
    (repository / "ci/part.yml").write_text("part: {script: make}\n")
    monkeypatch.chdir(repository / "ci")
    assert main(["check", "--lint", "../.gitlab-ci.yml"]) == 0


@pytest.mark.parametrize("path", ["../outside.yml", "./ci/part.yml", "ci//part.yml", "ci"])
def test_what_gitlab_would_not_find_is_not_found(
    repository: Path, path: str, capsys: pytest.CaptureFixture[str]
):
    (repository.parent / "outside.yml").write_text("job: {script: make}\n")
    (repository / ".gitlab-ci.yml").write_text(
        f"include: [{{local: {path}}}]\njob: {{script: make}}\n"
    )
    assert main(["check", "--lint", ".gitlab-ci.yml"]) == 2
    assert "[include-" in capsys.readouterr().err


def test_json_has_codes_and_severities(capsys: pytest.CaptureFixture[str]):
    assert main(["check", "--json", "--lint", ".gitlab-ci.yml"]) == 2
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert problem["code"] == "missing-extends"
    assert problem["severity"] == "error"
    assert (problem["file"], problem["line"], problem["column"]) == ("ci/part.yml", 1, 8)


@pytest.mark.parametrize("content", [b"", b"\xff", b"a: [", b"- a", b"a: *b\n"])
def test_files_that_cannot_be_read_end_in_2(
    repository: Path, content: bytes, capsys: pytest.CaptureFixture[str]
):
    (repository / "ci/part.yml").write_bytes(content)
    assert main(["check", "--lint", ".gitlab-ci.yml"]) == 2
    assert capsys.readouterr().err.startswith("ci/part.yml:1:")


def test_a_missing_file_ends_in_2(capsys: pytest.CaptureFixture[str]):
    assert main(["check", "--lint", "nowhere.yml"]) == 2
    assert "there is no such file" in capsys.readouterr().err
