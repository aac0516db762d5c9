"""What is compared of a file of a release, read from the file or from parts of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from truewheel.errors import Stop
from truewheel.wheel.checks.contents import ENTRY_POINTS, place
from truewheel.wheel.reader import Fields, open_wheel
from truewheel.wheel.release_rules import File, grafted, parse_entry_points, top_modules


def describe(path: Path) -> File:
    """Return what is known of a wheel; of a broken one its name and size alone."""
    size = path.stat().st_size
    try:
        with open_wheel(path) as wheel:
            member = f"{wheel.dist_info}/{ENTRY_POINTS}"
            has_entry_points = member in wheel.archive.NameToInfo
            return from_members(
                path.name,
                size,
                wheel.metadata,
                [entry.filename for entry in wheel.entries],
                wheel.text(member) if has_entry_points else "",
            )
    except Stop:
        return File(path.name, size)


def from_members(
    name: str,
    size: int,
    fields: Fields | None,
    members: Iterable[str],
    entry_points: str | None,
) -> File:
    """Return what the names of a wheel's members say, with its fields and entry_points.txt."""
    members = tuple(members)
    return File(
        name,
        size,
        fields,
        modules=top_modules(map(place, members)),
        libraries=grafted(members),
        entry_points=None if entry_points is None else parse_entry_points(entry_points),
    )
