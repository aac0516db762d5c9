"""A regular expression of others may have no end on some value, such as (a+)+b on a row of a.

It is given up.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FrameType

from truewheel.errors import shown, stop

TICK = 1.0
"""Seconds of CPU time between two looks at what runs."""
LINT_TICKS = 10
"""Looks at which a pipeline's own expressions may be met.

They are many, and each may take its time.
"""


class _Endless(BaseException):
    """Leaves the command from within a match.

    Who collects the problems of many cells does not hold it up.
    """

    def __init__(self, place: str, message: str) -> None:
        super().__init__(message)
        self.place = place


@contextmanager
def patience() -> Iterator[None]:
    """Raise `Stop` (exit 2) when a match still runs at its second tick; `re` heeds signals."""
    if not hasattr(signal, "setitimer"):  # Windows
        yield
        return
    seen: FrameType | None = None
    met = 0

    def look(number: int, frame: FrameType | None) -> None:
        nonlocal seen, met
        place = _watched().get(frame.f_code, "") if frame else ""
        if frame and place:
            met += place == LINT
            if frame is seen or met > LINT_TICKS:
                _give_up(frame, place)
            seen = frame

    before = signal.signal(signal.SIGVTALRM, look)
    signal.setitimer(signal.ITIMER_VIRTUAL, TICK, TICK)
    try:
        yield
    except _Endless as endless:
        hint = "a repeat within a repeat, or many in a row, tries every way to part a value: write a+ for (a+)+"
        raise stop(endless.place, str(endless), hint) from None
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


POLICY, LINT = "match, when or pattern", "rules or include"


def _watched() -> dict[CodeType, str]:
    """Return the functions in which expressions meet values, each with the place where such are written."""
    from truewheel.forges.gitlab.lint.regexes import (
        searched,  # most commands end before the first tick
    )
    from truewheel.spec.policy import matched

    return {matched.__code__: POLICY, searched.__code__: LINT}


def _give_up(frame: FrameType, place: str) -> None:
    pattern, value = frame.f_locals["pattern"], frame.f_locals["value"]
    text = getattr(pattern, "pattern", pattern)
    raise _Endless(place, f"the regular expression {text} comes to no end on {shown(value)}")
