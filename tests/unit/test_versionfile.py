"""A version among other things: the first place that matches, and nothing else is changed there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truewheel import versionfile

PYTHON = r'^__version__ = "(.+)"'
TEXT = 'x = 1\n__version__ = "1.0"  # kept\n__version__ = "2.0"\n'


def test_the_first_match_counts_and_lines_have_ends():
    assert versionfile.found(TEXT, PYTHON) == "1.0"
    assert versionfile.found(f" {PYTHON}", PYTHON) == ""
    assert versionfile.found("project(\n  version: '3'\n)", r"(?s)^project\(.*?version: '(.+?)'") == "3"


def test_only_the_version_is_replaced():
    assert versionfile.replaced(TEXT, PYTHON, "9.0+nv26.4") == TEXT.replace("1.0", "9.0+nv26.4")


@pytest.mark.parametrize(
    ("text", "match"), [("", PYTHON), ("v=1.0", r"^v=(1\.0)$"), ("v=", r"^v=(.*)$"), ("a", "a|(b)")]
)
def test_a_place_where_the_new_one_would_not_be_found_is_none(text: str, match: str):
    with pytest.raises(ValueError):  # noqa: PT011
        versionfile.replaced(text, match, "2.0")


@given(st.text(), st.from_regex(r"[0-9a-z.+]{1,12}", fullmatch=True))
def test_what_was_put_there_is_found(around: str, version: str):
    text = f'__version__ = "0"\n{around}'
    edited = versionfile.replaced(text, PYTHON, version)
    assert versionfile.found(edited, PYTHON) == version
    assert edited.endswith(around)


@pytest.mark.parametrize(
    ("match", "is_one"), [("", True), ("(a)", True), ("a", False), ("(a)(b)", False), ("(", False)]
)
def test_an_expression_has_one_group(match: str, is_one: bool):
    assert versionfile.is_match(match) == is_one
