"""GitHub: its workflows, its API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from truewheel.forges.kind import ForgeKind

if TYPE_CHECKING:
    from truewheel.forges.base import Forge


def connect(environment: Mapping[str, str], project: str, seconds: float) -> Forge:
    """Return a repository of GitHub. Raises `Stop` (exit 2) where no token is known."""
    from truewheel.forges import access
    from truewheel.forges.github.api.client import Github

    return Github(access.github(environment), project, seconds)


KIND = ForgeKind(
    library="PyGithub",
    module="github",
    job_variable="GITHUB_ACTIONS",
    project_variables=("GITHUB_REPOSITORY",),
    project=r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+",
    project_example="owner/name",
    run_path=r"/(.+?)/actions/runs/(\d{1,19})(?:/.*)?",
    connect=connect,
)
