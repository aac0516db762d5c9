"""Wheels for an architecture of which no runner is known are told of before a test job fails."""

from __future__ import annotations

from gitlab_documents import POLICY
from specs import plan_of, policy_of, spec_of

from truewheel.forges import pipelines

CROSS = """\
packages: {foo: {}}
targets: {el8: {floor: manylinux_2_28, toolchain: zig, runner: x86_64}}
arches: [x86_64, aarch64]
"""
TAGS = "gitlab: {runners: {aarch64: [arm]}}\n"
TEST_TAGS = "gitlab: {test_runners: {aarch64: [arm]}}\n"


def problems(text: str) -> list[str]:
    plan = plan_of(text, policy=POLICY, event="")
    return [str(problem) for problem in pipelines.problems(plan, spec_of(text), policy_of(POLICY))]


def test_wheels_that_are_cross_compiled_need_a_runner_that_loads_them():
    (problem,) = problems(CROSS + "gitlab: {}\n")
    assert "warning: no runner of aarch64 is named" in problem
    assert "gitlab.runners.aarch64; if there is none: named: [{arch: aarch64}]" in problem


def test_nothing_is_said_where_there_is_one_or_none_is_needed():
    for more in (TAGS, TEST_TAGS, "named: [{arch: aarch64}]\n"):
        assert not problems(CROSS + more)
    assert not problems(CROSS.replace(", toolchain: zig, runner: x86_64", "") + "gitlab: {}\n")
