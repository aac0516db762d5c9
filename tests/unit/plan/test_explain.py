"""Every part of a name is told, with the source that won and why others did not."""

import pytest

from truewheel.plan import explain
from truewheel.plan.model import Cell, Copy, Fact
from truewheel.spec.policy import from_data

WHEEL = "foo_bar-1.0+nv26.4-7-cp312-cp312-manylinux_2_28_x86_64.whl"
POLICY = from_data(
    {
        "name": "own",
        "description": "",
        "distribution": [],
        "platform": "",
        "variables": {},
        "facts": {},
        "channels": {
            "default": {
                "when": {},
                "version": "{base}",
                "local": ["nv{nv}", "cu{cuda}"],
                "build": "{pipeline}",
                "label": [],
            }
        },
    }
)


def cell(wheel: str = WHEEL, **facts: Fact) -> Cell:
    absent = ("nv", "cuda", "pipeline")
    known = {
        name: Fact(value=None, skipped=((f"env:{name.upper()}", "is not set"),)) for name in absent
    }
    base = Fact(value="1.0", source="package:version", origin="VERSION", raw="1.0")
    return Cell(
        id="foo.bar/here/x86_64/cp312",
        package="foo.bar",
        target="here",
        arch="x86_64",
        python="cp312",
        builder="cp312",
        channel="default",
        version="1.0+nv26.4",
        build="7",
        tag="cp312-cp312-manylinux_2_28_x86_64",
        wheel=wheel,
        facts={"base": base, **known, **facts},
    )


def test_parts_of_a_name_carry_their_pep() -> None:
    parts = {part.part: (part.value, part.rule.split(":")[0]) for part in explain.parts_of(WHEEL)}
    assert parts == {
        "distribution": ("foo_bar", "PEP 427"),
        "version": ("1.0", "PEP 440"),
        "local": ("nv26.4", "PEP 440"),
        "build": ("7", "PEP 427"),
        "python": ("cp312", "PEP 425"),
        "abi": ("cp312", "PEP 425"),
        "platform": ("manylinux_2_28_x86_64", "PEP 600"),
    }


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("a-1-py3-none-any.whl", "no native code"),
        ("a-1-cp312-abi3-linux_x86_64.whl", "unchecked"),
        ("a-1-cp312-cp312-musllinux_1_2_x86_64.whl", "PEP 656"),
        ("a-1-cp312-cp312-manylinux2014_x86_64.whl", "older name"),
        ("a-1-cp312-cp312-macosx_11_0_arm64.whl", "platform that it is for"),
    ],
)
def test_platforms_have_their_own_rule(name: str, rule: str) -> None:
    assert rule in explain.parts_of(name)[-1].rule


@pytest.mark.parametrize("name", ["foo.whl", "foo-1.0.tar.gz", "a-b-c-d-e-f-g.whl", "", "x"])
def test_what_is_no_wheel_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a wheel file name"):
        explain.parts_of(name)


def test_facts_stand_under_the_part_that_they_make() -> None:
    nv = Fact(
        value="26.04",
        source="env:B",
        origin="-v",
        raw="26.04",
        skipped=(("env:NVIDIA_UPSTREAM_VERSION", "is set but empty"),),
    )
    text = "\n".join(explain.lines(explain.explain(cell(nv=nv), POLICY)))
    assert "B=26.04 (-v)" in text
    assert "before: NVIDIA_UPSTREAM_VERSION is set but empty" in text
    assert text.index("local") < text.index("nv ") < text.index("cuda") < text.index("build")


def test_a_part_that_is_left_out_says_why() -> None:
    parts = explain.explain(cell("foo_bar-1.0-cp312-cp312-linux_x86_64.whl"), POLICY)
    lost = next(part for part in parts if part.part == "build")
    assert (lost.value, lost.rule) == ("", "left out: no source has a value")
    told = next(part for part in parts if part.part.strip() == "pipeline")
    assert told.skipped == ("PIPELINE is not set",)


@pytest.mark.parametrize(
    ("abi", "rule"),
    [
        ("cp312", "PEP 425: the ABI of that interpreter"),
        ("cp313t", "PEP 703: the ABI of that interpreter without the GIL"),
        ("abi3", "PEP 384"),
        ("abi3t", "PEP 803: the stable ABI of free-threaded Pythons"),
        ("abi3.abi3t", "PEP 803: the stable ABIs with and without the GIL"),
    ],
)
def test_abis_have_their_own_rule(abi: str, rule: str) -> None:
    (part,) = [
        part for part in explain.parts_of(f"a-1-cp315-{abi}-linux_x86_64.whl") if part.part == "abi"
    ]
    assert part.rule.startswith(rule)


def test_what_the_name_alone_tells_is_no_proof() -> None:
    assert "checked" not in explain.parts_of(WHEEL)[-1].rule


def test_the_tags_of_a_cell_tell_where_they_come_from() -> None:
    told = {part.part: part.source for part in explain.explain(cell(), POLICY)}
    assert told["python"] == "the cell"
    assert told["abi"] == "packages.foo.bar.abi"
    assert told["platform"] == "targets.here.floor"
    assert (
        "PEP 425: the interpreter that it is for (the cell)"
        in explain.lines(explain.explain(cell(), POLICY))[-3]
    )


def test_a_copy_is_explained_by_the_channel_of_its_index() -> None:
    copy = Copy(
        index="pypi",
        channel="release",
        version="1.0",
        wheel="foo_bar-1.0-cp312-cp312-manylinux_2_28_x86_64.whl",
    )
    own = cell()._replace(copies=(copy,))
    assert explain.find_cell(own, own.wheel) == own
    assert explain.find_cell(own, "foo_bar-1.1-py3-none-any.whl") is None
    named = explain.find_cell(own, copy.wheel)
    assert named
    assert (named.wheel, named.channel, named.version, named.copies) == (
        copy.wheel,
        "release",
        "1.0",
        (),
    )


def test_a_value_that_pep_440_spells_otherwise_is_told() -> None:
    spelt = Fact(value="26.04", source="env:B", origin="-v", raw="26.04")
    local = next(part for part in explain.explain(cell(nv=spelt), POLICY) if part.part == "local")
    assert local.rule == (
        "PEP 440: the local version, which public indexes refuse; 26.04 is written in the "
        "form of PEP 440"
    )
    alike = Fact(value="26.4", source="env:B", origin="-v", raw="26.4")
    local = next(part for part in explain.explain(cell(nv=alike), POLICY) if part.part == "local")
    assert local.rule == "PEP 440: the local version, which public indexes refuse"
