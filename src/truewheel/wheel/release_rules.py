"""A release and the one before it: which wheels are lost, and what else its users would notice.

All of it is read off file names and metadata; names of platforms and interpreters that are not
known here are compared as they are.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from truewheel.system import architectures
from truewheel.wheel import platform_tags
from truewheel.wheel.filename import WheelName, parse_name
from truewheel.wheel.reader import Fields

Floor = tuple[int, ...]
"""The oldest version of a system that a wheel is for; () where its tag names none."""
QUARTER = 0.25
_PLATFORM = re.compile(
    r"(?P<system>manylinux|musllinux|macosx|ios)_(?P<major>\d+)_(?P<minor>\d+)_(?P<arch>\w+)"
    r"|(?P<android>android|pyemscripten|pyodide)_(?P<level>\d+(?:_\d+)?)_(?P<machine>\w+)"
)
_SYSTEMS = {
    "manylinux": "glibc", "musllinux": "musl", "macosx": "macOS", "ios": "iOS",
    "android": "Android", "pyemscripten": "Emscripten", "pyodide": "Emscripten",
}  # fmt: skip
# The first machines with this processor came with that system.
_OLDEST = {("macOS", "arm64"): (11, 0)}
_IN_USE = (
    "CentOS 7", "Amazon Linux 2", "Ubuntu 18.04", "RHEL 8", "Debian 10", "Ubuntu 20.04",
    "Debian 11", "RHEL 9", "Amazon Linux 2023", "Ubuntu 22.04", "Debian 12", "Ubuntu 24.04",
    "RHEL 10", "Debian 13",
)  # fmt: skip
_CPYTHON = re.compile(r"cp3(\d+)(.*)")
_GENERAL = re.compile(r"py3(\d*)")
_PYTHON = re.compile(r"(?:cp|pp|py)3(\d*)")
_HASH = re.compile(r"-[0-9a-f]{8,}(?=[.-])")


class Unit(NamedTuple):
    """What a wheel is for: an interpreter such as cp313t, a system such as glibc, and a machine."""

    interpreter: str
    system: str
    machine: str

    @property
    def place(self) -> str:
        """The system and the machine as messages say them."""
        names = {"glibc": "Linux (glibc)", "musl": "Linux (musl)"}
        system = names.get(self.system, self.system)
        return f"{system} {self.machine}".strip() if self.system != "any" else "any system"


class Source(NamedTuple):
    """The floor of a unit, and the wheel that has it."""

    floor: Floor
    file: str


class File(NamedTuple):
    """What is known of a file of a release; None and 0 where that is nothing.

    `modules` and `libraries` are the names at the top of site-packages and those of grafted
    libraries; `entry_points` has the objects by group and name.
    """

    name: str
    size: int = 0
    fields: Fields | None = None
    modules: frozenset[str] | None = None
    libraries: frozenset[str] | None = None
    entry_points: Mapping[str, str] | None = None
    requires_python: str | None = None

    @property
    def python(self) -> str | None:
        """Its Requires-Python, None where that is not known."""
        return self.fields.first("Requires-Python") if self.fields else self.requires_python


class Change(NamedTuple):
    """What differs: its kind, one sentence, the file that it is about, and what a user notices.

    `severity` is "" for that of the kind. Changes with one kind and message become one finding.
    """

    kind: str
    message: str
    file: str = ""
    severity: str = ""
    notice: str = ""
    detail: str = ""


def names_of(files: Iterable[str]) -> dict[str, WheelName]:
    """Return the parts of those file names that are of wheels."""
    names = {}
    for file in files:
        with suppress(ValueError):
            names[file] = parse_name(file)
    return names


def places(platform: str) -> Iterator[tuple[str, str, Floor]]:
    """Yield the systems, machines and floors of a platform tag."""
    if platform == "any":
        yield "any", "", ()
    elif platform == "win32":
        yield "Windows", "x86", ()
    elif platform.startswith("win_"):
        yield "Windows", platform.removeprefix("win_").replace("amd64", "x86_64"), ()
    elif (legacy := platform.partition("_"))[0] in platform_tags.LEGACY_FLOORS:
        yield "glibc", legacy[2], (2, platform_tags.LEGACY_FLOORS[legacy[0]])
    elif platform.startswith("linux_"):
        yield "Linux", platform.partition("_")[2], ()
    elif match := _PLATFORM.fullmatch(platform):
        if match["android"]:
            level = tuple(map(int, match["level"].split("_")))
            yield _SYSTEMS[match["android"]], match["machine"], level
            return
        floor = int(match["major"]), int(match["minor"])
        system = _SYSTEMS[match["system"]]
        for machine in sorted(architectures.MACOS_GROUPS.get(match["arch"], {match["arch"]})):
            lowest = _OLDEST.get((system, machine), floor)
            yield system, machine, max(floor, lowest)
    else:
        yield platform, "", ()


def interpreters(name: WheelName, newest: int) -> Iterator[str]:
    """Yield the interpreters that a wheel is for.

    One for the stable ABI is for all CPythons from its own to 3.`newest`.
    """
    for python in name.python.lower().split("."):
        for abi in name.abi.lower().split("."):
            match = _CPYTHON.fullmatch(python)
            if match and abi in {"abi3", "abi3t"}:
                first = int(match[1])
                threads = "t" if abi == "abi3t" else ""
                yield from (
                    f"cp3{minor}{threads}" for minor in range(first, max(newest, first) + 1)
                )
            elif match and abi.startswith(python):
                yield abi
            else:
                yield python


def newest_minor(names: Iterable[WheelName]) -> int:
    """Return the minor version of the newest CPython that wheels name."""
    tags = (tag for name in names for tag in name.python.split("."))
    return max((int(match[1]) for tag in tags if (match := _CPYTHON.fullmatch(tag))), default=0)


def units(names: Mapping[str, WheelName], newest: int) -> dict[Unit, Source]:
    """Return all that wheels are for, each with the lowest floor."""
    result: dict[Unit, Source] = {}
    for file, name in names.items():
        for platform in name.platform.lower().split("."):
            for system, machine, floor in places(platform):
                for interpreter in interpreters(name, newest):
                    unit = Unit(interpreter, system, machine)
                    if unit not in result or floor < result[unit].floor:
                        result[unit] = Source(floor, file)
    return result


def covered(unit: Unit, by: Mapping[Unit, Source], *, by_any: bool) -> bool:
    """Tell whether an installer finds a wheel for a unit; `by_any`: also one for any system."""
    for other in by:
        is_place = other[1:] == unit[1:] or (
            unit.system == "Linux" and other[1:] == ("glibc", unit.machine)
        )
        if (is_place or (by_any and other.system == "any")) and _takes(
            unit.interpreter, other.interpreter
        ):
            return True
    return False


def _takes(interpreter: str, tag: str) -> bool:
    """Tell whether an interpreter takes wheels with a tag that is not its own: py3, py39."""
    if interpreter == tag:
        return True
    general = _GENERAL.fullmatch(tag)
    if general is None:
        return False
    minor = _minor(interpreter)
    return minor is not None and minor >= int(general[1] or 0)


def _minor(interpreter: str) -> int | None:
    """Return the minor version of Python 3 in a tag such as cp313t, pp310 or py3."""
    match = _PYTHON.match(interpreter)
    return int(match[1] or 0) if match else None


def compare_wheels(before: Iterable[str], now: Iterable[str], python: str) -> Iterator[Change]:
    """Yield what wheels are lost and new by their names; `python` is the new Requires-Python."""
    old, new = names_of(before), names_of(now)
    if not old or not new:
        return
    newest = newest_minor([*old.values(), *new.values()])
    theirs, ours = units(old, newest), units(new, newest)
    by_any = not any(unit.system == "any" for unit in theirs)
    yield from _lost(theirs, ours, python, by_any=by_any)
    yield from _new(theirs, ours)
    yield from _floors(theirs, ours)
    yield from _stable_abi(old, new)


def _lost(
    theirs: Mapping[Unit, Source], ours: Mapping[Unit, Source], python: str, *, by_any: bool
) -> Iterator[Change]:
    missing: dict[str, list[Unit]] = defaultdict(list)
    for unit, source in theirs.items():
        if not covered(unit, ours, by_any=by_any):
            missing[source.file].append(unit)
    gone = {unit.interpreter for unit in theirs} - {unit.interpreter for unit in ours}
    kept = {unit[1:] for unit in ours}
    for file, lost in sorted(missing.items()):
        by_place: dict[str, list[Unit]] = defaultdict(list)
        for unit in lost:
            by_place[unit.place].append(unit)
        for place, here in by_place.items():
            words = _spanned(unit.interpreter for unit in here)
            if all(_is_excluded(unit.interpreter, python) for unit in here):
                message = f"no wheel for {words}: Requires-Python is {python} now"
                yield Change("lost", message, file, "note")
                continue
            what = f"{words} on {place}"
            if here[0][1:] not in kept:
                what = place
            elif gone.issuperset(unit.interpreter for unit in here):
                what = words
            notice = f"no wheels for {what} any more"
            yield Change("lost", f"no wheel for {words} on {place} any more", file, notice=notice)


def _is_excluded(interpreter: str, python: str) -> bool:
    minor = _minor(interpreter)
    if not python or not minor:
        return False
    try:
        # a range may begin within a minor version
        return not any(f"3.{minor}.{patch}" in SpecifierSet(python) for patch in (0, 99))
    except InvalidSpecifier:
        return False


def _new(theirs: Mapping[Unit, Source], ours: Mapping[Unit, Source]) -> Iterator[Change]:
    known = {unit[1:] for unit in theirs}
    for unit, source in ours.items():
        if unit[1:] not in known:
            notice = f"wheels for {unit.place}"
            yield Change("new", f"wheels for {unit.place} are new", source.file, notice=notice)
        elif not covered(unit, theirs, by_any=False):
            message = f"wheels for {unit.interpreter} are new"
            yield Change("new", message, source.file, notice=f"wheels for {unit.interpreter}")


def _floors(theirs: Mapping[Unit, Source], ours: Mapping[Unit, Source]) -> Iterator[Change]:
    for unit, (floor, file) in ours.items():
        before = theirs[unit].floor if unit in theirs else floor
        if before == floor or not before or not floor:
            continue
        system = f"{unit.system} on {unit.machine}"
        step = f"from {_dotted(before)} to {_dotted(floor)}"
        if floor > before:
            losing = _losing(unit, before, floor)
            message = f"the floor of {system} is raised {step}: {losing}"
            notice = f"{unit.system} {_dotted(floor)} needed on {unit.machine}"
            yield Change("floor", message, file, notice=f"{notice} (before {_dotted(before)})")
        else:
            yield Change("floor", f"the floor of {system} is lowered {step}", file, "note")


def _losing(unit: Unit, before: Floor, floor: Floor) -> str:
    if unit.system != "glibc":
        return f"{unit.system} {_dotted(before)} and all before {_dotted(floor)} lose it"
    is_usual = unit.machine in architectures.HOSTED  # few distributions have the others
    names = [
        name
        for name in _IN_USE
        if is_usual and before <= (2, platform_tags.DISTRIBUTIONS[name]) < floor
    ]
    systems = f", such as {', '.join(names)}" if names else ""
    last = f"2.{floor[1] - 1}"
    span = last if _dotted(before) == last else f"{_dotted(before)} to {last}"
    return f"glibc {span} lose it{systems}"


def _dotted(floor: Floor) -> str:
    return ".".join(map(str, floor))


def _stable_abi(old: Mapping[str, WheelName], new: Mapping[str, WheelName]) -> Iterator[Change]:
    def stable(names: Mapping[str, WheelName]) -> dict[str, str]:
        return {
            Unit("", system, machine).place: file
            for file, name in names.items()
            for platform in name.platform.lower().split(".")
            for system, machine, _ in places(platform)
            if name.abi.startswith("abi3")
        }

    def all_places(names: Mapping[str, WheelName]) -> set[str]:
        tags = (tag for name in names.values() for tag in name.platform.lower().split("."))
        return {Unit("", *place[:2]).place for tag in tags for place in places(tag)}

    before, now = stable(old), stable(new)
    for place in sorted(before.keys() - now.keys()):
        if place in all_places(new):  # else its wheels are lost
            message = f"no abi3 wheel on {place} any more: Pythons to come find no wheel"
            yield Change("abi3", message, before[place], notice="no abi3 wheels any more")
    for place in sorted(now.keys() - before.keys()):
        if place in all_places(old):
            message = f"abi3 wheels are new on {place}"
            yield Change("abi3", message, now[place], "note", notice="abi3 wheels")


def pair(before: Sequence[File], now: Sequence[File]) -> Iterator[tuple[File, File]]:
    """Yield the files of both releases that are for the same, the older one first.

    Where none is for the same interpreter, one for the same system; each source archive has one.
    """
    old, new = (names_of(file.name for file in files) for files in (before, now))
    newest = newest_minor([*old.values(), *new.values()])
    theirs = {
        file.name: units({file.name: old[file.name]}, newest) for file in before if file.name in old
    }
    for file in now:
        if file.name not in new:
            archives = [other for other in before if other.name not in old]
            yield from ((other, file) for other in archives[:1])
            continue
        ours = units({file.name: new[file.name]}, newest)

        likeness = {name: _likeness(ours, of_other) for name, of_other in theirs.items()}
        best = max(likeness, key=lambda name: likeness[name], default="")
        if best and any(likeness[best]):
            yield next(other for other in before if other.name == best), file


def _likeness(ours: Mapping[Unit, Source], theirs: Mapping[Unit, Source]) -> tuple[int, int, int]:
    """Return how much two wheels are for the same: units, systems, and whether the floor is."""
    both = ours.keys() & theirs.keys()
    here = {unit[1:] for unit in ours} & {unit[1:] for unit in theirs}
    return len(both), len(here), sum(ours[unit].floor == theirs[unit].floor for unit in both)


def compare_files(before: File, now: File) -> Iterator[Change]:
    """Yield what differs between a file and that of the release before."""
    if before.python is not None and now.python is not None:
        yield from _pythons(before.python, now.python, now.name)
    if before.fields and now.fields:
        yield from _dependencies(before.fields, now.fields, now.name)
        yield from _licences(before.fields, now.fields, now.name)
    if before.entry_points is not None and now.entry_points is not None:
        yield from _entry_points(before.entry_points, now.entry_points, now.name)
    for kind, what, old, new in (
        ("modules", "module", before.modules, now.modules),
        ("libraries", "library", before.libraries, now.libraries),
    ):
        if old is not None and new is not None:
            yield from _names(kind, what, old, new, now.name)
    yield from _size(before, now)


def _pythons(before: str, now: str, file: str) -> Iterator[Change]:
    try:
        old, new = SpecifierSet(before), SpecifierSet(now)
    except InvalidSpecifier:
        return
    if old == new:
        return
    versions = [f"3.{minor}.{patch}" for minor in range(30) for patch in range(100)]
    lost = sorted(
        {
            int(version.split(".")[1])
            for version in versions
            if version in old and version not in new
        }
    )
    message = f"Requires-Python is {now or 'gone'}, before {before or 'without one'}"
    # open ranges lose a Python that nobody has yet
    words = _joined(f"3.{minor}" for minor in lost if minor < 20)
    if words:
        notice = f"Python {words} is not supported any more"
        yield Change("python", f"{message}: Python {words} is left out", file, notice=notice)
    else:
        yield Change("python", message, file, "note")


def _requirements(fields: Fields) -> dict[str, str]:
    """Return the requirements by project and marker."""
    result: dict[str, str] = {}
    for line in fields.all("Requires-Dist"):
        with suppress(InvalidRequirement, RecursionError):
            item = Requirement(line)
            marker = f"; {item.marker}" if item.marker else ""
            extras = f"[{','.join(sorted(item.extras))}]" if item.extras else ""
            where = f" @ {item.url}" if item.url else str(item.specifier)
            project = canonicalize_name(item.name)
            result[f"{project}{marker}"] = f"{project}{extras}{where}"
    return result


def _dependencies(before: Fields, now: Fields, file: str) -> Iterator[Change]:
    old, new = _requirements(before), _requirements(now)
    for key in sorted(new.keys() - old.keys()):
        severity = "note" if "extra ==" in key else ""
        project = key.partition(";")[0]
        notice = "" if severity else f"it needs {project} now"
        yield Change("dependencies", f"new: {_written(new, key)}", file, severity, notice)
    for key in sorted(old.keys() - new.keys()):
        yield Change("dependencies", f"gone: {_written(old, key)}", file, "note")
    for key in sorted(key for key in old.keys() & new.keys() if old[key] != new[key]):
        severity = "note" if "extra ==" in key else ""
        message = f"{new[key]}, before {old[key]}"
        notice = "" if severity else f"it needs {new[key]} (before {old[key]})"
        yield Change("dependencies", message, file, severity, notice)
    extras = [
        {canonicalize_name(name) for name in of.all("Provides-Extra")} for of in (before, now)
    ]
    for extra in sorted(extras[0] - extras[1]):
        notice = f"no extra {extra} any more"
        yield Change("dependencies", f"the extra {extra} is gone", file, notice=notice)


def _written(requirements: Mapping[str, str], key: str) -> str:
    marker = key.partition(";")[1] + key.partition(";")[2]
    return f"{requirements[key]}{marker}"


def _licences(before: Fields, now: Fields, file: str) -> Iterator[Change]:
    for name in ("License", "License-Expression", "License-File"):
        old, new = before.all(name), now.all(name)
        if sorted(old) != sorted(new):
            message = f"{name} is {_short(new)}, before {_short(old)}"
            yield Change("licence", message, file, notice="other licence fields")
    theirs, ours = (
        sorted(line for line in fields.all("Classifier") if line.startswith("License ::"))
        for fields in (before, now)
    )
    if theirs != ours:
        message = f"the licence classifiers are {_short(ours)}, before {_short(theirs)}"
        yield Change("licence", message, file, notice="other licence fields")


def _short(values: Sequence[str]) -> str:
    text = ", ".join(values) or "none"
    return text if len(text) <= 80 else f"{text[:79]}…"


def _entry_points(before: Mapping[str, str], now: Mapping[str, str], file: str) -> Iterator[Change]:
    for name in sorted(before.keys() - now.keys()):
        yield Change("scripts", f"{name} is gone", file, notice=f"no {_last(name)} any more")
    for name in sorted(now.keys() - before.keys()):
        yield Change("scripts", f"{name} is new", file, "note", f"{_last(name)}")
    for name in sorted(name for name in before.keys() & now.keys() if before[name] != now[name]):
        yield Change("scripts", f"{name} is {now[name]}, before {before[name]}", file, "note")


def _last(name: str) -> str:
    group, _, word = name.partition(": ")
    kinds = {"console_scripts": "command", "gui_scripts": "command"}
    return f"{kinds.get(group, f'entry point of {group}')} {word}"


def _names(
    kind: str, what: str, before: frozenset[str], now: frozenset[str], file: str
) -> Iterator[Change]:
    for name in sorted(before - now):
        notice = f"no {what} {name} any more" if kind == "modules" else ""
        yield Change(kind, f"the {what} {name} is gone", file, notice=notice)
    for name in sorted(now - before):
        severity = "note" if kind == "libraries" else "warning"
        notice = f"a {what} {name}" if kind == "modules" else ""
        yield Change(kind, f"the {what} {name} is new", file, severity, notice)


def _size(before: File, now: File) -> Iterator[Change]:
    if not before.size or not now.size or abs(now.size / before.size - 1) <= QUARTER:
        return
    word = "larger" if now.size > before.size else "smaller"
    detail = f"{_bytes(now.size)}, before {_bytes(before.size)}"
    message = f"{word} than before by more than a quarter"
    yield Change("size", message, now.name, notice=f"{word} files", detail=detail)


def _bytes(size: int) -> str:
    if size < 10**6:
        return f"{size / 1000:.1f} kB"
    return f"{size / 10**6:.1f} MB"


def compare_versions(versions: Iterable[str], ours: str) -> Iterator[Change]:
    """Yield what is wrong with a version, where an index has releases of these."""
    known = [version for text in versions if (version := parse_version(text))]
    version = parse_version(ours)
    newer = sorted(other for other in known if version and other > version)
    if version is None or not newer:
        return
    message = f"{version} is not newer than {newer[-1]}, which is there"
    series = [other for other in known if other.release[:1] == version.release[:1]]
    is_old_series = bool(series) and max(series) <= version
    notice = f"nothing by default: installers prefer {newer[-1]}"
    yield Change("version", message, "", "warning" if is_old_series else "", notice)


def parse_version(text: str) -> Version | None:
    """Return a version, None for a text that is none."""
    with suppress(InvalidVersion, ValueError):  # also a number with too many digits
        return Version(text)
    return None


def baseline(versions: Iterable[str], ours: str) -> str:
    """Return the release to compare with: the last before this version, else the newest.

    Prereleases count where this is one, or nothing else is there.
    """
    version = parse_version(ours)
    known = {other: text for text in versions if (other := parse_version(text))}
    known = {other: text for other, text in known.items() if other != version}
    if version and not version.is_prerelease:
        known = {other: text for other, text in known.items() if not other.is_prerelease} or known
    older = [other for other in known if version and other < version]
    best = max(older or known, default=None)
    return known[best] if best is not None else ""


def top_modules(places_of: Iterable[str]) -> frozenset[str]:
    """Return what can be imported of installed paths `site/…`, by their first parts."""
    names = set()
    for path in places_of:
        scheme, _, below = path.partition("/")
        top, _, rest = below.partition("/")
        is_code = below.endswith((".py", ".pyc", ".so", ".pyd"))
        if scheme != "site" or top.endswith((".dist-info", ".libs", ".dylibs", ".data")):
            continue
        if is_code and (rest or not top.endswith(".pth")):
            names.add(top if rest else top.partition(".")[0])
    return frozenset(name for name in names if name.isidentifier())


def grafted(members: Iterable[str]) -> frozenset[str]:
    """Return the names of libraries in folders of repair tools, without hashes and versions."""
    names = set()
    for member in members:
        folder, _, file = member.rpartition("/")
        if folder.endswith((".libs", ".dylibs")) and file:
            plain = _HASH.sub("", file)
            stem = re.match(r"[\w+]+(?:-[A-Za-z]\w*)*", plain)
            names.add(stem[0] if stem else plain)
    return frozenset(names)


def parse_entry_points(text: str) -> dict[str, str]:
    """Return the objects of entry points by "group: name"; lines that are none are left out."""
    result, group = {}, ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            group = line[1:-1].strip()
        elif group and not line.startswith(("#", ";")) and "=" in line:
            name, _, value = line.partition("=")
            result[f"{group}: {name.strip()}"] = value.strip()
    return result


def _spanned(interpreters: Iterable[str]) -> str:
    """Return interpreters in a row, three or more successive CPythons as the first and the last."""
    rows: list[list[str]] = []
    for tag in dict.fromkeys(interpreters):
        match = _CPYTHON.fullmatch(tag)
        before = f"cp3{int(match[1]) - 1}{match[2]}" if match else ""
        if rows and rows[-1][-1] == before:
            rows[-1].append(tag)
        else:
            rows.append([tag])
    return _joined(
        word for row in rows for word in (row if len(row) < 3 else [f"{row[0]} to {row[-1]}"])
    )


def _joined(words: Iterable[str]) -> str:
    unique = list(dict.fromkeys(words))
    return ", ".join(unique) if len(unique) < 2 else f"{', '.join(unique[:-1])} and {unique[-1]}"
