"""A fragment for a hand-written pipeline.

It takes nothing from the file around it, and gives it nothing but jobs.
"""

from __future__ import annotations

from typing import Any

import pytest
from gitlab_documents import KEYWORDS, documents, merged, refused

FILE = "ci/wheels.yml"
SPEC = """
project: demo
packages: {foo: {smoke: s.py}, bar: {abi: none}}
targets: {rhel8: {floor: manylinux_2_28, base: 'registry.example/el:8'}}
variables: {NOTE: {default: x}}
indexes: {own: {url: 'https://index.example/x'}}
gitlab: {entry: ci/wheels.yml%s}
"""
KEEP = "wheels:wheel:foo:rhel8:x86_64:cp312"


def fragment(more: str = "") -> dict[str, Any]:
    return documents(SPEC % more)[FILE]


def needs(job: dict[str, Any]) -> list[str]:
    return [need if isinstance(need, str) else need["job"] for need in job.get("needs", [])]


@pytest.mark.parametrize("more", ["", ", layout: children"])
def test_it_has_no_key_of_the_top_level_and_every_job_has_the_prefix(more: str):
    jobs_ = fragment(more)
    assert not KEYWORDS & jobs_.keys()
    assert all(name.lstrip(".").startswith("wheels:") for name in jobs_)


def test_the_hand_written_file_is_never_written():
    assert [*documents(SPEC % "")] == [FILE]
    assert ".gitlab-ci.yml" not in documents(SPEC % ", layout: children")


@pytest.mark.parametrize("entry", [".gitlab-ci.yml", "/ci.yml", "../ci.yml", "ci", "a b.yml"])
def test_an_entry_elsewhere_is_refused(entry: str):
    assert "gitlab.entry" in refused(
        f"packages: {{a: {{}}}}\ntargets: {{x: {{floor: linux}}}}\ngitlab: {{entry: '{entry}'}}\n"
    )


@pytest.mark.parametrize("more", ["", ", layout: children", ", prefix: 'my/'"])
def test_all_that_a_job_refers_to_is_there(more: str):
    jobs_ = fragment(more)
    for name, job in jobs_.items():
        assert {*needs(job)} <= {*jobs_}
        if "extends" in job:
            assert job["extends"] in jobs_
        assert merged(name, jobs_)


def test_prove_needs_what_it_waited_for():
    jobs_ = fragment()
    assert needs(jobs_["wheels:prove"]) == [
        "wheels:plan",
        KEEP,
        "wheels:wheel:bar:any:any:py3",
        "wheels:test:rhel8:x86_64",
        "wheels:test:any:any",
    ]
    children = fragment(", layout: children")
    assert needs(children["wheels:prove"]) == [
        *("wheels:plan", "wheels:key"),
        *("wheels:trigger:rhel8:x86_64", "wheels:trigger:any:any"),
    ]


def test_stages_are_gitlabs_own_unless_the_spec_says_otherwise():
    jobs_ = fragment(", stages: {wheel: compile, review: checks}")
    stages = {name: merged(name, jobs_)["stage"] for name in jobs_ if not name.startswith(".")}
    assert stages["wheels:plan"] == ".pre"
    assert stages[KEEP] == "compile"
    assert stages["wheels:test:rhel8:x86_64"] == "test"
    assert stages["wheels:publish:own"] == "deploy"
    assert stages["wheels:names"] == "checks"


def test_defaults_of_the_file_around_do_not_reach_the_jobs():
    for more in ("", ", layout: children"):
        jobs_ = fragment(more)
        for name in jobs_:
            job = merged(name, jobs_)
            assert job["inherit"]["default"] is False
            assert "trigger" in job or (job["interruptible"], job["retry"]["max"]) in {
                (True, 2),
                (False, 2),
            }


def test_a_child_finds_the_plan_under_its_new_name():
    child = documents(SPEC % ", layout: children")["pipelines/rhel8-x86_64.yml"]
    need = merged("wheel:foo:rhel8:x86_64:cp312", child)["needs"][0]
    assert need == {"pipeline": "$TRUEWHEEL_PIPELINE_ID", "job": "wheels:plan"}
    assert child["hand-over:rhel8:x86_64"]["needs"][1] == {
        "pipeline": "$TRUEWHEEL_PIPELINE_ID",
        "job": "wheels:key",
    }
    assert child["workflow"]


def test_added_jobs_get_the_prefix_and_their_needs_keep_up():
    jobs_ = fragment(
        ", jobs: {lint: {stage: any, script: [make], needs: [plan, {job: prove}, theirs]}}"
    )
    assert jobs_["wheels:lint"]["needs"] == ["wheels:plan", {"job": "wheels:prove"}, "theirs"]
    assert jobs_["wheels:lint"]["stage"] == "any"
