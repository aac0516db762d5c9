"""How two builds of one wheel differ, member by member."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import ZipInfo

from truewheel.system import files
from truewheel.wheel import reader
from truewheel.wheel.reader import Wheel

ASPECTS: dict[str, Callable[[ZipInfo], object]] = {
    "date": lambda entry: entry.date_time,
    "mode": lambda entry: entry.external_attr,
    "compression": lambda entry: (entry.compress_type, entry.flag_bits, entry.extra),
}


def differences(first: Path, second: Path) -> list[str]:
    """Return what differs between two wheels, such as `demo/_core.so: content, date`.

    Nothing if all bytes are the same. RECORD, which repeats the digests of all members, is named
    only when nothing else differs. Raises `Stop` (exit 4) for a wheel that cannot be read.
    """
    if files.sha256(first) == files.sha256(second):
        return []
    with reader.open_wheel(first) as left, reader.open_wheel(second) as right:
        lines = [*_names(left, right), *_members(left, right)]
        record = f"{left.dist_info}/RECORD: content"
    return [line for line in lines if line != record] or lines or ["the bytes between the members"]


def _names(left: Wheel, right: Wheel) -> Iterator[str]:
    ours, theirs = ({entry.filename: None for entry in wheel.entries} for wheel in (left, right))
    yield from (f"{name}: only in the first build" for name in ours if name not in theirs)
    yield from (f"{name}: only in the second build" for name in theirs if name not in ours)
    if ours == theirs and list(ours) != list(theirs):
        yield "the order of the members"


def _members(left: Wheel, right: Wheel) -> Iterator[str]:
    theirs = {entry.filename: entry for entry in right.entries}
    pairs = [(entry, theirs[entry.filename]) for entry in left.entries if entry.filename in theirs]
    for ours, their in pairs:
        aspects = [name for name, aspect in ASPECTS.items() if aspect(ours) != aspect(their)]
        if _digest(left, ours) != _digest(right, their):
            aspects.insert(0, "content")
        if aspects:
            yield f"{ours.filename}: {', '.join(aspects)}"


def _digest(wheel: Wheel, entry: ZipInfo) -> bytes:
    return wheel.scan(entry, "sha256").digest
