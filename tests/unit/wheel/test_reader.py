"""Reading wheels."""

from __future__ import annotations

import copy
import zlib
from zipfile import ZIP_BZIP2, ZIP_STORED, ZipFile

import pytest
import wheels
from hypothesis import given
from hypothesis import strategies as st

from truewheel.errors import Exit, Stop
from truewheel.wheel import reader
from truewheel.wheel.filename import expand_tag, parse_name, printable
from truewheel.wheel.reader import open_wheel, parse_fields


def test_the_parts_of_a_name_are_kept_as_they_are_written():
    name = parse_name(
        "Demo_X-2.69.0.dev0+nv26.04.cu132-49163608-cp312-abi3-"
        "manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    )
    assert (name.distribution, name.version, name.build) == (
        "Demo_X",
        "2.69.0.dev0+nv26.04.cu132",
        "49163608",
    )
    assert (name.python, name.abi) == ("cp312", "abi3")
    assert name.tag == "cp312-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64"
    assert name.tags == {"cp312-abi3-manylinux_2_17_x86_64", "cp312-abi3-manylinux2014_x86_64"}


def test_a_name_without_build_tag():
    assert parse_name(wheels.PURE).build == ""


@pytest.mark.parametrize(
    "filename",
    [
        "",
        "demo.whl",
        "demo-1.0-py3-none-any.zip",
        "demo-1.0-py3-none-any.whl\n",
        "demo-1.0-py3-none.whl",
        "demo-1.0-7-8-py3-none-any.whl",
        "demo-1.0-py3-none-any-LABEL.whl",
        "demo-one-py3-none-any.whl",
        "demo-1.0-seven-py3-none-any.whl",
        "de__mo-1.0-py3-none-any.whl",
        "demo-1.0-py3--any.whl",
        "demo-1.0-py3.-none-any.whl",
        "dist/demo-1.0-py3-none-any.whl",
        "dém-1.0-py3-none-any.whl",
        "demo-1.0-٣-py3-none-any.whl",
        f"demo-{'9' * 5000}-py3-none-any.whl",
    ],
)
def test_what_packaging_refuses_is_no_wheel_name(filename):
    with pytest.raises(ValueError, match="not a wheel file name"):
        parse_name(filename)


@given(
    st.text(max_size=60)
    | st.from_regex(r"[a-z._+-]{0,20}-[0-9.]{1,4}-[a-z0-9.-]{0,20}\.whl", fullmatch=True)
)
def test_any_text_is_a_wheel_name_or_a_value_error(text):
    try:
        name = parse_name(text)
    except ValueError:
        return
    build = [name.build] if name.build else []
    assert "-".join([name.distribution, name.version, *build, name.tag]) + ".whl" == text


def test_a_huge_tag_set_is_not_expanded():
    tag = "-".join([".".join(f"a{n}" for n in range(50))] * 3)
    assert expand_tag(tag) == {tag}
    assert len(expand_tag("py2.py3-none-any")) == 2


def test_fields_end_where_the_text_begins():
    fields = parse_fields(
        "Name: demo\r\nCLASSIFIER: a\nclassifier: b\n folded\nRequires-Python:>=3.10\n"
        "\nName: other\n"
    )
    assert fields.first("name") == "demo"
    assert fields.all("Classifier") == ("a", "b")
    assert fields.first("Requires-Python") == ">=3.10"
    assert fields.first("Version") == ""


@given(st.text())
def test_any_text_has_fields(text):
    for name in parse_fields(text).values:
        assert parse_fields(text).first(name) == parse_fields(text).first(name.upper())


def test_what_a_terminal_would_act_on_is_escaped():
    assert printable("é\x1b[2J\n\u202e\udc80") == "é\\x1b[2J\\n\\u202e\\udc80"


def test_a_wheel_says_what_it_is(tmp_path):
    path = wheels.make(tmp_path)
    with open_wheel(path) as wheel:
        assert wheel.name == parse_name(path.name)
        assert wheel.dist_info == "demo-1.0.dist-info"
        assert wheel.wheel.first("Root-Is-Purelib") == "false"
        assert wheel.wheel.all("Tag") == ("cp312-cp312-manylinux_2_28_x86_64",)
        assert (wheel.metadata.first("Name"), wheel.metadata.first("Version")) == ("demo", "1.0")
        assert [row.path for row in wheel.record] == [entry.filename for entry in wheel.entries]
        assert wheel.elf == {wheels.EXTENSION: "x86_64"}


def test_a_member_is_read_to_its_end(tmp_path):
    path = wheels.make(tmp_path, wheels.PURE, {"demo/data.bin": b"\x7fELF" + bytes(3 * 2**20)})
    with open_wheel(path) as wheel:
        scan = wheel.scan(wheel.entries[0], "sha256")
        row = wheel.record[0]
    assert (scan.size, scan.head) == (3 * 2**20 + 4, b"\x7fELF" + bytes(60))
    assert row.size == str(scan.size)


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip", bytes(1000)])
def test_what_is_not_a_zip_stops(tmp_path, content):
    path = tmp_path / wheels.PURE
    path.write_bytes(content)
    with pytest.raises(Stop, match="not a readable zip file") as caught, open_wheel(path):
        pass
    assert caught.value.code == Exit.WHEEL


def test_a_missing_part_stops_only_who_asks_for_it(tmp_path):
    files = wheels.members(wheels.PURE)
    del files["demo-1.0.dist-info/METADATA"]
    with open_wheel(wheels.write(tmp_path / wheels.PURE, files)) as wheel:
        assert wheel.wheel.first("Tag") == "py3-none-any"
        with pytest.raises(Stop, match=r"demo-1\.0\.dist-info/METADATA: is missing"):
            _ = wheel.metadata


def test_two_dist_info_folders_stop(tmp_path):
    files = wheels.members(wheels.PURE) | {"old-1.0.dist-info/WHEEL": b""}
    with open_wheel(wheels.write(tmp_path / wheels.PURE, files)) as wheel:
        assert wheel.dist_infos == ("demo-1.0.dist-info", "old-1.0.dist-info")
        with pytest.raises(Stop, match="has 2 dist-info folders"):
            _ = wheel.dist_info


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe", "cannot be read: 'utf-8'"),
        (b'"demo', "cannot be read: unexpected end"),
        (b"demo/__init__.py,\n", "a row with 2 columns, not 3"),
        (b"a,b,c\n" * (3 * 2**20), "bytes, more than 16777216"),
    ],
)
def test_a_bad_record_stops(tmp_path, content, message):
    files = wheels.members(wheels.PURE) | {"demo-1.0.dist-info/RECORD": content}
    with (
        open_wheel(wheels.write(tmp_path / wheels.PURE, files)) as wheel,
        pytest.raises(Stop, match=message),
    ):
        _ = wheel.record


def test_a_record_may_quote_a_name(tmp_path):
    files = wheels.members(wheels.PURE, {"demo/a,b\x0b\rc.txt": b"x"})
    text = wheels.record(files).replace(b"demo/a,b\x0b\rc.txt", b'"demo/a,b\x0b\rc.txt"')
    with open_wheel(
        wheels.write(tmp_path / wheels.PURE, files | {"demo-1.0.dist-info/RECORD": text})
    ) as wheel:
        assert wheel.record[0].path == "demo/a,b\x0b\rc.txt"


def test_other_compression_is_refused(tmp_path):
    path = wheels.write(tmp_path / wheels.PURE, wheels.members(wheels.PURE), ZIP_BZIP2)
    with open_wheel(path) as wheel, pytest.raises(Stop, match="compression method 12"):
        _ = wheel.metadata


@pytest.mark.parametrize("compression", [ZIP_STORED, wheels.ZIP_DEFLATED])
@pytest.mark.parametrize("declared", [-1, 1])
def test_content_that_is_longer_or_shorter_than_declared_is_found(tmp_path, compression, declared):
    path = wheels.write(tmp_path / wheels.PURE, wheels.members(wheels.PURE), compression)
    with open_wheel(path) as wheel:
        lie = copy.copy(wheel.entries[0])
        lie.file_size += declared
        with pytest.raises(Stop, match="cannot be read"):
            wheel.scan(lie, "sha256")


@pytest.mark.parametrize("compression", [ZIP_STORED, wheels.ZIP_DEFLATED])
@pytest.mark.parametrize("declared", [b"ab", b"abcde"])
def test_a_checksum_that_fits_the_declared_size_hides_nothing(tmp_path, compression, declared):
    with ZipFile(tmp_path / wheels.PURE, "w", compression) as archive:
        archive.writestr("demo/a", b"abc")
        archive.filelist[0].file_size = len(declared)
        archive.filelist[0].CRC = zlib.crc32(declared[:3])
    with open_wheel(tmp_path / wheels.PURE) as wheel, pytest.raises(Stop, match="cannot be read: "):
        wheel.scan(wheel.entries[0], "sha256")


def test_the_text_limit_holds_for_what_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "TEXT_LIMIT", 10)
    with open_wheel(wheels.make(tmp_path)) as wheel, pytest.raises(Stop, match="more than 10"):
        _ = wheel.metadata


def test_a_field_folded_onto_the_next_line_is_read():
    # as email.generator folds a Tag that is too long for a line: ziglang 0.13.0
    tag = "py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64"
    fields = parse_fields(f"Wheel-Version: 1.0\nTag:\n {tag}\nTag: py3-none-any\nBuild:\n 7\n\n")
    assert fields.all("Tag") == (tag, "py3-none-any")
    assert fields.first("Build") == "7"
