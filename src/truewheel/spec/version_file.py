"""A version that stands in a file among other things.

Found by a regular expression whose group it is.
"""

from __future__ import annotations

import re


def is_match(match: str) -> bool:
    """Return whether a text is such an expression, or "" for none."""
    try:
        return not match or re.compile(match).groups == 1
    except re.error:
        return False


def assigned(names: str) -> str:
    """Return the expression for a text that a line of Python assigns to one of the names, which | joins."""
    names = f"(?:{names})" if "|" in names else names
    return rf"""^{names}(?: *: *str)? *= *["']v?(.+?)["'] *(?:#.*)?$"""


def found(text: str, match: str) -> str:
    """Return what the group holds where the expression matches first, "" where it does not."""
    place = re.search(match, text, re.MULTILINE)
    return (place[1] or "") if place else ""


def replaced(text: str, match: str, version: str) -> str:
    """Return the text with another version in the same place.

    Raises `ValueError` when it would not be found there.
    """
    place = re.search(match, text, re.MULTILINE)
    if place:
        edited = f"{text[: place.start(1)]}{version}{text[place.end(1) :]}"
        if place[1] and found(edited, match) == version:
            return edited
    raise ValueError(match)
