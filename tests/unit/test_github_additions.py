"""What a project adds to its workflows: overrides by kind or name, jobs of its own, and what fits no job."""

from __future__ import annotations

from typing import Any

import pytest
from specs import plan_of, spec_of

from truewheel import contract
from truewheel.emit import github
from truewheel.emit.actions import PINS
from truewheel.problems import Exit, Stop

SPEC = """\
truewheel: 1
packages: {foo: {smoke: s.py}}
targets: {rhel8: {base: 'r.example/el8@sha256:0'}, ubuntu24.04: {}}
github:
"""
PLACE = ".github/workflows/wheels-rhel8-x86_64.yml"


def workflows(additions: str) -> dict[str, dict[str, Any]]:
    spec = spec_of(SPEC + additions)
    made = plan_of(SPEC + additions, event="")
    policy = {**contract.declared(spec, plan_policy())}
    return github.documents(made, spec, policy, PINS)


def plan_policy():
    from pathlib import Path

    from truewheel import workspace

    return workspace.read_policy("plain", Path(), "naming")


def refusal(additions: str) -> list[str]:
    with pytest.raises(Stop) as stopped:
        workflows(additions)
    assert stopped.value.code is Exit.REFUSED
    return [str(problem) for problem in stopped.value.problems]


def test_an_override_by_kind_reaches_every_job_of_it():
    keys = "{timeout-minutes: 30, env: {CC: clang}, container: {options: --gpus all}}"
    made = workflows(f"  overrides: {{wheel: {keys}}}\n")
    job = made[PLACE]["jobs"]["wheel"]
    assert job["timeout-minutes"] == 30
    assert job["env"] == {"TRUEWHEEL_CELL": "${{ matrix.cell }}", "CC": "clang"}
    assert job["container"]["options"] == "--gpus all"
    assert made[PLACE]["jobs"]["test"]["timeout-minutes"] != 30
    assert made[".github/workflows/wheels-ubuntu24.04-x86_64.yml"]["jobs"]["wheel"]["timeout-minutes"] == 30


def test_an_override_by_name_reaches_one_workflow_and_null_removes():
    made = workflows("  overrides: {'wheels-rhel8-*/test': {runs-on: [self-hosted, gpu], permissions: null}}\n")
    assert made[PLACE]["jobs"]["test"]["runs-on"] == ["self-hosted", "gpu"]
    assert "permissions" not in made[PLACE]["jobs"]["test"]
    other = made[".github/workflows/wheels-ubuntu24.04-x86_64.yml"]["jobs"]["test"]
    assert other["runs-on"] == "ubuntu-24.04"


def test_calls_and_tool_jobs_are_kinds_too():
    made = workflows("  overrides: {call: {if: 'github.actor'}, prove: {timeout-minutes: 5}}\n")
    jobs = made[github.CALLER]["jobs"]
    assert jobs["prove"]["timeout-minutes"] == 5
    assert [name for name, job in jobs.items() if job.get("if") == "github.actor"] == [
        "wheels-rhel8-x86_64",
        "wheels-ubuntu24-04-x86_64",
    ]


def test_a_job_of_the_projects_own_stands_in_the_caller_as_it_was_written():
    made = workflows("  jobs: {lint: {runs-on: ubuntu-24.04, steps: [{run: make lint}]}}\n")
    assert made[github.CALLER]["jobs"]["lint"] == {"runs-on": "ubuntu-24.04", "steps": [{"run": "make lint"}]}


@pytest.mark.parametrize(
    ("additions", "told"),
    [
        ("  overrides: {wheels: {env: {A: b}}}\n", "truewheel.yml:5:15: no job is 'wheels'"),
        ("  overrides: {wheel: {timeout: 5}}\n", "truewheel.yml:5:23: jobs have no key 'timeout'"),
        ("  overrides: {wheel: {services: null}}\n", "truewheel.yml:5:23: wheel has no services to remove"),
        ("  overrides: {wheel: {env: {TRUEWHEEL_CELL: a}}}\n", "truewheel.yml:5:29: TRUEWHEEL_CELL is Truewheel's own"),
        ("  overrides: {wheel: {env: {PY: 3.10}}}\n", "truewheel.yml:5:33: 3.10 is read as the number 3.1"),
        ("  jobs: {plan: {runs-on: a}}\n", "truewheel.yml:5:10: the job plan is generated"),
        ("  jobs: {lint: {script: a}}\n", "truewheel.yml:5:17: jobs have no key 'script'"),
    ],
)
def test_what_fits_no_job_is_told_with_its_place(additions: str, told: str):
    (problem,) = refusal(additions)
    assert problem.startswith(told)
    assert "hint: " in problem
