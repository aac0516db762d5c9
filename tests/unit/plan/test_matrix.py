"""Which cells there are.

The product, what include and exclude make of it, and the axes that collapse.
"""

from __future__ import annotations

import pytest
from specs import spec_of

from truewheel.errors import Problem
from truewheel.plan import matrix
from truewheel.plan.matrix import Host

TWO = """
packages: {foo: {}, bar: {}}
targets: {rhel8: {}, ubuntu24.04: {arches: [aarch64], pythons: ['3.13']}}
arches: [x86_64, aarch64]
pythons: ['3.11', '3.12']
"""


def cells(text: str) -> list[str]:
    """The ids of a spec's cells; nothing may be wrong with it."""
    problems: list[Problem] = []
    found = [slot.id for slot in matrix.slots(spec_of(text), problems)]
    assert not problems
    return found


def wrong(text: str) -> list[str]:
    problems: list[Problem] = []
    matrix.slots(spec_of(text), problems)
    return [str(problem) for problem in problems]


def abi(kind: str, pythons: str) -> str:
    return (
        f"packages: {{foo: {{abi: {kind}}}}}\n"
        f"targets: {{rhel8: {{}}, debian12: {{}}}}\npythons: {pythons}\n"
    )


def test_a_target_may_have_arches_and_pythons_of_its_own():
    assert cells(TWO) == [
        "foo/rhel8/x86_64/cp311",
        "foo/rhel8/x86_64/cp312",
        "foo/rhel8/aarch64/cp311",
        "foo/rhel8/aarch64/cp312",
        "foo/ubuntu24.04/aarch64/cp313",
        "bar/rhel8/x86_64/cp311",
        "bar/rhel8/x86_64/cp312",
        "bar/rhel8/aarch64/cp311",
        "bar/rhel8/aarch64/cp312",
        "bar/ubuntu24.04/aarch64/cp313",
    ]


@pytest.mark.parametrize(
    ("pattern", "gone"),
    [
        ("{package: bar}", {"bar"}),
        ("{arch: aarch64, python: '3.1[12]'}", {"rhel8/aarch64"}),
        ("{target: 'ubuntu*'}", {"ubuntu24.04"}),
        ("{package: foo, target: rhel8, arch: x86_64, python: '3.11'}", {"foo/rhel8/x86_64/cp311"}),
        ("{python: '3.1?'}, {target: '*'}", {""}),
    ],
)
def test_exclude_takes_out_the_cells_that_match_all_of_its_values(pattern: str, gone: set[str]):
    left = cells(f"{TWO}exclude: [{pattern}]\n")
    assert left == [cell for cell in cells(TWO) if not any(part in cell for part in gone)]


def test_an_exclude_that_matches_nothing_is_a_problem_with_its_line():
    (problem,) = wrong(f"{TWO}exclude: [{{arch: aarch64}}, {{arch: aarch46}}]\n")
    assert problem.startswith("truewheel.yml:6:28: nothing is excluded\n")
    assert "hint: it matches no package, target, arch and python" in problem


def test_an_exclude_may_match_what_another_one_took_out_already():
    assert cells(f"{TWO}exclude: [{{target: rhel8}}, {{arch: x86_64}}]\n") == [
        "foo/ubuntu24.04/aarch64/cp313",
        "bar/ubuntu24.04/aarch64/cp313",
    ]


def test_include_adds_a_cell_even_after_exclude_took_it_out():
    added = "include: [{package: foo, target: rhel8, arch: s390x, python: '3.14'}]\n"
    assert [cell for cell in cells(TWO + added) if "s390x" in cell] == ["foo/rhel8/s390x/cp314"]
    back = (
        "exclude: [{package: foo}]\n"
        "include: [{package: foo, target: rhel8, arch: x86_64, python: '3.11'}]\n"
    )
    assert [cell for cell in cells(TWO + back) if cell.startswith("foo")] == [
        "foo/rhel8/x86_64/cp311"
    ]


def test_an_include_of_a_cell_that_is_there_is_a_problem_with_its_line():
    entry = "{package: foo, target: rhel8, arch: x86_64, python: '3.11'}"
    (problem,) = wrong(f"{TWO}include: [{entry}]\n")
    assert problem.startswith(
        "truewheel.yml:6:11: the cell foo/rhel8/x86_64/3.11 is in the matrix already\n"
    )
    entry = "{package: foo, target: rhel8, arch: s390x, python: '3.11'}"
    (problem,) = wrong(f"{TWO}include:\n  - {entry}\n  - {entry}\n")
    assert problem.startswith(
        "truewheel.yml:8:5: the cell foo/rhel8/s390x/3.11 is in the matrix already\n"
    )


def test_abi3_is_built_once_for_each_target_and_arch_on_the_lowest_python():
    assert cells(
        abi("abi3", "['3.12', '3.10', '3.9', '3.13t']") + "arches: [x86_64, aarch64]\n"
    ) == [
        "foo/rhel8/x86_64/cp39",
        "foo/rhel8/aarch64/cp39",
        "foo/debian12/x86_64/cp39",
        "foo/debian12/aarch64/cp39",
    ]


@pytest.mark.parametrize(
    ("kind", "builder"), [("abi3", "cp312"), ("abi3t", "cp315t"), ("abi3.abi3t", "cp315")]
)
def test_the_free_threaded_stable_abi_begins_with_python_3_15(kind: str, builder: str):
    pythons = "['3.12', '3.13t', '3.16t', '3.16', '3.15t', '3.15']"
    assert cells(abi(kind, pythons)) == [
        f"foo/rhel8/x86_64/{builder}",
        f"foo/debian12/x86_64/{builder}",
    ]


def test_both_stable_abis_can_be_built_on_a_free_threaded_python():
    assert cells(abi("abi3.abi3t", "['3.15t']"))[0] == "foo/rhel8/x86_64/cp315t"


@pytest.mark.parametrize(
    ("kind", "pythons", "told"),
    [
        ("abi3t", "['3.14t', '3.15']", "abi3t needs a free-threaded Python from 3.15 on (PEP 803)"),
        ("abi3.abi3t", "['3.14t', '3.14']", "abi3.abi3t needs Python from 3.15 on (PEP 803)"),
    ],
)
def test_a_stable_abi_without_a_python_that_has_it_says_which_it_needs(
    kind: str, pythons: str, told: str
):
    spec = spec_of(abi(kind, pythons))
    (problem,) = matrix.packages_without_cells(spec, matrix.slots(spec, []))
    assert told in problem.hint


def test_abi3_on_free_threaded_pythons_alone_has_no_cell_and_says_why():
    spec = spec_of(abi("abi3", "['3.13t']"))
    (problem,) = matrix.packages_without_cells(spec, matrix.slots(spec, []))
    assert "no wheel of foo is built" in str(problem)
    assert "abi3 has no free-threaded build" in problem.hint


def test_a_package_whose_cells_are_all_excluded_is_named_with_its_line():
    spec = spec_of(f"{TWO}exclude: [{{package: bar}}]\n")
    (problem,) = matrix.packages_without_cells(spec, matrix.slots(spec, []))
    assert str(problem).startswith("truewheel.yml:2:21: no wheel of bar is built\n")
    assert "exclude less" in problem.hint


def test_a_pure_package_is_one_cell_of_no_target():
    spec = spec_of(abi("none", "['3.11', '3.12', '3.13t']") + "arches: [x86_64, aarch64]\n")
    (slot,) = matrix.slots(spec, [])
    assert (slot.id, slot.python, slot.builder) == ("foo/any/any/py3", "py3", "py3")


def test_a_free_threaded_python_is_a_cell_of_its_own():
    assert cells(abi("cpython", "['3.13', '3.13t']"))[:2] == [
        "foo/rhel8/x86_64/cp313",
        "foo/rhel8/x86_64/cp313t",
    ]


def test_this_machine_is_the_target_host():
    spec = spec_of(
        "packages: {foo: {}, bar: {abi: abi3}, baz: {abi: none}}\ntargets: {rhel8: {}}\n"
    )
    found = matrix.host_slots(spec, Host("x86_64", "manylinux_2_36", ("cp310", "cp39")))
    assert [slot.id for slot in found] == [
        "foo/host/x86_64/cp310",
        "foo/host/x86_64/cp39",
        "bar/host/x86_64/cp39",
        "baz/any/any/py3",
    ]


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        (TWO, ["cp311", "cp312", "cp313"]),
        (abi("cpython", "['3.13t', '3.9', '3.13', '3.10']"), ["cp39", "cp310", "cp313", "cp313t"]),
        (
            "packages: {foo: {}}\ntargets: {rhel8: {pythons: ['3.10']}}\npythons: ['3.12']\n",
            ["cp310"],
        ),
    ],
)
def test_wanted_pythons_are_those_of_the_targets_lowest_first(text: str, tags: list[str]):
    assert matrix.wanted_pythons(spec_of(text)) == tags


def test_an_included_python_is_wanted_too():
    include = "include: [{package: foo, target: rhel8, arch: x86_64, python: '3.14'}]\n"
    assert matrix.wanted_pythons(
        spec_of("packages: {foo: {}}\ntargets: {rhel8: {}}\n" + include)
    ) == ["cp312", "cp314"]


def test_what_every_target_excludes_is_not_built_here_either():
    exclude = "exclude: [{package: foo, python: '3.10'}, {target: rhel8, python: '3.9'}]\n"
    spec = spec_of(
        "packages: {foo: {}, bar: {}}\ntargets: {rhel8: {}}\npythons: ['3.9', '3.10', '3.13t']\n"
        + exclude
    )
    found = matrix.host_slots(spec, Host("x86_64", "manylinux_2_36", ("cp310", "cp313t", "cp39")))
    assert [slot.id for slot in found] == [
        "foo/host/x86_64/cp313t",
        "foo/host/x86_64/cp39",
        "bar/host/x86_64/cp310",
        "bar/host/x86_64/cp313t",
        "bar/host/x86_64/cp39",
    ]
