"""The checks on a wheel: each bad wheel has its finding, good ones have none."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import stat
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import pytest
import wheels
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wheels import EXTENSION, NATIVE, PURE, elf_file, library, macho_file, pe_file

from truewheel.build.validate import expand, validate, validate_all
from truewheel.errors import Exit, Stop
from truewheel.report.findings import render_findings
from truewheel.wheel.checks.contents import Limits
from truewheel.wheel.checks.findings import Code, Finding, is_ok
from truewheel.wheel.reader import Wheel

INFO = "demo-1.0.dist-info"
ARM = elf_file(183)


def codes(findings: list[Finding]) -> list[str]:
    return [finding.code.name for finding in findings]


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, findings
    return findings[0]


def written(folder: Path, filename: str, change=None, content=None) -> Path:
    files = wheels.members(filename, content)
    if change:
        change(files)
    return wheels.write(folder / filename, files)


def replace(name: str, old: bytes, new: bytes):
    def change(files: dict[str, bytes]) -> None:
        assert old in files[name]
        files[name] = files[name].replace(old, new)

    return change


GOOD = [
    (PURE, None),
    (NATIVE, None),
    ("demo-1.0-49163608-cp312-cp312-manylinux_2_28_x86_64.whl", None),
    ("demo-2.69.0.dev0+nv26.4.cu132-7-cp312-cp312-linux_x86_64.whl", None),
    ("demo-1.0-py2.py3-none-any.whl", None),
    ("demo-1!1.0-py3-none-any.whl", None),
    ("demo-1.0-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", None),
    (
        "demo-1.0-cp312-cp312-musllinux_1_2_x86_64.whl",
        {"demo/_c.cpython-312-x86_64-linux-musl.so": elf_file()},
    ),
    (
        "demo-1.0-cp38-cp38-musllinux_1_1_x86_64.whl",
        {"demo/_c.cpython-38-x86_64-linux-gnu.so": elf_file()},
    ),
    (
        "demo-1.0-cp313-cp313t-linux_x86_64.whl",
        {"demo/_core.cpython-313t-x86_64-linux-gnu.so": elf_file()},
    ),
    (
        "demo-1.0-pp310-pypy310_pp73-linux_x86_64.whl",
        {"demo/_c.pypy310-pp73-x86_64-linux-gnu.so": elf_file()},
    ),
    ("demo-1.0-cp310-abi3-linux_aarch64.whl", {"demo/_core.abi3.so": ARM}),
    ("demo-1.0-cp315-abi3.abi3t-linux_aarch64.whl", {"demo/_core.abi3t.so": ARM}),
    (
        "demo-1.0-cp312-cp312-linux_x86_64.whl",
        {"demo/__init__.py": b"", "demo/_core.so": elf_file()},
    ),
    ("demo-1.0-cp312-cp312-linux_x86_64.whl", {"demo.libs/libx-1.so.2": elf_file()}),
    ("demo-1.0-cp312-cp312-linux_armv6l.whl", {"_core.so": elf_file(40, 32)}),
    ("demo-1.0-cp312-cp312-linux_ppc64le.whl", {"_core.so": elf_file(21, 64)}),
    ("demo-1.0-py3-none-manylinux_2_28_x86_64.whl", {"demo-1.0.data/scripts/tool": elf_file()}),
    (
        "demo-1.0-py3-none-manylinux_2_28_x86_64.whl",
        {"demo/libx.so": elf_file(), "demo/k.cubin": elf_file(190)},
    ),
    ("demo-1.0-py3-none-any.whl", {"demo/kernel.cubin": elf_file(190)}),
    (
        "demo-1.0-py3-none-linux_x86_64.whl",
        {f"demo/_core.cpython-{version}-x86_64-linux-gnu.so": elf_file() for version in (311, 312)},
    ),
    (
        "demo-1.0-cp312-cp312-macosx_14_0_arm64.whl",
        {"demo/_core.cpython-312-darwin.so": macho_file("arm64")},
    ),
    ("demo-1.0-cp312-cp312-macosx_11_0_universal2.whl", {"_c.so": macho_file("x86_64", "arm64")}),
    (
        "demo-1.0-cp312-abi3-macosx_11_0_x86_64.whl",
        {"demo/_core.abi3.so": macho_file("x86_64", "arm64")},
    ),
    ("demo-1.0-cp312-cp312-win_amd64.whl", {"demo/_core.cp312-win_amd64.pyd": pe_file("amd64")}),
    ("demo-1.0-cp313-cp313t-win_arm64.whl", {"demo/_core.cp313t-win_arm64.pyd": pe_file("arm64")}),
    (
        "demo-1.0-cp312-abi3-win32.whl",
        {"demo/_core.pyd": pe_file("win32"), "demo/attach.so": elf_file()},
    ),
    (
        "demo-1.0-py3-none-any.whl",
        {"demo/attach.so": elf_file(), "demo/attach.dll": pe_file("amd64")},
    ),
    (
        "demo-1.0-py3-none-any.whl",
        {"demo/t32.exe": pe_file("win32"), "demo/t64.exe": pe_file("amd64")},
    ),
]


@pytest.mark.parametrize(("filename", "content"), GOOD)
def test_a_good_wheel_has_no_findings(tmp_path, filename, content):
    assert validate(written(tmp_path, filename, content=content)) == []


def test_a_folder_in_the_zip_needs_no_row(tmp_path):
    files = wheels.members(PURE)
    listed = {f"{INFO}/RECORD": wheels.record(files)}
    assert validate(wheels.write(tmp_path / PURE, {"demo/": b""} | files | listed)) == []


# file name


@pytest.mark.parametrize(
    "filename", ["demo-1.0.whl", "demo-1.0-RC1-py3-none-any.whl", "demo-1.0-py3-none-any-CU13.whl"]
)
def test_a_file_that_is_no_wheel_by_name(tmp_path, filename):
    path = wheels.make(tmp_path, PURE).rename(tmp_path / filename)
    assert codes(validate(path)) == ["TW101"]


@pytest.mark.parametrize(
    ("filename", "code", "severity", "label"),
    [
        (
            "demo-2.69.0+nv26.04.cu132-7-py3-none-any.whl",
            "TW102",
            "error",
            ["nv26.04.cu132", "2.69.0+nv26.4.cu132"],
        ),
        ("demo-1.0rc.1-py3-none-any.whl", "TW102", "error", ["1.0rc.1", "1.0rc1"]),
        ("Demo-1.0-py3-none-any.whl", "TW103", "warning", ["Demo", "demo"]),
        ("my.demo-1.0-py3-none-any.whl", "TW103", "warning", ["my.demo", "my_demo"]),
    ],
)
def test_a_name_that_is_not_in_normal_form(tmp_path, filename, code, severity, label):
    path = written(tmp_path, filename)
    finding = only(validate(path))
    assert (finding.code.name, finding.severity) == (code, severity)
    assert all(value in finding.message for value in label)


# dist-info


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        ("demo-1.0-7-py3-none-any.whl", {"TW205": "WHEEL says no Build, the file name says 7"}),
        (
            "demo-1.0-py3-none-linux_x86_64.whl",
            {"TW204": "WHEEL says py3-none-any, the file name says py3-none-linux"},
        ),
        (
            "demo-1.1-py3-none-any.whl",
            {"TW202": "the folder is demo-1.0.dist-info", "TW208": "METADATA says 1.0"},
        ),
        (
            "other-1.0-py3-none-any.whl",
            {"TW202": "the file name says other-1.0", "TW207": "METADATA says demo"},
        ),
        (
            "demo-1.0+nv26.4-py3-none-any.whl",
            {"TW202": "demo-1.0+nv26.4", "TW208": "the file name says 1.0+nv26.4"},
        ),
    ],
)
def test_a_wheel_that_was_renamed_by_hand_is_found(tmp_path, new, expected):
    path = wheels.make(tmp_path, PURE).rename(tmp_path / new)
    findings = {finding.code.name: finding.message for finding in validate(path)}
    assert findings.pop("TW404", None) is None or "linux" in new
    assert findings.keys() == expected.keys()
    assert all(text in findings[code] for code, text in expected.items())


def test_a_build_tag_that_only_WHEEL_has(tmp_path):  # noqa: N802
    path = wheels.make(tmp_path, "demo-1.0-7-py3-none-any.whl").rename(tmp_path / PURE)
    assert "WHEEL says 7, the file name says no build tag" in only(validate(path)).message


def test_a_name_may_be_spelled_differently_inside(tmp_path):
    path = written(
        tmp_path,
        "my_demo-1.0-py3-none-any.whl",
        replace("my_demo-1.0.dist-info/METADATA", b"my_demo", b"My.Demo"),
    )
    assert validate(path) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda files: files.pop(f"{INFO}/WHEEL"), ["TW203"]),
        (lambda files: files.update({f"{INFO}/WHEEL": b"\xff"}), ["TW203"]),
        (lambda files: files.update({f"{INFO}/WHEEL": b"\n"}), ["TW203", "TW203", "TW204"]),
        (replace(f"{INFO}/WHEEL", b"Wheel-Version: 1.0", b"Wheel-Version: 2.0"), ["TW203"]),
        (replace(f"{INFO}/WHEEL", b"Purelib: true", b"Purelib: maybe"), ["TW203"]),
        (replace(f"{INFO}/WHEEL", b"Tag: py3-none-any", b"Tag: py2.py3-none-any"), ["TW204"]),
        (lambda files: files.pop(f"{INFO}/METADATA"), ["TW206"]),
        (
            lambda files: files.update({f"{INFO}/METADATA": b"Metadata-Version: 2.1\n"}),
            ["TW207", "TW208"],
        ),
        (replace(f"{INFO}/METADATA", b"Version: 1.0", b"Version: " + b"9" * 9999), ["TW208"]),
        (lambda files: files.update({"old-0.9.dist-info/WHEEL": b""}), ["TW201", "TW202"]),
        (lambda files: files.update({"demo-0.9.data/scripts/x": b""}), ["TW209"]),
        (lambda files: files.update({"demo-1.0.data/scripts": b""}), ["TW209"]),
        (lambda files: files.update({"demo-1.0.data/tables/1.csv": b""}), ["TW209"]),
    ],
)
def test_a_dist_info_that_disagrees(tmp_path, change, expected):
    assert codes(validate(written(tmp_path, PURE, change))) == expected


def test_no_dist_info_at_all(tmp_path):
    with ZipFile(tmp_path / PURE, "w") as archive:
        archive.writestr("demo.py", b"")
    assert codes(validate(tmp_path / PURE)) == ["TW201"]


# zip and RECORD


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06", b"nothing of a zip", bytes(4096)])
def test_what_is_not_a_zip(tmp_path, content):
    (tmp_path / PURE).write_bytes(content)
    assert codes(validate(tmp_path / PURE)) == ["TW301"]


def test_a_file_that_is_not_there(tmp_path):
    assert codes(validate(tmp_path / PURE)) == ["TW301"]


def test_a_truncated_wheel(tmp_path):
    path = wheels.make(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    assert codes(validate(path)) == ["TW301"]


def test_an_encrypted_member(tmp_path):
    path = wheels.write(tmp_path / PURE, wheels.members(PURE), ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    finding = only(validate(path))
    assert (finding.code.name, finding.where) == ("TW302", "demo/__init__.py")
    assert "encrypted" in finding.message


def set_record(change):
    def apply(files: dict[str, bytes]) -> None:
        files[f"{INFO}/RECORD"] = change(wheels.record(files))

    return apply


def digest(algorithm: str, files: dict[str, bytes], name: str) -> bytes:
    value = base64.urlsafe_b64encode(hashlib.new(algorithm, files[name]).digest()).rstrip(b"=")
    return algorithm.encode() + b"=" + value


PYTHON = wheels.members(PURE)["demo/__init__.py"]
HASHED = b"demo/__init__.py," + digest("sha256", {"": PYTHON}, "")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda text: text.replace(HASHED, b"demo/__init__.py,sha256=wrong"), ["TW307"]),
        (
            lambda text: text.replace(
                HASHED, b"demo/__init__.py," + digest("sha512", {"": PYTHON}, "")
            ),
            [],
        ),
        (
            lambda text: text.replace(
                HASHED, b"demo/__init__.py," + digest("sha384", {"": b"x"}, "")
            ),
            ["TW307"],
        ),
        (
            lambda text: text.replace(
                HASHED, b"demo/__init__.py," + digest("md5", {"": PYTHON}, "")
            ),
            ["TW309"],
        ),
        (
            lambda text: text.replace(
                HASHED, b"demo/__init__.py," + digest("sha224", {"": PYTHON}, "")
            ),
            ["TW309"],
        ),
        (lambda text: text.replace(HASHED, b"demo/__init__.py,"), ["TW309"]),
        (lambda text: text.replace(HASHED, b"demo/__init__.py,shake_256=AAAA"), ["TW309"]),
        (
            lambda text: text.replace(b"," + str(len(PYTHON)).encode() + b"\n", b",7\n", 1),
            ["TW308"],
        ),
        (
            lambda text: text.replace(b"," + str(len(PYTHON)).encode() + b"\n", b",many\n", 1),
            ["TW308"],
        ),
        (lambda text: text.replace(b"," + str(len(PYTHON)).encode() + b"\n", b",\n", 1), []),
        (lambda text: text.partition(b"\n")[2], ["TW304"]),
        (lambda text: text + b"demo/gone.py,sha256=x,1\n", ["TW305"]),
        (lambda text: text + text.partition(b"\n")[0] + b"\n", ["TW306"]),
        (lambda _: b"one column\n", ["TW303"]),
        (lambda _: b"", ["TW304"] * 3),
    ],
)
def test_a_record_that_disagrees(tmp_path, change, expected):
    assert codes(validate(written(tmp_path, PURE, set_record(change)))) == expected


def test_a_missing_record(tmp_path):
    with ZipFile(tmp_path / PURE, "w") as archive:
        for name, content in wheels.members(PURE).items():
            archive.writestr(name, content)
    assert codes(validate(tmp_path / PURE)) == ["TW303"]


def test_signatures_need_no_row(tmp_path):
    def sign(files: dict[str, bytes]) -> None:
        files[f"{INFO}/RECORD"] = wheels.record(files)
        files[f"{INFO}/RECORD.jws"] = files[f"{INFO}/RECORD.p7s"] = b"{}"

    assert validate(written(tmp_path, PURE, sign)) == []


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_with_one_name(tmp_path):
    path = wheels.make(tmp_path, PURE)
    with ZipFile(path, "a") as archive:
        archive.writestr("demo/__init__.py", PYTHON)
    finding = only(validate(path))
    assert (finding.code.name, finding.where) == ("TW310", "demo/__init__.py")


@pytest.mark.parametrize(
    "member",
    [
        "/etc/cron.d/x",
        "../x",
        "demo/../../x",
        "demo/./x",
        "demo//x",
        "demo\\x",
        "C:/x",
        "c:x",
        "demo/a\nb",
        "demo/a\x1b[2J",
    ],
)
def test_an_unsafe_path(tmp_path, member):
    def add(files: dict[str, bytes]) -> None:
        record = (
            wheels.record(files)
            + f'"{member}",{digest("sha256", {"": b"x"}, "").decode()},1\n'.encode()
        )
        files |= {member: b"x", f"{INFO}/RECORD": record}

    finding = only(validate(written(tmp_path, PURE, add)))
    assert (finding.code.name, finding.where) == ("TW311", member)


def test_a_member_without_a_name(tmp_path):
    path = wheels.make(tmp_path, PURE, {"\x01/": b"", "demo.py": b""})
    path.write_bytes(path.read_bytes().replace(b"\x01/", b"\x00/"))
    assert codes(validate(path)) == ["TW311", "TW305", "TW304"]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (stat.S_IFLNK | 0o777, ["TW312"]),
        (stat.S_IFIFO | 0o644, ["TW312"]),
        (stat.S_IFREG | 0o755, []),
        (0o644, []),
    ],
)
def test_a_member_that_is_no_regular_file(tmp_path, mode, expected):
    files = wheels.members(PURE)
    files[f"{INFO}/RECORD"] = wheels.record(files)
    with ZipFile(tmp_path / PURE, "w") as archive:
        for name, content in files.items():
            info = ZipInfo(name)
            info.external_attr = mode << 16 if name == "demo/__init__.py" else 0
            archive.writestr(info, content)
    assert codes(validate(tmp_path / PURE)) == expected


def test_a_zip_bomb_is_not_unpacked(tmp_path, monkeypatch):
    path = written(
        tmp_path, PURE, content={"demo/zeros": bytes(8 * 2**20), "demo/__init__.py": b""}
    )
    read = []
    chunks = Wheel.chunks
    monkeypatch.setattr(
        Wheel, "chunks", lambda self, entry: read.append(entry.filename) or chunks(self, entry)
    )
    finding = only(validate(path, limits=Limits(free=2**20)))
    assert (finding.code.name, finding.where) == ("TW313", "demo/zeros")
    assert "demo/zeros" not in read
    assert "demo/__init__.py" in read


@pytest.mark.parametrize("limits", [Limits(free=2**20, member_ratio=2000), Limits(total=2**20)])
def test_members_that_are_a_zip_bomb_together(tmp_path, limits):
    path = written(tmp_path, PURE, content={f"demo/{n}": bytes(2**20) for n in range(8)})
    finding = only(validate(path, limits=limits))
    assert (finding.code.name, finding.where) == ("TW313", "")


def test_large_content_that_packs_less_well_is_read(tmp_path):
    noise = random.Random(1).randbytes(2**16)  # noqa: S311
    content = {"demo/x": b"0123456789abcdef\x00" * 2**17 + noise}
    path = written(tmp_path, PURE, content=content)
    assert validate(path, limits=Limits(free=2**20)) == []


# ELF


MUSL_310 = "demo/_c.cpython-310-x86_64-linux-{}.so"


@pytest.mark.parametrize(
    ("filename", "member", "machine"),
    [
        # CPython 3.10 on musl: numpy 1.26.4, PyYAML 6.0.2
        ("demo-1.0-cp310-cp310-musllinux_1_1_x86_64.whl", MUSL_310.format("gnu"), 62),
        ("demo-1.0-cp310-cp310-musllinux_1_1_x86_64.whl", MUSL_310.format("musl"), 62),
        ("demo-1.0-cp310-cp310-linux_x86_64.whl", MUSL_310.format("musl"), 62),
        # not repaired, built on Alpine
        (
            "demo-1.0-cp312-cp312-linux_x86_64.whl",
            "demo/_c.cpython-312-x86_64-linux-musl.so",
            62,
        ),
        ("demo-1.0-cp312-cp312-linux_x86_64.whl", EXTENSION, 62),
        ("demo-1.0-py3-none-linux_armv5l.whl", "demo/libx.so", 40),
        ("demo-1.0-py3-none-linux_armv5tel.whl", "demo/libx.so", 40),
        ("demo-1.0-py3-none-linux_mips64el.whl", "demo/libx.so", 8),
    ],
)
def test_native_code_of_systems_that_are_seldom_is_no_finding(tmp_path, filename, member, machine):
    content = {"demo/__init__.py": b"", member: elf_file(machine, 32 if machine == 40 else 64)}
    assert validate(written(tmp_path, filename, content=content)) == []


@pytest.mark.parametrize(
    ("filename", "member"),
    [
        ("demo-1.0-cp311-cp311-musllinux_1_2_x86_64.whl", "_c.cpython-311-x86_64-linux-gnu.so"),
        ("demo-1.0-cp310-cp310-manylinux_2_28_x86_64.whl", "_c.cpython-310-x86_64-linux-musl.so"),
    ],
)
def test_a_suffix_that_no_python_of_the_tag_looks_for(tmp_path, filename, member):
    finding = only(validate(written(tmp_path, filename, content={member: elf_file()})))
    assert (finding.code.name, finding.severity, finding.where) == ("TW413", "error", member)


@pytest.mark.parametrize(
    ("filename", "severity"),
    [
        ("demo-1.0-py3-none-manylinux_2_17_x86_64.whl", "warning"),  # headers: nvidia-cuda-crt
        ("demo-1.0-py3-none-win_amd64.whl", "warning"),
        ("demo-1.0-cp312-cp312-manylinux_2_17_x86_64.whl", "error"),
        ("demo-1.0-cp39-abi3-win_amd64.whl", "error"),
    ],
)
def test_without_native_code_only_an_extension_is_missed(tmp_path, filename, severity):
    path = written(tmp_path, filename, content={"demo/crt/host_config.h": b"#pragma once\n"})
    finding = only(validate(path))
    assert (finding.code.name, finding.severity) == ("TW404", severity)


def test_a_pure_root_of_somebody_elses_wheel_is_a_note_that_strict_passes(tmp_path):
    change = replace(f"{INFO}/WHEEL", b"Purelib: false", b"Purelib: true")
    content = {"demo/lib/libx.so.5": elf_file()}
    path = written(tmp_path, NATIVE, change, content=content)
    finding = only(validate(path))
    assert (finding.code.name, finding.severity) == ("TW402", "note")
    assert is_ok([finding], strict=True)
    planned = only(validate(path, excluded={path.name: ()}))
    assert (planned.code.name, planned.severity) == ("TW402", "warning")


SHA256 = hashlib.sha256(b"x").digest()


@pytest.mark.parametrize(
    ("digest", "says"),
    [
        (SHA256.hex(), "the hash is right, its form must be URL-safe base64 without padding"),
        (SHA256.hex().upper(), "the hash is right"),
        (base64.urlsafe_b64encode(SHA256).decode(), "the hash is right"),
        (base64.b64encode(SHA256).decode(), "the hash is right"),
        (hashlib.sha256(b"y").hexdigest(), "it was changed later"),
        ("é", "it was changed later"),
    ],
)
def test_a_hash_of_another_form_is_not_said_to_be_of_other_bytes(tmp_path, digest, says):
    right = base64.urlsafe_b64encode(SHA256).rstrip(b"=")

    def change(files):
        record = wheels.record(files).replace(right, digest.encode())
        files[f"{INFO}/RECORD"] = record + f"{INFO}/RECORD,,\n".encode()

    finding = only(validate(written(tmp_path, PURE, change, {"demo/x": b"x"})))
    assert (finding.code.name, finding.where) == ("TW307", "demo/x")
    assert says in finding.message


def test_symbols_that_glibc_keeps_to_itself_are_of_no_older_system(tmp_path):
    content = {EXTENSION: library(versions={"libc.so.6": ["GLIBC_2.17", "GLIBC_PRIVATE"]})}
    finding = only(validate(written(tmp_path, NATIVE, content=content)))
    assert finding.code.name == "TW409"
    assert "GLIBC_PRIVATE is for glibc's own files" in finding.message
    assert "older system" not in finding.message


@pytest.mark.parametrize(
    ("platform", "way"),
    [
        ("manylinux_2_28_x86_64", "remove it with patchelf"),
        ("linux_x86_64", "let truewheel repair remove it"),
    ],
)
def test_a_run_path_is_removed_by_what_removes_it(tmp_path, platform, way):
    content = {EXTENSION: library(rpath="/build/lib")}
    filename = NATIVE.replace("manylinux_2_28_x86_64", platform)
    finding = only(validate(written(tmp_path, filename, content=content)))
    assert (finding.code.name, finding.severity) == ("TW412", "warning")
    assert finding.message.endswith(way)


def test_the_odbc_driver_manager_is_of_the_system_and_may_be_left_outside(tmp_path):
    path = written(tmp_path, NATIVE, content={EXTENSION: library(["libodbc.so.2"])})
    finding = only(validate(path))
    assert (finding.code.name, finding.severity) == ("TW410", "warning")
    assert "graft" not in finding.message
    assert validate(path, excluded={"": ("libodbc.so.*",)}) == []


@pytest.mark.parametrize(
    ("filename", "content", "pure", "expected"),
    [
        (NATIVE, {EXTENSION: elf_file()}, True, [("TW401", EXTENSION)]),
        (NATIVE, {"demo/_core.abi3.so": elf_file()}, True, [("TW401", "demo/_core.abi3.so")]),
        (
            NATIVE,
            {"demo/__init__.py": b"", "demo/_core.so": elf_file()},
            True,
            [("TW401", "demo/_core.so")],
        ),
        (NATIVE, {"_core.so": elf_file()}, True, [("TW401", "_core.so")]),
        (NATIVE, {"demo/lib/libx.so.5": elf_file()}, True, [("TW402", f"{INFO}/WHEEL")]),
        (
            NATIVE,
            {"demo/__init__.py": b"", "demo/libx.so": elf_file()},
            True,
            [("TW402", f"{INFO}/WHEEL")],
        ),
        (NATIVE, {"demo/data/_core.so": elf_file()}, True, [("TW402", f"{INFO}/WHEEL")]),
        (NATIVE, {f"demo-1.0.data/platlib/{EXTENSION}": elf_file()}, True, []),
        (PURE, {EXTENSION: elf_file()}, True, [("TW403", EXTENSION)]),
        (PURE, {"demo/libx.so": elf_file()}, False, [("TW403", "demo/libx.so")]),
        (NATIVE, {"demo/__init__.py": b""}, False, [("TW404", "")]),
        (NATIVE, {EXTENSION: ARM}, False, [("TW405", EXTENSION)]),
        (
            "demo-1.0-cp312-cp312-linux_aarch64.whl",
            {EXTENSION: elf_file()},
            False,
            [("TW405", EXTENSION)],
        ),
        (
            NATIVE,
            {EXTENSION: elf_file(), "demo.libs/libx.so.5": ARM},
            False,
            [("TW405", "demo.libs/libx.so.5")],
        ),
        (NATIVE, {"demo/_core.so": elf_file(4242)}, False, [("TW405", "demo/_core.so")]),
        (
            "demo-1.0-cp312-cp312-linux_ppc64le.whl",
            {"_c.so": elf_file(21, 64, "big")},
            False,
            [("TW405", "_c.so")],
        ),
        (
            "demo-1.0-cp313-cp313-linux_x86_64.whl",
            {EXTENSION: elf_file()},
            False,
            [("TW406", EXTENSION)],
        ),
        (
            "demo-1.0-cp312-abi3-linux_x86_64.whl",
            {EXTENSION: elf_file()},
            False,
            [("TW406", EXTENSION)],
        ),
        (
            "demo-1.0-cp312-cp312t-linux_x86_64.whl",
            {EXTENSION: elf_file()},
            False,
            [("TW406", EXTENSION)],
        ),
        (
            "demo-1.0-py3-none-linux_x86_64.whl",
            {EXTENSION: elf_file()},
            False,
            [("TW406", EXTENSION)],
        ),
        (
            "demo-1.0-cp313-cp313t-linux_x86_64.whl",
            {"d/_c.abi3.so": elf_file()},
            False,
            [("TW406", "d/_c.abi3.so")],
        ),
        ("demo-1.0-cp312-cp312-linux_aarch64.whl", {EXTENSION: ARM}, False, [("TW407", EXTENSION)]),
    ],
)
def test_native_code_that_disagrees_with_the_name(tmp_path, filename, content, pure, expected):
    metadata = b"Purelib: " + str(filename == PURE).lower().encode()
    change = replace(f"{INFO}/WHEEL", metadata, b"Purelib: " + str(pure).lower().encode())
    findings = validate(written(tmp_path, filename, change, content))
    assert [(finding.code.name, finding.where) for finding in findings] == expected


def test_a_message_has_both_values(tmp_path):
    message = only(validate(written(tmp_path, NATIVE, content={"demo/_core.so": ARM}))).message
    assert "aarch64" in message
    assert "x86_64" in message


def test_an_unreadable_member_is_not_taken_for_missing_native_code(tmp_path):
    path = wheels.write(tmp_path / NATIVE, wheels.members(NATIVE), ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"\x7fELF", b"\x7fELX", 1))
    assert codes(validate(path)) == ["TW302"]


def test_of_many_alike_findings_ten_are_listed(tmp_path):
    findings = validate(
        written(tmp_path, NATIVE, content={f"demo/lib{n}.so": ARM for n in range(25)})
    )
    assert codes(findings) == ["TW405"] * 11
    assert findings[-1].message == "and 15 more"


# every byte


def packed(compression: int) -> bytes:
    stream = BytesIO()
    wheels.write(
        stream,
        wheels.members(NATIVE, {EXTENSION: elf_file(), "demo/a.py": b"x = 1\n" * 40}),
        compression,
    )
    return stream.getvalue()


def spans(content: bytes) -> list[range]:
    """Where the content of each member is in the file."""
    with ZipFile(BytesIO(content)) as archive:
        starts = [
            (info.header_offset + 30 + len(info.filename), info.compress_size)
            for info in archive.infolist()
        ]
    return [range(start, start + size) for start, size in starts]


WHEELS = {compression: packed(compression) for compression in (ZIP_STORED, ZIP_DEFLATED)}


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory):
    path = tmp_path_factory.mktemp("spoiled") / NATIVE

    def check(content: bytes) -> list[Finding]:
        path.write_bytes(content)
        return validate(path)

    return check


def test_every_changed_byte_of_content_is_found(spoiled):
    content = WHEELS[ZIP_STORED]
    for span in spans(content):
        for place in span[:: max(1, len(span) // 40)]:
            changed = bytearray(content)
            changed[place] ^= 0x10
            assert "error" in {finding.severity for finding in spoiled(bytes(changed))}, place


@given(data=st.data(), compression=st.sampled_from([ZIP_STORED, ZIP_DEFLATED]))
def test_a_changed_byte_anywhere_never_ends_in_a_traceback(spoiled, data, compression):
    content = bytearray(WHEELS[compression])
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    findings = spoiled(bytes(content))
    if any(place in span for span in spans(WHEELS[compression])) and compression == ZIP_STORED:
        assert "error" in {finding.severity for finding in findings}
    render_findings([(Path(NATIVE), findings)], "junit")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_finding(spoiled, content):
    assert codes(spoiled(content)) == ["TW301"]


@given(
    st.sampled_from(["WHEEL", "METADATA", "RECORD"]),
    st.binary(max_size=200) | st.text().map(str.encode),
)
def test_any_bytes_in_a_dist_info_file_never_end_in_a_traceback(spoiled, name, content):
    stream = BytesIO()
    wheels.write(stream, wheels.members(NATIVE) | {f"{INFO}/{name}": content})
    assert spoiled(stream.getvalue())


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 239), value=st.integers(1, 255))
def test_content_that_was_changed_with_a_zip_tool_is_found(spoiled, place, value):
    files = wheels.members(NATIVE, {EXTENSION: elf_file(), "demo/a.py": b"x = 1\n" * 40})
    files[f"{INFO}/RECORD"] = wheels.record(files)
    changed = bytearray(files["demo/a.py"])
    changed[place] ^= value
    stream = BytesIO()
    wheels.write(stream, files | {"demo/a.py": bytes(changed)})
    assert codes(spoiled(stream.getvalue())) == ["TW307"]


# many wheels, reports


def test_a_folder_means_its_wheels(tmp_path):
    for name in ("b-1.0-py3-none-any.whl", PURE, ".hidden-1.0-py3-none-any.whl", "plan.json"):
        (tmp_path / name).touch()
    (tmp_path / "folder.whl").mkdir()  # is found to be none
    paths = [tmp_path / "b-1.0-py3-none-any.whl", tmp_path / PURE, tmp_path / "folder.whl"]
    assert expand([tmp_path]) == paths
    assert expand([tmp_path / PURE, tmp_path]) == [paths[1], paths[0], paths[2]]


@pytest.mark.parametrize("name", ["none", "x" * 300])
def test_a_path_that_does_not_exist(tmp_path, name):
    with pytest.raises(Stop, match="cannot be read") as caught:
        expand([tmp_path / name])
    assert caught.value.code == Exit.REFUSED


def test_a_folder_without_wheels_is_not_ok(tmp_path):
    with pytest.raises(Stop, match="holds no wheel") as caught:
        expand([tmp_path])
    assert caught.value.code == Exit.WHEEL


def test_many_wheels_keep_their_order(tmp_path):
    paths = [wheels.make(tmp_path, f"demo-{n}.0-py3-none-any.whl") for n in (4, 3, 2)]
    paths.insert(1, tmp_path / PURE)
    results = validate_all(paths)
    assert [path for path, _ in results] == paths
    assert [codes(findings) for _, findings in results] == [[], ["TW301"], [], []]


def example(folder: Path) -> list[tuple[Path, list[Finding]]]:
    bad = Finding(
        code=Code.TW405,
        severity="error",
        message="it is for aarch64\x1b[2J",
        where="demo/\x00<&>]]>.so",
    )
    warning = Finding(code=Code.TW103, severity="warning", message="Demo")
    return [(folder / "a.whl", []), (folder / "b\x1b.whl", [bad, bad, warning])]


def test_a_report_for_people(tmp_path):
    assert render_findings(example(Path("dist")), "text") == (
        "dist/a.whl: ok\n"
        "dist/b\\x1b.whl: 2 errors, 1 warning\n"
        "  error TW405 demo/\\x00<&>]]>.so: it is for aarch64\\x1b[2J\n"
        "  error TW405 demo/\\x00<&>]]>.so: it is for aarch64\\x1b[2J\n"
        "  warning TW103 Demo\n"
    )


def test_a_report_for_programs():
    results = example(Path("dist"))[1:]
    wheel = json.loads(render_findings([(results[0][0], results[0][1][1:])], "json"))["wheels"][0]
    assert wheel == {
        "path": "dist/b\x1b.whl",
        "ok": False,
        "findings": [
            {
                "code": "TW405",
                "severity": "error",
                "message": "it is for aarch64\x1b[2J",
                "where": "demo/\x00<&>]]>.so",
            },
            {"code": "TW103", "severity": "warning", "message": "Demo", "where": ""},
        ],
    }


def test_a_warning_alone_is_ok():
    warning = Finding(code=Code.TW103, severity="warning", message="Demo")
    assert (
        json.loads(render_findings([(Path("a.whl"), [warning])], "json"))["wheels"][0]["ok"] is True
    )


def test_a_report_for_a_forge():
    suite = ElementTree.fromstring(render_findings(example(Path("dist")), "junit"))  # noqa: S314 - our text
    assert suite.attrib == {"name": "validate", "tests": "2", "failures": "1"}
    good, bad = suite
    assert (good.get("name"), len(good)) == ("dist/a.whl", 0)
    assert [child.tag for child in bad] == ["failure", "system-out"]
    assert bad[0].get("message") == "error TW405 demo/\\x00<&>]]>.so: it is for aarch64\\x1b[2J"
    assert len((bad[0].text or "").splitlines()) == 2
    assert "Demo" in (bad[1].text or "")


@given(st.text(), st.text())
def test_any_finding_can_be_reported(message, where):
    findings = [Finding(code=Code.TW302, severity="error", message=message, where=where)]
    xml = render_findings([(Path("a.whl"), findings)], "junit")
    ElementTree.fromstring(xml)  # noqa: S314 - our own text
    text = render_findings([(Path("a.whl"), findings)], "text")
    assert text.replace("\n", "").isprintable()
    assert text.count("\n") == 2


def test_each_code_has_its_own_meaning():
    assert len({code.value for code in Code}) == len(list(Code))


# variant label


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "there is none"),
        ("{}", "there is none"),
        ("[", "there is none"),
        ('{"variants": {}}', "it names none"),
        ('{"variants": {"cu12": {}}}', "it names cu12"),
        ('{"variants": {"cu13": {}, "cu12": {}}}', "it names cu13, cu12"),
    ],
)
def test_a_labelled_wheel_says_its_label(tmp_path, content, expected):
    files = wheels.members(PURE) | ({f"{INFO}/variant.json": content.encode()} if content else {})
    path = wheels.write(tmp_path / PURE, files | {f"{INFO}/RECORD": wheels.record(files)})
    (finding,) = validate(path.rename(tmp_path / PURE.replace(".whl", "-cu13.whl")))
    assert finding.code.name == "TW210"
    assert expected in finding.message


def test_a_labelled_wheel_that_says_its_label_has_no_finding(tmp_path):
    files = wheels.members(PURE) | {f"{INFO}/variant.json": b'{"variants": {"cu13": {}}}'}
    path = wheels.write(tmp_path / PURE, files | {f"{INFO}/RECORD": wheels.record(files)})
    assert validate(path.rename(tmp_path / PURE.replace(".whl", "-cu13.whl"))) == []
