"""What an index accepts, as rules over versions and compatibility tags; each rule with its evidence."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

Rule = Callable[[str, str], "str | None"]


def _no_local_version(version: str, tag: str) -> str | None:
    # The public index's upload API answers 400 to a version with a local part (PEP 440 asks it to).
    return "local version" if "+" in version else None


def _no_plain_linux(version: str, tag: str) -> str | None:
    # The public index takes linux_* only for the two ARM platforms that once had no manylinux of their own.
    plain = re.search(r"linux_(?!armv[67]l)\w+", tag.rsplit("-", 1)[-1])
    return f"platform {plain[0]}" if plain and "many" + plain[0] not in tag else None


PROFILES: Mapping[str, tuple[Rule, ...]] = {
    "internal": (),
    "pypi": (_no_local_version, _no_plain_linux),
}


@lru_cache(maxsize=4096)
def refusals(profile: str, version: str, tag: str) -> tuple[str, ...]:
    """Return the reasons why an index with this profile would refuse such a wheel."""
    return tuple(reason for rule in PROFILES[profile] if (reason := rule(version, tag)))
