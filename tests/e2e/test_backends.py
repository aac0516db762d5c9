"""Every kind of build backend makes the wheel that was planned, and what it makes can be imported.

Real builds.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from backends import BUILD, ENV, PROJECTS, PYTHON, SETUP, VARIABLES, VERSION, Project, write
from packaging.version import Version

from truewheel.wheel import reader


def missing(project: Project) -> str:
    return " and ".join(name for name in project.programs if not answers(name))


def answers(program: str) -> bool:
    """Whether a program runs: a cargo of rustup does not without its toolchain in the home."""
    if not shutil.which(program):
        return False
    return subprocess.run([program, "--version"], check=False, capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One checkout, as git has it, of all packages whose tools are here.

    All of them built by one run.
    """
    folder = tmp_path_factory.mktemp("backends")
    packages: dict[str, object] = {}
    for name, project in PROJECTS.items():
        if missing(project):
            continue
        packages[name] = {"path": name, "smoke": f"smoke/import_{name}.py", **project.spec}
        smoke = f"import {name}\nassert {name}.ANSWER == 42\n"
        for path, text in project.files.items():
            write(folder / name / path, text)
        write(folder / f"smoke/import_{name}.py", smoke)
    answer = folder / "answer.c"
    write(answer, "int answer(void) { return 42; }\n")
    library = folder / "prebuilt/prebuilt/libanswer.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, answer], check=True)
    write(folder / ".gitignore", "build/\ndist/\n*.so\n")
    spec = {"truewheel": 1, "packages": packages, "targets": {"rhel8": {}}, "pythons": [PYTHON]}
    write(folder / "truewheel.yml", json.dumps({**spec, "naming": "triton-2026.04"}))
    subprocess.run(["git", "init", "-q", folder], check=True)
    variables = [word for variable in VARIABLES for word in ("-v", variable)]
    done = subprocess.run(
        [sys.executable, "-m", "truewheel", "run", *variables],
        cwd=folder,
        env=ENV,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    write(folder / "output.txt", done.stdout)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", PROJECTS)
def test_the_wheel_of_a_backend_is_the_planned_one_and_works(root: Path, name: str) -> None:
    project = PROJECTS[name]
    if absent := missing(project):
        pytest.skip(f"{absent} is not installed")
    output = (root / "output.txt").read_text()
    assert f"{name}/host" in output or f"{name}/any" in output
    [cell] = [
        cell
        for cell in json.loads((root / "dist/plan.json").read_text())["cells"]
        if cell["package"] == name
    ]
    assert f"{cell['id']}: built" in output, output  # its smoke test imported it
    with reader.open_wheel(root / "dist" / cell["wheel"]) as wheel:
        assert (wheel.name.version, wheel.name.build) == (VERSION, BUILD)
        assert Version(wheel.metadata.first("Version")) == Version(VERSION)
        native = [member for member in wheel.elf if member.startswith(f"{name}/")]
        assert bool(native) == (project.spec.get("abi") != "none")
        if native and name != "prebuilt":
            assert native == [f"{name}/_core{sysconfig.get_config_var('EXT_SUFFIX')}"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flag", "expected"), [("-ffile-prefix-map={}=.", []), ("-DROOT={}", ["content"])]
)
def test_a_build_folder_in_debug_information_is_what_differs(
    root: Path, flag: str, expected: list[str]
) -> None:
    plan = json.loads((root / "dist/plan.json").read_text())
    [cell] = [candidate for candidate in plan["cells"] if candidate["package"] == "setup"]
    mapped = f"import os\nFLAGS = ['-g', '{flag}'.format(os.getcwd())]\n"
    with_flags = SETUP.format("setup").replace("['core.c']", "['core.c'], extra_compile_args=FLAGS")
    write(root / "setup/setup.py", mapped + with_flags)
    argv = [sys.executable, "-m", "truewheel", "compile", "--twice", "--cell", cell["id"]]
    subprocess.run(argv, cwd=root, env=ENV, check=True, capture_output=True)
    inputs = root / "build" / cell["id"].replace("/", "__") / "inputs.json"
    member = f"setup/_core{sysconfig.get_config_var('EXT_SUFFIX')}"
    assert json.loads(inputs.read_text())["rebuilt"] == [
        f"{member}: {aspect}" for aspect in expected
    ]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("ccache"), reason="ccache is not installed")
@pytest.mark.parametrize("name", ["setup", "cmade", "mesoned"])
def test_a_second_build_is_served_by_the_compiler_cache(
    root: Path, tmp_path: Path, name: str
) -> None:
    plan = json.loads((root / "dist/plan.json").read_text())
    [cell] = [candidate for candidate in plan["cells"] if candidate["package"] == name]
    write(tmp_path / "plan.json", json.dumps({**plan, "compiler_cache": "ccache"}))
    env = {**ENV, "CCACHE_DIR": str(tmp_path / "cache"), "CCACHE_CONFIGPATH": os.devnull}
    argv = [
        sys.executable,
        "-m",
        "truewheel",
        "compile",
        "--plan",
        str(tmp_path / "plan.json"),
        "--cell",
        cell["id"],
    ]
    hits = []
    for _ in range(2):
        subprocess.run(argv, cwd=root, env=env, check=True, capture_output=True)
        statistics = subprocess.run(
            ["ccache", "--print-stats"], env=env, check=True, capture_output=True, text=True
        ).stdout
        counts = dict(line.split("\t") for line in statistics.splitlines())
        hits.append(int(counts["direct_cache_hit"]) + int(counts["preprocessed_cache_hit"]))
    assert hits[1] > hits[0]


@pytest.mark.slow
def test_a_run_of_them_all_is_proven(root: Path) -> None:
    output = (root / "output.txt").read_text()
    built = sum(not missing(project) for project in PROJECTS.values())
    assert f"{built} wheels ({built} built), named as planned and proven" in output, output
