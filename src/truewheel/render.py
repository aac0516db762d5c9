"""Documents as YAML text, by a small writer for just what pipelines need: it quotes every string and has no anchors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

WIDTH = 100

_PLAIN_KEY = re.compile(r"\.?[A-Za-z_]([A-Za-z0-9_./:-]*[A-Za-z0-9_])?", re.ASCII)
# Words that YAML 1.1 or 1.2 reads as something else than text.
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", ".inf", ".nan"}


def render(document: Mapping[str, Any], header: str) -> str:
    """Return the YAML text of a document of str, bool, int, list and dict, with the comment `header` on top.

    Top-level entries stand apart; what is short and lies deeper than a job's own keys stands on one line.
    """
    parts = [f"# {line}".rstrip() + "\n" for line in header.splitlines()]
    for key, value in document.items():
        parts.append("\n")
        _entry(parts, key, value, 0)
    return "".join(parts)


def _entry(parts: list[str], key: str, value: Any, level: int) -> None:
    start = "  " * level + _key(key) + ":"
    if not isinstance(value, (dict, list)):
        parts.append(f"{start} {_scalar(value)}\n")
        return
    if line := _one_line(value, level, WIDTH - len(start)):
        parts.append(f"{start} {line}\n")
        return
    parts.append(start + "\n")
    if isinstance(value, dict):
        for child, item in value.items():
            _entry(parts, child, item, level + 1)
    else:
        for item in value:
            _item(parts, item, level + 1)


def _item(parts: list[str], value: Any, level: int) -> None:
    dash = "  " * level + "- "
    if isinstance(value, (dict, list)):
        parts.append(f"{dash}{_flow(value)}\n")
    else:
        parts.append(f"{dash}{_scalar(value)}\n")


def _one_line(value: Any, level: int, width: int) -> str | None:
    """Return `value` in flow style where that reads well: empty, or short, no job and no list of commands."""
    if value and level == 0 and isinstance(value, dict):
        return None
    if isinstance(value, list) and len(value) > 1 and any(isinstance(item, (dict, list)) for item in value):
        return None
    if isinstance(value, list) and len(value) > 1 and any(" " in item for item in value if isinstance(item, str)):
        return None
    text = _flow(value)
    return text if not value or len(text) < width else None


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join([f"{_key(key)}: {_flow(item)}" for key, item in value.items()]) + "}"
    if isinstance(value, list):
        return "[" + ", ".join([_flow(item) for item in value]) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _quoted(text: str) -> str:
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in {'"', "\\"}:
        return "\\" + character
    code = ord(character)
    if character.isprintable():
        return character
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


@lru_cache(maxsize=1024)
def _key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) and key.lower() not in _WORDS else _quoted(key)
