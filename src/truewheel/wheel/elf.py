"""What an ELF file says: its machine, and what it needs of the system it runs on."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO

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

    `is_module` tells whether the file holds the init function of a module of its name.
    """

    libraries: tuple[str, ...] = ()
    soname: str = ""
    paths: tuple[str, ...] = ()
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
    image = _Image(stream)
    interpreter = "".join(
        image.text(start, size) for kind, start, _, size in image.segments if kind == _INTERPRETER
    )
    tags = list(image.tags())
    if not tags:
        return Needs(interpreter=interpreter)
    values = dict(tags)
    strings = image.place(values.get(_STRTAB, 0))

    def names(*wanted: int) -> list[str]:
        return [image.string(strings + value) for tag, value in tags if tag in wanted]

    paths = names(_RUNPATH) or names(_RPATH)  # with both there, the loader takes RUNPATH alone
    return Needs(
        libraries=tuple(names(_NEEDED)),
        soname="".join(names(_SONAME)),
        paths=tuple(part for path in paths for part in path.split(":")),
        versions=tuple(image.versions(values, strings)),
        interpreter=interpreter,
        is_module=bool(module)
        and image.has_string(strings, values.get(_STRSZ, 0), f"PyInit_{module}"),
    )


class _Image:
    """An ELF file's segments, as (type, offset, address, size), and what they lead to."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._size = stream.seek(0, 2)
        self._named = 0
        head = self._read(0, 52)
        self._wide, self._order = head[4] == 2, ">" if head[5] == 2 else "<"
        kind, _, version, _, start, sections, _, _, size, count, *section_facts = self._unpack(
            "HHIQQQIHHHHHH" if self._wide else "HHIIIIIHHHHHH", 16
        )
        if kind not in {_PROGRAM, _LIBRARY}:
            raise ValueError(f"it is neither a library nor a program, but a file of type {kind}")
        if (head[6], version) != (1, 1):
            raise ValueError(f"it has the versions {head[6]} and {version}, not 1")
        if size != (56 if self._wide else 32) or not 0 < count <= _SEGMENT_LIMIT:
            raise ValueError(f"it has {count} segments, whose headers have {size} bytes")
        self.segments = [self._segment(start + number * size) for number in range(count)]
        self._check_ends(sections, *section_facts)

    def _check_ends(self, sections: int, size: int, count: int, names: int) -> None:
        for kind, offset, _, length in self.segments:
            if kind in {_LOAD, _DYNAMIC, _INTERPRETER} and offset + length > self._size:
                raise ValueError(
                    f"it ends at {self._size} bytes, its segments need {offset + length}"
                )
        # the loader needs no sections; they lie last, so that they tell that the end was cut off
        if sections and sections + size * count > self._size:
            raise ValueError(
                f"it ends at {self._size} bytes, its sections need {sections + size * count}"
            )
        if count and (
            size != (64 if self._wide else 40) or names not in {*range(count), _ELSEWHERE}
        ):
            raise ValueError(
                f"it has {count} sections, headers of {size} bytes, "
                f"and their names in section {names}"
            )

    def _segment(self, start: int) -> tuple[int, int, int, int]:
        if self._wide:
            kind, _, offset, address, _, size = self._unpack("IIQQQQ", start)
        else:
            kind, offset, address, _, size = self._unpack("IIIII", start)
        return kind, offset, address, size

    def _read(self, start: int, size: int) -> bytes:
        self._stream.seek(start)
        content = self._stream.read(size)
        if len(content) < size:
            raise ValueError(f"it ends at {self._size} bytes, within its headers")
        return content

    def _unpack(self, form: str, start: int) -> tuple[int, ...]:
        form = self._order + form
        return struct.unpack(form, self._read(start, struct.calcsize(form)))

    def place(self, address: int) -> int:
        """Return where in the file an address of the running program lies."""
        for kind, offset, start, size in self.segments:
            if kind == _LOAD and start <= address < start + size:
                return offset + address - start
        raise ValueError(f"no segment holds the address {address:#x}")

    def text(self, start: int, size: int) -> str:
        return (
            self._read(start, min(size, _NAME_LIMIT))
            .rstrip(b"\0")
            .decode(errors="backslashreplace")
        )

    def string(self, start: int) -> str:
        self._stream.seek(start)
        name, end, _ = self._stream.read(_NAME_LIMIT).partition(b"\0")
        if not end:
            raise ValueError("a name in it has no end")
        self._named += len(name) + 1
        if self._named > _NAMES_LIMIT:
            raise ValueError(f"the names of what it needs have more than {_NAMES_LIMIT} bytes")
        return name.decode(errors="backslashreplace")

    def has_string(self, start: int, size: int, wanted: str) -> bool:
        if start + size > self._size:
            raise ValueError(f"it ends at {self._size} bytes, within its names")
        name = f"\0{wanted}\0".encode()
        places = range(start, start + size, _PIECE)
        return any(
            name in self._read(place, min(_PIECE + len(name), start + size - place))
            for place in places
        )

    def tags(self) -> Iterator[tuple[int, int]]:
        """Yield the tags of the dynamic section with their values."""
        offset, size = next(
            ((offset, size) for kind, offset, _, size in self.segments if kind == _DYNAMIC), (0, 0)
        )
        entry = struct.Struct(self._order + ("qQ" if self._wide else "iI"))
        content = self._read(offset, min(size, _COUNT_LIMIT * entry.size))
        for tag, value in entry.iter_unpack(content[: len(content) // entry.size * entry.size]):
            if not tag:
                return
            yield tag, value

    def versions(self, values: dict[int, int], strings: int) -> Iterator[tuple[str, str]]:
        """Yield library and name of each symbol version that is needed (LSB core)."""
        if _VERNEED not in values:
            return
        place = self.place(values[_VERNEED])
        left = _COUNT_LIMIT
        for _ in range(min(values.get(_VERNEEDNUM, 0), left)):
            _, count, file, first, following = self._unpack("HHIII", place)
            library, entry = self.string(strings + file), place + first
            for _ in range(count):
                _, _, _, name, step = self._unpack("IHHII", entry)
                yield library, self.string(strings + name)
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
