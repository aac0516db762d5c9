"""The wheel that `tool` names must be there with its SHA-256; a spec without any is refused."""

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


@pytest.mark.parametrize("command", ["generate", "check"])
def test_nothing_that_installs_truewheel_is_refused_with_the_line_to_add(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
):
    monkeypatch.chdir(project(tmp_path, SPEC))
    assert main([command]) == 2
    err = capsys.readouterr().err
    assert "the jobs call truewheel and nothing installs it: no tool, no setup, no scripts" in err
    assert "hint: add tool: {file: ci/truewheel-" in err
    assert not (tmp_path / ".gitlab-ci.yml").exists()


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
