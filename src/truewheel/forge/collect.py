"""The wheels of a pipeline, out of the artifacts of its jobs, into a folder that `prove` reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

from truewheel.files import explained, write_chunks
from truewheel.forge.model import Forge, Look
from truewheel.problems import Exit, stop

WANTED = re.compile(r"(?:[^/\\\x00]+/)*?(?P<path>plan\.json|[^/\\\x00]+\.whl|evidence/[^/\\\x00]+\.json)", re.ASCII)
"""What is taken of an archive: the plan, wheels and their evidence, whatever folder they lie in."""
COPIES = re.compile(r"(?:.*/)?(?:copies|archives)/")
CHUNK = 2**20


def collect(forge: Forge, look: Look, out: Path, tell: Callable[[str], None]) -> None:
    """Download what the jobs that went well left behind, and take the plan, the wheels and their evidence out.

    Raises `Stop`: exit 4 when an archive is broken, exit 5 or 6 when it cannot be had.
    """
    with explained(out, "written"):
        out.mkdir(parents=True, exist_ok=True)
    for archive in forge.archives(look):
        file = out / f".artifacts-{archive.id}.zip"
        tell(f"downloading the artifacts of {archive.name}")
        try:
            forge.fetch(archive, file)
            _extract(file, out, archive.name)
        finally:
            file.unlink(missing_ok=True)


def _extract(archive: Path, out: Path, name: str) -> None:
    try:
        with ZipFile(archive) as opened:
            for member in opened.infolist():
                if place := _place(member):
                    path = out / place
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with opened.open(member) as stream:
                        write_chunks(path, iter(lambda stream=stream: stream.read(CHUNK), b""))  # type: ignore[misc]
    except (BadZipFile, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise stop(f"artifacts of {name}", f"no archive: {error}", "look at the job", Exit.WHEEL) from None


def _place(member: ZipInfo) -> str:
    """Return where a member is to lie below the folder, or "" for what is not wanted."""
    match = WANTED.fullmatch(member.filename)
    if not match or member.is_dir() or COPIES.match(member.filename) or ".." in member.filename.split("/"):
        return ""
    return match["path"]
