"""Ranges of versions (PEP 440): whether any version is in one, and those of a Python tag."""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

LARGEST = 2**64 - 2
"""The largest number of a version that uv 0.13.9 reads; it refuses a wheel with a larger one."""

MOST = 50
"""Bounds of a range that are looked at."""

_TAG = re.compile(r"([a-z]+)([0-9])([0-9]*)")


def is_empty(specifiers: SpecifierSet) -> bool:
    """Tell whether no version is in a range.

    Where a range has a first version, it is one that a bound names, or follows it directly.
    """
    bounds: list[Version] = []
    for specifier in specifiers:
        # === compares texts, and anything may be equal; nobody writes so many bounds
        if specifier.operator == "===" or len(bounds) > MOST:
            return False
        bounds.append(Version(specifier.version.removesuffix(".*")))
    candidates = (candidate for bound in bounds for candidate in _near(bound))
    return bool(bounds) and not any(
        specifiers.contains(candidate, prereleases=True)
        for candidate in (Version("0"), Version("0.dev0"), *candidates)
    )


def _near(bound: Version) -> Iterator[Version]:
    """Yield a version, and those that follow it directly in its last number, deeper or above."""
    base = f"{bound.epoch}!" + ".".join(map(str, bound.release))
    *above, last = bound.release
    yield bound
    yield Version(bound.public)
    yield Version(f"{base}.0.0.1")
    yield Version(f"{bound.epoch}!" + ".".join(map(str, (*above, last + 1))))
    yield Version(f"{base}.post{(bound.post or 0) + 1}")
    if bound.pre:
        yield Version(f"{base}{bound.pre[0]}{bound.pre[1] + 1}")
    if bound.dev is not None:
        yield Version(f"{bound.public.rpartition('.dev')[0]}.dev{bound.dev + 1}")


def pythons_of(python: str, abi: str) -> SpecifierSet | None:
    """Return the Python versions of a single Python tag and ABI tag; None for an unknown form.

    Source: `packaging.tags`. The stable ABI and `py3X` are of that version and all later ones of
    its major version, the others of one version.
    """
    match = _TAG.fullmatch(python)
    if match is None:
        return None
    kind, major, minor = match.groups()
    following = f"<{int(major) + 1}"
    if not minor:
        return SpecifierSet(f">={major},{following}")
    if kind == "py" or abi.startswith("abi"):
        return SpecifierSet(f">={major}.{minor},{following}")
    return SpecifierSet(f"=={major}.{minor}.*")


def has_python(required: str, python: str, abi: str) -> bool:
    """Tell whether a Requires-Python leaves any Python of a tag; also for what cannot be read."""
    pythons = pythons_of(python, abi)
    try:
        return pythons is None or not is_empty(SpecifierSet(required) & pythons)
    except InvalidSpecifier:
        return True


def largest_number(version: str) -> int:
    """Return the largest number of a version but those of its local part; 0 for no version."""
    try:
        parsed = Version(version.removesuffix(".*"))
    except (InvalidVersion, ValueError):  # also a number with too many digits
        return 0
    pre = parsed.pre[1] if parsed.pre else 0
    return max(parsed.epoch, *parsed.release, pre, parsed.post or 0, parsed.dev or 0)
