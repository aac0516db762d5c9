"""The jobs of a pipeline: which each event has, and on which Pythons a wheel is tested."""

from __future__ import annotations

import pytest
from specs import plan_of, spec_of

from truewheel.errors import Stop
from truewheel.plan import jobs
from truewheel.plan.events import BUT_MERGE_REQUESTS, EVENTS
from truewheel.plan.images import Images

SPEC = """\
truewheel: 1
packages: {foo: {smoke: smoke.py}, bar: {}}
targets: {rhel8: {}}
merge_requests: {types: [fix, feat]}
indexes: {own: {url: 'https://index.example/x'}}
"""


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_has_the_jobs_that_make_and_prove_and_some_their_own(event: str):
    names = [job.name for job in plan_of(SPEC, event=event).jobs]
    built = [
        "plan",
        "wheel:foo:rhel8:x86_64:cp312",
        "wheel:bar:rhel8:x86_64:cp312",
        "test:foo:rhel8:x86_64:cp312",
    ]
    assert names == [
        *built,
        "prove",
        *{"tag": ["publish:own"], "mr": ["names", "title"]}.get(event, []),
    ]


def test_the_files_are_generated_from_the_jobs_of_all_events():
    names = [job.name for job in plan_of(SPEC, event="").jobs]
    assert names[-4:] == ["prove", "publish:own", "names", "title"]


def test_a_title_is_judged_where_the_spec_asks_something_of_it():
    assert "title" not in [
        job.name for job in plan_of(SPEC.replace("types: [fix, feat]", ""), event="mr").jobs
    ]


def test_a_plan_knows_just_the_kinds_of_its_jobs():
    assert list(plan_of(SPEC).kinds) == ["plan", "wheel", "test", "prove"]


@pytest.mark.parametrize(
    ("abi", "tested"),
    [
        ("cpython", ["cp311", "cp313t", "cp315", "cp315t", "cp316t"]),
        ("abi3", ["cp311", "cp315"]),
        ("abi3t", ["cp315t", "cp316t"]),
        ("abi3.abi3t", ["cp315", "cp315t", "cp316t"]),
        ("none", ["py3"]),
    ],
)
def test_a_wheel_for_many_pythons_is_tested_on_each(abi: str, tested: list[str]):
    pythons = "pythons: ['3.11', '3.13t', '3.15', '3.15t', '3.16t']\n"
    spec = f"packages: {{foo: {{abi: {abi}, smoke: s.py}}}}\ntargets: {{rhel8: {{}}}}\n{pythons}"
    made = plan_of(spec)
    tests = [job for job in made.jobs if job.kind == "test"]
    assert [job.python for job in tests] == tested
    makers = {cell: job.name for job in made.jobs if job.kind == "wheel" for cell in job.cells}
    assert all(job.needs == ("plan", makers[job.cells[0]]) for job in tests)
    assert len({job.name for job in tests}) == len(tests)


IMAGES = """\
packages: {foo: {}, bar: {abi: abi3}, baz: {abi: none}}
targets:
  debian12:
    family: debian
    base: debian:12
    container:
      stages: {ci: {base: build}, qa: {base: ci, wheels: [foo, bar, baz]}, run: {wheels: [foo]}}
pythons: ['3.11', '3.12', '3.13t']
arches: [x86_64, aarch64]
images: {registry: r.example/x}
exclude: [{package: bar, python: '3.13t'}]
"""
BUILDERS = Images({("debian12", arch): "r.example/x/builder" for arch in ("x86_64", "aarch64")})


def test_an_image_has_the_wheels_that_its_interpreter_runs_and_waits_for_the_proof():
    made = {job.name: job for job in plan_of(IMAGES, images=BUILDERS).jobs if job.kind == "image"}
    assert list(made) == [
        f"image:{stage}:debian12:{arch}"
        for arch in ("x86_64", "aarch64")
        for stage in ("qa", "run")
    ]
    qa, run = made["image:qa:debian12:aarch64"], made["image:run:debian12:x86_64"]
    assert set(qa.cells) == {
        "foo/debian12/aarch64/cp312",
        "bar/debian12/aarch64/cp311",
        "baz/any/any/py3",
    }
    assert run.cells == ("foo/debian12/x86_64/cp312",)
    assert (run.needs, run.target, run.arch, run.image, run.place) == (
        ("plan", "prove"), "debian12", "x86_64", "run", "",
    )  # fmt: skip


def test_a_merge_request_makes_no_images():
    assert set(BUT_MERGE_REQUESTS) == {*EVENTS} - {"mr"}
    assert not [
        job for job in plan_of(IMAGES, images=BUILDERS, event="mr").jobs if job.kind == "image"
    ]


def test_an_image_without_one_of_its_wheels_refuses_the_plan():
    spec = IMAGES.replace("exclude: [", "exclude: [{package: foo, python: '3.12', arch: aarch64}, ")
    problems = [str(problem) for problem in plan_of(spec, images=BUILDERS).problems]
    assert [problem for problem in problems if "no wheel" in problem] == [
        f"truewheel.yml:8:{column}: no wheel of foo is built for debian12 aarch64, Python 3.12\n"
        "    hint: build it there, or remove it from the stage"
        for column in (59, 91)
    ]
    with pytest.raises(Stop, match="no package 'fo'"):
        plan_of(IMAGES.replace("run: {wheels: [foo]}", "run: {wheels: [fo]}"))


def test_a_job_that_reads_the_merge_request_or_earlier_jobs_is_of_merge_requests_alone():
    for kind in jobs.make_kinds(spec_of(SPEC)).values():
        if kind.traits.request or kind.traits.read_runs:
            assert kind.events == ("mr",)


def test_only_jobs_with_a_target_run_in_an_image_of_it():
    made = plan_of(IMAGES, images=BUILDERS, event="")
    for job in made.jobs:
        traits = made.kinds[job.kind].traits
        assert bool(job.target) == (traits.machine != "tool")
        assert job.place or not traits.image
