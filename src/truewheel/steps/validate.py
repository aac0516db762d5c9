"""Every check on a finished wheel: one function reads it, the checks are pure, findings are values."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar
from zipfile import ZipInfo

from truewheel import elf
from truewheel.files import explained
from truewheel.problems import Exit, Stop, stop
from truewheel.wheelfile import Fields, Row, Scan, Wheel, WheelName, expand_tag, open_wheel, parse_name, printable

LISTED = 10
"""Findings of one code that are listed for a wheel; the others are counted."""

BOMB_SIZE, BOMB_RATIO = 100 * 2**20, 1000
"""Content that is larger than both, in bytes and as a multiple of its packed size, is not unpacked."""

_STRONG = hashlib.algorithms_guaranteed & {
    "blake2b", "blake2s", "sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512",
}  # fmt: skip
_LINUX = re.compile(r"(?:linux|manylinux\d+|manylinux_\d+_\d+|musllinux_\d+_\d+)_(.+)")
_ALIASES = {"i386": "i686", "i586": "i686", "armv6l": "armv7l", "armv8l": "armv7l"}  # one ELF machine each
_T = TypeVar("_T")


class Code(Enum):
    """What a finding is about. The names are stable; 1xx file name, 2xx dist-info, 3xx zip and RECORD, 4xx ELF."""

    TW101 = "not a wheel file name"
    TW102 = "version not in its normal form"
    TW103 = "distribution name not in its normal form"
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
    TW401 = "extension module in a pure wheel"
    TW402 = "native code in a pure wheel"
    TW403 = "native code for any platform"
    TW404 = "no native code for a native platform"
    TW405 = "machine differs from the platform tag"
    TW406 = "extension module for another interpreter"
    TW407 = "extension module named for another machine"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Something wrong with a wheel. `severity` is "error" or "warning", `where` a member's name or "" for the wheel."""

    code: Code
    severity: str
    message: str
    where: str = ""


@dataclass(frozen=True, kw_only=True)
class Contents:
    """All that the checks look at. A part that could not be read is None, or absent, and a finding says so."""

    name: WheelName | None
    entries: tuple[ZipInfo, ...]
    dist_infos: tuple[str, ...]
    wheel: Fields | None
    metadata: Fields | None
    record: tuple[Row, ...] | None
    variants: tuple[str, ...] | None
    scans: Mapping[str, Scan]
    elf: Mapping[str, str]

    @property
    def machines(self) -> frozenset[str]:
        """The machines that the Linux platform tags name; none for other platforms."""
        if self.name is None:
            return frozenset()
        archs = [found[1] for tag in self.name.platform.split(".") if (found := _LINUX.fullmatch(tag))]
        return frozenset(_ALIASES.get(arch, arch) for arch in archs)

    @property
    def is_whole(self) -> bool:
        """Whether every member could be read."""
        return all(entry.filename in self.scans for entry in self.entries)

    @property
    def native(self) -> Mapping[str, str]:
        """The ELF members that the host may load; device code (cubin, hsaco) and firmware are data to it."""
        return {
            member: machine
            for member, machine in self.elf.items()
            if ".so" in PurePosixPath(member).suffixes or not machine.startswith("unknown")
        }

    def file(self, name: str) -> str:
        """Return the path of a file in the dist-info folder."""
        return f"{self.dist_infos[0]}/{name}"


def validate(path: Path) -> list[Finding]:
    """Return what is wrong with a wheel; of one kind at most `LISTED` findings, then how many more there are."""
    findings: list[Finding] = []
    contents = _read(path, findings)
    if contents is not None:
        for check in _CHECKS:
            findings.extend(check(contents))
    return _shortened(findings)


def validate_all(paths: Sequence[Path]) -> list[tuple[Path, list[Finding]]]:
    """Return the findings of each wheel, in the order of `paths`."""
    with ThreadPoolExecutor() as pool:
        return list(zip(paths, pool.map(validate, paths), strict=True))


def expand(paths: Iterable[Path]) -> list[Path]:
    """Return the wheels that `paths` mean: a folder stands for the wheels directly in it, sorted.

    Raises `Stop` for a path that does not exist (exit 2) and for a folder without a wheel (exit 4).
    """
    wheels: dict[Path, None] = {}
    for path in paths:
        wheels |= dict.fromkeys(_expand(path))
    return list(wheels)


def _expand(path: Path) -> list[Path]:
    with explained(path, "read"):
        kind = path.stat().st_mode
    if not stat.S_ISDIR(kind):
        return [path]
    found = wheels_in(path)
    if not found:
        raise stop(printable(str(path)), "holds no wheel", "build one first: truewheel run", Exit.WHEEL)
    return found


def wheels_in(folder: Path) -> list[Path]:
    """Return the wheels directly in a folder, sorted; hidden files are unfinished and left out."""
    with explained(folder, "read"):
        paths = [path for path in folder.iterdir() if path.suffix == ".whl" and path.is_file()]
    return sorted(path for path in paths if not path.name.startswith("."))


def is_ok(findings: Iterable[Finding]) -> bool:
    """Tell whether none of the findings is an error."""
    return all(finding.severity != "error" for finding in findings)


def to_data(finding: Finding) -> dict[str, str]:
    """Return a finding as the JSON object of the command contract."""
    return {
        "code": finding.code.name,
        "severity": finding.severity,
        "message": finding.message,
        "where": finding.where,
    }


def report(results: Sequence[tuple[Path, list[Finding]]], style: str) -> str:
    """Return the findings as a document; `style` is "text", "json" or "junit"."""
    return {"text": _text, "json": _json, "junit": _junit}[style](results)


def _text(results: Sequence[tuple[Path, list[Finding]]]) -> str:
    lines = []
    for path, findings in results:
        errors = sum(finding.severity == "error" for finding in findings)
        verdict = f"{_count(errors, 'error')}, {_count(len(findings) - errors, 'warning')}" if findings else "ok"
        lines.append(f"{printable(str(path))}: {verdict}")
        lines += [f"  {_line(finding)}" for finding in findings]
    return "".join(f"{line}\n" for line in lines)


def _json(results: Sequence[tuple[Path, list[Finding]]]) -> str:
    wheels: list[dict[str, Any]] = [
        {"path": str(path), "ok": is_ok(findings), "findings": [to_data(finding) for finding in findings]}
        for path, findings in results
    ]
    return json.dumps({"wheels": wheels}, indent=1) + "\n"


def _junit(results: Sequence[tuple[Path, list[Finding]]]) -> str:
    from xml.etree import ElementTree

    failed = sum(not is_ok(findings) for _, findings in results)
    suite = ElementTree.Element("testsuite", name="validate", tests=str(len(results)), failures=str(failed))
    for path, findings in results:
        case = ElementTree.SubElement(suite, "testcase", classname="wheel", name=printable(str(path)))
        errors = [_line(finding) for finding in findings if finding.severity == "error"]
        warnings = [_line(finding) for finding in findings if finding.severity != "error"]
        if errors:
            # forges show only the first failure of a test case
            failure = ElementTree.SubElement(case, "failure", message=errors[0])
            failure.text = "\n".join(errors)
        if warnings:
            ElementTree.SubElement(case, "system-out").text = "\n".join(warnings)
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=False) + "\n"


def _line(finding: Finding) -> str:
    where = f"{finding.where}: " if finding.where else ""
    return printable(f"{finding.severity} {finding.code.name} {where}{finding.message}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _finding(code: Code, message: str, where: str = "") -> Finding:
    severity = "warning" if code in _WARNINGS else "error"
    return Finding(code=code, severity=severity, message=_cut(message), where=_cut(where))


def _cut(text: str, limit: int = 500) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"


def _shortened(findings: Sequence[Finding]) -> list[Finding]:
    seen: Counter[Code] = Counter()
    listed = []
    for finding in findings:
        seen[finding.code] += 1
        if seen[finding.code] <= LISTED:
            listed.append(finding)
    more = [_finding(code, f"and {count - LISTED} more") for code, count in seen.items() if count > LISTED]
    return listed + more


def _read(path: Path, findings: list[Finding]) -> Contents | None:
    """Read everything once; what cannot be read becomes a finding."""
    try:
        name = parse_name(path.name)
    except ValueError as error:
        name = None
        findings.append(_finding(Code.TW101, str(error)))
    try:
        with open_wheel(path) as wheel:
            return _contents(wheel, name, findings)
    except Stop as failure:
        findings.append(_finding(Code.TW301, failure.problems[0].message))
        return None


def _contents(wheel: Wheel, name: WheelName | None, findings: list[Finding]) -> Contents:
    def part(code: Code, file: str, read: Callable[[], _T]) -> _T | None:
        if len(wheel.dist_infos) != 1:
            return None
        return _part(findings, code, read, f"{wheel.dist_info}/{file}")

    record = part(Code.TW303, "RECORD", lambda: wheel.record)
    scans = _scans(wheel, record or (), findings)
    return Contents(
        name=name,
        entries=wheel.entries,
        dist_infos=wheel.dist_infos,
        wheel=part(Code.TW203, "WHEEL", lambda: wheel.wheel),
        metadata=part(Code.TW206, "METADATA", lambda: wheel.metadata),
        record=record,
        variants=_variants(wheel) if name and name.label and len(wheel.dist_infos) == 1 else None,
        scans=scans,
        elf={member: word for member, scan in scans.items() if (word := elf.machine(scan.head))},
    )


def _variants(wheel: Wheel) -> tuple[str, ...] | None:
    """Return the labels that variant.json names, or None when there is no such file of that form."""
    try:
        variants = json.loads(wheel.text(f"{wheel.dist_info}/variant.json"))["variants"]
        return tuple(map(str, variants)) if isinstance(variants, dict) else None
    except (Stop, ValueError, KeyError, TypeError, RecursionError):
        return None


def _part(findings: list[Finding], code: Code, read: Callable[[], _T], where: str) -> _T | None:
    try:
        return read()
    except Stop as failure:
        findings.append(_finding(code, failure.problems[0].message, where))
        return None


def _scans(wheel: Wheel, record: Iterable[Row], findings: list[Finding]) -> dict[str, Scan]:
    algorithms = {row.path: row.hash.partition("=")[0] for row in record}
    bombs = {entry.filename for entry in wheel.entries if _is_bomb(entry.file_size, entry.compress_size)}
    entries = [entry for entry in wheel.entries if entry.filename not in bombs]
    findings += [_finding(Code.TW313, "not unpacked: it would be a zip bomb", member) for member in sorted(bombs)]
    if _is_bomb(sum(entry.file_size for entry in entries), wheel.path.stat().st_size):
        findings.append(_finding(Code.TW313, "not unpacked: together the members would be a zip bomb"))
        return {}
    scans = {}
    for entry in entries:
        algorithm = algorithms.get(entry.filename, "")
        algorithm = algorithm if algorithm in _STRONG else "sha256"
        scan = _part(findings, Code.TW302, partial(wheel.scan, entry, algorithm), entry.filename)
        if scan:
            scans[entry.filename] = scan
    return scans


def _is_bomb(size: int, packed: int) -> bool:
    return size > BOMB_SIZE and size > BOMB_RATIO * packed


def _check_name(contents: Contents) -> Iterator[Finding]:
    from packaging.utils import canonicalize_name
    from packaging.version import Version

    name = contents.name
    if name is None:
        return
    version = str(Version(name.version))
    if name.version != version:
        message = f"the file name says {name.version}, PEP 440 writes {version}; build it with that version"
        yield _finding(Code.TW102, message)
    distribution = canonicalize_name(name.distribution).replace("-", "_")
    if name.distribution != distribution:
        message = f"the file name says {name.distribution}, the normal form is {distribution}; use newer build tools"
        yield _finding(Code.TW103, message)


def _check_dist_info(contents: Contents) -> Iterator[Finding]:
    if len(contents.dist_infos) != 1:
        found = ", ".join(contents.dist_infos) or "none"
        yield _finding(Code.TW201, f"a wheel has one dist-info folder, this one: {found}")
    if contents.name is None:
        return
    stem = f"{contents.name.distribution}-{contents.name.version}"
    for folder in contents.dist_infos:
        if not _is_named(folder.removesuffix(".dist-info"), contents.name):
            yield _finding(Code.TW202, f"the folder is {folder}, the file name says {stem}; {_RETAG}", folder)
    for folder in _data_folders(contents.entries):
        if not _is_named(folder.removesuffix(".data"), contents.name):
            yield _finding(Code.TW209, f"the folder is {folder}, the file name says {stem}; {_RETAG}", folder)


def _data_folders(entries: Iterable[ZipInfo]) -> list[str]:
    paths = (entry.filename.split("/") for entry in entries)
    schemes = {"data", "headers", "platlib", "purelib", "scripts"}
    return sorted(
        {parts[0] for parts in paths if len(parts) > 2 and parts[0].endswith(".data") and parts[1] in schemes}
    )


def _is_named(stem: str, name: WheelName) -> bool:
    distribution, _, version = stem.rpartition("-")
    return _same_name(distribution, name.distribution) and _same_version(version, name.version)


def _same_name(one: str, other: str) -> bool:
    from packaging.utils import canonicalize_name

    return canonicalize_name(one) == canonicalize_name(other)


def _same_version(one: str, other: str) -> bool:
    from packaging.version import Version

    try:
        return Version(one) == Version(other)
    except ValueError:  # also a number with too many digits
        return one == other


def _check_label(contents: Contents) -> Iterator[Finding]:
    """A labelled wheel holds a variant.json of just that label (PEP 825); another one would not be installed."""
    label = contents.name.label if contents.name else ""
    if label and list(contents.variants or ()) != [label]:
        said = "there is none" if contents.variants is None else f"it names {', '.join(contents.variants) or 'none'}"
        yield _finding(Code.TW210, f"the file name says {label}, variant.json must name just that: {said}")


def _check_wheel(contents: Contents) -> Iterator[Finding]:
    if contents.wheel is None:
        return
    fields, where = contents.wheel, contents.file("WHEEL")
    if not re.fullmatch(r"1\.\d+", fields.first("Wheel-Version")):
        yield _finding(Code.TW203, f"Wheel-Version is {fields.first('Wheel-Version') or 'missing'}, not 1.x", where)
    if _purelib(fields) not in {"true", "false"}:
        yield _finding(Code.TW203, "Root-Is-Purelib is neither true nor false", where)
    if contents.name is None:
        return
    if not _is_same_tags(fields.all("Tag"), contents.name.tags):
        said = ", ".join(fields.all("Tag")) or "nothing"
        yield _finding(Code.TW204, f"WHEEL says {said}, the file name says {contents.name.tag}; {_RETAG}", where)
    build = fields.first("Build")
    if build != contents.name.build:
        said, named = build or "no Build", contents.name.build or "no build tag"
        yield _finding(Code.TW205, f"WHEEL says {said}, the file name says {named}; {_RETAG}", where)


def _is_same_tags(lines: Iterable[str], tags: frozenset[str]) -> bool:
    found: set[str] = set()
    for line in lines:
        found |= expand_tag(line)
        if not found <= tags:
            return False
    return found == tags


def _purelib(fields: Fields) -> str:
    return fields.first("Root-Is-Purelib").lower()


def _check_metadata(contents: Contents) -> Iterator[Finding]:
    if contents.metadata is None or contents.name is None:
        return
    fields, name, where = contents.metadata, contents.name, contents.file("METADATA")
    said = fields.first("Name") or "nothing"
    if not _same_name(said, name.distribution):
        yield _finding(Code.TW207, f"METADATA says {said}, the file name says {name.distribution}; {_RETAG}", where)
    said = fields.first("Version") or "nothing"
    if not _same_version(said, name.version):
        yield _finding(Code.TW208, f"METADATA says {said}, the file name says {name.version}; {_RETAG}", where)


def _check_members(contents: Contents) -> Iterator[Finding]:
    for member, count in Counter(entry.filename for entry in contents.entries).items():
        if count > 1:
            yield _finding(Code.TW310, f"{count} members have this name; installers differ in which they take", member)
    for entry in contents.entries:
        if _is_unsafe(entry.orig_filename):
            yield _finding(Code.TW311, "the path may lead out of the folder it is unpacked to", entry.orig_filename)
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in {0, stat.S_IFREG}:
            yield _finding(Code.TW312, "a link or a device; pack the file it stands for", entry.filename)


def _is_unsafe(member: str) -> bool:
    odd_parts = {"", ".", ".."}.intersection(member.split("/"))
    return bool(odd_parts) or "\\" in member or bool(re.match(r"[A-Za-z]:", member)) or not member.isprintable()


def _check_record(contents: Contents) -> Iterator[Finding]:
    if contents.record is None:
        return
    members = dict.fromkeys(entry.filename for entry in contents.entries)
    rows = {row.path: row for row in contents.record}
    for path, count in Counter(row.path for row in contents.record).items():
        if count > 1:
            yield _finding(Code.TW306, f"RECORD has {count} rows for it", path)
        if path not in members:
            yield _finding(Code.TW305, "RECORD lists it, the wheel does not have it", path)
    unlisted = {contents.file(name) for name in ("RECORD", "RECORD.jws", "RECORD.p7s")}
    for member in members:
        if member in unlisted:
            continue
        if member not in rows:
            yield _finding(Code.TW304, "the wheel has it, RECORD does not list it", member)
        elif member in contents.scans:
            yield from _check_row(rows[member], contents.scans[member])


def _check_row(row: Row, scan: Scan) -> Iterator[Finding]:
    algorithm, _, digest = row.hash.partition("=")
    if algorithm not in _STRONG:
        yield _finding(Code.TW309, f"RECORD has {algorithm or 'no hash'}, it needs sha256 or better", row.path)
    else:
        actual = base64.urlsafe_b64encode(scan.digest).rstrip(b"=").decode()
        if digest != actual:
            message = f"RECORD says {algorithm}={digest}, the content has {algorithm}={actual}; it was changed later"
            yield _finding(Code.TW307, message, row.path)
    if row.size and row.size != str(scan.size):
        yield _finding(Code.TW308, f"RECORD says {row.size} bytes, the member has {scan.size}", row.path)


def _check_purelib(contents: Contents) -> Iterator[Finding]:
    if contents.wheel is None or _purelib(contents.wheel) != "true" or _is_any(contents):
        return
    members = {entry.filename for entry in contents.entries}
    outside = tuple(f"{folder}/" for folder in _data_folders(contents.entries))
    native = [member for member in contents.native if not member.startswith(outside)]
    extensions = [member for member in native if _is_extension(member, members)]
    for member in extensions:
        yield _finding(
            Code.TW401, "WHEEL says Root-Is-Purelib: true, this is an extension module; it should be false", member
        )
    if native and not extensions:
        found = f"{_count(len(native), 'ELF file')} such as {native[0]}"
        message = f"WHEEL says Root-Is-Purelib: true, with {found}; it should be false"
        yield _finding(Code.TW402, message, contents.file("WHEEL"))


def _is_extension(member: str, members: set[str]) -> bool:
    """Tell whether Python could import this member, by its name alone."""
    path = PurePosixPath(member)
    if elf.suffix(path.name) or path.name.endswith((".abi3.so", ".abi3t.so")):
        return True
    importable = path.parent == PurePosixPath() or f"{path.parent}/__init__.py" in members
    return path.suffix == ".so" and path.stem.isidentifier() and not path.stem.startswith("lib") and importable


def _check_platform(contents: Contents) -> Iterator[Finding]:
    if contents.name is None:
        return
    platforms = contents.name.platform.split(".")
    if _is_any(contents):
        for member, machine in contents.native.items():
            yield _finding(Code.TW403, f"native code ({machine}), but the file name says any", member)
    elif all(map(_LINUX.fullmatch, platforms)) and contents.is_whole and not contents.elf:
        message = f"the file name says {contents.name.platform}, and no member is native: it should say any"
        yield _finding(Code.TW404, message)


def _is_any(contents: Contents) -> bool:
    return contents.name is not None and "any" in contents.name.platform.split(".")


def _check_machines(contents: Contents) -> Iterator[Finding]:
    promised = contents.machines
    for member, machine in contents.native.items() if promised else ():
        if machine not in promised:
            message = f"it is for {machine}, the file name says {', '.join(sorted(promised))}; build it there"
            yield _finding(Code.TW405, message, member)


def _check_suffixes(contents: Contents) -> Iterator[Finding]:
    name, promised = contents.name, contents.machines
    if name is None or _is_any(contents):
        return
    suffixes = {member: found for member in contents.native if (found := elf.suffix(member))}
    many = len({suffix.python for suffix in suffixes.values()}) > 1
    for member, suffix in suffixes.items():
        if not _loads(suffix, name, many):
            message = f"only {suffix.python} ({suffix.abi}) loads it, the file name says {name.python}-{name.abi}"
            yield _finding(Code.TW406, message, member)
        if contents.native[member] in promised and suffix.machine not in promised:
            message = f"named for {suffix.machine}, the file name says {', '.join(sorted(promised))}"
            yield _finding(Code.TW407, f"{message}; set SETUPTOOLS_EXT_SUFFIX when cross-compiling", member)
    for member in contents.native:
        if member.endswith(".abi3.so") and any(abi.endswith("t") for abi in name.abi.split(".")):
            message = f"free-threaded Python does not load .abi3.so, the file name says {name.abi}"
            yield _finding(Code.TW406, message, member)


def _loads(suffix: elf.Suffix, name: WheelName, many: bool) -> bool:
    """Tell whether each Python of the tag loads a module with this suffix; a `py3` wheel may bring one for many."""
    pythons, abis = name.python.lower().split("."), name.abi.lower().split(".")
    generic = many and all(python.startswith("py") and python[2:].isdigit() for python in pythons)
    return (suffix.python in pythons or generic) and (suffix.abi in abis or "none" in abis)


_RETAG = "change both with the build or a retagging tool, never with mv"
_WARNINGS = frozenset({Code.TW103, Code.TW402})
_CHECKS: tuple[Callable[[Contents], Iterator[Finding]], ...] = (
    _check_name,
    _check_dist_info,
    _check_label,
    _check_wheel,
    _check_metadata,
    _check_members,
    _check_record,
    _check_purelib,
    _check_platform,
    _check_machines,
    _check_suffixes,
)
