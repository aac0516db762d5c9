"""A GitLab stand-in and the commands that talk to it, for the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from specs import project as write_project
from standins.server import GitLab
from standins.state import Project, Token

from truewheel.cli import main

PATH = "group/demo"


class Place(NamedTuple):
    """A server with one project, and the command line in the folder of a spec beside it."""

    server: GitLab
    project: Project
    token: Token
    run: Callable[..., tuple[int, str, str]]
    folder: Path

    def spec(self, text: str) -> None:
        """Write another spec."""
        write_project(self.folder, text)

    def become(self, token: Token) -> None:
        """Let the commands have another token."""
        self.monkeypatch.setenv("GITLAB_TOKEN", token.value)

    monkeypatch: pytest.MonkeyPatch


def place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], spec: str
) -> Iterator[Place]:
    """Yield a place; its commands have the token of a maintainer called robot."""
    with GitLab() as server:
        project, token = server.project(PATH), server.token("robot")
        for name in (
            "GITLAB_PRIVATE_TOKEN",
            "GITLAB_OAUTH_TOKEN",
            "CI_JOB_TOKEN",
            "PYTHON_GITLAB_CFG",
        ):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("CI_SERVER_URL", server.url)
        monkeypatch.setenv("GITLAB_TOKEN", token.value)
        monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
        monkeypatch.chdir(write_project(tmp_path, spec))

        def run(*argv: str) -> tuple[int, str, str]:
            code = main([*argv, "--project", PATH])
            out, err = capsys.readouterr()
            assert "Traceback" not in err
            assert not [value for value in server.state.tokens if value in out + err]
            return code, out, err

        yield Place(server, project, token, run, tmp_path, monkeypatch)
