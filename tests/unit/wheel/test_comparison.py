from __future__ import annotations

from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import pytest
import wheels

from truewheel.errors import Stop
from truewheel.wheel.comparison import differences

A, B, RECORD = "demo/a.py", "demo/b.py", "demo-1.0.dist-info/RECORD"
CONTENT = {A: b"a = 1\n", B: b"b = 1\n"}


def entry(name: str, date: int = 2020, mode: int = 0o644) -> ZipInfo:
    entry = ZipInfo(name, (date, 1, 1, 0, 0, 0))
    entry.external_attr = mode << 16
    return entry


def wheel(folder: Path, members: dict[str, bytes] | None = None, **of_a: int) -> Path:
    """A wheel whose member A has another date or mode than usual."""
    folder.mkdir()
    files = wheels.members(wheels.PURE, CONTENT if members is None else members)
    files[RECORD] = files.pop(RECORD, None) or wheels.record(files)
    with ZipFile(folder / wheels.PURE, "w", ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(entry(name, **(of_a if name == A else {})), content)
    return folder / wheels.PURE


def compared(tmp_path: Path, members: dict[str, bytes] | None = None, **of_a: int) -> list[str]:
    return differences(wheel(tmp_path / "1"), wheel(tmp_path / "2", members, **of_a))


def test_equal_bytes_do_not_differ(tmp_path: Path) -> None:
    assert compared(tmp_path) == []


def test_content_is_told_without_the_record_that_follows_from_it(tmp_path: Path) -> None:
    assert compared(tmp_path, {**CONTENT, A: b"a = 2\n"}) == [f"{A}: content"]


def test_a_record_that_alone_differs_is_told(tmp_path: Path) -> None:
    assert compared(tmp_path, {**CONTENT, RECORD: b"other"}) == [f"{RECORD}: content"]


def test_date_and_mode_are_told(tmp_path: Path) -> None:
    assert compared(tmp_path, date=2021, mode=0o755) == [f"{A}: date, mode"]


def test_the_order_is_told(tmp_path: Path) -> None:
    assert "the order of the members" in compared(tmp_path, dict(reversed(CONTENT.items())))


def test_members_of_one_build_only_are_told(tmp_path: Path) -> None:
    lines = compared(tmp_path, {A: CONTENT[A], "demo/c.py": b""})
    assert lines == [f"{B}: only in the first build", "demo/c.py: only in the second build"]


def test_bytes_outside_the_members_are_told(tmp_path: Path) -> None:
    one, other = wheel(tmp_path / "1"), wheel(tmp_path / "2")
    with ZipFile(other, "a") as archive:
        archive.comment = b"made on Monday"
    assert differences(one, other) == ["the bytes between the members"]


def test_a_broken_wheel_is_said_plainly(tmp_path: Path) -> None:
    one, other = wheel(tmp_path / "1"), tmp_path / "2.whl"
    other.write_bytes(b"no zip")
    with pytest.raises(Stop):
        differences(one, other)
