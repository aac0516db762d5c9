"""What all tests need."""

from __future__ import annotations

import os


def pytest_configure() -> None:
    """Let no test take itself for a job of a forge because it runs in one."""
    for name in ("CI", "GITLAB_CI", "GITHUB_ACTIONS"):
        os.environ.pop(name, None)
