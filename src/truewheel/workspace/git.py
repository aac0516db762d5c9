"""What git knows of a checkout, as policies ask for it: distance, commit, tag, branch, date."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

from truewheel.system import processes

SECONDS = 30.0
COMMANDS = {
    "commit": ["git", "rev-parse", "--short=9", "HEAD"],
    "tag": ["git", "describe", "--tags", "--abbrev=0"],
    "branch": ["git", "branch", "--show-current"],
    "time": ["git", "log", "-1", "--format=%ct"],
    "date": ["git", "log", "-1", "--format=%cd", "--date=format:%Y%m%d"],
}


def reader(root: Path, environment: Mapping[str, str]) -> Callable[[str], str | None]:
    """Return the function that gives one of them, or None.

    Git is asked only then, and once for each.

    distance counts the commits since the last tag, or all of them where there is none.
    """

    @lru_cache(maxsize=8)
    def read(name: str) -> str | None:
        if name == "distance":
            tag = read("tag")
            command = [
                "git",
                "rev-list",
                "--count",
                f"{tag.strip()}..HEAD" if tag else "HEAD",
                "--",
            ]
        else:
            command = COMMANDS[name]
        found = processes.output(command, cwd=root, env=environment, timeout=SECONDS)
        return found.strip() if found else None

    return read


def has_tracked(root: Path, environment: Mapping[str, str], folder: Path) -> bool:
    """Return whether a folder, or something in it, is part of the repository that `root` is in."""
    command = ["git", "ls-files", "-z", "--", str(folder)]
    return bool(processes.output(command, cwd=root, env=environment, timeout=SECONDS))


def changed_files(root: Path, environment: Mapping[str, str], base: str) -> list[str] | None:
    """Return the files below `root` that differ from where the branch left `base`, from there.

    None if git fails.
    """
    # Where GitLab builds what a merge would give, HEAD holds changes of the target branch, too.
    head = environment.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or "HEAD"
    flags = ["--name-only", "--relative", "--no-renames", "-z", "--end-of-options"]
    command = ["git", "diff", *flags, f"{base}...{head}", "--"]
    found = processes.output(command, cwd=root, env=environment, timeout=SECONDS)
    return None if found is None else [name for name in found.split("\0") if name]
