"""What an index accepts, as rules over versions and compatibility tags; each rule with its evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

Rule = Callable[[str, str], "str | None"]


def _no_local_version(version: str, tag: str) -> str | None:
    # The public index's upload API answers 400 to a version with a local part (PEP 440 asks it to).
    return "local version" if "+" in version else None


def _no_plain_linux(version: str, tag: str) -> str | None:
    # The public index takes linux_* only for the two ARM platforms that once had no manylinux of their own.
    platforms = tag.rpartition("-")[2].split(".")
    plain = [name for name in platforms if name.startswith("linux_") and name not in {"linux_armv6l", "linux_armv7l"}]
    return f"platform {plain[0]}" if plain else None


PROFILES: Mapping[str, tuple[Rule, ...]] = {
    "internal": (),
    "pypi": (_no_local_version, _no_plain_linux),
}


def simple_address(url: str) -> str:
    """Return where an index that takes uploads at `url` most likely has its simple repository API (PEP 503).

    The public index takes them at https://upload.HOST/legacy/; GitLab and most others have it below the same address.
    """
    scheme, _, rest = url.rstrip("/").partition("://")
    if rest.startswith("upload.") and rest.endswith("/legacy"):
        rest = rest[len("upload.") : -len("/legacy")]
    return f"{scheme}://{rest}/simple/" if url else ""


@lru_cache(maxsize=4096)
def refusals(profile: str, version: str, tag: str) -> tuple[str, ...]:
    """Return the reasons why an index with this profile would refuse such a wheel."""
    return tuple(reason for rule in PROFILES[profile] if (reason := rule(version, tag)))
