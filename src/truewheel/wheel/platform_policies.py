"""What a manylinux or musllinux system provides: libraries, and symbol versions by floor.

They are read from the policies of the installed auditwheel, which repair works with. The tables
here say the same in few lines: validate needs no auditwheel, and knows what an older one lacks.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from truewheel.wheel.platform_tags import AUDITED_MINORS, floor_minor

LIBRARIES = frozenset({
    "libGL.so.1", "libICE.so.6", "libSM.so.6", "libX11.so.6", "libXext.so.6", "libXrender.so.1",
    "libanl.so.1", "libatomic.so.1", "libc.so.6", "libdl.so.2", "libgcc_s.so.1",
    "libglib-2.0.so.0", "libgobject-2.0.so.0", "libgthread-2.0.so.0", "libm.so.6", "libnsl.so.1",
    "libpthread.so.0", "libresolv.so.2", "librt.so.1", "libstdc++.so.6", "libutil.so.1",
    "libz.so.1",
})  # fmt: skip
"""Libraries that every manylinux system has.

They are those of PEP 513, 571 and 599, with what auditwheel's policies added since.
"""

LATER = {"libexpat.so.1": 12, "libmvec.so.1": 24}
"""Libraries that are there from a floor 2_X on."""

GRAFTED = re.compile(r".+-[0-9a-f]{8}\.so[.\d]*")
"""Names that auditwheel gives to libraries it puts into a wheel: no other wheel has them."""

FORMER = frozenset({"libcrypt.so.1", "libncursesw.so.5", "libpanelw.so.5"})
"""Libraries of PEP 513, 571 and 599 that distributions, and so auditwheel, have dropped since."""

PRIVATE = "GLIBC_PRIVATE"
"""The version of symbols that glibc's own libraries and programs have for each other."""

NEVER = 1000
"""Stands for a symbol version that no floor has."""

_LEGACY = {"manylinux1": 5, "manylinux2010": 12, "manylinux2014": 17}
_PLATFORM = re.compile(r"(?:(manylinux(?:1|2010|2014))|manylinux_2_(\d+))_[a-z].*")
_MUSL = re.compile(r"musllinux_1_(\d+)_[a-z].*")

# The floor 2_X from which on all systems have a symbol version (the highest of its library that is
# not above it): read off the policies of auditwheel 6.8, which were read off the distributions.
_SINCE = {
    "GLIBCXX": {
        "3.4.8": 5, "3.4.13": 12, "3.4.19": 17, "3.4.22": 24, "3.4.24": 26,
        "3.4.28": 31, "3.4.29": 34, "3.4.30": 35, "3.4.33": 39,
    },
    "CXXABI": {
        "1.3.1": 5, "1.3.3": 12, "1.3.7": 17, "1.3.10": 24, "1.3.11": 26,
        "1.3.12": 31, "1.3.13": 34, "1.3.15": 39,
    },
    "GCC": {
        "4.2.0": 5, "4.5.0": 12, "4.8.0": 17, "7.0.0": 26, "11.0": 34, "12.0.0": 35,
        "14.0.0": 39,
    },
    "LIBATOMIC": {"1.0": 17, "1.2": 24},
    "ZLIB": {"1.2.2.4": 12, "1.2.5.2": 17, "1.2.9": 26, "1.2.12": 37},
}  # fmt: skip
_NAMED = {"CXXABI_TM_1": 17, "CXXABI_FLOAT128": 24, "GLIBC_ABI_DT_RELR": 36}
_EXCEPTIONS = {  # where a machine's distributions had it earlier or later than those of the others
    ("aarch64", "GLIBC_2.18"): 17,
    ("i686", "ZLIB_1.2.12"): 36,
    ("loongarch64", "GLIBCXX_3.4.33"): 40,
    ("riscv64", "GLIBC_ABI_DT_RELR"): 38,
    ("s390x", "LIBATOMIC_1.0"): 24,
    ("x86_64", "LIBATOMIC_1.0"): 24,
}
_SYMBOL = re.compile(
    r"(GLIBC|GLIBCXX|CXXABI|GCC|LIBATOMIC|ZLIB)_(?:LDBL_|IEEE128_|ARM_)?(\d+(?:\.\d+)*)"
)


def floor_of_tag(platform: str) -> int | None:
    """Return X of the glibc 2.X that a manylinux tag needs at most, None for other tags."""
    match = _PLATFORM.fullmatch(platform)
    if match is None:
        return None
    return _LEGACY[match[1]] if match[1] else int(match[2])


def is_musl(platform: str) -> bool:
    """Tell whether this is a musllinux tag (PEP 656)."""
    return _MUSL.fullmatch(platform) is not None


class _Policy(NamedTuple):
    """What the systems of one floor have: libraries, and symbol versions by machine."""

    libraries: frozenset[str]
    symbols: Mapping[str, frozenset[str]]


@lru_cache(maxsize=1)
def _installed() -> Mapping[int, _Policy]:
    """Return the policies of the installed auditwheel by floor 2_X; none without it.

    Its file is read, not its package imported: that takes half a second.
    """
    try:
        spec = importlib.util.find_spec("auditwheel")
        folder = next(iter((spec and spec.submodule_search_locations) or ()), "")
        text = (Path(folder) / "policy" / "manylinux-policy.json").read_text(encoding="utf-8")
        policies = {policy["name"]: _policy(policy) for policy in json.loads(text)}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}  # another version may have another file, or another form of it
    floors = {floor_minor(name): policy for name, policy in policies.items()}
    return {minor: floors[minor] for minor in sorted(filter(None, floors))}


def _policy(data: Mapping[str, Any]) -> _Policy:
    symbols = {
        machine: frozenset(
            f"{family}_{version}" for family, versions in families.items() for version in versions
        )
        for machine, families in data["symbol_versions"].items()
    }
    return _Policy(frozenset(data["lib_whitelist"]), symbols)


@lru_cache(maxsize=64)
def _listed(machine: str) -> Mapping[str, int]:
    """Return the lowest floor of the installed auditwheel that has each symbol of a machine."""
    floors: dict[str, int] = {}
    for minor, policy in _installed().items():
        for symbol in policy.symbols.get(machine, ()):
            floors.setdefault(symbol, minor)
    return floors


def newest_floor() -> int:
    """Return the newest floor whose libstdc++ is known."""
    return max([AUDITED_MINORS[-1], *_installed()])


@lru_cache(maxsize=4096)
def lowest_floor_with(symbol: str, machine: str) -> int:
    """Return the lowest floor 2_X that has a symbol version, such as 34 for `GLIBC_2.34`.

    0 for unknown families.
    """
    listed = _listed(machine)
    computed = _computed(symbol, machine)
    if symbol not in listed:
        return computed
    # The lowest floor of a machine has all that is older, too, and glibc has floors between two
    # policies.
    if symbol.startswith("GLIBC_") or listed[symbol] == min(listed.values()):
        return min(computed, listed[symbol])
    return listed[symbol]


def _computed(symbol: str, machine: str) -> int:
    """Return the lowest floor that has a symbol version by the tables here."""
    if minor := _EXCEPTIONS.get((machine, symbol)) or _NAMED.get(symbol):
        return minor
    match = _SYMBOL.fullmatch(symbol)
    if match is None:
        return NEVER if symbol.startswith("GLIBC_") else 0
    family, version = match[1], _numbers(match[2])
    if family == "GLIBC":
        return version[1] if version[0] == 2 and len(version) > 1 else NEVER
    first = next(
        (minor for known, minor in _SINCE[family].items() if version <= _numbers(known)), NEVER
    )
    # the systems of these machines with glibc 2.26 had older compilers or zlib
    is_later = machine == "x86_64" or (machine, family) == ("aarch64", "ZLIB")
    return 27 if first == 26 and is_later else first


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


@lru_cache(maxsize=64)
def _libraries(minor: int) -> frozenset[str]:
    """Return the libraries that every system of the floor 2_X has."""
    policies = [policy for floor, policy in _installed().items() if floor <= minor]
    if policies:
        return policies[-1].libraries
    return LIBRARIES | {library for library, first in LATER.items() if first <= minor}


def provides(library: str, minor: int) -> bool:
    """Tell whether every system of the floor 2_X has a library; the dynamic loader is one."""
    return library in _libraries(minor) or is_loader(library)


def musl_provides(library: str) -> bool:
    """Tell whether every musllinux system has a library.

    PEP 656 asks for musl alone; zlib comes with Python.
    """
    return library.startswith(("libc.musl-", "ld-musl-")) or library in {"libc.so", "libz.so.1"}


def is_loader(library: str) -> bool:
    """Tell whether this is glibc's dynamic loader."""
    return library.startswith("ld-linux") or library in {"ld64.so.1", "ld64.so.2"}
