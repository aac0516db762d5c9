"""Documents as YAML text, by a small writer for just what pipelines need.

It quotes every string and has no anchors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

WIDTH = 100


class Lines(str):
    """Text that stands as a literal block, line under line, wherever YAML can write it so."""

    __slots__ = ()


class Remarked(str):
    """Text with a comment behind it; `remark` is one line."""

    remark: str


def remarked(text: str, remark: str) -> Remarked:
    """Return a text with a comment behind it."""
    made = Remarked(text)
    made.remark = remark
    return made


_PLAIN = re.compile(r"\.?[A-Za-z_]([A-Za-z0-9_./:-]*[A-Za-z0-9_])?", re.ASCII)
# Words that YAML 1.1 or 1.2 reads as something else than text.
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", ".inf", ".nan"}


def render(document: Mapping[str, Any], header: str) -> str:
    """Return the YAML text of a document of str, bool, int, None, list and dict, with the comment `header` on top.

    Top-level entries stand apart; what is short and lies deeper than a job's own keys stands on one
    line.
    """
    parts = [f"# {line}".rstrip() + "\n" for line in header.splitlines()]
    for key, value in document.items():
        parts.append("\n")
        _entry(parts, key, value, "")
    return "".join(parts)


def _entry(parts: list[str], key: str, value: Any, indent: str) -> None:
    start = f"{indent}{scalar(key)}:"
    if isinstance(value, (Lines, Remarked)):
        parts.append(f"{start} {_own_line(value, indent)}\n")
        return
    if not _is_long(value, is_top=not indent):
        text = _flow(value)
        if not value or len(start) + len(text) < WIDTH or not isinstance(value, (dict, list)):
            parts.append(f"{start} {text}\n")
            return
    parts.append(f"{start}\n")
    indent += "  "
    if isinstance(value, dict):
        for child, item in value.items():
            _entry(parts, child, item, indent)
    else:
        for item in value:
            _item(parts, item, indent)


def _item(parts: list[str], item: Any, indent: str) -> None:
    """Write an item of a list.

    On one line, or as a block if something in it needs lines of its own.
    """
    if not (isinstance(item, dict) and _needs_lines(item)):
        parts.append(f"{indent}- {_flow(item)}\n")
        return
    first = len(parts)
    for key, value in item.items():
        _entry(parts, key, value, f"{indent}  ")
    parts[first] = f"{indent}- {parts[first].lstrip(' ')}"


def _own_line(value: Lines | Remarked, indent: str) -> str:
    if isinstance(value, Remarked):
        return f"{_quoted(value)} # {value.remark}"
    lines = value.split("\n")
    is_plain = lines[0][:1].strip() and lines[-1] and all(line.isprintable() for line in lines)
    if not is_plain:
        return _quoted(value)
    return "\n".join(["|-", *(f"{indent}  {line}" if line else "" for line in lines)])


def _needs_lines(value: Any) -> bool:
    """Return whether there is something that cannot stand within a line."""
    if isinstance(value, dict):
        return any(map(_needs_lines, value.values()))
    return isinstance(value, (Lines, Remarked))


def _is_long(value: Any, *, is_top: bool) -> bool:
    """Return whether `value` reads badly in one line, however short.

    A job, or a list of commands or rules.
    """
    if isinstance(value, dict):
        return bool(value) and (is_top or _needs_lines(value))
    return (
        isinstance(value, list)
        and any(map(_needs_a_line, value))
        and (len(value) > 1 or _needs_lines(value[0]))
    )


def _needs_a_line(item: Any) -> bool:
    return " " in item if isinstance(item, str) else isinstance(item, (dict, list))


def _flow(value: Any) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, dict):
        return (
            "{" + ", ".join([f"{scalar(key)}: {_flow(item)}" for key, item in value.items()]) + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join([_flow(item) for item in value]) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def _quoted(text: str) -> str:
    if text.startswith("${{") and text.isprintable() and not {'"', "\\"} & {*text}:
        return f'"{text}"'  # linters read expressions as they stand in the file, where '' would be none
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in {'"', "\\"}:
        return "\\" + character
    code = ord(character)
    if character.isprintable():
        return character
    return (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )


@lru_cache(maxsize=1024)
def scalar(text: str) -> str:
    """Return a text as YAML.

    Plain where that cannot be read as anything else, else quoted, always on one line.
    """
    return text if _PLAIN.fullmatch(text) and text.lower() not in _WORDS else _quoted(text)
