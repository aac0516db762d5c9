"""Symbols that a process of Python has: those of the C libraries, and of CPython by version.

`libc_symbols.txt` was read off glibc 2.36 (libc, libm, libdl, libpthread, librt, libutil, libanl,
libresolv and the loader) and musl 1.2.3, with the names that later ones added by their manuals.
`python_symbols.txt` has two kinds of facts. The stable ABI is that of CPython's
Misc/stable_abi.toml as of Python 3.15, without names of Windows and of debug builds. What each
version exports was read off libpython3.6 to libpython3.13, and names of 3.14 off its documentation;
a name that all of them have is left out, unless the stable ABI got it later.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources
from typing import NamedTuple

_HEAD = re.compile(r"\[(?:stable|exported)(?: from 3\.(\d+))?(?: until 3\.(\d+))?\]")

NEWEST_MEASURED = 13
"""N of the newest Python 3.N whose exported names are known to be all."""

FREE_THREADED = frozenset(
    {"_Py_DecRefShared", "_Py_DecRefSharedDebug", "_Py_MergeZeroLocalRefcount"}
)
"""Names that only free-threaded Pythons export: they count references in another way (PEP 703)."""


class Exported(NamedTuple):
    """The versions 3.N that export a name; `until` is None where no later one lacks it."""

    since: int = 0
    until: int | None = None


def _lines(name: str) -> list[str]:
    text = (resources.files(__package__) / name).read_text(encoding="ascii")
    return [line for line in text.splitlines() if not line.startswith("#")]


@lru_cache(maxsize=2)
def c_library(is_musl: bool = False) -> frozenset[str]:
    """Return the names that glibc exports, or musl."""
    heads = {"[both]", "[musl]" if is_musl else "[glibc]"}
    names: set[str] = set()
    head = ""
    for line in _lines("libc_symbols.txt"):
        if line.startswith("["):
            head = line
        elif head in heads:
            names.update(line.split())
    return frozenset(names)


@lru_cache(maxsize=1)
def _python() -> tuple[dict[str, int], dict[str, Exported]]:
    stable: dict[str, int] = {}
    exported: dict[str, Exported] = {}
    head, since, until = "", 0, None
    for line in _lines("python_symbols.txt"):
        if match := _HEAD.fullmatch(line):
            head, since = line, int(match[1] or 0)
            until = int(match[2]) if match[2] else None
        elif head.startswith("[stable"):
            stable |= dict.fromkeys(line.split(), since)
        else:
            exported |= dict.fromkeys(line.split(), Exported(since, until))
    return stable, exported


def is_python(name: str) -> bool:
    """Tell whether a symbol has a name of CPython's C API."""
    return name.startswith(("Py", "_Py")) and not name.startswith(("PyInit", "PyModExport"))


def stable_since(name: str) -> int | None:
    """Return N of the Python 3.N whose stable ABI was the first to have a name, None for none."""
    return _python()[0].get(name)


def is_listed(name: str) -> bool:
    """Tell whether CPython is known to have a name, in some version or in the stable ABI."""
    return any(name in table for table in _python())


def exported(name: str) -> Exported:
    """Return which versions of CPython export a name, as far as that is known."""
    stable, known = _python()
    is_new = stable.get(name, 0) > NEWEST_MEASURED  # it may have been there before it was stable
    return known.get(name, Exported(NEWEST_MEASURED + 1 if is_new else 0))
