"""Traps and limits of GitLab, each measured once on its own parser.

A row, and what we write so that it cannot bite.

Other rows are held elsewhere: the 500 jobs, 150 includes, 50 needs and 1,000 downstream pipelines
in test_gitlab_layout; numbers that YAML reads otherwise in test_gitlab_additions; quoted strings in
test_render; duplicate keys in test_source.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from gitlab_documents import documents, each_pipeline, jobs, merged
from specs import plan_of, policy_of, spec_of

from truewheel.forges import pipelines
from truewheel.spec import yaml_writer

PARENT = ".gitlab-ci.yml"
SPEC = """\
project: demo
packages: {foo: {smoke: s.py}, bar: {abi: none}}
targets: {rhel8: {floor: manylinux_2_28, base: 'registry.example/el:8'}}
arches: [x86_64, aarch64]
variables: {NOTE: {}, CUDA_VERSION: {scope: image}, TOKEN: {scope: secret}}
indexes: {own: {url: 'https://index.example/x'}}
merge_requests: {types: [fix]}
gitlab: {%s}
"""
LAYOUTS = (
    "layout: include",
    "layout: children",
    "entry: ci/w.yml",
    "entry: ci/w.yml, layout: children",
)
EVENTS = {"push": [], "web": [], "schedule": [], "tag": ["tag"], "mr": ["mr"]}
CONDITIONS = {"mr": '$CI_PIPELINE_SOURCE == "merge_request_event"', "tag": "$CI_COMMIT_TAG"}


@pytest.fixture(scope="module")
def children() -> dict[str, dict[str, Any]]:
    return documents(SPEC % "layout: children")


def trigger_jobs(files: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    triggers = [job for _, job in jobs(files[PARENT]) if "trigger" in job]
    assert len(triggers) == 3
    return triggers


def child_files(files: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [document for path, document in files.items() if path != PARENT]


def test_ci_pipeline_id_differs_in_children_so_the_parents_is_passed_on(children):
    for job in trigger_jobs(children):
        assert job["variables"] == {"TRUEWHEEL_PIPELINE_ID": "$CI_PIPELINE_ID"}


def test_children_fetch_the_parents_plan_so_trigger_jobs_need_it(children):
    for job in trigger_jobs(children):
        assert job["needs"] == ["plan", "key"]
    for child in child_files(children):
        for name, _ in jobs(child):
            assert {"pipeline": "$TRUEWHEEL_PIPELINE_ID", "job": "plan"} in merged(name, child)[
                "needs"
            ]
            assert not any("truewheel plan" in line for line in merged(name, child)["script"])


def test_the_passed_variable_is_in_no_rule_where_it_would_never_match(children):
    for document in children.values():
        rules = [job.get("rules", []) for name, job in document.items() if isinstance(job, dict)]
        assert "TRUEWHEEL_PIPELINE_ID" not in str(rules)


def test_a_child_of_a_merge_requests_pipeline_keeps_its_jobs(children):
    for child in child_files(children):
        assert child["workflow"] == {"rules": [{"when": "always"}]}


def test_variables_of_the_parents_top_level_do_not_leak_into_children(children):
    assert children[PARENT]["variables"]
    for job in trigger_jobs(children):
        assert job["inherit"] == {"variables": False}
    leaks = [
        name
        for child in child_files(children)
        for _, job in jobs(child)
        for name in job.get("variables", {})
    ]
    assert leaks
    assert all(name.startswith("TRUEWHEEL_") for name in leaks)


def test_variables_of_people_schedules_and_the_api_reach_children(children):
    for job in trigger_jobs(children):
        assert job["trigger"]["forward"] == {"pipeline_variables": True}


def test_a_parent_fails_with_its_child(children):
    for job in trigger_jobs(children):
        assert job["trigger"]["strategy"] == "depend"


def test_a_trigger_job_has_no_key_of_a_job_with_a_script(children):
    for job in trigger_jobs(children):
        assert (
            not {"script", "tags", "artifacts", "timeout", "image", "before_script", "extends"}
            & job.keys()
        )


def test_a_trigger_includes_at_most_three_files_and_a_child_starts_no_other(children):
    for job in trigger_jobs(children):
        assert len(job["trigger"]["include"]) <= 3
    for child in child_files(children):
        assert "trigger" not in str(child), "children may be two deep: ours are one"


@pytest.mark.parametrize("more", LAYOUTS)
def test_jobs_share_by_extends_and_the_text_has_no_anchor(more: str):
    spec = SPEC % more
    plan, parsed, policy = (
        plan_of(spec, event=""),
        spec_of(spec),
        policy_of("facts: {base: {from: ['package:version']}}\nchannels: {default: {}}\n"),
    )
    for text in pipelines.texts(plan, parsed, policy).values():
        assert not re.search(r"(^|[\s\[{,])[&*]\w", text)
        assert "<<" not in text


@pytest.mark.parametrize("more", LAYOUTS)
def test_a_parsed_file_stays_below_two_mebibytes(more: str):
    many = ", ".join(
        f"package-with-a-long-name-{number}: {{smoke: s.py}}" for number in range(1500)
    )
    spec = SPEC.replace("foo: {smoke: s.py}", many).replace(
        "arches: [x86_64, aarch64]", "arches: [x86_64]"
    )
    if more == "entry: ci/w.yml":
        more = "entry: ci/w.yml, layout: auto"
    for document in documents(spec % more).values():
        assert parsed_size(document) < 2 * 2**20


def parsed_size(value: Any) -> int:
    """The memory of parsed YAML, by the sizes of Ruby's objects: rather too large."""
    if isinstance(value, dict):
        return (
            40
            + 60 * len(value)
            + sum(parsed_size(key) + parsed_size(item) for key, item in value.items())
        )
    if isinstance(value, list):
        return 40 + 8 * len(value) + sum(map(parsed_size, value))
    return 40 + (len(value.encode()) if isinstance(value, str) and len(value) > 22 else 0)


def test_the_measure_of_a_parsed_file_is_that_of_the_parser():
    job = {
        "stage": "build",
        "image": "x" * 80,
        "tags": ["a", "b"],
        "needs": ["plan"],
        "variables": {"A": "b" * 60},
    }
    job |= {
        "script": ["y" * 60] * 3,
        "artifacts": {"paths": ["dist/"], "expire_in": "1 week"},
        "retry": {"max": 2},
    }
    assert abs(len(yaml_writer.render({"a-job-of-some-name": job}, "")) - 577) < 60
    assert parsed_size({f"job-{number}": job for number in range(500)}) < 2 * 2**20, (
        "as measured, these pass"
    )
    assert parsed_size({f"job-{number}": job for number in range(1000)}) > 2 * 2**20, (
        "and these do not"
    )


@pytest.mark.parametrize("more", LAYOUTS)
def test_what_an_image_provides_is_declared_nowhere(more: str):
    for document in documents(SPEC % more).values():
        assert "CUDA_VERSION" not in str(document)
        assert "TOKEN" not in str(document).replace("UV_PUBLISH_TOKEN", "")


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("more", LAYOUTS)
def test_no_job_needs_one_that_the_events_rules_exclude(more: str, event: str):
    for document in each_pipeline(SPEC % more):
        present = {name for name, job in jobs(document) if is_there(job, event)}
        for name in present:
            needs = merged(name, document).get("needs", [])
            ours = [
                need if isinstance(need, str) else need["job"]
                for need in needs
                if "pipeline" not in need
            ]
            assert {*ours} <= present


def is_there(job: dict[str, Any], event: str) -> bool:
    conditions = [CONDITIONS[name] for name in EVENTS[event]]
    return "rules" not in job or any(
        rule["if"].startswith(condition) for rule in job["rules"] for condition in conditions
    )


@pytest.mark.parametrize("more", LAYOUTS)
def test_limits_and_what_the_official_schema_misses(more: str):
    for document in each_pipeline(SPEC % more):
        stages = [".pre", *document["stages"], ".post"] if "stages" in document else None
        for name, job in jobs(document):
            merged_job = merged(name, document)
            assert len(name) <= 255
            assert ("script" in merged_job) != ("trigger" in merged_job)
            assert not {"only", "except"} & merged_job.keys()
            assert len(merged_job.get("needs", [])) <= 50
            assert len(merged_job.get("tags", [])) <= 50
            assert merged_job.get("retry", {"max": 2})["max"] <= 2
            assert stages is None or merged_job["stage"] in stages
            assert depth(job, document) <= 10
            assert all(
                re.fullmatch(r"[A-Za-z0-9_]{1,255}", key) for key in merged_job.get("variables", {})
            )
        assert not needs_in_a_circle(document)


def depth(job: dict[str, Any], document: dict[str, Any]) -> int:
    return 1 + depth(document[job["extends"]], document) if job.get("extends") in document else 0


def needs_in_a_circle(document: dict[str, Any]) -> bool:
    remaining = {
        name: {*map(str, merged(name, document).get("needs", []))} for name, _ in jobs(document)
    }
    while free := [name for name, needs in remaining.items() if not needs & remaining.keys()]:
        for name in free:
            del remaining[name]
    return bool(remaining)


@pytest.mark.parametrize("more", LAYOUTS)
def test_a_job_without_needs_gets_all_artifacts_so_only_prove_has_none(more: str):
    for document in each_pipeline(SPEC % more):
        for name, _ in jobs(document):
            assert name == "prove" or "needs" in merged(name, document)
