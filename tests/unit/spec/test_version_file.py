"""A version among other things: the first place that matches, and nothing else is changed there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truewheel.spec import version_file

PYTHON = r'^__version__ = "(.+)"'
TEXT = 'x = 1\n__version__ = "1.0"  # kept\n__version__ = "2.0"\n'


def test_the_first_match_counts_and_lines_have_ends():
    assert version_file.find_version(TEXT, PYTHON) == "1.0"
    assert version_file.find_version(f" {PYTHON}", PYTHON) == ""
    assert (
        version_file.find_version(
            "project(\n  version: '3'\n)", r"(?s)^project\(.*?version: '(.+?)'"
        )
        == "3"
    )


def test_only_the_version_is_replaced():
    assert version_file.replace_version(TEXT, PYTHON, "9.0+nv26.4") == TEXT.replace(
        "1.0", "9.0+nv26.4"
    )


@pytest.mark.parametrize(
    ("text", "match"), [("", PYTHON), ("v=1.0", r"^v=(1\.0)$"), ("v=", r"^v=(.*)$"), ("a", "a|(b)")]
)
def test_a_place_where_the_new_one_would_not_be_found_is_none(text: str, match: str):
    with pytest.raises(ValueError):  # noqa: PT011
        version_file.replace_version(text, match, "2.0")


@given(st.text(), st.from_regex(r"[0-9a-z.+]{1,12}", fullmatch=True))
def test_what_was_put_there_is_found(around: str, version: str):
    text = f'__version__ = "0"\n{around}'
    edited = version_file.replace_version(text, PYTHON, version)
    assert version_file.find_version(edited, PYTHON) == version
    assert edited.endswith(around)


@pytest.mark.parametrize(
    ("match", "is_one"), [("", True), ("(a)", True), ("a", False), ("(a)(b)", False), ("(", False)]
)
def test_an_expression_has_one_group(match: str, is_one: bool):
    assert version_file.is_match(match) == is_one
