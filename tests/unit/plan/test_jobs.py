"""The jobs of a pipeline: which each event has, and which load which wheels."""

from __future__ import annotations

from typing import Any

import pytest
from specs import plan_of, spec_of

from truewheel.errors import Stop
from truewheel.forges.gitlab import limits
from truewheel.plan import jobs
from truewheel.plan.events import BUT_MERGE_REQUESTS, EVENTS
from truewheel.plan.images import Images
from truewheel.plan.model import Job

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
        "test:rhel8:x86_64",
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


def loading_jobs(text: str, **request: Any) -> list[Job]:
    return [job for job in plan_of(text, **request).jobs if job.kind == "test"]


def test_a_target_and_architecture_has_one_test_job_for_all_of_its_wheels_smoke_or_not():
    spec = (
        "packages: {foo: {smoke: s.py}, bar: {abi: abi3}, baz: {abi: none}}\n"
        "targets: {rhel8: {}, deb: {floor: linux}}\npythons: ['3.11', '3.12']\n"
    )
    tests = {job.name: job for job in loading_jobs(spec)}
    assert list(tests) == ["test:rhel8:x86_64", "test:deb:x86_64", "test:any:any"]
    rhel8 = tests["test:rhel8:x86_64"]
    assert rhel8.cells == (
        *(f"foo/rhel8/x86_64/{tag}" for tag in ("cp311", "cp312")),
        "bar/rhel8/x86_64/cp311",
    )
    assert rhel8.needs == (
        "plan",
        "wheel:baz:any:any:py3",  # others may require it
        *(f"wheel:foo:rhel8:x86_64:{tag}" for tag in ("cp311", "cp312")),
        "wheel:bar:rhel8:x86_64:cp311",
    )
    assert jobs.selection(rhel8) == ("--target", "rhel8", "--arch", "x86_64")
    assert tests["test:any:any"].needs == (
        "plan",
        *rhel8.needs[2:],  # what pure ones may require, on a target that fits
        "wheel:baz:any:any:py3",
    )


@pytest.mark.parametrize(
    ("targets", "beside"),
    [
        ("new: {floor: manylinux_2_39}, old: {floor: manylinux2014}, own: {floor: linux}", "old"),
        ("own: {floor: linux}, new: {floor: manylinux_2_39}", "new"),
        ("musl: {floor: musllinux_1_2, base: 'alpine:3'}, own: {floor: linux}", "own"),
        ("musl: {floor: musllinux_1_2, base: 'alpine:3'}", ""),
        ("arm: {arches: [aarch64]}", ""),
    ],
)
def test_pure_wheels_are_tested_beside_those_that_a_system_of_today_can_install(
    targets: str, beside: str
):
    tests = {
        job.name: job
        for job in loading_jobs(
            f"packages: {{foo: {{}}, baz: {{abi: none}}}}\ntargets: {{{targets}}}\n"
        )
    }
    others = tests["test:any:any"].needs[1:-1]
    assert others == ((f"wheel:foo:{beside}:x86_64:cp312",) if beside else ())


def test_a_test_job_keeps_the_verdicts_of_its_cells_and_nothing_else():
    spec = "packages: {foo: {}, baz: {abi: none}}\ntargets: {rhel8: {}}\n"
    assert [jobs.records(job) for job in loading_jobs(spec)] == [
        ["dist/verdicts/foo__rhel8__x86_64__cp312.*.json"],
        ["dist/verdicts/baz__any__any__py3.*.json"],
    ]


def test_pure_wheels_are_tested_beside_those_of_one_python_if_these_are_many():
    packages = ", ".join(f"foo{number}: {{}}" for number in range(20))
    pythons = "pythons: ['3.10', '3.11', '3.12', '3.13']\n"
    tests = loading_jobs(
        f"packages: {{{packages}, baz: {{abi: none}}}}\ntargets: {{rhel8: {{}}}}\n{pythons}"
    )
    (pure,) = (job for job in tests if job.target == "any")
    assert {name.rpartition(":")[2] for name in pure.needs or ()} == {"plan", "cp312", "py3"}
    assert len(pure.needs or ()) == 1 + 20 + 1


@pytest.mark.parametrize(
    ("abi", "tested"),
    [
        ("cpython", ["cp311", "cp313t", "cp315", "cp315t", "cp316t"]),
        ("abi3", ["cp311", "cp315"]),
        ("abi3t", ["cp315t", "cp316t"]),
        ("abi3.abi3t", ["cp315", "cp315t", "cp316t"]),
        ("none", ["py3", "py3:2"]),
    ],
)
def test_wheels_of_more_jobs_than_one_may_need_are_loaded_by_a_job_for_each_python(
    abi: str, tested: list[str]
):
    count = 60 if abi == "none" else 25
    packages = ", ".join(f"foo{number}: {{abi: {abi}}}" for number in range(count))
    more = ", ".join(f"more{number}: {{}}" for number in range(20))
    pythons = "pythons: ['3.11', '3.13t', '3.15', '3.15t', '3.16t']\n"
    tests = loading_jobs(f"packages: {{{packages}, {more}}}\ntargets: {{rhel8: {{}}}}\n{pythons}")
    place = "any:any" if abi == "none" else "rhel8:x86_64"
    names = [
        job.name.removeprefix(f"test:{place}:")
        for job in tests
        if any(cell.startswith("foo") for cell in job.cells)
    ]
    assert names == tested
    for job in tests:
        assert len(job.needs or ()) <= jobs.MOST_NEEDS == limits.NEEDS
        assert bool(job.python) == (job.target != "any")
        assert jobs.selection(job) == (
            *("--cell", ",".join(job.cells)),
            *(("--python", job.python) if job.python else ()),
        )
        assert jobs.records(job)[0].endswith(f".{job.python or '*'}.json")


def test_wheels_that_one_command_makes_are_one_need():
    packages = ", ".join(f"foo{number}: {{}}" for number in range(60))
    wheels = ", ".join(f"foo{number}: 'foo{number}-*.whl'" for number in range(60))
    build = f"builds: {{tree: {{command: [make], wheels: {{{wheels}}}}}}}\n"
    (test,) = loading_jobs(f"packages: {{{packages}}}\ntargets: {{rhel8: {{}}}}\n{build}")
    assert test.needs == ("plan", "wheel:tree:rhel8:x86_64:cp312")
    assert len(test.cells) == 60


NAMED = """\
packages: {foo: {}, bar: {}}
targets: {rhel8: {}}
arches: [x86_64, riscv64]
named:
  - {arch: riscv64}
  - {package: bar, python: '3.12'}
"""


def test_cells_that_no_runner_can_load_have_no_test_job():
    (test,) = loading_jobs(NAMED)
    assert (test.name, test.cells) == ("test:rhel8:x86_64", ("foo/rhel8/x86_64/cp312",))
    assert test.needs == ("plan", "wheel:foo:rhel8:x86_64:cp312"), "bar is not loaded"
    assert set(plan_of(NAMED).named) == {
        "foo/rhel8/riscv64/cp312",
        *(f"bar/rhel8/{arch}/cp312" for arch in ("x86_64", "riscv64")),
    }


def test_an_entry_of_named_that_is_no_cell_is_refused_with_its_line():
    problems = [str(problem) for problem in plan_of(NAMED.replace("riscv64}", "s390x}")).problems]
    assert problems[0].startswith("truewheel.yml:6:5: nothing is named\n")


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


@pytest.mark.parametrize(
    ("fact", "more", "history", "readers"),
    [
        ("package:version", "", (), []),
        ("vcs:commit", "", (), []),
        ("vcs:distance", "", (), ["plan"]),
        ("vcs:tag", "", ("foo",), ["plan", "wheel"]),
        ("package:version", "changed_only: true, ", (), ["plan"]),
    ],
)
def test_only_jobs_that_need_it_fetch_the_whole_history(fact, more, history, readers):
    policy = f"facts: {{base: {{from: ['{fact}']}}}}\nchannels: {{default: {{}}}}\n"
    spec = SPEC.replace("types:", f"{more}types:")
    made = plan_of(spec, policy=policy, vcs=lambda _: "1", history=history)
    assert [name for name, kind in made.kinds.items() if kind.traits.read_history] == readers


def test_only_jobs_with_a_target_run_in_an_image_of_it():
    made = plan_of(IMAGES, images=BUILDERS, event="")
    for job in made.jobs:
        traits = made.kinds[job.kind].traits
        assert bool(job.target) == (traits.machine != "tool")
        assert job.place or not traits.image
