"""Where the running Truewheel came from, and what `tool` must say so that jobs get the same one.

Installers record that in direct_url.json (PEP 610).
"""

from __future__ import annotations

import json
import re
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import truewheel
from truewheel.spec.tool import Tool
from truewheel.spec.yaml_writer import scalar
from truewheel.system import files

FOLDER = "ci"
"""Where the wheel is copied to."""
WHEEL = re.compile(r"truewheel-[A-Za-z0-9._+!]+-py3-none-any\.whl")
_GIT = re.compile(r"https://[A-Za-z0-9][A-Za-z0-9.:_/~+-]*")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FROM_WHEEL = "make wheel in that folder, pip install the wheel that it makes, run that truewheel"


class Origin(NamedTuple):
    """What `tool` must say, and the wheel to copy to `tool.file`; or why that is not known."""

    tool: Tool = Tool()
    wheel: Path | None = None
    reason: str = ""
    hint: str = ""


def running(pin: str = "") -> Origin:
    """Return the origin of the running Truewheel.

    `pin` is the requirement with hashes of truewheel.lock, or "".
    """
    try:
        distribution = metadata.distribution("truewheel")
    except metadata.PackageNotFoundError:
        return _checkout(Path(truewheel.__file__).parents[2])
    package = Path(truewheel.__file__).parent
    if not Path(str(distribution.locate_file("truewheel"))).resolve().samefile(package):
        return _checkout(package.parents[1])
    return of_record(distribution.read_text("direct_url.json"), distribution.version, pin)


def of_record(record: str | None, version: str, pin: str = "") -> Origin:
    """Return the origin that a direct_url.json tells; None where the installer wrote none."""
    if record is None:
        return _of_index(version, pin)
    try:
        fields = json.loads(record)
        url, archive = str(fields["url"]), fields.get("archive_info")
    except (ValueError, TypeError, KeyError, AttributeError):
        return Origin(
            reason="direct_url.json of this Truewheel is damaged", hint="install it again"
        )
    if fields.get("vcs_info"):
        return _of_git(url, fields["vcs_info"])
    if not url.startswith("file:"):
        return Origin(
            reason=f"this Truewheel was installed from {url}: no file with a hash is known",
            hint="download that wheel, pip install the file, and run truewheel again",
        )
    path = Path(unquote(urlsplit(url).path))
    return _checkout(path) if archive is None else _of_wheel(path, archive)


def _checkout(folder: Path) -> Origin:
    return Origin(
        reason=f"this Truewheel runs from the folder {folder}, which jobs do not have",
        hint=_FROM_WHEEL,
    )


def _of_index(version: str, pin: str) -> Origin:
    name, _, words = pin.partition(" ")
    hashes = tuple(word.removeprefix("--hash=") for word in words.split())
    if name == f"truewheel=={version}":
        return Origin(Tool(requirement=name, hashes=hashes))
    return Origin(
        reason=f"this Truewheel {version} came from an index, and its hashes are not known here",
        hint=f"pip download --no-deps truewheel=={version}, pip install that file, run it again",
    )


def _of_git(url: str, vcs: Any) -> Origin:
    commit = str(vcs.get("commit_id", "")) if isinstance(vcs, dict) else ""
    parts = urlsplit(url)
    address = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    if vcs.get("vcs") == "git" and _GIT.fullmatch(address) and _COMMIT.fullmatch(commit):
        return Origin(Tool(git=address, commit=commit))
    return Origin(
        reason=f"this Truewheel was installed from {address}, which jobs may not reach",
        hint="install it from an https:// address of git, or from a wheel file",
    )


def _of_wheel(path: Path, archive: Any) -> Origin:
    recorded = _recorded_hash(archive)
    if not WHEEL.fullmatch(path.name):
        return _checkout(path)
    file = f"{FOLDER}/{path.name}"
    if not path.is_file():
        known = f"; its SHA-256 is {recorded}" if recorded else ""
        return Origin(
            reason=f"{path}, from which this Truewheel was installed, is no longer there",
            hint=f"copy that wheel to {file} and name it in tool{known}; or install it again",
        )
    sha256 = files.sha256(path)
    if recorded and recorded != sha256:
        return Origin(
            reason=f"{path} is not the file from which this Truewheel was installed",
            hint="pip install --force-reinstall --no-deps that file, and run truewheel again",
        )
    return Origin(Tool(file=file, sha256=sha256), path)


def _recorded_hash(archive: Any) -> str:
    """Return the SHA-256 that the installer recorded, or ""."""
    if not isinstance(archive, dict):
        return ""
    hashes = archive.get("hashes")
    value = hashes.get("sha256") if isinstance(hashes, dict) else None
    text = str(value or str(archive.get("hash") or "").removeprefix("sha256="))
    return text if _SHA256.fullmatch(text) else ""


def line(tool: Tool) -> str:
    """Return the line of the spec for a value of `tool`, in YAML."""
    if tool.hashes:
        hashes = ", ".join(map(scalar, tool.hashes))
        return f"tool: {{requirement: {scalar(tool.requirement)}, hashes: [{hashes}]}}"
    pairs = [(key, getattr(tool, key)) for key in ("file", "sha256", "git", "commit")]
    return f"tool: {{{', '.join(f'{key}: {scalar(value)}' for key, value in pairs if value)}}}"


def copy_hint(origin: Origin) -> str:
    """Return the line to add to a spec, and how the wheel comes to where it says; or why not."""
    if origin.wheel:
        parent = PurePosixPath(origin.tool.file).parent
        return f"add {line(origin.tool)} (first: mkdir -p {parent}; cp {origin.wheel} {parent})"
    if origin.tool.form:
        return f"add {line(origin.tool)}"
    example = "tool: {file: ci/truewheel-X-py3-none-any.whl, sha256: …}"
    return f"add {example} ({origin.reason}; {origin.hint})"
