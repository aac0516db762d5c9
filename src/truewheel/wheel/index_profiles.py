"""What an index accepts, as rules over names and numbers; each rule with its evidence.

The evidence for the profile `pypi` is the source of the public index's upload API as of August
2026: what it answers 400 to. Its rule that a release of more than 14 days gets no new files needs
the release's age, which only it can tell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple


class Name(NamedTuple):
    """The parts of a wheel's file name that an index looks at, as they stand there.

    `label` may be "".
    """

    version: str
    tag: str
    distribution: str
    label: str = ""


Rule = Callable[[Name], "str | None"]
"""From a name to the reason of a refusal; its first word is a key of EVIDENCE."""

EVIDENCE = {
    "local": "its upload API answers 400: PEP 440 keeps local versions off public indexes",
    "platform": (
        "its upload API has a table of platforms (PEP 425, 600, 656); "
        "linux_* is for armv6l and armv7l alone"
    ),
    "name": (
        "its upload API wants the normalised name of the project in the file name (PEP 427, 503)"
    ),
    "variant": "its upload API reads file names as packaging does, which knows no labels (PEP 817)",
}

METADATA_VERSIONS = ("1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5")
"""Metadata versions that the public index takes; 2.0 was never finished."""

MEGABYTE = 2**20

_FIXED = frozenset({
    *("any", "win32", "win_amd64", "win_arm64", "win_ia64", "linux_armv6l", "linux_armv7l"),
    *("manylinux1_i686", "manylinux1_x86_64", "manylinux2010_i686", "manylinux2010_x86_64"),
    *("manylinux2014_aarch64", "manylinux2014_armv7l", "manylinux2014_i686", "manylinux2014_ppc64"),
    *("manylinux2014_ppc64le", "manylinux2014_s390x", "manylinux2014_x86_64"),
})  # fmt: skip
_LINUX = "aarch64|armv7l|i686|ppc64le|riscv64|s390x|x86_64"
_MACOS = "arm64|fat|fat3|fat64|i386|intel|ppc|ppc64|universal|universal2|x86_64"
_PATTERN = re.compile(
    rf"manylinux_[0-9]+_[0-9]+_({_LINUX}|ppc64)|musllinux_[0-9]+_[0-9]+_({_LINUX})"
    rf"|macosx_(10_[0-9]+|(11|12|13|14|15|26)_0)_({_MACOS})"
    r"|ios_[0-9]+_[0-9]+_(arm64|x86_64)_(iphoneos|iphonesimulator)"
    r"|android_[0-9]+_(arm64_v8a|armeabi_v7a|x86|x86_64)"
    r"|pyemscripten_[0-9]+_[0-9]+_wasm32"
)


def _no_local_version(name: Name) -> str | None:
    return "local version" if "+" in name.version else None


def _no_label(name: Name) -> str | None:
    return "variant label" if name.label else None


def _known_platform(name: Name) -> str | None:
    # The two ARM platforms once had no manylinux of their own; a macOS from 11 on is known with
    # minor version 0 only.
    platforms = name.tag.rpartition("-")[2].split(".")
    unknown = [tag for tag in platforms if tag not in _FIXED and not _PATTERN.fullmatch(tag)]
    return f"platform {unknown[0]}" if unknown else None


def _normal_name(name: Name) -> str | None:
    normal = re.sub(r"[-_.]+", "_", name.distribution).lower()
    return None if name.distribution == normal else f"name {name.distribution}, not {normal}"


class Profile(NamedTuple):
    """What an index accepts: rules over names, and the most bytes of a file.

    `max_size` is 0 for any number of bytes. A `strict` index also refuses files that installers
    would take: see `truewheel.wheel.checks.upload`.
    """

    rules: tuple[Rule, ...] = ()
    max_size: int = 0
    strict: bool = False


PROFILES: Mapping[str, Profile] = {
    "internal": Profile(),
    # 100 MiB is the public index's limit for a file; a project can ask for more.
    "pypi": Profile(
        (_no_local_version, _known_platform, _normal_name, _no_label), 100 * MEGABYTE, strict=True
    ),
}

_UNITS = {
    "": 1,
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) ?(|B|[kMG]B|[KMG]iB)")


def simple_address(url: str) -> str:
    """Return where an index with uploads at `url` most likely has its simple API (PEP 503).

    The public index takes them at https://upload.HOST/legacy/; GitLab and most others have it below
    the same address.
    """
    scheme, _, rest = url.rstrip("/").partition("://")
    if rest.startswith("upload.") and rest.endswith("/legacy"):
        rest = rest[len("upload.") : -len("/legacy")]
    return f"{scheme}://{rest}/simple/" if url else ""


@lru_cache(maxsize=4096)
def refusal_reasons(
    profile: str, version: str, tag: str, distribution: str, label: str = ""
) -> tuple[str, ...]:
    """Return the reasons why an index with this profile would refuse a file name of these parts."""
    name = Name(version, tag, distribution, label)
    return tuple(reason for rule in PROFILES[profile].rules if (reason := rule(name)))


def rule_source(reason: str) -> str:
    """Return the source of a rule over names, "" for a reason of another kind."""
    return EVIDENCE.get(reason.partition(" ")[0], "")


def size(text: str) -> int:
    """Return the bytes that a text such as `1.9 GB`, `2 GiB` or `314572800` means.

    Raises `ValueError` for others.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a number of bytes, such as 300 MB")
    return int(float(match[1]) * _UNITS[match[2]])
