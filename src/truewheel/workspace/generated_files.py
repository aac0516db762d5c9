"""The generated files of a project: how they differ from what they should be, and writing them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from truewheel.errors import Problem, Stop, Where, stop
from truewheel.forges import FORGES
from truewheel.forges.pipelines import MARK
from truewheel.system import files

_MARKED = re.compile(rf"{MARK}(?: ([0-9]\S*))?")


@dataclass(frozen=True)
class Drift:
    """A file that is not as generated.

    `state` is modified, missing, orphaned or foreign (no generated file, not to be replaced).
    `made_by` is the version of Truewheel that wrote a modified file.
    """

    path: str
    state: str
    diff: str = ""
    made_by: str = ""


def find_drift(root: Path, texts: Mapping[str, str], folders: Iterable[str]) -> list[Drift]:
    """Return how the files below `root` differ from `texts`.

    `folders` hold generated files and nothing else. Raises `Stop` (exit 2) for a path that cannot
    be read, and for a folder that is a link.
    """
    folders = tuple(folders)
    above = {str(folder) for path in texts for folder in PurePosixPath(path).parents}
    for folder in sorted({*folders, *above} - {"."}):
        if (root / folder).is_symlink():
            raise stop(
                folder,
                "is a link: what is generated must stay below the spec",
                "make it a folder, or remove it",
            )
    entries = [entry for path, text in texts.items() if (entry := _compare(root, path, text))]
    return entries + [Drift(path, "orphaned") for path in _orphans(root, texts, folders)]


def _compare(root: Path, path: str, text: str) -> Drift | None:
    try:
        old = (root / path).read_bytes()
    except FileNotFoundError:
        return Drift(path, "missing")
    except OSError as error:
        raise stop(path, f"cannot be read: {error.strerror}", "move away what is there") from None
    is_link = (root / path).is_symlink()
    if old == text.encode() and not is_link:
        return None
    before = old.decode("utf-8", "replace")
    diff = f"{path} is a link, not a file\n" if is_link else _diff(path, before, text)
    mark = _MARKED.search(_first_line(before))
    return Drift(path, "modified", diff, mark[1] or "") if mark else Drift(path, "foreign", diff)


def _diff(path: str, before: str, after: str) -> str:
    import difflib  # only where something differs

    lines = difflib.unified_diff(_lines(before), _lines(after), path, f"{path} (generated)")
    return "".join(
        line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines
    )


def _lines(text: str) -> list[str]:
    # Unlike splitlines, only at the line feed: a carriage return is a difference to be seen.
    return list(io.StringIO(text, newline="\n"))


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0]


def _orphans(root: Path, texts: Mapping[str, str], folders: Iterable[str]) -> Iterator[str]:
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            name = path.relative_to(root).as_posix()
            if name not in texts and (path.is_file() or path.is_symlink()):
                yield name
    # Here a project may have files of its own: only those with our mark are generated.
    for pattern in (pattern for kind in FORGES.values() for pattern in kind.marked_files):
        for path in sorted(root.glob(pattern)):
            name = path.relative_to(root).as_posix()
            if name not in texts and _is_generated(path):
                yield name


def _is_generated(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return MARK.encode() in file.readline()
    except OSError:
        return False


def refuse_foreign(root: Path, entries: Sequence[Drift]) -> None:
    """Raise `Stop` (exit 2) when a file without our mark would be replaced or removed."""
    foreign = [_not_ours(entry.path, "replaced") for entry in entries if entry.state == "foreign"]
    foreign += [
        _not_ours(entry.path, "removed")
        for entry in entries
        if entry.state == "orphaned" and not _is_generated(root / entry.path)
    ]
    if foreign:
        raise Stop(foreign)


def write(root: Path, texts: Mapping[str, str], entries: Sequence[Drift]) -> None:
    """Write the files of `entries` that are modified or missing, and remove generated orphans.

    Raises `Stop` (exit 2) as `refuse_foreign` does, before anything is written.
    """
    refuse_foreign(root, entries)
    for entry in entries:
        path = root / entry.path
        if entry.state == "orphaned":
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            files.write_text(path, texts[entry.path])


def _not_ours(path: str, done: str) -> Problem:
    hint = "move it away, or add the line that marks it as generated; then generate again"
    return Problem(
        Where(path, 1, 1), f"this file was not generated by Truewheel and is not {done}", hint
    )
