"""Patches: what GitLab's own merge makes of a patched job is what the patch says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from truewheel.spec import overrides, yaml_source

KEYS = st.sampled_from("abc")
VALUES = st.recursive(
    st.integers(0, 2) | st.lists(st.integers(0, 1)), lambda inner: st.dictionaries(KEYS, inner)
)
FIELDS = st.dictionaries(KEYS, VALUES)
PATCH = st.dictionaries(
    KEYS, st.recursive(VALUES | st.none(), lambda inner: st.dictionaries(KEYS, inner))
)


def over(lower: Any, upper: Any) -> Any:
    """What GitLab's extends makes: mappings merged deeply, null removed at the end."""
    if not (isinstance(lower, dict) and isinstance(upper, dict)):
        return upper
    return {
        key: over(lower.get(key), upper[key]) if key in upper else lower[key]
        for key in {**lower, **upper}
    }


def clean(value: Any) -> Any:
    return (
        {k: clean(v) for k, v in value.items() if v is not None}
        if isinstance(value, dict)
        else value
    )


def hides(fields: Any, inherited: Any) -> bool:
    """Whether a job has a plain value where it inherits a mapping.

    The one case that extends cannot say.
    """
    if not (isinstance(fields, dict) and isinstance(inherited, dict)):
        return isinstance(inherited, dict) and not isinstance(fields, dict)
    return any(hides(fields[key], inherited[key]) for key in fields.keys() & inherited.keys())


@given(FIELDS, PATCH, FIELDS)
def test_a_patched_job_with_what_it_inherits_is_the_job_patched(fields, patch, inherited):
    assume(not hides(fields, inherited))
    made = overrides.merge(fields, patch, inherited, set())
    assert clean(over(inherited, made)) == clean(over(over(inherited, fields), patch))


@given(FIELDS, PATCH, FIELDS)
def test_nothing_that_was_there_is_changed_in_place(fields, patch, inherited):
    before = repr((fields, patch, inherited))
    overrides.merge(fields, patch, inherited, set())
    assert repr((fields, patch, inherited)) == before


@given(FIELDS, PATCH)
def test_a_restricted_patch_brings_no_new_key(patch, fields):
    made = overrides.merge(fields, overrides.restrict(patch, fields), {}, set())
    assert made.keys() <= fields.keys()


def test_what_is_removed_is_told():
    removed: set[tuple[str, ...]] = set()
    patch = {"a": None, "b": {"c": None, "d": None}, "e": None}
    made = overrides.merge({"a": 1, "b": {"c": 1, "x": 1}}, patch, {"b": {"d": 1}}, removed)
    assert made == {"b": {"x": 1, "d": None}}
    assert removed == {("a",), ("b", "c"), ("b", "d")}
    assert {*overrides.find_removals(patch)} - removed == {("e",)}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("3.10", "3.10 is read as the number 3.1"),
        ("012", "012 is read as the number 10"),
        ("1_000", "1_000 is read as the number 1000"),
        ("on", "on is read as the boolean true"),
        ("1e3", ""),
        ("2", ""),
        ("true", ""),
        ("False", ""),
        ("'3.10'", ""),
        ("null", ""),
    ],
)
def test_what_yaml_reads_as_something_else_is_refused_with_its_place(text: str, told: str):
    document = yaml_source.load(f"a: [x, {{b: {text}}}]", "truewheel.yml")
    found = [*overrides.find_misread(document, document.data["a"], ("a",))]
    assert [problem.message for problem in found] == ([told] if told else [])
    assert all(str(problem.where) == "truewheel.yml:1:12" for problem in found)
