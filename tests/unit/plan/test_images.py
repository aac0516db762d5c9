"""Builder images of a spec.

Which there are, what goes into each, and that its name changes with all of that.
"""

from __future__ import annotations

import pytest
from specs import plan_of, spec_of

from truewheel.errors import Exit, Stop
from truewheel.plan import images
from truewheel.plan.images import NO_IMAGES, Recipe, Sources
from truewheel.plan.model import digest_variable

LOCKS = {"truewheel-tools.txt": b"build==1\n", "truewheel-uv.txt": b"uv==1\n"}
PIN = "truewheel==0.1.0 --hash=sha256:" + "0" * 64
SPEC = """
project: triton
packages: {foo: {}}
targets:
  ubuntu24.04:
    family: debian
    base: cuda:13
    container:
      packages: [libboost-dev]
      requirements: build.txt
      stages:
        {ci: {base: build, requirements: ci.txt}, deep: {base: ci},
         run: {packages: [libgomp1]}, qa: {base: 'sdk:1'}}
images: {registry: '$CI_REGISTRY_IMAGE'}
"""
OWN = """
packages: {foo: {}}
targets: {rhel8: {base: 'ubi:8', container: {file: own/Containerfile, files: [own/install.sh]}}}
images: {registry: r.example/x}
"""
FILES = {
    "build.txt": b"pybind11==3\n",
    "ci.txt": b"ruff==1\n",
    "own/Containerfile": (
        b"ARG BASE\nFROM ${BASE} AS a\nFROM tool:1\nFROM a\nFROM scratch\nFROM x@sha256:0\n"
    ),
    "own/install.sh": b"true\n",
}


def sources(**more) -> Sources:
    return Sources(**{"read": FILES.get, "locks": LOCKS, "truewheel": PIN, **more})


def name_of(text: str, target: str = "ubuntu24.04", arch: str = "x86_64", **more) -> str:
    return images.images(spec_of(text), sources(**more)).references[target, arch]


def refused(text: str, target: str = "ubuntu24.04", stage: str = "build", **more) -> list[str]:
    with pytest.raises(Stop) as stopped:
        images.recipe(spec_of(text), target, sources(**more), stage)
    assert stopped.value.code is Exit.REFUSED
    return [str(problem) for problem in stopped.value.problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SPEC, {("ubuntu24.04", "x86_64")}),
        (SPEC.replace("registry:", "job_image:"), set()),
        (SPEC.replace("    base: cuda:13\n", ""), set()),
        (SPEC.replace("    family: debian\n", ""), set()),
        (OWN, {("rhel8", "x86_64")}),
        (OWN.replace("base: 'ubi:8', ", ""), {("rhel8", "x86_64")}),
        (
            SPEC + "include: [{package: foo, target: ubuntu24.04, arch: s390x, python: '3.13'}]\n",
            {("ubuntu24.04", "x86_64"), ("ubuntu24.04", "s390x")},
        ),
    ],
)
def test_a_builder_needs_a_registry_and_something_to_build(
    text: str, expected: set[tuple[str, str]]
):
    assert set(images.images(spec_of(text), sources()).references) == expected


def test_an_image_is_named_by_what_goes_in():
    name = name_of(SPEC)
    head, _, tag = name.rpartition(":")
    assert head == "$CI_REGISTRY_IMAGE/builder/ubuntu24.04-x86_64"
    assert len(tag) == 32
    assert set(tag) <= set("0123456789abcdef")
    assert name_of(SPEC) == name


CHANGES = {
    "a package": (SPEC.replace("[libboost-dev]", "[libboost-dev, zip]"), {}),
    "the base": (SPEC.replace("cuda:13", "cuda:14"), {}),
    "a python": (SPEC + "pythons: ['3.13']\n", {}),
    "the project": (SPEC.replace("triton", "other"), {}),
    "its digest": (SPEC, {"digests": {"cuda:13": "sha256:0"}}),
    "a requirement": (SPEC, {"read": {**FILES, "build.txt": b"pybind11==4\n"}.get}),
    "the tools": (SPEC, {"locks": {**LOCKS, "truewheel-tools.txt": b"build==2\n"}}),
    "truewheel": (SPEC, {"truewheel": PIN.replace("0.1.0", "0.2.0")}),
}


@pytest.mark.parametrize(("text", "more"), CHANGES.values(), ids=CHANGES)
def test_the_name_changes_with(text: str, more: dict):
    assert name_of(text, **more) != name_of(SPEC)


def test_the_name_does_not_change_with_what_stays_outside():
    other = (
        SPEC.replace("ci.txt", "build.txt").replace("libgomp1", "zip") + "naming: triton-2026.04\n"
    )
    assert name_of(other) == name_of(SPEC)
    assert name_of(SPEC, locks={**LOCKS, "truewheel-uv.txt": b"uv==2\n"}) == name_of(SPEC)


def test_architectures_have_names_of_their_own():
    text = SPEC + "arches: [x86_64, aarch64]\n"
    tags = {name_of(text, arch=arch).rpartition(":")[2] for arch in ("x86_64", "aarch64")}
    assert len(tags) == 2


def test_a_registry_takes_the_path_whatever_the_target_is_called():
    text = SPEC.replace("ubuntu24.04:", "Ubuntu._24:")
    assert "/builder/ubuntu-24-x86_64:" in name_of(text, "Ubuntu._24")


def test_moved_content_is_other_content():
    one, other = Recipe("t", {"a": b"bc"}), Recipe("t", {"ab": b"c"})
    assert images.digest(one, "x") != images.digest(other, "x")


def test_build_only_requirements_stay_in_the_build_stage():
    spec = spec_of(SPEC)
    assert set(images.recipe(spec, "ubuntu24.04", sources()).files) == {
        "build.txt",
        "truewheel-tools.txt",
        "truewheel.txt",
    }
    for stage in ("run", "qa"):
        made = images.recipe(spec, "ubuntu24.04", sources(), stage)
        assert made.files == {}
        assert "build" not in made.text


@pytest.mark.parametrize(
    ("stage", "chain"),
    [
        ("build", ["cuda:13 AS build"]),
        ("ci", ["cuda:13 AS build", "build AS ci"]),
        ("deep", ["cuda:13 AS build", "build AS ci", "ci AS deep"]),
        ("run", ["cuda:13@sha256:1 AS run"]),
        ("qa", ["sdk:1 AS qa"]),
    ],
)
def test_a_stage_comes_with_those_it_stands_on_and_no_other(stage: str, chain: list[str]):
    digests = {"cuda:13": "sha256:1"} if stage == "run" else {}
    made = images.recipe(spec_of(SPEC), "ubuntu24.04", sources(digests=digests), stage)
    assert [line[5:] for line in made.text.splitlines() if line.startswith("FROM ")] == chain


def test_what_cannot_be_built_is_told():
    assert refused(SPEC, stage="x") == [
        "--stage x: ubuntu24.04 has no stage x\n    hint: its stages: build, ci, deep, run, qa"
    ]
    circle = SPEC.replace("{base: build, ", "{base: deep, ")
    assert refused(circle, stage="ci")[0].startswith(
        "truewheel.yml:12:63: the stage ci is based on itself"
    )
    assert refused(SPEC, read={}.get) == [
        "truewheel.yml:9:7: build.txt cannot be read\n    hint: correct the path",
    ]
    assert refused(OWN, "rhel8", stage="ci")[0].startswith(
        "--stage ci: rhel8 has its own Containerfile"
    )
    (threaded,) = refused(SPEC + "pythons: ['3.13t']\n")
    assert threaded.startswith(
        "truewheel.yml:9:7: distributions have no free-threaded Python, such as 3.13t"
    )
    assert (
        "own/install.sh cannot be read"
        in refused(OWN, "rhel8", read={"own/Containerfile": b""}.get)[0]
    )


@pytest.mark.parametrize(
    "text", [SPEC.replace("{base: build, ", "{base: deep, "), SPEC.replace("ci.txt", "gone.txt")]
)
def test_a_stage_that_cannot_be_built_refuses_the_plan(text: str):
    with pytest.raises(Stop):
        images.images(spec_of(text), sources())


def test_an_own_containerfile_sees_just_its_files_and_the_locked_base():
    made = images.recipe(spec_of(OWN), "rhel8", sources(digests={"ubi:8": "sha256:1"}))
    assert made == Recipe(
        FILES["own/Containerfile"].decode(),
        {"own/install.sh": b"true\n"},
        {"BASE": "ubi:8@sha256:1"},
    )


def test_a_base_that_can_move_is_a_warning():
    found = images.images(spec_of(SPEC), sources(digests={"sdk:1": "sha256:0"})).problems
    (problem,) = found
    assert problem.severity == "warning"
    assert str(problem).startswith(
        "truewheel.yml:7:11: warning: the tag of cuda:13 can move: no digest is locked"
    )
    pinned = SPEC.replace("cuda:13", "'cuda@sha256:0'").replace("sdk:1", "sdk@sha256:0")
    assert images.images(spec_of(pinned), sources()).problems == ()


def test_a_base_that_can_move_is_found_in_an_own_containerfile():
    found = images.images(spec_of(OWN), sources(digests={"ubi:8": "sha256:1"})).problems
    assert [str(problem).splitlines()[0] for problem in found] == [
        "own/Containerfile:3:1: warning: the tag of tool:1 can move"
    ]


@pytest.mark.parametrize(
    ("text", "more", "is_told"),
    [
        (SPEC, {"truewheel": ""}, True),
        (SPEC, {}, False),
        (SPEC + "scripts: ci\n", {"truewheel": ""}, False),
        (SPEC + "setup: [pip install truewheel]\n", {"truewheel": ""}, False),
        (
            SPEC.replace("registry:", "tools: tools.txt, registry:"),
            {
                "truewheel": "",
                "read": {**FILES, "tools.txt": b"truewheel==0.1.0 \\\n --hash=sha256:0\n"}.get,
            },
            False,
        ),
    ],
)
def test_an_image_without_truewheel_is_told(text: str, more: dict, is_told: bool):
    found = images.images(spec_of(text), sources(**more)).problems
    assert any("has no truewheel" in problem.message for problem in found) is is_told


def test_the_environment_is_made_of_the_newest_python_that_tools_run_on():
    text = SPEC.replace("container:", "container:\n      interpreters: uv")
    spec = spec_of(text + "pythons: ['3.14t', '3.9', '3.13']\n")
    assert (
        "/opt/python/cp313/bin/python -m venv" in images.recipe(spec, "ubuntu24.04", sources()).text
    )


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (("rhel8", "x86_64"), "TRUEWHEEL_DIGEST_RHEL8_X86_64"),
        (("ubuntu24.04", "aarch64"), "TRUEWHEEL_DIGEST_UBUNTU24_04_AARCH64"),
        (("a-b.c", "armv7l"), "TRUEWHEEL_DIGEST_A_B_C_ARMV7L"),
    ],
)
def test_a_digest_has_a_variable_for_each_place(place: tuple[str, str], expected: str):
    assert digest_variable(*place) == expected


def test_a_plan_has_container_jobs_that_wheel_jobs_need():
    made = plan_of(SPEC, images=images.images(spec_of(SPEC), sources()))
    jobs = {job.name: job for job in made.jobs}
    assert jobs["container:ubuntu24.04:x86_64"].needs == ()
    assert jobs["wheel:foo:ubuntu24.04:x86_64:cp312"].needs == (
        "plan",
        "container:ubuntu24.04:x86_64",
    )
    assert made.image("ubuntu24.04", "x86_64") == name_of(SPEC)
    assert list(made.kinds) == ["plan", "container", "wheel", "test", "prove"]


def test_without_a_registry_nothing_of_this_is_planned():
    made = plan_of(SPEC.replace("registry:", "job_image:"), images=NO_IMAGES)
    assert (dict(made.images), made.image("ubuntu24.04", "x86_64")) == ({}, "cuda:13")
    assert "container" not in made.kinds


def test_a_locked_digest_is_in_the_image_of_jobs_that_run_in_their_base():
    text = SPEC.replace("registry:", "job_image:")
    made = plan_of(
        text, images=images.images(spec_of(text), sources(digests={"cuda:13": "sha256:1"}))
    )
    assert made.image("ubuntu24.04", "x86_64") == "cuda:13@sha256:1"


WITH_WHEELS = (
    SPEC.replace("{packages: [libgomp1]}", "{packages: [libgomp1], wheels: [foo]}")
    .replace("qa: {base: 'sdk:1'}", "sdk: {base: 'sdk:1'}, qa: {base: sdk, wheels: [foo, bar]}")
    .replace("{foo: {}}", "{foo: {}, bar: {abi: none}}")
)


def test_an_image_of_proven_wheels_is_named_by_their_hashes_and_holds_no_other_file():
    spec = spec_of(WITH_WHEELS)
    proven = {
        "foo": ("foo-1-cp312-cp312-linux_x86_64.whl", "f0"),
        "bar": ("bar-1-py3-none-any.whl", "ba"),
    }
    made = images.recipe(spec, "ubuntu24.04", sources(wheels=proven), "run")
    assert made.files == {
        "wheels/run.txt": b"/run/wheels/foo-1-cp312-cp312-linux_x86_64.whl --hash=sha256:f0\n"
    }
    other = images.recipe(
        spec, "ubuntu24.04", sources(wheels={"foo": (proven["foo"][0], "f1")}), "run"
    )
    assert images.digest(made, "x86_64") != images.digest(other, "x86_64")
    assert made.text == other.text
    qa = images.recipe(spec, "ubuntu24.04", sources(wheels=proven), "qa")
    assert len(qa.files["wheels/qa.txt"].splitlines()) == 2
    assert "python3.12 -m venv" in qa.text, "the environment below the wheels is of their Python"


@pytest.mark.parametrize(
    ("origin", "base", "expected"),
    [
        ("distribution", "", "python3.12 -m venv"),
        ("base", "", "/opt/python/cp312/bin/python -m venv"),
        ("base", "base: sdk, ", "python3.12 -m venv"),
        ("uv", "", "/opt/python/cp312/bin/python -m venv"),
        ("uv", "base: sdk, ", "uv python install --no-bin 3.12"),
        ("pyenv", "base: build, ", "python-build"),
    ],
)
def test_wheels_get_the_interpreter_that_they_are_made_for(origin: str, base: str, expected: str):
    text = WITH_WHEELS.replace("container:", f"container:\n      interpreters: {origin}")
    text = text.replace("run: {", f"run: {{{base}")
    made = images.recipe(spec_of(text), "ubuntu24.04", sources(), "run")
    assert expected in made.text
    assert ("truewheel-uv.txt" in made.files) is (origin == "uv")
    assert "g++" not in made.text or base == "base: build, "


def test_pyenv_compiles_in_the_build_stage_alone():
    text = WITH_WHEELS.replace("container:", "container:\n      interpreters: pyenv")
    (problem,) = refused(text, stage="run")
    assert problem.startswith("truewheel.yml:14:")
    assert "its wheels are for Python 3.12, which pyenv compiles only in the build stage" in problem
    without = images.recipe(
        spec_of(text.replace(", wheels: [foo]", "")), "ubuntu24.04", sources(), "run"
    )
    assert "python3 -m venv" in without.text, "without wheels, any interpreter will do"


def test_stages_beside_an_own_containerfile_are_refused():
    text = OWN.replace(
        "files: [own/install.sh]", "files: [own/install.sh], stages: {ci: {base: build}}"
    )
    with pytest.raises(Stop, match="which has its own stages"):
        images.images(spec_of(text), sources())


def test_what_a_fragment_copies_is_there_for_an_own_containerfile():
    lines = images.fragment(spec_of(OWN), "rhel8", sources())
    assert "COPY truewheel-tools.txt $VIRTUAL_ENV/" in lines
    made = images.recipe(
        spec_of(OWN), "rhel8", sources(read={**FILES, "own/Containerfile": lines.encode()}.get)
    )
    assert made.files == {
        "own/install.sh": b"true\n",
        "truewheel-tools.txt": LOCKS["truewheel-tools.txt"],
    }


AFAR = """
packages: {foo: {smoke: s.py}}
targets:
  rhel8: {family: rhel, base: ubi, toolchain: zig, runner: x86_64,
    container: {stages: {qa: {wheels: [foo]}}}}
arches: [x86_64, aarch64]
images: {registry: r.example/x}
"""


def test_a_cross_compiled_wheel_has_an_image_for_the_runner_and_no_test_in_it():
    spec = spec_of(AFAR)
    made = plan_of(AFAR, images=images.images(spec, sources()))
    assert made.image("rhel8", "aarch64") == made.image("rhel8", "x86_64")
    assert "/builder/rhel8-x86_64:" in made.image("rhel8", "aarch64")
    assert made.test_image("rhel8", "x86_64") == made.image("rhel8", "x86_64")
    assert made.test_image("rhel8", "aarch64") == "ubi"
    qa = images.recipe(spec, "rhel8", sources(), "qa")
    assert "/qa/rhel8-aarch64:" in images.reference(spec, "rhel8", "aarch64", qa, "qa")


@pytest.mark.parametrize(
    ("stage", "lines"),
    [
        ("ci", ["COPY ci.txt"]),
        (
            "sdk",
            [
                "ENV VIRTUAL_ENV",
                "ENV PATH",
                'RUN test -x "$VIRTUAL_ENV/bin/python" || python3.12 -m venv',
            ],
        ),
        ("qa", ["COPY wheels/qa.txt", "RUN --mount=type=bind"]),
    ],
)
def test_a_fragment_may_be_of_any_stage(stage: str, lines: list[str]):
    text = images.fragment(spec_of(WITH_WHEELS), "ubuntu24.04", sources(), stage)
    first = [
        line
        for line in text.splitlines()
        if line and not line.startswith((" ", "RUN --mount=type=secret"))
    ]
    assert len(first) == len(lines)
    assert all(line.startswith(start) for line, start in zip(first, lines))
