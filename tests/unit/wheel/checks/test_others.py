"""What other distributions may bring, by their names and by the sources that load libraries."""

from __future__ import annotations

import pytest

from truewheel.wheel.checks.others import Others, core_name


@pytest.mark.parametrize(
    ("library", "name"),
    [
        ("libdeep.so.1", "deep"),
        ("libdeep-1f2e3d4c.so.1.2", "deep"),
        ("/usr/lib/libdeep.so", "deep"),
        ("plugin.so", "plugin"),
    ],
)
def test_what_is_characteristic_of_a_library(library, name):
    assert core_name(library) == name


@pytest.mark.parametrize(
    ("library", "required", "bringing"),
    [
        ("libarrow.so.2600", "pyarrow", True),
        ("libtbbmalloc.so.2", "tbb", True),
        ("libscipy_openblas.so", "scipy-openblas32", True),
        ("libssl.so.3", "numpy", False),
        ("libz.so.1", "zope", False),
        ("libfoo.so", "c", False),
    ],
)
def test_a_distribution_is_known_by_a_like_name(library, required, bringing):
    assert Others(required=(required,)).bringing(library) == [required] * bringing


@pytest.mark.parametrize(
    ("source", "loads"),
    [
        (b"CDLL('libdeep.so.1')", True),
        (b"find_library('deep')", True),
        (b"CDLL('libother.so')", False),
    ],
)
def test_a_source_loads_what_it_names(source, loads):
    assert Others(sources=(source,)).loads("libdeep.so.1") is loads


def test_a_short_name_must_be_whole():
    assert not Others(sources=(b"CDLL(d)",)).loads("libd.so")
    assert Others(sources=(b"CDLL('libd.so')",)).loads("libd.so")
