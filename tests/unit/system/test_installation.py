"""The hint for a missing extra: its line installs it where Truewheel came from."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from specs import project

from truewheel.cli import main as truewheel
from truewheel.errors import Stop
from truewheel.system import installation, processes

PIP = f"{shlex.quote(sys.executable)} -m pip install "
COMMIT = "0123456789abcdef0123456789abcdef01234567"
METADATA = """\
Metadata-Version: 2.4
Name: truewheel
Version: 0.1.0
Requires-Dist: packaging>=24
Requires-Dist: auditwheel<7,>=6.8; extra == 'build'
Requires-Dist: isal>=1.7; (platform_machine != "a") and extra == "build"
Requires-Dist: other; platform_machine == 'none' and extra == 'build'
Requires-Dist: shtab>=1.7; extra == 'completion'
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages with Truewheel, which is the one that runs."""
    folder = tmp_path / "site packages"
    (folder / "truewheel").mkdir(parents=True)
    (folder / "truewheel-0.1.0.dist-info").mkdir()
    (folder / "truewheel-0.1.0.dist-info/METADATA").write_text(METADATA)
    (folder / "truewheel-0.1.0.dist-info/INSTALLER").write_text("pip\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(installation, "PACKAGE", folder / "truewheel")
    return folder


def came_from(site: Path, source: Mapping[str, Any] | str) -> None:
    text = source if isinstance(source, str) else json.dumps(source)
    (site / "truewheel-0.1.0.dist-info/direct_url.json").write_text(text)


def line(extra: str = "build") -> str:
    return installation.install_hint(extra).removeprefix(f"install Truewheel's extra [{extra}]: ")


def test_from_a_wheel_file(site: Path, tmp_path: Path):
    wheel = tmp_path / "my wheels" / "truewheel-0.1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    wheel.touch()
    came_from(site, {"url": wheel.as_uri(), "archive_info": {}})
    assert line() == f"{PIP}'{wheel}[build]'"
    wheel.unlink()
    assert line() == f"{PIP}'auditwheel<7,>=6.8' 'isal>=1.7'"


def test_from_a_git_address(site: Path):
    source = {"url": "https://git.example/t.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}}
    came_from(site, source)
    assert line("gitlab") == f"{PIP}'truewheel[gitlab] @ git+https://git.example/t.git@{COMMIT}'"
    came_from(site, {**source, "subdirectory": "tool"})
    assert line("gitlab").endswith(f"@{COMMIT}#subdirectory=tool'")
    came_from(site, {**source, "url": "file:///repositories/t.git"})
    assert line("completion") == f"{PIP}'shtab>=1.7'"


def test_from_an_address(site: Path):
    came_from(site, {"url": "https://files.example/truewheel.whl", "archive_info": {}})
    assert line("zig") == f"{PIP}'truewheel[zig] @ https://files.example/truewheel.whl'"


def test_from_a_folder(site: Path, tmp_path: Path):
    folder = tmp_path / "checkout"
    folder.mkdir()
    came_from(site, {"url": folder.as_uri(), "dir_info": {}})
    assert line() == f"{PIP}'{folder}[build]'"


def test_from_an_editable_folder(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "checkout"
    (folder / "src/truewheel").mkdir(parents=True)
    (folder / "gen_ci.py").touch()
    monkeypatch.setattr(installation, "PACKAGE", folder / "src/truewheel")
    came_from(site, {"url": folder.as_uri(), "dir_info": {"editable": True}})
    assert line() == f"{PIP}--editable '{folder}[build]'"


@pytest.mark.parametrize("source", ["", "{}", "[]", "{", '{"url": 5}'])
def test_from_an_index_the_packages_themselves_are_named(site: Path, source: str):
    came_from(site, source)
    assert line("completion") == f"{PIP}'shtab>=1.7'"


def test_an_environment_of_uv_has_its_line(site: Path):
    (site / "truewheel-0.1.0.dist-info/INSTALLER").write_text("uv")
    expected = f"uv pip install --python {shlex.quote(sys.executable)} 'shtab>=1.7'"
    assert line("completion") == expected


def test_an_environment_without_pip_is_named_to_another_pip(
    site: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "pip", None)
    assert line("completion").startswith(f"pip --python {shlex.quote(sys.executable)} install ")


def test_another_installed_truewheel_does_not_matter_to_a_checkout(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "checkout"
    (folder / "src/truewheel").mkdir(parents=True)
    (folder / "gen_ci.py").touch()
    monkeypatch.setattr(installation, "PACKAGE", folder / "src/truewheel")
    hint = installation.install_hint("build")
    assert hint == f"install Truewheel's extra [build], in {folder}: make run"
    assert "--editable '.[zig]'" in installation.install_hint("zig")
    (folder / "gen_ci.py").unlink()
    assert "from its wheel file" in installation.install_hint("build")


ASKED = ["trigger", "watch 5", "doctor", "schedules", "check --remote"]
SPEC = """\
truewheel: 1
packages: {foo: {version: {file: VERSION}}}
targets: {one: {floor: manylinux_2_28}}
setup: [make tools]
gitlab: {}
github: {}
"""
REVIEWS = "--merge-request 1 --against HEAD"
BRIDGE = "bridge --request 1 --from github:a/b --to gitlab:a/b"


@pytest.mark.parametrize(
    ("forge", "command"),
    [
        *(("gitlab", f"{words} --project a/b") for words in ASKED),
        *(("github", f"{words} --project a/b --forge github") for words in ASKED[:3]),
        ("gitlab", f"note --post --project a/b {REVIEWS}"),
        ("gitlab", f"{BRIDGE} --ref main"),
        ("github", f"{BRIDGE} --ref main"),
    ],
)
def test_each_command_that_asks_a_forge_names_its_extra(
    forge: str,
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(project(tmp_path, SPEC))
    for name in ("GITLAB_TOKEN", "GITHUB_TOKEN"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("CI_SERVER_URL", "http://127.0.0.1:9")
    truewheel(["generate"])
    monkeypatch.setitem(sys.modules, forge, None)
    assert truewheel(command.split()) == 2
    assert f"extra [{forge}]" in capsys.readouterr().err


def test_completion_names_its_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert truewheel(["completion", "bash"]) == 2
    assert "extra [completion]" in capsys.readouterr().err


def test_publish_names_its_extra(monkeypatch: pytest.MonkeyPatch):
    from truewheel.build import publish

    monkeypatch.setattr(sys, "executable", "/no/bin/python")
    with pytest.raises(Stop) as stopped:
        publish.uploader("", {"PATH": "/no/bin"})
    assert "extra [publish]" in str(stopped.value)
    with pytest.raises(Stop, match="install twine, or leave out --uploader"):
        publish.uploader("twine", {"PATH": "/no/bin"})


@pytest.mark.parametrize("module", ["build", "pip", "auditwheel"])
def test_a_build_names_its_extra(module: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(Stop) as stopped:
        processes.module(module, "compile")
    assert "extra [build]" in str(stopped.value)
