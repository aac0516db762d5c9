"""Unpacking a wheel's native files into a folder, and packing the wheel again.

What did not change there is copied as it is packed.
"""

from __future__ import annotations

import base64
import contextlib
import csv
import io
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZIP_STORED, BadZipFile

from truewheel.errors import Exit, Stop, stop
from truewheel.system import files
from truewheel.wheel import zip_structure, zip_write
from truewheel.wheel.filename import printable
from truewheel.wheel.reader import Wheel
from truewheel.wheel.zip_structure import Member
from truewheel.wheel.zip_write import Part

SIGNATURES = ("RECORD.jws", "RECORD.p7s")
WORTH_PACKING = 1024
"""Bytes from which a stored member is deflated."""

EARLIEST, LATEST = 315532800, 4354819198
"""Seconds since 1970 of the first and last date that a zip file can hold."""

_Stamp = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Unpacked:
    """An open wheel and the members of it that lie in a folder.

    By `stamps` one sees later which of the files were changed.
    """

    wheel: Wheel
    members: Mapping[str, Member]
    folder: Path
    stamps: Mapping[str, _Stamp]


def unpack(wheel: Wheel, natives: Iterable[str], folder: Path) -> Unpacked:
    """Unpack the native files, WHEEL, and what was stored but is worth to be deflated.

    Raises `Stop` (exit 4) for a broken wheel.
    """
    with _explained(wheel):
        members = _members(wheel)
        wanted = {*natives, f"{wheel.dist_info}/WHEEL"}
        chosen = [member for name, member in members.items() if name in wanted or _is_loose(member)]
        with wheel.path.open("rb") as stream:
            zip_write.unpack(stream, chosen, folder)
    return Unpacked(wheel=wheel, members=members, folder=folder, stamps=_stamps(folder))


def unpack_only(wheel: Wheel, names: Collection[str], folder: Path) -> None:
    """Unpack some members to be read. Raises `Stop` (exit 4) for a broken wheel."""
    with _explained(wheel), wheel.path.open("rb") as stream:
        chosen = [member for name, member in _members(wheel).items() if name in names]
        zip_write.unpack(stream, chosen, folder)


def _members(wheel: Wheel) -> dict[str, Member]:
    names = {entry.filename for entry in wheel.entries}
    everything = zip_structure.members(wheel.archive)  # folders, too
    return {member.info.filename: member for member in everything if member.info.filename in names}


def repack(unpacked: Unpacked, out: Path, seconds: int) -> None:
    """Write the wheel with what is in the folder now to `out`, a path that is free; RECORD says so.

    dist-info comes last and RECORD at its end (PEP 427); all dates are `seconds` after 1970 in UTC.
    Raises `Stop` (exit 4) for members that the old RECORD does not know.
    """
    wheel, stamps = unpacked.wheel, _stamps(unpacked.folder)
    changed = {name for name, stamp in stamps.items() if unpacked.stamps.get(name) != stamp}
    info = f"{wheel.dist_info}/"
    gone = {*unpacked.stamps} - {*stamps} | {f"{info}{name}" for name in ("RECORD", *SIGNATURES)}
    names = [name for name in unpacked.members if name not in gone] + sorted(
        changed - {*unpacked.members}
    )
    names.sort(key=lambda name: name.startswith(info))  # what was in order stays so
    parts = [_part(name, unpacked, is_file=name in changed) for name in names]
    record = Part(name=f"{info}RECORD", content=_record(wheel, names, changed, unpacked.folder))
    date = time.gmtime(min(max(seconds, EARLIEST), LATEST))
    with (
        files.explained(out, "written"),
        wheel.path.open("rb") as archive,
        out.open("xb") as stream,
    ):
        zip_write.write(stream, archive, [*parts, record], date[:6])


def _is_loose(member: Member) -> bool:
    return member.info.compress_type == ZIP_STORED and member.info.file_size >= WORTH_PACKING


def _part(name: str, unpacked: Unpacked, *, is_file: bool) -> Part:
    """Return a member of the new wheel: the file in the folder if it changed, else the old one."""
    member = unpacked.members.get(name)
    if member and not is_file and not _is_loose(member):
        return Part(name=name, content=member, is_executable=zip_write.is_executable(member.info))
    path = unpacked.folder / name
    return Part(name=name, content=path, is_executable=bool(path.stat().st_mode & 0o111))


def _record(wheel: Wheel, names: Iterable[str], changed: Collection[str], folder: Path) -> bytes:
    """Return RECORD: the old rows, and new ones for the files that changed."""
    rows = {row.path: (row.hash, row.size) for row in wheel.record}
    with ThreadPoolExecutor(zip_write.processors()) as pool:
        digests = pool.map(lambda name: files.sha256(folder / name), changed)
    for name, digest in zip(changed, digests):
        text = base64.urlsafe_b64encode(bytes.fromhex(digest)).rstrip(b"=").decode()
        rows[name] = (f"sha256={text}", str((folder / name).stat().st_size))
    lines = io.StringIO(newline="")
    writer = csv.writer(lines, lineterminator="\n")
    for name in names:
        if name not in rows:
            raise _stop(wheel, f"RECORD does not list {name}")
        writer.writerow((name, *rows[name]))
    writer.writerow((f"{wheel.dist_info}/RECORD", "", ""))
    return lines.getvalue().encode()


def _stamps(folder: Path) -> dict[str, _Stamp]:
    """Return what changes when somebody writes to a file, for each file below a folder."""
    stamps = {}
    for path in folder.rglob("*"):
        if path.is_file():
            status = path.stat()
            stamps[path.relative_to(folder).as_posix()] = (
                status.st_ino,
                status.st_size,
                status.st_ctime_ns,
            )
    return stamps


@contextlib.contextmanager
def _explained(wheel: Wheel) -> Iterator[None]:
    try:
        yield
    except BadZipFile as error:
        raise _stop(wheel, str(error)) from None


def _stop(wheel: Wheel, message: str) -> Stop:
    hint = "build the wheel again; `validate` says all that is wrong with it"
    return stop(printable(str(wheel.path)), printable(message), hint, Exit.WHEEL)
