"""Index profiles: which wheels an index would refuse, and why."""

from __future__ import annotations

import pytest

from truewheel import indexes

NATIVE = "cp312-cp312-manylinux_2_28_x86_64"


@pytest.mark.parametrize(
    ("version", "tag", "reasons"),
    [
        ("1.0", NATIVE, ()),
        ("1.0", "py3-none-any", ()),
        ("1.0", "cp312-cp312-musllinux_1_2_x86_64", ()),
        ("1.0", "cp312-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64", ()),
        ("1.0", "cp312-cp312-linux_armv7l", ()),
        ("1.0", "cp312-cp312-linux_armv6l", ()),
        ("1.0+cu132", NATIVE, ("local version",)),
        ("1.0", "cp312-cp312-linux_x86_64", ("platform linux_x86_64",)),
        ("1.0", "cp312-cp312-linux_aarch64", ("platform linux_aarch64",)),
        ("1.0", "cp312-cp312-manylinux_2_17_x86_64.linux_x86_64", ("platform linux_x86_64",)),
        ("1.0+cu132", "cp312-cp312-linux_x86_64", ("local version", "platform linux_x86_64")),
    ],
)
def test_pypi(version, tag, reasons):
    assert indexes.refusals("pypi", version, tag) == reasons


def test_an_internal_index_takes_everything():
    assert indexes.refusals("internal", "1.0+cu132", "cp312-cp312-linux_x86_64") == ()


def test_the_schema_offers_just_the_profiles_that_there_are():
    from specs import SCHEMA

    assert SCHEMA["$defs"]["index"]["properties"]["profile"]["enum"] == list(indexes.PROFILES)


@pytest.mark.parametrize(
    ("url", "simple"),
    [
        ("https://upload.index.example/legacy/", "https://index.example/simple/"),
        ("https://upload.index.example/other", "https://upload.index.example/other/simple/"),
        (
            "https://git.example/api/v4/projects/42/packages/pypi",
            "https://git.example/api/v4/projects/42/packages/pypi/simple/",
        ),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/simple/"),
        ("", ""),
    ],
)
def test_an_index_lists_its_files_beside_where_it_takes_them(url, simple):
    assert indexes.simple_address(url) == simple
