"""A project as the current folder, and commands that run in it."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import KEPT, PIPELINE_SPEC, Run, git
from registries import Registry, serving
from specs import project
from standins import GitLab, Job, Project, Token

from truewheel.cli import main
from truewheel.forges import trigger, watch


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hide the variables of a pipeline that runs these tests.

    Restore the signal handler that commands set.
    """
    for name in [name for name in os.environ if not name.startswith(KEPT)]:
        monkeypatch.delenv(name)
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project, which is the current folder."""
    monkeypatch.chdir(project(tmp_path))
    return tmp_path


@pytest.fixture
def truewheel(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process; returns exit code, stdout and stderr."""

    def run(*argv: str) -> tuple[int, str, str]:
        try:
            code = main(argv)
        except SystemExit as stopped:  # argparse
            code = int(stopped.code or 0)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run


@pytest.fixture
def history(here: Path) -> Path:
    """The small project in version 1.0, tagged `before`."""
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    for words in (["init"], ["add", "--all"], ["commit", "-m", "1.0"], ["tag", "before"]):
        git(here, *words)
    return here


IMAGES = """\
truewheel: 1
packages: {foo: {version: {file: VERSION}}}
targets:
  rhel8: {family: rhel, base: 'HOST/ubi:8'}
  plain: {floor: manylinux_2_39}
arches: [x86_64, aarch64]
images: {registry: $CI_REGISTRY_IMAGE}
scripts: scripts
"""


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """A registry with the base of the project that is the current folder."""
    with serving(Registry()) as stand_in:
        project(tmp_path, IMAGES.replace("HOST", stand_in.host))
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setenv("CI_REGISTRY_IMAGE", f"{stand_in.host}/group")
        monkeypatch.setattr("truewheel.net.container_registry.PAUSES", (0.0, 0.0))
        stand_in.keep("ubi", "8", b"{}")
        yield stand_in


@pytest.fixture
def server() -> Iterator[GitLab]:
    with GitLab(tick=5) as server:
        yield server


@pytest.fixture
def demo(server: GitLab) -> Project:
    made = server.project("group/demo")
    made.plan(Job("wheel", seconds=20))
    return made


@pytest.fixture
def token(server: GitLab, demo: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Token:
    """Everything that trigger needs: a project, a spec, a server and a token."""
    made = server.token()
    for name in [
        name for name in os.environ if name.startswith(("CI_", "GITLAB_", "GITHUB_", "GH_"))
    ]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CI_SERVER_URL", server.url)
    monkeypatch.setenv("CI_PROJECT_PATH", demo.path)
    monkeypatch.setenv("GITLAB_TOKEN", made.value)
    monkeypatch.chdir(project(tmp_path, PIPELINE_SPEC))
    monkeypatch.setattr(watch, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(watch, "LONGEST_PAUSE", 0.02)
    monkeypatch.setattr(watch, "REQUESTS_PER_SECOND", 1000.0)
    monkeypatch.setattr(trigger, "RECHECK_SECONDS", (0.01, 0.01))
    return made
