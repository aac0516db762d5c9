"""plan.json: what is written is read back, and what is damaged or hostile is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from specs import plan_of

from truewheel.errors import Exit, Stop
from truewheel.plan import plan_file
from truewheel.plan.matrix import Host

SPEC = """
packages:
  tritonserver: {version: {file: VERSION}, smoke: tests/smoke.py,
    exclude: [libx.so.*, liby.so], max_size: 1.5 GiB}
  pure: {path: src/pure, abi: none}
  made: {}
builds: {tree: {path: src, command: [make, wheel], requires: [cmake], wheels: {made: 'out/*.whl'}}}
targets:
  rhel8: {provides: {CUDA_VERSION: '13.2'}, base: 'registry.example/cuda:13', family: rhel}
  ubuntu24.04: {pythons: ['3.12', '3.13t']}
naming: triton-2026.04
compiler_cache: ccache
indexes:
  internal: {url: 'https://index.example/upload', credentials: {password: KEY}}
  pypi: {profile: pypi, channel: release, when: {PYPI_RELEASE: 'true'}}
gitlab: {runners: {x86_64: [linux]}}
"""
VALUES = {"CI_PIPELINE_ID": "49163608", "NVIDIA_UPSTREAM_VERSION": "26.04"}
CELL_KEYS = {"id", "package", "target", "arch", "python", "channel", "wheel", "copies", "facts"}


WRITTEN = plan_file.write(plan_of(SPEC, overrides=VALUES))


def document() -> dict[str, Any]:
    return dict(json.loads(WRITTEN))


def refusal(text: str) -> str:
    with pytest.raises(Stop) as stopped:
        plan_file.read(text, "plan.json")
    assert stopped.value.code is Exit.REFUSED
    (problem,) = stopped.value.problems
    assert problem.where.file == "plan.json"
    assert problem.hint == "write it again: truewheel plan --output plan.json"
    return problem.message


@pytest.mark.parametrize(
    "plan",
    [
        plan_of(SPEC, overrides=VALUES),
        plan_of(
            SPEC, overrides={**VALUES, "PYPI_RELEASE": "true", "CUDA_VERSION": "13"}, event="tag"
        ),
        plan_of(SPEC, host=Host("x86_64", "linux", ("cp312", "cp313t"))),
        plan_of("packages: {foo: {}}\ntargets: {rhel8: {}, rocky8: {}}\n"),
        plan_of("packages: {foo: {}}\ntargets: {rhel8: {floor: audited}}\n"),
        plan_of("packages: {foo: {}}\ntargets: {rhel8: {}}\n", version="1!2.0+ubuntu.1"),
    ],
    ids=["push", "release", "local", "refused", "audited", "epoch"],
)
def test_what_is_written_is_read_back(plan):
    assert plan_file.read(plan_file.write(plan), "plan.json") == plan


def test_the_document_has_the_keys_of_the_contract():
    data = document()
    assert data["version"] == 1
    assert data["cells"][0].keys() >= CELL_KEYS
    assert (
        data["cells"][0]["facts"]["nv"].items()
        >= {"value": "26.04", "source": "env:NVIDIA_UPSTREAM_VERSION"}.items()
    )
    assert data["cells"][0]["copies"][0].keys() >= {"index", "wheel"}
    refused = plan_file.to_data(plan_of("packages: {foo: {}}\ntargets: {rhel8: {}, rocky8: {}}\n"))
    assert refused["problems"][0].keys() >= {"file", "line", "column", "message", "hint"}
    assert (refused["problems"][0]["file"], refused["problems"][0]["line"]) == ("truewheel.yml", 3)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '"plan"', "[" * 100_000, "9" * 10_000, "NaN", "{}"]
)
def test_what_is_no_plan_is_refused(text):
    assert refusal(text).startswith("not a plan")


def test_a_plan_of_another_version_is_refused():
    assert refusal(json.dumps({**document(), "version": 2})) == "not a plan of version 1"


@pytest.mark.parametrize("key", sorted(set(document()) - {"version"}))
@pytest.mark.parametrize("value", [None, 1, [1], {"x": 1}, {"x": {"y": 1}}, ["x"]])
def test_a_plan_with_a_part_of_another_shape_is_refused(key, value):
    assert refusal(json.dumps({**document(), key: value})).startswith("a damaged plan: ")


@pytest.mark.parametrize("key", sorted(set(document()) - {"version"}))
def test_a_plan_without_a_part_is_refused(key):
    assert (
        refusal(json.dumps({k: v for k, v in document().items() if k != key}))
        == f"a damaged plan: '{key}' is missing"
    )


@pytest.mark.parametrize(
    ("route", "value"),
    [
        (("cells", 0, "wheel"), 5),
        (("cells", 0, "facts", "nv", "value"), 26.04),
        (("cells", 0, "unknown"), "x"),
        (("cells", 0, "package"), "other"),
        (("cells", 0, "target"), "other"),
        (("policy", "facts", "nv", "match"), "("),
        (("policy", "facts", "nv", "match"), "a{99999999999999999999}"),
        (("packages", "pure", "path"), None),
        (("packages", "pure", "exclude"), "libx.so"),
        (("packages", "pure", "graft"), [5]),
        (("packages", "pure", "max_size"), "1 GB"),
        (("problems",), [{"file": "x"}]),
        (("builds", "tree", "command"), []),
        (("builds", "tree", "command"), "make"),
        (("builds", "tree", "command", 0), 1),
        (("builds", "tree", "command", 1), "a\0b"),
        (("builds", "tree", "requires"), ["a\0b"]),
        (("builds", "tree", "wheels", "made"), "../*.whl"),
        (("builds", "tree", "wheels", "made"), "/tmp/*.whl"),
        (("builds", "tree", "wheels", "made"), 5),
        (("builds", "tree", "wheels"), {}),
        (("packages", "made", "build"), "other"),
        (("packages", "pure", "build"), "tree"),
        (("jobs", 1, "cells"), "made/rhel8/x86_64/cp312"),
    ],
)
def test_a_damaged_value_is_refused(route, value):
    assert refusal(json.dumps(changed(route, value))).startswith("a damaged plan: ")


HOSTILE = [
    "../x",
    "/etc/x",
    "a/../../x",
    "a//b",
    ".",
    "..",
    "",
    "a\0b",
    "a\nb",
    "a b",
    "$(x)",
    "`x`",
    "-rf",
    "é",
    "a/",
    "\\x",
]


@pytest.mark.parametrize(
    "name",
    [
        *(f"{name}.whl" for name in HOSTILE),
        "x.whl/../y",
        "x.whl\n",
        "x/y.whl",
        "a/../x.whl",
        ".x.whl",
        "x.zip",
    ],
)
@pytest.mark.parametrize("route", [("cells", 0, "wheel"), ("cells", 0, "copies", 0, "wheel")])
def test_a_wheel_must_be_a_bare_file_name(route, name):
    assert (
        refusal(json.dumps(changed(route, name)))
        == f"a damaged plan: {name!r} is no wheel's file name"
    )


@pytest.mark.parametrize("name", [*HOSTILE, "foo/rhel8/../x", "foo", "foo/./x", "foo/-x"])
def test_a_cells_id_must_be_of_plain_words(name):
    assert (
        refusal(json.dumps(changed(("cells", 0, "id"), name)))
        == f"a damaged plan: {name!r} is no cell's id"
    )


@pytest.mark.parametrize("path", ["..", "../x", "a/..", "a/../b", "/etc", "-x", "a\nb", "a\0b"])
@pytest.mark.parametrize("key", ["path", "version_file", "smoke"])
def test_a_packages_paths_must_stay_below_the_spec(key, path):
    text = refusal(json.dumps(changed(("packages", "tritonserver", key), path)))
    assert text == f"a damaged plan: {path!r} is no path below the folder of the spec"


@pytest.mark.parametrize("match", ["(", "no group", "(a)(b)"])
def test_what_finds_a_version_is_an_expression_with_one_group(match: str):
    text = refusal(json.dumps(changed(("packages", "tritonserver", "version_match"), match)))
    assert text == f"a damaged plan: {match!r} finds no version"


def test_a_cell_may_have_a_further_axis():
    plan_file.read(
        json.dumps(changed(("cells", 0, "id"), "tritonserver/rhel8/x86_64/cp312/cuda=13.2")),
        "plan.json",
    )


def changed(route: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """The document with another value at a route."""
    data: Any = document()
    node = data
    for step in route[:-1]:
        node = node[step]
    node[route[-1]] = value
    return data


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def routes(node: Any, way: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    steps = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    return [way] * bool(way) + [
        route for step, child in steps for route in routes(child, (*way, step))
    ]


@given(route=st.sampled_from(routes(document())), value=json_values)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_damage_ends_in_a_plan_or_in_a_refusal(route, value):
    try:
        plan_file.read(json.dumps(changed(route, value)), "plan.json")
    except Stop as stopped:
        assert stopped.code is Exit.REFUSED  # noqa: PT017 - not raising is as good


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../x"},
        {"name": ""},
        {"url": "file:///etc/passwd"},
        {"simple": "https://me:secret@index.example/"},
    ],
)
def test_an_index_that_leads_elsewhere_is_refused(change):
    data = document()
    data["indexes"][0] |= change
    assert "is no " in refusal(json.dumps(data))


def test_earlier_releases_can_read_the_kinds_of_jobs():
    data = plan_file.to_data(plan_of(SPEC))
    fields = {"name", "stage", "commands", "artifacts", "report", "events"}
    for kind in data["kinds"].values():
        assert kind.keys() == fields | {"is_protected", "exclusive"}
