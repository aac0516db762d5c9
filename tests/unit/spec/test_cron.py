"""Cron expressions: what both forges read, and what is told of the others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truewheel.spec import cron


@pytest.mark.parametrize(
    "text",
    [
        "0 3 * * *",
        "*/15 0-6,22-23 1,15 JAN-mar MON",
        "5/20 * * * 1-5",
        "0 0 29 2 *",
        "0 0 31 2 MON",  # either day will do, and Mondays there are
        "59 23 31 12 7",
        "0 0 1-31/30 2 *",
        "0 3  * *   SUN",
    ],
)
def test_what_both_forges_read_is_well(text):
    assert cron.find_fault(text) == ""


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("@daily", "'@daily' has 1 fields, where cron has 5"),
        ("0 3 * * * *", "'0 3 * * * *' has 6 fields, where cron has 5"),
        ("60 3 * * *", "60 is no minute: allowed are 0 to 59"),
        ("0 24 * * *", "24 is no hour: allowed are 0 to 23"),
        ("0 0 0 * *", "0 is no day of the month: allowed are 1 to 31"),
        ("0 0 * 13 *", "13 is no month: allowed are 1 to 12"),
        ("0 0 * * 8", "8 is no day of the week: allowed are 0 to 7"),
        ("0 0 * * MO", "'MO' is no day of the week; allowed are SUN to SAT"),
        ("0 MON * * *", "'MON' is no hour"),
        ("0 22-4 * * *", "'22-4' ends before it begins: for the hour, write 22-23,0-4"),
        ("*/0 * * * *", "'*/0': a step of 0 does not fit the minute, 0 to 59"),
        ("*/90 * * * *", "'*/90': a step of 90 does not fit the minute, 0 to 59"),
        ("0 0 31 4,6 *", "'0 0 31 4,6 *' never comes: none of these months has a day 31"),
        (
            "0 0 L * *",
            "'L' is no day of the month",
        ),
        (
            "1, 3 * * *",
            "'' is no minute: allowed are *, a number, a range such as 1-5, and steps such as */2",
        ),
        ("1" * 5000 + " * * * *", "1" * 5000 + " is no minute: allowed are 0 to 59"),
        (
            "٣ * * * *",
            "'٣' is no minute: allowed are *, a number, a range such as 1-5, and steps such as */2",
        ),
    ],
)
def test_what_is_wrong_is_told(text, fault):
    assert cron.find_fault(text) == fault


@given(st.text(alphabet="0123456789*/,-SUNMOJAFEB ", max_size=40))
def test_any_text_is_judged(text):
    assert isinstance(cron.find_fault(text), str)


@given(
    st.tuples(
        *(
            st.tuples(st.integers(field.low, field.high), st.integers(field.low, field.high))
            for field in cron.FIELDS[:2]
        )
    )
)
def test_every_range_in_order_is_well(ranges):
    (minute, hour) = (f"{min(pair)}-{max(pair)}" for pair in ranges)
    assert cron.find_fault(f"{minute} {hour} * * *") == ""
