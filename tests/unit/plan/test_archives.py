"""Archives that ship with the pipeline's identity, named from the facts of their wheels."""

from __future__ import annotations

import pytest
from specs import plan_of

from truewheel.errors import Stop

SPEC = """\
truewheel: 1
packages: {server: {}, frontend: {}, pure: {abi: none}}
targets: {rhel8: {provides: {CUDA_VERSION: '13.2.1'}}, ubuntu24.04: {}}
arches: [x86_64, aarch64]
naming: triton-2026.04
archives:
  rhel: {package: server, targets: [rhel8],
    name: ['all-{version}-{build}-{target}-{arch}', 'all-{version}-{arch}']}
"""
VALUES = {"NVIDIA_UPSTREAM_VERSION": "26.04", "CI_PIPELINE_ID": "7"}


def problems(old: str, new: str) -> list[str]:
    assert SPEC.count(old) == 1
    return [str(problem) for problem in plan_of(SPEC.replace(old, new), overrides=VALUES).problems]


def test_an_archive_carries_the_facts_of_its_wheels():
    made = plan_of(SPEC, overrides=VALUES)
    assert not made.problems
    first, second = made.archives
    assert first.file == "all-1.0+nv26.4.cu132-7-rhel8-x86_64.zip"
    assert first.cells == ("server/rhel8/x86_64/cp312", "frontend/rhel8/x86_64/cp312")
    assert second.file == "all-1.0+nv26.4.cu132-7-rhel8-aarch64.zip"


def test_without_a_build_tag_the_next_template_is_taken():
    assert [each.file for each in plan_of(SPEC).archives] == [
        "all-1.0+cu132-x86_64.zip",
        "all-1.0+cu132-aarch64.zip",
    ]


def test_two_archives_with_one_name_are_refused():
    (problem,) = problems("-{target}-{arch}'", "'")
    assert problem == (
        "truewheel.yml:8:11: two archives get one name, all-1.0+nv26.4.cu132-7.zip:"
        " rhel of rhel8 x86_64 and rhel of rhel8 aarch64\n"
        "    hint: add {target} or {arch} to the name"
    )


def test_a_name_without_a_value_or_that_is_none_is_refused():
    templates = "['all-{version}-{build}-{target}-{arch}', 'all-{version}-{arch}']"
    first, *_ = problems(templates, "'{base}-{pipeline}/{arch}'")
    assert "the archive rhel: '1.0-7/x86_64' is no file name" in first
    first, *_ = map(str, plan_of(SPEC.replace(templates, "'{nv}-{arch}'")).problems)
    assert "the archive rhel: no name: each of its templates has a field without a value" in first


def test_a_target_without_the_package_has_no_name():
    spec = SPEC + "exclude: [{package: server, arch: aarch64}]\n"
    (problem,) = plan_of(spec, overrides=VALUES).problems
    assert "the archive rhel: rhel8 aarch64 has no wheel of server" in str(problem)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[rhel8]", "[rhel9]", "truewheel.yml:7:37: no target 'rhel9'"),
        ("package: server", "package: serve", "truewheel.yml:7:19: no package 'serve'"),
        ("{build}", "{number}", "truewheel.yml:8:11: the archive rhel: no fact number"),
    ],
)
def test_what_is_not_there_is_told_with_its_place(old: str, new: str, told: str):
    with pytest.raises(Stop) as stopped:
        plan_of(SPEC.replace(old, new))
    (problem,) = stopped.value.problems
    assert str(problem).startswith(told)
    assert problem.hint
