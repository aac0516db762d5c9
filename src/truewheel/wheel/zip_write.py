"""Unpacking and writing a zip file with all processors.

What changed is deflated, the rest is copied as it is packed.
"""

from __future__ import annotations

import io
import os
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from itertools import groupby
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import IO, NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipInfo

from truewheel.system.files import CHUNK
from truewheel.wheel import zip_copy
from truewheel.wheel.zip_structure import Member

BLOCK = 2 * CHUNK
"""Bytes that are deflated at once: a large file uses all processors, and little memory."""

Date = tuple[int, int, int, int, int, int]

_UNIX, _UTF8 = 3, 0x0800
_WIDE = 0xF0000000  # what may grow beyond 4 GiB when it cannot be compressed gets ZIP64 sizes


class Deflater(NamedTuple):
    """A module with the interface of zlib, and the level that is asked of it."""

    module: ModuleType
    level: int
    name: str


@cache
def deflater() -> Deflater:
    """Return the fastest deflater that is installed: ISA-L, else zlib.

    ISA-L takes a tenth of zlib's time for a tenth more bytes.
    """
    try:
        from isal import isal_zlib
    except ImportError:
        return Deflater(zlib, 6, f"zlib {zlib.ZLIB_RUNTIME_VERSION}")
    return Deflater(isal_zlib, 2, f"isal {metadata.version('isal')}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A member of the new file.

    A file, bytes, or a member of the old one that is taken over as it is packed.
    """

    name: str
    content: Path | bytes | Member
    is_executable: bool = False

    @property
    def size(self) -> int:
        """Its bytes when it is unpacked."""
        if isinstance(self.content, Member):
            return self.content.info.file_size
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size


class _Piece(NamedTuple):
    """Some bytes of a part, and the packed ones; a copied member is one piece."""

    part: Part
    raw: bytes
    packed: Future[bytes] | None


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))


def is_executable(info: ZipInfo) -> bool:
    """Return whether a member of a zip file may be executed by anybody."""
    return bool(info.external_attr >> 16 & 0o111)


def unpack(archive: IO[bytes], members: Iterable[Member], folder: Path) -> None:
    """Write members of an open zip file below a folder, with their rights to be executed.

    Raises `BadZipFile` for a name that leads elsewhere, and for bytes that are not those that the
    zip file promises.
    """
    largest_first = sorted(members, key=lambda member: -member.info.file_size)
    for member in largest_first:
        path = PurePosixPath(member.info.filename)
        if path.is_absolute() or ".." in path.parts:
            raise BadZipFile(f"{member.info.filename} leads out of the wheel")
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(processors()) as pool:
        list(
            pool.map(
                lambda member: _unpack(archive.fileno(), member, folder / member.info.filename),
                largest_first,
            )
        )


def _unpack(archive: int, member: Member, path: Path) -> None:
    info, checksum, size = member.info, 0, 0
    crc32 = deflater().module.crc32
    with path.open("xb") as out:
        for chunk in _contents(archive, member):
            checksum, size = crc32(chunk, checksum), size + len(chunk)
            if size > info.file_size:
                break
            out.write(chunk)
    if (checksum, size) != (info.CRC, info.file_size):
        raise BadZipFile(f"{info.filename} is not what its checksum promises")
    path.chmod(0o755 if is_executable(info) else 0o644)


def _contents(archive: int, member: Member) -> Iterator[bytes]:
    chunks = _packed_chunks(archive, member)
    if member.info.compress_type == ZIP_STORED:
        yield from chunks
        return
    module = deflater().module
    inflater = module.decompressobj(-zlib.MAX_WBITS)
    try:
        for chunk in chunks:
            while chunk and not inflater.eof:
                yield inflater.decompress(chunk, BLOCK)
                chunk = inflater.unconsumed_tail  # noqa: PLW2901
        while rest := inflater.decompress(b"", BLOCK):
            yield rest
    except module.error as error:
        raise BadZipFile(f"{member.info.filename}: {error}") from None


def _packed_chunks(archive: int, member: Member) -> Iterator[bytes]:
    place, end = member.data, member.data + member.info.compress_size
    while place < end:
        chunk = os.pread(archive, min(CHUNK, end - place), place)
        if not chunk:
            raise BadZipFile("it has become shorter while it was read")
        place += len(chunk)
        yield chunk


def write(out: IO[bytes], archive: IO[bytes], parts: Sequence[Part], date: Date) -> None:
    """Write the parts to the empty file `out`, in their order.

    Members that are copied lie in `archive`. All members get the same date (UTC) and one of two
    rights; there are no data descriptors and no folders. The same parts give the same bytes with
    one version of one deflater. Memory holds a few blocks for each processor.
    """
    with ThreadPoolExecutor(processors()) as pool:
        ahead = _ahead(_pieces(parts, pool), 2 * processors())
        infos = [
            _write_member(out, archive, _info(part, date), part.content)
            if isinstance(part.content, Member)
            else _write_pieces(out, _info(part, date), part.size, pieces)
            for part, pieces in groupby(ahead, key=lambda piece: piece.part)
        ]
    zip_copy.write_directory(out, infos, b"")


def _pieces(parts: Iterable[Part], pool: ThreadPoolExecutor) -> Iterator[_Piece]:
    for part in parts:
        if isinstance(part.content, Member):
            yield _Piece(part, b"", None)
        else:
            for raw, is_last in _blocks(part.content):
                yield _Piece(part, raw, pool.submit(_deflated, raw, is_last))


def _blocks(content: Path | bytes) -> Iterator[tuple[bytes, bool]]:
    """Yield the blocks of a part, at least one, and whether each is the last."""
    with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as stream:
        block = stream.read(BLOCK)
        while following := stream.read(BLOCK):
            yield block, False
            block = following
        yield block, True


def _deflated(raw: bytes, is_last: bool) -> bytes:
    """Return a block as a piece of a deflate stream that depends on no other block."""
    module, level, _ = deflater()
    compressor = module.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed: bytes = compressor.compress(raw) + compressor.flush(
        zlib.Z_FINISH if is_last else zlib.Z_SYNC_FLUSH
    )
    return packed


def _ahead(pieces: Iterable[_Piece], count: int) -> Iterator[_Piece]:
    """Yield the pieces, each when `count` more are being packed."""
    waiting: deque[_Piece] = deque()
    for piece in pieces:
        waiting.append(piece)
        if len(waiting) > count:
            yield waiting.popleft()
    yield from waiting


def _info(part: Part, date: Date) -> ZipInfo:
    info = ZipInfo(part.name, date)
    info.create_system = _UNIX
    info.external_attr = (0o100755 if part.is_executable else 0o100644) << 16
    info.flag_bits = 0 if part.name.isascii() else _UTF8
    return info


def _write_member(out: IO[bytes], archive: IO[bytes], info: ZipInfo, member: Member) -> ZipInfo:
    info.header_offset, old = out.tell(), member.info
    info.compress_type, info.CRC = old.compress_type, old.CRC
    info.compress_size, info.file_size = old.compress_size, old.file_size
    out.write(info.FileHeader())
    zip_copy.append(out, archive, member.data, member.data + old.compress_size)
    return info


def _write_pieces(out: IO[bytes], info: ZipInfo, size: int, pieces: Iterable[_Piece]) -> ZipInfo:
    """Write a part that is deflated; what is small and does not shrink is stored."""
    info.header_offset, info.compress_type, info.CRC = out.tell(), ZIP_DEFLATED, 0
    out.write(info.FileHeader(size > _WIDE))
    for piece in pieces:
        packed = piece.packed.result() if piece.packed else b""
        if len(packed) >= len(piece.raw) == size:
            packed, info.compress_type = piece.raw, ZIP_STORED
        out.write(packed)
        info.CRC = deflater().module.crc32(piece.raw, info.CRC)
        info.file_size += len(piece.raw)
        info.compress_size += len(packed)
    end = out.tell()
    out.seek(info.header_offset)
    out.write(info.FileHeader(size > _WIDE))  # now with the checksum and the sizes
    out.seek(end)
    return info
