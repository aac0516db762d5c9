"""Parent and child pipelines: GitLab's silent defaults are written out in each file."""

from __future__ import annotations

from typing import Any

import pytest
from gitlab_documents import documents, jobs, merged

PARENT = ".gitlab-ci.yml"
RHEL = "pipelines/rhel8-x86_64.yml"
SPEC = """
project: demo
packages: {foo: {smoke: s.py}, bar: {abi: none}}
targets: {rhel8: {floor: manylinux_2_28, base: 'registry.example/el:8'}}
arches: [x86_64, aarch64]
variables: {NOTE: {default: x}}
indexes: {own: {url: 'https://index.example/x'}}
gitlab: {layout: children}
"""


@pytest.fixture(scope="module")
def files() -> dict[str, dict[str, Any]]:
    return documents(SPEC)


def triggers(files: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: job for name, job in jobs(files[PARENT]) if "trigger" in job}


def test_each_target_and_arch_is_a_child_that_one_job_starts(files):
    names = ["rhel8-x86_64", "rhel8-aarch64", "any-any"]
    assert [*files] == [PARENT, *(f"pipelines/{name}.yml" for name in names)]
    assert {name: job["trigger"]["include"] for name, job in triggers(files).items()} == {
        f"trigger:{name.replace('-', ':')}": [{"local": f"pipelines/{name}.yml"}] for name in names
    }
    assert "include" not in files[PARENT]


def test_the_parent_keeps_what_is_done_once(files):
    names = [name for name, job in jobs(files[PARENT]) if "trigger" not in job]
    assert names == ["plan", "prove", "publish:own", "names", "key"]
    assert files[PARENT]["stages"] == ["plan", "wheel", "prove", "publish", "review"]
    assert "needs" not in files[PARENT]["prove"], "it waits for all children, by its stage"


def test_a_child_is_whole_in_itself(files):
    child = files[RHEL]
    assert child["stages"] == ["wheel", "test", "hand-over"]
    assert child["default"]["interruptible"] is True
    for name, job in jobs(child):
        job_ = merged(name, child)
        assert job_["stage"] in child["stages"]
        assert job_["script"]
        assert all(need in child for need in job.get("needs", []) if isinstance(need, str))


def test_every_job_of_the_plan_is_in_one_file(files):
    names = [
        name for document in files.values() for name, job in jobs(document) if "trigger" not in job
    ]
    assert sorted(names) == sorted({*names})
    assert {name.split(":")[0] for name in names} == {
        *("plan", "prove", "publish", "names", "wheel", "test"),
        *("key", "hand-over"),
    }


def test_a_wheel_is_handed_over_last_and_fetched_first(files):
    wheel = merged("wheel:foo:rhel8:x86_64:cp312", files[RHEL])
    assert wheel["script"][-1] == 'truewheel hand-over --put --cell "$TRUEWHEEL_CELL"'
    prove = files[PARENT]["prove"]["script"]
    assert prove == [
        "truewheel hand-over --get --key truewheel.key",
        "truewheel prove dist --plan plan.json",
    ]
    assert "hand-over" not in str(merged("test:rhel8:x86_64", files[RHEL])), (
        "in a child, artifacts travel"
    )


def test_nobody_can_download_the_key(files):
    key = merged("key", files[PARENT])
    assert key["script"] == ["truewheel hand-over --make-key truewheel.key"]
    assert key["artifacts"] == {"paths": ["truewheel.key"], "access": "none", "expire_in": "1 week"}
    assert key["artifacts"]["expire_in"] == files[PARENT]["plan"]["artifacts"]["expire_in"]
    assert (key["stage"], key["needs"]) == ("plan", [])


def test_the_key_is_there_before_a_child_starts_and_reaches_only_jobs_that_run_no_code_of_a_package(
    files,
):
    parent = {"pipeline": "$TRUEWHEEL_PIPELINE_ID"}
    assert all("key" in job["needs"] for job in triggers(files).values())
    for document in files.values():
        for name, _ in jobs(document):
            needs = merged(name, document).get("needs", [])
            if name.startswith("hand-over:"):
                assert needs[:2] == [{**parent, "job": "plan"}, {**parent, "job": "key"}]
                assert merged(name, document)["script"] == [
                    'truewheel hand-over --sign --key truewheel.key --cell "$TRUEWHEEL_CELL"'
                ]
            else:
                assert name.startswith("trigger:") or "key" not in str(needs)


def test_the_records_of_every_wheel_and_test_job_are_signed_once(files):
    for document in list(files.values())[1:]:
        makers = [name for name, _ in jobs(document) if name.startswith("wheel:")]
        tests = [name for name, _ in jobs(document) if name.startswith("test:")]
        signing = {name: job for name, job in jobs(document) if name.startswith("hand-over:")}
        assert [need for job in signing.values() for need in job["needs"][2:]] == makers + tests
        cells = [merged(name, document)["variables"]["TRUEWHEEL_CELL"] for name in makers]
        assert ",".join(job["variables"]["TRUEWHEEL_CELL"] for job in signing.values()) == ",".join(
            cells
        )


def test_no_job_needs_more_than_it_may_and_no_child_is_too_large():
    many = ", ".join(f"p{number}: {{}}" for number in range(600))
    files = documents(
        f"packages: {{{many}}}\ntargets: {{rhel8: {{floor: linux}}}}\ngitlab: "
        f"{{layout: children}}\n"
    )
    for document in files.values():
        assert max(len(job.get("needs", [])) for _, job in jobs(document)) <= 50
        assert len([*jobs(document)]) <= 500
    signing = [name for name, _ in jobs(files[RHEL]) if name.startswith("hand-over:")]
    assert signing[:2] == ["hand-over:rhel8:x86_64", "hand-over:rhel8:x86_64:2"]
    for document in list(files.values())[1:]:
        ours = {name for name, _ in jobs(document)}
        for name, job in jobs(document):
            names = [need for need in job.get("needs", []) if isinstance(need, str)]
            assert set(names) <= ours, f"{name}: a child's needs are its own jobs"


def test_records_are_signed_for_what_a_merge_request_builds():
    changed = "merge_requests: {changed_only: true}\n"
    spec = (
        SPEC.replace("foo: {", "foo: {path: foo, ").replace("bar: {", "bar: {path: bar, ") + changed
    )
    job = documents(spec)[RHEL]["hand-over:rhel8:x86_64"]
    assert job["needs"][2:] == [
        {"job": "wheel:foo:rhel8:x86_64:cp312", "optional": True},
        {"job": "test:rhel8:x86_64", "optional": True},
    ]
    assert "foo/**/*" in str(job["rules"])


def test_the_jobs_around_the_key_can_be_changed_like_others():
    overrides = "{layout: children, overrides: {key: {tags: [small]}, hand-over: {timeout: 2h}}}"
    files = documents(SPEC.replace("{layout: children}", overrides))
    assert files[PARENT]["key"]["tags"] == ["small"]
    assert {
        files[path]["hand-over:" + path[10:-4].replace("-", ":")]["timeout"]
        for path in [*files][1:]
    } == {"2h"}


def test_without_children_there_is_no_key():
    assert "key" not in documents(SPEC.replace("layout: children", "wheels: packages"))[PARENT]


def test_above_the_limit_for_artifacts_no_wheel_is_in_one():
    found = documents(SPEC.replace("layout: children", "wheels: packages"))
    files = found[PARENT], found[RHEL]
    paths = merged("wheel:foo:rhel8:x86_64:cp312", *files)["artifacts"]["paths"]
    assert paths == ["dist/evidence/foo__rhel8__x86_64__cp312.*"]
    assert merged("prove", *files)["artifacts"]["exclude"] == ["dist/**/*.whl", "dist/**/*.zip"]
    assert merged("test:rhel8:x86_64", *files)["script"][0] == "truewheel hand-over --get"
    assert merged("prove", *files)["script"][::2] == [
        "truewheel hand-over --get",
        "truewheel hand-over --put --made",
    ]
    fetch = "python3 -I pipelines/fetch_listed.py demo-handover dist/publish/own.sha256"
    assert merged("publish:own", *files)["script"][3] == fetch


def test_a_place_with_many_jobs_has_several_children():
    many = ", ".join(f"p{number}: {{}}" for number in range(600))
    files = documents(f"packages: {{{many}}}\ntargets: {{rhel8: {{floor: linux}}}}\n")
    assert [*triggers(files)] == ["trigger:rhel8:x86_64", "trigger:rhel8:x86_64:2"]
    assert triggers(files)["trigger:rhel8:x86_64:2"]["trigger"]["include"] == [
        {"local": "pipelines/rhel8-x86_64.2.yml"}
    ]
