"""The frame of a zip file.

Whether every reader, with or without its directory, finds the same members in it.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Generator, Iterator
from enum import Enum
from pathlib import Path
from typing import IO, NamedTuple
from zipfile import BadZipFile, ZipFile, ZipInfo

DIRECTORY_LIMIT = 16 * 2**20
"""Bytes of the directory that are read: enough for a hundred thousand members with long names."""

_LOCAL = struct.Struct("<4s5H3L2H")  # the records: APPNOTE.TXT, section 4.3
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_ENTRY_SIZE = 46
_EXTRA = struct.Struct("<2H")
_ZIP64, _UNICODE_PATH = 0x0001, 0x7075
_DESCRIPTOR, _UTF8 = 0x0008, 0x0800
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF


class Kind(Enum):
    """What is wrong with a zip file's frame."""

    STRAY = "bytes that belong to no member"
    HEADER = "a member's own header differs from the directory"
    NAME = "a member's name is not clean UTF-8"
    DESCRIPTOR = "a data descriptor"
    COMMENT = "a comment"
    END = "the records at its end are broken"


class Fault(NamedTuple):
    """One fault; `where` is a member's name, or "" for the whole file."""

    kind: Kind
    message: str
    where: str = ""


class _Span(NamedTuple):
    """Where a member lies; its data descriptor has several forms, so that it may have several ends."""

    start: int
    ends: tuple[int, ...]
    name: str


class Stream(io.BufferedReader):
    """A file that gives no more at once than a directory may have.

    `ZipFile` reads the directory in one piece, so that a huge one cannot fill the memory, wherever
    it is said to be.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(_regular(path)))

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as any file does. Raises `BadZipFile` for a size beyond `DIRECTORY_LIMIT`."""
        if size is not None and size > DIRECTORY_LIMIT:
            raise BadZipFile(f"its directory has {size} bytes, more than {DIRECTORY_LIMIT}")
        return super().read(size)


def _regular(path: Path) -> Path:
    if not path.is_file():  # to open a pipe would wait for its other end
        raise BadZipFile(
            "a folder, a pipe or a device" if path.exists() else "there is no such file"
        )
    return path


def data_start(stream: IO[bytes], info: ZipInfo) -> int:
    """Return where a member's packed bytes begin.

    Raises `BadZipFile` where its own header is another member's.
    """
    local = _read_local(stream, info)
    if local is None:
        raise BadZipFile("no member where the directory says")
    _, name, extra = local
    if name != _encoded(info):
        raise BadZipFile(f"its own header calls it {name.decode(errors='backslashreplace')}")
    return info.header_offset + _LOCAL.size + len(name) + len(extra)


def faults(archive: ZipFile) -> Iterator[Fault]:
    """Yield all that lets one reader of an open zip file see something else than another.

    The public index refuses such files for just that reason (its upload API, on archives).
    """
    stream = _stream(archive)
    spans: list[_Span] = []
    for info in archive.infolist():
        yield from _name_faults(info)
        span = yield from _member_faults(stream, info)
        spans.append(span)
    yield from _gaps(spans, archive.start_dir)
    yield from _end_faults(archive, stream)


def _read_local(stream: IO[bytes], info: ZipInfo) -> tuple[tuple[int, ...], bytes, bytes] | None:
    stream.seek(info.header_offset)
    head = stream.read(_LOCAL.size)
    if len(head) < _LOCAL.size or not head.startswith(b"PK\3\4"):
        return None
    _, *fixed, name_size, extra_size = _LOCAL.unpack(head)
    rest = stream.read(name_size + extra_size)
    return tuple(fixed), rest[:name_size], rest[name_size:]


def _name_faults(info: ZipInfo) -> Iterator[Fault]:
    if not info.orig_filename.isascii() and not info.flag_bits & _UTF8:
        yield Fault(
            Kind.NAME,
            "it is not ASCII and not marked as UTF-8; readers guess its encoding",
            info.filename,
        )
    if info.comment:
        yield Fault(Kind.COMMENT, f"a comment of {len(info.comment)} bytes", info.filename)
    own = info.orig_filename.encode()
    others = (
        field[5:]
        for kind, field in _fields(info.extra)
        if kind == _UNICODE_PATH and field[5:] != own
    )
    if (other := next(others, None)) is not None:
        yield Fault(
            Kind.NAME,
            f"another field calls it {other.decode(errors='backslashreplace')}",
            info.filename,
        )


def _member_faults(stream: IO[bytes], info: ZipInfo) -> Generator[Fault, None, _Span]:
    """Yield what is wrong with a member; return where it lies."""
    local = _read_local(stream, info)
    if local is None:
        yield Fault(Kind.HEADER, "no member where the directory says", info.filename)
        return _Span(info.header_offset, (info.header_offset + info.compress_size,), info.filename)
    fixed, name, extra = local
    if info.volume:
        yield Fault(
            Kind.HEADER, f"the directory says that it is on disk {info.volume}", info.filename
        )
    for differing in _differences(fixed, name, extra, info):
        yield Fault(Kind.HEADER, differing, info.filename)
    end = info.header_offset + _LOCAL.size + len(name) + len(extra) + info.compress_size
    if not fixed[1] & _DESCRIPTOR:
        return _Span(info.header_offset, (end,), info.filename)
    lengths = _descriptors(stream, end, info)
    if lengths:
        yield Fault(Kind.DESCRIPTOR, "its size and checksum follow its content", info.filename)
    else:
        yield Fault(
            Kind.HEADER,
            "the data descriptor after its content differs from the directory",
            info.filename,
        )
    return _Span(
        info.header_offset, tuple(end + length for length in lengths or [0]), info.filename
    )


def _differences(fixed: tuple[int, ...], name: bytes, extra: bytes, info: ZipInfo) -> Iterator[str]:
    _, flags, method, _, _, checksum, packed, size = fixed
    if name != _encoded(info):
        yield f"its own header calls it {name.decode(errors='backslashreplace')}"
    fields = _fields(extra)
    kinds = [kind for kind, _ in fields]
    if -1 in kinds or kinds.count(_ZIP64) > 1 or kinds.count(_UNICODE_PATH) > 1:
        yield "the extra fields of its own header are broken"
    if any(
        kind == _UNICODE_PATH and field[5:] != info.orig_filename.encode() for kind, field in fields
    ):
        yield "a field of its own header gives it another name"
    if (flags, method) != (info.flag_bits, info.compress_type):
        yield "its own header has other flags or another compression method"
    wide = next((field for kind, field in fields if kind == _ZIP64), b"")
    if _FULL32 in {packed, size} and len(wide) >= 16:
        size, packed = struct.unpack("<2Q", wide[:16])
    said = (checksum, packed, size)
    known = (info.CRC, info.compress_size, info.file_size)
    if said != known and not (flags & _DESCRIPTOR and said == (0, 0, 0)):
        yield f"its own header has the checksum and sizes {said}, the directory {known}"


def _descriptors(stream: IO[bytes], place: int, info: ZipInfo) -> list[int]:
    """Return the lengths of the data descriptors that fit at a place.

    32 or 64 bits wide, with or without signature.
    """
    stream.seek(place)
    content = stream.read(24)
    sizes = (info.CRC, info.compress_size, info.file_size)
    forms = [struct.pack("<3L", *sizes)] if max(sizes) <= _FULL32 else []
    forms.append(struct.pack("<L2Q", *sizes))
    found = [signature + form for form in forms for signature in (b"PK\7\x08", b"")]
    return [len(form) for form in found if content.startswith(form)]


def _gaps(spans: list[_Span], directory: int) -> Iterator[Fault]:
    """Yield every stretch before the directory that no member has, or that two have."""
    reached: tuple[int, ...] = (0,)
    last = ""
    for span in [*sorted(spans), _Span(directory, (directory,), "")]:
        behind = span.start - reached[0]
        if span.start not in reached:
            place = f"after {last}" if last else "before the first member"
            if behind > 0:
                yield Fault(Kind.STRAY, f"{behind} bytes {place} belong to no member")
            else:
                yield Fault(
                    Kind.STRAY, f"it lies {-behind} bytes into what is before it", span.name
                )
        reached, last = max(reached, span.ends), span.name


def _end_faults(archive: ZipFile, stream: IO[bytes]) -> Iterator[Fault]:
    """Yield what is wrong behind the last entry of the directory, where only the end records may be."""
    infos = archive.infolist()
    if archive.comment:
        yield Fault(Kind.COMMENT, f"the zip file has a comment of {len(archive.comment)} bytes")
    length = sum(
        _ENTRY_SIZE + len(_encoded(info)) + len(info.extra) + len(info.comment) for info in infos
    )
    place = archive.start_dir + length
    stream.seek(place)
    rest = stream.read(_END64.size + _LOCATOR.size + _END.size + _FULL16)
    wide = rest.startswith(b"PK\6\6")
    end = rest[_END64.size + _LOCATOR.size :] if wide else rest
    if len(end) != _END.size + len(archive.comment) or not end.startswith(b"PK\5\6"):
        yield Fault(Kind.END, "behind its directory is something else than the record of its end")
        return
    _, disk, first_disk, here, count, size, start, comment = _END.unpack_from(end)
    known = (0, 0, len(infos), len(infos), length, archive.start_dir)
    said = (disk, first_disk, here, count, size, start)
    if wide:
        yield from _wide_faults(rest, place, known)
        fits = all(value in {fact, _FULL16, _FULL32} for value, fact in zip(said, known))
    else:
        fits = said == known
    if not fits or comment != len(archive.comment):
        wrong, right = (*said[2:], comment), (*known[2:], len(archive.comment))
        yield Fault(
            Kind.END, f"the record of its end says {wrong}, its directory and comment are {right}"
        )


def _wide_faults(rest: bytes, place: int, known: tuple[int, ...]) -> Iterator[Fault]:
    _, length, _, _, *said = _END64.unpack_from(rest)
    signature, disk, found, disks = _LOCATOR.unpack_from(rest, _END64.size)
    if (length, *said) != (_END64.size - 12, *known):
        yield Fault(
            Kind.END, f"its ZIP64 record says {tuple(said[2:])}, its directory is {known[2:]}"
        )
    if (signature, disk, found) != (b"PK\6\7", 0, place) or disks > 1:
        yield Fault(Kind.END, "its ZIP64 locator is broken")


def _fields(extra: bytes) -> list[tuple[int, bytes]]:
    """Split an extra field into kinds and contents; a rest that is none has the kind -1."""
    fields, place = [], 0
    while place + _EXTRA.size <= len(extra):
        kind, length = _EXTRA.unpack_from(extra, place)
        end = place + _EXTRA.size + length
        if end > len(extra):
            break
        fields.append((kind, extra[place + _EXTRA.size : end]))
        place = end
    return [*fields, (-1, extra[place:])] if place < len(extra) else fields


def _encoded(info: ZipInfo) -> bytes:
    return info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8 else "cp437")


def _stream(archive: ZipFile) -> IO[bytes]:
    if archive.fp is None:
        raise ValueError("the zip file is closed")
    return archive.fp
