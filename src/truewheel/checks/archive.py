"""Checks on the members of a wheel: their paths and kinds, and RECORD against their bytes."""

from __future__ import annotations

import base64
import re
import stat
from collections import Counter
from collections.abc import Iterator
from zipfile import ZipInfo

from truewheel.checks.contents import STRONG, Contents, Scan
from truewheel.checks.findings import Code, Finding, finding
from truewheel.wheelfile import Row


def check_members(contents: Contents) -> Iterator[Finding]:
    """Each member has a name of its own, inside the folder it is unpacked to, and is a file or a folder."""
    for member, count in Counter(entry.filename for entry in contents.entries).items():
        if count > 1:
            yield finding(Code.TW310, f"{count} members have this name; installers differ in which they take", member)
    for entry in contents.entries:
        yield from _check_member(entry, entry.orig_filename, stat.S_IFREG)
    for entry in contents.folders:
        yield from _check_member(entry, entry.orig_filename[:-1], stat.S_IFDIR)
    parents = {parent for entry in contents.entries for parent in _parents(entry.filename)}
    for member in sorted(parents & contents.members):
        yield finding(Code.TW320, "it is a file, and other members lie in a folder of that name", member)


def _parents(member: str) -> Iterator[str]:
    place = member.find("/")
    while place > 0:
        yield member[:place]
        place = member.find("/", place + 1)


def _check_member(entry: ZipInfo, path: str, kind: int) -> Iterator[Finding]:
    if _is_unsafe(path):
        message = "the path may lead out of the folder it is unpacked to"
        yield finding(Code.TW311, message, entry.orig_filename)
    if stat.S_IFMT(entry.external_attr >> 16) not in {0, kind}:
        yield finding(Code.TW312, "a link or a device; pack the file it stands for", entry.filename)


def _is_unsafe(member: str) -> bool:
    odd_parts = {"", ".", ".."}.intersection(member.split("/"))
    return bool(odd_parts) or "\\" in member or bool(re.match(r"[A-Za-z]:", member)) or not member.isprintable()


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
        yield finding(Code.TW309, f"RECORD has {algorithm or 'no hash'}, it needs sha256 or better", row.path)
    else:
        actual = base64.urlsafe_b64encode(scan.digest).rstrip(b"=").decode()
        if digest != actual:
            message = f"RECORD says {algorithm}={digest}, the content has {algorithm}={actual}; it was changed later"
            yield finding(Code.TW307, message, row.path)
    if row.size and row.size != str(scan.size):
        yield finding(Code.TW308, f"RECORD says {row.size} bytes, the member has {scan.size}", row.path)
