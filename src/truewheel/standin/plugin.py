"""The pytest plugin: the fixture `gitlab_standin`, a stand-in for GitLab that stops with the test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from truewheel.standin.server import GitLab


@pytest.fixture
def gitlab_standin() -> Iterator[GitLab]:
    """Return a running GitLab stand-in, with no project yet and its clock standing still."""
    from truewheel.standin.server import GitLab  # a run that does not ask for it need not pay for it

    with GitLab() as server:
        yield server
