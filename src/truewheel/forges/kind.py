"""What the commands need to know of a forge before they talk to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from truewheel.forges.base import Forge


class ForgeKind(NamedTuple):
    """A forge as its folder describes it.

    `library` is the client library and `module` what it is imported as; the extra of Truewheel that
    installs it has the name of the forge. `job_variable` is set in its jobs, `project_variables`
    say there which project it is. `project` and `run_path` are patterns: of a project's name, and
    of the path of a pipeline's page, with the project and the number as groups.
    """

    library: str
    module: str
    job_variable: str
    project_variables: tuple[str, ...]
    project: str
    project_example: str
    run_path: str
    connect: Callable[[Mapping[str, str], str, float], Forge]
    """By environment, project and seconds. Raises `Stop` (exit 2) without a token."""
