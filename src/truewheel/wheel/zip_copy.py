"""Copying a zip file: members stay as they are packed, under other names where asked."""

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

from truewheel.wheel.zip_structure import (
    UNICODE_PATH,
    ZIP64,
    Member,
    encoded_name,
    extra_fields,
    stream_of,
)

_LOCAL = struct.Struct("<4s5H3L2H")  # the records and their names: APPNOTE.TXT, section 4.3
_CENTRAL = struct.Struct("<4s4B4H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_EXTRA = struct.Struct("<2H")
_UTF8 = 0x0800
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A member of the new file: the bytes of `member`, or `content`, under `name`."""

    member: Member
    name: str
    content: bytes | None = None

    @property
    def is_untouched(self) -> bool:
        """Whether even the local header stays as it is."""
        return self.content is None and self.name == self.member.info.filename


def write(out: IO[bytes], archive: ZipFile, parts: Sequence[Part]) -> None:
    """Write the parts to the empty file `out`.

    Each is written where its member was, the directory in the order of `parts`. Only headers whose
    name changes and the directory are written anew; what is between them is copied by the
    kernel. New content is stored, not deflated, so that the bytes do not depend on a version of
    zlib. ZIP64 records are written from 4 GiB or 65,535 members on.
    """
    source = stream_of(archive)
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
        _without(member.extra, UNICODE_PATH)
        if part.content is None
        else _without(member.extra, UNICODE_PATH, ZIP64)
    )
    fixed = member.fixed
    if part.content is not None:
        signature, version, _, _, time, date, *_ = _LOCAL.unpack(member.fixed)
        sizes = (info.CRC, info.compress_size, info.file_size)
        fixed = _LOCAL.pack(
            signature, version, info.flag_bits, info.compress_type, time, date, *sizes, 0, 0
        )
    name = encoded_name(info)
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
        info.extra = _without(info.extra, UNICODE_PATH)
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
        # shares the blocks where the file system can
        return os.copy_file_range(source, target, count, offset)
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
    extra = _without(info.extra, ZIP64)
    if wide:
        extra = _EXTRA.pack(ZIP64, len(wide)) + wide + extra
    year, month, day, hour, minute, second = info.date_time
    time, date = hour << 11 | minute << 5 | second // 2, year - 1980 << 9 | month << 5 | day
    needed = max(info.extract_version, 45) if wide else info.extract_version
    versions = (info.create_version, info.create_system, needed, info.reserved)
    state = (info.flag_bits, info.compress_type, time, date, info.CRC, packed, size)
    name = encoded_name(info)
    lengths = (len(name), len(extra), len(info.comment))
    attributes = (0, info.internal_attr, info.external_attr, offset)
    return (
        _CENTRAL.pack(b"PK\1\2", *versions, *state, *lengths, *attributes)
        + name
        + extra
        + info.comment
    )


def _without(extra: bytes, *kinds: int) -> bytes:
    """Return an extra field without some kinds; a rest that is no field stays as it is."""
    return b"".join(
        field if kind < 0 else _EXTRA.pack(kind, len(field)) + field
        for kind, field in extra_fields(extra)
        if kind not in kinds
    )
