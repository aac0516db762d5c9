"""What the native code of a wheel needs from outside, and what forbids to graft it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from truewheel.errors import suggest
from truewheel.wheel.elf import Needs
from truewheel.wheel.native_files import is_module
from truewheel.wheel.platform_policies import PRIVATE
from truewheel.wheel.vendor_libraries import Kind, vendor_of

SHOWN = 5
"""Names that a message holds before it only counts them."""


@dataclass(frozen=True, kw_only=True)
class Symbol:
    """A symbol that `file` needs in a version of `library` that the floor has not."""

    file: str
    symbol: str
    version: str
    library: str


@dataclass(frozen=True, kw_only=True)
class LinkedLibraries:
    """What auditwheel found out about the native files of a wheel.

    `needed` says who needs each library (DT_NEEDED), those of libraries to be grafted included.
    `grafts` has the libraries that the floor does not promise, each with its path by the file of
    the wheel for which it was looked for, "" where it was not found. `fits` is the highest platform
    whose symbols suffice, "" when none is known. `private` are symbols that a library of the floor
    does not promise. `newer_processors` are files and the instruction set that each needs.
    `embedding` are programs that need libpython, by its name. `unclear` are a file, a library that
    it needs, and the members of the wheel that may be meant.
    """

    needed: Mapping[str, Sequence[str]]
    grafts: Mapping[str, Mapping[str, str]]
    symbols: Sequence[Symbol] = ()
    fits: str = ""
    private: Mapping[str, Sequence[str]] = field(default_factory=dict)
    newer_processors: Mapping[str, str] = field(default_factory=dict)
    embedding: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unclear: Sequence[tuple[str, str, Sequence[str]]] = ()


@dataclass(frozen=True, kw_only=True)
class RepairRequest:
    """What a wheel is to become: its platform, and patterns of libraries to exclude or graft.

    `range` are platforms, lowest floor first, of which an audit finds one; empty where `platform`
    is settled. `natives` are its ELF files; `way_out` the hint for a floor that is too low, with
    `{floor}` for one that would do.
    """

    wheel: str
    package: str
    platform: str
    arch: str
    natives: Sequence[str]
    exclude: Sequence[str] = ()
    graft: Sequence[str] = ()
    range: Sequence[str] = ()
    way_out: str = ""


GraftProblem = tuple[str, str]
"""A message and its hint."""


def graft_problems(linked: LinkedLibraries, request: RepairRequest) -> Iterator[GraftProblem]:
    """Yield all that must be corrected before libraries are grafted."""
    where = f"packages.{request.package}"
    yield from _unused(linked, request.exclude, f"{where}.exclude")
    yield from _unused(linked, request.graft, f"{where}.graft")
    yield from _vendors(linked, request, where)
    yield from _missing(linked, request, f"{where}.exclude")
    yield from _embedding(linked, where)
    yield from _unclear(linked)
    cannot = f"{request.wheel} cannot be made {request.platform}:"
    if linked.symbols:
        yield f"{cannot} it needs {_symbols(linked.symbols)}", _way_out(linked, request)
    for library, symbols in sorted(linked.private.items()):
        hint = f"link {library} statically, or do without them"
        yield f"{cannot} it uses {_listed(symbols)} of {library}, which are not for others", hint
    if linked.newer_processors:
        files = [f"{file} ({level})" for file, level in sorted(linked.newer_processors.items())]
        hint = (
            "name the oldest processor, as -march=x86-64 does: compilers of some distributions "
            "have a newer one as their default; for a library of this system, use an older image"
        )
        message = f"it needs a newer processor than any {request.arch}: {_listed(files)}"
        yield f"{cannot} {message}", hint


def is_program(member: str, needs: Needs) -> bool:
    """Tell whether an ELF file is a program of its own, not a library that Python may load."""
    is_library = ".so" in PurePosixPath(member).suffixes
    return bool(needs.interpreter) and not is_library and not is_module(member)


def matches(library: str, patterns: Iterable[str]) -> bool:
    """Return whether a library's name matches one of the patterns, as auditwheel matches them."""
    return any(fnmatchcase(library, pattern) for pattern in patterns)


def _unused(linked: LinkedLibraries, patterns: Iterable[str], where: str) -> Iterator[GraftProblem]:
    for pattern in patterns:
        if any(matches(library, [pattern]) for library in linked.needed):
            continue
        known = _listed(sorted(linked.needed)) or "none"
        hint = suggest(pattern, linked.needed, f"remove it; needed are {known}")
        if named := sorted(
            library
            for library in linked.needed
            if matches(library, [f"{pattern}.*", f"*{pattern}*"])
        ):
            hint = f"its name is {named[0]}: write '{named[0]}' or '{_open(named[0])}'"
        yield f"{where}: nothing in this wheel needs {pattern}", hint


def _is_vendors(library: str, request: RepairRequest) -> bool:
    """Tell whether a library must stay outside, whatever was found on this machine."""
    vendor = vendor_of(library)
    if vendor is None:
        return False
    return vendor.kind is Kind.DRIVER or not matches(library, request.graft)


def _vendors(linked: LinkedLibraries, request: RepairRequest, where: str) -> Iterator[GraftProblem]:
    for library in sorted(linked.grafts):
        vendor = vendor_of(library)
        if vendor is None or not _is_vendors(library, request):
            continue
        needs = f"{_listed(linked.needed.get(library, ()))} needs {library}"
        hint = f"add '{_open(library)}' to {where}.exclude"
        if vendor.kind is Kind.DRIVER:
            yield f"{needs}, which belongs to {vendor.source} and works on this machine only", hint
            continue
        bringer = "the user's system" if vendor.kind is Kind.SYSTEM else "another wheel"
        hint += f" if {bringer} brings it, or to {where}.graft if this wheel is to carry it"
        yield f"{needs}, which belongs to {vendor.source} and would be grafted", hint


def _missing(linked: LinkedLibraries, request: RepairRequest, where: str) -> Iterator[GraftProblem]:
    for library, places in sorted(linked.grafts.items()):
        lacking = [file for file, path in places.items() if not path]
        if not lacking or _is_vendors(library, request):
            continue  # a vendor's has a message of its own
        needing = linked.needed.get(library, ())
        direct = [file for file in needing if file in lacking or file not in places] or lacking
        message = f"{_listed(direct)} needs {library}, which is not found here"
        hint = (
            "install it, or put its folder into LD_LIBRARY_PATH; "
            f"if it is brought by another wheel or the machine, add '{_open(library)}' to {where}"
        )
        finders = sorted((path, file) for file, path in places.items() if path)
        if finders:
            path, file = finders[0]
            message += f"; {file} finds it as {path}"
            hint = f"link it with that run path, too, or {hint}"
        yield message, hint


def _embedding(linked: LinkedLibraries, where: str) -> Iterator[GraftProblem]:
    for library, programs in sorted(linked.embedding.items()):
        message = (
            f"{_listed(programs)} needs {library}: this is a program, or a library of one, and "
            "many machines have Python without that library"
        )
        yield (
            message,
            f"add '{_open(library)}' to {where}.graft, or link it with a static libpython",
        )


def _unclear(linked: LinkedLibraries) -> Iterator[GraftProblem]:
    for file, library, members in linked.unclear:
        message = f"{file} needs {library}, which is in this wheel as {_listed(members)}"
        hint = "link it with a run path to the right one, beginning with $ORIGIN"
        yield f"{message}: no run path says which", hint


def _way_out(linked: LinkedLibraries, request: RepairRequest) -> str:
    if private := sorted({s.file for s in linked.symbols if s.version == PRIVATE}):
        return (
            f"{PRIVATE} is for glibc's own files and changes with each release: leave "
            f"{_listed(private)} out, or do not link with it"
        )
    if not linked.fits:
        return "auditwheel knows no floor that has them: build it on an older system"
    return request.way_out.format(floor=linked.fits.removesuffix(f"_{request.arch}"))


def _symbols(symbols: Iterable[Symbol]) -> str:
    """Return the newest symbols as a text, by the file that needs them."""
    newest = sorted(
        symbols,
        key=lambda item: ([-number for number in _numbers(item.version)], item.symbol, item.file),
    )
    texts = (f"{item.symbol}@{item.version} of {item.library} in {item.file}" for item in newest)
    return _listed([text.removeprefix("@") for text in texts])


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def _listed(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _open(library: str) -> str:
    """Return the pattern for a library in any version: `libx.so.*` for `libx.so.5`."""
    stem, so, version = library.partition(".so.")
    return f"{stem}.so.*" if so and version else library
