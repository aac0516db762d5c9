"""Native files of any system, by their first bytes and their names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wheels import elf_file, macho_file, pe_file

from truewheel.wheel import native_files


@pytest.mark.parametrize(
    ("head", "form", "machines"),
    [
        (elf_file(183), "ELF", {"aarch64"}),
        (macho_file("arm64"), "Mach-O", {"arm64"}),
        (macho_file("x86_64", "arm64"), "Mach-O", {"x86_64", "arm64"}),
        (pe_file("amd64"), "PE", {"amd64"}),
        (pe_file("arm64"), "PE", {"arm64"}),
    ],
)
def test_native_files_are_told_by_their_beginning(head, form, machines):
    assert native_files.identify(head) == (form, machines)


@pytest.mark.parametrize(
    "head",
    [
        *(b"", b"MZ", b"MZ" + bytes(100), b"\xcf\xfa\xed\xfe", b"#!/bin/sh", b"PK\3\4" + bytes(90)),
        b"\xca\xfe\xba\xbe" + bytes(3) + b"\x3d" + bytes(90),  # a compiled Java class
    ],
)
def test_other_files_are_none(head):
    assert native_files.identify(head) is None


@given(
    st.sampled_from([b"", b"\x7fELF", b"\xca\xfe\xba\xbe", b"MZ", b"\xcf\xfa\xed\xfe"]),
    st.binary(max_size=200),
)
def test_any_bytes_are_a_native_file_or_none(magic, tail):
    native_files.identify(magic + tail)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("_c.cp312-win_amd64.pyd", ("cp312", "cp312", "amd64")),
        ("_c.cp313t-win_arm64.pyd", ("cp313", "cp313t", "arm64")),
        ("_c.cp310-win32.pyd", ("cp310", "cp310", "win32")),
        ("_c.cpython-312-darwin.so", ("cp312", "cp312", "darwin")),
    ],
)
def test_suffixes_of_every_system(name, parts):
    suffix = native_files.suffix(name)
    assert suffix
    assert (suffix.python, suffix.abi, suffix.machine) == parts


def test_modules_by_name():
    assert all(
        map(
            native_files.is_module,
            ["_c.pyd", "_c.abi3.so", "_c.abi3t.so", "_c.cpython-312-darwin.so"],
        )
    )
    assert not any(map(native_files.is_module, ["libx.so", "_c.so", "x.dll", "_c.abi3.so.py"]))
