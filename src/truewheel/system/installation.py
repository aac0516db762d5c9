"""Where the running Truewheel was installed from, and how to add one of its extras."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.metadata import Distribution

NAME = "truewheel"
PACKAGE = Path(__file__).resolve().parents[1]


def install_hint(extra: str) -> str:
    """Return the hint that says how to install one of Truewheel's extras here.

    No package index has Truewheel, so the line names what it was installed from (PEP 610), or else
    the packages of the extra.
    """
    import shlex  # like the other imports in functions here: needed only for a hint

    distribution = _installed()
    source = _source(distribution) if distribution else {}
    checkout = PACKAGE.parents[1]
    if not source and (checkout / "gen_ci.py").is_file():
        return f"install Truewheel's extra [{extra}], in {checkout}: {_in_checkout(extra)}"
    if distribution is None:
        return f"install Truewheel with its extra [{extra}], from its wheel file"
    words = [*_installer(distribution), *(_from(source, extra) or _packages(distribution, extra))]
    return f"install Truewheel's extra [{extra}]: {shlex.join(words)}"


def _in_checkout(extra: str) -> str:
    if extra == "build":
        return "make run"
    return f"make venv && .venv/bin/python -m pip install --editable '.[{extra}]'"


def _installed() -> Distribution | None:
    """Return the distribution that this very package belongs to."""
    from importlib.metadata import distributions

    for distribution in distributions(name=NAME):
        source = _source(distribution)
        is_editable = source.get("dir_info", {}).get("editable") is True
        folder = Path(_path(source)) if is_editable else Path(str(distribution.locate_file(NAME)))
        if PACKAGE.is_relative_to(folder.resolve()):
            return distribution
    return None


def _source(distribution: Distribution) -> dict[str, Any]:
    """Return the contents of direct_url.json; empty without one, as for a package of an index."""
    import json

    try:
        data = json.loads(distribution.read_text("direct_url.json") or "{}")
    except ValueError:
        return {}
    return data if isinstance(data, dict) and isinstance(data.get("url"), str) else {}


def _path(source: dict[str, Any]) -> str:
    """Return the path of a source on this machine, or ""."""
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(source["url"])
    return unquote(parts.path) if parts.scheme == "file" else ""


def _installer(distribution: Distribution) -> list[str]:
    if (distribution.read_text("INSTALLER") or "").strip() == "uv":
        return ["uv", "pip", "install", "--python", sys.executable]
    if find_spec("pip") is None:
        return ["pip", "--python", sys.executable, "install"]
    return [sys.executable, "-m", "pip", "install"]


def _from(source: dict[str, Any], extra: str) -> list[str]:
    """Return the arguments that install from a source.

    None for a file that is no longer there, and for a repository on this machine: many versions of
    pip refuse `NAME @ git+file:///PATH`.
    """
    if not source:
        return []
    if "vcs_info" in source:
        if source["url"].startswith("file:"):
            return []
        version = source["vcs_info"]
        address = f"{version['vcs']}+{source['url']}@{version['commit_id']}"
        folder = f"#subdirectory={source['subdirectory']}" if "subdirectory" in source else ""
        return [f"{NAME}[{extra}] @ {address}{folder}"]
    path = _path(source)
    if not path:
        return [f"{NAME}[{extra}] @ {source['url']}"]
    if not Path(path).exists():
        return []
    is_editable = source.get("dir_info", {}).get("editable") is True
    return [*(["--editable"] if is_editable else []), f"{path}[{extra}]"]


def _packages(distribution: Distribution, extra: str) -> Iterator[str]:
    from packaging.requirements import Requirement

    for line in distribution.requires or ():
        requirement = Requirement(line)
        marker = requirement.marker
        if marker and marker.evaluate({"extra": extra}) and not marker.evaluate({"extra": ""}):
            yield f"{requirement.name}{requirement.specifier}"
