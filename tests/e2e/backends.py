"""Packages of every kind of build backend, and the environment in which they are built."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

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
#[repr(C)] pub struct Def {
    head: [isize; 5], name: *const c_char, doc: *const c_char, size: isize, rest: [isize; 5]
}
extern "C" {
    fn PyModule_Create2(def: *mut Def, api: c_int) -> *mut c_void;
    fn PyModule_AddIntConstant(module: *mut c_void, name: *const c_char, value: c_long) -> c_int;
}
static mut DEF: Def = Def {
    head: [1, 0, 0, 0, 0], name: c"_core".as_ptr(), doc: std::ptr::null(), size: -1, rest: [0; 5]
};
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
SETUP = (
    "from setuptools import Extension, setup\nsetup(ext_modules=[Extension('{0}._core', "
    "['core.c'])])\n"
)
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
                "[tool.scikit-build.metadata.version]",
                'provider = "scikit_build_core.metadata.regex"',
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
            "pyproject.toml": (
                '[build-system]\nrequires = ["poetry-core"]\n'
                'build-backend = "poetry.core.masonry.api"\n'
                '[tool.poetry]\nname = "verse"\nversion = "1.0+nv26.04"\n'
                'description = ""\nauthors = []\n'
                '[tool.poetry.dependencies]\npython = ">=3.10"\n'
            ),
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


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
