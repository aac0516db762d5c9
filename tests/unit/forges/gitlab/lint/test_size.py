"""The estimate of memory, against what Ruby 3.1 was measured to take."""

from __future__ import annotations

import time
from typing import Any

import pytest
from lints import codes, files_of, found

from truewheel.forges.gitlab import limits
from truewheel.forges.gitlab.lint.size import estimate

JOB = """\
wheel:{0}:
  stage: build
  image: 'registry.example/builder/ubuntu24.04-x86_64:latest'
  tags: ['linux', 'x86_64']
  needs: []
  variables: {{CELL: 'server/ubuntu24.04/x86_64/cp{0}'}}
  script:
    - 'python scripts/compile_wheel.py --cell "$CELL"'
    - 'python scripts/repair_wheel.py --cell "$CELL" --platform manylinux_2_39_x86_64'
    - 'python scripts/test_wheel.py --cell "$CELL"'
    - 'python scripts/validate_wheels.py --cell "$CELL"'
  artifacts:
    {{paths: ['dist/'], expire_in: '1 week', reports: {{junit: 'report.xml', dotenv: 'build.env'}}}}
"""
SHARED = (
    ".base: &base {image: gcc, before_script: [a, b], tags: [c], cache: {paths: [d]}, "
    "retry: {max: 2}, script: [e]}\n"
)


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("a" * 23, 40), ("a" * 24, 65), ("é" * 12, 65), (1, 0), (True, 0), (None, 0), (1.5, 0),
        ([], 40), ([1, 2, 3], 40), ([1, 2, 3, 4], 200), (list(range(20)), 200),
        ({}, 40), ({"a": 1}, 208), ({str(key): 1 for key in range(8)}, 168 + 8 * 40),
        ({str(key): 1 for key in range(9)}, 928 + 9 * 40),
        ({str(key): 1 for key in range(200)}, 7264 + 200 * 40),
        ({str(key): 1 for key in range(3000)}, 114_784 + 3000 * 40),
    ],
)  # fmt: skip
def test_single_values(value: Any, size: int):
    assert estimate(value) == size


def jobs(count: int) -> str:
    return "".join(JOB.format(number) for number in range(count))


def test_a_thousand_plain_jobs_are_too_large_and_half_of_them_are_not():
    assert "parsed-size" not in codes(jobs(500))
    (problem,) = found(files_of(jobs(1000)), "error")
    assert problem.code == "parsed-size"
    assert "(an estimate)" in problem.message


def test_two_thousand_merges_of_an_anchor_are_too_large_and_the_same_with_extends_is_not():
    merged = SHARED + "".join(f"j{number}: {{<<: *base}}\n" for number in range(2000))
    extended = SHARED.replace("&base ", "") + "".join(
        f"j{number}: {{extends: .base}}\n" for number in range(2000)
    )
    assert len(merged) < 40_000
    assert "parsed-size" in [problem.code for problem in found(files_of(merged), "error")]
    assert found(files_of(extended), "error") == []


def test_near_the_limit_is_a_warning():
    text = "".join(f"j{number}: {{script: ['{'x' * 1000}']}}\n" for number in range(1500))
    size = estimate(files_of(text)["ci.yml"].data)
    assert 0.85 * limits.YAML_BYTES < size < 1.1 * limits.YAML_BYTES
    assert [
        problem.severity for problem in found(files_of(text)) if problem.code == "parsed-size"
    ] == ["warning"]


def test_aliases_of_aliases_are_measured_at_once():
    text = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    assert [problem.code for problem in found(files_of(text))] == ["parsed-size"]


def nested(levels: int, times: int) -> str:
    text = ".a0: {script: [x]}\n"
    for level in range(1, levels):
        names = ", ".join([f"!reference [.a{level - 1}, script]"] * times)
        text += f".a{level}: {{script: [{names}]}}\n"
    return text + f"job: {{script: [!reference [.a{levels - 1}, script]]}}\n"


def test_references_to_references_are_measured_at_once():
    began = time.monotonic()
    (problem,) = found(files_of(nested(9, 10)), "error")
    assert problem.code == "reference-size"
    assert "bring more than 200000 values" in problem.message
    assert time.monotonic() - began < 1.5


def test_references_as_people_write_them_are_not_too_many():
    assert found(files_of(nested(9, 2)), "error") == []
    jobs = "".join(f"j{number}: {{script: [!reference [.a0, script]]}}\n" for number in range(500))
    assert found(files_of(".a0: {script: [a, b, c, d, e]}\n" + jobs), "error") == []
