"""Every name that is composed is read by packaging as just what went in."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from packaging.tags import Tag
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from truewheel.errors import Problem, Stop, Where
from truewheel.plan import naming
from truewheel.plan.model import Fact, Variable
from truewheel.spec.policy import Channel, FactRule, Policy
from truewheel.wheel import platform_tags

WHERE = Where("f.yml", 1, 1)
POLICY = Policy(
    name="any",
    description="",
    distribution=(),
    platform="",
    variables={},
    facts={},
    channels=(),
    data={},
)
CHANNEL = Channel(
    name="any",
    when={},
    version=("{base}",),
    local=(("nv{nv}",), ("cu{cuda}", "{cuda}")),
    build=("{build}",),
    label=(),
)
VERSIONS = st.from_regex(
    r"v?([0-9]!)?[0-9]{1,3}(\.[0-9]{1,3}){0,3}([-_.]?(a|b|rc|alpha|PRE)[-_.]?[0-9]?)?"
    r"([-_.]?(post|REV)[0-9]?)?"
    r"(\.?dev[0-9]{0,9})?(\+[a-zA-Z0-9]{1,5}([-_.][a-z0-9]{1,5}){0,2})?",
    fullmatch=True,
)
LOCALS = st.none() | st.from_regex(r"[a-zA-Z0-9]{1,5}([-_.][a-zA-Z0-9]{1,4}){0,2}", fullmatch=True)
BUILDS = st.none() | st.from_regex(r"[0-9][0-9A-Za-z_.]{0,9}", fullmatch=True)
PROJECTS = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,12}[A-Za-z0-9])?", fullmatch=True)
FLOORS = st.sampled_from(
    [
        *(f"manylinux_2_{minor}" for minor in platform_tags.AUDITED_MINORS),
        *naming.LEGACY_FLOORS,
        "musllinux_1_2",
        "linux",
    ]
)
ARCHES = st.sampled_from(["x86_64", "aarch64", "armv7l", "riscv64"])
ABIS = st.sampled_from(["cpython", "abi3", "none"])
PYTHONS = st.sampled_from(["cp310", "cp312", "cp313t"])
ANYTHING = st.none() | st.text(max_size=12)


def composed(**values: str | None) -> naming.Composed:
    return naming.compose(
        POLICY, CHANNEL, {name: Fact(value=value) for name, value in values.items()}, WHERE
    )


@given(
    base=VERSIONS,
    nv=LOCALS,
    cuda=LOCALS,
    build=BUILDS,
    project=PROJECTS,
    interpreter=st.builds(naming.python_tags, ABIS, PYTHONS),
    platform=st.builds(naming.platform_tag, FLOORS, ARCHES),
)
def test_a_composed_name_is_read_back_as_it_was_meant(
    base, nv, cuda, build, project, interpreter, platform
):
    made = composed(base=base, nv=nv, cuda=cuda, build=build)
    wheel = made.wheel(project, "-".join((*interpreter, platform)))
    name, version, number, found = parse_wheel_filename(wheel)

    local = ".".join(part for part in (nv and f"nv{nv}", cuda and f"cu{cuda}") if part)
    meant = Version(base + (("." if "+" in base else "+") + local if local else ""))
    assert name == canonicalize_name(project)
    assert version == meant
    assert str(version) == made.version
    assert "".join(map(str, number)).lstrip("0") == (build or "").lstrip("0")
    assert found == {Tag(*interpreter, each) for each in platform.split(".")}
    assert wheel.isascii()


@given(base=VERSIONS | ANYTHING, nv=ANYTHING, cuda=ANYTHING, build=BUILDS | ANYTHING)
def test_any_facts_make_a_name_or_a_problem(base, nv, cuda, build):
    problems: tuple[Problem, ...] = ()
    try:
        wheel = composed(base=base, nv=nv, cuda=cuda, build=build).wheel("foo", "py3-none-any")
    except Stop as stop:
        problems = stop.problems
    else:
        assert wheel.isascii()
        parse_wheel_filename(wheel)
    for problem in problems:
        assert problem.hint
        assert problem.where == WHERE


@given(raw=st.text(max_size=20), absent=st.lists(st.text(max_size=3), max_size=2))
def test_a_value_is_never_empty_and_never_one_that_means_none(raw, absent):
    rule = FactRule(
        sources=("env:A",),
        when={},
        absent=tuple(absent),
        match=re.compile("(?s)(.*)"),
        write="{1}",
        otherwise="error",
    )
    variables = {"A": Variable(value=raw, origin="-v", scope="pipeline")}
    fact, wrong = naming.resolve(rule, naming.Sources(variables=variables, options={}))
    assert not wrong
    if fact.value is None:
        assert len(fact.skipped) == 1
    else:
        assert fact.value == raw.strip() != ""
        assert fact.value not in absent
