"""The frame of zip files: what readers would see differently.

Whole wheels are in test_broken_wheels.
"""

from __future__ import annotations

import os
import struct
from io import BytesIO
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import pytest

from truewheel.wheel import zip_structure
from truewheel.wheel.zip_structure import Kind, faults


def zip_of(**members: bytes) -> bytes:
    stream = BytesIO()
    with ZipFile(stream, "w", ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def kinds(content: bytes) -> list[Kind]:
    with ZipFile(BytesIO(content)) as archive:
        return [fault.kind for fault in faults(archive)]


def wide(content: bytes, **changed: int) -> bytes:
    """The same zip file with ZIP64 records at its end, some of their values changed."""
    place = content.rindex(b"PK\5\6")
    *_, count, size, start, _ = struct.unpack("<4s4H2LH", content[place : place + 22])
    say = {
        "length": 44,
        "count": count,
        "size": size,
        "start": start,
        "record": place,
        "disks": 1,
    } | changed
    record = struct.pack(
        "<4sQ2H2L4Q",
        b"PK\6\6",
        say["length"],
        45,
        45,
        0,
        0,
        say["count"],
        count,
        say["size"],
        say["start"],
    )
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, say["record"], say["disks"])
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return content[:place] + record + locator + end


def test_a_plain_zip_file_has_no_fault():
    assert kinds(zip_of()) == []
    assert kinds(zip_of(a=b"1", b=b"2" * 100)) == []


def test_good_zip64_records_are_no_fault():
    assert kinds(wide(zip_of(a=b"1"))) == []


@pytest.mark.parametrize("changed", [{"length": 45}, {"count": 2}, {"record": 5}, {"disks": 2}])
def test_zip64_records_that_do_not_fit(changed):
    try:
        assert Kind.END in kinds(wide(zip_of(a=b"1"), **changed))
    except BadZipFile:
        assert changed.keys() & {"record", "disks"}  # which newer Pythons see themselves


def test_a_zip64_member():
    stream = BytesIO()
    with (
        ZipFile(stream, "w") as archive,
        archive.open(ZipInfo("a"), "w", force_zip64=True) as member,
    ):
        member.write(b"hello")
    assert kinds(stream.getvalue()) == []


def test_members_in_another_order_than_the_directory_are_no_fault():
    content = zip_of(a=b"1", b=b"2")
    start = content.index(b"PK\1\2")
    end = content.index(b"PK\5\6")
    first, second = (
        content[start : start + (end - start) // 2],
        content[start + (end - start) // 2 : end],
    )
    assert kinds(content[:start] + second + first + content[end:]) == []


@pytest.mark.parametrize("signature", [b"PK\7\x08", b""])
@pytest.mark.parametrize("form", ["<3L", "<L2Q"])
def test_every_form_of_a_data_descriptor_is_known(signature, form):
    content = zip_of(a=b"")
    head = bytearray(content[:31])
    head[6] |= 8
    directory = bytearray(content[31:])
    directory[8] |= 8
    descriptor = signature + struct.pack(form, 0, 0, 0)
    place = directory.index(b"PK\5\6") + 16
    directory[place : place + 4] = struct.pack("<L", 31 + len(descriptor))
    assert kinds(bytes(head) + descriptor + bytes(directory)) == [Kind.DESCRIPTOR]


def test_a_directory_that_would_fill_the_memory_is_refused(monkeypatch, tmp_path):
    content = zip_of(**{f"a{n}": b"" for n in range(100)})
    monkeypatch.setattr(zip_structure, "DIRECTORY_LIMIT", 1000)
    for large in (content, wide(content)):
        (tmp_path / "large.zip").write_bytes(large)
        with (
            zip_structure.Stream(tmp_path / "large.zip") as stream,
            pytest.raises(BadZipFile, match="more than 1000"),
        ):
            ZipFile(stream)


def test_what_is_no_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "gone"):
        with pytest.raises(BadZipFile, match=r"a folder, a pipe or a device|no such file"):
            zip_structure.Stream(path)
