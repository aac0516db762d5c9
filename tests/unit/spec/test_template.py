"""Templates: what is filled in, in which form, and what is none."""

from __future__ import annotations

import pytest

from truewheel.spec import template

VALUES = {"a": "7", "b": "Rc", "none": None}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("", ""),
        ("x", "x"),
        ("{a}.{b}", "7.Rc"),
        ("{a:03}", "007"),
        ("{b:lower}{b:upper}", "rcRC"),
        ("{none}", None),
        ("{a}{none}", None),
        ("{unknown}", None),
    ],
)
def test_a_template_is_filled_with_all_its_values_or_not_at_all(text, filled):
    assert template.fill(text, VALUES) == filled


def test_what_is_filled_in_is_not_a_template_again():
    assert template.fill("{a}", {"a": "{b}", "b": "x"}) == "{b}"
    assert template.fill("{a}", {"a": r"\1 \g<0>"}) == r"\1 \g<0>"


def test_of_several_templates_the_first_that_can_be_filled_is_taken():
    assert template.fill_first(("{none}", "{b}", "{a}"), VALUES) == "Rc"
    assert template.fill_first(("{none}",), VALUES) is None
    assert template.fill_first((), VALUES) is None


def test_parts_are_joined_by_dots_and_absent_ones_left_out():
    assert template.join_parts((("nv{a}",), ("{none}",), ("{none}", "cu{b}")), VALUES) == "nv7.cuRc"
    assert template.join_parts((("{none}",),), VALUES) == ""


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("{a} {a:02} {a:lower}", []),
        ("{a:2}", ["2"]),
        ("{a:00}", ["00"]),
        ("{a:}", [""]),
        ("{a:{b}}", ["{", "}"]),
        ("{a", ["{"]),
        ("a}", ["}"]),
        ("{{a}}", ["{", "}"]),
    ],
)
def test_wrong_forms_are_found(text, forms):
    assert template.find_wrong_forms(text) == forms


def test_fields_are_told_in_order():
    assert template.fields("{b}-{a:02}{b}{}") == ("b", "a", "b", "")
