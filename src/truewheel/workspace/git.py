"""Facts that git gives to policies: distance, commit, tag, branch, date."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from truewheel.errors import Problem, Where
from truewheel.spec.policy import HISTORY
from truewheel.system import git_program

SECONDS = 30.0
COMMANDS = {
    "commit": ["rev-parse", "--short=9", "HEAD"],
    "tag": ["describe", "--tags", "--abbrev=0"],
    "branch": ["branch", "--show-current"],
    "time": ["log", "-1", "--format=%ct"],
    "date": ["log", "-1", "--format=%cd", "--date=format:%Y%m%d"],
}
NO_TAG = ("No names found", "No tags can describe")
"""What `git describe` says where there is no tag: that is an answer, not a failure."""
GIT = Where("git")
WHOLE_HISTORY = (
    "fetch the whole history with its tags: git fetch --unshallow --tags;"
    " GitLab: the variable GIT_DEPTH: 0; GitHub: fetch-depth: 0 of actions/checkout"
)


class FactReader:
    """Returns facts of the repository that a folder is in, by their names; None for absent ones.

    Git runs at the first call for each of them. distance counts the commits since the last tag, or
    all commits where there is no tag.
    """

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        self._root = root
        self._environment = environment
        self._texts: dict[str, str | None] = {}
        self._failures: dict[str, str] = {}
        self._is_cut: bool | None = None

    def __call__(self, name: str) -> str | None:
        """Return a fact, or None."""
        if name not in self._texts:
            self._texts[name] = self._run(name, *self._command(name))
        return self._texts[name]

    def find_fault(self, name: str) -> Problem | None:
        """Return why a fact is wrong, or is absent though the repository may have it."""
        if self(name) is None and self._failures[name]:
            if name == "tag" and any(text in self._failures[name] for text in NO_TAG):
                return self._shallow()
            return explain_failure(self._failures[name], self._root, self._environment)
        return self._shallow() if name in HISTORY else None

    def _command(self, name: str) -> list[str]:
        if name != "distance":
            return COMMANDS[name]
        tag = self("tag")
        return ["rev-list", "--count", *_since(tag)]

    def _run(self, name: str, *command: str) -> str | None:
        answer = git_program.ask(command, cwd=self._root, env=self._environment, timeout=SECONDS)
        self._failures[name] = answer.failure
        return answer.text.strip() or None

    def _shallow(self) -> Problem | None:
        """Return the fault of a clone that lacks commits since the last tag."""
        if self._is_cut is None:
            self._is_cut = self._lacks_commits()
        message = (
            "this clone is shallow: commits since the last tag, or the tag itself, are not in it"
        )
        return Problem(GIT, message, WHOLE_HISTORY) if self._is_cut else None

    def _lacks_commits(self) -> bool:
        if self._run("shallow", "rev-parse", "--is-shallow-repository") != "true":
            return False
        tag = self("tag")
        # Where a shallow clone ends, commits seem to have no parents.
        return not tag or bool(self._run("ends", "rev-list", "--max-parents=0", *_since(tag)))


def _since(tag: str | None) -> list[str]:
    # The full name: a tag may be called like an option.
    return ["--end-of-options", f"refs/tags/{tag}..HEAD" if tag else "HEAD", "--"]


def explain_failure(failure: str, root: Path, environment: Mapping[str, str]) -> Problem | None:
    """Return what keeps git from reading a repository, by the words of its failure.

    None where a folder is in no repository.
    """
    top = _repository(root, environment)
    if top is None:
        return None
    if failure == git_program.MISSING:
        return Problem(GIT, failure, "install git; in a job: in its image")
    if "dubious ownership" in failure:
        trust = f"git config --global --add safe.directory {shlex.quote(str(top))}"
        return Problem(
            GIT,
            f"git refuses to read {top}: it belongs to another user (dubious ownership)",
            f"if you trust it: {trust} (in a job: as a line of setup)",
        )
    if "does not have any commits yet" in failure or _is_unborn(root, environment):
        return Problem(
            GIT, "the repository has no commit yet", "commit once: git commit", "warning"
        )
    words = git_program.first_error(failure)
    return Problem(GIT, f"git cannot read {top}: {words}", "see what git says: git log -1")


def _repository(root: Path, environment: Mapping[str, str]) -> Path | None:
    """Return the folder with the repository that `root` is in, whether or not git can read it."""
    if environment.get("GIT_DIR"):
        return Path(environment["GIT_DIR"])
    folder = root.resolve()
    folders = (folder, *folder.parents)
    return next((folder for folder in folders if os.path.lexists(folder / ".git")), None)


def _is_unborn(root: Path, environment: Mapping[str, str]) -> bool:
    answer = git_program.ask(COMMANDS["time"], cwd=root, env=environment, timeout=SECONDS)
    return "does not have any commits yet" in answer.failure


def find_fault(root: Path, environment: Mapping[str, str]) -> Problem | None:
    """Return what keeps git from reading the repository that a folder is in, or None."""
    answer = git_program.ask(COMMANDS["time"], cwd=root, env=environment, timeout=SECONDS)
    return explain_failure(answer.failure, root, environment) if answer.failure else None


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
