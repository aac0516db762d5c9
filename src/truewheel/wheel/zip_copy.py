"""A zip file made from another one.

Members are taken over as they are packed, under other names where asked.
"""

from __future__ import annotations

import copy
import os
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import IO
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

_LOCAL = struct.Struct("<4s5H3L2H")  # the records and their names: APPNOTE.TXT, section 4.3
_CENTRAL = struct.Struct("<4s4B4H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_EXTRA = struct.Struct("<2H")
_ZIP64, _UNICODE_PATH = 0x0001, 0x7075
_ENCRYPTED, _LEVEL, _DESCRIPTOR, _UTF8 = 0x0001, 0x0006, 0x0008, 0x0800
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """Where a member lies.

    Its local header at `start`, its packed bytes at `data`, the next record at `end`.

    `fixed` is the local header's part of constant length, `extra` its extra field.
    """

    info: ZipInfo
    start: int
    data: int
    end: int
    fixed: bytes
    extra: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A member of the new file.

    The packed bytes of `member`, or `content` in their place, under `name`.
    """

    member: Member
    name: str
    content: bytes | None = None

    @property
    def is_untouched(self) -> bool:
        """Whether even the local header stays as it is."""
        return self.content is None and self.name == self.member.info.filename


def members(archive: ZipFile) -> list[Member]:
    """Return where the members lie, in the order of the directory.

    Every byte of the file must belong to one member or the directory, and each local header must
    say what the directory says, so that all readers see the same files. Raises `BadZipFile` when
    that is not so.
    """
    infos = archive.infolist()
    if len({info.filename for info in infos}) != len(infos):
        raise BadZipFile("two members with one name")
    _check_ends(archive)
    by_offset = sorted(infos, key=lambda info: info.header_offset)
    ends = [info.header_offset for info in by_offset[1:]] + [archive.start_dir]
    found = {
        info.filename: _member(_stream(archive), info, end) for info, end in zip(by_offset, ends)
    }
    return [found[info.filename] for info in infos]


def _check_ends(archive: ZipFile) -> None:
    if first := min((info.header_offset for info in archive.infolist()), default=0):
        raise BadZipFile(f"{first} bytes before the first member")
    directory = sum(
        _CENTRAL.size + len(_encoded(i)) + len(i.extra) + len(i.comment) for i in archive.infolist()
    )
    size = _stream(archive).seek(0, os.SEEK_END)
    rest = size - archive.start_dir - directory - len(archive.comment) - _END.size
    if rest not in {0, _END64.size + _LOCATOR.size}:
        raise BadZipFile("bytes after the directory that belong to nothing")


def _member(stream: IO[bytes], info: ZipInfo, end: int) -> Member:
    name = info.filename
    if info.flag_bits & ~(_LEVEL | _DESCRIPTOR | _UTF8):
        word = (
            "is encrypted"
            if info.flag_bits & _ENCRYPTED
            else f"has the flags {info.flag_bits:#06x}"
        )
        raise BadZipFile(f"{name}: {word}; installers cannot read it")
    stream.seek(info.header_offset)
    fixed = stream.read(_LOCAL.size)
    if len(fixed) < _LOCAL.size or not fixed.startswith(b"PK\3\4"):
        raise BadZipFile(f"{name}: no member where the directory says")
    *_, name_length, extra_length = _LOCAL.unpack(fixed)
    local_name, extra = stream.read(name_length), stream.read(extra_length)
    data = info.header_offset + _LOCAL.size + name_length + extra_length
    if (
        local_name != _encoded(info)
        or name != info.orig_filename
        or not _is_agreed(fixed, extra, info)
    ):
        raise BadZipFile(f"{name}: its header differs from the directory")
    gap = end - data - info.compress_size
    stream.seek(data + info.compress_size)
    if gap < 0 or gap > 24 or stream.read(gap) not in _descriptors(info):
        raise BadZipFile(
            f"{name}: overlaps with what follows, or is followed by bytes that belong to nothing"
        )
    return Member(info=info, start=info.header_offset, data=data, end=end, fixed=fixed, extra=extra)


def _is_agreed(fixed: bytes, extra: bytes, info: ZipInfo) -> bool:
    _, _, flags, method, _, _, checksum, packed, size, _, _ = _LOCAL.unpack(fixed)
    if (flags, method) != (info.flag_bits, info.compress_type):
        return False
    wide = b"".join(field[_EXTRA.size :] for kind, field in _fields(extra) if kind == _ZIP64)
    if _FULL32 in {packed, size} and len(wide) >= 16:
        size, packed = struct.unpack("<2Q", wide[:16])
    return bool(flags & _DESCRIPTOR) or (checksum, packed, size) == (
        info.CRC,
        info.compress_size,
        info.file_size,
    )


def _descriptors(info: ZipInfo) -> set[bytes]:
    """Return the bytes that may follow a member's data.

    None, or its checksum and sizes in one of four forms.
    """
    if not info.flag_bits & _DESCRIPTOR:
        return {b""}
    sizes = (info.CRC, info.compress_size, info.file_size)
    forms = [struct.pack("<L2Q", *sizes)]
    if max(sizes) <= _FULL32:
        forms.append(struct.pack("<3L", *sizes))
    return {signature + form for signature in (b"", b"PK\7\x08") for form in forms}


def write(out: IO[bytes], archive: ZipFile, parts: Sequence[Part]) -> None:
    """Write the parts to the empty file `out`.

    Each where its member was, the directory in the order of `parts`.

    Only headers whose name changes and the directory are made anew; between them whole stretches
    are copied by the kernel. New content is stored, not deflated, so that the bytes do not depend
    on a version of zlib. ZIP64 records are written from 4 GiB or 65,535 members on.
    """
    source = _stream(archive)
    placed: dict[str, ZipInfo] = {}
    by_offset = sorted(parts, key=lambda part: part.member.start)
    for untouched, run in groupby(by_offset, key=lambda part: part.is_untouched):
        stretch = list(run)
        if untouched:
            start = stretch[0].member.start
            moved = append(out, source, start, stretch[-1].member.end) - start
            placed |= {part.name: _placed(part, part.member.start + moved) for part in stretch}
        else:
            placed |= {part.name: _write_part(out, source, part) for part in stretch}
    write_directory(out, [placed[part.name] for part in parts], archive.comment)


def _write_part(out: IO[bytes], source: IO[bytes], part: Part) -> ZipInfo:
    member, info = part.member, _placed(part, out.tell())
    extra = (
        _without(member.extra, _UNICODE_PATH)
        if part.content is None
        else _without(member.extra, _UNICODE_PATH, _ZIP64)
    )
    fixed = member.fixed
    if part.content is not None:
        signature, version, _, _, time, date, *_ = _LOCAL.unpack(member.fixed)
        sizes = (info.CRC, info.compress_size, info.file_size)
        fixed = _LOCAL.pack(
            signature, version, info.flag_bits, info.compress_type, time, date, *sizes, 0, 0
        )
    name = _encoded(info)
    out.write(fixed[: -_EXTRA.size] + _EXTRA.pack(len(name), len(extra)) + name + extra)
    if part.content is None:
        append(out, source, member.data, member.end)
    else:
        out.write(part.content)
    return info


def _placed(part: Part, offset: int) -> ZipInfo:
    """Return the entry of the directory for a part that was written at `offset`."""
    info = copy.copy(part.member.info)
    info.header_offset = offset
    if not part.is_untouched:
        info.filename = info.orig_filename = part.name
        info.extra = _without(info.extra, _UNICODE_PATH)
    if part.content is not None:
        info.flag_bits &= _UTF8
        info.compress_type = ZIP_STORED
        info.CRC = zlib.crc32(part.content)
        info.compress_size = info.file_size = len(part.content)
    return info


def append(out: IO[bytes], source: IO[bytes], start: int, end: int) -> int:
    """Copy the bytes from `start` to `end` and return where they begin in the new file."""
    out.flush()
    position = out.tell()
    while start < end:
        count = _copy(source.fileno(), out.fileno(), end - start, start)
        if not count:
            raise BadZipFile("it has become shorter while it was read")
        start += count
    return position


def _copy(source: int, target: int, count: int, offset: int) -> int:
    try:
        return os.copy_file_range(
            source, target, count, offset
        )  # shares the blocks where the file system can
    except OSError:  # between file systems, on old kernels
        return os.sendfile(target, source, offset, count)


def write_directory(out: IO[bytes], infos: Iterable[ZipInfo], comment: bytes) -> None:
    """Write the zip's directory; ZIP64 records are written from 4 GiB or 65,535 members on."""
    entries = [_entry(info) for info in infos]
    start, size, count = out.tell(), sum(map(len, entries)), len(entries)
    out.writelines(entries)
    if count >= _FULL16 or max(start, size) >= _FULL32:
        out.write(_END64.pack(b"PK\6\6", _END64.size - 12, 45, 45, 0, 0, count, count, size, start))
        out.write(_LOCATOR.pack(b"PK\6\7", 0, start + size, 1))
    short = min(count, _FULL16)
    out.write(
        _END.pack(
            b"PK\5\6", 0, 0, short, short, min(size, _FULL32), min(start, _FULL32), len(comment)
        )
    )
    out.write(comment)


def _entry(info: ZipInfo) -> bytes:
    sizes = (info.file_size, info.compress_size, info.header_offset)
    wide = b"".join(struct.pack("<Q", size) for size in sizes if size >= _FULL32)
    size, packed, offset = (min(size, _FULL32) for size in sizes)
    extra = _without(info.extra, _ZIP64)
    if wide:
        extra = _EXTRA.pack(_ZIP64, len(wide)) + wide + extra
    year, month, day, hour, minute, second = info.date_time
    time, date = hour << 11 | minute << 5 | second // 2, year - 1980 << 9 | month << 5 | day
    needed = max(info.extract_version, 45) if wide else info.extract_version
    versions = (info.create_version, info.create_system, needed, info.reserved)
    state = (info.flag_bits, info.compress_type, time, date, info.CRC, packed, size)
    name = _encoded(info)
    lengths = (len(name), len(extra), len(info.comment))
    attributes = (0, info.internal_attr, info.external_attr, offset)
    return (
        _CENTRAL.pack(b"PK\1\2", *versions, *state, *lengths, *attributes)
        + name
        + extra
        + info.comment
    )


def _without(extra: bytes, *kinds: int) -> bytes:
    return b"".join(field for kind, field in _fields(extra) if kind not in kinds)


def _fields(extra: bytes) -> list[tuple[int, bytes]]:
    """Split an extra field into its kinds and their bytes with header.

    A rest that is none has the kind -1.
    """
    fields = []
    while len(extra) >= _EXTRA.size:
        kind, length = _EXTRA.unpack_from(extra)
        fields.append((kind, extra[: _EXTRA.size + length]))
        extra = extra[_EXTRA.size + length :]
    return [*fields, (-1, extra)] if extra else fields


def _encoded(info: ZipInfo) -> bytes:
    return info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8 else "cp437")


def _stream(archive: ZipFile) -> IO[bytes]:
    stream = archive.fp
    if stream is None:
        raise ValueError("the zip file is closed")
    return stream
