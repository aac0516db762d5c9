"""Run paths (DT_RPATH, DT_RUNPATH): where the loader looks for an installed file's libraries."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

ORIGIN = re.compile(r"\$(ORIGIN|\{ORIGIN\})(?=/|$)")


def installed(member: str) -> str:
    """Return where below site-packages a member of a wheel is installed (PEP 427).

    "" for scripts, headers and data, whose way from there differs between systems.
    """
    top, _, below = member.partition("/")
    if not top.endswith(".data"):
        return member
    scheme, _, rest = below.partition("/")
    return rest if scheme in {"platlib", "purelib"} else ""


def is_inside(path: str, member: str) -> bool:
    """Tell whether a run path begins at the member's folder and stays inside site-packages."""
    below = ORIGIN.match(path)
    if below is None:
        return False
    top, *rest = PurePosixPath(member).parent.parts or ("",)
    start = [top, *rest]
    if top.endswith(".data"):  # installers spread its folders; scripts go beside the interpreter
        start = ["bin"] if rest[:1] == ["scripts"] else rest[1:]
    depth = len([part for part in start if part])
    for part in path[below.end() :].split("/"):
        depth += -1 if part == ".." else part not in {"", "."}
        if depth < 0:
            return False
    return True


def folder_of(path: str, place: str) -> str:
    """Return the folder below site-packages that a run path of an installed file leads to.

    "" is site-packages itself; a path that leads elsewhere is returned as it is.
    """
    below = ORIGIN.match(path)
    if below is None:
        return path
    folder = posixpath.normpath(f"{posixpath.dirname(place)}/.{path[below.end() :]}".lstrip("/"))
    return "" if folder == "." else folder


def to_folder(folder: str, place: str) -> str:
    """Return the run path that leads from an installed file to a folder below site-packages."""
    way = posixpath.relpath(folder or ".", posixpath.dirname(place) or ".")
    return "$ORIGIN" if way == "." else f"$ORIGIN/{way}"


def is_there(place: str, library: str, paths: Iterable[str], members: Iterable[str]) -> bool:
    """Tell whether the run paths of an installed file lead to a library among some members."""
    files = {installed(member) for member in members}
    return any(posixpath.join(folder_of(path, place), library) in files for path in paths)


def choose(place: str, library: str, members: Sequence[str]) -> str:
    """Return the member that an installed file means by the name of a library; "" if none is clear.

    The one beside it, else the only one of that file name, else the only one of that SONAME.
    """
    files = {member: installed(member) for member in members if installed(member)}
    named = [member for member in files if posixpath.basename(member) == library] or list(files)
    beside = [
        member for member in named if posixpath.dirname(files[member]) == posixpath.dirname(place)
    ]
    for choice in (beside, named):
        if len(choice) == 1:
            return choice[0]
    return ""
