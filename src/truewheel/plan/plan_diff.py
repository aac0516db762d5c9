"""Compares the names of two plans, and whether installers prefer the new wheels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from packaging.version import Version

from truewheel.plan.model import Cell, Plan


@dataclass(frozen=True)
class Change:
    """The change of a cell's name, or of the name of its copy for an `index`.

    `older_for` are installers that would not prefer the new wheel; `was` is the cell's former id,
    if it had another one.
    """

    cell: str
    state: str
    old: str | None
    new: str | None
    older_for: tuple[str, ...] = ()
    index: str = ""
    was: str = ""


def changes(old: Plan | None, new: Plan) -> list[Change]:
    """Return the change of every cell of either plan, in the order of the new one.

    Those of its copies follow each cell. Without an old plan, all cells are added.
    """
    old_cells = old.cells if old else ()
    before = {cell.id: cell for cell in old_cells}
    after = {cell.id for cell in new.cells}
    gone = {(cell.package, cell.tag): cell for cell in old_cells if cell.id not in after}
    result: list[Change] = []
    for cell in new.cells:
        former = before.get(cell.id) or gone.pop((cell.package, cell.tag), None)
        result += (
            [Change(cell.id, "added", None, cell.wheel)]
            if former is None
            else _of_names(former, cell)
        )
    removed = {cell.id for cell in gone.values()}
    return result + [
        Change(cell.id, "removed", cell.wheel, None) for cell in old_cells if cell.id in removed
    ]


def _of_names(old: Cell, new: Cell) -> Iterator[Change]:
    """Yield the change of a cell's name, and of each copy whose own name is another than before."""
    was = old.id if old.id != new.id else ""
    yield replace(_change(old, new), was=was)
    copies = {copy.index: old.copied(copy) for copy in old.copies}
    for copy in new.copies:
        copied, former = new.copied(copy), copies.get(copy.index)
        if (
            former
            and former.wheel != copied.wheel
            and (former.wheel, copied.wheel) != (old.wheel, new.wheel)
        ):
            yield replace(_change(former, copied), index=copy.index, was=was)


def _change(old: Cell, new: Cell) -> Change:
    if old.wheel == new.wheel:
        return Change(new.id, "unchanged", old.wheel, new.wheel)
    # The audit may find the lowest floor, where the old wheel had its highest.
    worst = next(new.possible())
    return Change(new.id, "renamed", old.wheel, new.wheel, tuple(older_for(old, worst)))


def older_for(old: Cell, new: Cell) -> Iterable[str]:
    """Yield what would not prefer `new` to `old`: pip, uv, or a sort of the file names."""
    is_same_project = old.wheel.split("-")[0] == new.wheel.split("-")[0]
    # pip tries a plain linux tag before every manylinux one, uv after all of them.
    for installer, plain_linux in (("pip", 3), ("uv", 0)):
        if not is_same_project or not _is_preferred(old, new, plain_linux):
            yield installer
    if not old.wheel < new.wheel:
        yield "sort"


def _is_preferred(old: Cell, new: Cell, plain_linux: int) -> bool:
    before, after = Version(old.version), Version(new.version)
    if after.is_prerelease and not before.is_prerelease:
        return False  # installers skip a pre-release while there is a final release
    return (after, *_rank(new, plain_linux)) > (before, *_rank(old, plain_linux))


def _rank(cell: Cell, plain_linux: int) -> tuple[Any, ...]:
    """Return what decides between wheels of one version: platform, then build tag."""
    digits = re.match(r"\d*", cell.build)
    number = digits[0] if digits else ""
    return (_closeness(cell.tag, plain_linux), int(number or -1), cell.build[len(number) :])


def _closeness(tag: str, plain_linux: int) -> tuple[int, int]:
    """Return how early an installer tries a compatibility tag: the newest floor comes first."""
    floors = [int(minor) for minor in re.findall(r"manylinux_2_(\d+)", tag)]
    if floors:
        return (2, max(floors))
    return (1, 0) if "musllinux" in tag else (plain_linux, 0)
