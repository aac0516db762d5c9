"""Which packages' builds ask git for their version, by their own files; nothing is run."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from packaging.utils import canonicalize_name

from truewheel.spec.model import Spec

PROVIDERS = frozenset(
    {
        *("hatch-vcs", "pbr", "poetry-dynamic-versioning", "setuptools-git-versioning"),
        *("setuptools-scm", "uv-dynamic-versioning", "vcs-versioning", "versioneer"),
        "versioningit",
    }
)
"""Distributions that a build requires to make a version of git's tags."""
PDM = ("tool", "pdm", "version", "source")
"""The key of a backend that needs nothing else for it, with the value scm."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SETUP = re.compile(r"\buse_scm_version\b|\bversioneer\b|\bpbr\s*=")
_CONFIG = re.compile(r"(?m)^\[versioneer\]")

Read = Callable[[str], str | None]
Parse = Callable[[str], Mapping[str, Any]]


def packages_by_git(spec: Spec, read: Read, parse: Parse) -> list[str]:
    """Return the packages whose builds ask git for a version, as nothing gives them another."""
    folders = {package: build.path for build in spec.builds.values() for package in build.wheels}
    return [
        name
        for name, package in spec.packages.items()
        if not package.version.inject.startswith("env:")
        and _asks_git(folders.get(name, package.path), read, parse)
    ]


def _asks_git(folder: str, read: Read, parse: Parse) -> bool:
    prefix = folder.rstrip("/").removeprefix("./")
    prefix = f"{prefix}/" if prefix not in {"", "."} else ""
    try:
        data = parse(read(f"{prefix}pyproject.toml") or "")
    except (ValueError, RecursionError):  # whoever builds it says so
        return False
    if isinstance(_value(data, "project", "version"), str):
        return False
    if _value(data, *PDM) == "scm":
        return True
    requires = _value(data, "build-system", "requires")
    texts = requires if isinstance(requires, list) else []
    names = [_NAME.match(text.strip()) for text in texts if isinstance(text, str)]
    if not PROVIDERS.isdisjoint(canonicalize_name(name[0]) for name in names if name):
        return True
    setup, config = (read(f"{prefix}{file}") or "" for file in ("setup.py", "setup.cfg"))
    return bool(_SETUP.search(setup) or _CONFIG.search(config))


def _value(data: Any, *keys: str) -> Any:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data
