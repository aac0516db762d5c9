"""Plain scalars as Ruby's YAML reads them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truewheel.forges.gitlab.lint.scalars import read
from truewheel.forges.gitlab.lint.values import as_text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("main", "main"), ("", None), ("~", None), ("Null", None), ("yes", True), ("Off", False),
        ("y", "y"), ("3.10", 3.1), ("012", 10), ("08", "08"), ("1_000", 1000), ("1,000", 1000),
        ("0x1F", 31), ("0b11", 3), ("12:30", 750), ("1:2:3", 3723), ("-5", -5), ("1e3", "1e3"),
        ("1.5e+3", 1500.0), ("1.2.3", "1.2.3"), (".5", 0.5), (".", "."), ("-", "-"),
        (".inf", float("inf")), ("2026-11-22", date(2026, 11, 22)), ("2026-13-01", "2026-13-01"),
        ("2026-02-31", "2026-02-31"), ("v1", "v1"), ("1.", 1.0), ("+1", 1),
        ("9" * 41, "9" * 41),
    ],
)  # fmt: skip
def test_what_is_read(text: str, value: Any):
    assert read(text) == value
    assert type(read(text)) is type(value)


def test_a_moment_is_a_date_too():
    assert isinstance(read("2026-11-22 10:00:00"), date)


@pytest.mark.parametrize(
    ("text", "arrives"), [("3.10", "3.1"), ("012", "10"), ("on", "true"), ("3.0", "3.0")]
)
def test_what_a_job_gets(text: str, arrives: str):
    assert as_text(read(text)) == arrives


@given(st.text("0123456789abcdefx_,.:+-eT Z", max_size=12))
def test_any_text_is_read(text: str):
    read(text)
