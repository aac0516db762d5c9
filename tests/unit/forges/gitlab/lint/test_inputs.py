"""Inputs as GitLab judges them: lib/ci/inputs and lib/gitlab/ci/config/header of GitLab 18.11."""

from __future__ import annotations

import pytest
from lints import codes, files_of, found

JOB = "---\njob: {script: make}\n"


def header(inputs: str, job: str = "job: {script: make}") -> str:
    return f"spec:\n  inputs:\n    {inputs}\n---\n{job}\n"


@pytest.mark.parametrize(
    "inputs",
    [
        "a: {default: x}",
        "a: {default: 1}",
        "a: {type: number, default: 1.5}",
        "a: {type: number, default: '3'}",
        "a: {type: boolean, default: false}",
        "a: {type: boolean, default: 'true'}",
        "a: {type: array, default: []}",
        "a: {type: array, default: '[1, 2]'}",
        "a: {default: b, options: [a, b]}",
        "a: {default: '1', options: [1, 2]}",
        "a: {type: number, default: 2, options: [1, 2]}",
        "a: {default: v1.2, regex: '^v\\d\\.\\d+$'}",
        "a: {default: '', description: text}",
        (
            "a: {rules: [{if: '$[[ inputs.b ]] == \"x\"', options: [p], default: p}, "
            "{options: [q], default: q}]}\n    b: {default: x}"
        ),
        (
            "a: {rules: [{if: '$[[ inputs.b ]] == true', default: p}]}\n"
            "    b: {type: boolean, default: true}"
        ),
    ],
)
def test_a_header_that_gitlab_takes(inputs: str):
    assert codes(header(inputs)) == []


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ("a:", "missing-input"),
        ("a: {type: number, default: plenty}", "input-value"),
        ("a: {type: number, default: true}", "input-value"),
        ("a: {type: boolean, default: maybe}", "input-value"),
        ("a: {type: array, default: one}", "input-value"),
        ("a: {type: array, default: {b: c}}", "input-value"),
        ("a: {default: c, options: [a, b]}", "input-value"),
        ("a: {type: number, default: 3, options: [1, 2]}", "input-value"),
        ("a: {type: boolean, default: true, options: [true]}", "input-value"),
        ("a: {type: number, default: 3, regex: '3'}", "input-value"),
        ("a: {default: x1, regex: '^v'}", "input-value"),
        ("a: {default: x1, regex: '(?=x)'}", "input-value"),
        ("a: {default: x, options: [x, null]}", "wrong-value"),
        ("a: {default: x, type: text}", "wrong-value"),
        ("a: {default: x, kind: y}", "unknown-key"),
        ("a: {rules: {if: x}}", "wrong-type"),
        ("a: {default: x, rules: [{options: [x], default: x}]}", "exclusive-keys"),
        ("a: {options: [x], rules: [{options: [x], default: x}]}", "exclusive-keys"),
        ("a: {rules: [{options: [x], default: y}]}", "not-an-option"),
        ("a: {rules: [{if: '$[[ inputs.a', options: [x], default: x}]}", "bad-expression"),
        ("a: {rules: [{options: [x], default: x, when: never}]}", "unknown-key"),
        ("a: {rules: [{options: [x]}]}", "input-value"),
        ("a: {rules: [{if: '$[[ inputs.z ]] == \"x\"', default: x}]}", "unknown-input"),
        (("a: {rules: [{if: '$[[ inputs.b ]]', default: x}]}\n"
         "    b: {rules: [{if: '$[[ inputs.a ]]', default: x}]}"), "cyclic-inputs"),
    ],
)  # fmt: skip
def test_a_header_that_gitlab_refuses(inputs: str, code: str):
    assert code in codes(header(inputs))


def test_the_header_stands_alone_in_its_document():
    assert codes("spec: {}\nstages: [a]\n" + JOB) == ["unknown-key"]


@pytest.mark.parametrize(
    "text", ["spec:\n  component: [name, sha, colour]\n", "spec:\n  component: name\n"]
)
def test_words_of_a_component(text: str):
    assert len(codes(text + JOB)) == 1


PART = """
spec:
  inputs:
    zone:
    level: {default: low, options: [low, high]}
    count: {type: number, default: 1}
    live: {type: boolean, default: true}
---
"job $[[ inputs.zone ]]":
  script: echo $[[ inputs.level ]]
  parallel: $[[ inputs.count ]]
"""


@pytest.mark.parametrize(
    "given",
    [
        "{zone: a}",
        "{zone: a, level: high}",
        "{zone: 5}",
        "{zone: a, count: '2'}",
        "{zone: a, live: 'false'}",
    ],
)
def test_values_that_gitlab_takes(given: str):
    text = f"include: [{{local: part.yml, inputs: {given}}}]\njob: {{script: make}}\n"
    assert codes(text, part=PART) == []


@pytest.mark.parametrize(
    ("given", "code", "name"),
    [
        ("{}", "missing-input", "zone"),
        ("{zone: }", "missing-input", "zone"),
        ("{zone: a, level: middle}", "input-value", "level"),
        ("{zone: a, count: many}", "input-value", "count"),
        ("{zone: a, count: true}", "input-value", "count"),
        ("{zone: a, live: 1}", "input-value", "live"),
        ("{zone: a, colour: red}", "unknown-input", "colour"),
    ],
)
def test_values_that_gitlab_refuses_are_reported_where_they_are_given(
    given: str, code: str, name: str
):
    text = f"include:\n  - local: part.yml\n    inputs: {given}\njob: {{script: make}}\n"
    problem = found(files_of(text, part=PART), "error")[0]
    assert (problem.code, problem.where.file) == (code, "ci.yml")
    assert name in problem.message


def test_inputs_of_a_child_pipeline():
    text = "start: {{trigger: {{include: [{{local: part.yml, inputs: {0}}}]}}}}\n"
    assert codes(text.format("{zone: a}"), part=PART) == []
    assert codes(text.format("{zone: a, count: many}"), part=PART) == ["input-value"]


def test_inputs_are_passed_on():
    middle = "spec:\n  inputs:\n    n: {default: many}\n---\n"
    middle += "include: [{local: part.yml, inputs: {zone: a, count: '$[[ inputs.n ]]'}}]\n"
    text = "include: [{{local: middle.yml, inputs: {{n: {}}}}}]\njob: {{script: make}}\n"
    assert codes(text.format(2), middle=middle, part=PART) == []
    assert codes(text.format("x"), middle=middle, part=PART) == ["input-value"]


@pytest.mark.parametrize(
    "block",
    [
        "inputs.a",
        "inputs.a | truncate(0,2)",
        "inputs.a | expand_vars | posix_escape",
        "inputs.l[1]",
        "inputs.l[0].k",
        "matrix.PLACE",
    ],
)
def test_a_block_that_gitlab_takes(block: str):
    inputs = "a: {default: abc}\n    l: {type: array, default: [{k: v}, x]}"
    job = f"job: {{script: 'echo $[[ {block} ]]', parallel: {{matrix: [{{PLACE: [x]}}]}}}}"
    assert codes(header(inputs, job)) == []


@pytest.mark.parametrize(
    "block",
    [
        "inputs",
        "inputs.b",
        "input.a",
        "inputs.a.b",
        "inputs.a | upcase",
        "inputs.a | truncate(1)",
        "inputs.a | truncate(a,b)",
        "inputs.a | truncate(0,1) | truncate(0,1) | truncate(0,1) | truncate(0,1)",
        "inputs.n | truncate(0,1)",
        "inputs.l | expand_vars",
        "inputs.l[2]",
        "inputs.l[-1]",
        "inputs.a[0]",
        "inputs.l[0].z",
        "component.name",
    ],
)
def test_a_block_that_gitlab_refuses(block: str):
    inputs = "a: {default: abc}\n    n: {type: number, default: 1}\n"
    inputs += "    l: {type: array, default: [{k: v}, x]}"
    problem = found(files_of(header(inputs, f"job: {{script: 'echo $[[ {block} ]]'}}")))[0]
    assert problem.code in {"interpolation", "unknown-input"}
    assert problem.where.line == 7


def test_a_value_that_is_all_of_a_scalar_keeps_its_type():
    inputs = "tag: {default: gcc}\n    rules: {type: array, default: [{when: always}]}"
    job = "job: {script: make, tags: ['$[[ inputs.tag ]]'], rules: '$[[ inputs.rules ]]'}"
    assert codes(header(inputs, job)) == []
    assert codes(header(inputs.replace("always", "ever"), job)) == ["wrong-value"]


def test_a_value_of_text_is_read_as_json_where_the_input_is_none():
    part = "spec:\n  inputs:\n    tries: {type: number}\n---\n"
    part += "deploy: {script: make, retry: '$[[ inputs.tries ]]'}\n"
    text = "include: [{local: part.yml, inputs: {tries: '1'}}]\n"
    assert codes(text, part=part) == []
    assert codes(text.replace("'1'", "'9'"), part=part) == ["out-of-range"]


def test_inputs_from_other_files():
    shared = "inputs:\n  place: {default: eu, options: [eu, us]}\n"
    text = "spec:\n  include: [{{local: shared.yml}}]\n  inputs: {{{0}}}\n---\n"
    text += "job: {{script: 'echo $[[ inputs.place ]] $[[ inputs.a ]]'}}\n"
    assert codes(text.format("a: {default: b}"), shared=shared) == []
    assert codes(text.format("a: {default: b}"), shared=shared + "jobs: {}\n") == ["include-kind"]
    assert codes(text.format("a: {default: b}")) == ["include-missing"]
    twice = text.format("a: {default: b}, place: {default: x}")
    assert "duplicate-input" in codes(twice, shared=shared)


@pytest.mark.parametrize(
    "item",
    ["{local: a.yml, inputs: {b: c}}", "{local: a.yml, rules: []}", "{template: A.yml}", "{}"],
)
def test_entries_of_spec_include_that_gitlab_refuses(item: str):
    text = f"spec:\n  include: [{item}]\n{JOB}"
    assert {"unknown-key", "include-kind"} & set(codes(text, a="inputs: {a: {default: b}}\n"))


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ("a: {default: b}", []),
        ("a: {default: b, options: [b]}", []),
        ("a: {options: [b]}", ["missing-value"]),
        ("a: {type: number, default: b}", ["input-value"]),
    ],
)
def test_inputs_of_a_job_have_a_default(inputs: str, expected: list[str]):
    assert codes(f"job: {{script: make, inputs: {{{inputs}}}}}\n") == expected
