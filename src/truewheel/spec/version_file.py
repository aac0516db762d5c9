"""Finds a version in a text by a regular expression whose group it is."""

from __future__ import annotations

import re


def is_match(match: str) -> bool:
    """Return whether a text is an expression with one group, or ""."""
    try:
        return not match or re.compile(match).groups == 1
    except re.error:
        return False


def assignment_pattern(names: str) -> str:
    """Return the expression for a text that Python code assigns to a name.

    Several names are joined by |.
    """
    names = f"(?:{names})" if "|" in names else names
    return rf"""^{names}(?: *: *str)? *= *["']v?(.+?)["'] *(?:#.*)?$"""


def find_version(text: str, match: str) -> str:
    """Return the group of the first match, "" where there is none."""
    place = re.search(match, text, re.MULTILINE)
    return (place[1] or "") if place else ""


def replace_version(text: str, match: str, version: str) -> str:
    """Return the text with another version in the same place.

    Raises `ValueError` when the new one would not be read back from there.
    """
    place = re.search(match, text, re.MULTILINE)
    if place:
        edited = f"{text[: place.start(1)]}{version}{text[place.end(1) :]}"
        if place[1] and find_version(edited, match) == version:
            return edited
    raise ValueError(match)
