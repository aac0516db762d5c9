"""Checks of what native code needs of Linux, which the platform tag must promise (PEP 600, 656)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from truewheel.wheel import elf, platform_policies
from truewheel.wheel.checks.contents import Contents
from truewheel.wheel.checks.findings import Code, Finding, finding, listing
from truewheel.wheel.elf import Needs
from truewheel.wheel.run_paths import is_inside


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
