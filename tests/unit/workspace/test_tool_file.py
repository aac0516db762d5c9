"""The wheel that `tool` names must be there with its SHA-256; without `tool` there is a warning."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from specs import project

from truewheel.cli import main

NAME = "ci/truewheel-0.2.0-py3-none-any.whl"
SPEC = """\
truewheel: 1
packages: {foo: {version: {file: VERSION}}}
targets: {one: {floor: manylinux_2_28}}
"""
SHA256 = hashlib.sha256(b"wheel").hexdigest()
TOOL = f"tool: {{file: {NAME}, sha256: '{SHA256}'}}\n"


def test_jobs_in_which_nothing_installs_truewheel_are_written_with_a_warning_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(project(tmp_path, SPEC))
    for command in ("generate", "generate", "check"):
        assert main([command]) == 0
        err = capsys.readouterr().err
        warning = "truewheel.yml:1:1: warning: the jobs of this spec install no Truewheel"
        assert err.count(warning) == 1
        assert "hint: add tool: {file: ci/truewheel-" in err
        assert "or a line that installs it to setup" in err
    assert (tmp_path / ".gitlab-ci.yml").exists()


@pytest.mark.parametrize("line", ["setup: [make tools]", "scripts: scripts"])
def test_whoever_says_how_truewheel_is_installed_is_not_warned(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    line: str,
):
    monkeypatch.chdir(project(tmp_path, f"{SPEC}{line}\n"))
    assert main(["generate"]) == 0
    assert "warning" not in capsys.readouterr().err


@pytest.mark.parametrize("command", ["generate", "check"])
def test_the_file_must_be_there_with_its_bytes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
):
    monkeypatch.chdir(project(tmp_path, SPEC + TOOL))
    assert main([command]) == 2
    assert f"truewheel.yml:4:14: there is no file {NAME}" in capsys.readouterr().err
    (tmp_path / "ci").mkdir()
    (tmp_path / NAME).write_bytes(b"other")
    assert main([command]) == 2
    err = capsys.readouterr().err
    assert f"{NAME} has another SHA-256, {hashlib.sha256(b'other').hexdigest()}" in err
    assert "truewheel.yml:4:59: " in err
    (tmp_path / NAME).write_bytes(b"wheel")
    assert main([command]) == (0 if command == "generate" else 3)


def test_the_files_belong_to_each_forge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    files = {NAME: "wheel"}
    monkeypatch.chdir(project(tmp_path, f"{SPEC}{TOOL}github: {{}}\n", files))
    assert main(["generate", "--forge", "github"]) == 0
    assert "wrote pipelines/install_truewheel.sh" in capsys.readouterr().out
    assert main(["check"]) == 0
