"""Members in pieces: the same content whatever inflates it, and never more than was declared."""

from __future__ import annotations

import random
import zlib
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

import pytest

from truewheel.wheel import inflate

CONTENT = random.Random(1).randbytes(300_000) + bytes(5_000_000)  # noqa: S311
CODECS = [zlib, pytest.param("isal.isal_zlib", id="isal")]


@pytest.fixture(params=CODECS)
def codec(request, monkeypatch):
    module = pytest.importorskip(request.param) if isinstance(request.param, str) else request.param
    monkeypatch.setattr(inflate, "_codec", module)


def packed(content: bytes, compression: int) -> bytes:
    stream = BytesIO()
    with ZipFile(stream, "w", compression) as archive:
        archive.writestr("a", content)
    return stream.getvalue()


def pieces(packed: bytes, **changed: int) -> list[bytes]:
    with ZipFile(BytesIO(packed)) as archive:
        (info,) = archive.infolist()
        for name, value in changed.items():
            setattr(info, name, value)
        return list(inflate.unpacked(archive.fp, info))


@pytest.mark.usefixtures("codec")
@pytest.mark.parametrize("compression", [ZIP_STORED, ZIP_DEFLATED])
@pytest.mark.parametrize("content", [b"", b"x", CONTENT])
def test_the_content_comes_whole_in_small_pieces(compression, content):
    chunks = pieces(packed(content, compression))
    assert b"".join(chunks) == content
    assert max(map(len, chunks), default=0) <= inflate.UNPACKED


@pytest.mark.usefixtures("codec")
@pytest.mark.parametrize("compression", [ZIP_STORED, ZIP_DEFLATED])
@pytest.mark.parametrize(
    "changed", [{"file_size": 7}, {"file_size": 10**9}, {"CRC": 7}, {"compress_size": 300}]
)
def test_what_is_not_as_declared_is_refused(compression, changed):
    with pytest.raises((BadZipFile, *inflate.ERRORS)):
        pieces(packed(CONTENT, compression), **changed)


@pytest.mark.usefixtures("codec")
def test_bytes_behind_the_packed_content_are_refused():
    content = packed(b"hello" * 10, ZIP_DEFLATED)
    with ZipFile(BytesIO(content)) as archive:
        size = archive.infolist()[0].compress_size
    with pytest.raises(BadZipFile, match="something follows"):
        pieces(content, compress_size=size + 5)


@pytest.mark.usefixtures("codec")
def test_no_more_is_unpacked_than_was_declared():
    chunks: list[bytes] = []
    content = packed(bytes(50 * 2**20), ZIP_DEFLATED)
    with ZipFile(BytesIO(content)) as archive:
        (info,) = archive.infolist()
        info.file_size = 3 * 2**20
        with pytest.raises(BadZipFile, match="more than the"):
            chunks.extend(inflate.unpacked(archive.fp, info))
    assert sum(map(len, chunks)) <= 3 * 2**20
