"""Native files of Linux (ELF), macOS (Mach-O) and Windows (PE), known by their first bytes."""

from __future__ import annotations

import re
from typing import NamedTuple

from truewheel.system import architectures
from truewheel.wheel import elf

HEAD = 4096
"""Bytes of a file's beginning that are looked at; a PE header follows a small DOS program."""

_MACHO = {b"\xcf\xfa\xed\xfe": "little", b"\xce\xfa\xed\xfe": "little", b"\xfe\xed\xfa\xcf": "big"}
_FAT = {b"\xca\xfe\xba\xbe": 20, b"\xca\xfe\xba\xbf": 32}
_PYD = re.compile(r"\.(?P<python>cp\d+)(?P<flags>t?)-(?P<platform>win32|win_[a-z0-9]+)\.pyd\Z")


class Native(NamedTuple):
    """A native file: "ELF", "Mach-O" or "PE", and its machines in the words of that system."""

    format: str
    machines: frozenset[str]


def identify(head: bytes) -> Native | None:
    """Return what kind of native file begins with these bytes; None for other files."""
    if word := elf.machine(head):
        return Native("ELF", frozenset({word}))
    if len(head) >= 8 and (order := _MACHO.get(head[:4])):
        number = int.from_bytes(head[4:8], "big" if order == "big" else "little")
        return Native(
            "Mach-O", frozenset({architectures.BY_MACHO.get(number, f"unknown ({number})")})
        )
    if size := _FAT.get(head[:4]):
        return _fat(head, size)
    start = int.from_bytes(head[60:64], "little")
    if head.startswith(b"MZ") and head[start : start + 4] == b"PE\0\0":
        number = int.from_bytes(head[start + 4 : start + 6], "little")
        return Native("PE", frozenset({architectures.BY_PE.get(number, f"unknown ({number:#x})")}))
    return None


def _fat(head: bytes, size: int) -> Native | None:
    """Return what a file of several machines is for.

    A compiled Java class begins with the same bytes, but its second word is a version from 45 on.
    """
    count = int.from_bytes(head[4:8], "big")
    if not 0 < count < 30:
        return None
    numbers = [int.from_bytes(head[8 + n * size : 12 + n * size], "big") for n in range(count)]
    return Native(
        "Mach-O",
        frozenset(architectures.BY_MACHO.get(number, f"unknown ({number})") for number in numbers),
    )


def suffix(name: str) -> elf.Suffix | None:
    """Return what an extension module's file name says (PEP 3149, and `x.cp312-win_amd64.pyd`)."""
    match = _PYD.search(name)
    if match is None:
        return elf.suffix(name)
    return elf.Suffix(
        python=match["python"],
        abi=match["python"] + match["flags"],
        machine=match["platform"].removeprefix("win_"),
    )


def is_module(name: str) -> bool:
    """Tell whether a file is an extension module by its name alone."""
    return suffix(name) is not None or name.endswith((".abi3.so", ".abi3t.so", ".pyd"))
