"""A change of names: which cell became what, and who would not take the new wheel for newer."""

from __future__ import annotations

import pytest
from specs import plan_of

from truewheel.plan.plan_diff import Change, changes

SPEC = "packages: {foo: {}}\ntargets: {rhel8: {}}\n"
INDEXES = "indexes: {pypi: {profile: pypi, channel: release}}\nnaming: triton-2026.04\n"


def change(old: str, new: str, before: str = "1.0", after: str = "1.0", **request) -> list[Change]:
    return changes(plan_of(old, version=before, **request), plan_of(new, version=after, **request))


def wheel(version: str, floor: str = "manylinux_2_28") -> str:
    return f"foo-{version}-cp312-cp312-{floor}_x86_64.whl"


def test_cells_come_stay_and_go():
    found = change(SPEC, SPEC.replace("rhel8: {}", "debian12: {}, rhel9: {}"))
    assert [(each.cell, each.state) for each in found] == [
        ("foo/debian12/x86_64/cp312", "added"),
        ("foo/rhel9/x86_64/cp312", "added"),
        ("foo/rhel8/x86_64/cp312", "removed"),
    ]
    assert [each.state for each in change(SPEC, SPEC)] == ["unchanged"]


@pytest.mark.parametrize(
    ("after", "state", "older"),
    [("1.0", "unchanged", ()), ("0.9", "renamed", ("pip", "uv", "sort"))],
)
def test_a_target_with_another_name_is_the_same_cell(
    after: str, state: str, older: tuple[str, ...]
):
    (found,) = change(SPEC, SPEC.replace("rhel8", "rocky8"), after=after)
    assert found == Change(
        "foo/rocky8/x86_64/cp312",
        state,
        wheel("1.0"),
        wheel(after),
        older,
        was="foo/rhel8/x86_64/cp312",
    )


def test_a_target_that_is_still_there_is_not_what_another_one_was():
    found = change(SPEC, SPEC.replace("rhel8: {}", "rhel8: {}, rhel9: {}"))
    assert [(each.state, each.was) for each in found] == [("unchanged", ""), ("added", "")]


def test_copies_of_an_index_are_compared_too():
    own, copy = change(
        SPEC + INDEXES, SPEC + INDEXES, "1.0", "0.9", overrides={"CI_PIPELINE_ID": "7"}
    )
    assert (own.index, own.new) == ("", "foo-0.9-7-cp312-cp312-manylinux_2_28_x86_64.whl")
    assert copy == Change(
        "foo/rhel8/x86_64/cp312",
        "renamed",
        wheel("1.0"),
        wheel("0.9"),
        ("pip", "uv", "sort"),
        index="pypi",
    )


def test_a_copy_with_the_cell_s_own_name_is_no_change_of_its_own():
    assert len(change(SPEC + INDEXES, SPEC + INDEXES, "1.0", "1.1")) == 1


def test_a_build_tag_that_is_lost_makes_a_wheel_older():
    indexes = INDEXES.replace(", channel: release", "")
    found = changes(
        plan_of(SPEC + indexes, overrides={"CI_PIPELINE_ID": "7"}),
        plan_of(SPEC + indexes, overrides={}),
    )
    assert [each.older_for for each in found] == [("pip", "uv")]
