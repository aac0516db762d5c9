"""Problems are values: where, what, and what to do next; and the exit codes they end in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum

_ADDRESS = re.compile(
    r"""(?<![A-Za-z0-9+.-])([A-Za-z][A-Za-z0-9+.-]*://)"""
    # A user name and a password. The password may be written with signs that belong in no address
    # (quotes, / # ? and spaces), as far as the last @ before a host; a path has its @ after a /.
    r"""(?:[^\s/?#'"<>:@]*:(?!\s|\d{1,5}(?:[\s/?#'"<>]|$))(?:(?!://)[^\n<>])*?@"""
    r"""(?=[A-Za-z0-9\[][^\s@'"<>]*(?:[\s'"<>]|$))|[^\s/?#'"<>]*@)?"""
    r"""([^\s?#'"<>]*)(?:[?#][^\s'"<>]*)?"""
)


class Exit(IntEnum):
    """How a command ends. Documented in docs/concepts.md; a test compares both."""

    OK = 0
    BUG = 1
    REFUSED = 2
    DRIFT = 3
    WHEEL = 4
    REMOTE_FAILED = 5
    REMOTE_UNREACHABLE = 6
    INTERRUPTED = 130


@dataclass(frozen=True)
class Where:
    """A place in a text file. Line and column count from 1; 0 means that only the file is known."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True)
class Problem:
    """Something a user can correct: an "error", which stops a command, or a "warning"."""

    where: Where
    message: str
    hint: str = ""
    severity: str = "error"

    def __post_init__(self) -> None:
        for name in ("message", "hint"):
            object.__setattr__(self, name, plain_addresses(getattr(self, name)))
        if "://" in self.where.file:
            object.__setattr__(
                self, "where", replace(self.where, file=plain_addresses(self.where.file))
            )

    def __str__(self) -> str:
        label = "warning: " if self.severity == "warning" else ""
        hint = f"\n    hint: {self.hint}" if self.hint else ""
        return f"{self.where}: {label}{self.message}{hint}"


class Stop(Exception):
    """Ends a command with every problem so far and a documented exit code."""

    def __init__(self, problems: Iterable[Problem], code: Exit = Exit.REFUSED) -> None:
        self.problems = tuple(problems)
        self.code = code
        super().__init__("\n".join(map(str, self.problems)))


def plain_addresses(text: str) -> str:
    """Return a text whose addresses have no user name, no password and no query.

    Those may let somebody in.
    """
    return _ADDRESS.sub(r"\1\2", text) if "://" in text else text


def stop(where: str | Where, message: str, hint: str = "", code: Exit = Exit.REFUSED) -> Stop:
    """Return the `Stop` for a single problem, ready to be raised."""
    place = where if isinstance(where, Where) else Where(where)
    return Stop([Problem(place, message, hint)], code)


def suggest(word: str, known: Iterable[str], otherwise: str = "", cutoff: float = 0.6) -> str:
    """Return the hint "did you mean …?" for a misspelt word.

    `otherwise` is the hint when no known word is close to it.
    """
    import difflib  # a correct file need not pay for it

    close = difflib.get_close_matches(word, list(known), n=1, cutoff=cutoff)
    return f"did you mean {close[0]}?" if close else otherwise


def pluralize(count: int, what: str) -> str:
    """Return a number with its noun: 1 wheel, 2 wheels."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def select_errors(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems that stop a command."""
    return [problem for problem in problems if problem.severity == "error"]


def sort_problems(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems in the order of their places, each once."""
    return sorted(
        set(problems),
        key=lambda problem: (problem.where.line, problem.where.column, problem.message),
    )


def show_value(value: object) -> str:
    """Return a value as messages show it: quoted, on one line, 60 characters at most."""
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
