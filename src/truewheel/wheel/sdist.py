"""Reading a source archive without trusting it: nothing of it is unpacked to the disk."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple, cast

from packaging.utils import canonicalize_name, parse_sdist_filename
from packaging.version import Version

from truewheel.wheel.reader import TEXT_LIMIT

SUFFIXES = (".tar.gz", ".zip")
"""How the names of source archives end that an index takes."""
FREE, RATIO = 64 * 2**20, 200
"""Bytes that any archive may unpack to, and the most for one byte of a larger one."""
_BROKEN = (tarfile.TarError, EOFError, OSError, ValueError, zlib.error, OverflowError)


class SdistName(NamedTuple):
    """The parts of a source archive's file name as they are written there."""

    distribution: str
    version: str

    @property
    def project(self) -> str:
        """The name of the project in its normal form."""
        return canonicalize_name(self.distribution)


class Sdist(NamedTuple):
    """What is read of an archive: its members, and PKG-INFO of its only folder at the top.

    `unsafe` are members that installers refuse to unpack, each with the reason.
    """

    tops: tuple[str, ...]
    members: frozenset[str]
    unsafe: tuple[tuple[str, str], ...]
    pkg_info: bytes | None


def is_sdist(filename: str) -> bool:
    """Tell whether a file has the name of a source archive."""
    return filename.endswith(SUFFIXES)


def parse_name(filename: str) -> SdistName:
    """Return the parts of a file name. Raises `ValueError` for one that `packaging` refuses."""
    parse_sdist_filename(filename)
    stem = filename.removesuffix(".zip").removesuffix(".tar.gz")
    distribution, _, version = stem.rpartition("-")
    return SdistName(distribution, version)


def version_of(filename: str) -> Version:
    """Return the version of a file name. Raises `ValueError` as `parse_name` does."""
    return parse_sdist_filename(filename)[1]


def read(path: Path) -> Sdist:
    """Return what an archive holds. Raises `ValueError` when it cannot be read to its end."""
    try:
        if path.name.endswith(".zip"):
            return _from_zip(path)
        with path.open("rb") as file, gzip.open(file) as unpacked:
            limit = max(FREE, RATIO * path.stat().st_size)
            stream = cast("IO[bytes]", _Bounded(unpacked, limit))
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                return _from_tar(archive)
    except _BROKEN as error:
        raise ValueError(str(error) or type(error).__name__) from None


class _Bounded:
    """A stream that ends with an error where an archive unpacks to too much."""

    def __init__(self, stream: gzip.GzipFile, limit: int) -> None:
        self._stream = stream
        self._left = limit

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise ValueError("it unpacks to so much that it would be a bomb")
        return data


def _from_tar(archive: tarfile.TarFile) -> Sdist:
    names, unsafe, texts = [], [], {}
    for member in archive:
        name = member.name.removeprefix("./")
        if reason := _danger(member):
            unsafe.append((name, reason))
        if member.isdir():
            continue
        names.append(name)
        if name.count("/") == 1 and name.endswith("/PKG-INFO") and member.isreg():
            stream = archive.extractfile(member)
            texts[name] = stream.read(TEXT_LIMIT) if stream else b""
    return _sdist(names, unsafe, texts)


def _from_zip(path: Path) -> Sdist:
    from zipfile import ZipFile

    with ZipFile(path) as archive:
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
        unsafe = [(name, "leaves the folder") for name in names if _leaves("", name)]
        texts = {}
        for name in names:
            if name.count("/") == 1 and name.endswith("/PKG-INFO"):
                with archive.open(name) as stream:
                    texts[name] = stream.read(TEXT_LIMIT)
    return _sdist(names, unsafe, texts)


def _sdist(
    names: Iterable[str], unsafe: Iterable[tuple[str, str]], texts: dict[str, bytes]
) -> Sdist:
    members = frozenset(names)
    tops = tuple(sorted({name.partition("/")[0] for name in members}))
    pkg_info = texts.get(f"{tops[0]}/PKG-INFO") if len(tops) == 1 else None
    return Sdist(tops, members, tuple(unsafe), pkg_info)


def _danger(member: tarfile.TarInfo) -> str:
    """Return why installers do not unpack a member (PEP 721, the filter `data`), or ""."""
    if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
        return "is neither a file nor a folder nor a link"
    if _leaves("", member.name):
        return "leaves the folder"
    folder = str(PurePosixPath(member.name).parent) if member.issym() else ""
    if (member.issym() or member.islnk()) and _leaves(folder, member.linkname):
        return f"is a link out of the folder, to {member.linkname}"
    return ""


def _leaves(folder: str, name: str) -> bool:
    """Tell whether a path below a folder of the archive leads out of the archive."""
    depth = 0
    for part in (*PurePosixPath(folder).parts, *PurePosixPath(name).parts):
        depth += -1 if part == ".." else 1
        if depth < 0:
            return True
    return name.startswith("/")
