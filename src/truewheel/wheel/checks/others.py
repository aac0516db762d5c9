"""What other packages may do for the libraries of a wheel: bring them, or load them first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from truewheel.wheel.checks.contents import Contents

_GLOBAL = (b"RTLD_GLOBAL", b"setdlopenflags")
_GRAFT = re.compile(r"-[0-9a-f]{8}(?=\.so|$)")
_SHORT = 3
_LINES = 2**12


@dataclass(frozen=True, kw_only=True)
class Others:
    """The distributions that a wheel requires on Linux, and its Python sources that load libraries.

    `required` are normalised names, without those of extras.
    """

    required: tuple[str, ...] = ()
    sources: tuple[bytes, ...] = ()

    @property
    def loads_globally(self) -> bool:
        """Whether some source makes the symbols of libraries visible to all that follow."""
        return any(word in source for source in self.sources for word in _GLOBAL)

    def loads(self, library: str) -> bool:
        """Tell whether some source that loads libraries names this one."""
        stem = core_name(library)
        name = stem if len(stem) >= _SHORT else library.rpartition("/")[2].partition(".so")[0]
        return any(name.encode() in source for source in self.sources)

    def bringing(self, library: str) -> list[str]:
        """Return the required distributions whose name is like that of a library."""
        stem = re.sub(r"[\d._-]+", "", core_name(library).lower())
        if len(stem) < _SHORT:
            return []
        return [name for name in self.required if _alike(stem, re.sub(r"[\d-]+", "", name))]


def _alike(stem: str, name: str) -> bool:
    name = name.removeprefix("lib")
    return stem in name or (len(name) >= _SHORT and name in stem)


def core_name(library: str) -> str:
    """Return what is characteristic of a library's name: `deep` of `libdeep-1f2e3d4c.so.1`."""
    name = _GRAFT.sub("", library.rpartition("/")[2]).partition(".so")[0]
    return name.removeprefix("lib")


def others(contents: Contents) -> Others:
    """Return what a wheel requires, and how it loads libraries."""
    lines = contents.metadata.all("Requires-Dist") if contents.metadata else ()
    sources = (scan.loader for scan in contents.scans.values() if scan.loader)
    return Others(required=tuple(_required(lines, _pythons(contents))), sources=tuple(sources))


def _pythons(contents: Contents) -> Sequence[str]:
    tags = contents.name.python.lower().split(".") if contents.name else []
    return [f"{tag[2]}.{tag[3:]}" for tag in tags if re.fullmatch(r"cp3\d+", tag)]


def _required(lines: Sequence[str], pythons: Sequence[str]) -> Iterable[str]:
    environment = {"extra": "", "os_name": "posix", "sys_platform": "linux"}
    environment |= {"platform_system": "Linux"}
    environment |= {"python_version": pythons[0]} if pythons else {}
    names = (_required_name(line, environment) for line in lines[:_LINES])
    return dict.fromkeys(filter(None, names))


def _required_name(line: str, environment: dict[str, str]) -> str:
    """Return the distribution of a requirement, "" where this environment does not need it."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    try:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate(environment):
            return canonicalize_name(requirement.name)
    except (ValueError, RecursionError, KeyError):
        pass  # TW213 is about those that cannot be read
    return ""
