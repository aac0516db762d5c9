"""Checks of what native code needs of Linux, which the platform tag must promise (PEP 600, 656)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from truewheel.wheel import elf, platform_policies
from truewheel.wheel.checks.contents import Contents
from truewheel.wheel.checks.findings import Code, Finding, finding, listing
from truewheel.wheel.elf import Needs
from truewheel.wheel.run_paths import is_inside
from truewheel.wheel.vendor_libraries import vendor_of


def check_floor(contents: Contents) -> Iterator[Finding]:
    """No symbol version is newer than the lowest manylinux tag of the file name."""
    floor = lowest_floor(contents.platforms)
    if floor is None:
        return
    for member, needs in _needs(contents):
        newer = sorted(
            {
                (since, symbol)
                for since, symbol in _floors(needs, contents.elves[member])
                if since > floor
                and (floor <= platform_policies.newest_floor() or symbol.startswith("GLIBC_"))
            }
        )
        if newer:
            yield finding(Code.TW409, _newer(newer, floor), member)


def _newer(newer: Sequence[tuple[int, str]], floor: int) -> str:
    """Say which symbol versions are too new for a floor, and what to do."""
    symbols = listing([symbol for _, symbol in reversed(newer)])
    if any(symbol == platform_policies.PRIVATE for _, symbol in newer):
        return (
            f"it needs {symbols}; {platform_policies.PRIVATE} is for glibc's own files and changes "
            "with each release: leave out what is a part of glibc, or do not link with it"
        )
    newest = newer[-1][0]
    fits = f"manylinux_2_{newest}" if newest < platform_policies.NEVER else "no manylinux tag"
    return (
        f"it needs {symbols}; the tag says manylinux_2_{floor}, {fits} fits: "
        "build it on an older system"
    )


def needed_floor(contents: Contents) -> int:
    """Return the lowest floor 2_X that all symbol versions fit.

    `platform_policies.NEVER` when there is none.
    """
    floors = [
        since
        for member, needs in _needs(contents)
        for since, _ in _floors(needs, contents.elves[member])
    ]
    return max(floors, default=0)


def lowest_floor(platforms: Iterable[str]) -> int | None:
    """Return the lowest floor 2_X of the manylinux tags.

    With several, the wheel is installed from there on.
    """
    floors = [
        floor for floor in map(platform_policies.floor_of_tag, platforms) if floor is not None
    ]
    return min(floors, default=None)


def _floors(needs: Needs, machine: str) -> Iterator[tuple[int, str]]:
    for library, symbol in needs.versions:
        if not platform_policies.is_loader(library):
            yield platform_policies.lowest_floor_with(symbol, machine), symbol


def _needs(contents: Contents) -> Iterator[tuple[str, Needs]]:
    for member in contents.elves:
        needs = contents.scans[member].needs
        if needs:
            yield member, needs


def check_libc(contents: Contents) -> Iterator[Finding]:
    """Native code is linked against the C library of the tag, musl or glibc."""
    wanted = {_libc(platform) for platform in contents.platforms}
    names = {"gnu": "glibc", "musl": "musl"}
    for member, needs in _needs(contents) if wanted and wanted <= names.keys() else ():
        linked = elf.libc(needs.libraries, needs.interpreter)
        if linked and linked not in wanted:
            message = (
                f"it is linked against {names[linked]}, {contents.platforms[0]} has another; "
                "build it there"
            )
            yield finding(Code.TW411, message, member)


def _libc(platform: str) -> str:
    """Return the C library that a platform tag promises.

    "" where it leaves that open, as linux_x86_64 does.
    """
    if platform_policies.is_musl(platform):
        return "musl"
    return "gnu" if platform_policies.floor_of_tag(platform) is not None else ""


def check_libraries(contents: Contents) -> Iterator[Finding]:
    """Each needed library is part of the tag's policy or lies in the wheel.

    It may also come from a driver or from another wheel: that cannot be seen here, and is a
    warning. What the plan leaves outside on purpose (`contents.excluded`) is no finding.
    """
    others_required = _requires_others(contents)
    for member, needed in outside(contents).items():
        missing = [
            library
            for library in needed
            if not any(fnmatchcase(library, pattern) for pattern in contents.excluded)
        ]
        sources = {library: _source(library) for library in missing}
        ordinary = [library for library in missing if not sources[library]]
        lacks = f"neither {contents.platforms[0]} nor the wheel has"
        # Names that auditwheel gave are of no other wheel: those libraries were lost.
        if ordinary and (
            not others_required or any(map(platform_policies.GRAFTED.fullmatch, ordinary))
        ):
            message = f"{lacks} {listing(ordinary)}: graft them with auditwheel"
            yield finding(Code.TW410, message, member)
        elif ordinary:
            message = f"{lacks} {listing(ordinary)}: another wheel must bring them"
            yield finding(Code.TW410, message, member, "warning")
        if brought := [library for library in missing if sources[library]]:
            named = " and ".join(dict.fromkeys(sources[library] for library in brought))
            message = f"{lacks} {listing(brought)}: {named} must bring them"
            yield finding(Code.TW410, message, member, "warning")


def outside(contents: Contents) -> dict[str, list[str]]:
    """Return the libraries that each native member needs and neither tag nor wheel provides."""
    floor = lowest_floor(contents.platforms)
    musl = any(map(platform_policies.is_musl, contents.platforms))
    if floor is None and not musl:
        return {}
    inside = {PurePosixPath(member).name for member in contents.elves}
    inside |= {needs.soname for _, needs in _needs(contents)}

    def is_there(library: str) -> bool:
        if PurePosixPath(library).name in inside or (
            musl and platform_policies.musl_provides(library)
        ):
            return True
        return floor is not None and platform_policies.provides(library, floor)

    missing = {
        member: [library for library in needs.libraries if not is_there(library)]
        for member, needs in _needs(contents)
    }
    return {member: libraries for member, libraries in missing.items() if libraries}


def _source(library: str) -> str:
    """Return who brings a library that no wheel has to carry, or "" for any other library."""
    if library in platform_policies.FORMER:
        return "the system"
    vendor = vendor_of(library)
    return vendor.source if vendor else ""


def _requires_others(contents: Contents) -> bool:
    lines = contents.metadata.all("Requires-Dist") if contents.metadata else ()
    return any("extra ==" not in line and "extra==" not in line for line in lines)


def check_paths(contents: Contents) -> Iterator[Finding]:
    """Libraries are looked for beside the file that needs them ($ORIGIN), not elsewhere."""
    for member, needs in _needs(contents):
        if outside_paths := sorted(
            {path for path in needs.paths if path and not is_inside(path, member)}
        ):
            # repair passes by a wheel that has its name; auditwheel leaves files that need nothing
            # from outside as they are
            is_named = any(map(_libc, contents.platforms))
            way = "remove it with patchelf" if is_named else "let truewheel repair remove it"
            message = (
                f"the loader will also look in {listing(outside_paths)}; link without it, or {way}"
            )
            yield finding(Code.TW412, message, member)
