"""A regular expression of a policy may have no end on some value, such as (a+)+b on a row of a: it is given up."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from truewheel.problems import shown, stop

TICK = 1.0
"""Seconds of CPU time between two looks at what runs."""


class _Endless(BaseException):
    """Leaves the command from within a match; who collects the problems of many cells does not hold it up."""


@contextmanager
def patience() -> Iterator[None]:
    """Raise `Stop` (exit 2) when a match still runs at its second tick; `re` heeds signals."""
    if not hasattr(signal, "setitimer"):  # Windows
        yield
        return
    seen: FrameType | None = None

    def look(number: int, frame: FrameType | None) -> None:
        from truewheel.policy import matched  # most commands end before the first tick

        nonlocal seen
        if frame is not None and frame.f_code is matched.__code__:
            if frame is seen:
                _give_up(frame)
            seen = frame

    before = signal.signal(signal.SIGVTALRM, look)
    signal.setitimer(signal.ITIMER_VIRTUAL, TICK, TICK)
    try:
        yield
    except _Endless as endless:
        hint = "a repeat within a repeat, or many in a row, tries every way to part a value: write a+ for (a+)+"
        raise stop("match, when or pattern", str(endless), hint) from None
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _give_up(frame: FrameType) -> None:
    pattern, value = frame.f_locals["pattern"], frame.f_locals["value"]
    text = getattr(pattern, "pattern", pattern)
    raise _Endless(f"the regular expression {text} comes to no end on {shown(value)}")
