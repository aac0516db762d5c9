"""What all tests need."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "small",
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "large", settings.get_profile("small"), max_examples=1000, derandomize=False
)
settings.load_profile("small")

# By what they took, the longest first: a worker that begins one of them last is waited for.
LONGEST = (
    "test_fresh_clone",
    "test_tool",
    "test_backends",
    "test_cross",
    "test_zip_copy",
    "test_rewrite",
    "test_own_wheel",
    "test_tree",
    "test_parity",
    "test_gitlab_children_run",
    "test_publish_jobs",
    "test_gitlab_hostile",
    "test_changed_only",
    "test_github_lint",
    "test_bad_answers",
    "test_children",
    "test_terminal",
    "test_schedules",
    "test_watch",
    "test_doctor",
    "test_client",
    "test_architecture",
)
# All tests of each look at something costly that they make once.
TOGETHER = ("test_backends", "test_browser", "test_cross", "test_fresh_clone")


def pytest_configure() -> None:
    """Give all tests one environment, wherever they run."""
    # No test takes itself for a job of a forge because it runs in one.
    for name in ("CI", "GITLAB_CI", "GITHUB_ACTIONS", "PYTHONDONTWRITEBYTECODE"):
        os.environ.pop(name, None)
    # Build environments are made again and again, for some tests with another home folder: all
    # have one cache, and byte code of what is used once is not worth its time.
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    os.environ.setdefault("PIP_CACHE_DIR", str(cache / "pip"))
    os.environ.setdefault("PIP_NO_COMPILE", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, then slow tests."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    if item.path.stem in LONGEST:
        return LONGEST.index(item.path.stem)
    return len(LONGEST) if item.get_closest_marker("slow") else len(LONGEST) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share tests out by file, and those of tests/e2e one by one.

    pytest-xdist 3.8 has marks for that, which say nothing with pytest 9.2.
    """
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    class ByFile(LoadScopeScheduling):  # type: ignore[misc,unused-ignore]
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            is_alone = "tests/e2e/" in file and Path(file).stem not in TOGETHER
            return nodeid if is_alone else file

    return ByFile(config, log)
