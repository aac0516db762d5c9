"""Copying zip members as they are packed; zip files that are wrong."""

from __future__ import annotations

import contextlib
import io
import struct
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

import pytest
import wheels
from hypothesis import example, given
from hypothesis import strategies as st

from truewheel.build.validate import validate
from truewheel.errors import Stop
from truewheel.wheel.rewrite import rewrite
from truewheel.wheel.zip_copy import Part, write
from truewheel.wheel.zip_structure import members

FILES = {"one.txt": b"first" * 9, "folder/two.txt": b"", "three.txt": b"third" * 9}
LOCAL, CENTRAL = b"PK\3\4", b"PK\1\2"


def zipped(files=FILES) -> bytes:
    out = io.BytesIO()
    with ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(ZipInfo(name), content, ZIP_DEFLATED)
    return out.getvalue()


def copied(
    tmp_path: Path, content: bytes, names=lambda name: name, changed=None
) -> dict[str, bytes]:
    source, target = tmp_path / "source.zip", tmp_path / "target.zip"
    source.write_bytes(content)
    with ZipFile(source) as archive, target.open("wb") as out:
        parts = [
            Part(
                member=member,
                name=names(member.info.filename),
                content=(changed or {}).get(member.info.filename),
            )
            for member in members(archive)
        ]
        write(out, archive, parts)
    with ZipFile(target) as archive:
        assert len(members(archive)) == len(parts)
        return {
            name: archive.read(name) for name in archive.namelist()
        }  # their checksums are right


def patched(content: bytes, mark: bytes, offset: int, new: bytes, which: int = 0) -> bytes:
    place = -1
    for _ in range(which + 1):
        place = content.index(mark, place + 1)
    return content[: place + offset] + new + content[place + offset + len(new) :]


def test_nothing_changed_gives_the_same_bytes(tmp_path):
    content = zipped()
    assert list(copied(tmp_path, content).values()) == list(FILES.values())
    assert (tmp_path / "target.zip").read_bytes() == content


def test_members_get_new_names_and_contents(tmp_path):
    files = FILES | {"größe.txt": b"size"}
    after = copied(tmp_path, zipped(files), lambda name: f"new/{name}", {"one.txt": b"new"})
    assert after == {f"new/{name}": content for name, content in files.items()} | {
        "new/one.txt": b"new"
    }


def test_the_directory_may_have_another_order_than_the_members(tmp_path):
    content = zipped()
    start = content.index(CENTRAL)
    entries = [
        CENTRAL + entry for entry in content[start : content.index(b"PK\5\6")].split(CENTRAL)[1:]
    ]
    turned = content[:start] + b"".join(reversed(entries)) + content[content.index(b"PK\5\6") :]
    assert list(copied(tmp_path, turned, lambda name: f"a/{name}")) == [
        f"a/{name}" for name in reversed(FILES)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("count", [2**16 - 1, 2**16])
def test_more_members_than_a_plain_zip_can_count(tmp_path, count):
    files = {f"{number}.txt": b"" for number in range(count)}
    source = zipped(files)
    after = copied(tmp_path, source, changed={"7.txt": b"new"})
    assert after == files | {"7.txt": b"new"}
    copied(tmp_path, source)
    target = (tmp_path / "target.zip").read_bytes()
    assert b"PK\6\6" in target[-200:]
    assert target == source or count == 2**16 - 1  # where zipfile does without


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"#!/bin/sh\n" + zipped(), "10 bytes before the first member"),
        (zipped() + b"more", "behind its directory is something else"),
        (
            patched(zipped(), CENTRAL, 42, b"\x01"),
            "before the first member|where the directory says",
        ),
        (
            patched(zipped(), CENTRAL, 42, b"\0", which=1),
            "folder/two.txt: its own header calls it one.txt",
        ),
        (patched(zipped(), LOCAL, 0, b"QK"), "one.txt: no member where the directory says"),
        (patched(zipped(), LOCAL, 30, b"t"), "one.txt: its own header calls it tne.txt"),
        (patched(zipped(), LOCAL, 8, b"\0"), "one.txt: its own header has other flags"),
        (
            patched(zipped(), LOCAL, 14, b"\0\0\0\0"),
            "one.txt: its own header has the checksum and sizes",
        ),
        (
            patched(zipped(), LOCAL, 22, b"\x01"),
            "one.txt: its own header has the checksum and sizes",
        ),
        (
            patched(zipped(), CENTRAL, 20, b"\xff\xff"),
            "one.txt: its own header has the checksum and sizes",
        ),
        (
            patched(patched(zipped(), LOCAL, 6, b"\1"), CENTRAL, 8, b"\1"),
            "one.txt: it is encrypted",
        ),
        (
            patched(patched(zipped(), LOCAL, 7, b"\x20"), CENTRAL, 9, b"\x20"),
            "has the flags 0x2000",
        ),
        (
            patched(patched(zipped(), LOCAL, 6, b"\x08"), CENTRAL, 8, b"\x08"),
            "one.txt: the data descriptor after its content differs",
        ),
        (zipped().replace(b"three.txt", b"one.txt\0x"), "two members with one name|differs"),
        (zipped().replace(b"three.txt", b"th\0ee.txt"), "th: there is a zero byte in its name"),
    ],
)
def test_a_wrong_zip_file_is_refused(tmp_path, content, message):
    (tmp_path / "source.zip").write_bytes(content)
    with ZipFile(tmp_path / "source.zip") as archive, pytest.raises(BadZipFile, match=message):
        members(archive)


@pytest.mark.parametrize("size", [1, 8, 30])
def test_bytes_between_the_members_are_refused(tmp_path, size):
    content = zipped()
    hidden = content[: content.index(LOCAL, 1)] + bytes(size) + content[content.index(LOCAL, 1) :]
    start = hidden.index(CENTRAL)
    for which in (1, 2):
        place = [at for at in range(start, len(hidden)) if hidden.startswith(CENTRAL, at)][which]
        offset = struct.unpack_from("<L", hidden, place + 42)[0] + size
        hidden = hidden[: place + 42] + struct.pack("<L", offset) + hidden[place + 46 :]
    end = hidden.index(b"PK\5\6")
    hidden = hidden[: end + 16] + struct.pack("<L", start) + hidden[end + 20 :]
    (tmp_path / "source.zip").write_bytes(hidden)
    with (
        ZipFile(tmp_path / "source.zip") as archive,
        pytest.raises(BadZipFile, match=f"{size} bytes after one.txt belong to no member"),
    ):
        members(archive)


def test_a_source_that_shrinks_meanwhile_is_refused(tmp_path):
    source = tmp_path / "source.zip"
    source.write_bytes(zipped())
    with ZipFile(source) as archive, (tmp_path / "target.zip").open("wb") as out:
        parts = [Part(member=member, name=member.info.filename) for member in members(archive)]
        source.write_bytes(b"PK")
        with pytest.raises(BadZipFile, match="shorter"):
            write(out, archive, parts)


def wheel_bytes() -> bytes:
    with TemporaryDirectory() as folder:
        return wheels.make(Path(folder), wheels.NATIVE).read_bytes()


GOOD = wheel_bytes()
MODULE = b"demo/__init__.py"


def with_descriptor(known: bytes) -> bytes:
    """A good wheel whose last member has a data descriptor; `known` is what its header says."""
    start = GOOD.rindex(LOCAL)
    directory = GOOD.index(CENTRAL)
    sums = GOOD[start + 14 : start + 26]
    head = bytearray(GOOD[start:directory])
    head[6] |= 8
    head[14:26] = known
    content = bytearray(GOOD[:start] + head + b"PK\7\x08" + sums + GOOD[directory:])
    content[content.rindex(CENTRAL) + 8] |= 8
    struct.pack_into("<L", content, content.rindex(b"PK\5\6") + 16, directory + 16)
    return bytes(content)


def with_extra(extra: bytes) -> bytes:
    """A good wheel whose last member has something in the extra field of its own header."""
    start, directory = GOOD.rindex(LOCAL), GOOD.index(CENTRAL)
    length = struct.unpack_from("<H", GOOD, start + 26)[0]
    content = bytearray(GOOD)
    content[start + 28 : start + 30] = struct.pack("<H", len(extra))
    content[start + 30 + length : start + 30 + length] = extra
    struct.pack_into("<L", content, content.rindex(b"PK\5\6") + 16, directory + len(extra))
    return bytes(content)


def rezipped(**options: int) -> bytes:
    out = io.BytesIO()
    with ZipFile(io.BytesIO(GOOD)) as old, ZipFile(out, "w", **options) as new:
        for info in old.infolist():
            new.writestr(info.filename, old.read(info))
    return out.getvalue()


SIZE = struct.unpack_from("<L", GOOD, GOOD.rindex(LOCAL) + 22)[0]
UNICODE = struct.pack("<HHBL", 0x7075, 14, 1, 0) + b"other.txt"
ACCEPTABLE = {
    "as it was made": (GOOD, True),
    "a comment": (GOOD[:-2] + b"\5\0hello", True),
    "a data descriptor": (with_descriptor(bytes(12)), True),
    "a data descriptor, the size is known before": (
        with_descriptor(bytes(8) + struct.pack("<L", SIZE)),
        False,
    ),
    "three bytes of padding": (with_extra(bytes(3)), False),
    "another name in Unicode": (with_extra(UNICODE), False),
    "on the second disk": (patched(GOOD, CENTRAL, 34, b"\1"), False),
    "other members on this disk": (patched(GOOD, b"PK\5\6", 8, b"\1"), False),
    "a name in an old encoding": (GOOD.replace(MODULE, b"demo/__in\x82t__.py"), False),
    "packed with bzip2": (rezipped(compression=ZIP_BZIP2), False),
}


@pytest.mark.parametrize("what", ACCEPTABLE)
def test_checks_and_copying_agree_on_what_is_acceptable(tmp_path, what):
    content, is_good = ACCEPTABLE[what]
    path = tmp_path / wheels.NATIVE
    path.write_bytes(content)
    errors = {finding.code.name for finding in validate(path) if finding.severity == "error"}
    assert is_good != bool(errors & {"TW302", *(f"TW31{number}" for number in range(4, 10))})

    with ZipFile(path) as archive:
        if is_good:
            assert len(members(archive)) == len(archive.infolist())
        else:
            with pytest.raises(BadZipFile):
                members(archive)


@given(
    st.dictionaries(st.integers(0, len(GOOD) - 1), st.integers(0, 255), min_size=1, max_size=3),
    st.integers(0, 40),
)
@example({}, 0)
def test_a_damaged_wheel_is_copied_whole_or_refused(damage, cut):
    content = bytearray(GOOD)
    for place, value in damage.items():
        content[place] = value
    with TemporaryDirectory() as folder:
        source = Path(folder, wheels.NATIVE)
        source.write_bytes(content[: len(content) - cut // 20 * cut])
        out = Path(folder, "out")
        out.mkdir()
        with contextlib.suppress(Stop):
            result = rewrite(source, out, wheels.NATIVE.replace("1.0", "1.0+x"))
            with ZipFile(result) as archive:
                assert len(archive.namelist()) == 5
            result.unlink()
        assert list(out.iterdir()) == []
