"""Cron expressions of five fields, as GitLab and GitHub both read them."""

from __future__ import annotations

import re
from typing import NamedTuple

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""Days that each month may have."""
_PART = re.compile(
    r"(?:\*|(?P<low>[0-9A-Za-z]+)(?:-(?P<high>[0-9A-Za-z]+))?)(?:/(?P<step>[0-9]+))?"
)


class _Field(NamedTuple):
    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()


FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, MONTHS),
    _Field("day of the week", 0, 7, DAYS),
)


class _Bad(ValueError):
    """Says what is wrong with a field."""


def find_fault(text: str) -> str:
    """Return what is wrong with a cron expression, or ""."""
    words = text.split()
    if len(words) != len(FIELDS):
        return f"{text!r} has {len(words)} fields, where cron has 5"
    try:
        _, _, days, months, _ = (_values(word, field) for word, field in zip(words, FIELDS))
    except _Bad as bad:
        return str(bad)
    # Where both days are given, cron runs on either.
    if words[4] == "*" and not any(min(days) <= LONGEST[month - 1] for month in months):
        return f"{text!r} never comes: none of these months has a day {min(days)}"
    return ""


def _values(word: str, field: _Field) -> set[int]:
    """Return the values that a field stands for. Raises `_Bad`."""
    return {value for part in word.split(",") for value in _part(part, field)}


def _part(part: str, field: _Field) -> range:
    match = _PART.fullmatch(part)
    if not match:
        forms = "*, a number, a range such as 1-5, and steps such as */2"
        raise _Bad(f"{part!r} is no {field.name}: allowed are {forms}")
    low = _number(match["low"], field) if match["low"] else field.low
    # A step without a range goes to the end: 5/20 is 5-59/20.
    last = low if match["low"] and not match["step"] else field.high
    high = _number(match["high"], field) if match["high"] else last
    if low > high:
        ranges = f"{low}-{field.high},{field.low}-{high}"
        raise _Bad(f"{part!r} ends before it begins: for the {field.name}, write {ranges}")
    step = int(match["step"] or "1")
    if not 1 <= step <= field.high:
        values = f"the {field.name}, {field.low} to {field.high}"
        raise _Bad(f"{part!r}: a step of {step} does not fit {values}")
    return range(low, high + 1, step)


def _number(word: str, field: _Field) -> int:
    if word.upper() in field.words:
        return field.words.index(word.upper()) + field.low
    if not word.isdecimal():
        words = f"; allowed are {field.words[0]} to {field.words[-1]}" if field.words else ""
        raise _Bad(f"{word!r} is no {field.name}{words}")
    if not field.low <= int(word[:9]) <= field.high:
        raise _Bad(f"{word} is no {field.name}: allowed are {field.low} to {field.high}")
    return int(word)
