"""Files that are written completely or not at all.

They are written under a hidden name, then renamed, so that a kill leaves no part of one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from truewheel.errors import Exit, Where, stop

CHUNK = 2**20
"""Bytes that are read at once."""
UNWRITABLE = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
)
"""Errors of a file system that cannot be written; all others come from a wrong path."""


def write_text(path: Path, text: str) -> None:
    """Make `path` hold `text` in UTF-8, all of it or nothing.

    Raises `Stop` (exit 1 or 2) when the file cannot be written; the file that was there is then
    untouched.
    """
    content = text.encode()
    with _replacing(path) as hidden:
        hidden.write_bytes(content)


def write_chunks(path: Path, chunks: Iterable[bytes]) -> None:
    """Make `path` hold the chunks, all of them or nothing: what they raise leaves no file behind.

    Raises `Stop` (exit 1 or 2) when the file cannot be written; the file that was there is then
    untouched.
    """
    with _replacing(path) as hidden, hidden.open("wb") as stream:
        for chunk in chunks:
            stream.write(chunk)


def move(source: Path, destination: Path) -> None:
    """Move a file to the path `destination`, also to another file system.

    No part of it is ever there. Raises `Stop` (exit 1 or 2) when that fails; the source is then
    untouched.
    """
    with explained(destination, "written"):
        try:
            source.replace(destination)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
        else:
            return
        with _replacing(destination) as hidden:
            shutil.copy2(source, hidden)
        source.unlink()


def pack(sources: Iterable[Path], path: Path) -> None:
    """Make `path` a zip of files, stored as they are: equal files make equal bytes.

    Raises `Stop` (exit 1 or 2) when one cannot be read or written; the file that was there is then
    untouched.
    """
    from zipfile import ZipFile, ZipInfo

    with _replacing(path) as hidden, ZipFile(hidden, "w") as archive:
        for source in sources:
            info = ZipInfo(source.name)  # of 1980: the time of a download is no part of a release
            info.external_attr = 0o644 << 16
            info.file_size = source.stat().st_size
            with source.open("rb") as stream, archive.open(info, "w") as member:
                shutil.copyfileobj(stream, member, CHUNK)


def subfolder(folder: Path, *names: str) -> Path:
    """Return a folder below another, both made if they are missing; a link below is never followed.

    Who fills the folder (a build, another job's artifacts) could lead what is written there to
    anywhere. Raises `Stop`: exit 4 for a link or a file in its place, exit 2 when it cannot be
    made.
    """
    with explained(folder, "made"):
        folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        folder = folder / name
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            what = "is a link" if folder.is_symlink() else "is a file"
            raise stop(str(folder), f"{what}, where a folder belongs", "remove it", Exit.WHEEL)
        with explained(folder, "made"):
            folder.mkdir(exist_ok=True)
    return folder


def below(root: Path, relative: str, where: str | Where) -> Path:
    """Return `root / relative`, absolute and without `..`.

    Raises `Stop` (exit 2) if that, or what it links to, leaves the root.
    """
    root = Path(os.path.normpath(root.absolute()))
    path = Path(os.path.normpath(root / relative))
    if not (path.is_relative_to(root) and path.resolve().is_relative_to(root.resolve())):
        message = f"{relative} leaves the folder of the spec"
        raise stop(where, message, "paths start in the folder of truewheel.yml")
    return path


def link_to(folder: Path, path: str) -> Path | None:
    """Return the first link in a path below a folder, the last part included, or None."""
    for name in path.split("/"):
        folder = folder / name
        if folder.is_symlink():
            return folder
    return None


def remove(path: Path) -> None:
    """Remove what is at a path, if anything: a folder with its contents, a link without its target.

    Raises `Stop` (exit 2) when that fails.
    """
    with explained(path, "removed"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hex. Raises `Stop` (exit 2) when it cannot be read."""
    return hexdigest(path, "sha256")


def hexdigest(path: Path, algorithm: str) -> str:
    """Return the hash of a file's bytes in hex. Raises `Stop` (exit 2) when it cannot be read."""
    import hashlib  # with OpenSSL behind it

    digest = hashlib.new(algorithm, usedforsecurity=False)
    with explained(path, "read"), path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Yield a hidden name beside `path`; the file that was written there becomes `path`."""
    hidden = path.with_name(f".{os.urandom(8).hex()}.tmp")
    with explained(path, "written"):
        try:
            yield hidden
            hidden.replace(path)
        except BaseException:
            hidden.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def explained(path: Path, done: str) -> Iterator[None]:
    """Turn what the file system refuses into a `Stop`: `path` cannot be `done` ("read", "written").

    Exit 1 when the file system takes nothing, else exit 2.
    """
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        hint = "look at the path, its rights and the space left"
        code = Exit.BUG if done != "read" and error.errno in UNWRITABLE else Exit.REFUSED
        raise stop(str(path), f"cannot be {done}: {reason}", hint, code) from None
