"""Checks of the members of a wheel: their paths, their kinds, and what RECORD says of them."""

from __future__ import annotations

import base64
import re
import stat
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from unicodedata import normalize
from zipfile import ZipInfo

from truewheel.wheel.checks.contents import STRONG, Contents, Scan, linux_machine
from truewheel.wheel.checks.findings import Code, Finding, finding
from truewheel.wheel.reader import Row

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
PATH_LIMIT, PART_LIMIT = 4096, 255
"""Bytes of a path and of one of its parts: more can be unpacked nowhere."""


def check_members(contents: Contents) -> Iterator[Finding]:
    """Each member is a file or a folder; its name is unique and stays inside the target folder."""
    for member, count in Counter(entry.filename for entry in contents.entries).items():
        if count > 1:
            yield finding(
                Code.TW310,
                f"{count} members have this name; installers differ in which they take",
                member,
            )
    for entry in contents.entries:
        yield from _check_member(entry, entry.orig_filename, stat.S_IFREG)
    for entry in contents.folders:
        yield from _check_member(entry, entry.orig_filename[:-1], stat.S_IFDIR)
    yield from _check_places(contents)


def _check_places(contents: Contents) -> Iterator[Finding]:
    """No two members need one place in the file system."""
    ordered = sorted(contents.members)
    for member in ordered:
        below = bisect_left(ordered, f"{member}/")
        if below < len(ordered) and ordered[below].startswith(f"{member}/"):
            yield finding(
                Code.TW320, "it is a file, and other members lie in a folder of that name", member
            )
    # on Linux alone two names remain two files
    severity = "warning" if all(map(linux_machine, contents.platforms)) else "error"
    seen: dict[str, str] = {}
    for member in ordered:
        other = seen.setdefault(normalize("NFC", member).casefold(), member)
        if other != member:
            message = f"on macOS and Windows it is the same file as {other}"
            yield finding(Code.TW321, message, member, severity)


def _check_member(entry: ZipInfo, path: str, kind: int) -> Iterator[Finding]:
    if _is_unsafe(path):
        message = "the path may lead out of the folder it is unpacked to"
        yield finding(Code.TW311, message, entry.orig_filename)
    if stat.S_IFMT(entry.external_attr >> 16) not in {0, kind}:
        yield finding(Code.TW312, "a link or a device; pack the file it stands for", entry.filename)


def _is_unsafe(member: str) -> bool:
    # some systems drop dots and spaces at the end of a name, some tools turn wide letters into
    # plain ones
    plain = normalize("NFKC", member)
    parts, length = plain.split("/"), len(member.encode())
    return (
        not all(part.strip(" .") for part in parts)
        or "\\" in plain
        or bool(re.match(r"[A-Za-z]:", plain))
        or not member.isprintable()
        or length > PATH_LIMIT
        or (
            length > PART_LIMIT
            and any(len(part.encode()) > PART_LIMIT for part in member.split("/"))
        )
    )


def check_record(contents: Contents) -> Iterator[Finding]:
    """RECORD lists each member once, with its size and a strong hash (PEP 376 and 427)."""
    if contents.record is None:
        return
    members = dict.fromkeys(entry.filename for entry in contents.entries)
    rows = {row.path: row for row in contents.record}
    for path, count in Counter(row.path for row in contents.record).items():
        if count > 1:
            yield finding(Code.TW306, f"RECORD has {count} rows for it", path)
        if path not in members:
            yield finding(Code.TW305, "RECORD lists it, the wheel does not have it", path)
    if (record := rows.get(contents.file("RECORD"))) and record.hash:
        yield finding(
            Code.TW307, "RECORD has a hash for itself, which cannot be right", record.path
        )
    unlisted = {contents.file(name) for name in ("RECORD", "RECORD.jws", "RECORD.p7s")}
    for member in members:
        if member in unlisted:
            continue
        if member not in rows:
            yield finding(Code.TW304, "the wheel has it, RECORD does not list it", member)
        elif member in contents.scans:
            yield from _check_row(rows[member], contents.scans[member])


def _check_row(row: Row, scan: Scan) -> Iterator[Finding]:
    algorithm, _, digest = row.hash.partition("=")
    if algorithm not in STRONG:
        yield finding(
            Code.TW309, f"RECORD has {algorithm or 'no hash'}, it needs sha256 or better", row.path
        )
    else:
        actual = base64.urlsafe_b64encode(scan.digest).rstrip(b"=").decode()
        if digest != actual:
            message = f"RECORD says {algorithm}={digest}, the content has {algorithm}={actual}; "
            if _spells(digest, scan.digest):
                message += "the hash is right, its form must be URL-safe base64 without padding"
            else:
                message += "it was changed later"
            yield finding(Code.TW307, message, row.path)
    if row.size and row.size != str(scan.size):
        yield finding(
            Code.TW308, f"RECORD says {row.size} bytes, the member has {scan.size}", row.path
        )


def _spells(text: str, digest: bytes) -> bool:
    """Tell whether a text is this digest in hexadecimal, or in another base64 than RECORD's."""
    plain = text.replace("+", "-").replace("/", "_").rstrip("=")
    return digest in {_bytes_of(plain), bytes.fromhex(text) if _HEX.fullmatch(text) else b""}


def _bytes_of(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""
