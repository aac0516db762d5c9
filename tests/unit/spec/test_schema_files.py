"""The schema is the source of truth.

Every property described, with a default, and mirrored by the dataclasses.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from paths import ROOT
from specs import SCHEMA, policy_of, spec_of

from truewheel.spec import model, policy, schema

ROOT_SHAPE = schema.expand_schema(SCHEMA)
DEFINITIONS = SCHEMA["$defs"]


def nodes(node: Any, route: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every part of a shape that a value is held against, with the way to it."""
    yield route or "(root)", node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{route}.{name}")
    for key in ("items", "additionalProperties", "propertyNames"):
        if node.get(key):
            yield from nodes(node[key], f"{route}/{key}")


NODES = dict([*nodes(ROOT_SHAPE), *nodes(schema.expand_schema(SCHEMA, "policy"), "policy")])
OBJECTS = {"": ROOT_SHAPE, **{name: schema.expand_schema(SCHEMA, name) for name in DEFINITIONS}}
PROPERTIES = {
    f"{name}.{key}": (child, key in shape.get("required", ()))
    for name, shape in OBJECTS.items()
    for key, child in shape.get("properties", {}).items()
}
# Each record, its definition, the fields of its own, and the fields that have another name in the
# schema.
RECORDS = [
    (model.Spec, "", {"document"}, {}),
    (model.Package, "package", set(), {}),
    (model.Load, "load", set(), {}),
    (model.Version, "version", set(), {}),
    (model.Build, "build", set(), {}),
    (model.Target, "target", set(), {}),
    (model.CellPattern, "includedCell", set(), {}),
    (model.CellPattern, "excludedCells", set(), {}),
    (model.CellPattern, "namedCells", set(), {}),
    (model.Index, "index", set(), {}),
    (model.Archive, "archive", set(), {}),
    (model.Credentials, "credentials", set(), {}),
    (model.Images, "images", set(), {}),
    (model.Schedule, "schedule", set(), {}),
    (model.MergeRequests, "mergeRequests", set(), {}),
    (model.Container, "container", set(), {}),
    (model.Stage, "imageStage", set(), {}),
    (model.Gitlab, "gitlab", set(), {}),
    (model.Github, "github", set(), {}),
    (policy.Variable, "variable", set(), {}),
    (policy.FactRule, "fact", set(), {"from": "sources"}),
    (policy.Channel, "channel", {"name"}, {}),
    (policy.Policy, "policy", {"name", "data"}, {"extends": ""}),
]


def test_the_schema_is_itself_valid():
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("route", NODES)
def test_every_value_is_described(route):
    # The description is the hint for whatever does not fit there.
    assert NODES[route].get("description")


@pytest.mark.parametrize("route", NODES)
def test_every_node_says_what_may_stand_there(route):
    node = NODES[route]
    types = node.get("type", "string")
    assert (
        {types} if isinstance(types, str) else {*types} <= {"string", "array", "object", "boolean"}
    )
    assert {"type", "enum", "const", "pattern"} & set(node)
    if "properties" in node:
        assert node["additionalProperties"] is False


@pytest.mark.parametrize("name", PROPERTIES)
def test_every_property_has_a_default_that_fits(name):
    child, is_required = PROPERTIES[name]
    assert "default" in child
    if not is_required:
        assert not list(Draft202012Validator(child).iter_errors(child["default"]))


@pytest.mark.parametrize(("record", "definition", "own", "renamed"), RECORDS)
def test_a_record_has_just_the_properties_of_the_schema(record, definition, own, renamed):
    properties = {renamed.get(key, key) for key in OBJECTS[definition]["properties"]} - {""}
    assert set(record._fields) - own == properties


def test_every_record_is_held_against_the_schema():
    records = {
        record
        for module in (model, policy)
        for record in vars(module).values()
        if hasattr(record, "_fields") and record.__module__ == module.__name__
    }
    assert {record for record, *_ in RECORDS} == records


def test_the_smallest_spec_and_policy_have_a_value_for_every_field():
    smallest = spec_of(
        "packages: {a: {}}\ntargets: {x: {}}\nvariables: {V: {}}\nindexes: {i: {}}\n"
        "builds: {b: {command: [make], wheels: {a: '*.whl'}}}\n"
    )
    rules = policy_of("facts: {f: {from: ['package:version']}}\nchannels: {c: {version: '{f}'}}\n")
    records = [
        *(
            smallest,
            smallest.packages["a"],
            smallest.packages["a"].version,
            smallest.targets["x"],
            smallest.builds["b"],
        ),
        *(
            smallest.variables["V"],
            smallest.indexes["i"],
            smallest.gitlab,
            rules,
            rules.facts["f"],
            rules.channels[0],
        ),
    ]
    assert all(value is not None for record in records for value in record)


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> list[set[str]]:
    """Names of the files in a sdist and a wheel, built from what git would commit."""
    folder = tmp_path_factory.mktemp("truewheel")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run([sys.executable, "-m", "build", str(folder)], check=True, capture_output=True)
    with tarfile.open(next((folder / "dist").glob("*.tar.gz"))) as sdist:
        inside_sdist = {name.partition("/")[2] for name in sdist.getnames()}
    with zipfile.ZipFile(next((folder / "dist").glob("*.whl"))) as wheel:
        return [inside_sdist, set(wheel.namelist())]


@pytest.mark.slow
def test_sdist_and_wheel_have_the_schema_and_every_policy(built):
    sdist, wheel = built
    policies = [path.name for path in (ROOT / "src/truewheel/spec/policies").glob("*.yml")]
    assert policies
    assert {
        "schema/truewheel.schema.json",
        *(f"src/truewheel/spec/policies/{name}" for name in policies),
    } <= sdist
    assert {
        "truewheel/schema/truewheel.schema.json",
        *(f"truewheel/spec/policies/{name}" for name in policies),
    } <= wheel
    assert "truewheel/py.typed" in wheel
    assert {
        f"truewheel/workspace/locks/{name}.txt" for name in ("truewheel-tools", "truewheel-uv")
    } <= wheel
