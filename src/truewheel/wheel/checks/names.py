"""Checks of names: the file name, and what the files of dist-info say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from truewheel.wheel.checks.contents import Contents
from truewheel.wheel.checks.findings import Code, Finding, finding, listing
from truewheel.wheel.filename import WheelName, expand_tag
from truewheel.wheel.index_profiles import METADATA_VERSIONS
from truewheel.wheel.reader import Fields

_RETAG = "change both with the build or a retagging tool, never with mv"
_ABI = re.compile(r"(cp\d+)[a-z]*")
_SYSTEM = re.compile(r"(?:many|musl)?linux.*|macos.*|win.*")
_PLATFORM = re.compile(
    r"(?:linux|manylinux(?:1|2010|2014|_\d+_\d+)|musllinux_\d+_\d+|macosx_\d+_\d+)_[a-z]\w*"
    r"|win32|win_[a-z]\w*"
)
# interpreters with a short name (packaging.tags) have no tags of the long one
_PYTHON = re.compile(r"(?!(?:c?python|pypy|ironpython|jython)\d)[a-z]+\d[\d_]*")
_MACHINES = {
    **dict.fromkeys(("amd64", "x64", "intel64"), "x86_64"),
    **dict.fromkeys(("arm64", "arm64v8"), "aarch64"),
    **dict.fromkeys(("armhf", "arm32v7"), "armv7l"),
    **dict.fromkeys(("x86", "i386"), "i686"),
    "ppc64el": "ppc64le",
}
"""Words of other systems for machines, and that of Linux (`uname -m`)."""
_OTHER_MACHINE = re.compile(
    rf"(?:linux|manylinux(?:1|2010|2014|_\d+_\d+)|musllinux_\d+_\d+)_({'|'.join(_MACHINES)})"
)
_SCHEMES = {"data", "headers", "platlib", "purelib", "scripts"}


def check_name(contents: Contents) -> Iterator[Finding]:
    """The file name's version (PEP 440) and distribution (PEP 503) are in their normal forms."""
    from packaging.utils import canonicalize_name
    from packaging.version import Version

    name = contents.name
    if name is None:
        return
    version = str(Version(name.version))
    if name.version != version:
        message = (
            f"the file name says {name.version}, PEP 440 writes {version}; "
            "build it with that version"
        )
        yield finding(Code.TW102, message)
    distribution = canonicalize_name(name.distribution).replace("-", "_")
    if name.distribution != distribution:
        message = (
            f"the file name says {name.distribution}, the normal form is {distribution}; "
            "use newer build tools"
        )
        yield finding(Code.TW103, message)


def check_tags(contents: Contents) -> Iterator[Finding]:
    """The tags of the file name are for an interpreter and a system that exist (PEP 425, 600)."""
    if contents.name is None:
        return
    pythons, abis = contents.name.python.lower().split("."), contents.name.abi.lower().split(".")
    if not any(_PYTHON.fullmatch(python) for python in pythons):
        message = (
            f"no interpreter has the Python tag {contents.name.python}; use py3, cp312 or pp311"
        )
        yield finding(Code.TW104, message)
    for platform in contents.platforms:
        if match := _OTHER_MACHINE.fullmatch(platform):
            message = f"no system has the platform tag {platform}: Linux says {_MACHINES[match[1]]}"
            yield finding(Code.TW104, f"{message}; let the build make it")
        elif _SYSTEM.fullmatch(platform) and not _PLATFORM.fullmatch(platform):
            yield finding(
                Code.TW104, f"no system has the platform tag {platform}; let the build make it"
            )
    for abi in abis:
        if (match := _ABI.fullmatch(abi)) and match[1] not in pythons:
            yield finding(Code.TW104, f"no {contents.name.python} has the ABI {abi}; {_RETAG}")
        if abi.startswith("abi3") and not any(python.startswith("cp3") for python in pythons):
            yield finding(
                Code.TW104,
                f"only CPython has {abi}, the file name says {contents.name.python}; {_RETAG}",
            )
    if contents.platforms == ("any",) and "none" not in abis:
        yield finding(
            Code.TW104,
            f"an ABI is of a system, the file name says {contents.name.abi}-any; {_RETAG}",
        )


def check_dist_info(contents: Contents) -> Iterator[Finding]:
    """One dist-info folder; it and the data folders are named as the file name says (PEP 427)."""
    if len(contents.dist_infos) != 1:
        folders = ", ".join(contents.dist_infos) or "none"
        yield finding(Code.TW201, f"a wheel has one dist-info folder, this one: {folders}")
    if contents.name is None:
        return
    stem = f"{contents.name.distribution}-{contents.name.version}"
    for folder in contents.dist_infos:
        if not _is_named(folder.removesuffix(".dist-info"), contents.name):
            yield finding(
                Code.TW202, f"the folder is {folder}, the file name says {stem}; {_RETAG}", folder
            )
    yield from _check_data(contents, stem)


def _check_data(contents: Contents, stem: str) -> Iterator[Finding]:
    """Installers spread what is in `.data` by the folders in it, and refuse others."""
    paths = [entry.filename.split("/", 2) for entry in contents.entries]
    data = [parts for parts in paths if len(parts) > 1 and parts[0].endswith(".data")]
    for folder in sorted({parts[0] for parts in data}):
        if contents.name and not _is_named(folder.removesuffix(".data"), contents.name):
            yield finding(
                Code.TW209, f"the folder is {folder}, the file name says {stem}; {_RETAG}", folder
            )
    for parts in data:
        if len(parts) == 2 or parts[1] not in _SCHEMES:
            message = f"an installer knows no place for it, only for {', '.join(sorted(_SCHEMES))}"
            yield finding(Code.TW209, message, "/".join(parts))


def _is_named(stem: str, name: WheelName) -> bool:
    distribution, _, version = stem.rpartition("-")
    return _same_name(distribution, name.distribution) and _same_version(version, name.version)


def _same_name(name: str, other: str) -> bool:
    from packaging.utils import canonicalize_name

    return canonicalize_name(name) == canonicalize_name(other)


def _same_version(version: str, other: str) -> bool:
    from packaging.version import Version

    try:
        return Version(version) == Version(other)
    except ValueError:  # also a number with too many digits
        return version == other


def check_label(contents: Contents) -> Iterator[Finding]:
    """A labelled wheel holds a variant.json of just that label (PEP 825).

    Installers would not take it with another label.
    """
    label = contents.name.label if contents.name else ""
    if label and list(contents.variants or ()) != [label]:
        state = "there is none"
        if contents.variants is not None:
            state = f"it names {', '.join(contents.variants) or 'none'}"
        message = f"the file name says {label}, variant.json must name just that: {state}"
        yield finding(Code.TW210, message)


def check_wheel(contents: Contents) -> Iterator[Finding]:
    """WHEEL can be read, and says the tags and the build tag of the file name (PEP 427)."""
    if contents.wheel is None:
        return
    fields, where = contents.wheel, contents.file("WHEEL")
    for name in _several(fields, "Wheel-Version", "Root-Is-Purelib", "Build"):
        yield finding(
            Code.TW203,
            f"it says {name} more than once, and readers differ in which they take",
            where,
        )
    if not re.fullmatch(r"1\.\d+", fields.first("Wheel-Version")):
        yield finding(
            Code.TW203,
            f"Wheel-Version is {fields.first('Wheel-Version') or 'missing'}, not 1.x",
            where,
        )
    if purelib(fields) not in {"true", "false"}:
        yield finding(Code.TW203, "Root-Is-Purelib is neither true nor false", where)
    if contents.name is None:
        return
    if not _is_same_tags(fields.all("Tag"), contents.name.tags):
        tags = ", ".join(fields.all("Tag")) or "nothing"
        message = f"WHEEL says {tags}, the file name says {contents.name.tag}; {_RETAG}"
        yield finding(Code.TW204, message, where)
    build = fields.first("Build")
    if build != contents.name.build:
        named = contents.name.build or "no build tag"
        message = f"WHEEL says {build or 'no Build'}, the file name says {named}; {_RETAG}"
        yield finding(Code.TW205, message, where)


def _is_same_tags(lines: Iterable[str], tags: frozenset[str]) -> bool:
    expanded: set[str] = set()
    for line in lines:  # it ends early: a few lines can stand for very many tags
        expanded |= expand_tag(line)
        if not expanded <= tags:
            return False
    return expanded == tags


def purelib(fields: Fields) -> str:
    """Return what WHEEL says of Root-Is-Purelib, in lower case."""
    return fields.first("Root-Is-Purelib").lower()


def check_metadata(contents: Contents) -> Iterator[Finding]:
    """METADATA has a known version, Name and Version of the file name, and existing licenses."""
    if contents.metadata is None:
        return
    fields, where = contents.metadata, contents.file("METADATA")
    for field in _several(fields, "Metadata-Version", "Name", "Version", "Requires-Python"):
        yield finding(
            Code.TW206,
            f"it says {field} more than once, and readers differ in which they take",
            where,
        )
    yield from _check_metadata_version(fields, where)
    yield from _check_licenses(contents, fields, where)
    name = contents.name
    if name is None:
        return
    project = fields.first("Name") or "nothing"
    if not _same_name(project, name.distribution):
        message = f"METADATA says {project}, the file name says {name.distribution}; {_RETAG}"
        yield finding(Code.TW207, message, where)
    version = fields.first("Version") or "nothing"
    if not _same_version(version, name.version):
        message = f"METADATA says {version}, the file name says {name.version}; {_RETAG}"
        yield finding(Code.TW208, message, where)


def _several(fields: Fields, *names: str) -> list[str]:
    return [name for name in names if len(fields.all(name)) > 1]


def _check_metadata_version(fields: Fields, where: str) -> Iterator[Finding]:
    version = fields.first("Metadata-Version")
    if version not in METADATA_VERSIONS:
        known = ", ".join(METADATA_VERSIONS)
        severity = "warning" if re.fullmatch(r"[12]\.\d+", version) else "error"
        yield finding(
            Code.TW211,
            f"Metadata-Version is {version or 'missing'}, known are {known}",
            where,
            severity,
        )


def _check_licenses(contents: Contents, fields: Fields, where: str) -> Iterator[Finding]:
    """From METADATA 2.4 on, each License-File is in the folder licenses (PEP 639)."""
    version = re.fullmatch(r"(\d{1,3})\.(\d{1,3})", fields.first("Metadata-Version"))
    if version is None or (int(version[1]), int(version[2])) < (2, 4):
        return
    files = fields.all("License-File")
    if missing := [
        file for file in files if contents.file(f"licenses/{file}") not in contents.members
    ]:
        message = (
            f"METADATA names {listing(missing)}, the folder licenses does not hold it; "
            "use newer build tools"
        )
        yield finding(Code.TW212, message, where, "warning")
