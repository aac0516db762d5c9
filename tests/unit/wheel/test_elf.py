"""Machines of native files."""

from __future__ import annotations

import contextlib
import sys
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wheels import elf_file, library

from truewheel.wheel import elf


@pytest.mark.parametrize(
    ("number", "bits", "order", "word"),
    [
        (3, 32, "little", "i686"),
        (21, 64, "big", "ppc64"),
        (21, 64, "little", "ppc64le"),
        (22, 64, "big", "s390x"),
        (40, 32, "little", "armv7l"),
        (62, 64, "little", "x86_64"),
        (183, 64, "little", "aarch64"),
        (243, 64, "little", "riscv64"),
        (62, 32, "little", "unknown (machine 62, 32-bit, little-endian)"),  # x32
        (183, 64, "big", "unknown (machine 183, 64-bit, big-endian)"),
        (190, 64, "little", "unknown (machine 190, 64-bit, little-endian)"),  # a CUDA cubin
    ],
)
def test_the_machine_is_said_in_the_words_of_wheel_platforms(number, bits, order, word):
    assert elf.machine(elf_file(number, bits, order)[: elf.HEAD]) == word


@pytest.mark.parametrize(
    "head", [b"", b"\x7fELF", b"\x7fELF" + bytes(14), b"MZ" + bytes(62), b"#!/bin/sh\n" * 7]
)
def test_other_files_have_no_machine(head):
    assert elf.machine(head) is None


@pytest.mark.skipif(sys.platform != "linux", reason="this machine's programs are no ELF files")
def test_this_interpreter_is_for_this_machine():
    import platform

    assert elf.machine(Path(sys.executable).read_bytes()[: elf.HEAD]) == platform.machine()


@given(st.binary(max_size=80))
def test_any_bytes_after_the_magic_have_a_machine_or_none(tail):
    assert isinstance(elf.machine(b"\x7fELF" + tail), str | None)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("_core.cpython-312-x86_64-linux-gnu.so", ("cp312", "cp312", "x86_64")),
        ("_core.cpython-313t-aarch64-linux-gnu.so", ("cp313", "cp313t", "aarch64")),
        ("_core.cpython-36m-i386-linux-gnu.so", ("cp36", "cp36m", "i686")),
        ("_core.cpython-312-arm-linux-gnueabihf.so", ("cp312", "cp312", "armv7l")),
        ("_core.cpython-312-powerpc64le-linux-gnu.so", ("cp312", "cp312", "ppc64le")),
        ("_core.cpython-312-x86_64-linux-musl.so", ("cp312", "cp312", "x86_64")),
        ("a/b.c/_core.pypy310-pp73-x86_64-linux-gnu.so", ("pp310", "pypy310_pp73", "x86_64")),
        ("_core.cpython-312-darwin.so", ("cp312", "cp312", "darwin")),
    ],
)
def test_the_suffix_of_an_extension_says_for_which_python_it_is(name, expected):
    suffix = elf.suffix(name)
    assert suffix is not None
    assert (suffix.python, suffix.abi, suffix.machine) == expected


@pytest.mark.parametrize(
    "name",
    [
        "_core.abi3.so",
        "_core.so",
        "libx.so.5",
        "_core.cpython-312-x86_64-linux-gnu.so.bak",
        "_core.cpython-312.pyc",
    ],
)
def test_other_names_have_no_such_suffix(name):
    assert elf.suffix(name) is None


@pytest.mark.parametrize(
    ("bits", "order", "number"), [(64, "<", 62), (32, "<", 40), (64, ">", 22), (32, ">", 20)]
)
def test_what_a_library_needs(bits, order, number):
    content = library(
        ["libc.so.6", "libx.so.1"],
        {"libc.so.6": ["GLIBC_2.17", "GLIBC_2.34"], "libm.so.6": ["GLIBC_2.29"]},
        rpath="$ORIGIN/../x:/usr/lib",
        soname="libdemo.so.1",
        exports=["PyInit__core"],
        interpreter="/lib64/ld-linux-x86-64.so.2",
        bits=bits,
        order=order,
        number=number,
    )
    needs = elf.needs(BytesIO(content), "_core")
    assert (needs.libraries, needs.soname) == (("libc.so.6", "libx.so.1"), "libdemo.so.1")
    assert needs.paths == ("$ORIGIN/../x", "/usr/lib")
    assert needs.versions[:2] == (("libc.so.6", "GLIBC_2.17"), ("libc.so.6", "GLIBC_2.34"))
    assert needs.versions[2:] == (("libm.so.6", "GLIBC_2.29"),)
    assert needs.interpreter == "/lib64/ld-linux-x86-64.so.2"
    assert needs.is_module
    assert not elf.needs(BytesIO(content), "core").is_module


def test_a_library_may_need_nothing():
    assert elf.needs(BytesIO(elf_file())) == elf.Needs()


@pytest.mark.parametrize("length", [10, 51, 60, 100, 200, -1])
def test_a_truncated_library_is_damaged(length):
    with pytest.raises(ValueError, match="it ends at"):
        elf.needs(BytesIO(library(["libc.so.6"])[:length]))


@given(st.data())
def test_any_damage_is_a_value_error_or_nothing(data):
    content = bytearray(library(["libc.so.6"], {"libc.so.6": ["GLIBC_2.17"]}, soname="libx.so"))
    for place in data.draw(st.lists(st.integers(4, len(content) - 1), max_size=6)):
        content[place] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ValueError, OverflowError):
        elf.needs(BytesIO(bytes(content)), "x")


@pytest.mark.skipif(sys.platform != "linux", reason="this machine's programs are no ELF files")
def test_this_interpreter_needs_a_c_library():
    with Path(sys.executable).open("rb") as stream:
        needs = elf.needs(stream)
    assert elf.libc(needs.libraries, needs.interpreter) in {"gnu", "musl"}


@pytest.mark.parametrize(
    ("libraries", "interpreter", "libc"),
    [
        (["libm.so.6", "libc.so.6"], "", "gnu"),
        (["libc.musl-x86_64.so.1"], "", "musl"),
        ([], "/lib/ld-musl-aarch64.so.1", "musl"),
        ([], "/lib64/ld-linux-x86-64.so.2", "gnu"),
        (["libx.so"], "", ""),
    ],
)
def test_the_c_library_behind_a_file(libraries, interpreter, libc):
    assert elf.libc(libraries, interpreter) == libc


def test_the_c_library_in_a_suffix():
    for libc in ("gnu", "musl"):
        suffix = elf.suffix(f"_c.cpython-312-x86_64-linux-{libc}.so")
        assert suffix
        assert suffix.libc == libc
