"""Lines of a project's set-up that install Truewheel by its name alone.

Whoever has that name on the index is believed.

That is a warning and no refusal: a line does not tell which index a job has, and whether others can
write there.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace

from truewheel.errors import Problem
from truewheel.spec.model import Spec

INSTALLERS = frozenset({"install", "uvx", "run", "inject", "add", "download", "--with", "--from"})
"""Words after which a command of pip, uv or pipx names what it installs."""
HINT = "let the key tool name a wheel of the repository, a git commit, or hashes: jobs install that"

_COMMANDS = re.compile(r"&&|\|\||[;|\n]")
_BY_NAME = re.compile(r"truewheel\s*(\[[^\]]*\])?\s*([=~!<>].*)?", re.IGNORECASE | re.DOTALL)
_BY_ADDRESS = re.compile(r"(truewheel\s*(\[[^\]]*\])?\s*@\s*)?\S*://\S*truewheel\S*", re.IGNORECASE)
_PINNED = re.compile(r"@[0-9a-f]{40}\b|#sha256=[0-9a-f]{64}\b|[#&]sha(256|384|512)=")


def problems(spec: Spec) -> Iterator[Problem]:
    """Yield a warning for each such line."""
    for number, line in enumerate(spec.setup):
        if word := next(filter(None, map(_unpinned, _COMMANDS.split(line))), ""):
            message = f"{word} is whatever an index or a server has under this name, in each job"
            yield replace(
                spec.document.problem(("setup", number), message, HINT), severity="warning"
            )


def _unpinned(command: str) -> str:
    """Return the word by which a command installs Truewheel without a hash or a commit, or ""."""
    words = _words(command)
    start = next((at for at, word in enumerate(words) if word in INSTALLERS), len(words))
    if "--require-hashes" in words:
        return ""
    return next((word for word in words[start + 1 :] if _is_unpinned(word)), "")


def _is_unpinned(word: str) -> bool:
    if _BY_NAME.fullmatch(word):
        return True
    return bool(_BY_ADDRESS.fullmatch(word)) and not _PINNED.search(word)


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command, comments=True)
    except ValueError:  # a quote that ends on another line
        return command.split()
