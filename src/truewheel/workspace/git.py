"""Facts that git gives to policies: distance, commit, tag, branch, date."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

from truewheel.system import git_program

SECONDS = 30.0
COMMANDS = {
    "commit": ["rev-parse", "--short=9", "HEAD"],
    "tag": ["describe", "--tags", "--abbrev=0"],
    "branch": ["branch", "--show-current"],
    "time": ["log", "-1", "--format=%ct"],
    "date": ["log", "-1", "--format=%cd", "--date=format:%Y%m%d"],
}


def make_reader(root: Path, environment: Mapping[str, str]) -> Callable[[str], str | None]:
    """Return the function that returns one of these facts, or None.

    Git runs at the first call for each of them. distance counts the commits since the last tag, or
    all commits where there is no tag.
    """

    @lru_cache(maxsize=8)
    def read(name: str) -> str | None:
        if name == "distance":
            tag = read("tag")
            # The full name: a tag may be called like an option.
            commits = f"refs/tags/{tag.strip()}..HEAD" if tag else "HEAD"
            command = ["rev-list", "--count", "--end-of-options", commits, "--"]
        else:
            command = COMMANDS[name]
        text = git_program.output(command, cwd=root, env=environment, timeout=SECONDS)
        return text.strip() if text else None

    return read


def has_tracked(root: Path, environment: Mapping[str, str], folder: Path) -> bool:
    """Return whether a folder, or something in it, is part of the repository that `root` is in."""
    command = ["ls-files", "-z", "--", str(folder)]
    return bool(git_program.output(command, cwd=root, env=environment, timeout=SECONDS))


def list_changed_files(root: Path, environment: Mapping[str, str], base: str) -> list[str] | None:
    """Return the files below `root` that a branch has changed since it left `base`.

    None if git fails.
    """
    # In a merged results pipeline of GitLab, HEAD also has the changes of the target branch.
    head = environment.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or "HEAD"
    flags = ["--name-only", "--relative", "--no-renames", "-z", "--no-ext-diff", "--no-textconv"]
    command = ["diff", *flags, "--end-of-options", f"{base}...{head}", "--"]
    names = git_program.output(command, cwd=root, env=environment, timeout=SECONDS)
    return None if names is None else [name for name in names.split("\0") if name]


def is_ignored(root: Path, environment: Mapping[str, str], file: str) -> bool:
    """Return whether git would leave a file, by its path below `root`, out of a commit."""
    command = ["check-ignore", "--quiet", "--", file]
    return git_program.output(command, cwd=root, env=environment, timeout=SECONDS) is not None
