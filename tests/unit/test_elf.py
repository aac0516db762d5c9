"""Machines of native files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wheels import elf_file

from truewheel import elf


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


@pytest.mark.parametrize("head", [b"", b"\x7fELF", b"\x7fELF" + bytes(14), b"MZ" + bytes(62), b"#!/bin/sh\n" * 7])
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
    ["_core.abi3.so", "_core.so", "libx.so.5", "_core.cpython-312-x86_64-linux-gnu.so.bak", "_core.cpython-312.pyc"],
)
def test_other_names_have_no_such_suffix(name):
    assert elf.suffix(name) is None
