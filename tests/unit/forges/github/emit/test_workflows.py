"""The GitHub documents.

A caller, a reusable workflow for each target and arch, and no expression in any `run`.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from paths import ROOT
from specs import plan_of, policy_of, spec_of

from truewheel.forges import pipelines
from truewheel.forges.github.actions import PINS, Pin
from truewheel.forges.github.emit import plan_rules, workflows
from truewheel.plan.images import Images
from truewheel.spec import variables
from truewheel.spec.forges import forge_of

POLICY = """
variables:
  FORGE: {scope: forge}
  IMAGE: {scope: image}
  TOKEN: {scope: secret}
  RELEASE: {choices: [dev, final], description: What to release., default: dev}
  SIGN: {choices: ['true', 'false'], description: Sign it., default: 'true'}
  NOTE: {}
facts: {base: {from: ['package:version']}}
channels: {default: {}}
"""
DIGEST = "sha256:" + "0" * 64
SPEC = f"""
project: p
packages: {{foo: {{smoke: smoke.py}}, bar: {{abi: none}}}}
targets:
  rhel8: {{base: 'registry.example/el8@{DIGEST}'}}
  ubuntu24.04: {{pythons: ['3.12', '3.13t']}}
arches: [x86_64, aarch64]
setup: ['. ci/setup.sh']
github: {{}}
"""
CROSS = "deb: {arches: [riscv64], floor: manylinux_2_39, runner: x86_64, toolchain: zig}"
INDEXES = """
indexes:
  own: {url: 'https://index.example/x', credentials: {username: USER, password: TOKEN}}
  open: {url: 'https://upload.index.example/legacy/'}
  named: {}
"""
FOLDER = ".github/workflows"


def documents(spec: str = SPEC, **request: Any) -> dict[str, dict[str, Any]]:
    plan, parsed = plan_of(spec, policy=POLICY, event="", **request), spec_of(spec)
    return workflows.documents(
        plan, parsed, variables.declared_variables(parsed, policy_of(POLICY)), PINS
    )


def problems(spec: str, policy: str = POLICY, **request: Any) -> list[str]:
    plan, parsed = plan_of(spec, policy=policy, event="", **request), spec_of(spec)
    return list(
        map(
            str,
            plan_rules.find_problems(
                plan, parsed, variables.declared_variables(parsed, policy_of(policy))
            ),
        )
    )


def caller(spec: str = SPEC) -> dict[str, Any]:
    return documents(spec)[f"{FOLDER}/wheels.yml"]


def all_jobs(files: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for document in files.values():
        yield from document["jobs"].values()


def runs(files: dict[str, dict[str, Any]]) -> list[str]:
    return [
        step["run"] for job in all_jobs(files) for step in job.get("steps", ()) if "run" in step
    ]


def step(job: dict[str, Any], action: str) -> list[dict[str, Any]]:
    """The inputs of every use of an action in a job."""
    return [
        candidate["with"]
        for candidate in job["steps"]
        if candidate.get("uses", "").startswith(f"actions/{action}@")
    ]


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


def test_one_reusable_workflow_for_each_target_and_arch_is_called():
    found = documents()
    places = [
        "rhel8-x86_64",
        "rhel8-aarch64",
        "ubuntu24.04-x86_64",
        "ubuntu24.04-aarch64",
        "any-any",
    ]
    files = [f"{FOLDER}/wheels-{place}.yml" for place in places]
    assert list(found) == [f"{FOLDER}/wheels.yml", *files]
    called = [job["uses"] for job in caller()["jobs"].values() if "uses" in job]
    assert called == [f"./{path}" for path in files]
    assert {json.dumps(found[path]["on"]) for path in files} == {'{"workflow_call": {}}'}


def test_every_cell_is_in_one_matrix():
    entries = [
        entry
        for job in all_jobs(documents())
        if job["name"].startswith("wheel ")
        for entry in job["strategy"]["matrix"]["include"]
    ]
    cells = {cell.id for cell in plan_of(SPEC, policy=POLICY, event="").cells}
    assert sorted(entry["cell"] for entry in entries) == sorted(cells)
    artifacts = [entry["artifact"] for entry in entries]
    assert len(set(artifacts)) == len(artifacts)
    assert not any(set(name) & set('":<>|*?\r\n\\/') for name in artifacts), (
        "GitHub takes no such names"
    )


def test_a_wheel_job_keeps_the_records_of_its_own_cells_alone():
    spec = SPEC.replace(
        "packages: {foo: {smoke: smoke.py}, bar: {abi: none}}",
        "builds: {both: {command: [make], wheels: {foo: 'foo-*.whl', bar: 'bar-*.whl'}}}\n"
        "packages: {foo: {}, bar: {}}",
    )
    job = documents(spec)[f"{FOLDER}/wheels-rhel8-aarch64.yml"]["jobs"]["wheel"]
    (entry,) = job["strategy"]["matrix"]["include"]
    assert entry["records"].splitlines() == [
        "dist/evidence/foo__rhel8__aarch64__cp312.*",
        "dist/evidence/bar__rhel8__aarch64__cp312.*",
    ]


def test_a_wheel_job_has_image_runner_values_by_environment_and_artifacts():
    job = documents()[f"{FOLDER}/wheels-rhel8-aarch64.yml"]["jobs"]["wheel"]
    assert job["runs-on"] == "ubuntu-24.04-arm"
    assert job["container"] == {"image": f"registry.example/el8@{DIGEST}"}
    assert job["env"] == {"TRUEWHEEL_CELL": "${{ matrix.cell }}"}
    assert job["strategy"]["fail-fast"] is False
    run = next(step_["run"] for step_ in job["steps"] if "run" in step_).splitlines()
    assert run[:2] == [". ci/setup.sh", 'truewheel compile --cell "$TRUEWHEEL_CELL"']
    assert step(job, "download-artifact") == [{"name": "plan.json", "path": "."}]
    (upload,) = step(job, "upload-artifact")
    assert (upload["name"], upload["path"], upload["if-no-files-found"]) == (
        "${{ matrix.artifact }}",
        "dist/*.whl\n${{ matrix.records }}",
        "error",
    )


def test_a_test_job_gets_the_wheels_of_its_place_and_pure_ones_and_keeps_verdicts():
    jobs = documents()[f"{FOLDER}/wheels-rhel8-x86_64.yml"]["jobs"]
    job = jobs["test"]
    assert job["needs"] == ["wheel"]
    assert job["strategy"]["matrix"]["include"] == [
        {"title": "rhel8 x86_64", "artifact": "test__rhel8__x86_64"}
    ]
    assert [got.get("pattern") for got in step(job, "download-artifact")] == [
        None,
        "wheel__*__rhel8__x86_64__*",
        "wheel__*__any__any__*",
    ]
    run = next(step_["run"] for step_ in job["steps"] if "run" in step_).splitlines()
    assert run == [". ci/setup.sh", "truewheel test --target rhel8 --arch x86_64"]
    upload = job["steps"][-1]
    assert upload["if"] == "always()", "the verdicts of a test that fails say why"
    assert upload["with"]["path"] == "dist/verdicts/foo__rhel8__x86_64__cp312.*.json"
    assert upload["with"]["if-no-files-found"] == "warn", "a test that failed early has said why"


def test_without_an_image_a_test_job_gets_the_pythons_of_all_its_cells():
    job = documents()[f"{FOLDER}/wheels-ubuntu24.04-x86_64.yml"]["jobs"]["test"]
    assert job["strategy"]["matrix"]["include"] == [
        {
            "title": "ubuntu24.04 x86_64",
            "artifact": "test__ubuntu24.04__x86_64",
            "version": "3.12\n3.13t",
        }
    ]


def test_a_place_waits_for_the_pure_wheels_that_its_tests_need():
    jobs = caller()["jobs"]
    assert jobs["wheels-rhel8-x86_64"]["needs"] == ["plan", "wheels-any-any"]
    assert jobs["wheels-any-any"]["needs"] == ["plan"]
    assert jobs["wheels-rhel8-x86_64"]["name"] == "rhel8 x86_64"


def test_pure_wheels_are_tested_beside_those_that_they_may_require():
    """Of two workflows, only one can wait for the other."""
    files = documents()
    assert list(files[f"{FOLDER}/wheels-any-any.yml"]["jobs"]) == ["wheel"]
    jobs = files[f"{FOLDER}/wheels-rhel8-x86_64.yml"]["jobs"]
    assert list(jobs) == ["wheel", "test", "test-any-any"]
    job = jobs["test-any-any"]
    assert job["needs"] == ["wheel"]
    assert "container" not in job
    assert [got.get("pattern") for got in step(job, "download-artifact")] == [
        None,
        "wheel__*__rhel8__x86_64__*",
        "wheel__*__any__any__*",
    ]


def test_one_of_several_test_jobs_of_a_place_names_its_cells_in_its_environment():
    packages = ", ".join(f"foo{number}: {{}}" for number in range(30))
    spec = (
        f"packages: {{{packages}}}\ntargets: {{rhel8: {{}}}}\npythons: ['3.12', '3.13']\n"
        "github: {}\n"
    )
    job = documents(spec)[f"{FOLDER}/wheels-rhel8-x86_64.yml"]["jobs"]["test"]
    entries = job["strategy"]["matrix"]["include"]
    assert [(entry["title"], entry["python"]) for entry in entries] == [
        (f"rhel8 x86_64 {tag}", tag) for tag in ("cp312", "cp313")
    ]
    assert entries[0]["cell"].split(",")[1] == "foo1/rhel8/x86_64/cp312"
    assert entries[0]["records"].splitlines()[1] == (
        "dist/verdicts/foo1__rhel8__x86_64__cp312.cp312.json"
    )
    run = next(step_["run"] for step_ in job["steps"] if "run" in step_)
    assert run == 'truewheel test --cell "$TRUEWHEEL_CELL" --python "$TRUEWHEEL_PYTHON"'


def test_without_an_image_a_job_gets_the_python_of_its_cell():
    job = documents()[f"{FOLDER}/wheels-ubuntu24.04-x86_64.yml"]["jobs"]["wheel"]
    assert "container" not in job
    assert step(job, "setup-python") == [{"python-version": "${{ matrix.version }}\n3.12"}]
    assert [entry["version"] for entry in job["strategy"]["matrix"]["include"]] == ["3.12", "3.13t"]
    pure = documents(SPEC.replace("github: {}", "github: {python: '3.14'}"))[
        f"{FOLDER}/wheels-any-any.yml"
    ]
    assert pure["jobs"]["wheel"]["strategy"]["matrix"]["include"][0]["version"] == "3.14"


def test_prove_waits_for_all_and_sees_every_wheel():
    jobs = caller()["jobs"]
    assert "needs" not in jobs["plan"]
    assert jobs["prove"]["needs"] == [
        "plan",
        *(name for name, job in jobs.items() if "uses" in job),
    ]
    plan, wheels, verdicts = step(jobs["prove"], "download-artifact")
    assert plan["name"] == step(jobs["plan"], "upload-artifact")[0]["name"]
    assert wheels == {"pattern": "wheel__*", "path": "dist/", "merge-multiple": True}
    assert verdicts == {"pattern": "test__*", "path": "dist/verdicts/", "merge-multiple": True}


def test_a_publish_job_runs_on_protected_tags_alone_and_never_twice_at_once():
    jobs = caller(SPEC + INDEXES)["jobs"]
    assert [name for name in jobs if name.startswith("publish")] == ["publish-own", "publish-open"]
    job = jobs["publish-own"]
    assert job["if"] == "github.ref_type == 'tag' && github.ref_protected"
    assert job["needs"] == ["prove", "attest"]
    assert job["environment"] == "own"
    assert job["runs-on"] == "ubuntu-24.04"
    assert job["concurrency"] == {"group": "p-publish-own", "cancel-in-progress": False}
    assert "env" not in job


def test_wheels_are_attested_before_they_are_uploaded():
    jobs = caller(SPEC + INDEXES)["jobs"]
    assert jobs["attest"]["if"] == jobs["publish-own"]["if"]
    assert "environment" not in jobs["attest"], (
        "an index that trusts the environment of a publish job knows it not"
    )
    steps = [each["uses"] for each in jobs["attest"]["steps"] if "uses" in each]
    assert [action.partition("@")[0] for action in steps] == [
        "actions/download-artifact",
        "actions/attest",
    ]
    (signed,) = step(jobs["attest"], "attest")
    assert signed["subject-path"].splitlines() == [
        *("dist/*.whl", "dist/copies/own/*.whl", "dist/copies/open/*.whl"),
    ]
    without = caller((SPEC + INDEXES).replace("github: {}", "github: {attestations: false}"))[
        "jobs"
    ]
    assert "attest" not in without
    assert without["publish-own"]["needs"] == ["prove"]
    assert "attest" not in caller()["jobs"], "nothing is published"


def test_permissions_are_the_least():
    for path, document in documents(SPEC + INDEXES).items():
        assert document["permissions"] == {}
        for name, job in document["jobs"].items():
            writes = {scope for scope, access in job["permissions"].items() if access != "read"}
            expected = {"names": {"pull-requests"}}.get(name, set())
            expected = {"id-token", "attestations"} if name == "attest" else expected
            expected = {"id-token"} if name == "publish-open" else expected
            assert writes == expected, (path, name)


def test_secrets_are_in_publish_jobs_alone():
    for document in documents(SPEC + INDEXES).values():
        for name, job in document["jobs"].items():
            assert name.startswith("publish") or not any("secrets." in text for text in texts(job))


def test_a_builder_image_of_the_own_registry_is_pushed_and_pulled_with_the_jobs_token():
    spec = SPEC + "images: {registry: ghcr.io/o/r}\n"
    image = "ghcr.io/o/r/builder/rhel8-x86_64:0123"
    files = documents(
        spec,
        images=Images({("rhel8", "x86_64"): image}, {"rhel8": f"registry.example/el8@{DIGEST}"}),
    )
    jobs = files[f"{FOLDER}/wheels-rhel8-x86_64.yml"]["jobs"]
    assert list(jobs) == ["container", "wheel", "test", "test-any-any"]
    assert jobs["container"]["permissions"] == {"contents": "read", "packages": "write"}
    assert jobs["container"]["env"]["CI_REGISTRY"] == "ghcr.io"
    (step_,) = [step for step in jobs["container"]["steps"] if step.get("id") == "container"]
    assert step_["run"].splitlines()[-1] == 'cat container.env >> "$GITHUB_OUTPUT"'
    told = "${{ steps.container.outputs.TRUEWHEEL_DIGEST_RHEL8_X86_64 }}"
    assert jobs["container"]["outputs"] == {"digest": told}
    digest = "${{ needs.container.outputs.digest }}"
    for kind, needs in {"wheel": ["container"], "test": ["container", "wheel"]}.items():
        assert jobs[kind]["needs"] == needs, "an output is seen by the jobs that need it"
        assert jobs[kind]["container"]["image"] == f"{image}@{digest}"
        assert jobs[kind]["env"]["TRUEWHEEL_DIGEST_RHEL8_X86_64"] == digest
    assert set(jobs["wheel"]["container"]["credentials"]) == {"username", "password"}
    assert jobs["wheel"]["permissions"]["packages"] == "read"
    call = files[f"{FOLDER}/wheels.yml"]["jobs"]["wheels-rhel8-x86_64"]
    assert call["permissions"]["packages"] == "write", (
        "a called workflow may not do more than the call"
    )


def test_every_action_is_pinned_to_a_commit_with_its_version_as_a_comment():
    text = "".join(
        pipelines.texts(
            plan_of(SPEC, policy=POLICY, event=""), spec_of(SPEC), policy_of(POLICY)
        ).values()
    )
    lines = [line for line in text.splitlines() if "uses: 'actions/" in line]
    assert lines
    for line in lines:
        assert re.fullmatch(
            r" +(- )?uses: 'actions/[a-z-]+@[0-9a-f]{40}' # v\d+\.\d+\.\d+", line
        ), line


def test_a_locked_commit_replaces_truewheels_own():
    pins = {"actions/checkout": Pin("f" * 40, "v7.9.9")}
    files = pipelines.texts(
        plan_of(SPEC, policy=POLICY, event=""), spec_of(SPEC), policy_of(POLICY), pins
    )
    assert f"actions/checkout@{'f' * 40}' # v7.9.9" in files[f"{FOLDER}/wheels.yml"]


def test_inputs_are_typed_from_the_declared_variables():
    triggers = caller()["on"]
    assert triggers["push"] == {"branches": ["main"], "tags": ["**"]}
    assert triggers["workflow_dispatch"]["inputs"] == {
        "RELEASE": {
            "type": "choice",
            "options": ["", "dev", "final"],
            "description": "What to release. Default: dev",
        },
        "SIGN": {"type": "boolean", "default": True, "description": "Sign it."},
        "NOTE": {"type": "string"},
        "truewheel_key": {
            "type": "string",
            "description": variables.BUILT_IN["TRUEWHEEL_KEY"].description,
        },
    }
    environment = caller()["jobs"]["plan"]["env"]
    assert environment["RELEASE"] == "${{ inputs.RELEASE || vars.RELEASE }}"
    assert environment["SIGN"] == "${{ github.event.inputs.SIGN || vars.SIGN }}", (
        "false is a value, too"
    )
    assert environment["TRUEWHEEL_PIPELINE_ID"] == "${{ github.run_id }}"
    assert not {"FORGE", "IMAGE", "TOKEN"} & environment.keys()


def test_a_run_that_somebody_gave_a_key_is_called_by_it():
    workflow = caller()
    assert workflow["run-name"].startswith(
        "${{ inputs.truewheel_key && format('{0} for {1} [{2}]', "
    )
    assert workflow["jobs"]["plan"]["env"]["TRUEWHEEL_KEY"] == "${{ inputs.truewheel_key }}"


def test_a_push_does_not_end_a_run_that_somebody_has_started():
    group = caller()["concurrency"]["group"]
    assert group.endswith("${{ github.ref }}-${{ inputs.truewheel_key || github.event_name }}")


def test_variables_above_the_limit_of_inputs_are_the_repositorys_alone():
    spec = SPEC + "variables: {" + ", ".join(f"V{number}: {{}}" for number in range(40)) + "}\n"
    workflow = caller(spec)
    assert len(workflow["on"]["workflow_dispatch"]["inputs"]) == workflows.INPUTS_LIMIT
    assert workflow["jobs"]["plan"]["env"]["V39"] == "${{ vars.V39 }}"


def test_a_matrix_has_256_jobs_at_most():
    packages = ", ".join(f"foo{number}: {{}}" for number in range(300))
    spec = f"packages: {{{packages}}}\ntargets: {{rhel8: {{}}}}\ngithub: {{}}\n"
    jobs = documents(spec)[f"{FOLDER}/wheels-rhel8-x86_64.yml"]["jobs"]
    assert {name: len(job["strategy"]["matrix"]["include"]) for name, job in jobs.items()} == {
        "wheel": 256,
        "wheel-1": 44,
        "test": 7,
    }


def test_sixty_places_share_the_reusable_workflows_that_one_run_may_have():
    targets = ", ".join(f"t{number}: {{}}" for number in range(30))
    spec = (
        f"packages: {{foo: {{}}}}\ntargets: {{{targets}}}\narches: [x86_64, aarch64]\ngithub: "
        f"{{}}\n"
    )
    files = documents(spec)
    assert len(files) == 1 + workflows.WORKFLOWS_LIMIT
    cells = [
        e["cell"]
        for job in all_jobs(files)
        if "strategy" in job
        for e in job["strategy"]["matrix"]["include"]
        if "cell" in e
    ]
    assert len(cells) == len(set(cells)) == 60
    assert list(files[f"{FOLDER}/wheels-1.yml"]["jobs"]) == [
        f"{kind}-{place}"
        for place in ("t0-x86_64", "t0-aarch64", "t1-x86_64")
        for kind in ("wheel", "test")
    ]


def test_ids_are_ids_for_any_name():
    names = ["a.b", "a-b", "A-B", "a_b", "wheel:foo", "ü"]
    ids = workflows._ids(names)
    assert list(ids) == names
    assert len({id_.lower() for id_ in ids.values()}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", id_) for id_ in ids.values())


@pytest.mark.parametrize(
    "folder",
    ["my scripts", "a'b", "$(touch x)", "a;b", "ümläut", "a${{ github.token }}b", "${{${{"],
)
def test_a_scripts_folder_of_any_name_is_one_word_of_the_shell_and_no_expression(folder: str):
    spec = SPEC + "scripts: '" + folder.replace("'", "''") + "'\n"
    files = documents(spec)
    for run in runs(files):
        assert "${{" not in run
    run = next(run for run in runs(files) if "compile" in run)
    assert shlex.split(run.splitlines()[1])[1] == f"{folder}/compile_wheel.py"


def test_no_run_has_an_expression_and_none_is_where_text_of_the_spec_stands():
    spec = (
        SPEC
        + INDEXES
        + "variables: {X: {description: 'a ${{ github.token }}', choices: ['${{ secrets.A }}']}}\n"
    )
    files = documents(spec)
    assert not any("${{" in run for run in runs(files))
    assert files[f"{FOLDER}/wheels.yml"]["on"]["workflow_dispatch"]["inputs"]["X"] == {
        "type": "string",
        "description": "a $ {{ github.token }}",
    }


LOGIN = "images: {registry: registry.example/g, credentials: {username: WHO, password: TOKEN}}\n"
BUILDERS = {("rhel8", "x86_64"): "registry.example/g/builder/rhel8-x86_64:0"}


def test_jobs_log_in_at_another_registry_with_what_their_caller_passes_on():
    spec = SPEC.replace("registry.example/el8@", "else.example/el8@") + LOGIN
    files = documents(spec, images=Images(references=BUILDERS))
    place = files[f"{FOLDER}/wheels-rhel8-x86_64.yml"]
    user, word = "${{ secrets.WHO || vars.WHO }}", "${{ secrets.TOKEN }}"
    for kind in ("wheel", "test"):
        assert place["jobs"][kind]["container"]["credentials"] == {
            "username": user,
            "password": word,
        }
    names = {
        "CI_REGISTRY": "registry.example",
        "CI_REGISTRY_USER": user,
        "CI_REGISTRY_PASSWORD": word,
    }
    assert place["jobs"]["container"]["env"] == names
    assert place["on"]["workflow_call"]["secrets"] == {
        "WHO": {"required": False},
        "TOKEN": {"required": False},
    }
    calls = {
        name: job for name, job in files[f"{FOLDER}/wheels.yml"]["jobs"].items() if "uses" in job
    }
    assert calls["wheels-rhel8-x86_64"]["secrets"] == {
        "WHO": "${{ secrets.WHO }}",
        "TOKEN": "${{ secrets.TOKEN }}",
    }
    assert [name for name, job in calls.items() if "secrets" in job] == ["wheels-rhel8-x86_64"], (
        "and to nobody else"
    )


SCHEDULES = """
schedules:
  nightly: {cron: '0 3 * * *', variables: {NOTE: "it's", RELEASE: 'true'}}
  weekly: {cron: '0 4 * * SUN', timezone: Europe/Berlin, variables: {NOTE: w}}
  resting: {cron: '0 5 * * *', active: false, variables: {NOTE: r}}
"""


def test_schedules_stand_in_the_workflow_and_their_values_come_first():
    workflow = caller(SPEC + SCHEDULES)
    times = [{"cron": "0 3 * * *"}, {"cron": "0 4 * * SUN", "timezone": "Europe/Berlin"}]
    assert workflow["on"]["schedule"] == times
    environment = workflow["jobs"]["plan"]["env"]
    note = environment["NOTE"]
    assert note.startswith(
        "${{ github.event.schedule == '0 4 * * SUN' && 'w' || "
        "github.event.schedule == '0 3 * * *' && 'it''s' || "
    )
    assert note.endswith(" || vars.NOTE }}")
    assert "'true' ||" in environment["RELEASE"]
    assert problems(SPEC + SCHEDULES) == []
    assert "schedule" not in caller()["on"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("active: false", "ref: main"), "GitHub's schedules build the default branch alone"),
        (("Europe/Berlin", "Pacific Time (US & Canada)"), "is no time zone for GitHub"),
        (("0 4 * * SUN", "0 3 * * *"), "weekly and nightly are one schedule for GitHub"),
        (("NOTE: w", "NOTE: 'a }} b'"), "GitHub would read a part of a }} b as an expression"),
    ],
)
def test_what_github_cannot_do_for_a_schedule_is_told(change: tuple[str, str], expected: str):
    (problem,) = problems(SPEC + SCHEDULES.replace(*change))
    assert expected in problem
    assert re.match(r"truewheel\.yml:\d+:\d+: ", problem)
    assert "hint: " in problem


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("setup: ['. ci/setup.sh']", "setup: ['echo ${{ x }}']"), "GitHub would evaluate ${{"),
        (("arches: [x86_64, aarch64]", "arches: [s390x]"), "GitHub has no runners of s390x"),
        (
            ("ubuntu24.04: {", f"{CROSS}\n  ubuntu24.04: {{"),
            "if there are none: named: [{arch: riscv64}]",
        ),
        (
            ("registry.example/el8@", "$REGISTRY/el8@"),
            "GitHub knows no variable in the name of an image",
        ),
        ((f"@{DIGEST}", ":8"), "warning: the tag of registry.example/el8:8 can move"),
        (
            ("github: {}", "github: {}\nvariables: {NOTE: {}, note: {}}"),
            "note and NOTE are one variable for GitHub",
        ),
        (
            ("github: {}", "github: {}\nvariables: {GITHUB_X: {}}"),
            "nobody can set GITHUB_X on GitHub",
        ),
    ],
    ids=["setup", "runner", "test runner", "variable", "tag", "case", "prefix"],
)
def test_what_github_would_refuse_or_misread_is_told_at_its_place(
    change: tuple[str, str], expected: str
):
    (problem,) = problems(SPEC.replace(*change))
    assert expected in problem
    assert re.match(r"truewheel\.yml:\d+:\d+: ", problem)
    assert "hint: " in problem


def test_a_good_spec_has_no_problems():
    assert problems(SPEC + INDEXES) == []


@pytest.mark.parametrize(
    ("registry", "expected"),
    [
        ("$CI_REGISTRY_IMAGE", "GitHub knows no variable"),
        ("registry.example/x", "own token is for ghcr.io alone"),
    ],
)
def test_a_registry_that_jobs_of_github_cannot_use_is_told(registry: str, expected: str):
    spec = SPEC + f"images: {{registry: '{registry}'}}\n"
    images = Images(
        {("rhel8", "x86_64"): f"{registry}/builder/rhel8-x86_64:0123"}, {"rhel8": f"x@{DIGEST}"}
    )
    (problem,) = problems(spec, images=images)
    assert expected in problem


def test_too_many_wheels_for_an_attestation_get_none():
    packages = ", ".join(f"foo{number}: {{}}" for number in range(400))
    spec = f"packages: {{{packages}}}\ntargets: {{rhel8: {{}}}}\ngithub: {{}}\n{INDEXES}"
    assert "attest" not in caller(spec)["jobs"]
    assert any("too many for an attestation" in problem for problem in problems(spec))


@pytest.mark.parametrize(
    ("keys", "forges"),
    [
        ("", {"gitlab"}),
        ("github: {}\n", {"github"}),
        ("gitlab: {}\n", {"gitlab"}),
        ("gitlab: {}\ngithub: {}\n", {"gitlab", "github"}),
    ],
)
def test_files_are_made_for_the_forges_of_the_spec(keys: str, forges: set[str]):
    spec = f"packages: {{foo: {{}}}}\ntargets: {{rhel8: {{}}}}\n{keys}"
    files = pipelines.texts(
        plan_of(spec, policy=POLICY, event=""), spec_of(spec), policy_of(POLICY)
    )
    assert {forge_of(path) for path in files} == forges


def test_runners_are_chosen_by_architecture_and_by_kind_of_job():
    keys = "test_runners: {x86_64: [self-hosted, gpu]}, tool_runner: [small]"
    files = documents(SPEC.replace("github: {}", f"github: {{{keys}}}"))
    labels = {
        f"{path}/{name}": job.get("runs-on")
        for path, document in files.items()
        for name, job in document["jobs"].items()
    }
    assert labels[f"{FOLDER}/wheels-rhel8-x86_64.yml/test"] == ["self-hosted", "gpu"]
    assert labels[f"{FOLDER}/wheels-rhel8-x86_64.yml/wheel"] == "ubuntu-24.04"
    assert labels[f"{FOLDER}/wheels-rhel8-aarch64.yml/test"] == "ubuntu-24.04-arm"
    assert labels[f"{FOLDER}/wheels.yml/plan"] == labels[f"{FOLDER}/wheels.yml/prove"] == "small"
    assert labels[f"{FOLDER}/wheels-any-any.yml/wheel"] == "ubuntu-24.04"


def test_every_block_of_the_page_is_a_spec_that_makes_workflows():
    text = (ROOT / "docs/github.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    start = "packages: {foo: {smoke: smoke.py}}\ntargets: {rhel8: {}}\narches: [x86_64, aarch64]\n"
    specs = [start + block for block in blocks]
    for spec in specs:
        assert documents(spec)
    runners = spec_of(specs[0]).github.runners
    assert (runners["x86_64"], runners["aarch64"]) == (
        ("ubuntu-24.04",),
        ("self-hosted", "linux", "arm64"),
    )


def test_images_of_proven_wheels_are_made_after_the_proof_and_not_for_pull_requests():
    spec = SPEC.replace(
        "rhel8: {",
        "rhel8: {family: rhel, container: {stages: {qa: {base: build, wheels: [foo]}}}, ",
        1,
    )
    spec += "images: {registry: ghcr.io/o/r}\n"
    files = documents(
        spec, images=Images({("rhel8", "x86_64"): "ghcr.io/o/r/builder/rhel8-x86_64:0123"})
    )
    job = files[f"{FOLDER}/wheels.yml"]["jobs"]["image-qa-rhel8-x86_64"]
    assert job["needs"] == ["plan", "prove"]
    assert job["if"] == "github.event_name != 'pull_request'"
    assert job["permissions"] == {"contents": "read", "packages": "write"}
    assert job["env"]["CI_REGISTRY"] == "ghcr.io"
    assert "container" not in job
    taken = [each["with"] for each in job["steps"] if "download" in each.get("uses", "")]
    assert [inputs.get("name") or inputs["artifact-ids"] for inputs in taken] == [
        "plan.json",
        "${{ needs.prove.outputs.artifact }}",
    ]
    assert not any("matrix." in text for text in texts(job)), "it is no matrix"
    words = "truewheel container --target rhel8 --arch x86_64 --stage qa --if-missing --push"
    assert job["steps"][-1]["run"].splitlines()[-1] == words


def test_wheels_that_are_compiled_from_afar_have_the_runners_for_that_and_their_tests_do_not():
    text = SPEC.replace("rhel8: {", "rhel8: {toolchain: zig, runner: x86_64, ", 1)
    jobs = documents(text)[f"{FOLDER}/wheels-rhel8-aarch64.yml"]["jobs"]
    assert (jobs["wheel"]["runs-on"], jobs["test"]["runs-on"]) == (
        "ubuntu-24.04",
        "ubuntu-24.04-arm",
    )


def test_the_note_is_written_by_a_step_of_its_own_that_may_fail():
    job = caller(SPEC)["jobs"]["names"]
    *before, post = job["steps"]
    assert post["continue-on-error"] is True
    assert post["env"] == {"GITHUB_TOKEN": "${{ github.token }}"}
    assert "note --output names.md" in post["run"]
    assert not any("GITHUB_TOKEN" in text for step_ in before for text in texts(step_))
    assert "GITHUB_TOKEN" not in job["env"]


def test_the_title_is_read_as_it_is_now():
    job = caller(SPEC + "merge_requests: {types: [fix]}\n")["jobs"]["title"]
    assert job["env"] == {"GITHUB_TOKEN": "${{ github.token }}"}
    assert job["permissions"] == {"contents": "read", "pull-requests": "read"}


def test_who_publishes_or_attests_takes_the_artifact_of_prove_by_its_id():
    jobs = caller(SPEC + INDEXES)["jobs"]
    assert jobs["prove"]["outputs"] == {"artifact": "${{ steps.kept.outputs.artifact-id }}"}
    (kept,) = [each for each in jobs["prove"]["steps"] if each.get("id") == "kept"]
    assert kept["with"]["name"] == "dist"
    for name in ("attest", "publish-own", "publish-open"):
        assert step(jobs[name], "download-artifact") == [
            {"path": "dist/", "artifact-ids": "${{ needs.prove.outputs.artifact }}"}
        ]
    runs = [each["run"] for each in jobs["attest"]["steps"] if "run" in each]
    (check,) = runs
    assert "sha256sum --check --strict SHA256SUMS" in check
