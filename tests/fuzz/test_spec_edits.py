"""A spec or policy with any typing error ends in a value, or in problems with their places."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truewheel.errors import Problem, Stop, Where
from truewheel.forges import pipelines
from truewheel.plan import naming, plan_file, planner
from truewheel.plan.model import Variable
from truewheel.plan.naming import Sources
from truewheel.plan.planner import Request
from truewheel.spec import model, policy_file, yaml_source
from truewheel.spec.policy import Policy
from truewheel.workspace import loading

FILE = "edited.yml"
SCHEMA = loading.schema()
POLICIES = {
    name: path.read_text(encoding="utf-8") for name, path in loading.builtin_policies().items()
}
REPOSITORY = (Path(__file__).parents[2] / "truewheel.yml").read_text(encoding="utf-8")
RICH = """\
truewheel: 1
packages:
  one: {path: a, abi: abi3, version: {file: V, inject: 'env:V'}}
  two: {abi: none}
targets:
  rhel8: {pythons: ['3.13t', '3.12'], provides: {CUDA: '13.2'}}
  other: {floor: musllinux_1_2, arches: [riscv64]}
include: [{package: one, target: rhel8, arch: i686, python: '3.9'}]
exclude: [{target: 'rh*', python: '3.1?'}]
naming:
  extends: plain
  variables: {CUDA: {scope: image}, CI: {pattern: '[0-9]+', default: '1'}}
  facts:
    cuda: {from: ['env:CUDA'], match: '(\\d+)\\.(\\d+)', write: '{1}{2:02}', otherwise: drop}
    ci: {from: ['env:CI', 'const:0'], when: {cuda: '!/12.*/'}}
  channels:
    nightly:
      {when: {CI: '{ci}'}, version: ['{base}.dev{ci}', '{base}'],
       local: ['cu{cuda}'], build: '{ci}'}
variant_labels: true
variables: {MODE: {choices: [a, b], default: a}}
indexes: {own: {}, pypi: {profile: pypi, channel: default, when: {MODE: '/[ab]/'}}}
gitlab: {runners: {riscv64: [slow]}, expire_in: 2 days}
"""
ODD = "\t\n\r \0\ufeff\u2028\u2029\x85\xa0\x1b\"'`\\[]{}()&*!|>%@#:,-?~<=+./$^_0159aetxyÄ٤🙂"


def slips(text: str) -> st.SearchStrategy[str]:
    """Return the texts that differ from `text` by one character."""
    places, characters = st.integers(0, len(text) - 1), st.sampled_from(ODD) | st.characters()
    return st.one_of(
        st.builds(lambda at, new: text[:at] + new + text[at:], places, characters),
        st.builds(lambda at, new: text[:at] + new + text[at + 1 :], places, characters),
        st.builds(lambda at: text[:at] + text[at + 1 :], places),
    )


def planned(text: str) -> tuple[Problem, ...]:
    """Return what is said of a spec on its way to the pipeline."""
    parsed = model.parse(text, FILE, loading.expanded_schema)
    parent = loading.policy_reader({}.get, parsed.document.where(("naming",)))
    if isinstance(parsed.naming, str):
        policy = parent(parsed.naming)
    else:
        policy = policy_file.build(
            "own", parsed.document, ("naming",), loading.expanded_schema("policy"), parent
        )
    versions = dict.fromkeys(parsed.packages, ("1.0", "VERSION"))
    made = planner.plan(parsed, policy, Request(generator="truewheel 0", versions=versions))
    plan_file.read(plan_file.write(made).encode().decode(), "plan.json")
    for written in pipelines.texts(made, parsed, policy).values():
        written.encode()
    return made.problems


def named(text: str) -> tuple[Problem, ...]:
    """Return what is said of a policy on its way to a name."""
    where = Where(FILE, 1, 1)
    policy = policy_file.parse(
        text, FILE, loading.expanded_schema("policy"), loading.policy_reader({}.get, where)
    )
    variables = {
        name: Variable(value="13.2.1", origin="-v", scope=rule.scope)
        for name, rule in policy.variables.items()
    }
    cell = dict.fromkeys(("package", "target", "arch", "python", "abi", "platform", "number"), "x")
    sources = Sources(
        variables=variables, options={}, version="1.0", version_origin="VERSION", cell=cell
    )
    facts, problems = naming.resolve_all(policy, sources, where)
    for channel in policy.channels:
        composed(policy, channel, facts, where)
    return tuple(problems)


def composed(policy: Policy, *rest) -> None:
    with suppress(Stop):
        naming.compose(policy, *rest).wheel("foo", "py3-none-any").encode()


def check(raw: bytes, use: Callable[[str], tuple[Problem, ...]]) -> None:
    """Hold what `use` says of a file against the file."""
    problems, has_ended = (), False
    try:
        problems = use(yaml_source.decode(raw, FILE))
    except Stop as stop:
        problems, has_ended = stop.problems, True
    assert problems or not has_ended
    lines = re.split(r"\r\n?|\n", raw.decode("utf-8-sig", "replace"))
    for problem in problems:
        str(problem).encode("utf-8", "backslashreplace")
        assert problem.where.file == FILE, problem
        assert 1 <= problem.where.line <= len(lines), problem
        assert 1 <= problem.where.column <= len(lines[problem.where.line - 1]) + 1, problem


@pytest.mark.parametrize("text", [REPOSITORY, RICH], ids=["repository", "rich"])
def test_an_edited_spec_is_planned_or_told_what_is_wrong(text):
    check(text.encode(), planned)

    @given(slips(text))
    def edited(edit: str) -> None:
        check(edit.encode("utf-8", "surrogatepass"), planned)

    edited()


@pytest.mark.parametrize("name", POLICIES)
def test_an_edited_policy_names_or_is_told_what_is_wrong(name):
    check(POLICIES[name].encode(), named)

    @given(slips(POLICIES[name]))
    def edited(edit: str) -> None:
        check(edit.encode("utf-8", "surrogatepass"), named)

    edited()


@pytest.mark.parametrize("use", [planned, named])
def test_any_bytes_are_told_what_is_wrong(use):
    @given(st.binary(max_size=300) | st.text(alphabet=ODD, max_size=100).map(str.encode))
    def read(raw: bytes) -> None:
        check(raw, use)

    read()
