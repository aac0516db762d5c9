"""No test of the forges takes itself for a job, nor has the settings of whoever runs it."""

from __future__ import annotations

import os

import pytest
from command_line import KEPT


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide all variables but a few: client libraries look through all of them, at each request."""
    for name in [name for name in os.environ if not name.startswith(KEPT)]:
        monkeypatch.delenv(name)
