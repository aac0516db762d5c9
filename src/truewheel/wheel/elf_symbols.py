"""The symbols of an ELF file: which ones it needs, and whether it has one of a name.

Of what a file defines, only its hash table is kept: four bytes for a symbol, however long the names
are. Sources: System V ABI, LSB core, and the GNU hash section as linkers write it.
"""

from __future__ import annotations

import re
import struct
import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from truewheel.wheel.elf import Image, VersionNeed

_HASH, _STRTAB, _SYMTAB, _STRSZ = 4, 5, 6, 10
_RELA, _REL, _JMPREL = 7, 17, 23
_GNU_HASH, _VERSYM, _VERDEF, _VERDEFNUM = 0x6FFFFEF5, 0x6FFFFFF0, 0x6FFFFFFC, 0x6FFFFFFD
_VERNEED = 0x6FFFFFFE
_GLOBAL, _WEAK, _UNIQUE = 1, 2, 10
_BASE = 1
_OVERHEAD = 64
_ORDER = "<" if sys.byteorder == "little" else ">"
_LIMIT = 2**20
_NAMES_LIMIT = 2**26
_CHAIN_LIMIT = 2**12
_INIT = re.compile(rb"\0(Py(?:Init|InitU|ModExport|ModExportU)_\w+)(?=\0)")
_SYSTEM_VERSION = re.compile(r"(?:GLIBC|GLIBCXX|CXXABI|GCC|LIBATOMIC|GOMP|OMP)_")


@dataclass(frozen=True, slots=True)
class Definitions:
    """The symbols that a file defines, known by their hashes alone.

    Two of two thousand million names share one: a symbol may then be taken for defined that is not.
    """

    buckets: array[int] = field(default_factory=lambda: array("I"))
    chains: array[int] = field(default_factory=lambda: array("I"))
    first: int = 0
    hashes: frozenset[int] = frozenset()

    def __contains__(self, name: str) -> bool:
        value = gnu_hash(name)
        if not self.buckets:
            return value | 1 in self.hashes
        place = self.buckets[value % len(self.buckets)] - self.first
        while 0 <= place < len(self.chains):
            chained = self.chains[place]
            if chained | 1 == value | 1:
                return True
            if chained & 1:  # the last one of its bucket
                return False
            place += 1
        return False


@dataclass(frozen=True, kw_only=True, slots=True)
class Symbols:
    """The symbols that a file needs, with the library whose version they need or "", and defines.

    `undefined` leaves out weak ones, which may be missing, and those with a version of glibc and of
    GCC's libraries, which the floor of the tag decides on. `versions` are those it defines,
    `is_versioned` tells whether its symbols have any, their own or needed ones, `weak_versions` are
    needs that may be missing, `inits` the init functions of modules that it exports.
    """

    undefined: tuple[tuple[str, str], ...] = ()
    definitions: Definitions = Definitions()
    versions: frozenset[str] = frozenset()
    is_versioned: bool = False
    weak_versions: frozenset[tuple[str, str]] = frozenset()
    inits: tuple[str, ...] = ()


@lru_cache(2**16)
def gnu_hash(name: str) -> int:
    """Return the hash of a name in the GNU hash section."""
    value = 5381
    for byte in name.encode(errors="surrogateescape"):
        value = (value * 33 + byte) & 0xFFFFFFFF
    return value


def read_symbols(image: Image) -> Symbols | None:
    """Return the symbols of an ELF file, None where it has no hash table of a known form.

    Raises `ValueError` for one that leads out of the file.
    """
    values = image.values
    if not {_SYMTAB, _STRTAB, _STRSZ} <= values.keys():
        return Symbols() if not values else None
    table = _Table(image)
    if _GNU_HASH in values:
        definitions = table.gnu_definitions()
    elif _HASH in values:
        definitions = table.old_definitions()
    else:
        return None
    if definitions is None or table.names is None:
        return None
    needs = list(image.versions())
    inits = (match[1].decode() for match in _INIT.finditer(table.names))
    return Symbols(
        undefined=tuple(table.undefined({need.number: need for need in needs})),
        definitions=definitions,
        versions=frozenset(table.defined_versions()),
        is_versioned=_VERSYM in values,
        weak_versions=frozenset((need.library, need.name) for need in needs if need.is_weak),
        inits=tuple(sorted({name for name in inits if name in definitions})),
    )


class _Table:
    """The symbol table, as far as it is looked at."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._form = struct.Struct(image.order + ("IBBHQQ" if image.is_wide else "IIIBBH"))
        size = image.values[_STRSZ]
        self.names = (
            image.read(image.place(image.values[_STRTAB]), size) if size < _NAMES_LIMIT else None
        )
        self._unhashed = 0

    def _numbers(self, form: str, start: int, count: int) -> array[int]:
        numbers = array(form)
        numbers.frombytes(self._image.read(start, count * numbers.itemsize))
        if (self._image.order == ">") != (_ORDER == ">"):
            numbers.byteswap()
        return numbers

    def gnu_definitions(self) -> Definitions | None:
        """Return what the GNU hash section lists: all defined symbols, after all undefined ones."""
        image = self._image
        start = image.place(image.values[_GNU_HASH])
        count, first, words, _ = image.unpack("IIII", start)
        if count > _LIMIT or words > _LIMIT:
            return None
        buckets_at = start + 16 + words * (8 if image.is_wide else 4)
        buckets = self._numbers("I", buckets_at, count)
        last = max(buckets, default=0)
        if last < first:  # nothing is defined; then linkers write any number for `first`
            self._unhashed = self._size()
            return Definitions()
        self._unhashed = first
        chains = self._chains(buckets_at + 4 * count, last - first)
        return None if chains is None else Definitions(buckets, chains, first)

    def _chains(self, start: int, last: int) -> array[int] | None:
        """Return all chains; the last one begins at `last`, and ends with the first odd number."""
        if last > _LIMIT * 8:
            return None
        chains = self._numbers("I", start, last + 1)
        for _ in range(_CHAIN_LIMIT):
            if chains[-1] & 1:
                return chains
            chains.extend(self._numbers("I", start + 4 * len(chains), 1))
        return None

    def _size(self) -> int:
        """Return how many symbols there are at most: another part follows the table."""
        values = self._image.values
        start = values[_SYMTAB]
        if _HASH in values:
            return self._image.unpack("II", self._image.place(values[_HASH]))[1]
        parts = (_STRTAB, _GNU_HASH, _VERSYM, _VERNEED, _VERDEF, _RELA, _REL, _JMPREL)
        ends = [values[tag] for tag in parts if values.get(tag, 0) > start]
        return (min(ends) - start) // self._form.size if ends else 0

    def old_definitions(self) -> Definitions | None:
        """Return the defined symbols of a table that only has the hash section of System V."""
        self._unhashed = self._size()
        if self._unhashed > _LIMIT:
            return None
        hashes = {
            gnu_hash(self._name(name)) | 1
            for name, binding, section in self._entries()
            if section and binding in {_GLOBAL, _WEAK, _UNIQUE}
        }
        return Definitions(hashes=frozenset(hashes))

    def _entries(self) -> Iterator[tuple[int, int, int]]:
        """Yield name, binding and section of the symbols before those of the GNU hash section."""
        start = self._image.place(self._image.values[_SYMTAB])
        size = min(self._unhashed, _LIMIT) * self._form.size
        for entry in self._form.iter_unpack(self._image.read(start, size)):
            name, info, section = entry[0], entry[1], entry[3]
            if not self._image.is_wide:
                info, section = entry[3], entry[5]
            yield name, info >> 4, section

    def _name(self, start: int) -> str:
        names = self.names or b""
        end = names.find(b"\0", start)
        if end < 0:
            raise ValueError("a symbol's name in it has no end")
        return names[start:end].decode(errors="surrogateescape")

    def undefined(self, needs: dict[int, VersionNeed]) -> Iterator[tuple[str, str]]:
        """Yield the symbols that another file has to define."""
        values = self._image.values
        numbers = (
            self._numbers("H", self._image.place(values[_VERSYM]), min(self._unhashed, _LIMIT))
            if _VERSYM in values
            else array("H")
        )
        for place, (name, binding, section) in enumerate(self._entries()):
            if not section and name and binding == _GLOBAL:
                number = numbers[place] & 0x7FFF if numbers else 1
                need = needs.get(number) if number > 1 else None
                if need is None:
                    yield self._name(name), ""
                elif not _SYSTEM_VERSION.match(need.name):
                    yield self._name(name), need.library

    def defined_versions(self) -> Iterator[str]:
        """Yield the symbol versions that the file defines, without that of the file itself."""
        values = self._image.values
        if _VERDEF not in values:
            return
        place = self._image.place(values[_VERDEF])
        for _ in range(min(values.get(_VERDEFNUM, 0), 2**13)):
            _, flags, _, count, _, first, following = self._image.unpack("HHHHIII", place)
            if not flags & _BASE and count:
                name, _ = self._image.unpack("II", place + first)
                yield self._name(name)
            place += following


def weight(symbols: Symbols) -> int:
    """Return about how many bytes of memory they take."""
    definitions = symbols.definitions
    numbers = 4 * (len(definitions.buckets) + len(definitions.chains))
    names = sum(_OVERHEAD + len(name) for name, _ in symbols.undefined)
    return numbers + names + _OVERHEAD * (len(definitions.hashes) + len(symbols.versions))
