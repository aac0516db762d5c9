"""Stand-ins for GitLab and GitHub: servers for tests.

They serve the APIs on 127.0.0.1, with state, a clock that the test moves, and faults. `with
GitLab() as gitlab:` runs one; as a pytest plugin they are the fixtures `gitlab_standin` and
`github_standin`. See README.md in this folder.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from standins import faults as faults
    from standins.ci import Bridge as Bridge
    from standins.ci import Job as Job
    from standins.faults import Fault as Fault
    from standins.github import GitHub as GitHub
    from standins.github_repository import Repository as Repository
    from standins.http import Reply as Reply
    from standins.http import Request as Request
    from standins.server import GitLab as GitLab
    from standins.state import Project as Project
    from standins.state import Token as Token

__all__ = [
    "Bridge",
    "Fault",
    "GitHub",
    "GitLab",
    "Job",
    "Project",
    "Reply",
    "Repository",
    "Request",
    "Token",
    "faults",
]

_HOMES = {
    "Bridge": "ci",
    "Job": "ci",
    "Fault": "faults",
    "GitHub": "github",
    "GitLab": "server",
    "Project": "state",
    "Reply": "http",
    "Repository": "github_repository",
    "Request": "http",
    "Token": "state",
}


def __getattr__(name: str) -> object:
    # pytest imports this package in every run: nothing else is imported until a test uses it.
    if name == "faults":
        return import_module("standins.faults")
    if name in _HOMES:
        return getattr(import_module(f"standins.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
