"""Regular expressions as RE2 takes them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truewheel.forges.gitlab.lint import regexes


@pytest.mark.parametrize(
    "text",
    [
        "/^v\\d+\\.\\d+$/", "/a|b/i", "/(?:a|b)+?/", "/(?P<name>x)/", "/(?<name>x)/", "/(?i)main/",
        "/[]a]/", "/[^]]/", "/[[:alpha:]-]+/", "/a{2,3}/", "/a{,3}/", "/a{/", "/\\(/", "/\\Q(*\\E/",
        "/x*/U", "/(a|)/", "/\\A\\d\\z/", "/\\07\\12\\101/", "/\\x7F\\x{10FFFF}/", "/[\\d\\s._-]/",
        "/\\pL\\p{Lu}\\P{Greek}\\p{^Han}/", "/[[:^digit:]a-z]/", "/[\\]\\[]/", "/[a-]/",
        "/\\.\\_\\-/", "/a{2,}/", "/[+--]/", "/\\//", "/a/b/",
    ],
)  # fmt: skip
def test_taken(text: str):
    assert regexes.fault(text) == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("main", "between slashes"),
        ("/(a/", "( that nothing closes"),
        ("/a)/", ") that nothing opens"),
        ("/[a/", "[ that nothing closes"),
        ("/*a/", "repeats nothing"),
        ("/a**/", "repeats nothing"),
        ("/(+)/", "repeats nothing"),
        ("/a|?/", "repeats nothing"),
        ("/(?!a)/", "look-ahead"),
        ("/(?<=a)b/", "look-behind"),
        ("/(?>a)/", "atomic"),
        ("/(?#c)/", "does not know"),
        ("/(a)\\1/", "back-reference"),
        ("/a\\/", "backslash"),
        ("/a{1001}/", "more than 1000"),
        ("/a{3,2}/", "wrong way round"),
        ("/[z-a]/", "wrong way round"),
        ("/a\\Z/", "\\Z"),
        ("/\\h+/", "\\h"),
        ("/\\X/", "\\X"),
        ("/\\R/", "\\R"),
        ("/\\Ga/", "\\G"),
        ("/[\\b]/", "\\b"),
        ("/\\xZ/", "hexadecimal"),
        ("/\\p{Digits}/", "Digits"),
        ("/\\p{IsGreek}/", "IsGreek"),
        ("/\\pX/", "X"),
        ("/[[:digits:]]/", "[:digits:]"),
        ("/[[:Alpha:]]/", "[:Alpha:]"),
    ],
)
def test_refused(text: str, reason: str):
    assert reason in regexes.fault(text)


@given(st.text("ab()[]{}*+?|^$.\\123,-:=!<>P", max_size=15))
def test_any_text_gets_an_answer(pattern: str):
    answer = regexes.fault(f"/{pattern}/")
    if not answer and not re.search(r"[\[\\{^$]|\(\?", pattern):  # where Python and RE2 agree
        re.compile(pattern)
