"""One wheel under several file names."""

from __future__ import annotations

import base64
import errno
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import pytest
import wheels
from hypothesis import given
from hypothesis import strategies as st

from truewheel.build.validate import validate
from truewheel.errors import Exit, Stop
from truewheel.wheel import reader, zip_copy, zip_structure
from truewheel.wheel.rewrite import rewrite

INTERNAL = "demo-1.0+nv26.4-7-cp312-cp312-manylinux_2_28_x86_64.whl"
PUBLIC = "demo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"
OLD, NEW = "demo-1.0+nv26.4", "demo-1.0"
BODY = "\nVersion: 9\nName: other\n\nThe demo 1.0+nv26.4.\n"
CONTENT = {
    "demo/__init__.py": b"ANSWER = 42\n" * 50,
    wheels.EXTENSION: wheels.elf_file(),
    "demo.libs/größe.txt": b"outside of the folders that are renamed",
    f"{OLD}.data/scripts/demo": b"#!python\n",
    f"{OLD}.data/data/share/demo.txt": b"demo-1.0+nv26.4\n",
}


def good(changes: Mapping[str, bytes] | None = None, filename: str = INTERNAL) -> dict[str, bytes]:
    return wheels.members(filename, CONTENT) | dict(changes or {})


def read(path: Path) -> dict[str, bytes]:
    with ZipFile(path) as archive:
        assert archive.testzip() is None
        return {info.filename: archive.read(info) for info in archive.infolist()}


def packed(path: Path, member: str) -> bytes:
    with ZipFile(path) as archive:
        info = archive.getinfo(member)
        place = next(member for member in zip_structure.members(archive) if member.info is info)
    return path.read_bytes()[place.data : place.end]


def rows(path: Path) -> dict[str, str]:
    info = next(name for name in read(path) if name.endswith(".dist-info/RECORD"))
    return dict(line.split(",", 1) for line in read(path)[info].decode().splitlines())


def refused(source: Path, filename: str = PUBLIC) -> str:
    """The message with which a rewrite ends; nothing may be left behind."""
    out = source.parent / "out"
    out.mkdir()
    with pytest.raises(Stop) as caught:
        rewrite(source, out, filename)
    assert caught.value.code == Exit.WHEEL
    assert list(out.iterdir()) == []
    return str(caught.value)


def cyclonedx(filename: str, name: str, version: str) -> dict[str, object]:
    """The SBOM that auditwheel adds to a wheel of that file name."""
    quoted = filename.replace("+", "%2B")
    purl = f"pkg:pypi/{name}@{version.replace('+', '%2B')}?file_name={quoted}"
    component = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
    grafted = "pkg:deb/debian/libz@1.0%2Bnv26.4#12"
    library = {
        "type": "library",
        "bom-ref": grafted,
        "name": "demo",
        "version": "1.0+nv26.4",
        "purl": grafted,
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.4",
        "version": 1,
        "metadata": {"component": component, "tools": [{"name": "auditwheel", "version": "6.8.2"}]},
        "components": [component, library],
        "dependencies": [{"ref": purl, "dependsOn": [grafted]}, {"ref": grafted}],
    }


def test_all_that_says_the_name_changes_and_nothing_else(tmp_path):
    metadata = f"Metadata-Version: 2.1\nName: demo\nVersion: 1.0+nv26.4\n{BODY}"
    files = good({f"{OLD}.dist-info/METADATA": metadata.encode()})
    source = wheels.write(tmp_path / INTERNAL, files)
    result = rewrite(source, tmp_path, PUBLIC)
    assert result == tmp_path / PUBLIC
    before, after = read(source), read(result)
    assert list(after) == [name.replace(f"{OLD}.d", f"{NEW}.d") for name in before]
    assert (
        after["demo-1.0.dist-info/METADATA"].decode()
        == f"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n{BODY}"
    )
    assert after["demo-1.0.dist-info/WHEEL"] == before[f"{OLD}.dist-info/WHEEL"].replace(
        b"Build: 7\n", b""
    )
    for name in CONTENT:
        renamed = name.replace(f"{OLD}.d", f"{NEW}.d")
        assert packed(result, renamed) == packed(source, name)
        assert rows(result)[renamed] == rows(source)[name]
    assert validate(result) == []


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (INTERNAL, PUBLIC),
        (PUBLIC, INTERNAL),
        (INTERNAL, INTERNAL),
        (INTERNAL, INTERNAL.replace("-7-", "-08_a-")),
        (PUBLIC, "demo-1.0-cp312-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"),
        (PUBLIC, "demo-2.0rc1-cp312.cp313-cp312.abi3-manylinux_2_28_x86_64.whl"),
        (PUBLIC, "demo_cu12-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"),
        (wheels.PURE, "demo-1.0.post1-1-py3-none-any.whl"),
        (wheels.PURE, "other-1.0-py2.py3-none-any.whl"),
        ("Demo-1.0-py3-none-any.whl", "demo-1.0-py3-none-any.whl"),
    ],
)
def test_the_copy_has_no_finding(tmp_path, source, target):
    stem = "-".join(source.split("-")[:2])
    content = {f"{stem}.data/data/demo.txt": b"text", "demo/__init__.py": b""}
    if "linux" in source:
        content["demo/_core.abi3.so"] = wheels.elf_file()
    out = tmp_path / "out"
    out.mkdir()
    result = rewrite(wheels.write(tmp_path / source, wheels.members(source, content)), out, target)
    assert validate(result) == []
    assert [path.name for path in out.iterdir()] == [target]


def test_the_bytes_are_the_same_each_time_and_under_the_own_name(tmp_path):
    source = wheels.write(tmp_path / INTERNAL, good())
    for folder in ("one", "two", "own"):
        (tmp_path / folder).mkdir()
    one, two = (
        rewrite(source, tmp_path / folder, PUBLIC).read_bytes() for folder in ("one", "two")
    )
    assert one == two
    assert rewrite(source, tmp_path / "own", INTERNAL).read_bytes() == source.read_bytes()
    again = rewrite(tmp_path / "one" / PUBLIC, tmp_path / "one", PUBLIC)
    assert again.read_bytes() == one


def test_there_and_back_has_the_same_content(tmp_path):
    source = wheels.write(tmp_path / INTERNAL, good())
    rewrite(source, tmp_path, PUBLIC)
    (tmp_path / "back").mkdir()
    back = rewrite(tmp_path / PUBLIC, tmp_path / "back", INTERNAL)
    assert read(back) == read(source)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_and_other_headers_stay(tmp_path, end):
    def text(version: str, tag: str) -> tuple[bytes, bytes]:
        metadata = [
            "Metadata-Version: 2.1",
            "name:demo",
            f"Version:  {version}",
            "X: Version: 9",
            "",
            "Version: 8",
            "",
        ]
        wheel = [
            "Wheel-Version: 1.0",
            "Root-Is-Purelib: true",
            f"Tag: {tag}",
            "Generator: x",
            "Build: 7",
            "",
            "Tag: no",
        ]
        return end.join(metadata).encode(), end.join(wheel).encode()

    metadata, wheel = text("1.0", "py3-none-any")
    files = {
        "demo.py": b"",
        "demo-1.0.dist-info/METADATA": metadata,
        "demo-1.0.dist-info/WHEEL": wheel,
    }
    record = (
        wheels.record(files).replace(b"\n", end.encode())
        + f"demo-1.0.dist-info/RECORD,,{end}".encode()
    )
    source = wheels.write(
        tmp_path / "demo-1.0-7-py3-none-any.whl", files | {"demo-1.0.dist-info/RECORD": record}
    )
    after = read(rewrite(source, tmp_path, "demo-1.1-7-py3-none-any.whl"))
    assert after["demo-1.1.dist-info/METADATA"] == text("1.1", "")[0]
    assert after["demo-1.1.dist-info/WHEEL"] == wheel
    assert after["demo-1.1.dist-info/RECORD"].count(b"\r\n") == (4 if end == "\r\n" else 0)
    after = read(rewrite(source, tmp_path, "demo-1.0-py2-none-any.whl"))
    assert after["demo-1.0.dist-info/METADATA"] == metadata
    assert after["demo-1.0.dist-info/WHEEL"] == text("", "py2-none-any")[1].replace(
        f"Build: 7{end}".encode(), b""
    )


def test_a_compressed_tag_is_spelled_out(tmp_path):
    filename = "demo-1.0-1-cp312.cp313-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    source = wheels.write(tmp_path / PUBLIC, wheels.members(PUBLIC))
    lines = (
        read(rewrite(source, tmp_path, filename))["demo-1.0.dist-info/WHEEL"].decode().splitlines()
    )
    assert lines[-5:] == [
        "Tag: cp312-abi3-manylinux2014_x86_64",
        "Tag: cp312-abi3-manylinux_2_17_x86_64",
        "Tag: cp313-abi3-manylinux2014_x86_64",
        "Tag: cp313-abi3-manylinux_2_17_x86_64",
        "Build: 1",
    ]


def test_a_version_that_means_the_same_stays_as_it_is_written(tmp_path):
    files = good({f"{OLD}.dist-info/METADATA": b"Name: Demo\nVersion: v1.0+nv26.04\n"})
    source = wheels.write(tmp_path / INTERNAL, files)
    after = read(rewrite(source, tmp_path, INTERNAL.replace("-7-", "-8-")))
    assert after[f"{OLD}.dist-info/METADATA"] == b"Name: Demo\nVersion: v1.0+nv26.04\n"


@pytest.mark.parametrize(("project", "name"), [("", "demo-cu12"), ("Demo.CU12", "Demo.CU12")])
def test_another_project_has_its_own_name(tmp_path, project, name):
    source = wheels.write(tmp_path / PUBLIC, wheels.members(PUBLIC))
    result = rewrite(source, tmp_path, PUBLIC.replace("demo-", "demo_cu12-"), project=project)
    metadata = read(result)["demo_cu12-1.0.dist-info/METADATA"].decode()
    assert f"\nName: {name}\nVersion: 1.0\n" in metadata


@pytest.mark.parametrize("project", ["other", "demo-cu12\nVersion: 3"])
def test_a_project_that_is_not_the_file_names_is_refused(tmp_path, project):
    source = wheels.write(tmp_path / PUBLIC, wheels.members(PUBLIC))
    with pytest.raises(Stop, match="cannot be the project"):
        rewrite(source, tmp_path, PUBLIC.replace("demo-", "demo_cu12-"), project=project)
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize(
    ("filename", "name", "version"),
    [
        (PUBLIC, "demo", "1.0"),
        (PUBLIC.replace("demo-", "demo_x-"), "demo_x", "1.0"),
        (INTERNAL, "demo", "1.0+nv26.4"),
    ],
)
def test_the_sbom_is_the_one_that_auditwheel_would_write(tmp_path, filename, name, version):
    path = f"{OLD}.dist-info/sboms/auditwheel.cdx.json"
    content = json.dumps(cyclonedx(INTERNAL, "demo", "1.0+nv26.4")).encode()
    (tmp_path / "out").mkdir()
    result = rewrite(
        wheels.write(tmp_path / INTERNAL, good({path: content})), tmp_path / "out", filename
    )
    wanted = json.dumps(cyclonedx(filename, name, version)).encode()
    assert read(result)[f"{name}-{version}.dist-info/sboms/auditwheel.cdx.json"] == wanted
    assert validate(result) == []


@pytest.mark.parametrize(
    "text", ['{ "purl": "pkg:cargo/demo@1.0" }\n', "<xml/>", "", "[" * 100_000]
)
def test_an_sbom_without_the_name_stays_as_it_is(tmp_path, text):
    files = good({f"{OLD}.dist-info/sboms/other": text.encode()})
    result = rewrite(wheels.write(tmp_path / INTERNAL, files), tmp_path, PUBLIC)
    assert read(result)[f"{NEW}.dist-info/sboms/other"] == text.encode()


def test_an_sbom_that_cannot_be_mended_is_refused(tmp_path):
    text = INTERNAL.replace("+", "%2B")
    files = good(
        {f"{OLD}.dist-info/sboms/bom.xml": f"<purl>pkg:pypi/demo?file_name={text}</purl>".encode()}
    )
    assert "SBOM that says its file name and is not JSON" in refused(
        wheels.write(tmp_path / INTERNAL, files)
    )


def test_added_files_are_in_dist_info_and_in_record(tmp_path):
    source = wheels.write(tmp_path / INTERNAL, good({f"{OLD}.dist-info/old.json": b"old"}))
    result = rewrite(source, tmp_path, PUBLIC, extra={"variant.json": b"{}", "old.json": b"new"})
    after = read(result)
    assert list(after)[-2:] == [f"{NEW}.dist-info/variant.json", f"{NEW}.dist-info/RECORD"]
    assert after[f"{NEW}.dist-info/variant.json"] == b"{}"
    assert after[f"{NEW}.dist-info/old.json"] == b"new"
    assert len(after) == len(read(source)) + 1
    assert validate(result) == []


def test_record_keeps_its_order_and_other_hashes(tmp_path):
    files = good()
    listed = wheels.record(files).decode().splitlines()
    digest = "sha512=abc"  # of a member that is copied unread
    first = [f"demo/__init__.py,{digest},", f"{OLD}.dist-info/RECORD,,"]
    lines = [*first, *(line for line in reversed(listed) if not line.startswith("demo/__init__"))]
    source = wheels.write(
        tmp_path / INTERNAL, files | {f"{OLD}.dist-info/RECORD": "\n".join(lines).encode()}
    )
    result = rewrite(source, tmp_path, PUBLIC)
    assert list(rows(result)) == [
        line.split(",")[0].replace(f"{OLD}.d", f"{NEW}.d") for line in lines
    ]
    assert rows(result)["demo/__init__.py"] == f"{digest},"


def test_members_keep_their_attributes(tmp_path):
    source = tmp_path / INTERNAL
    files = good()
    files[f"{OLD}.dist-info/RECORD"] = wheels.record(files)
    with ZipFile(source, "w") as archive:
        archive.comment = b"a comment"
        archive.writestr(ZipInfo(f"{OLD}.dist-info/"), b"")
        for number, (name, content) in enumerate(files.items()):
            info = ZipInfo(name, (1980 + number, 2, 3, 4, 5, 58))
            info.external_attr, info.comment, info.extra = (
                (0o100755 + number) << 16,
                b"member",
                b"\x99\x99\3\0xyz",
            )
            archive.writestr(info, content, ZIP_DEFLATED)
    result = rewrite(source, tmp_path, PUBLIC)

    def attributes(path):
        with ZipFile(path) as archive:
            fields = (
                "date_time",
                "external_attr",
                "internal_attr",
                "create_system",
                "comment",
                "extra",
            )
            return archive.comment, [
                [getattr(info, field) for field in fields] for info in archive.infolist()
            ]

    assert attributes(result) == attributes(source)
    assert f"{NEW}.dist-info/" in read(result)


def test_where_the_kernel_cannot_copy_the_bytes_are_the_same(tmp_path, monkeypatch):
    source = wheels.write(tmp_path / INTERNAL, good())
    usual = rewrite(source, tmp_path, PUBLIC).read_bytes()

    def fail(*_):
        raise OSError(errno.EXDEV, "other file system")

    monkeypatch.setattr("os.copy_file_range", fail)
    assert rewrite(source, tmp_path, PUBLIC).read_bytes() == usual


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (wheels.PURE, "demo-1.0-py3-none-manylinux_2_28_x86_64.whl"),
        (wheels.NATIVE, "demo-1.0-cp312-cp312-any.whl"),
    ],
)
def test_any_does_not_become_a_platform_nor_the_other_way(tmp_path, source, target):
    assert "Root-Is-Purelib would be wrong" in refused(wheels.make(tmp_path, source), target)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "METADATA",
            b"Version: 1.0+nv26.4",
            b"Version: 1.0",
            "METADATA says demo 1.0, the file name demo 1.0+nv26.4",
        ),
        ("METADATA", b"Name: demo", b"Name: other", "METADATA says other 1.0+nv26.4"),
        ("METADATA", b"\n\n", b"\nVersion: 2\n\n", "METADATA has 2 plain lines with Version"),
        ("METADATA", b"nv26.4\n", b"nv26.4\n folded\n", "METADATA has 0 plain lines with Version"),
        ("METADATA", b"Version: 1.0+nv26.4", b"", "METADATA says demo , the file"),
        (
            "WHEEL",
            b"Tag: cp312-",
            b"Tag: cp311-",
            "Tag in WHEEL says cp311-cp312-manylinux_2_28_x86_64",
        ),
        ("WHEEL", b"Tag:", b"Not:", "Tag in WHEEL says nothing"),
        ("WHEEL", b"Build: 7", b"Build: 8", "Build in WHEEL says 8, the file name 7"),
    ],
)
def test_a_wheel_that_is_not_at_one_with_its_name_is_refused(tmp_path, file, old, new, message):
    path = f"{OLD}.dist-info/{file}"
    content = good()[path]
    assert old in content
    assert message in refused(
        wheels.write(tmp_path / INTERNAL, good({path: content.replace(old, new, 1)}))
    )


def test_a_moved_wheel_is_refused(tmp_path):
    source = wheels.write(tmp_path / INTERNAL, good()).rename(tmp_path / PUBLIC)
    assert "the dist-info folder says demo 1.0+nv26.4, the file name demo 1.0" in refused(
        source, INTERNAL
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda text: text.replace("demo/__init__.py", "demo/gone.py"),
            "is only in one of RECORD and the zip's directory",
        ),
        (lambda text: text + "demo/__init__.py,sha256=x,600\n", "two rows for one member"),
        (
            lambda text: text.replace(",600\n", ",601\n"),
            "demo/__init__.py has 600 bytes, RECORD says 601",
        ),
        (
            lambda text: text.replace("METADATA,sha256=", "METADATA,sha256=A"),
            "METADATA differs from its hash",
        ),
        (
            lambda text: text.replace("METADATA,sha256=", "METADATA,md5="),
            "which has to be of sha256",
        ),
        (lambda text: text.replace("METADATA,sha256=", "METADATA,,"), "a row with 4 columns"),
        (lambda text: text.replace("METADATA,", '"METADATA'), "RECORD: cannot be read"),
    ],
)
def test_a_bad_record_is_refused(tmp_path, change, message):
    files = good()
    record = change(wheels.record(files).decode() + f"{OLD}.dist-info/RECORD,,\n").encode()
    source = wheels.write(tmp_path / INTERNAL, files | {f"{OLD}.dist-info/RECORD": record})
    assert message in refused(source)


@pytest.mark.parametrize("listed", [True, False])
def test_a_signed_record_is_refused(tmp_path, listed):
    files = good()
    signed = {f"{OLD}.dist-info/RECORD.jws": b"{}"}
    record = wheels.record(files | signed if listed else files)
    source = wheels.write(tmp_path / INTERNAL, files | signed | {f"{OLD}.dist-info/RECORD": record})
    assert "RECORD.jws signs the RECORD of this name only" in refused(source)


def test_two_members_never_get_one_name(tmp_path):
    files = good({f"{NEW}.data/scripts/demo": b"another"})
    message = refused(wheels.write(tmp_path / INTERNAL, files))
    assert "two of its members would get one name" in message


def test_a_text_too_large_to_be_held_is_refused(tmp_path, monkeypatch):
    source = wheels.write(
        tmp_path / INTERNAL, good({f"{OLD}.dist-info/sboms/large.json": b" " * 2000})
    )
    monkeypatch.setattr(reader, "TEXT_LIMIT", 1999)
    assert "large.json: has 2000 bytes, more than 1999" in refused(source)


@pytest.mark.parametrize(
    "filename",
    ["../demo-1.0-py3-none-any.whl", "demo.whl", "demo-1.0-py3-none-any-LABEL.whl", "\x1b"],
)
def test_what_is_no_wheel_name_is_a_usage_error(tmp_path, filename):
    source = wheels.make(tmp_path, wheels.PURE)
    with pytest.raises(Stop, match="not a wheel file name") as caught:
        rewrite(source, tmp_path, filename)
    assert caught.value.code == Exit.REFUSED
    assert "\x1b" not in str(caught.value)


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(Stop, match="cannot be written: No such file"):
        rewrite(wheels.make(tmp_path), tmp_path / "none", wheels.NATIVE)


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), OSError(errno.ENOSPC, "full")])
def test_a_failure_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, failure):
    source = wheels.write(tmp_path / INTERNAL, good())
    (tmp_path / PUBLIC).write_text("old")

    def fail(out, *_):
        out.write(b"half")
        raise failure

    monkeypatch.setattr(zip_copy, "write", fail)
    with pytest.raises((KeyboardInterrupt, Stop)):
        rewrite(source, tmp_path, PUBLIC)
    assert (tmp_path / PUBLIC).read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([INTERNAL, PUBLIC])


class Pipe(io.RawIOBase):
    """A file that cannot be sought in, so that sizes are written after the data."""

    def __init__(self) -> None:
        self.content = b""

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self.content += bytes(data)
        return len(data)


STEMS = st.sampled_from(["demo-1.0", "demo-2.0rc1", "Demo-1.0", "demo_cu12-1.0+nv26.4.cu132"])
BUILDS = st.sampled_from(["", "-7", "-49163608_a"])
MEMBERS = st.dictionaries(
    st.from_regex(r"demo/[a-zäß._-]{1,8}\.txt", fullmatch=True)
    | st.from_regex(r"DATA/data/[a-z]{1,3}", fullmatch=True),
    st.binary(max_size=200),
    min_size=1,
    max_size=6,
)


@given(
    members=MEMBERS,
    order=st.randoms(use_true_random=False),
    stems=st.tuples(STEMS, STEMS),
    builds=st.tuples(BUILDS, BUILDS),
    compression=st.sampled_from([ZIP_STORED, ZIP_DEFLATED]),
    piped=st.booleans(),
    zip64=st.booleans(),
)
def test_any_wheel_under_any_name_is_a_good_wheel(
    members, order, stems, builds, compression, piped, zip64
):
    names = [f"{stem}{build}-py3-none-any.whl" for stem, build in zip(stems, builds)]
    content = {name.replace("DATA", f"{stems[0]}.data"): data for name, data in members.items()}
    files = wheels.members(names[0], content)
    files[f"{stems[0]}.dist-info/RECORD"] = wheels.record(files)
    shuffled = sorted(files)
    order.shuffle(shuffled)
    out: io.IOBase = Pipe() if piped else io.BytesIO()
    with ZipFile(out, "w", compression) as archive:
        for name in shuffled:
            with archive.open(ZipInfo(name), "w", force_zip64=zip64) as stream:
                stream.write(files[name])
    with TemporaryDirectory() as folder:
        source = Path(folder, names[0])
        source.write_bytes(out.content if isinstance(out, Pipe) else out.getvalue())
        (Path(folder) / "out").mkdir()
        result = rewrite(source, Path(folder, "out"), names[1])
        assert [finding for finding in validate(result) if finding.severity == "error"] == []
        after = read(result)
        for name, data in content.items():
            assert after[name.replace(f"{stems[0]}.data/", f"{stems[1]}.data/")] == data


class Sparse(io.FileIO):
    """A file in which zeros are holes."""

    def write(self, data) -> int:
        if bytes(data) != bytes(len(data)):
            return super().write(data)
        self.seek(len(data), os.SEEK_CUR)
        return len(data)


def copy_without_holes(source: int, target: int, count: int, offset: int) -> int:
    """Copy what is there and leave out the zeros, up to the next hole or its end."""
    data = os.lseek(source, offset, os.SEEK_DATA)
    if data > offset:
        skipped = min(data - offset, count)
        os.lseek(target, skipped, os.SEEK_CUR)
        return skipped
    hole = os.lseek(source, offset, os.SEEK_HOLE)
    return os.write(target, os.pread(source, min(hole - offset, count), offset))


@pytest.mark.slow
def test_beyond_four_gigabytes(tmp_path, monkeypatch):
    source, size, chunk = tmp_path / INTERNAL, 2**32 + 2**20, bytes(2**20)
    # The SHA-256 of as many zeros; `validate` computes it again.
    digest = bytes.fromhex("829816e339ff597ec3ada4c30fc840d3f2298444169d242952a54bcf3fcd7747")
    monkeypatch.setattr("os.copy_file_range", copy_without_holes)
    with Sparse(source, "w") as file, ZipFile(file, "w") as archive:
        with archive.open(ZipInfo("demo/zeros.bin"), "w", force_zip64=True) as member:
            for _ in range(size // len(chunk)):
                member.write(chunk)
        files = wheels.members(INTERNAL, {wheels.EXTENSION: wheels.elf_file()})
        encoded = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        row = f"demo/zeros.bin,sha256={encoded},{size}\n"
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr(f"{OLD}.dist-info/RECORD", wheels.record(files) + row.encode())
    assert source.stat().st_blocks * 512 < 2**20

    result = rewrite(source, tmp_path, PUBLIC)
    with ZipFile(result) as archive:
        zeros, metadata = (
            archive.getinfo("demo/zeros.bin"),
            archive.getinfo(f"{NEW}.dist-info/METADATA"),
        )
        assert (zeros.file_size, zeros.compress_size) == (size, size)
        assert metadata.header_offset > 2**32
    assert validate(result) == []
    result.unlink()

    (tmp_path / "own").mkdir()
    with (
        rewrite(source, tmp_path / "own", INTERNAL).open("rb") as renamed,
        source.open("rb") as file,
    ):
        assert renamed.seek(2**32) == file.seek(2**32)
        assert renamed.read() == file.read()  # as zipfile writes it
