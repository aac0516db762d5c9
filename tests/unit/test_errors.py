"""Problems as people read them, and the codes they end in."""

from __future__ import annotations

import pytest

from truewheel.errors import (
    Exit,
    Problem,
    Stop,
    Where,
    select_errors,
    show_value,
    sort_problems,
    stop,
)


def test_a_problem_is_read_as_place_message_and_hint():
    assert (
        str(Problem(Where("f.yml", 3, 7), "wrong", "mend it"))
        == "f.yml:3:7: wrong\n    hint: mend it"
    )
    assert str(Problem(Where("f.yml"), "wrong")) == "f.yml: wrong"
    assert (
        str(Problem(Where("f.yml", 1, 1), "odd", severity="warning")) == "f.yml:1:1: warning: odd"
    )


def test_stop_ends_with_all_problems_and_a_code():
    one, two = Problem(Where("a"), "x"), Problem(Where("b"), "y")
    stopped = Stop([one, two])
    assert (stopped.problems, stopped.code, str(stopped)) == (
        (one, two),
        Exit.REFUSED,
        "a: x\nb: y",
    )


@pytest.mark.parametrize("where", ["f.yml", Where("f.yml")])
def test_a_single_problem_is_stopped_at_a_file_or_a_place(where):
    stopped = stop(where, "wrong", "mend it", Exit.WHEEL)
    assert stopped.problems == (Problem(Where("f.yml"), "wrong", "mend it"),)
    assert stopped.code is Exit.WHEEL


def test_only_errors_stop_a_command():
    error, warning = Problem(Where("a"), "x"), Problem(Where("a"), "y", severity="warning")
    assert select_errors([warning, error, warning]) == [error]


def test_problems_are_told_by_place_and_once():
    later, first, same = (
        Problem(Where("f", line, 1), text) for line, text in [(10, "a"), (9, "b"), (9, "a")]
    )
    assert sort_problems([later, first, same, later]) == [same, first, later]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\nb", r"'a\nb'"),
        ("\x1b[31m", r"'\x1b[31m'"),
        ("\ud800", r"'\ud800'"),
        ("x" * 58, f"'{'x' * 58}'"),
        ("x" * 59, f"'{'x' * 58}…"),
    ],
)
def test_values_are_shown_on_one_short_line(value, text):
    assert show_value(value) == text
    show_value(value).encode()
