"""What a project adds to its workflows.

Overrides by kind or name, jobs of its own, and what fits no job.
"""

from __future__ import annotations

from typing import Any

import pytest
from specs import plan_of, spec_of

from truewheel.errors import Exit, Stop
from truewheel.forges.github.actions import PINS
from truewheel.forges.github.emit import workflows as github
from truewheel.spec import variables

SPEC = """\
truewheel: 1
packages: {foo: {smoke: s.py}}
targets: {rhel8: {base: 'r.example/el8@sha256:0'}, ubuntu24.04: {}}
github:
"""
PLACE = ".github/workflows/wheels-rhel8-x86_64.yml"


def workflows(additions: str) -> dict[str, dict[str, Any]]:
    spec = spec_of(SPEC + additions)
    plan = plan_of(SPEC + additions, event="")
    policy = {**variables.declared_variables(spec, plan_policy())}
    return github.documents(plan, spec, policy, PINS)


def plan_policy():
    from pathlib import Path

    from truewheel.workspace import loading

    return loading.read_policy("plain", Path(), "naming")


def refusal(additions: str) -> list[str]:
    with pytest.raises(Stop) as stopped:
        workflows(additions)
    assert stopped.value.code is Exit.REFUSED
    return [str(problem) for problem in stopped.value.problems]


def test_an_override_by_kind_reaches_every_job_of_it():
    keys = "{timeout-minutes: 30, env: {CC: clang}, container: {options: --gpus all}}"
    files = workflows(f"  overrides: {{wheel: {keys}}}\n")
    job = files[PLACE]["jobs"]["wheel"]
    assert job["timeout-minutes"] == 30
    assert job["env"] == {"TRUEWHEEL_CELL": "${{ matrix.cell }}", "CC": "clang"}
    assert job["container"]["options"] == "--gpus all"
    assert files[PLACE]["jobs"]["test"]["timeout-minutes"] != 30
    assert (
        files[".github/workflows/wheels-ubuntu24.04-x86_64.yml"]["jobs"]["wheel"]["timeout-minutes"]
        == 30
    )


def test_an_override_by_name_reaches_one_workflow_and_null_removes():
    files = workflows(
        "  overrides: {'wheels-rhel8-*/test': {runs-on: [self-hosted, gpu], permissions: null}}\n"
    )
    assert files[PLACE]["jobs"]["test"]["runs-on"] == ["self-hosted", "gpu"]
    assert "permissions" not in files[PLACE]["jobs"]["test"]
    other = files[".github/workflows/wheels-ubuntu24.04-x86_64.yml"]["jobs"]["test"]
    assert other["runs-on"] == "ubuntu-24.04"


def test_calls_and_tool_jobs_are_kinds_too():
    files = workflows("  overrides: {call: {if: 'github.actor'}, prove: {timeout-minutes: 5}}\n")
    jobs = files[github.CALLER]["jobs"]
    assert jobs["prove"]["timeout-minutes"] == 5
    assert [name for name, job in jobs.items() if job.get("if") == "github.actor"] == [
        "wheels-rhel8-x86_64",
        "wheels-ubuntu24-04-x86_64",
    ]


def test_a_job_of_the_projects_own_stands_in_the_caller_as_it_was_written():
    changed = workflows("  jobs: {lint: {runs-on: ubuntu-24.04, steps: [{run: make lint}]}}\n")
    assert changed[github.CALLER]["jobs"]["lint"] == {
        "runs-on": "ubuntu-24.04",
        "steps": [{"run": "make lint"}],
    }


KEYS = """
concurrency: {group: gpu, cancel-in-progress: false}
container: {image: r/x, credentials: {username: a, password: '${{ secrets.B }}'}, env: {A: b}}
continue-on-error: true
defaults: {run: {shell: bash}}
env: {HTTPS_PROXY: 'http://proxy.example:3128', PIP_INDEX_URL: 'https://index.example'}
environment: lab
if: "github.actor != 'bot'"
permissions: {packages: read}
runs-on: [self-hosted, gpu]
services: {db: {image: 'r.example/db@sha256:2', ports: ['5432:5432']}}
strategy: {max-parallel: 2, fail-fast: true}
timeout-minutes: 720
""".strip().splitlines()


@pytest.mark.parametrize("selector", ["wheel", "test", "'wheels-rhel8-*/wheel'", "'*/test'"])
@pytest.mark.parametrize("line", KEYS, ids=lambda line: line.partition(":")[0])
def test_every_key_of_every_job_can_be_changed(selector: str, line: str):
    import yaml

    (key, value), *_ = yaml.safe_load(line).items()
    name = "test" if "test" in selector else "wheel"
    plain, plain_files = (
        workflows(f"  overrides: {{{selector}: {{{each}}}}}\n")[PLACE]["jobs"]
        for each in ("name: x", line)
    )
    old = plain[name].get(key)
    assert plain_files[name][key] == (
        {**old, **value} if isinstance(value, dict) and isinstance(old, dict) else value
    )
    other = "test" if name == "wheel" else "wheel"
    assert plain_files[other] == plain[other]


def test_the_narrower_selector_wins_whatever_comes_first():
    files = workflows(
        "  overrides:\n"
        "    'wheels-rhel8-*/wheel': {timeout-minutes: 1}\n"
        "    wheel: {timeout-minutes: 2, env: {A: b}}\n"
    )
    assert files[PLACE]["jobs"]["wheel"]["timeout-minutes"] == 1
    assert files[PLACE]["jobs"]["wheel"]["env"]["A"] == "b"
    assert (
        files[".github/workflows/wheels-ubuntu24.04-x86_64.yml"]["jobs"]["wheel"]["timeout-minutes"]
        == 2
    )


@pytest.mark.parametrize("selector", ["wheel", "'wheels-ubuntu24.04-*/wheel'"])
def test_steps_of_the_project_stand_between_the_checkout_and_ours(selector: str):
    path = ".github/workflows/wheels-ubuntu24.04-x86_64.yml"
    plain = workflows("  {}\n")[path]["jobs"]
    jobs = workflows(f"  steps: {{{selector}: [{{uses: ./.github/cache}}, {{run: df}}]}}\n")[path][
        "jobs"
    ]
    own = [{"uses": "./.github/cache"}, {"run": "df"}]
    steps = plain["wheel"]["steps"]
    assert [step["uses"].partition("@")[0] for step in steps[:2]] == [
        "actions/checkout",
        "actions/setup-python",
    ]
    assert jobs["wheel"]["steps"] == [*steps[:2], *own, *steps[2:]]
    assert jobs["test"] == plain["test"]


def test_steps_reach_tool_jobs_too_and_no_job_that_only_calls():
    jobs = workflows("  steps: {prove: [{run: df}]}\n")[github.CALLER]["jobs"]
    assert {"run": "df"} in jobs["prove"]["steps"]
    assert refusal("  steps: {call: [{run: df}]}\n")[0].startswith(
        "truewheel.yml:5:11: no job is 'call'"
    )


@pytest.mark.parametrize(
    ("additions", "message"),
    [
        ("  overrides: {wheels: {env: {A: b}}}\n", "truewheel.yml:5:15: no job is 'wheels'"),
        ("  overrides: {wheel: {timeout: 5}}\n", "truewheel.yml:5:23: jobs have no key 'timeout'"),
        (
            "  overrides: {wheel: {services: null}}\n",
            "truewheel.yml:5:23: wheel has no services to remove",
        ),
        (
            "  overrides: {wheel: {env: {TRUEWHEEL_CELL: a}}}\n",
            "truewheel.yml:5:29: TRUEWHEEL_CELL is Truewheel's own",
        ),
        (
            "  overrides: {wheel: {env: {PY: 3.10}}}\n",
            "truewheel.yml:5:33: 3.10 is read as the number 3.1",
        ),
        ("  steps: {wheels: [{run: a}]}\n", "truewheel.yml:5:11: no job is 'wheels'"),
        (
            "  steps: {wheel: [{with: {a: 3.10}}]}\n",
            "truewheel.yml:5:30: 3.10 is read as the number 3.1",
        ),
        ("  jobs: {plan: {runs-on: a}}\n", "truewheel.yml:5:10: the job plan is generated"),
        ("  jobs: {lint: {script: a}}\n", "truewheel.yml:5:17: jobs have no key 'script'"),
    ],
)
def test_what_fits_no_job_is_told_with_its_place(additions: str, message: str):
    (problem,) = refusal(additions)
    assert problem.startswith(message)
    assert "hint: " in problem


@pytest.mark.parametrize("name", ["dist", "plan.json", "wheel__foo", "wheel__${{ matrix.x }}"])
def test_an_added_step_may_not_keep_an_artifact_that_generated_jobs_take(name: str):
    step = f"{{uses: actions/upload-artifact@v7, with: {{name: '{name}', path: dist/}}}}"
    for additions, line in (
        (f"  jobs: {{mine: {{runs-on: x, steps: [{{run: make}}, {step}]}}}}\n", "5:98"),
        (f"  steps: {{wheel: [{step}]}}\n", "5:67"),
    ):
        (problem,) = refusal(additions)
        assert f"truewheel.yml:{line}: {name!r} is the name of a generated artifact" in problem


def test_an_added_step_may_keep_artifacts_of_other_names():
    step = "{uses: actions/upload-artifact@v7, with: {name: wheels, path: dist/}}"
    workflows(f"  jobs: {{mine: {{runs-on: x, steps: [{step}]}}}}\n")
