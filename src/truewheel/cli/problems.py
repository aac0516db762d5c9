"""Problems of a plan, as a command shows them."""

from __future__ import annotations

from collections.abc import Iterable

from truewheel.cli.terminal import say
from truewheel.errors import Exit, Problem, Stop, select_errors


def show_problems(problems: Iterable[Problem]) -> Exit:
    """Print problems, and return the exit code: `Exit.REFUSED` when one is an error."""
    problems = tuple(problems)
    for problem in problems:
        say(str(problem))
    return Exit.REFUSED if select_errors(problems) else Exit.OK


def refuse(problems: Iterable[Problem]) -> None:
    """Print warnings. Raises `Stop` (exit 2) when one of the problems is an error."""
    problems = tuple(problems)
    if select_errors(problems):
        raise Stop(problems)
    show_problems(problems)
