"""Stand-ins for GitLab and GitHub: their APIs on 127.0.0.1, with state, a clock that the test moves, and faults.

`with GitLab() as gitlab:` runs one; as a pytest plugin it is the fixture `gitlab_standin`, and the like for GitHub.
See docs/standin.md.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from truewheel.standin import faults as faults
    from truewheel.standin.ci import Bridge as Bridge
    from truewheel.standin.ci import Job as Job
    from truewheel.standin.faults import Fault as Fault
    from truewheel.standin.github import GitHub as GitHub
    from truewheel.standin.github_repository import Repository as Repository
    from truewheel.standin.http import Reply as Reply
    from truewheel.standin.http import Request as Request
    from truewheel.standin.server import GitLab as GitLab
    from truewheel.standin.state import Project as Project
    from truewheel.standin.state import Token as Token

__all__ = ["Bridge", "Fault", "GitHub", "GitLab", "Job", "Project", "Reply", "Repository", "Request", "Token", "faults"]

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
    # pytest imports this package in every run: what a run does not use must cost it nothing
    if name == "faults":
        return import_module("truewheel.standin.faults")
    if name in _HOMES:
        return getattr(import_module(f"truewheel.standin.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
