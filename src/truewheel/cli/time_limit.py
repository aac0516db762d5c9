"""A time limit for the regular expressions of a spec or a pipeline.

Some take hours on some values, such as (a+)+b on a long row of a.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FrameType

from truewheel.errors import show_value, stop

TICK = 1.0
"""Seconds of CPU time between two looks at the running function."""
LINT_TICKS = 10
"""At how many looks an expression of a pipeline may run; there are many expressions."""


class _Endless(BaseException):
    """Ends the command from within a match.

    It is no `Exception`, so that code that collects the problems of many cells does not catch it.
    """

    def __init__(self, place: str, message: str) -> None:
        super().__init__(message)
        self.place = place


@contextmanager
def regex_time_limit() -> Iterator[None]:
    """Raise `Stop` (exit 2) when a match still runs at the second look (`re` handles signals)."""
    if not hasattr(signal, "setitimer"):  # Windows
        yield
        return
    seen: FrameType | None = None
    lint_looks = 0

    def look(number: int, frame: FrameType | None) -> None:
        nonlocal seen, lint_looks
        place = _watched().get(frame.f_code, "") if frame else ""
        if frame and place:
            lint_looks += place == LINT
            if frame is seen or lint_looks > LINT_TICKS:
                _give_up(frame, place)
            seen = frame

    before = signal.signal(signal.SIGVTALRM, look)
    signal.setitimer(signal.ITIMER_VIRTUAL, TICK, TICK)
    try:
        yield
    except _Endless as endless:
        hint = "avoid a repeat within a repeat: write a+ for (a+)+; avoid many repeats in a row"
        raise stop(endless.place, str(endless), hint) from None
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


POLICY, LINT = "match, when or pattern", "rules or include"


def _watched() -> dict[CodeType, str]:
    """Return the functions that match expressions, and where these expressions are written."""
    # Imported here, because most commands end before the first look.
    from truewheel.forges import FORGES
    from truewheel.spec.policy import match_whole

    searches = [kind.lint_search() for kind in FORGES.values() if kind.lint_search]
    return {match_whole.__code__: POLICY, **{search.__code__: LINT for search in searches}}


def _give_up(frame: FrameType, place: str) -> None:
    pattern, value = frame.f_locals["pattern"], frame.f_locals["value"]
    text = getattr(pattern, "pattern", pattern)
    raise _Endless(place, f"the regular expression {text} takes too long on {show_value(value)}")
