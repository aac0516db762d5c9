"""Checks of what a wheel requires: other distributions, and Pythons."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import product

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from truewheel.wheel.checks.contents import Contents
from truewheel.wheel.checks.findings import Code, Finding, finding, listing
from truewheel.wheel.version_ranges import LARGEST, has_python, is_empty, largest_number

TAGS = 100
"""Pairs of Python and ABI tags that are looked at."""

_EXACT = re.compile(r"\s*==\s*(3\.\d+)\s*")
_EXTRA = re.compile(r"""\bextra\s*==\s*["']([^"']+)["']|["']([^"']+)["']\s*==\s*extra\b""")


def check_requirements(contents: Contents) -> Iterator[Finding]:
    """Installers can read each requirement (PEP 508 and 440), and something can meet it."""
    fields = contents.metadata
    if fields is None:
        return
    where = contents.file("METADATA")
    readers: Mapping[str, Callable[[str], object]] = {
        "Requires-Dist": Requirement,
        "Requires-Python": SpecifierSet,
    }
    is_read = len(contents.requirements) == len(fields.all("Requires-Dist"))
    for name, read in readers.items():
        for line in () if is_read and read is Requirement else fields.all(name):
            if reason := _complaint(read, line):
                yield finding(Code.TW213, f"{name} cannot be read: {reason}", where)
    for requirement in contents.requirements:
        if reason := _impossible(requirement, contents):
            # under a marker it is of some systems or of an extra, others can install the wheel
            severity = "warning" if requirement.marker else "error"
            yield finding(Code.TW216, f"Requires-Dist {requirement}: {reason}", where, severity)
    yield from _check_together(contents, where)
    declared = {canonicalize_name(extra) for extra in fields.all("Provides-Extra")}
    extras = {extra: None for item in contents.requirements for extra in extras_of(item)}
    if missing := [extra for extra in extras if canonicalize_name(extra) not in declared]:
        message = f"requirements are for {listing(missing)}, and Provides-Extra does not name it"
        yield finding(Code.TW219, f"{message}: installers know no such extra", where)


def _complaint(read: Callable[[str], object], line: str) -> str:
    try:
        read(line)
    except ValueError as error:
        return f"{line}: {error}".partition("\n")[0]
    except RecursionError:
        return f"{line[:40]}…: too many brackets"
    return ""


def _check_together(contents: Contents, where: str) -> Iterator[Finding]:
    """All requirements on one distribution can be met by one version."""
    groups: dict[tuple[str, str], list[Requirement]] = {}
    for requirement in contents.requirements:
        key = canonicalize_name(requirement.name), str(requirement.marker or "")
        groups.setdefault(key, []).append(requirement)
    for requirements in groups.values():
        together = SpecifierSet(",".join(str(item.specifier) for item in requirements))
        alone = any(is_empty(item.specifier) for item in requirements)
        if len(requirements) > 1 and not alone and is_empty(together):
            listed = listing([str(item).partition(";")[0].strip() for item in requirements])
            severity = "warning" if requirements[0].marker else "error"
            yield finding(Code.TW216, f"no version is in all of {listed}", where, severity)


def _impossible(requirement: Requirement, contents: Contents) -> str:
    """Return why nothing can meet a requirement, or ""."""
    if requirement.url and requirement.url.lower().startswith("file:"):
        return "other machines have no such file"
    if is_empty(requirement.specifier):
        return "no version is in that range"
    name = contents.name
    if name is None or canonicalize_name(requirement.name) != canonicalize_name(name.distribution):
        return ""
    version = _version(name.version)
    if version and not requirement.specifier.contains(version, prereleases=True):
        return f"this is {name.distribution} {name.version} itself"
    return ""


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except (InvalidVersion, ValueError):
        return None


def extras_of(requirement: Requirement) -> list[str]:
    """Return the extras that the marker of a requirement names."""
    matches = _EXTRA.findall(str(requirement.marker)) if requirement.marker else []
    return [one or other for one, other in matches]


def check_python(contents: Contents) -> Iterator[Finding]:
    """Requires-Python leaves a Python of the tags of the file name."""
    if contents.name is None or contents.metadata is None:
        return
    required = contents.metadata.first("Requires-Python")
    pythons = contents.name.python.lower().split(".")
    pairs = list(product(pythons, contents.name.abi.lower().split(".")))
    if not required or len(pairs) > TAGS:
        return
    if (match := _EXACT.fullmatch(required)) and "py" in contents.name.python:
        message = f"Requires-Python {required} is {match[1]}.0 alone; write =={match[1]}.*"
        yield finding(Code.TW217, message, contents.file("METADATA"))
    elif all(python.startswith("cp") for python in pythons) and not any(
        has_python(f"{required}{_no_first(python, abi)}", python, abi) for python, abi in pairs
    ):
        tag = f"{contents.name.python}-{contents.name.abi}"
        message = f"Requires-Python is {required}, the file name says {tag}"
        hint = "no Python but perhaps X.Y.0 is both: write <3.13 for all of 3.12, not <=3.12"
        yield finding(Code.TW217, f"{message}: {hint}", contents.file("METADATA"))
    elif not any(has_python(required, python, abi) for python, abi in pairs):
        tag = f"{contents.name.python}-{contents.name.abi}"
        message = f"Requires-Python is {required}, the file name says {tag}: no Python is both"
        hint = "leave this Python out of the matrix, or widen requires-python"
        yield finding(Code.TW217, f"{message}; {hint}", contents.file("METADATA"))


def _no_first(python: str, abi: str) -> str:
    """Return what takes X.Y.0 away from the Pythons of a tag that is for X.Y alone."""
    match = re.fullmatch(r"cp(\d)(\d+)", python)
    return f",!={match[1]}.{match[2]}.0" if match and not abi.startswith("abi") else ""


def check_numbers(contents: Contents) -> Iterator[Finding]:
    """Versions and the build tag have numbers that every installer can hold."""
    for what, text in _versions(contents):
        if largest_number(text) > LARGEST:
            message = f"{what} has a number above {LARGEST}, {text}: uv refuses the wheel"
            yield finding(Code.TW218, message)


def _versions(contents: Contents) -> Iterator[tuple[str, str]]:
    if contents.name:
        yield "the file name", contents.name.version
        if number := re.match(r"\d+", contents.name.build):
            yield "the build tag", number[0]
    for requirement in contents.requirements:
        for specifier in requirement.specifier:
            yield f"Requires-Dist {requirement.name}", specifier.version
    for line in contents.metadata.all("Requires-Python") if contents.metadata else ():
        for specifier in () if _complaint(SpecifierSet, line) else SpecifierSet(line):
            yield "Requires-Python", specifier.version
