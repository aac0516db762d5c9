"""The content of a zip file's members, in pieces of bounded size, compared with the directory."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator
from typing import IO, Any
from zipfile import ZIP_STORED, BadZipFile, ZipInfo

from truewheel.wheel.zip_structure import data_start, packing_fault

_codec: Any = zlib
with contextlib.suppress(ImportError):
    from isal import isal_zlib as _codec  # twice as fast

CODEC = str(_codec.__name__)
"""The module that inflates."""

ERRORS: tuple[type[Exception], ...] = (_codec.error, zlib.error)
"""What inflating raises for content that is damaged, beside `BadZipFile`."""

PACKED = 2**18
"""Bytes that are read at once."""

UNPACKED = 2**20
"""Bytes that are handed out at once."""


def unpacked(stream: IO[bytes], info: ZipInfo) -> Iterator[bytes]:
    """Yield a member's content piece by piece.

    Raises `BadZipFile`, or one of `ERRORS`, where size, checksum or the packed bytes are not what
    they should be; never yields more than the size that the directory says.
    """
    if reason := packing_fault(info):
        raise BadZipFile(reason)
    start, size, checksum = data_start(stream, info), 0, 0
    pieces = _stored if info.compress_type == ZIP_STORED else _deflated
    for piece in pieces(stream, start, info.compress_size):
        size += len(piece)
        if size > info.file_size:
            raise BadZipFile(f"more than the {info.file_size} bytes that the zip's directory says")
        checksum = _codec.crc32(piece, checksum)
        yield piece
    if size != info.file_size:
        raise BadZipFile(f"{size} bytes, but the zip's directory says {info.file_size}")
    if checksum != info.CRC:
        raise BadZipFile("its checksum is not that of the zip's directory")


def _stored(stream: IO[bytes], place: int, left: int) -> Iterator[bytes]:
    while left:
        stream.seek(place)
        piece = stream.read(min(left, UNPACKED))
        if not piece:
            raise BadZipFile("the file ends within it")
        place, left = place + len(piece), left - len(piece)
        yield piece


def _deflated(stream: IO[bytes], place: int, left: int) -> Iterator[bytes]:
    inflater = _codec.decompressobj(-15)
    packed = b""
    while not inflater.eof:
        if not packed and left:
            stream.seek(place)
            packed = stream.read(min(left, PACKED))
            place, left = place + len(packed), left - len(packed) if packed else 0
        piece = inflater.decompress(packed, UNPACKED)
        packed = inflater.unconsumed_tail
        if not (piece or packed or left or inflater.eof):
            raise BadZipFile("its packed content ends too early")
        if piece:
            yield piece
    if left or inflater.unused_data:
        raise BadZipFile("something follows its packed content")
