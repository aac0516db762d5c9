"""Starting git, which obeys the configuration of the repository that it is in.

That may be a stranger's: a clone holds whatever its author committed, also a bare repository among
its files, and an unpacked archive may come with a `.git`. Configuration can name programs, so
every one that the commands here could start is switched off, and nothing is fetched. The user's
own configuration is read as ever: it says, for example, whose folders are safe.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from truewheel.system import processes
from truewheel.system.processes import Ended

# What stands on the command line wins over every file.
_SETTINGS = {
    "safe.bareRepository": "explicit",  # git 2.38: a checked-in folder is no repository
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.sshCommand": "false",
    "core.alternateRefsCommand": "true",
    "gc.auto": "0",
    "log.showSignature": "false",
    "maintenance.auto": "false",
    "protocol.allow": "never",
}
_PROGRAM = [
    *("git", "--no-pager"),
    *(word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")),
]
_ENVIRONMENT = {
    # Unlike protocol.allow, no protocol.<name>.allow of a repository wins over this.
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",  # git 2.45: a partial clone asks for no missing object
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",  # its messages are read
}

MISSING = "git is not installed, or not on PATH"
_PLACES = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR"})
"""Variables that name a repository, wherever git is started."""


class Answer(NamedTuple):
    """What a git command writes to stdout, or why it failed, in git's words; "" if it did not."""

    text: str
    failure: str


def captured(
    words: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float
) -> Ended | None:
    """Return what a git command says of the repository that a folder is in.

    None where git is not there or takes more than `timeout` seconds.
    """
    try:
        return _started(words, cwd=cwd, env=env, timeout=timeout)
    except (OSError, TimeoutError):
        return None


def _started(words: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float) -> Ended:
    argv = [*_PROGRAM, *words]
    return processes.captured(argv, cwd=cwd, env={**env, **_ENVIRONMENT}, timeout=timeout)


def ask(words: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float) -> Answer:
    """Return the answer of a git command."""
    try:
        ended = _started(words, cwd=cwd, env=env, timeout=timeout)
    except OSError:
        return Answer("", MISSING)
    except TimeoutError:
        return Answer("", f"it takes more than {timeout:.0f} seconds")
    if ended.status == 0:
        return Answer(ended.stdout.decode("utf-8", "replace"), "")
    message = ended.stderr.decode("utf-8", "replace").strip()
    return Answer("", message or f"git ends with {ended.status}")


def first_error(failure: str) -> str:
    """Return the line of git's words that says what is wrong."""
    lines = failure.splitlines() or [""]
    is_error = ("fatal: ", "error: ")
    line = next((line for line in lines if line.startswith(is_error)), lines[0])
    return line.removeprefix("fatal: ").removeprefix("error: ")


def output(
    words: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float
) -> str | None:
    """Return what a git command writes to stdout, or None if it fails or takes more seconds."""
    answer = ask(words, cwd=cwd, env=env, timeout=timeout)
    return None if answer.failure else answer.text


def remote_tags(url: str, *, env: Mapping[str, str], timeout: float) -> Ended:
    """Return what `git ls-remote` says of a server's repository, asked from outside of any other.

    Raises `OSError` when git cannot be started, and `TimeoutError` when it takes more seconds.
    """
    scheme = url.partition("://")[0]
    allowed = {"https", scheme} & {"https", "http", "file"}
    with tempfile.TemporaryDirectory(prefix="truewheel-") as folder:
        environment = {
            **{name: value for name, value in env.items() if name not in _PLACES},
            **_ENVIRONMENT,
            "GIT_ALLOW_PROTOCOL": ":".join(sorted(allowed)),
            # The folder for temporary files may itself lie in a repository.
            "GIT_CEILING_DIRECTORIES": str(Path(folder).resolve().parent),
        }
        argv = ["git", "-c", "safe.bareRepository=explicit", "ls-remote", "--tags", "--", url]
        return processes.captured(argv, cwd=Path(folder), env=environment, timeout=timeout)
