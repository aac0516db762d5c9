"""All that the checks look at, read from a wheel in one pass.

Each member is unpacked once, and only a bounded part of it is in memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, NamedTuple, TypeVar, cast
from zipfile import ZipInfo

from truewheel.errors import Stop
from truewheel.system import architectures
from truewheel.wheel import elf, elf_symbols, native_files, platform_policies, zip_structure
from truewheel.wheel.checks.findings import Code, Finding, finding
from truewheel.wheel.elf_layout import Layout, read_layout
from truewheel.wheel.elf_symbols import Symbols, read_symbols
from truewheel.wheel.filename import WheelName, parse_name
from truewheel.wheel.native_files import Native
from truewheel.wheel.reader import Fields, Row, Wheel, open_wheel

if TYPE_CHECKING:
    from packaging.requirements import Requirement

SPOOLED = 32 * 2**20
"""Bytes of an ELF file that are kept in memory until its dynamic section can be read.

More go to a temporary file.
"""

NAMES = 64 * 2**20
"""Bytes of memory for the names of libraries and symbols that the native code of a wheel needs.

As many for the beginnings of other members.
"""

LOADER_SOURCE = 2**16
"""Bytes of a Python source that is looked at, and kept if it loads libraries itself."""

_LOADING = (
    *(b"CDLL", b"LoadLibrary", b"load_library", b"dlopen"),
    *(b"import torch", b"import tensorflow", b"nvidia"),
)
_SOURCE = re.compile(r"(?!(?:.*/)?(?:tests?/|test_[^/]*$)).*\.py")

STRONG = hashlib.algorithms_guaranteed & {
    "blake2b", "blake2s", "sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512",
}  # fmt: skip
_STRUCTURE_CODES = {
    zip_structure.Kind.STRAY: Code.TW314,
    zip_structure.Kind.HEADER: Code.TW315,
    zip_structure.Kind.NAME: Code.TW316,
    zip_structure.Kind.DESCRIPTOR: Code.TW317,
    zip_structure.Kind.COMMENT: Code.TW318,
    zip_structure.Kind.END: Code.TW319,
}
ENTRY_POINTS = "entry_points.txt"
MODULES = (".py", ".pyc", ".so", ".pyd")
"""How the names of files end that Python imports."""

SCRIPT, CONFIGURATION, SOURCE, HEADER = 2**16, 2**16, 2**20, 16
"""Bytes that are kept of a script, a .pth file, a source file, and bytecode."""

SOURCES = 2**24
"""Bytes of the sources of a wheel that are kept."""

_T = TypeVar("_T")


class Limits(NamedTuple):
    """Where unpacking stops.

    Content above `free` bytes must not be more than `ratio` times its packed size. A single member
    may be denser, `member_ratio`; no wheel may unpack to more than `total` bytes.
    """

    # this and the ratio of a whole file are those of the public index's upload API
    free: int = 64 * 2**20
    ratio: int = 50
    member_ratio: int = 200
    total: int = 64 * 2**30


USUAL = Limits()


class Scan(NamedTuple):
    """What was learned of a member by reading it to its end.

    `start` is how it begins, of the members that `_kept` names.
    """

    size: int
    digest: bytes
    native: Native | None
    needs: elf.Needs | None
    start: bytes = b""
    layout: Layout | None = None
    symbols: Symbols | None = None
    loader: bytes = b""
    """A Python source that loads libraries or frameworks itself, b"" of others."""


@dataclass(frozen=True, kw_only=True)
class Contents:
    """All that the checks look at.

    A part that could not be read is None, or absent, and a finding says so. `excluded` are patterns
    of libraries that stay outside the wheel on purpose. `is_planned` tells whether a plan has this
    wheel; others are somebody else's.
    """

    name: WheelName | None
    entries: tuple[ZipInfo, ...]
    folders: tuple[ZipInfo, ...] = ()
    dist_infos: tuple[str, ...] = ()
    wheel: Fields | None = None
    metadata: Fields | None = None
    record: tuple[Row, ...] | None = None
    variants: tuple[str, ...] | None = None
    entry_points: str | None = None
    scans: Mapping[str, Scan] = field(default_factory=dict)
    size: int = 0
    excluded: tuple[str, ...] = ()
    is_planned: bool = False

    @cached_property
    def members(self) -> frozenset[str]:
        """The names of all members."""
        return frozenset(entry.filename for entry in self.entries)

    @cached_property
    def places(self) -> Mapping[str, str]:
        """Where installers put each member: `site/…`, `scripts/…`, `headers/…` or `data/…`.

        Sources: PEP 427; purelib and platlib are one folder in virtual environments.
        """
        return {entry.filename: place(entry.filename) for entry in self.entries}

    @cached_property
    def modules(self) -> frozenset[str]:
        """What could be imported, and all folders above it, with `/` for the dots."""
        modules: set[str] = set()
        for path in self.places.values():
            scheme, _, below = path.partition("/")
            folder, _, file = below.rpartition("/")
            if scheme == "site" and file.endswith(MODULES) and ".dist-info" not in folder:
                stem = file.partition(".")[0]
                modules.add(f"{folder}/{stem}".strip("/"))
                parts = folder.split("/") if folder else []
                modules.update("/".join(parts[:count]) for count in range(1, len(parts) + 1))
        return frozenset(modules)

    @cached_property
    def requirements(self) -> tuple[Requirement, ...]:
        """The requirements of METADATA that can be read."""
        lines = self.metadata.all("Requires-Dist") if self.metadata else ()
        return tuple(requirement for line in lines if (requirement := _requirement(line)))

    @cached_property
    def platforms(self) -> tuple[str, ...]:
        """The platform tags of the file name, in lower case."""
        return tuple(self.name.platform.lower().split(".")) if self.name else ()

    @property
    def is_any(self) -> bool:
        """Whether the wheel says that it is for any platform."""
        return "any" in self.platforms

    @property
    def is_whole(self) -> bool:
        """Whether every member could be read."""
        return all(entry.filename in self.scans for entry in self.entries)

    @cached_property
    def natives(self) -> Mapping[str, Native]:
        """The members that a machine may load.

        Device code (cubin, hsaco) and firmware are data to it.
        """
        return {
            member: scan.native
            for member, scan in self.scans.items()
            if scan.native and (_is_loaded(member) or not _is_unknown(scan.native))
        }

    @cached_property
    def elves(self) -> Mapping[str, str]:
        """The machine of every native ELF member."""
        return {
            member: next(iter(native.machines))
            for member, native in self.natives.items()
            if native.format == "ELF"
        }

    def is_module(self, member: str) -> bool:
        """Tell whether Python could import this native member."""
        path = PurePosixPath(member)
        scan = self.scans.get(member)
        if native_files.is_module(path.name) or (scan and scan.needs and scan.needs.is_module):
            return True
        importable = path.parent == PurePosixPath() or f"{path.parent}/__init__.py" in self.members
        return (
            path.suffix == ".so"
            and path.stem.isidentifier()
            and not path.stem.startswith("lib")
            and importable
        )

    def file(self, name: str) -> str:
        """Return the path of a file in the dist-info folder."""
        return f"{self.dist_infos[0]}/{name}"


def _requirement(line: str) -> Requirement | None:
    from packaging.requirements import Requirement

    with contextlib.suppress(ValueError, RecursionError):
        return Requirement(line)
    return None


def place(member: str) -> str:
    """Return where installers put a member: see `Contents.places`."""
    top, _, below = member.partition("/")
    if not top.endswith(".data") or "/" not in below:
        return f"site/{member}"
    scheme, _, rest = below.partition("/")
    return f"{'site' if scheme in {'purelib', 'platlib'} else scheme}/{rest}"


def is_library(member: str) -> bool:
    """Tell whether a member is a shared library by its name: `x.so`, `libx.so.5`."""
    return ".so" in PurePosixPath(member).suffixes


def _is_loaded(member: str) -> bool:
    """Tell whether a machine is to load or run a member, by its path alone."""
    top, _, below = member.partition("/")
    return is_library(member) or (top.endswith(".data") and below.startswith("scripts/"))


def _is_unknown(native: Native) -> bool:
    return all(machine.startswith("unknown") for machine in native.machines)


def read(path: Path, findings: list[Finding], limits: Limits | None = USUAL) -> Contents | None:
    """Read a wheel; what cannot be read becomes a finding.

    Without `limits` only its dist-info folder is read.
    """
    try:
        name = parse_name(path.name)
    except ValueError as error:
        name = None
        findings.append(finding(Code.TW101, str(error)))
    try:
        with open_wheel(path) as wheel:
            return _contents(wheel, name, findings, limits)
    except Stop as failure:
        findings.append(finding(Code.TW301, failure.problems[0].message))
        return None


def _contents(
    wheel: Wheel, name: WheelName | None, findings: list[Finding], limits: Limits | None
) -> Contents:
    def part(code: Code, file: str, read: Callable[[], _T]) -> _T | None:
        if len(wheel.dist_infos) != 1:
            return None
        return _part(findings, code, read, f"{wheel.dist_info}/{file}")

    findings += [
        finding(_STRUCTURE_CODES[fault.kind], f"{fault.kind.value}: {fault.message}", fault.where)
        for fault in wheel.faults
    ]
    record = part(Code.TW303, "RECORD", lambda: wheel.record)
    entry_points = None
    if len(wheel.dist_infos) == 1:
        file = f"{wheel.dist_info}/{ENTRY_POINTS}"
        if file in wheel.archive.NameToInfo:
            entry_points = part(Code.TW220, ENTRY_POINTS, lambda: wheel.text(file))
    return Contents(
        name=name,
        entries=wheel.entries,
        folders=wheel.folders,
        dist_infos=wheel.dist_infos,
        wheel=part(Code.TW203, "WHEEL", lambda: wheel.wheel),
        metadata=part(Code.TW206, "METADATA", lambda: wheel.metadata),
        record=record,
        variants=_variants(wheel) if name and name.label and len(wheel.dist_infos) == 1 else None,
        entry_points=entry_points,
        scans=_scans(wheel, record or (), findings, limits, _sources(entry_points))
        if limits
        else {},
        size=wheel.path.stat().st_size,
    )


def _variants(wheel: Wheel) -> tuple[str, ...] | None:
    """Return the labels that variant.json names, or None without a file of that form."""
    try:
        variants = json.loads(wheel.text(f"{wheel.dist_info}/variant.json"))["variants"]
        return tuple(map(str, variants)) if isinstance(variants, dict) else None
    except (Stop, ValueError, KeyError, TypeError, RecursionError):
        return None


def _part(findings: list[Finding], code: Code, read: Callable[[], _T], where: str) -> _T | None:
    try:
        return read()
    except Stop as failure:
        findings.append(finding(code, failure.problems[0].message, where))
        return None


def _kept(member: str, sources: frozenset[str], before: int) -> int:
    """Return how many bytes of a member the checks look at, beside native code.

    `before` are the bytes that are kept of others.
    """
    scheme, _, below = place(member).partition("/")
    is_first = below in sources or (below.count("/") == 1 and below.endswith("/__init__.py"))
    if before >= (NAMES if is_first or scheme != "site" else SOURCES):
        return 0
    if scheme == "site" and below.endswith(".py"):
        return SOURCE
    if scheme == "scripts":
        return SCRIPT
    if member.endswith(".pyc"):
        return HEADER
    if below.endswith(".dist-info/top_level.txt"):
        return CONFIGURATION
    is_configuration = scheme == "site" and "/" not in below and below.endswith(".pth")
    return CONFIGURATION if is_configuration else 0


def _sources(entry_points: str | None) -> frozenset[str]:
    """Return the files in which the objects of entry points may be defined."""
    modules = {
        match.replace(".", "/") for match in re.findall(r"(?m)=\s*([\w.]+)\s*:", entry_points or "")
    }
    return frozenset(f"{module}{end}" for module in modules for end in (".py", "/__init__.py"))


def _scans(
    wheel: Wheel,
    record: Iterable[Row],
    findings: list[Finding],
    limits: Limits,
    sources: frozenset[str],
) -> dict[str, Scan]:
    algorithms = {row.path: row.hash.partition("=")[0] for row in record}
    bombs = {entry.filename: entry for entry in wheel.entries if _is_bomb(entry, limits)}
    for member, entry in bombs.items():
        message = (
            f"not unpacked: {entry.file_size} bytes from {entry.compress_size} would be a zip bomb"
        )
        findings.append(finding(Code.TW313, message, member))
    entries = [entry for entry in wheel.entries if entry.filename not in bombs]
    total = sum(entry.file_size for entry in entries)
    if total > limits.total or total > max(limits.free, limits.ratio * wheel.path.stat().st_size):
        findings.append(
            finding(
                Code.TW313, f"not unpacked: its members have {total} bytes, it would be a zip bomb"
            )
        )
        return {}
    scans: dict[str, Scan] = {}
    names = starts = 0
    for entry in entries:
        algorithm = algorithms.get(entry.filename, "")
        algorithm = algorithm if algorithm in STRONG else "sha256"
        kept = _kept(entry.filename, sources, starts)
        if scan := _scan(wheel, entry, algorithm, findings, kept):
            starts += len(scan.start)
            names += elf.weight(scan.needs) if scan.needs else 0
            names += elf_symbols.weight(scan.symbols) if scan.symbols else 0
            names += len(scan.loader)
            if names > NAMES:
                findings.append(
                    finding(
                        Code.TW313, f"the names in its native code need more than {NAMES} bytes"
                    )
                )
                return {}
            scans[entry.filename] = scan
    return scans


def _is_bomb(entry: ZipInfo, limits: Limits) -> bool:
    return entry.file_size > max(limits.free, limits.member_ratio * entry.compress_size)


def _scan(
    wheel: Wheel, entry: ZipInfo, algorithm: str, findings: list[Finding], kept: int
) -> Scan | None:
    """Read a member to its end, and what an ELF file needs from the same bytes."""
    digest, size, native, copy = hashlib.new(algorithm), 0, None, None
    start, loader = b"", b""
    is_source = entry.file_size <= LOADER_SOURCE and _SOURCE.fullmatch(entry.filename)
    with contextlib.ExitStack() as stack:
        try:
            for piece in wheel.chunks(entry):
                if not size:
                    native = native_files.identify(piece[: native_files.HEAD])
                    copy = (
                        stack.enter_context(_spool()) if native and native.format == "ELF" else None
                    )
                    if is_source and any(word in piece for word in _LOADING):
                        loader = piece
                size += len(piece)
                if len(start) < kept:
                    start += piece[: kept - len(start)]
                digest.update(piece)
                if copy:
                    copy.write(piece)
        except Stop as failure:
            findings.append(finding(Code.TW302, failure.problems[0].message, entry.filename))
            return None
        scan = Scan(size, digest.digest(), native, None, start, loader=loader)
        return _with_elf(scan, copy, entry, findings) if copy else scan


def _spool() -> IO[bytes]:
    # of that type only from Python 3.11 on
    return cast("IO[bytes]", tempfile.SpooledTemporaryFile(SPOOLED))


def _with_elf(scan: Scan, copy: IO[bytes], entry: ZipInfo, findings: list[Finding]) -> Scan:
    """Return the scan with what the loader would read of an ELF file."""
    member = entry.filename
    try:
        image = elf.Image(copy)
        needs = elf.read_needs(image, module_name(member))
    except (ValueError, OverflowError) as error:
        is_loaded = _is_loaded(member)
        if is_loaded or entry.external_attr >> 16 & 0o111:
            # it may be data, such as what a linker is tested with
            severity = "error" if is_loaded else "warning"
            message = f"the loader cannot read it: {error}; build it again"
            findings.append(finding(Code.TW408, message, member, severity))
        return scan
    try:
        return scan._replace(needs=needs, layout=read_layout(image), symbols=read_symbols(image))
    except (ValueError, OverflowError, IndexError):
        # tools that strip and patch leave tables that only lazy binding would look at
        return scan._replace(needs=needs)


def module_name(member: str) -> str:
    """Return the name under which Python would import a member, "" for what is no `.so` file."""
    path = PurePosixPath(member)
    if path.suffix != ".so":
        return ""
    name = path.name.partition(".")[0]
    return path.parent.name if name == "__init__" else name


def linux_machine(platform: str) -> str:
    """Return the machine of a Linux platform tag in the words of ELF, "" for other platforms."""
    prefix, _, arch = platform.partition("_")
    if prefix in {"linux", "manylinux1", "manylinux2010", "manylinux2014"}:
        return architectures.BY_ALIAS.get(arch, arch)
    if platform_policies.floor_of_tag(platform) is not None or platform_policies.is_musl(platform):
        arch = platform.split("_", 3)[3]
        return architectures.BY_ALIAS.get(arch, arch)
    return ""
