"""Durations in words, as GitLab's parser takes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truewheel.forges.gitlab.lint.durations import seconds


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("1h 30m", 5400),
        ("1h30m", 5400),
        ("90 minutes", 5400),
        ("1 hour and 30 minutes", 5400),
        ("1 hour, 30 min", 5400),
        ("01:30:00", 5400),
        ("1.5 hours", 5400),
        ("5400", 5400),
        ("3 weeks", 1_814_400),
        ("1 mo 2 days", 2_764_800),
        ("2 yrs", 63_115_200),
        ("hour", 3600),
        ("1 Day", 86_400),
    ],
)
def test_how_long(text: str, length: float):
    assert seconds(text) == length


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "3 fortnights",
        "1 weak",
        "",
        "0 minutes",
        "$TIMEOUT",
        "never",
        "1:2:3:4:5:6:7",
        "a week",
        "an hour",
        "a few days",
    ],
)
def test_no_duration(text: str):
    assert seconds(text) is None


@pytest.mark.parametrize("text", ["two hours", "half an hour"])
def test_numbers_in_words_are_taken(text: str):
    assert seconds(text)


@given(st.integers(1, 500), st.integers(1, 59))
def test_parts_add_up(hours: int, minutes: int):
    assert seconds(f"{hours} hours {minutes} min") == hours * 3600 + minutes * 60


@given(st.text("0123456789:. hdmws,and", max_size=20))
def test_any_text_gets_an_answer(text: str):
    assert seconds(text) is None or seconds(text)
