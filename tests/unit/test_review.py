"""What a merge request is told of its wheels' names, and what its title must be."""

from __future__ import annotations

import pytest
from specs import plan_of

from truewheel import review
from truewheel.against import changes
from truewheel.spec import MergeRequests

SPEC = "packages: {foo: {}, bar: {}}\ntargets: {rhel8: {}}\n"


def note(old: str, new: str, before: str = "1.0", after: str = "1.0") -> str:
    made = plan_of(new, version=after)
    return review.note(changes(plan_of(old, version=before), made), made)


def test_nothing_is_told_where_no_name_changes():
    assert note(SPEC, SPEC) == ""


def test_each_changed_name_is_a_row():
    text = note(SPEC, SPEC, "1.0", "1.1")
    assert "2 renamed" in text
    wheel = "foo-{}-cp312-cp312-manylinux_2_28_x86_64.whl"
    assert f"| `foo/rhel8/x86_64/cp312` | `{wheel.format('1.0')}` | `{wheel.format('1.1')}` |" in text
    assert "Not taken for newer" not in text


def test_an_older_name_and_a_refused_plan_are_told_first():
    text = note(SPEC, SPEC, "1.1", "1.0")
    assert "**Not taken for newer** by pip, sort, uv." in text
    refused = note(SPEC, SPEC.replace("rhel8: {}", "rhel8: {}, rocky8: {}"))
    assert refused.index("**The plan is refused:**") < refused.index("| cell |")
    assert "two cells get one name" in refused


def test_many_changes_are_folded():
    pythons = f"pythons: [{', '.join(repr(f'3.{minor}') for minor in range(8, 22))}]\n"
    text = note(SPEC + pythons, SPEC + pythons, "1.0", "1.1")
    assert "<details><summary>28 changes</summary>" in text


def test_text_of_the_spec_does_not_become_markup():
    hostile = "<img src=x>`|[x](http://x)"
    assert review._text(hostile) == "\\<img src=x\\>\\`\\|\\[x\\](http://x)"
    assert review._code("a`|b c") == "`a__b_c`"


@pytest.mark.parametrize(
    ("title", "fits"),
    [
        ("fix: a", True),
        ("fix(build): link statically", True),
        ("feat(build)!: drop 3.9", True),
        ("Draft: fix: a", True),
        ("fix:a", False),
        ("fix(): a", False),
        ("fixes: a", False),
        ("Fix: a", False),
        ("", False),
        ("fix: ", False),
    ],
)
def test_a_title_starts_with_a_type(title: str, fits: bool):
    assert (
        review.title_fault(title, MergeRequests(types=("fix", "feat"), changed_only=False, labels=())) == ""
    ) is fits


def test_without_types_any_title_will_do():
    assert review.title_fault("whatever", MergeRequests(types=(), changed_only=False, labels=())) == ""
