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
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.version import Version

from truewheel.wheel import reader

ROOT = Path(__file__).parents[2]
ENV = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
VARIABLES = ("CI_PIPELINE_ID=77", "NVIDIA_UPSTREAM_VERSION=26.04")
VERSION, BUILD = "1.0+nv26.4", "77"

CORE_C = """\
#include <Python.h>
static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "_core", 0, -1, 0};
PyMODINIT_FUNC PyInit__core(void) {
    PyObject *core = PyModule_Create(&def);
    if (core) PyModule_AddIntConstant(core, "ANSWER", 42);
    return core;
}
"""

# A real PyO3 needs crates. maturin asks only whether there is a dependency of that name; the C API
# is declared here.
CORE_RS = """\
use std::ffi::{c_char, c_int, c_long, c_void};
#[repr(C)] pub struct Def { head: [isize; 5], name: *const c_char, doc: *const c_char, size: isize, rest: [isize; 5] }
extern "C" {
    fn PyModule_Create2(def: *mut Def, api: c_int) -> *mut c_void;
    fn PyModule_AddIntConstant(module: *mut c_void, name: *const c_char, value: c_long) -> c_int;
}
static mut DEF: Def =
    Def { head: [1, 0, 0, 0, 0], name: c"_core".as_ptr(), doc: std::ptr::null(), size: -1, rest: [0; 5] };
#[no_mangle] pub unsafe extern "C" fn PyInit__core() -> *mut c_void {
    let core = PyModule_Create2(&raw mut DEF, 1013);
    if !core.is_null() { PyModule_AddIntConstant(core, c"ANSWER".as_ptr(), 42); }
    core
}
"""


class Project(NamedTuple):
    """A package: its keys in the spec, its files, and the programs that it needs."""

    spec: Mapping[str, object]
    files: Mapping[str, str]
    programs: tuple[str, ...] = ()


def pyproject(
    name: str, backend: str, requires: str, *more: str, version: str = 'version = "1.0"'
) -> str:
    build = f'[build-system]\nrequires = [{requires}]\nbuild-backend = "{backend}"\n'
    return (
        f'{build}[project]\nname = "{name}"\n{version}\nrequires-python = ">=3.10"\n'
        + "\n".join(more)
        + "\n"
    )


DYNAMIC = 'dynamic = ["version"]'
PURE = {"abi": "none"}
NATIVE = "from {0}._core import ANSWER\n"
SETUP = "from setuptools import Extension, setup\nsetup(ext_modules=[Extension('{0}._core', ['core.c'])])\n"
CMAKE = """\
cmake_minimum_required(VERSION 3.18)
project(cmade LANGUAGES C)
find_package(Python REQUIRED COMPONENTS Interpreter Development.Module)
Python_add_library(_core MODULE core.c WITH_SOABI)
install(TARGETS _core DESTINATION cmade)
"""
MESON = """\
project('mesoned', 'c', version: files('VERSION'))
python = import('python').find_installation(pure: false)
python.install_sources('mesoned/__init__.py', subdir: 'mesoned')
python.extension_module('_core', 'core.c', install: true, subdir: 'mesoned')
"""
HOOK = """\
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

class Hook(BuildHookInterface):
    def initialize(self, version, build_data):
        build_data.update(pure_python=False, infer_tag=True)
"""
PREBUILT = """\
import ctypes, pathlib
ANSWER = ctypes.CDLL(str(pathlib.Path(__file__).with_name("libanswer.so"))).answer()
"""
CARGO = """\
[package]
name = "rusty"
version = "0.1.0"
edition = "2021"
[lib]
name = "_core"
crate-type = ["cdylib"]
[dependencies]
pyo3-ffi = {path = "pyo3-ffi"}
"""
CRATE = '[package]\nname = "pyo3-ffi"\nversion = "0.27.0"\nedition = "2021"\n'

PROJECTS = {
    "setup": Project(
        {},
        {
            "pyproject.toml": pyproject("setup", "setuptools.build_meta", '"setuptools"'),
            "setup.py": SETUP.format("setup"),
            "core.c": CORE_C,
            "setup/__init__.py": NATIVE.format("setup"),
        },
    ),
    "scm": Project(  # no version in pyproject.toml, and no git where it is built
        {"version": {"file": "scm/VERSION", "inject": "env:SETUPTOOLS_SCM_PRETEND_VERSION"}},
        {
            "pyproject.toml": pyproject(
                "scm",
                "setuptools.build_meta",
                '"setuptools", "setuptools-scm>=8"',
                '[tool.setuptools_scm]\nroot = ".."\nversion_file = "scm/_version.py"',
                version=DYNAMIC,
            ),
            "VERSION": "1.0\n",
            "setup.py": SETUP.format("scm"),
            "core.c": CORE_C,
            "scm/__init__.py": NATIVE.format("scm")
            + f'from ._version import version\nassert version == "{VERSION}"\n',
        },
    ),
    "cmade": Project(
        {"version": {"file": "cmade/VERSION"}},
        {
            "pyproject.toml": pyproject(
                "cmade",
                "scikit_build_core.build",
                '"scikit-build-core"',
                '[tool.scikit-build.metadata.version]\nprovider = "scikit_build_core.metadata.regex"',
                'input = "VERSION"\nregex = "(?P<value>\\\\S+)"',
                version=DYNAMIC,
            ),
            "VERSION": "1.0\n",
            "CMakeLists.txt": CMAKE,
            "core.c": CORE_C,
            "cmade/__init__.py": NATIVE.format("cmade"),
        },
    ),
    "mesoned": Project(
        {"version": {"file": "mesoned/VERSION"}},
        {
            "pyproject.toml": pyproject("mesoned", "mesonpy", '"meson-python"', version=DYNAMIC),
            "VERSION": "1.0\n",
            "meson.build": MESON,
            "core.c": CORE_C,
            "mesoned/__init__.py": NATIVE.format("mesoned"),
        },
    ),
    "prebuilt": Project(
        {},
        {
            "pyproject.toml": pyproject(
                "prebuilt",
                "hatchling.build",
                '"hatchling"',
                "[tool.hatch.build.targets.wheel.hooks.custom]",
            ),
            "hatch_build.py": HOOK,
            "prebuilt/__init__.py": PREBUILT,
        },
    ),
    "rusty": Project(
        {},
        {
            "pyproject.toml": pyproject(
                "rusty",
                "maturin",
                '"maturin>=1.7"',
                '[tool.maturin]\nbindings = "pyo3-ffi"\nmodule-name = "rusty._core"',
            ),
            "Cargo.toml": CARGO,
            "src/lib.rs": CORE_RS,
            "pyo3-ffi/Cargo.toml": CRATE,
            "pyo3-ffi/src/lib.rs": "",
            "rusty/__init__.py": NATIVE.format("rusty"),
        },
        ("cargo",),
    ),
    "hatched": Project(
        {
            **PURE,
            "version": {"file": "hatched/VERSION", "inject": "env:SETUPTOOLS_SCM_PRETEND_VERSION"},
        },
        {
            "pyproject.toml": pyproject(
                "hatched",
                "hatchling.build",
                '"hatchling", "hatch-vcs"',
                '[tool.hatch.version]\nsource = "vcs"',
                version=DYNAMIC,
            ),
            "VERSION": "1.0\n",
            "hatched/__init__.py": "ANSWER = 42\n",
        },
    ),
    "flown": Project(
        PURE,
        {
            "pyproject.toml": pyproject(
                "flown",
                "flit_core.buildapi",
                '"flit-core"',
                version='version = "1.0"\ndescription = "flown"',
            ),
            "flown/__init__.py": "ANSWER = 42\n",
        },
    ),
    "verse": Project(  # poetry keeps the zero of a version that it is given: 26.04
        {**PURE, "version": {"file": "verse/VERSION", "inject": "wheel"}},
        {
            "pyproject.toml": '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
            '[tool.poetry]\nname = "verse"\nversion = "1.0+nv26.04"\ndescription = ""\nauthors = []\n'
            '[tool.poetry.dependencies]\npython = ">=3.10"\n',
            "VERSION": "1.0\n",
            "verse/__init__.py": "ANSWER = 42\n",
        },
    ),
    "pepped": Project(
        PURE,
        {
            "pyproject.toml": pyproject("pepped", "pdm.backend", '"pdm-backend"'),
            "pepped/__init__.py": "ANSWER = 42\n",
        },
    ),
}


def missing(project: Project) -> str:
    return " and ".join(name for name in project.programs if not answers(name))


def answers(program: str) -> bool:
    """Whether a program runs: a cargo of rustup does not without its toolchain in the home folder."""
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
        cwd=folder, env=ENV, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    write(folder / "output.txt", done.stdout)
    return folder


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


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
