"""Which files the dynamic loader takes for each needed library, once the wheel is installed.

Sources: ld.so(8), and the loaders of glibc (`_dl_map_object`) and of musl (`load_library`).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from truewheel.wheel import platform_policies, run_paths
from truewheel.wheel.checks.contents import Contents, is_library, linux_machine
from truewheel.wheel.checks.system import lowest_floor
from truewheel.wheel.elf import Needs

SITE = "lib/python/site-packages"
"""Where a wheel's root lies, below the prefix of an interpreter, here without its version."""

SYSTEM = "system"
"""Stands for the file of a system that the platform tag promises."""

UNKNOWN = "unknown"
"""Stands for the file of a system that the platform tag says nothing about, as linux_x86_64."""

MISSING = ""
"""Stands for no file at all."""

STEPS = 2**18
"""Needs of files that are followed in a wheel; the largest of 300 published ones has 26,398."""

_PYTHON = re.compile(r"lib(?:64)?/python(3\.\d+)t?/site-packages(?=/|$)")
_SCHEMES = {"scripts": "bin", "data": ".", "headers": "include", "platlib": SITE, "purelib": SITE}


@dataclass(frozen=True, kw_only=True)
class Load:
    """What happens when `root` is imported or started.

    `members` are the files of the wheel in the order in which they are loaded; `providers` has for
    each file and each library that it needs a member, or SYSTEM, UNKNOWN, or MISSING; `folders` has
    where the loader looked for those that are missing.
    """

    root: str
    members: tuple[str, ...]
    providers: Mapping[tuple[str, str], str]
    folders: Mapping[str, tuple[str, ...]]

    def missing(self) -> Iterator[tuple[str, str]]:
        """Yield each file with a library that it does not find."""
        return (need for need, provider in self.providers.items() if provider == MISSING)

    def system_libraries(self) -> set[str]:
        """Return the libraries that come from outside the wheel."""
        outside = {SYSTEM, UNKNOWN, MISSING}
        return {library for (_, library), by in self.providers.items() if by in outside}


class Tree:
    """The native files of a wheel at their installed places, and how they are loaded."""

    def __init__(self, contents: Contents) -> None:
        self.contents = contents
        self.steps, self.is_cut = 0, False
        machines = {machine for machine in map(linux_machine, contents.platforms) if machine}
        self.needs: dict[str, Needs] = {
            member: needs
            for member, machine in contents.elves.items()
            if (needs := contents.scans[member].needs)
            and machine in machines
            and not contents.is_any
        }
        self.places = {member: installed(member) for member in self.needs}
        self._members = {place: member for member, place in self.places.items()}
        self.floor = lowest_floor(contents.platforms)
        self.is_musl = any(map(platform_policies.is_musl, contents.platforms))

    @cached_property
    def loads(self) -> tuple[Load, ...]:
        """What is loaded for each module and program, and for each library that none needs."""
        loads = self._loads(member for member in self.needs if self.is_root(member))
        loaded = {member for load in loads for member in load.members}
        rest = self._loads(member for member in self.needs if member not in loaded)
        below = {member for load in rest for member in load.members[1:]}
        return (*loads, *(load for load in rest if load.root not in below))

    def _loads(self, roots: Iterable[str]) -> list[Load]:
        """Return what is loaded for each root, as long as that takes less than `STEPS`."""
        loads = []
        for root in roots:
            self.is_cut = self.steps > STEPS
            if self.is_cut:
                break
            loads.append(self.load(root))
            self.steps += len(loads[-1].providers) + 1
        return loads

    def is_root(self, member: str) -> bool:
        """Tell whether Python imports a file, or a user starts it."""
        return self.contents.is_module(member) or self.is_program(member)

    def is_program(self, member: str) -> bool:
        """Tell whether a file is started, not loaded."""
        return is_program(self.contents, member)

    def named(self, library: str, like: str) -> list[str]:
        """Return the members with a library's file name or SONAME, for the machine of `like`."""
        elves = self.contents.elves
        return [
            member
            for member, needs in self.needs.items()
            if library in {posixpath.basename(member), needs.soname}
            and elves[member] == elves[like]
            and member != like
        ]

    def load(self, root: str) -> Load:
        """Return what the loader does for a file, breadth first."""
        parents, order, names = {root: ""}, [root], {self._known_as(root): root}
        providers: dict[tuple[str, str], str] = {}
        folders: dict[str, tuple[str, ...]] = {}
        for member in order:
            for library in self.needs[member].libraries:
                searched = tuple(self.folders(member, parents))
                provider = names.get(library) or self._find(library, member, searched)
                providers[member, library] = provider
                if provider == MISSING:
                    folders[member] = searched
                elif provider in self.needs:
                    names[library] = provider
                    names.setdefault(self._known_as(provider), provider)
                    if provider not in parents:
                        parents[provider] = member
                        order.append(provider)
        return Load(root=root, members=tuple(order), providers=providers, folders=folders)

    def _known_as(self, member: str) -> str:
        """Return the SONAME, by which glibc knows a loaded file again; musl does not look at it."""
        return "" if self.is_musl else self.needs[member].soname

    def _find(self, library: str, member: str, searched: Iterable[str]) -> str:
        if "/" in library:
            place = self.expand(library, member)
            return self._taken(place, member) or MISSING
        inside = (self._taken(f"{folder}/{library}", member) for folder in searched)
        if provider := next(filter(None, inside), ""):
            return provider
        if self.floor is None and not self.is_musl:
            if platform_policies.provides(library, platform_policies.newest_floor()):
                return SYSTEM
            return MISSING if self.named(library, member) else UNKNOWN
        is_there = (self.is_musl and platform_policies.musl_provides(library)) or (
            self.floor is not None and platform_policies.provides(library, self.floor)
        )
        return SYSTEM if is_there else MISSING

    def _taken(self, place: str, member: str) -> str:
        """Return the member at a place, "" where the loader would pass it over."""
        candidate = self._members.get(posixpath.normpath(place), "")
        elves = self.contents.elves  # files for other machines are passed over
        return candidate if candidate and elves[candidate] == elves[member] else ""

    def folders(self, member: str, parents: Mapping[str, str]) -> Iterator[str]:
        """Yield the folders below the prefix in which the loader looks for what a member needs."""
        needs = self.needs[member]
        at = member
        while at:
            # glibc: DT_RPATH of those that caused it to be loaded, unless it has DT_RUNPATH itself.
            # musl takes both for one, and inherits both.
            if self.is_musl or not (needs.has_runpath or self.needs[at].has_runpath):
                yield from self._expanded(at)
            at = parents[at]
        if needs.has_runpath and not self.is_musl:
            yield from self._expanded(member)

    def _expanded(self, member: str) -> Iterator[str]:
        return filter(None, (self.expand(path, member) for path in self.needs[member].paths))

    def expand(self, path: str, member: str) -> str:
        """Return a path below the prefix, "" for one that leads elsewhere."""
        match = run_paths.ORIGIN.match(path)
        if match is None:
            return ""
        start = posixpath.dirname(self.places[member])
        place = posixpath.normpath(f"{start}/{path[match.end() :].lstrip('/')}")
        return "" if place.startswith("..") else self._without_version(place)

    def _without_version(self, place: str) -> str:
        match = _PYTHON.match(place)
        name = self.contents.name
        if match is None or name is None:
            return place
        version = match[1].replace(".", "")
        pythons = {python.lower().removeprefix("cp") for python in name.python.split(".")}
        fits = version in pythons or not any(python[1:].isdigit() for python in pythons)
        return SITE + place[match.end() :] if fits else place

    def run_path(self, member: str, library: str) -> str:
        """Return the run path that leads from one member to another."""
        return run_paths.to_folder(posixpath.dirname(self.places[library]), self.places[member])


def is_program(contents: Contents, member: str) -> bool:
    """Tell whether a native member is started, not loaded."""
    scan = contents.scans[member]
    if scan.layout is None or scan.needs is None or is_library(member):
        return False
    return scan.layout.is_program or bool(scan.needs.interpreter)


def installed(member: str) -> str:
    """Return where a member lies below the prefix once it is installed (PEP 427)."""
    top, _, below = member.partition("/")
    scheme, _, rest = below.partition("/")
    if top.endswith(".data") and scheme in _SCHEMES:
        return posixpath.normpath(f"{_SCHEMES[scheme]}/{rest}")
    return posixpath.normpath(f"{SITE}/{member}")
