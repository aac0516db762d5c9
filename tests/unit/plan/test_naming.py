"""Naming: the truth table, where each value came from, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.tags import parse_tag
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version
from paths import ROOT
from specs import policy_of

from truewheel.errors import Problem, Stop, Where
from truewheel.plan import naming
from truewheel.plan.model import Fact, Variable
from truewheel.plan.naming import Composed, Sources
from truewheel.spec.policy import Policy
from truewheel.workspace import loading

TRUTH = yaml.safe_load((ROOT / "tests").joinpath("cases/naming_truth.yml").read_bytes())
TRITON = loading.read_policy("triton-2026.04", Path(), Where("naming"))
WHERE = Where("f.yml", 3, 1)
CUDA_FILE = "/usr/local/cuda/version.json"


def sources_of(env: Mapping[str, str], *, version: str = "1.0", **others: Any) -> Sources:
    variables = {
        name: Variable(value=value, origin="environment", scope="pipeline")
        for name, value in env.items()
    }
    return Sources(
        variables=variables,
        **{"options": {}, "version": version, "version_origin": "VERSION", **others},
    )


def named(policy: Policy, sources: Sources) -> tuple[Composed, dict[str, Fact], list[Problem]]:
    facts, problems = naming.resolve_all(policy, sources, WHERE)
    channel = naming.channel_of(policy, sources.variables, facts)
    assert channel
    return naming.compose(policy, channel, facts, WHERE), facts, problems


def policy_with(rule: str, channel: str = "version: '1'") -> Policy:
    """Return a policy of the variables A and B, one fact x with this rule, and one channel."""
    text = (
        f"variables: {{A: {{}}, B: {{}}}}\nfacts: {{x: {{{rule}}}}}\n"
        f"channels: {{default: {{{channel}}}}}\n"
    )
    return policy_of(text)


def refusal(policy: Policy, env: Mapping[str, str], version: str = "1.0") -> str:
    with pytest.raises(Stop) as stopped:
        named(policy, sources_of(env, version=version))
    return str(stopped.value)


def triton(**env: str) -> tuple[Composed, dict[str, Fact], list[Problem]]:
    return named(TRITON, sources_of(env))


# the truth table


@pytest.mark.parametrize("case", TRUTH, ids=lambda case: f"{case['policy']}-{case['id']}")
def test_truth(case):
    policy = loading.read_policy(case["policy"], Path(), Where("naming"))
    sources = sources_of(
        case["env"],
        version=case["base"],
        options=case.get("options", {}),
        cell={key: case[key] for key in ("package", "python", "abi", "platform")},
        read_file=case.get("files", {}).get,
        in_image=True,
    )
    made, _, _ = named(policy, sources)
    composed = (
        made
        if case.get("variant_labels")
        else Composed(made.version, made.build, made.distribution)
    )
    platform = naming.chosen_platform(case["platform"], policy.platform)
    tag = f"{case['python']}-{case['abi']}-{platform}"
    assert composed.wheel(case["package"], tag) == case["wheel"]


def test_the_ids_of_the_truth_table_are_unique():
    ids = [(case["policy"], case["id"]) for case in TRUTH]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    "case", [case for case in TRUTH if not case.get("variant_labels")], ids=lambda case: case["id"]
)
def test_every_true_name_is_a_wheel_name_to_packaging(case):
    name, version, _, tags = parse_wheel_filename(case["wheel"])
    assert case["wheel"].startswith(f"{name.replace('-', '_')}-{version}-")
    assert tags == parse_tag("-".join(case["wheel"].removesuffix(".whl").split("-")[-3:]))


# where a value comes from


def test_a_fact_tells_its_source_and_why_not_the_ones_before():
    fact = triton(NVIDIA_UPSTREAM_VERSION="", TRITON_CONTAINER_VERSION=" 26.12 ")[1]["nv"]
    assert (fact.value, fact.raw, fact.source, fact.origin) == (
        *("26.12", "26.12", "env:TRITON_CONTAINER_VERSION", "environment"),
    )
    assert naming.source_of(fact) == "TRITON_CONTAINER_VERSION=26.12 (environment)"
    assert naming.skip_reasons(fact) == [
        "NVIDIA_UPSTREAM_VERSION is set but empty",
        "NVIDIA_TRITON_SERVER_VERSION is not set",
    ]


def test_a_fact_without_a_value_tells_why_of_every_source():
    fact = triton(CI_PIPELINE_ID="<unknown>", NVIDIA_BUILD_ID="a-1", BUILD_NUMBER=" ")[1][
        "pipeline"
    ]
    assert (fact.value, naming.source_of(fact)) == (None, "")
    assert naming.skip_reasons(fact) == [
        "TRUEWHEEL_BUILD_TAG is not set",
        "TRUEWHEEL_PIPELINE_ID is not set",
        "CI_PIPELINE_ID is '<unknown>', which means none",
        "NVIDIA_BUILD_ID does not match [0-9][0-9A-Za-z_.]*",
        "BUILD_NUMBER is set but empty",
    ]


def test_flags_and_the_package_are_sources_too():
    flag = named(TRITON, sources_of({}, options={"release-version": "2.0"}))[1]["base"]
    assert (flag.value, naming.source_of(flag)) == (
        "2.0",
        "--release-version=2.0 (--release-version)",
    )
    own = named(TRITON, sources_of({}))[1]["base"]
    assert (own.value, own.source, own.origin) == ("1.0", "package:version", "VERSION")
    assert naming.skip_reasons(own) == [
        "--release-version is not set",
        "TRITON_RELEASE_VERSION is not set",
    ]


def test_what_is_written_is_not_what_was_read():
    fact = triton(CUDA_VERSION="13.2.1")[1]["cuda"]
    assert (fact.value, fact.raw) == ("132", "13.2.1")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, f"{CUDA_FILE} does not exist"),
        ('{"cuda": {"version": " "}}', f"{CUDA_FILE} is set but empty"),
        ('{"cuda": {"version": "13', f"{CUDA_FILE} has no text at /cuda/version"),
        ('{"cuda": {"version": 13.2}}', f"{CUDA_FILE} has no text at /cuda/version"),
        ('{"cuda": {"name": "x"}}', f"{CUDA_FILE} has no text at /cuda/version"),
        ('{"cuda": "13.2"}', f"{CUDA_FILE} has no text at /cuda/version"),
        ('["13.2"]', f"{CUDA_FILE} has no text at /cuda/version"),
        ("", f"{CUDA_FILE} has no text at /cuda/version"),
        ("[" * 100_000, f"{CUDA_FILE} has no text at /cuda/version"),
        ("9" * 5000, f"{CUDA_FILE} has no text at /cuda/version"),
    ],
)
def test_a_file_without_the_value_is_told(text, told):
    sources = sources_of({}, read_file={CUDA_FILE: text}.get, in_image=True)
    composed, facts, problems = named(TRITON, sources)
    assert (composed.version, problems) == ("1.0", [])
    assert naming.skip_reasons(facts["cuda"]) == ["CUDA_VERSION is not set", told]


def test_a_file_of_the_image_is_not_read_for_a_plan():
    sources = sources_of({}, read_file=lambda path: pytest.fail(f"reads {path}"))
    assert (
        naming.skip_reasons(named(TRITON, sources)[1]["cuda"])[-1]
        == f"{CUDA_FILE} is read only in the job"
    )


# guards


def test_a_dropped_part_is_a_warning_with_what_follows():
    composed, facts, (problem,) = triton(CUDA_VERSION="abc", CI_PIPELINE_ID="1")
    assert (composed.version, composed.build) == ("1.0", "1")
    assert naming.skip_reasons(facts["cuda"]) == [
        r"CUDA_VERSION does not match (\d+)\.(\d+)(\..*)?"
    ]
    assert str(problem) == (
        r"f.yml:3:1: warning: the fact cuda: CUDA_VERSION does not match "
        r"(\d+)\.(\d+)(\..*)?"
        "\n    hint: the name is written without cuda"
    )


@pytest.mark.parametrize(
    ("otherwise", "severities"),
    [("error", ["error"]), ("drop", ["warning"]), ("none", []), ("next", [])],
)
def test_what_does_not_match_does_what_the_policy_says(otherwise, severities):
    policy = policy_with(
        f"from: ['env:A', 'env:B'], match: '[0-9]+', otherwise: {otherwise}",
        "version: '1', local: ['{x}']",
    )
    composed, _, problems = named(policy, sources_of({"A": "a", "B": "2"}))
    assert [problem.severity for problem in problems] == severities
    assert composed.version == ("1+2" if otherwise == "next" else "1")


@pytest.mark.parametrize(
    ("match", "write", "raw", "value"),
    [
        ("", "", "a b", "a b"),
        ("", "v{0}", "a\nb", "va\nb"),
        ("v(.*)", "", "v1", "v1"),
        ("v(.*)", "{1}", "v1", "1"),
        ("(a)?(b)?", "{2}-{1}", "b", "b-"),
        ("(.)(.)", "{2:02}{1:upper}", "x7", "07X"),
    ],
)
def test_a_value_is_written_from_the_groups_of_its_match(match, write, raw, value):
    policy = policy_with(f"from: ['env:A'], match: '{match}', write: '{write}'")
    assert named(policy, sources_of({"A": raw}))[1]["x"].value == value


def test_a_value_of_which_nothing_is_left_is_absent():
    policy = policy_with("from: ['env:A', 'env:B'], match: 'v(.*)', write: '{1}'")
    fact = named(policy, sources_of({"A": "v", "B": "v2"}))[1]["x"]
    assert (fact.value, naming.skip_reasons(fact)) == ("2", ["A is 'v', which gives an empty text"])


def test_a_match_is_ascii():
    policy = policy_with(r"from: ['env:A'], match: '\d+', otherwise: none")
    assert named(policy, sources_of({"A": "٤"}))[1]["x"].value is None


# channels


@pytest.mark.parametrize(
    ("conditions", "value", "is_met"),
    [
        ("'true'", "true", True),
        ("'true'", " true ", True),
        ("'true'", "True", False),
        ("'true'", "", False),
        ("''", "", True),
        ("''", None, True),
        ("''", "x", False),
        ("'!true'", "", True),
        ("'!'", "x", True),
        ("'!'", None, False),
        (r"'/v\d+/'", "v12", True),
        (r"'/v\d+/'", "v12x", False),
        (r"'!/v\d+/'", "v12x", True),
        ("'{base}'", "1.0", True),
        ("'{base}'", "1.1", False),
    ],
)
def test_the_first_channel_whose_conditions_hold_applies(conditions, value, is_met):
    text = (
        "variables: {A: {}}\nfacts: {base: {from: ['package:version']}}\n"
        f"channels: {{one: {{when: {{A: {conditions}}}, version: '1'}}, "
        "two: {version: '2'}, three: {}}\n"
    )
    composed, _, _ = named(policy_of(text), sources_of({} if value is None else {"A": value}))
    assert composed.version == ("1" if is_met else "2")


# what is refused


def test_a_missing_version_says_what_to_set():
    policy = policy_with("from: ['option:release-version', 'package:version']", "version: '{x}'")
    assert refusal(policy, {}, version="") == (
        "f.yml:3:1: no version: the channel default needs the fact x, which has no value\n"
        "    hint: set one of its sources: --release-version is not set; "
        "the package's version is set but empty"
    )


@pytest.mark.parametrize(
    "version",
    [
        "x",
        "1.0-",
        "1.0+",
        "1.0+a b",
        "\u0663.1",
        "1.0+\u017f",
        "1.0po\u017ft1",
        "1..0",
        "1.0\x001",
        "9" * 5000,
    ],
)
def test_what_is_no_version_is_refused(version):
    told = refusal(policy_with("from: ['package:version']", "version: '{x}'"), {}, version)
    assert "is no version\n    hint: PEP 440: " in told
    assert "\x00" not in told


@pytest.mark.parametrize("build", ["a1", "1-2", "1 2", "\u0664", "1/2", "1\x00"])
def test_what_is_no_build_tag_is_refused(build):
    told = refusal(policy_with("from: ['env:A']", "version: '1', build: '{x}'"), {"A": build})
    assert "is no build tag\n    hint: PEP 427: a digit, then letters, digits, _ and ." in told


@pytest.mark.parametrize("project", ["-a", "a b", "ä", "a/../b"])
def test_what_is_no_project_name_is_refused(project):
    text = (
        "distribution: '{x}'\nvariables: {A: {}}\n"
        "facts: {x: {from: ['env:A']}}\nchannels: {c: {version: '1'}}\n"
    )
    assert "is no name of a project\n    hint: PEP 508: " in refusal(
        policy_of(text), {"A": project}
    )


# tags


@pytest.mark.parametrize(
    ("floor", "arch", "rule", "tag"),
    [
        ("manylinux_2_28", "x86_64", "keep", "manylinux_2_28_x86_64"),
        ("manylinux2014", "x86_64", "keep", "manylinux2014_x86_64.manylinux_2_17_x86_64"),
        ("manylinux_2_17", "aarch64", "keep", "manylinux2014_aarch64.manylinux_2_17_aarch64"),
        ("manylinux2010", "i686", "", "manylinux2010_i686.manylinux_2_12_i686"),
        ("manylinux1", "x86_64", "keep", "manylinux1_x86_64.manylinux_2_5_x86_64"),
        ("manylinux2014", "x86_64", "highest", "manylinux_2_17_x86_64"),
        ("manylinux_2_17", "x86_64", "legacy", "manylinux2014_x86_64"),
        ("manylinux_2_28", "x86_64", "legacy", "manylinux_2_28_x86_64"),
        ("musllinux_1_2", "aarch64", "highest", "musllinux_1_2_aarch64"),
        ("linux", "x86_64", "keep", "linux_x86_64"),
        ("linux", "x86_64", "highest", "linux_x86_64"),
    ],
)
def test_platform_tags(floor, arch, rule, tag):
    assert naming.platform_tag(floor, arch, rule) == tag


@pytest.mark.parametrize(
    ("abi", "python", "tags"),
    [
        ("cpython", "cp312", ("cp312", "cp312")),
        ("cpython", "cp313t", ("cp313", "cp313t")),
        ("abi3", "cp310", ("cp310", "abi3")),
        ("none", "py3", ("py3", "none")),
    ],
)
def test_python_tags(abi, python, tags):
    assert naming.python_tags(abi, python) == tags


@pytest.mark.parametrize("project", ["Foo.Bar", "foo-bar", "FOO__bar", "a", "A.-_b"])
def test_project_names_are_written_as_wheels_write_them(project):
    assert naming.normalized(project) == canonicalize_name(project).replace("-", "_")


def test_versions_are_written_as_packaging_writes_them():
    composed, _, _ = named(
        TRITON, sources_of({"NVIDIA_UPSTREAM_VERSION": "26.04_Py3"}, version="V1.0-Alpha.2")
    )
    assert composed.version == str(Version("V1.0-Alpha.2+nv26.04_Py3")) == "1.0a2+nv26.4.py3"


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/tools/1/version", "b"),
        ("/a~1b/~0", "odd"),
        ("/tools/7/version", None),
        ("/tools/-/version", None),
        ("/tools/x", None),
        ("/a~1b", None),
    ],
)
def test_a_pointer_leads_through_lists_and_odd_keys(pointer: str, value: str | None):
    policy = policy_with(f"from: ['json:versions.json#{pointer}']")
    document = '{"tools": [{"version": "a"}, {"version": "b"}], "a/b": {"~": "odd"}}'
    sources = sources_of({}, read_file={"versions.json": document}.get)
    assert naming.resolve(policy.facts["x"], sources)[0].value == value
