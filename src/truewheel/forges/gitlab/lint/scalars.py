"""How GitLab reads a plain scalar: by Ruby's YAML, which differs from Python's in details."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date
from typing import Any

_LONGEST_NUMBER = 40
"""Characters. A longer one is text to us: it is no number that a job would have."""

_WORDS: dict[str, Any] = {
    "": None, "~": None, "null": None,
    "true": True, "yes": True, "on": True,
    "false": False, "no": False, "off": False,
    ".inf": float("inf"), "+.inf": float("inf"), "-.inf": float("-inf"), ".nan": float("nan"),
}  # fmt: skip
_LIKE_A_NUMBER = re.compile(r"[-+.0-9]")
_TIME = re.compile(
    r"-?\d{4}-\d{1,2}-\d{1,2}(?:[Tt]|\s+)\d{1,2}:\d\d:\d\d(?:\.\d*)?"
    r"(?:\s*(?:Z|[-+]\d{1,2}:?(?:\d\d)?))?"
)
_DATE = re.compile(r"(\d{4})-(1[012]|0\d|\d)-([12]\d|3[01]|0\d|\d)")
_SIXTIES = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9]){1,2}(?P<fraction>\.[0-9_]*)?")
_FLOAT = re.compile(r"[-+]?(?=\.?[0-9])(?:[0-9][0-9_,]*)?\.[0-9]*(?:[eE][+-][0-9]+)?")
_INTEGERS = (
    (re.compile(r"([-+]?)0b_*([01][01_]*)"), 2),
    (re.compile(r"([-+]?)0_*([0-7][0-7_,]*)"), 8),
    (re.compile(r"([-+]?)(0|[1-9](?:[0-9]|,[0-9]|_[0-9])*)"), 10),
    (re.compile(r"([-+]?)0x_*([0-9a-fA-F][0-9a-fA-F_]*)"), 16),
)


def read(text: str) -> Any:
    """Return the value of a plain scalar.

    It is a str, bool, int, float, None, or a `date`, which GitLab refuses.
    """
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if not _LIKE_A_NUMBER.match(text) or len(text) > _LONGEST_NUMBER:
        return text
    if _TIME.fullmatch(text):
        return date.min
    if day := _DATE.fullmatch(text):
        with suppress(ValueError):
            return date(*map(int, day.groups()))
        return text
    return _number(text)


def _number(text: str) -> Any:
    if match := _SIXTIES.fullmatch(text):
        return _sixties(text.replace("_", ""), is_whole=match["fraction"] is None)
    if _FLOAT.fullmatch(text):
        return float(re.sub(r"[,_]", "", text))
    for pattern, base in _INTEGERS:
        if match := pattern.fullmatch(text):
            return int(match[1] + re.sub(r"[,_]", "", match[2]), base)
    return text


def _sixties(text: str, *, is_whole: bool) -> Any:
    sign = -1 if text.startswith("-") else 1
    total = 0.0
    for part in text.lstrip("+-").split(":"):
        total = total * 60 + float(part)
    return int(sign * total) if is_whole else sign * total
