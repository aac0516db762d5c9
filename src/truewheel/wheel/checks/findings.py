"""Findings: what is wrong with a wheel, under stable codes that docs/findings.md explains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

LISTED = 10
"""Findings of one code that are listed for a wheel; the others are counted."""


class Code(Enum):
    """What a finding is about. The names are stable.

    1xx file name, 2xx dist-info, 3xx zip and RECORD, 4xx native code, 5xx a set of files, 6xx what
    an index takes, 7xx installing, 8xx a release and the one before it, 9xx source archives.
    """

    TW101 = "not a wheel file name"
    TW102 = "version not in its normal form"
    TW103 = "distribution name not in its normal form"
    TW104 = "tags that no installer takes"
    TW201 = "not exactly one dist-info folder"
    TW202 = "dist-info folder differs from the file name"
    TW203 = "WHEEL is missing or not readable"
    TW204 = "Tag differs from the file name"
    TW205 = "Build differs from the file name"
    TW206 = "METADATA is missing or not readable"
    TW207 = "Name differs from the file name"
    TW208 = "Version differs from the file name"
    TW209 = "data folder differs from the file name"
    TW210 = "variant label without its variant.json"
    TW211 = "Metadata-Version is missing or not known"
    TW212 = "License-File is not in the wheel"
    TW213 = "a requirement that cannot be read"
    TW214 = "METADATA is not as its specification says"
    TW215 = "fields of METADATA that readers do not see"
    TW216 = "a requirement that nothing can meet"
    TW217 = "Requires-Python excludes the wheel's own tag"
    TW218 = "a number that installers cannot read"
    TW219 = "an extra that is not declared"
    TW220 = "entry_points.txt is not readable"
    TW221 = "an entry point that cannot be used"
    TW222 = "the object of an entry point is not in the wheel"
    TW223 = "a file of dist-info that installers write"
    TW301 = "not a readable zip file"
    TW302 = "member not readable"
    TW303 = "RECORD is missing or not readable"
    TW304 = "member not in RECORD"
    TW305 = "row of RECORD without a member"
    TW306 = "two rows of RECORD for one member"
    TW307 = "hash differs from RECORD"
    TW308 = "size differs from RECORD"
    TW309 = "no strong hash in RECORD"
    TW310 = "two members with one name"
    TW311 = "unsafe member path"
    TW312 = "member is not a regular file"
    TW313 = "unpacks to too much"
    TW314 = "bytes that belong to no member"
    TW315 = "member's own header differs from the directory"
    TW316 = "member name is not clean UTF-8"
    TW317 = "data descriptor"
    TW318 = "comment in the zip file"
    TW319 = "records at the end of the zip file are broken"
    TW320 = "a file where another member needs a folder"
    TW321 = "two members that differ only in case"
    TW322 = "a folder among the scripts"
    TW323 = "a script that does not start elsewhere"
    TW324 = "two members that are installed to one path"
    TW325 = "a file of an editable installation"
    TW326 = "a general name at the top of site-packages"
    TW327 = "a module named as one of the standard library"
    TW328 = "nothing to import or to run"
    TW329 = "bytecode that no Python uses"
    TW330 = "a distribution inside the wheel"
    TW331 = "a module that does not compile"
    TW332 = "an import that finds nothing"
    TW333 = "a file that takes a place in the environment"
    TW401 = "extension module in a pure wheel"
    TW402 = "native code in a pure wheel"
    TW403 = "native code for any platform"
    TW404 = "no native code for a native platform"
    TW405 = "machine differs from the platform tag"
    TW406 = "extension module for another interpreter"
    TW407 = "extension module named for another machine"
    TW408 = "ELF file is damaged"
    TW409 = "needs a newer system than the platform tag says"
    TW410 = "needs a library that nothing in the tag or the wheel provides"
    TW411 = "linked against another C library"
    TW412 = "library search path outside the wheel"
    TW413 = "extension module named for another C library"
    TW414 = "extension module of another operating system"
    TW415 = "extension module that is no native file"
    TW416 = "library in the wheel that the loader does not reach"
    TW417 = "nothing leads the loader to another wheel's library"
    TW418 = "library needed by its path"
    TW419 = "symbol version that the wheel's own library lacks"
    TW420 = "symbol that nothing defines"
    TW421 = "symbol of another Python"
    TW422 = "symbol outside the stable ABI"
    TW423 = "private symbol of a system library"
    TW424 = "extension module without its init function"
    TW425 = "several libraries of one SONAME"
    TW426 = "one library packed several times"
    TW427 = "executable stack"
    TW428 = "text relocations"
    TW429 = "load segments that the loader refuses"
    TW430 = "needs a newer processor than the platform tag says"
    TW431 = "program interpreter of the build machine"
    TW432 = "program without its executable bit"
    TW433 = "glibc and musl in one wheel"
    TW434 = "needs libpython"
    TW501 = "one file name, different bytes"
    TW502 = "different build tags in one set"
    TW503 = "planned wheel is missing"
    TW504 = "wheel is not planned"
    TW505 = "two wheels that install one path"
    TW506 = "a requirement that its sibling does not meet"
    TW507 = "promises more than the sibling that it requires"
    TW521 = "several versions in one set"
    TW522 = "no source archive"
    TW523 = "Requires-Python differs in the set"
    TW524 = "expected file is missing"
    TW525 = "file is not expected"
    TW601 = "the index refuses such a name"
    TW602 = "larger than the index takes"
    TW603 = "dist-info folder is not spelled as the index wants it"
    TW604 = "METADATA that the index refuses"
    TW605 = "classifier that the index refuses"
    TW606 = "requirement by address"
    TW607 = "description that cannot be shown"
    TW721 = "cannot be installed and loaded here"
    TW722 = "not tried on this machine"
    TW723 = "installed and loaded on this machine"
    TW801 = "wheel lost"
    TW802 = "wheel new"
    TW803 = "other oldest system"
    TW804 = "other Requires-Python"
    TW805 = "other dependencies"
    TW806 = "other entry points"
    TW807 = "other modules at the top"
    TW808 = "other libraries in the wheel"
    TW809 = "size changed by more than a quarter"
    TW810 = "stable ABI gone or new"
    TW811 = "other licence"
    TW812 = "the index has a file of that name"
    TW813 = "version is not newer"
    TW814 = "release too old for new files"
    TW815 = "not compared with the last release"
    TW816 = "an allowance that allows nothing"
    TW901 = "not the name of a source archive"
    TW902 = "source archive cannot be unpacked"
    TW903 = "PKG-INFO is missing or not readable"
    TW904 = "unsafe member of a source archive"
    TW905 = "folder of a source archive differs from the file name"


WARNINGS = frozenset({
    *(Code.TW103, Code.TW214, Code.TW219, Code.TW317, Code.TW318, Code.TW326, Code.TW327),
    *(Code.TW329, Code.TW330, Code.TW402, Code.TW412, Code.TW417, Code.TW425, Code.TW426),
    *(Code.TW428, Code.TW432, Code.TW502, Code.TW507),
})  # fmt: skip
"""Codes that are warnings unless a check says otherwise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Something wrong with a wheel.

    `severity` is "error", "warning" or "note", `where` a member's name or "" for the wheel.
    """

    code: Code
    severity: str
    message: str
    where: str = ""


def finding(code: Code, message: str, where: str = "", severity: str = "") -> Finding:
    """Return a finding with the severity of its code, or another one; long texts are cut."""
    usual = "warning" if code in WARNINGS else "error"
    return Finding(code=code, severity=severity or usual, message=_cut(message), where=_cut(where))


def _cut(text: str, limit: int = 500) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"


def shortened(findings: Iterable[Finding]) -> list[Finding]:
    """Return at most `LISTED` findings of each code and severity, then how many more there are."""
    seen: Counter[tuple[Code, str]] = Counter()
    listed = []
    for item in findings:
        key = item.code, item.severity
        seen[key] += 1
        if seen[key] <= LISTED:
            listed.append(item)
    return listed + [
        finding(code, f"and {count - LISTED} more", severity=severity)
        for (code, severity), count in seen.items()
        if count > LISTED
    ]


def is_ok(findings: Iterable[Finding], *, strict: bool = False) -> bool:
    """Tell whether none of the findings is an error; with `strict`, nor a warning."""
    refused = {"error", "warning"} if strict else {"error"}
    return all(item.severity not in refused for item in findings)


def to_data(item: Finding) -> dict[str, str]:
    """Return a finding as the JSON object that commands print."""
    return {
        "code": item.code.name,
        "severity": item.severity,
        "message": item.message,
        "where": item.where,
    }


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 error`, `2 errors`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listing(words: Sequence[str], most: int = 5) -> str:
    """Return words in a row, the last of many left out."""
    rest = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + rest
