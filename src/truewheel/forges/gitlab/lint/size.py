"""How much memory GitLab's parser takes for a file: its limit of 2 MiB is that, not the text.

An estimate: the sizes are those of Ruby's objects on 64-bit machines, and differ a little from one
version to another.
"""

from __future__ import annotations

from typing import Any

NEAR = 0.85
SURE = 1.1

_OBJECT = 40
_SHORT_TEXT = 23
_SMALL_LIST, _SMALL_MAPPING = 3, 8
_ENTRY, _TABLE = 24, 96


def estimate(data: Any) -> int:
    """Return the bytes of a parsed tree.

    The content of an alias counts at each use, as GitLab counts it.
    """
    return _Sizes().of(data)


class _Sizes:
    def __init__(self) -> None:
        self._known: dict[int, int] = {}

    def of(self, value: Any) -> int:
        """Return the bytes of a value; the same container is measured once."""
        if not isinstance(value, (dict, list)):
            return _text(value) if isinstance(value, str) else 0
        size = self._known.get(id(value))
        if size is None:
            size = self._mapping(value) if isinstance(value, dict) else self._list(value)
            self._known[id(value)] = size
        return size

    def _mapping(self, value: dict[Any, Any]) -> int:
        total = _table(len(value))
        for part in (*value, *value.values()):
            total += _text(part) if isinstance(part, str) else self.of(part)
        return total

    def _list(self, value: list[Any]) -> int:
        return _array(len(value)) + sum(map(self.of, value))


def _text(text: str) -> int:
    # Most text is ASCII, whose length is that of its bytes.
    length = len(text)
    if not text.isascii():
        length = len(text.encode("utf-8", "replace"))
    return _OBJECT if length <= _SHORT_TEXT else _OBJECT + length + 1


def _array(length: int) -> int:
    return _OBJECT if length <= _SMALL_LIST else _OBJECT + 8 * max(20, length)


def _table(length: int) -> int:
    if length <= _SMALL_MAPPING:
        return _OBJECT + (128 if length else 0)
    entries = max(32, 1 << (length - 1).bit_length())
    bin_size = 1 if entries <= 128 else 2
    if entries > 32_768:
        bin_size = 4
    return _TABLE + entries * _ENTRY + 2 * entries * bin_size
