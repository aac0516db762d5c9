"""What a job records about its wheel, and the files that go into one."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from truewheel import __version__
from truewheel.errors import Exit, Stop, stop
from truewheel.plan.model import Cell, Package, Plan, cell_file
from truewheel.system import files, interpreters

VERSION = 1
WORK = "build"
NOT_SOURCE_AT_TOP = frozenset({".git", ".truewheel", ".venv", "dist", "node_modules", WORK})
EXECUTABLE = 0o111


class Source(NamedTuple):
    """A source file: its path below the root, that of its bytes, and the target of a link."""

    name: str
    file: Path
    link: str = ""


def work_folder(root: Path, cell_id: str) -> Path:
    """Return the folder in which a cell's wheel is made.

    Raises `Stop` (exit 4) when it, or build/ itself, is a link: a repository may hold one that
    leads to a folder of whoever builds it.
    """
    place = f"{WORK}/{cell_file(cell_id)}"
    if link := files.link_to(root, place):
        raise stop(str(link), "is a link, where a folder belongs", "remove it", Exit.WHEEL)
    return root / place


def fresh_folder(folder: Path) -> Path:
    """Make a folder, or make it empty, and return it.

    Raises `Stop` (exit 2) when that is not allowed.
    """
    with files.explained(folder, "made empty"):
        if folder.is_symlink():
            folder.unlink()
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
    return folder


def path(out: Path, cell_id: str) -> Path:
    """Return the file of a cell's evidence."""
    return out / "evidence" / f"{cell_file(cell_id)}.json"


def write(out: Path, record: Mapping[str, Any]) -> None:
    """Write the evidence of the cell that `record` names; equal records make equal bytes."""
    file = path(out, record["cell"])
    files.subfolder(out, file.parent.name)
    files.write_text(file, json.dumps(record, indent=1, sort_keys=True) + "\n")


def read(out: Path, cell_id: str) -> dict[str, Any] | None:
    """Return a cell's evidence, or None when there is none.

    Raises `Stop` (exit 4) for a damaged file, or a link.
    """
    file = path(out, cell_id)
    _refuse_link(out, file)
    return _load(file) if file.exists() else None


def settled(out: Path, cell: Cell) -> Cell:
    """Return a cell as its job has named it, where an audit had to find its platform.

    Raises `Stop` like `read`.
    """
    record = read(out, cell.id) if cell.platforms else None
    return named_by(record, cell) if record else cell


def named_by(record: Mapping[str, Any], cell: Cell) -> Cell:
    """Return a cell under the name that a record says, if that is one of those that it may get."""
    return next(
        (candidate for candidate in cell.possible() if candidate.wheel == record.get("wheel")), cell
    )


def read_all(out: Path) -> Iterator[dict[str, Any]]:
    """Give the evidence of every cell. Raises `Stop` (exit 4) for a damaged file, or a link."""
    for file in sorted((out / "evidence").glob("*.json")):
        _refuse_link(out, file)
        yield _load(file)


def facts(cell: Cell) -> dict[str, str | None]:
    """Return the values of a cell's facts."""
    return {name: fact.value for name, fact in cell.facts.items()}


def inputs_digest(plan: Plan, cell: Cell, root: Path, interpreter: Path) -> str:
    """Return the sha256, in hex, of all that decides what a cell's wheel holds.

    That is the cell, its package and build in the plan, the versions of Truewheel and of the
    interpreter, and the name and bytes of every source file. Raises `Stop` (exit 2) like
    `source_files`.
    """
    package, target = plan.packages[cell.package], plan.targets[cell.target]
    planned = {
        name: getattr(cell, name) for name in ("id", "builder", "version", "build", "tag", "wheel")
    }
    python = (str(interpreter), interpreters.version(interpreter))
    digest = hashlib.sha256()
    build = asdict(plan.builds[package.build]) if package.build else {}
    for part in (
        planned,
        facts(cell),
        asdict(package),
        build,
        target.toolchain,
        __version__,
        python,
    ):
        digest.update(json.dumps(part, sort_keys=True).encode() + b"\n")
    for source in source_files(package, root):
        digest.update(json.dumps([source.name, source.link, *_content(source)]).encode() + b"\n")
    return digest.hexdigest()


def source_files(package: Package, root: Path) -> list[Source]:
    """Return the files that a package is built from: those of its folder, and its version file.

    By name.

    Left out are build results and tools' folders. A link stays a link if it is absolute, leads
    nowhere or stays within the folder; otherwise what it leads to takes its place. Raises `Stop`
    (exit 2) for a path that leaves the root or does not exist, and for links that lead in a circle.
    """
    root = Path(os.path.normpath(root.absolute()))
    where = f"builds.{package.build}.path" if package.build else f"packages.{package.name}.path"
    folder = files.below(root, package.path, where)
    if not folder.is_dir() or folder.parts[len(root.parts) :][:1] == (WORK,):
        what = (
            f"{package.path} is the folder for builds"
            if folder.is_dir()
            else f"there is no folder {package.path}"
        )
        raise stop(
            where,
            what,
            f"name the folder with the {'sources' if package.build else 'pyproject.toml'}",
        )
    prefix = "" if folder == root else f"{folder.relative_to(root).as_posix()}/"
    with files.explained(folder, "read"):
        sources = {source.name: source for source in _walk(folder, prefix, folder, (folder,))}
    if package.version_file:
        file = files.below(root, package.version_file, f"packages.{package.name}.version.file")
        if not file.is_file():
            hint = "correct version.file, or add the file"
            raise stop(
                f"packages.{package.name}.version.file",
                f"there is no file {package.version_file}",
                hint,
            )
        name = file.relative_to(root).as_posix()
        sources[name] = Source(name, file)
    return [sources[name] for name in sorted(sources)]


def _walk(
    folder: Path, prefix: str, within: Path | None, visited: tuple[Path, ...]
) -> Iterator[Source]:
    """Yield the files below a folder.

    Links that lead out of `within` are followed; `visited` are the folders entered so far.
    """
    for entry in sorted(folder.iterdir()):
        name = prefix + entry.name
        at_top = folder == visited[0] and entry.name in NOT_SOURCE_AT_TOP
        if at_top or entry.name == "__pycache__" or entry.name.endswith(".egg-info"):
            continue
        link = _kept_link(entry, within)
        if link:
            yield Source(name, entry, link)
        elif entry.is_dir():
            inner, end = (
                (within, visited)
                if not entry.is_symlink()
                else (None, (*visited, _followed(entry, visited)))
            )
            yield from _walk(entry, f"{name}/", inner, end)
        elif entry.is_file():
            yield Source(name, entry)


def _kept_link(entry: Path, within: Path | None) -> str:
    """Return the target of a link that is copied as a link, or ""."""
    if not entry.is_symlink():
        return ""
    target = entry.readlink()
    nowhere = not os.path.lexists(os.path.realpath(entry)) or not entry.exists()
    inside = within is not None and Path(os.path.realpath(entry)).is_relative_to(within.resolve())
    return str(target) if target.is_absolute() or inside or nowhere else ""


def _followed(entry: Path, visited: tuple[Path, ...]) -> Path:
    end = entry.resolve()
    if any(step.resolve().is_relative_to(end) for step in visited):
        raise stop(str(entry), f"this link leads in a circle, to {end}", "remove the link")
    return end


def _content(source: Source) -> tuple[bool, str]:
    """Return whether a file is executable, and its digest; a link has no bytes of its own."""
    if source.link:
        return False, ""
    return bool(source.file.stat().st_mode & EXECUTABLE), files.sha256(source.file)


def _refuse_link(out: Path, file: Path) -> None:
    """Raise `Stop` (exit 4) for evidence whose folder or file is a link to another place."""
    if link := files.link_to(out, file.relative_to(out).as_posix()):
        raise stop(str(link), "is a link", "put the files themselves there", Exit.WHEEL)


def _load(file: Path) -> dict[str, Any]:
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, RecursionError, ValueError) as error:
        raise _damaged(file, str(error)) from None
    if not isinstance(record, dict) or record.get("version") != VERSION:
        raise _damaged(file, f"it is not of version {VERSION}")
    return record


def _damaged(file: Path, why: str) -> Stop:
    return stop(
        str(file),
        f"damaged evidence: {why}",
        "remove the file and build its cell again",
        Exit.WHEEL,
    )
