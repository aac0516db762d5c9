"""What an ELF file says: its machine, and what it needs of the system it runs on."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from operator import itemgetter
from typing import IO, NamedTuple

from truewheel.system import architectures

HEAD = 64
"""Bytes of an ELF header; `machine` needs no more."""

_MAGIC = b"\x7fELF"
_BITS = {1: 32, 2: 64}
_ORDER = {1: "little", 2: "big"}
_SUFFIX = re.compile(
    r"\.(?:cpython-(?P<cpython>\d+)(?P<flags>[a-z]*)|pypy(?P<pypy>\d+)-(?P<pp>pp\d+))"
    r"-(?P<arch>[^.-]+)(?P<system>[^.]*)\.so\Z"
)

# file types, program header types and dynamic tags: System V ABI, chapters 4 and 5
_PROGRAM, _LIBRARY = 2, 3
_LOAD, _DYNAMIC, _INTERPRETER = 1, 2, 3
_NEEDED, _STRTAB, _STRSZ, _SONAME, _RPATH, _RUNPATH = 1, 5, 10, 14, 15, 29
_VERNEED, _VERNEEDNUM = 0x6FFFFFFE, 0x6FFFFFFF
_WEAK = 2
_NAME_LIMIT = 4096
_NAMES_LIMIT = 2**16
_COUNT_LIMIT = 2**13
_OVERHEAD = 64
_ELSEWHERE = 0xFFFF
_SEGMENT_LIMIT = 2**8
_PIECE = 2**20


@dataclass(frozen=True, kw_only=True, slots=True)
class Suffix:
    """What the suffix of an extension module promises, in the words of wheel tags.

    An example is `cp312`, `cp312`, `x86_64` and `gnu`. `libc` is `gnu`, `musl`, or "" where the
    suffix names none.
    """

    python: str
    abi: str
    machine: str
    libc: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """What the dynamic loader looks for: libraries, in which folders, with which symbol versions.

    `paths` are those of DT_RUNPATH, or of DT_RPATH where the file has no DT_RUNPATH: the loader
    takes one of the two (`has_runpath`). `is_module` tells whether the file holds the init function
    of a module of its name.
    """

    libraries: tuple[str, ...] = ()
    soname: str = ""
    paths: tuple[str, ...] = ()
    has_runpath: bool = False
    versions: tuple[tuple[str, str], ...] = ()
    interpreter: str = ""
    is_module: bool = False


def machine(head: bytes) -> str | None:
    """Return the machine of an ELF file in the words of wheel platforms, such as `x86_64`.

    None for other files. `head` is the first 64 bytes. A machine without such a word, as that of
    device code, is `unknown (machine N)`.
    """
    if len(head) < 20 or not head.startswith(_MAGIC):
        return None
    bits, order = _BITS.get(head[4], 0), _ORDER.get(head[5], "little")
    number = int.from_bytes(head[18:20], "big" if order == "big" else "little")
    return (
        architectures.BY_ELF.get((number, bits, order))
        or f"unknown (machine {number}, {bits}-bit, {order}-endian)"
    )


def suffix(name: str) -> Suffix | None:
    """Return what an extension module's file name says (PEP 3149).

    An example is `x.cpython-312-x86_64-linux-gnu.so`.
    """
    match = _SUFFIX.search(name)
    if match is None:
        return None
    arch = architectures.BY_TRIPLET.get(match["arch"], match["arch"])
    libc = next((libc for libc in ("gnu", "musl") if f"-linux-{libc}" in match["system"]), "")
    if match["pypy"]:
        abi = f"pypy{match['pypy']}_{match['pp']}"
        return Suffix(python=f"pp{match['pypy']}", abi=abi, machine=arch, libc=libc)
    python = f"cp{match['cpython']}"
    return Suffix(python=python, abi=python + match["flags"], machine=arch, libc=libc)


def needs(stream: IO[bytes], module: str = "") -> Needs:
    """Return what an ELF file asks of the loader.

    `module` is the name under which Python would import it.

    Raises `ValueError` for a file that the loader could not read either. It is read in small
    pieces.
    """
    return read_needs(Image(stream), module)


def read_needs(image: Image, module: str = "") -> Needs:
    """Return what an ELF file whose headers were read asks of the loader; see `needs`."""
    interpreter = "".join(
        image.text(segment.offset, segment.size)
        for segment in image.segments
        if segment.kind == _INTERPRETER
    )
    tags, values = image.tags, image.values
    if not tags:
        return Needs(interpreter=interpreter)
    strings = image.place(values.get(_STRTAB, 0))

    def names(*wanted: int) -> list[str]:
        return [image.string(strings + value) for tag, value in tags if tag in wanted]

    runpath = names(_RUNPATH)
    paths = runpath or names(_RPATH)  # with both there, the loader takes RUNPATH alone
    return Needs(
        libraries=tuple(names(_NEEDED)),
        soname="".join(names(_SONAME)),
        paths=tuple(part for path in paths for part in path.split(":")),
        has_runpath=bool(runpath),
        versions=tuple((need.library, need.name) for need in image.versions()),
        interpreter=interpreter,
        is_module=bool(module)
        and image.has_string(strings, values.get(_STRSZ, 0), f"PyInit_{module}"),
    )


class Segment(NamedTuple):
    """A part of the file that the program header names."""

    kind: int
    flags: int
    offset: int
    address: int
    size: int
    memory: int
    alignment: int


class VersionNeed(NamedTuple):
    """A symbol version that is needed of a library; `number` is what the symbols call it by."""

    library: str
    name: str
    number: int
    is_weak: bool


class Image:
    """An ELF file's segments, and what they lead to."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._size = stream.seek(0, 2)
        self._named = 0
        head = self.read(0, 52)
        self.is_wide, self.order = head[4] == 2, ">" if head[5] == 2 else "<"
        kind, _, version, _, start, sections, _, _, size, count, *section_facts = self.unpack(
            "HHIQQQIHHHHHH" if self.is_wide else "HHIIIIIHHHHHH", 16
        )
        if kind not in {_PROGRAM, _LIBRARY}:
            raise ValueError(f"it is neither a library nor a program, but a file of type {kind}")
        if (head[6], version) != (1, 1):
            raise ValueError(f"it has the versions {head[6]} and {version}, not 1")
        if size != (56 if self.is_wide else 32) or not 0 < count <= _SEGMENT_LIMIT:
            raise ValueError(f"it has {count} segments, whose headers have {size} bytes")
        self.is_fixed = kind == _PROGRAM
        self.segments = [self._segment(start + number * size) for number in range(count)]
        self._check_ends(sections, *section_facts)

    def _check_ends(self, sections: int, size: int, count: int, names: int) -> None:
        for segment in self.segments:
            end = segment.offset + segment.size
            if segment.kind in {_LOAD, _DYNAMIC, _INTERPRETER} and end > self._size:
                raise ValueError(f"it ends at {self._size} bytes, its segments need {end}")
        # the loader needs no sections; they lie last, so that they tell that the end was cut off
        if sections and sections + size * count > self._size:
            raise ValueError(
                f"it ends at {self._size} bytes, its sections need {sections + size * count}"
            )
        if count and (
            size != (64 if self.is_wide else 40) or names not in {*range(count), _ELSEWHERE}
        ):
            raise ValueError(
                f"it has {count} sections, headers of {size} bytes, "
                f"and their names in section {names}"
            )

    def _segment(self, start: int) -> Segment:
        if self.is_wide:
            kind, flags, offset, address, _, *rest = self.unpack("IIQQQQQQ", start)
            return Segment(kind, flags, offset, address, *rest)
        kind, offset, address, _, size, memory, flags, alignment = self.unpack("IIIIIIII", start)
        return Segment(kind, flags, offset, address, size, memory, alignment)

    def read(self, start: int, size: int) -> bytes:
        """Return bytes of the file. Raises `ValueError` where it ends before."""
        self._stream.seek(start)
        content = self._stream.read(size)
        if len(content) < size:
            raise ValueError(f"it ends at {self._size} bytes, within its headers")
        return content

    def unpack(self, form: str, start: int) -> tuple[int, ...]:
        """Return the numbers of a structure, in the byte order of the file."""
        form = self.order + form
        return struct.unpack(form, self.read(start, struct.calcsize(form)))

    def place(self, address: int) -> int:
        """Return where in the file an address of the running program lies."""
        for kind, _, offset, start, size, _, _ in self.segments:
            if kind == _LOAD and start <= address < start + size:
                return offset + address - start
        raise ValueError(f"no segment holds the address {address:#x}")

    def text(self, start: int, size: int) -> str:
        """Return a text of that many bytes, as far as a path may be long."""
        return (
            self.read(start, min(size, _NAME_LIMIT)).rstrip(b"\0").decode(errors="backslashreplace")
        )

    def string(self, start: int) -> str:
        """Return the name that begins at a place of the file."""
        self._stream.seek(start)
        name, end, _ = self._stream.read(_NAME_LIMIT).partition(b"\0")
        if not end:
            raise ValueError("a name in it has no end")
        self._named += len(name) + 1
        if self._named > _NAMES_LIMIT:
            raise ValueError(f"the names of what it needs have more than {_NAMES_LIMIT} bytes")
        return name.decode(errors="backslashreplace")

    def has_string(self, start: int, size: int, wanted: str) -> bool:
        """Tell whether a part of the file holds a name."""
        if start + size > self._size:
            raise ValueError(f"it ends at {self._size} bytes, within its names")
        name = f"\0{wanted}\0".encode()
        places = range(start, start + size, _PIECE)
        return any(
            name in self.read(place, min(_PIECE + len(name), start + size - place))
            for place in places
        )

    @cached_property
    def tags(self) -> list[tuple[int, int]]:
        """The tags of the dynamic section with their values, in its order."""
        dynamic = next((segment for segment in self.segments if segment.kind == _DYNAMIC), None)
        if dynamic is None:
            return []
        entry = struct.Struct(self.order + ("qQ" if self.is_wide else "iI"))
        content = self.read(dynamic.offset, min(dynamic.size, _COUNT_LIMIT * entry.size))
        entries = entry.iter_unpack(content[: len(content) // entry.size * entry.size])
        return list(takewhile(itemgetter(0), entries))

    @cached_property
    def values(self) -> dict[int, int]:
        """The value of each tag of the dynamic section; of one that is there twice, the last."""
        return dict(self.tags)

    def versions(self) -> Iterator[VersionNeed]:
        """Yield the symbol versions that are needed (LSB core)."""
        if _VERNEED not in self.values:
            return
        strings = self.place(self.values.get(_STRTAB, 0))
        place = self.place(self.values[_VERNEED])
        left = _COUNT_LIMIT
        for _ in range(min(self.values.get(_VERNEEDNUM, 0), left)):
            _, count, file, first, following = self.unpack("HHIII", place)
            library, entry = self.string(strings + file), place + first
            for _ in range(count):
                _, flags, number, name, step = self.unpack("IHHII", entry)
                yield VersionNeed(library, self.string(strings + name), number, bool(flags & _WEAK))
                entry += step
                left -= 1
                if left < 0:
                    raise ValueError("it needs more symbol versions than there are")
            place += following


def weight(needs: Needs) -> int:
    """Return about how many bytes of memory its names take."""
    words = [
        *needs.libraries,
        *needs.paths,
        *(word for version in needs.versions for word in version),
    ]
    return sum(_OVERHEAD + len(word) for word in words)


def libc(needed: Iterable[str], interpreter: str = "") -> str:
    """Return the C library that a program was linked against, `gnu` or `musl`.

    "" when nothing says it.
    """
    libraries = set(needed)
    if interpreter.rpartition("/")[2].startswith("ld-musl-") or any(
        name.startswith("libc.musl-") for name in libraries
    ):
        return "musl"
    if (
        interpreter.rpartition("/")[2].startswith(("ld-linux", "ld64.so", "ld.so"))
        or "libc.so.6" in libraries
    ):
        return "gnu"
    return ""
