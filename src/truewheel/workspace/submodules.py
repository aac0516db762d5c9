"""The git submodules of a project, by its `.gitmodules`; git is not started."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

FILE = ".gitmodules"
_SECTION = re.compile(r"(?m)^[ \t]*\[submodule\b[^\n]*\n((?:(?![ \t]*\[)[^\n]*(?:\n|$))*)")
_PATH = re.compile(r"(?mi)^[ \t]*path[ \t]*=[ \t]*(.+?)[ \t]*$")
_NEVER = re.compile(r"(?mi)^[ \t]*update[ \t]*=[ \t]*none[ \t]*$")


def paths(text: str | None) -> list[str]:
    """Return the folders of the submodules that a `.gitmodules` has git check out."""
    sections = [
        match[1]
        for match in _SECTION.finditer((text or "").replace("\r\n", "\n"))
        if not _NEVER.search(match[1])
    ]
    lines = [match[1].strip('"') for section in sections if (match := _PATH.search(section))]
    return [line.rstrip("/") for line in lines if ".." not in line.split("/")]


def touches(submodule: str, path: str) -> bool:
    """Return whether a path of the spec contains a submodule, or lies in it."""
    path = path.rstrip("/").removeprefix("./")
    return path in {"", "."} or is_inside(path, submodule) or is_inside(submodule, path)


def is_inside(path: str, folder: str) -> bool:
    """Return whether a path is a folder, or lies in it."""
    return f"{path}/".startswith(f"{folder}/")


def select_empty(root: Path, folders: Iterable[str]) -> list[str]:
    """Return those of the folders that have nothing in them, or are not there."""
    return [folder for folder in folders if not _has_entries(root / folder)]


def _has_entries(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except OSError:
        return False
