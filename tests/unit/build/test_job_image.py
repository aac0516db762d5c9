"""The image against the plan: variables first, then the facts that its files lead to."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import projects
import pytest
from registries import Registry, serving
from specs import policy_of

from truewheel.build.job_image import compare_image, running
from truewheel.errors import Exit, Stop
from truewheel.plan.model import Cell, Fact, Plan, Variable

MANYLINUX = f"manylinux_2_28_{projects.ARCH}"
IMAGE = """\
variables: {CUDA_VERSION: {scope: image}, CI_PIPELINE_ID: {scope: forge}}
facts: {base: {from: ['package:version']}, cuda: {from: ['env:CUDA_VERSION']}}
channels: {default: {local: ['cu{cuda}']}}
"""


def image_plan(cell: Cell, **more: object) -> Plan:
    return projects.plan(cell, policy=policy_of(IMAGE).data, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("provides", "here", "message"),
    [
        ({"CUDA_VERSION": "13.2"}, {"CUDA_VERSION": "13.2"}, ""),
        ({}, {}, ""),
        ({}, {"CUDA_VERSION": ""}, ""),
        ({"CUDA_VERSION": ""}, {}, ""),
        ({}, {"CI_PIPELINE_ID": "77"}, ""),
        (
            {"CUDA_VERSION": "13.2"},
            {"CUDA_VERSION": "12.9"},
            "CUDA_VERSION is 12.9 in this image, but 13.2 in the plan",
        ),
        (
            {"CUDA_VERSION": "13.2"},
            {},
            "CUDA_VERSION is absent in this image, but 13.2 in the plan",
        ),
        (
            {"CUDA_VERSION": "13.2"},
            {"CUDA_VERSION": ""},
            "CUDA_VERSION is absent in this image, but 13.2 in the plan",
        ),
        (
            {},
            {"CUDA_VERSION": "12.9"},
            "CUDA_VERSION is 12.9 in this image, but absent in the plan",
        ),
    ],
)
def test_the_image_is_compared_with_the_plan(
    provides: dict[str, str], here: dict[str, str], message: str
) -> None:
    cell = projects.cell(platform_tag=MANYLINUX)
    plan = image_plan(cell, provides=provides)
    if not message:
        compare_image(plan, cell, here)
        return
    with pytest.raises(Stop) as stopped:
        compare_image(plan, cell, here)
    assert stopped.value.code is Exit.WHEEL
    assert stopped.value.problems[0].message == message
    assert "targets.box.provides" in stopped.value.problems[0].hint


def test_a_value_given_with_v_is_what_the_image_must_have() -> None:
    cell = projects.cell(platform_tag=MANYLINUX)
    given_value = {"CUDA_VERSION": Variable(value="14.0", origin="-v", scope="image")}
    plan = image_plan(cell, provides={"CUDA_VERSION": "13.2"}, variables=given_value)
    compare_image(plan, cell, {"CUDA_VERSION": "14.0"})
    with pytest.raises(Stop, match=r"CUDA_VERSION is 13\.2 in this image, but 14\.0 in the plan"):
        compare_image(plan, cell, {"CUDA_VERSION": "13.2"})


def test_a_laptop_is_not_the_image_and_a_pure_package_has_none() -> None:
    native, pure = projects.cell(platform_tag=MANYLINUX), projects.cell()
    compare_image(image_plan(native, local=True), native, {"CUDA_VERSION": "12.9"})
    compare_image(image_plan(pure), pure, {"CUDA_VERSION": "12.9"})


@pytest.mark.parametrize(
    ("planned", "content", "message"),
    [
        ("13.2", {"cuda": {"version": "13.2"}}, ""),
        (
            "13.2",
            {"cuda": {"version": "12.9"}},
            "the fact cuda is 12.9 in this image, but 13.2 in the plan",
        ),
        (
            None,
            {"cuda": {"version": "12.9"}},
            "the fact cuda is 12.9 in this image, but absent in the plan",
        ),
        ("13.2", {}, "the fact cuda is absent in this image, but 13.2 in the plan"),
        (None, None, ""),
    ],
)
def test_a_file_of_the_image_is_compared_too(
    tmp_path: Path, planned: str | None, content: object, message: str
) -> None:
    file = tmp_path / "version.json"
    if content is not None:
        file.write_text(json.dumps(content))
    rules = (
        f"facts: {{cuda: {{from: ['json:{file}#/cuda/version']}}}}\nchannels: "
        f"{{default: {{version: '1'}}}}\n"
    )
    cell = projects.cell(platform_tag=MANYLINUX)._replace(facts={"cuda": Fact(value=planned)})
    plan = projects.plan(cell, policy=policy_of(rules).data)
    if not message:
        compare_image(plan, cell, {})
        return
    with pytest.raises(Stop) as stopped:
        compare_image(plan, cell, {})
    assert stopped.value.code is Exit.WHEEL
    assert [problem.message for problem in stopped.value.problems] == [message]


DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("env", "name", "digest"),
    [
        ({}, "", ""),
        (
            {"TRUEWHEEL_IMAGE": "localhost/b:1", "TRUEWHEEL_IMAGE_DIGEST": DIGEST},
            "localhost/b:1",
            DIGEST,
        ),
        ({"CI_JOB_IMAGE": f"r.example/b:1@{DIGEST}", "CI": "true"}, "r.example/b:1", DIGEST),
        ({"GITHUB_ACTIONS": "true"}, "r.example/base", DIGEST),
    ],
    ids=["none", "engine", "gitlab", "github"],
)
def test_the_image_of_a_job_is_known_with_its_digest(
    env: dict[str, str], name: str, digest: str
) -> None:
    cell = projects.cell(platform_tag=MANYLINUX)
    plan = replace(image_plan(cell), images={f"box/{projects.ARCH}": f"r.example/base@{DIGEST}"})
    assert running(plan, cell, env) == {"name": name, "digest": digest}


def test_a_job_of_a_forge_asks_the_registry_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    cell = projects.cell(platform_tag=MANYLINUX)
    with serving(Registry()) as registry:
        digest = registry.keep("b", "1", b"{}")
        job = {"CI_JOB_IMAGE": f"{registry.host}/b:1", "CI": "true"}
        assert running(image_plan(cell), cell, job)["digest"] == digest
        assert running(image_plan(cell), cell, {**job, "CI": ""})["digest"] == "", (
            "a laptop asks nobody"
        )
        registry.faults = [500] * 3
        registry.seen.clear()
        assert running(image_plan(cell), cell, job)["digest"] == ""
        assert len(registry.seen) == 1


VARIABLE = f"TRUEWHEEL_DIGEST_BOX_{projects.ARCH.upper()}"
BUILDER = "$CI_REGISTRY_IMAGE/builder/box:1"
GITLAB = {"CI": "true", "CI_REGISTRY_IMAGE": "r.example/g", VARIABLE: DIGEST}
RIGHT = f"r.example/g/builder/box:1@{DIGEST}"
OTHER = "sha256:" + "cd" * 32


def built_image_plan(cell: Cell) -> Plan:
    return replace(image_plan(cell), images={f"box/{projects.ARCH}": BUILDER})


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({**GITLAB, "CI_JOB_IMAGE": RIGHT}, ""),
        ({**GITLAB, "CI_JOB_IMAGE": f"{BUILDER}@${VARIABLE}"}, ""),
        ({**GITLAB}, ""),
        (
            {**GITLAB, "CI_JOB_IMAGE": RIGHT.replace("ab", "cd")},
            f"it runs in r.example/g/builder/box:1@{OTHER}, but",
        ),
        (
            {**GITLAB, "CI_JOB_IMAGE": "r.example/g/builder/box:1"},
            "it runs in r.example/g/builder/box:1, but",
        ),
        ({**GITLAB, "CI_JOB_IMAGE": "other:1"}, f"but the container job has passed on {RIGHT}"),
        ({**GITLAB, VARIABLE: ""}, ""),
        (
            {**GITLAB, VARIABLE: "", "CI_COMMIT_REF_PROTECTED": "true"},
            "no container job has passed on the digest of",
        ),
        ({"GITHUB_REF_PROTECTED": "true"}, "no container job has passed on the digest of"),
        (
            {"GITHUB_REF_PROTECTED": "true", "CI_REGISTRY_IMAGE": "r.example/g", VARIABLE: DIGEST},
            "",
        ),
    ],
)
def test_a_job_runs_in_the_image_that_its_container_job_has_told(
    env: dict[str, str], message: str
) -> None:
    cell = projects.cell(platform_tag=MANYLINUX)
    plan = built_image_plan(cell)
    if not message:
        compare_image(plan, cell, env)
        return
    with pytest.raises(Stop) as stopped:
        compare_image(plan, cell, env)
    assert stopped.value.code is Exit.WHEEL
    assert message in stopped.value.problems[0].message


def test_the_evidence_has_the_digest_that_the_container_job_has_told() -> None:
    cell = projects.cell(platform_tag=MANYLINUX)
    github = replace(image_plan(cell), images={f"box/{projects.ARCH}": "ghcr.io/o/r/builder/box:1"})
    env = {"GITHUB_ACTIONS": "true", "CI": "true", VARIABLE: DIGEST}
    assert running(github, cell, env) == {"name": "ghcr.io/o/r/builder/box:1", "digest": DIGEST}
    compare_image(github, cell, env)
    for image in (RIGHT, f"{BUILDER}@${VARIABLE}"):
        record = running(built_image_plan(cell), cell, {**GITLAB, "CI_JOB_IMAGE": image})
        assert record == {"name": "r.example/g/builder/box:1", "digest": DIGEST}
