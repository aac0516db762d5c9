"""The symbols of ELF files: needed ones by name, defined ones by their hashes."""

from __future__ import annotations

import contextlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wheels import library

from truewheel.wheel import elf, elf_symbols

NAMES = [f"symbol_{number}" for number in range(300)]


def symbols(**facts):
    return elf_symbols.read_symbols(elf.Image(BytesIO(library(**facts))))


@pytest.mark.parametrize(("bits", "order"), [(64, "<"), (32, "<"), (64, ">"), (32, ">")])
def test_what_is_needed_and_what_is_there(bits, order):
    facts = {"undefined": ["one", "two"], "weak": ["maybe"], "exports": NAMES}
    read = symbols(bits=bits, order=order, **facts)
    assert read.undefined == (("one", ""), ("two", ""))
    assert all(name in read.definitions for name in NAMES)
    assert not any(name in read.definitions for name in ("one", "maybe", "symbol_300", ""))


def test_a_file_that_defines_nothing_has_its_needs():
    read = symbols(undefined=["one"])
    assert read.undefined == (("one", ""),)
    assert "one" not in read.definitions


def test_a_file_without_symbols():
    read = symbols()
    assert read is None or not read.undefined


def test_versions_that_it_defines():
    read = symbols(exports=["one"], defines=["V_1", "V_2"])
    assert read.versions == {"V_1", "V_2"}


def test_the_init_functions_of_modules():
    read = symbols(exports=["PyInit_a", "PyModExport_b", "PyInitU_c"], undefined=["PyInit_d"])
    assert read.inits == ("PyInitU_c", "PyInit_a", "PyModExport_b")


def test_the_hash_of_a_name():
    assert elf_symbols.gnu_hash("printf") == 0x156B2BB8
    assert elf_symbols.gnu_hash("") == 5381


def test_its_weight_is_that_of_its_names_and_hashes():
    small, large = symbols(exports=["a"]), symbols(exports=NAMES, undefined=["x" * 1000])
    assert elf_symbols.weight(large) > elf_symbols.weight(small) + 1000 + 4 * len(NAMES[1:])


@given(st.data())
def test_any_damage_is_a_value_error_or_nothing(data):
    facts = {"undefined": ["x"], "exports": ["y", "z"], "defines": ["V"]}
    content = bytearray(library(["libc.so.6"], {"libc.so.6": ["GLIBC_2.17"]}, **facts))
    for place in data.draw(st.lists(st.integers(4, len(content) - 1), max_size=6)):
        content[place] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ValueError, OverflowError, IndexError):
        elf_symbols.read_symbols(elf.Image(BytesIO(bytes(content))))
