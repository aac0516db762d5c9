"""How an ELF file wants to be laid out in memory, and on which processors: what a loader refuses.

Sources: System V ABI and its supplements for processors, the Linux extensions to gABI.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from truewheel.wheel.elf import Image

_LOAD, _NOTE, _STACK, _PROPERTY = 1, 4, 0x6474E551, 0x6474E553
_EXECUTE = 1
_TEXTREL, _FLAGS, _FLAGS_1 = 22, 30, 0x6FFFFFFB
_FLAG_TEXTREL, _FLAG_1_PIE = 4, 0x08000000
_PROPERTY_NOTE, _ISA_NEEDED = 5, 0xC0008002
_NOTE_LIMIT = 2**16


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """What the loader has to grant an ELF file.

    `executable_stack` is None where no PT_GNU_STACK says it: then the machine's default holds.
    `loads` are offset, address and alignment of its load segments. `isa_level` is N of the
    x86-64-vN that its note asks for, 0 without one. `is_program` tells that it is a program by its
    headers alone.
    """

    executable_stack: bool | None = None
    has_text_relocations: bool = False
    loads: tuple[tuple[int, int, int], ...] = ()
    isa_level: int = 0
    is_program: bool = False
    is_dynamic: bool = False


def read_layout(image: Image) -> Layout:
    """Return the layout of an ELF file. Raises `ValueError` where its notes cannot be read."""
    flags = next((part.flags for part in image.segments if part.kind == _STACK), None)
    values = image.values
    levels = [_level(bits) for bits in _isa_bits(image)]
    return Layout(
        executable_stack=None if flags is None else bool(flags & _EXECUTE),
        has_text_relocations=_TEXTREL in values or bool(values.get(_FLAGS, 0) & _FLAG_TEXTREL),
        loads=tuple(
            (part.offset, part.address, part.alignment)
            for part in image.segments
            if part.kind == _LOAD and part.memory
        ),
        isa_level=max(levels, default=0),
        is_program=image.is_fixed or bool(values.get(_FLAGS_1, 0) & _FLAG_1_PIE),
        is_dynamic=bool(values),
    )


def _level(bits: int) -> int:
    """Return the highest level of a set: bit 0 is x86-64-v1, which every x86_64 has."""
    return bits.bit_length()


def _isa_bits(image: Image) -> Iterator[int]:
    """Yield GNU_PROPERTY_X86_ISA_1_NEEDED of each property note (x86-64 psABI)."""
    kinds = {part.kind for part in image.segments}
    wanted = _PROPERTY if _PROPERTY in kinds else _NOTE  # old linkers wrote no segment of its own
    for part in image.segments:
        if part.kind == wanted:
            content = image.read(part.offset, min(part.size, _NOTE_LIMIT))
            width = 8 if image.is_wide and part.alignment == 8 else 4
            for kind, value in _notes(image, content, width):
                if kind == _PROPERTY_NOTE:
                    yield from _needed_isa(image, value, 8 if image.is_wide else 4)


def _notes(image: Image, content: bytes, width: int) -> Iterator[tuple[int, bytes]]:
    """Yield type and value of the notes of GNU."""
    little = "little" if image.order == "<" else "big"
    place = 0
    while place + 12 <= len(content):
        name, size, kind = (
            int.from_bytes(content[place + at : place + at + 4], little)  # type: ignore[arg-type]
            for at in (0, 4, 8)
        )
        start = place + 12 + -(-name // 4) * 4
        if content[place + 12 : place + 12 + name] == b"GNU\0":
            yield kind, content[start : start + size]
        place = start + -(-size // width) * width


def _needed_isa(image: Image, value: bytes, width: int) -> Iterator[int]:
    little = "little" if image.order == "<" else "big"
    place = 0
    while place + 8 <= len(value):
        kind = int.from_bytes(value[place : place + 4], little)  # type: ignore[arg-type]
        size = int.from_bytes(value[place + 4 : place + 8], little)  # type: ignore[arg-type]
        if kind == _ISA_NEEDED:
            yield int.from_bytes(value[place + 8 : place + 8 + size][:4], little)  # type: ignore[arg-type]
        place += 8 + -(-size // width) * width
