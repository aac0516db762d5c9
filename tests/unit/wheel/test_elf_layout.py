"""What ELF files ask of the loader's memory and of the processor."""

from __future__ import annotations

import contextlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wheels import library

from truewheel.wheel import elf, elf_layout


def layout(**facts):
    return elf_layout.read_layout(elf.Image(BytesIO(library(**facts))))


@pytest.mark.parametrize(("bits", "order"), [(64, "<"), (32, "<"), (64, ">"), (32, ">")])
def test_the_stack_is_read_off_its_segment(bits, order):
    kinds = [layout(bits=bits, order=order, stack=stack) for stack in (6, 7, None)]
    assert [kind.executable_stack for kind in kinds] == [False, True, None]


def test_load_segments_have_offset_address_and_alignment():
    assert layout(align=0x1000, shift=8).loads == ((0, 0x10008, 0x1000),)


@pytest.mark.parametrize("tag", [(22, 0), (30, 4), (30, 6)])
def test_text_relocations_are_said_by_a_tag_or_a_flag(tag):
    assert layout(tags=[tag]).has_text_relocations
    assert not layout(tags=[(30, 2)]).has_text_relocations


@pytest.mark.parametrize(("isa", "level"), [(0, 0), (1, 1), (3, 2), (4, 3), (15, 4)])
def test_the_note_says_the_highest_level(isa, level):
    assert layout(isa=isa).isa_level == level


def test_a_program_is_known_by_its_headers():
    assert layout(kind=2).is_program
    assert layout(tags=[(0x6FFFFFFB, 0x08000000)]).is_program
    assert not layout().is_program


@given(st.data())
def test_any_damage_is_a_value_error_or_nothing(data):
    content = bytearray(library(["libc.so.6"], isa=3, undefined=["x"], exports=["y"]))
    for place in data.draw(st.lists(st.integers(4, len(content) - 1), max_size=6)):
        content[place] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ValueError, OverflowError):
        elf_layout.read_layout(elf.Image(BytesIO(bytes(content))))
