"""The pytest plugin.

The fixtures `gitlab_standin` and `github_standin` are stand-ins that stop with the test.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from standins.github import GitHub
    from standins.server import GitLab


@pytest.fixture
def gitlab_standin() -> Iterator[GitLab]:
    """Return a running GitLab stand-in, with no project yet and its clock standing still."""
    from standins.server import GitLab  # a run that does not ask for it need not pay for it

    with GitLab() as server:
        yield server


@pytest.fixture
def github_standin() -> Iterator[GitHub]:
    """Return a running GitHub stand-in, with no repository yet and its clock standing still."""
    from standins.github import GitHub

    with GitHub() as server:
        yield server
