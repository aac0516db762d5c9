"""The structure of a zip file: where its members lie, and what is wrong with it.

A zip file is acceptable when every reader, with or without its directory, finds the same members in
it. `faults` is the only place that says so: checks report them, copying refuses them.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import IO, NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

DIRECTORY_LIMIT = 16 * 2**20
"""Bytes of the directory that are read: enough for a hundred thousand members with long names."""

_LOCAL = struct.Struct("<4s5H3L2H")  # the records: APPNOTE.TXT, section 4.3
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_ENTRY_SIZE = 46
_EXTRA = struct.Struct("<2H")
ZIP64, UNICODE_PATH = 0x0001, 0x7075
"""Kinds of extra fields: wide sizes, and a second name in UTF-8."""
_ENCRYPTED, _LEVEL, _DESCRIPTOR, _UTF8 = 0x0001, 0x0006, 0x0008, 0x0800
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF


class Kind(Enum):
    """What is wrong with the structure of a zip file."""

    STRAY = "bytes that belong to no member"
    HEADER = "a member's own header differs from the directory"
    NAME = "a member's name is not clean UTF-8"
    DESCRIPTOR = "a data descriptor"
    COMMENT = "a comment"
    END = "the records at its end are broken"


TOLERATED = frozenset({Kind.DESCRIPTOR, Kind.COMMENT})
"""What installers read all the same, and the public index may refuse; all else is an error."""


class Fault(NamedTuple):
    """One fault; `where` is a member's name, or "" for the whole file."""

    kind: Kind
    message: str
    where: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """Where a member lies: its local header at `start`, its packed bytes at `data`.

    `end` is where the next record begins. `fixed` is the local header's part of constant length,
    `extra` its extra field.
    """

    info: ZipInfo
    start: int
    data: int
    end: int
    fixed: bytes
    extra: bytes


class _Local(NamedTuple):
    """A member's local header; `ends` are where the member may end.

    A data descriptor has several forms, so that there may be several ends.
    """

    info: ZipInfo
    fixed: bytes
    name: bytes
    extra: bytes
    data: int
    ends: tuple[int, ...]

    @property
    def start(self) -> int:
        return self.info.header_offset


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
    if local.name != encoded_name(info):
        raise BadZipFile(f"its own header calls it {local.name.decode(errors='backslashreplace')}")
    return local.data


def packing_fault(info: ZipInfo) -> str:
    """Return why installers cannot unpack a member, by its flags and its method; "" if they can."""
    if info.flag_bits & _ENCRYPTED:
        return "it is encrypted; installers cannot read it"
    if info.flag_bits & ~(_LEVEL | _DESCRIPTOR | _UTF8):
        return f"it has the flags {info.flag_bits:#06x}; installers do not know all of them"
    if info.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
        return f"compression method {info.compress_type}; installers know stored and deflated"
    return ""


def faults(archive: ZipFile) -> Iterator[Fault]:
    """Yield all that lets one reader of an open zip file see something else than another.

    The public index refuses such files for just that reason (its upload API, on archives). Raises
    `BadZipFile` for a directory that does not belong to this file.
    """
    yield from _faults(archive, [])


def members(archive: ZipFile) -> list[Member]:
    """Return where the members lie, in the order of the directory.

    Raises `BadZipFile` for a zip file with a fault that is not tolerated, with two members of one
    name, or with one that installers cannot unpack.
    """
    infos = archive.infolist()
    if len({info.filename for info in infos}) != len(infos):
        raise BadZipFile("two members with one name")
    for info in infos:
        if reason := packing_fault(info):
            raise BadZipFile(f"{info.filename}: {reason}")
        if info.filename != info.orig_filename:
            raise BadZipFile(f"{info.filename}: there is a zero byte in its name")
    headers: list[_Local] = []
    for fault in _faults(archive, headers):
        if fault.kind not in TOLERATED:
            raise BadZipFile(f"{fault.where}: {fault.message}" if fault.where else fault.message)
    by_offset = sorted(headers, key=lambda local: local.start)
    ends = [local.start for local in by_offset[1:]] + [archive.start_dir]
    by_name = {local.info.filename: _member(local, end) for local, end in zip(by_offset, ends)}
    return [by_name[info.filename] for info in infos]


def _member(local: _Local, end: int) -> Member:
    return Member(
        info=local.info,
        start=local.start,
        data=local.data,
        end=end,
        fixed=local.fixed,
        extra=local.extra,
    )


def _faults(archive: ZipFile, headers: list[_Local]) -> Iterator[Fault]:
    """Yield all faults, and leave the local headers of all members in `headers`."""
    stream = stream_of(archive)
    for info in archive.infolist():
        yield from _name_faults(info)
        local = _read_local(stream, info)
        if local is None:
            yield Fault(Kind.HEADER, "no member where the directory says", info.filename)
            end = info.header_offset + info.compress_size
            headers.append(_Local(info, b"", b"", b"", info.header_offset, (end,)))
            continue
        yield from _header_faults(local)
        if _flags(local) & _DESCRIPTOR:
            lengths = _descriptors(stream, local)
            yield _descriptor_fault(info, lengths)
            (end,) = local.ends
            local = local._replace(ends=tuple(end + length for length in lengths or [0]))
        headers.append(local)
    yield from _gaps(headers, archive.start_dir)
    yield from _end_faults(archive, stream)


def _read_local(stream: IO[bytes], info: ZipInfo) -> _Local | None:
    if info.header_offset < 0:  # zipfile subtracts what is missing before a directory
        raise BadZipFile("its directory lists members before the beginning of the file")
    stream.seek(info.header_offset)
    fixed = stream.read(_LOCAL.size)
    if len(fixed) < _LOCAL.size or not fixed.startswith(b"PK\3\4"):
        return None
    *_, name_size, extra_size = _LOCAL.unpack(fixed)
    rest = stream.read(name_size + extra_size)
    data = info.header_offset + _LOCAL.size + len(rest)
    ends = (data + info.compress_size,)
    return _Local(info, fixed, rest[:name_size], rest[name_size:], data, ends)


def _flags(local: _Local) -> int:
    flags: int = _LOCAL.unpack(local.fixed)[2]
    return flags


def _name_faults(info: ZipInfo) -> Iterator[Fault]:
    name = info.orig_filename
    if not name.isascii() and not info.flag_bits & _UTF8:
        message = "it is not ASCII and not marked as UTF-8; readers guess its encoding"
        yield Fault(Kind.NAME, message, info.filename)
    if info.comment:
        yield Fault(Kind.COMMENT, f"a comment of {len(info.comment)} bytes", info.filename)
    if (other := _other_name(info.extra, name.encode())) is not None:
        message = f"another field calls it {other.decode(errors='backslashreplace')}"
        yield Fault(Kind.NAME, message, info.filename)


def _other_name(extra: bytes, name: bytes) -> bytes | None:
    """Return the name in a field for Unicode paths, where it is another one."""
    names = (field[5:] for kind, field in extra_fields(extra) if kind == UNICODE_PATH)
    return next((other for other in names if other != name), None)


def _header_faults(local: _Local) -> Iterator[Fault]:
    info = local.info
    if info.volume:
        message = f"the directory says that it is on disk {info.volume}"
        yield Fault(Kind.HEADER, message, info.filename)
    for message in _differences(local):
        yield Fault(Kind.HEADER, message, info.filename)


def _differences(local: _Local) -> Iterator[str]:
    info = local.info
    _, _, flags, method, _, _, checksum, packed, size, _, _ = _LOCAL.unpack(local.fixed)
    if local.name != encoded_name(info):
        yield f"its own header calls it {local.name.decode(errors='backslashreplace')}"
    fields = extra_fields(local.extra)
    kinds = [kind for kind, _ in fields]
    if -1 in kinds or kinds.count(ZIP64) > 1 or kinds.count(UNICODE_PATH) > 1:
        yield "the extra fields of its own header are broken"
    if _other_name(local.extra, info.orig_filename.encode()) is not None:
        yield "a field of its own header gives it another name"
    if (flags, method) != (info.flag_bits, info.compress_type):
        yield "its own header has other flags or another compression method"
    wide = next((field for kind, field in fields if kind == ZIP64), b"")
    if _FULL32 in {packed, size} and len(wide) >= 16:
        size, packed = struct.unpack("<2Q", wide[:16])
    written = (checksum, packed, size)
    listed = (info.CRC, info.compress_size, info.file_size)
    # With a data descriptor they are zero (APPNOTE.TXT 4.4.4, bit 3), or right all the same.
    if written != listed and not (flags & _DESCRIPTOR and written == (0, 0, 0)):
        yield f"its own header has the checksum and sizes {written}, the directory {listed}"


def _descriptors(stream: IO[bytes], local: _Local) -> list[int]:
    """Return the lengths of the data descriptors that fit behind a member's packed bytes.

    They are 32 or 64 bits wide, with or without signature.
    """
    info = local.info
    stream.seek(local.ends[0])
    content = stream.read(24)
    sizes = (info.CRC, info.compress_size, info.file_size)
    forms = [struct.pack("<3L", *sizes)] if max(sizes) <= _FULL32 else []
    forms.append(struct.pack("<L2Q", *sizes))
    known = [signature + form for form in forms for signature in (b"PK\7\x08", b"")]
    return [len(form) for form in known if content.startswith(form)]


def _descriptor_fault(info: ZipInfo, lengths: list[int]) -> Fault:
    if lengths:
        message = "its size and checksum follow its content"
        return Fault(Kind.DESCRIPTOR, message, info.filename)
    message = "the data descriptor after its content differs from the directory"
    return Fault(Kind.HEADER, message, info.filename)


def _gaps(headers: list[_Local], directory: int) -> Iterator[Fault]:
    """Yield every stretch before the directory that no member has, or that two have."""
    ends: tuple[int, ...] = (0,)
    last = ""
    spans = sorted((local.start, local.ends, local.info.filename) for local in headers)
    for start, own_ends, name in [*spans, (directory, (directory,), "")]:
        behind = start - ends[0]
        if start not in ends:
            place = f"after {last}" if last else "before the first member"
            if behind > 0:
                yield Fault(Kind.STRAY, f"{behind} bytes {place} belong to no member")
            else:
                yield Fault(Kind.STRAY, f"it lies {-behind} bytes into what is before it", name)
        ends, last = max(ends, own_ends), name


def _end_faults(archive: ZipFile, stream: IO[bytes]) -> Iterator[Fault]:
    """Yield what is wrong behind the directory, where only the end records may be."""
    infos = archive.infolist()
    if archive.comment:
        yield Fault(Kind.COMMENT, f"the zip file has a comment of {len(archive.comment)} bytes")
    length = sum(
        _ENTRY_SIZE + len(encoded_name(info)) + len(info.extra) + len(info.comment)
        for info in infos
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
    written = (disk, first_disk, here, count, size, start)
    if wide:
        yield from _wide_faults(rest, place, known)
        fits = all(value in {fact, _FULL16, _FULL32} for value, fact in zip(written, known))
    else:
        fits = written == known
    if not fits or comment != len(archive.comment):
        wrong, right = (*written[2:], comment), (*known[2:], len(archive.comment))
        yield Fault(
            Kind.END, f"the record of its end says {wrong}, its directory and comment are {right}"
        )


def _wide_faults(rest: bytes, place: int, known: tuple[int, ...]) -> Iterator[Fault]:
    _, length, _, _, *written = _END64.unpack_from(rest)
    signature, disk, record_place, disks = _LOCATOR.unpack_from(rest, _END64.size)
    if (length, *written) != (_END64.size - 12, *known):
        yield Fault(
            Kind.END, f"its ZIP64 record says {tuple(written[2:])}, its directory is {known[2:]}"
        )
    if (signature, disk, record_place) != (b"PK\6\7", 0, place) or disks > 1:
        yield Fault(Kind.END, "its ZIP64 locator is broken")


def extra_fields(extra: bytes) -> list[tuple[int, bytes]]:
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


def encoded_name(info: ZipInfo) -> bytes:
    """Return a member's name as its header has it."""
    return info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8 else "cp437")


def stream_of(archive: ZipFile) -> IO[bytes]:
    """Return the file of an open zip file."""
    if archive.fp is None:
        raise ValueError("the zip file is closed")
    return archive.fp
