"""Checks of wheels that are installed together: the paths that they share, what they require."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import combinations, product
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from truewheel.system import architectures
from truewheel.wheel.checks.contents import Contents
from truewheel.wheel.checks.findings import Code, Finding, finding, listing
from truewheel.wheel.checks.requirements import TAGS, extras_of
from truewheel.wheel.checks.system import lowest_floor
from truewheel.wheel.filename import WheelName
from truewheel.wheel.version_ranges import has_python, is_empty, pythons_of

MINORS = range(8, 16)
"""The minor versions of Python 3 for which two wheels are compared."""

ALTERNATIVE_FILES, ALTERNATIVE_SHARE = 5, 0.8
"""Two wheels with so many of their files in common are two builds of one project."""

# Distributions of one project for several drivers or uses, of which one is installed.
_VARIANT = re.compile(
    r"-?(cu[0-9]+|cuda([0-9]+x?)?|rocm[0-9-]*|cpu|gpu|tpu|xpu|headless|contrib|binary|nightly|plain"
    r"|debug|lite|full|minimal|dev|test)$"
)
_SPACE = re.compile(rb"(?m)^\s*(#.*)?$\n?")


class Sibling(NamedTuple):
    """What is compared of a wheel: where its files go with their CRC and size, what it requires.

    `namespaces` are the files `__init__.py` that only make a folder a namespace package, `tops` the
    first parts of all paths. `package` is the plan's name of what became the wheel, or "".
    """

    path: Path
    name: WheelName
    files: Mapping[str, tuple[int, int]]
    namespaces: frozenset[str]
    tops: frozenset[str]
    requirements: tuple[Requirement, ...]
    python: str
    package: str

    @property
    def project(self) -> str:
        """The name of the distribution in its normal form."""
        return canonicalize_name(self.name.distribution)

    @property
    def version(self) -> Version | None:
        """The version of the file name."""
        try:
            return Version(self.name.version)
        except (InvalidVersion, ValueError):
            return None


def describe(path: Path, contents: Contents, package: str = "") -> Sibling | None:
    """Return what is compared of a wheel, or None for one without a name."""
    if contents.name is None:
        return None
    infos = tuple(f"{folder}/" for folder in contents.dist_infos)
    entries = {
        contents.places[entry.filename]: entry
        for entry in contents.entries
        if not entry.filename.startswith(infos)
    }
    starts = {contents.places[member]: scan.start for member, scan in contents.scans.items()}
    return Sibling(
        path=path,
        name=contents.name,
        files={place: (entry.CRC, entry.file_size) for place, entry in entries.items()},
        namespaces=frozenset(
            place
            for place, entry in entries.items()
            if place.endswith("/__init__.py")
            and (not entry.file_size or _is_namespace(starts.get(place, b"")))
        ),
        tops=frozenset("/".join(place.split("/", 2)[:2]) for place in entries),
        requirements=contents.requirements,
        python=contents.metadata.first("Requires-Python") if contents.metadata else "",
        package=package,
    )


def _is_namespace(start: bytes) -> bool:
    if not start:
        return False
    return (
        not _SPACE.sub(b"", start).strip()
        or re.search(rb"extend_path\(|declare_namespace\(", start) is not None
    )


def check_paths(siblings: Sequence[Sibling]) -> Iterator[tuple[Path, Finding]]:
    """Yield an error for each pair of distributions that install one path with different bytes."""
    seen: set[tuple[str, str]] = set()
    for one, two in combinations(siblings, 2):
        pair = (min(one.project, two.project), max(one.project, two.project))
        if pair in seen or not one.tops & two.tops or _is_one_project(one, two):
            continue
        if not meet(one.name, two.name):
            continue
        common = one.files.keys() & two.files.keys()
        places = [place for place in common if _differ(one, two, place)]
        if places and not _is_alternative(one, two, len(common)):
            seen.add(pair)
            names = sorted(place.partition("/")[2] for place in places)
            message = f"{two.path.name} installs other bytes to {listing(names, 3)}"
            hint = "whichever comes last remains; keep the file in one of them"
            yield one.path, finding(Code.TW505, f"{message}: {hint}")


def _differ(one: Sibling, two: Sibling, place: str) -> bool:
    is_namespace = place in one.namespaces and place in two.namespaces
    return one.files[place] != two.files[place] and not is_namespace


def _is_one_project(one: Sibling, two: Sibling) -> bool:
    """Tell whether two wheels are of one project, of which nobody installs both."""
    is_one = bool(one.package) and one.package == two.package
    return is_one or _stem(one.project) == _stem(two.project)


def _is_alternative(one: Sibling, two: Sibling, shared: int) -> bool:
    """Tell whether two wheels outside of a plan have so much in common that both are one build."""
    least = min(len(one.files), len(two.files))
    return not one.package and shared >= max(ALTERNATIVE_FILES, least * ALTERNATIVE_SHARE)


def _stem(project: str) -> str:
    while (shorter := _VARIANT.sub("", project)) not in {"", project}:
        project = shorter
    return project


def check_requirements(siblings: Sequence[Sibling]) -> Iterator[tuple[Path, Finding]]:
    """Yield a finding for each requirement that a wheel of the set does not meet where it must."""
    by_project: dict[str, list[Sibling]] = defaultdict(list)
    for sibling in siblings:
        by_project[sibling.project].append(sibling)
    for one in siblings:
        for requirement in one.requirements:
            others = by_project.get(canonicalize_name(requirement.name), [])
            if others and one not in others and _applies(requirement, one):
                for item in _check_requirement(one, requirement, others):
                    yield one.path, item


def _check_requirement(
    one: Sibling, requirement: Requirement, others: Sequence[Sibling]
) -> Iterator[Finding]:
    fitting = [
        other
        for other in others
        if other.version and requirement.specifier.contains(other.version, prereleases=True)
    ]
    is_exact = any(item.operator in {"==", "==="} for item in requirement.specifier)
    if not fitting and (near := [other for other in others if meet(one.name, other.name)]):
        versions = listing(sorted({other.name.version for other in near}))
        message = f"it requires {requirement}, the set has {requirement.name} {versions}"
        # a development version sorts before its release, which the range is for
        later = any(_release_fits(requirement, other) for other in near)
        severity = "error" if is_exact or (one.package and not later) else "warning"
        yield finding(Code.TW506, f"{message}; build both from one version", "", severity)
    if fitting and is_exact:
        yield from _check_promise(one, requirement, fitting)


def _release_fits(requirement: Requirement, other: Sibling) -> bool:
    version = other.version
    return version is not None and requirement.specifier.contains(version.base_version)


def _check_promise(
    one: Sibling, requirement: Requirement, others: Sequence[Sibling]
) -> Iterator[Finding]:
    """Where a wheel can be installed, a wheel can be that it requires in that very version."""
    systems = [other for other in others if _systems(one.name) & _systems(other.name)]
    everywhere = [other for other in others if "any" in _platforms(other.name)]
    near = [*systems, *everywhere]
    if not near:
        return
    lacking = [
        f"3.{minor}"
        for minor in MINORS
        if _admits(one, minor) and not any(_admits(other, minor) for other in near)
    ]
    what = f"it requires {requirement}"
    if lacking:
        message = f"{what}, of which the set has no wheel for Python {listing(lacking)}"
        yield finding(Code.TW507, f"{message}; give both the same requires-python")
    floor = lowest_floor(_platforms(one.name))
    floors = [lowest_floor(_platforms(other.name)) for other in systems]
    known = [other for other in floors if other is not None]
    if floor is not None and known and not everywhere and min(known) > floor:
        message = f"{what}, whose wheel is for manylinux_2_{min(known)}, this one for 2_{floor}"
        yield finding(Code.TW507, f"{message}; build both for one floor")


def _admits(one: Sibling, minor: int) -> bool:
    python = f"==3.{minor}.*"
    try:
        required = SpecifierSet(f"{one.python},{python}".strip(","))
    except ValueError:
        return True
    if is_empty(required):
        return False
    return any(has_python(str(required), *pair) for pair in _pairs(one.name))


def _applies(requirement: Requirement, one: Sibling) -> bool:
    """Tell whether a requirement without an extra is one where the wheel can be installed."""
    if requirement.url or extras_of(requirement):
        return False
    try:
        return requirement.marker is None or requirement.marker.evaluate(_environment(one.name))
    except ValueError:  # a comparison of what cannot be compared
        return False


def _environment(name: WheelName) -> dict[str, str]:
    """Return the values of markers that the tags of a wheel decide."""
    values = {"extra": ""}
    if match := re.fullmatch(r"cp3([0-9]+)", name.python.lower()):
        values |= {
            "python_version": f"3.{match[1]}",
            "python_full_version": f"3.{match[1]}.0",
            "implementation_name": "cpython",
        }
    kinds = {
        "linux": ("linux", "Linux", "posix"),
        "musl": ("linux", "Linux", "posix"),
        "macosx": ("darwin", "Darwin", "posix"),
        "win": ("win32", "Windows", "nt"),
    }
    for kind, arch in sorted(_systems(name))[:1]:
        if kind in kinds:
            keys = ("sys_platform", "platform_system", "os_name")
            values |= dict(zip(keys, kinds[kind])) | {"platform_machine": arch}
    return values


def meet(one: WheelName, two: WheelName) -> bool:
    """Tell whether some Python on some system takes both wheels."""
    if not any(_is_one_python(*pairs) for pairs in product(_pairs(one), _pairs(two))):
        return False
    if "any" in _platforms(one) or "any" in _platforms(two):
        return True
    return bool(_systems(one) & _systems(two))


@lru_cache(maxsize=4096)
def _pairs(name: WheelName) -> tuple[tuple[str, str], ...]:
    return tuple(product(name.python.lower().split("."), name.abi.lower().split(".")))[:TAGS]


@lru_cache(maxsize=4096)
def _platforms(name: WheelName) -> tuple[str, ...]:
    return tuple(name.platform.lower().split("."))


@lru_cache(maxsize=4096)
def _is_one_python(one: tuple[str, str], two: tuple[str, str]) -> bool:
    kinds = {python.rstrip("0123456789") for python, _ in (one, two)} - {"py"}
    threaded = {abi.endswith("t") for _, abi in (one, two) if abi.startswith("cp")}
    ranges = pythons_of(*one), pythons_of(*two)
    if len(kinds) > 1 or len(threaded) > 1 or ranges[0] is None or ranges[1] is None:
        return False
    return not is_empty(ranges[0] & ranges[1])


@lru_cache(maxsize=4096)
def _systems(name: WheelName) -> frozenset[tuple[str, str]]:
    """Return the kinds of systems of a wheel with their machines; the universal ones of macOS."""
    systems: set[tuple[str, str]] = set()
    for platform in _platforms(name):
        match = re.fullmatch(
            r"(manylinux|linux|musllinux|macosx|win)[0-9]*(?:_[0-9]+)*_(.+)|(win)(32)", platform
        )
        if match is None:
            systems.add((platform, ""))
            continue
        kind, arch = match[1] or match[3], match[2] or match[4]
        kind = {"manylinux": "linux", "musllinux": "musl"}.get(kind, kind)
        names = architectures.MACOS_GROUPS.get(arch, {arch})
        systems.update((kind, architectures.BY_ALIAS.get(one, one)) for one in names)
    return frozenset(systems)


def check(siblings: Iterable[Sibling]) -> Iterator[tuple[Path, Finding]]:
    """Yield the findings of wheels that are installed together, each with the wheel it is of."""
    together = list(siblings)
    yield from check_paths(together)
    yield from check_requirements(together)
