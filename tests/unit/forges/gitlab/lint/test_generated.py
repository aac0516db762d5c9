"""What GitLab would refuse in generated files, at the place of the value in the spec."""

from __future__ import annotations

import pytest
from specs import plan_of, policy_of, spec_of

from truewheel.errors import Problem, Stop
from truewheel.forges import pipelines

POLICY = "facts: {base: {from: ['package:version']}}\nchannels: {default: {}}\n"
SPEC = """\
packages: {foo: {}}
targets: {ours: {floor: manylinux_2_28, base: 'img:1'}}
arches: [x86_64, aarch64]
variables: {V: {}}
indexes: {own: {url: 'https://index.example/x'}}
gitlab:
"""
# One text of fifty tags: GitLab divides it at the commas.
TAGS = f'["{",".join(f"t{number}" for number in range(50))}"]'
LAYOUTS = ("include", "children", "entry")
ENTRY = "  entry: ci/w.yml\n  prefix: 'ours:'\n"

LONG = f"  entry: ci/w.yml\n  prefix: {'x' * 250}\n"


def refused(lines: str, layout: str = "include") -> list[Problem]:
    """The problems of a spec with these lines below `gitlab`."""
    more = {"entry": ENTRY, "long": LONG}.get(layout, f"  layout: {layout}\n")
    spec = SPEC + lines + more
    with pytest.raises(Stop) as stopped:
        pipelines.texts(plan_of(spec, policy=POLICY, event=""), spec_of(spec), policy_of(POLICY))
    return list(stopped.value.problems)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (f"  tool_runner:\n    <{TAGS}", "50 tags"),
        (f"  runners:\n    aarch64: <{TAGS}", "50 tags"),
        (f"  test_runners:\n    aarch64: <{TAGS}", "50 tags"),
        (f"  overrides:\n    wheel:\n      tags: <{TAGS}", "50 tags"),
        (f"  overrides:\n    test:ours:aarch64: {{tags: <{TAGS}}}", "50 tags"),
        (f"  jobs:\n    own: {{script: [a], stage: .pre, tags: <{TAGS}}}", "50 tags"),
        ("  expire_in: <soon", "expire_in is not a duration"),
        ("  overrides: {prove: {timeout: <3 months}}", "timeout is too long"),
        ("  overrides: {prove: {artifacts: {expire_in: <soon}}}", "is not a duration"),
        ("  overrides: {'test:*': {retry: <7}}", "retry must be from 0 to 2"),
        ("  overrides: {prove: {rules: [{if: <'$A =~ /(?=b)/'}]}}", "RE2"),
        ("  jobs: {own: {script: [a], stage: .pre, timeout: <3 months}}", "timeout is too long"),
    ],
)
def test_a_limit_is_reported_once_at_the_value_that_breaks_it(
    layout: str, lines: str, message: str
):
    (problem,) = refused(lines.replace("<", "") + "\n", layout)
    text = (SPEC + lines).partition("<")[0]
    start = f"truewheel: 1\n{text}"
    assert message in problem.message
    assert (problem.where.line, problem.where.column) == (
        start.count("\n") + 1,
        len(start) - start.rfind("\n"),
    )
    assert problem.hint
    assert "smaller" not in problem.hint


def test_two_values_are_two_problems():
    runners = f"  runners:\n    x86_64: {TAGS}\n    aarch64: {TAGS}\n"
    assert [problem.where.line for problem in refused(runners)] == [9, 10]


def test_a_prefix_that_makes_names_too_long_is_named():
    problems = refused("", "long")
    assert {problem.where.line for problem in problems} == {9}, problems
