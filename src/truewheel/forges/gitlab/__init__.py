"""GitLab: its files, its API, its limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from truewheel.forges.kind import ForgeKind

if TYPE_CHECKING:
    from truewheel.forges.base import Forge


def connect(environment: Mapping[str, str], project: str, seconds: float) -> Forge:
    """Return a project of GitLab. Raises `Stop` (exit 2) where no token is known."""
    from truewheel.forges import access
    from truewheel.forges.gitlab.api.client import Gitlab

    return Gitlab(access.gitlab(environment), project, seconds)


KIND = ForgeKind(
    library="python-gitlab",
    module="gitlab",
    job_variable="GITLAB_CI",
    project_variables=("CI_PROJECT_PATH", "CI_PROJECT_ID"),
    project=r"[^\s\x00-\x1f\x7f?#%]+",
    project_example="group/name, or its number",
    run_path=r"/(.+?)/-/pipelines/(\d{1,19})/?",
    connect=connect,
)
