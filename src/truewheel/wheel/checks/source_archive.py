"""Checks of a source archive: its name, that it can be unpacked, and its PKG-INFO.

Sources: PEP 625, the specification of source archives, PEP 721, and the upload API of the public
index.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from truewheel.wheel import index_profiles, sdist
from truewheel.wheel.checks import metadata, requirements, upload
from truewheel.wheel.checks.contents import Contents
from truewheel.wheel.checks.findings import Code, Finding, finding, listing, shortened
from truewheel.wheel.checks.upload import Destination
from truewheel.wheel.filename import normalized
from truewheel.wheel.reader import Fields, parse_fields
from truewheel.wheel.sdist import Sdist, SdistName


def validate(path: Path, to: Destination) -> tuple[list[Finding], Fields | None]:
    """Return the findings about a source archive, and the fields of its PKG-INFO."""
    findings: list[Finding] = []
    name = None
    try:
        name = sdist.parse_name(path.name)
        findings += _check_name(path.name, name, to)
    except ValueError as error:
        findings.append(finding(Code.TW901, str(error)))
    limit = to.limit
    if limit and (size := path.stat().st_size) > limit:
        message = f"it has {size} bytes, the index takes {limit}: ask it for more, or pack less"
        findings.append(finding(Code.TW602, message))
    try:
        archive = sdist.read(path)
    except ValueError as error:
        findings.append(finding(Code.TW902, f"it cannot be unpacked: {error}"))
        return findings, None
    fields = _fields(archive, findings)
    findings += _check_archive(archive, name)
    if fields is not None:
        findings += _check_fields(fields, archive, name, to)
    return shortened(upload.with_severity_of_index(findings, to)), fields


def _check_name(filename: str, name: SdistName, to: Destination) -> Iterator[Finding]:
    if filename.endswith(".zip"):
        message = "a source archive is a .tar.gz (PEP 625); build it again with newer tools"
        yield finding(Code.TW901, message, severity="warning")
    if name.distribution != normalized(name.distribution):
        message = (
            f"the file name says {name.distribution}, the normal form is "
            f"{normalized(name.distribution)}; build it with newer tools"
        )
        yield finding(Code.TW103, message)
    if name.version != str(Version(name.version)):
        message = f"the file name says {name.version}, PEP 440 writes {Version(name.version)}"
        yield finding(Code.TW102, message, severity="warning")
    if index_profiles.PROFILES[to.profile].strict and "+" in name.version:
        reason = f"the profile {to.profile} does not take it: local version"
        yield finding(Code.TW601, reason)


def _fields(archive: Sdist, findings: list[Finding]) -> Fields | None:
    if archive.pkg_info is None:
        tops = listing(archive.tops) or "nothing"
        message = f"no PKG-INFO in the only folder at its top; there is {tops}"
        findings.append(finding(Code.TW903, message))
        return None
    try:
        return parse_fields(archive.pkg_info.decode())
    except ValueError as error:
        findings.append(finding(Code.TW903, f"PKG-INFO cannot be read: {error}"))
        return None


def _check_archive(archive: Sdist, name: SdistName | None) -> Iterator[Finding]:
    for member, reason in archive.unsafe:
        yield finding(Code.TW904, f"it {reason}; installers refuse the archive", member)
    if name is None or len(archive.tops) != 1:
        return
    expected = f"{name.distribution}-{name.version}"
    if archive.tops[0] != expected:
        distribution, _, version = archive.tops[0].rpartition("-")
        same = canonicalize_name(distribution) == name.project and _same(version, name.version)
        message = f"the folder is {archive.tops[0]}, the file name says {expected}"
        yield finding(Code.TW905, message, severity="warning" if same else "error")


def _same(version: str, other: str) -> bool:
    try:
        return Version(version) == Version(other)
    except (InvalidVersion, ValueError):
        return False


def _check_fields(
    fields: Fields, archive: Sdist, name: SdistName | None, to: Destination
) -> Iterator[Finding]:
    where = f"{archive.tops[0]}/PKG-INFO"
    if not fields.first("Metadata-Version"):
        yield finding(Code.TW211, "it has no Metadata-Version", where)
    if name and canonicalize_name(fields.first("Name")) != name.project:
        message = f"Name is {fields.first('Name')}, the file name says {name.distribution}"
        yield finding(Code.TW207, message, where)
    if name and not _same(fields.first("Version"), name.version):
        message = f"Version is {fields.first('Version')}, the file name says {name.version}"
        yield finding(Code.TW208, message, where)
    # Those of a wheel's METADATA, which has the same fields.
    contents = Contents(name=None, entries=(), dist_infos=(archive.tops[0],), metadata=fields)
    checks = [metadata.check_fields, requirements.check_requirements]
    if index_profiles.PROFILES[to.profile].strict:
        checks.append(metadata.check_for_index)
        yield from _check_licences(fields, archive, where)
    for check in checks:
        for item in check(contents):
            yield replace(item, where=where) if item.where.endswith("/METADATA") else item


def _check_licences(fields: Fields, archive: Sdist, where: str) -> Iterator[Finding]:
    """The index looks for each License-File of METADATA 2.4 and later (PEP 639)."""
    if _is_before(fields.first("Metadata-Version"), "2.4"):
        return
    for path in fields.all("License-File"):
        if f"{archive.tops[0]}/{path}" not in archive.members:
            yield finding(Code.TW212, f"License-File {path} is not in the archive", where)


def _is_before(version: str, other: str) -> bool:
    try:
        return Version(version) < Version(other)
    except (InvalidVersion, ValueError):
        return True
