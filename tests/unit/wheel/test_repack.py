"""A wheel in a folder and back.

RECORD says what is there, in an order that depends on nothing else.
"""

from __future__ import annotations

import time
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import pytest
import wheels

from truewheel.build.validate import validate
from truewheel.errors import Exit, Stop
from truewheel.wheel.reader import open_wheel
from truewheel.wheel.repack import repack, unpack

INFO = "demo-1.0.dist-info"
TEXT = b"a = 1\n" * 1000
FILES = {"demo/a.py": TEXT, wheels.EXTENSION: wheels.elf_file(), "demo/z.py": b""}


def round_trip(
    source: Path, out: Path, change=lambda folder: None, seconds: int = 1_577_836_800
) -> Path:
    folder = out.parent / f"{out.stem}.folder"
    folder.mkdir()
    with open_wheel(source) as wheel:
        unpacked = unpack(wheel, [wheels.EXTENSION], folder)
        time.sleep(0.02)  # two changes within one tick of the file system's clock look alike
        change(folder)
        repack(unpacked, out, seconds)
    return out


def make_wheel(tmp_path: Path, **how: int) -> Path:
    (tmp_path / "made").mkdir()
    return wheels.write(
        tmp_path / "made" / wheels.NATIVE, wheels.members(wheels.NATIVE, FILES), **how
    )


def names(path: Path) -> list[str]:
    with ZipFile(path) as archive:
        return archive.namelist()


def test_nothing_changed_keeps_every_byte_of_every_member(tmp_path):
    source, path = make_wheel(tmp_path), tmp_path / wheels.NATIVE
    round_trip(source, path)
    with ZipFile(source) as before, ZipFile(path) as after:
        assert {name: before.read(name) for name in before.namelist()} == {
            name: after.read(name) for name in after.namelist()
        }
    assert sorted(path.name for path in tmp_path.glob("*.folder/demo/*")) == [
        Path(wheels.EXTENSION).name
    ]
    assert validate(path) == []


def test_changed_and_new_files_are_in_RECORD_and_in_their_places(tmp_path):  # noqa: N802
    def change(folder: Path) -> None:
        (folder / wheels.EXTENSION).write_bytes(wheels.elf_file() + b"grafted")
        (folder / "demo.libs").mkdir()
        (folder / "demo.libs/liba.so").write_bytes(wheels.elf_file())
        (folder / f"{INFO}/sboms").mkdir()
        (folder / f"{INFO}/sboms/auditwheel.cdx.json").write_text("{}")

    path = round_trip(make_wheel(tmp_path), tmp_path / wheels.NATIVE, change)
    assert validate(path) == []
    assert names(path) == [
        *FILES,
        "demo.libs/liba.so",
        f"{INFO}/WHEEL",
        f"{INFO}/METADATA",
        f"{INFO}/sboms/auditwheel.cdx.json",
        f"{INFO}/RECORD",
    ]
    again = tmp_path / "again"
    again.mkdir()
    assert round_trip(
        tmp_path / "made" / wheels.NATIVE, again / wheels.NATIVE, change
    ).read_bytes() == (path.read_bytes())


def test_signatures_of_the_old_RECORD_and_files_that_are_gone_are_left_out(tmp_path):  # noqa: N802
    files = wheels.members(wheels.NATIVE, FILES)
    rows = wheels.record(files) + f"{INFO}/RECORD,,\n{INFO}/RECORD.jws,,\n".encode()
    source = wheels.write(
        tmp_path / wheels.NATIVE, {**files, f"{INFO}/RECORD": rows, f"{INFO}/RECORD.jws": b"{}"}
    )
    (tmp_path / "out").mkdir()
    path = round_trip(
        source,
        tmp_path / "out" / wheels.NATIVE,
        lambda folder: (folder / wheels.EXTENSION).unlink(),
    )
    assert names(path) == [
        "demo/a.py",
        "demo/z.py",
        f"{INFO}/WHEEL",
        f"{INFO}/METADATA",
        f"{INFO}/RECORD",
    ]
    with open_wheel(path) as wheel:
        assert [row.path for row in wheel.record] == names(path)


def test_what_was_only_stored_is_deflated(tmp_path):
    path = round_trip(make_wheel(tmp_path, compression=ZIP_STORED), tmp_path / wheels.NATIVE)
    with ZipFile(path) as archive:
        assert archive.getinfo("demo/a.py").compress_size < len(TEXT) / 10
    assert validate(path) == []


@pytest.mark.parametrize(
    ("seconds", "date"),
    [
        (0, (1980, 1, 1, 0, 0, 0)),
        (1_700_000_000, (2023, 11, 14, 22, 13, 20)),
        (10**18, (2107, 12, 31, 23, 59, 58)),
    ],
)
def test_every_date_is_the_one_asked_for_as_far_as_zip_files_can(tmp_path, seconds, date):
    path = round_trip(make_wheel(tmp_path), tmp_path / wheels.NATIVE, seconds=seconds)
    with ZipFile(path) as archive:
        assert {info.date_time for info in archive.infolist()} == {date}


def test_a_wheel_whose_headers_lie_is_refused(tmp_path):
    source = make_wheel(tmp_path)
    source.write_bytes(source.read_bytes().replace(b"PK\3\4", b"PK\3\5", 1))
    with pytest.raises(Stop, match="no member where the directory says") as stopped:
        round_trip(source, tmp_path / wheels.NATIVE)
    assert stopped.value.code is Exit.WHEEL


def test_a_member_that_RECORD_does_not_list_is_refused(tmp_path):  # noqa: N802
    files = wheels.members(wheels.NATIVE, FILES)
    record = wheels.record(
        {name: content for name, content in files.items() if name != "demo/z.py"}
    )
    source = wheels.write(tmp_path / wheels.NATIVE, {**files, f"{INFO}/RECORD": record})
    (tmp_path / "out").mkdir()
    with pytest.raises(Stop, match=r"RECORD does not list demo/z\.py") as stopped:
        round_trip(source, tmp_path / "out" / wheels.NATIVE)
    assert stopped.value.code is Exit.WHEEL
    assert not (tmp_path / "out" / wheels.NATIVE).exists()
