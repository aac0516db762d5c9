"""Which answers are worth another attempt, and how long to wait: the policy for all servers.

The loops that use it are `net/http.py` and `forges/calls.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import NamedTuple

STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, *range(520, 531)})
"""Answers after which another attempt may help; proxies of content networks send 520 to 530."""
LONGEST_PAUSE = 30.0
"""Seconds between two attempts at most, unless the server asks for more."""


class Clock(NamedTuple):
    """Seconds that only grow, and a function that lets them pass; tests have their own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def pause_after(failures: int, first: float = 1.0) -> float:
    """Return the seconds to wait after so many failures: doubled each time, up to the longest."""
    return min(first * 2.0 ** min(failures - 1, 10), LONGEST_PAUSE)


ATTEMPTS = 6
"""Attempts at a server that has never answered, and at what other work does not wait for."""
PAUSES = tuple(map(pause_after, range(1, ATTEMPTS)))
"""Seconds between the attempts of a job, which gives up after the last of them."""


def retry_after(headers: Mapping[str, str]) -> float:
    """Return the seconds that a server asks us to wait (RFC 9110, 10.2.3), or 0.

    Names of headers are in lower case. Dates are by the server's clock.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:6])
    until, now = moment(text), moment(headers.get("date", ""))
    return max(0.0, until - (now or time.time())) if until else 0.0


def moment(date: str) -> float | None:
    """Return the time stamp of a date in a header, or None where it is no date."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
