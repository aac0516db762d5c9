"""A time limit for work that has none: a server may send a byte now and then for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

_T = TypeVar("_T")


class Late(TimeoutError):
    """Work took longer than it may."""


def within(seconds: float, work: Callable[[], _T]) -> _T:
    """Return what work returns. Raises `Late` when that takes longer.

    A thread that is late is left behind; it ends with its answer, or with the program.
    """
    box: SimpleQueue[tuple[bool, Any]] = SimpleQueue()

    def attempt() -> None:
        try:
            box.put((True, work()))
        except BaseException as error:  # raised again where somebody waits
            box.put((False, error))

    threading.Thread(target=attempt, daemon=True).start()
    try:
        is_done, value = box.get(timeout=max(0.0, seconds))
    except Empty:
        raise Late(f"not complete after {seconds:.0f} s") from None
    if is_done:
        return value  # type: ignore[no-any-return]
    raise value
