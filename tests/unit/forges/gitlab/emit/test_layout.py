"""Which layout a plan gets, and which jobs stand together in a file."""

from __future__ import annotations

import pytest
from gitlab_documents import POLICY
from specs import plan_of, spec_of

from truewheel.errors import Stop
from truewheel.forges.gitlab import limits
from truewheel.forges.gitlab.emit import layout as gitlab_layout
from truewheel.forges.gitlab.emit.layout import Layout
from truewheel.plan.images import Images

TARGETS = "targets: {rhel8: {floor: manylinux_2_28}}\n"


def layout(spec: str) -> Layout:
    return gitlab_layout.layout(plan_of(spec, policy=POLICY, event=""), spec_of(spec))


def packages(count: int, smoke: bool = False) -> str:
    fields = "{smoke: s.py}" if smoke else "{}"
    return "packages: {" + ", ".join(f"p{number}: {fields}" for number in range(count)) + "}\n"


def places(count: int) -> str:
    return (
        "targets: {" + ", ".join(f"t{number}: {{floor: linux}}" for number in range(count)) + "}\n"
    )


def refusal(spec: str) -> str:
    with pytest.raises(Stop) as stopped:
        layout(spec)
    return str(stopped.value)


def test_a_small_plan_is_one_pipeline_and_nothing_is_said():
    result = layout(packages(2) + TARGETS)
    assert (result.name, result.reason, result.packages) == ("include", "", False)
    assert [*result.parts] == ["pipelines/rhel8-x86_64.yml"]


def test_more_jobs_than_a_hosted_pipeline_may_have_make_children():
    # A job tests up to 49 wheels.
    most = limits.FREE_PLAN_JOBS - len(["plan", "prove", "names"]) - 10
    assert layout(packages(most) + TARGETS).name == "include"
    result = layout(packages(most + 1) + TARGETS)
    assert result.name == "children"
    assert result.reason == "501 jobs, where a pipeline of the hosted free plan may have 500"


def test_more_files_than_a_pipeline_may_include_make_children():
    includes = "gitlab: {include: [a.yml]}\n"
    assert layout(packages(1) + places(149) + includes).name == "include"
    assert (
        layout(packages(1) + places(150) + includes).reason
        == "151 files, where a pipeline may include 150"
    )


@pytest.mark.parametrize("requested", ["include", "children"])
def test_the_spec_decides_otherwise(requested: str):
    for count in (1, 600):
        result = layout(packages(count) + TARGETS + f"gitlab: {{layout: {requested}}}\n")
        assert (result.name, result.reason) == (requested, "")


def test_one_pipeline_with_too_many_files_is_refused_with_its_line():
    problem = refusal(packages(1) + places(151) + "gitlab: {layout: include}\n")
    assert problem.startswith("truewheel.yml:4:18: layout include: 151 files")
    assert "layout: children" in problem


def test_a_fragment_whose_proof_needs_too_many_jobs_has_children():
    entry = "gitlab: {entry: ci/w.yml}\n"
    assert layout(packages(48) + TARGETS + entry).name == "include"
    result = layout(packages(49) + TARGETS + entry)  # the test job counts, too
    assert (result.name, result.reason) == (
        "children",
        "prove would need 51 jobs, where a job may need 50",
    )
    problem = refusal(packages(49) + TARGETS + "gitlab: {entry: ci/w.yml, layout: include}\n")
    assert "truewheel.yml:4:35: layout include: prove would need 51 jobs" in problem


def test_a_fragment_with_more_children_than_needs_is_refused():
    entry = "gitlab: {entry: ci/w.yml, layout: children}\n"
    assert len(layout(packages(1) + places(48) + entry).parts) == 48
    assert "49 child pipelines, where prove may need 48" in refusal(
        packages(1) + places(49) + entry
    )


def test_more_children_than_a_pipeline_may_start_are_refused():
    assert "1001 child pipelines" in refusal(packages(1) + places(1001))


@pytest.mark.parametrize(("requested", "limit"), [("include", 1000), ("children", 500)])
def test_many_jobs_of_one_place_are_in_several_files_and_tests_beside_their_wheels(
    requested: str, limit: int
):
    result = layout(packages(1200) + TARGETS + f"gitlab: {{layout: {requested}}}\n")
    assert [*result.parts][:2] == [f"pipelines/rhel8-x86_64{part}.yml" for part in ("", ".2")]
    assert max(map(len, result.parts.values())) <= limit
    for part in result.parts.values():
        needed = {name for job in part if job.kind == "test" for name in job.needs or ()}
        ours = {job.name for job in part}
        assert requested == "include" or needed <= {"plan", *ours}
    assert sum(map(len, result.parts.values())) == 1200 + 25


def test_each_child_of_a_place_has_its_container_job():
    spec = (
        packages(600) + "targets: {rhel8: {floor: manylinux_2_28, base: 'registry.example/el:8'}}\n"
    )
    images = Images(references={("rhel8", "x86_64"): "registry.example/builder:1"})
    parts = gitlab_layout.layout(
        plan_of(spec, policy=POLICY, event="", images=images), spec_of(spec)
    )
    containers = [
        [job.name for job in part if job.kind == "container"] for part in parts.parts.values()
    ]
    assert containers == [["container:rhel8:x86_64"]] * 2


def test_the_layout_depends_on_the_spec_alone():
    spec = packages(600) + TARGETS
    assert layout(spec) == layout(spec)
