"""`truewheel init` on small repositories of every kind: a valid spec and pipeline from one command, or a clear no."""

from __future__ import annotations

import importlib.util
import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, str(ROOT / "gen_ci.py")]
KEPT = ("PATH", "HOME", "TMPDIR", "PIP_", "SSL_", "REQUESTS_", "http", "https", "no_proxy", "HTTP", "NO_PROXY", "PYENV")
ENVIRONMENT = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
SETUPTOOLS = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
SETUP = 'from setuptools import Extension, setup\nsetup(ext_modules=[Extension("{0}", ["{0}.c"])])\n'
SOURCE = """\
#include <Python.h>
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "NAME", NULL, -1, NULL};
PyMODINIT_FUNC PyInit_NAME(void) { return PyModule_Create(&definition); }
"""


def project(name: str = "foo", version: str = 'version = "1.0"', more: str = "") -> str:
    return f'[project]\nname = "{name}"\n{version}\n{more}\n'


def extension(name: str = "foo", folder: str = "", **fields: str) -> dict[str, str]:
    """A package of setuptools with a C extension."""
    files = {
        "pyproject.toml": SETUPTOOLS + project(name, **fields),
        "setup.py": SETUP.format(name),
        f"{name}.c": SOURCE.replace("NAME", name),
    }
    return {f"{folder}{path}": text for path, text in files.items()}


def backend(name: str, requires: str, more: str = "", **fields: str) -> str:
    start = f'[build-system]\nrequires = ["{requires}"]\nbuild-backend = "{name}"\n'
    return start + project(**fields) + more


class Good(NamedTuple):
    """A repository and what its spec must say: keys of the first package, and how many wheels are planned."""

    files: Mapping[str, str]
    package: Mapping[str, Any]
    first: str
    tag: str = ""


GIT = '\ndynamic = ["version"]'
SCM = '[build-system]\nrequires = ["setuptools", "setuptools_scm>=8"]\nbuild-backend = "setuptools.build_meta"\n'
LINUX = "manylinux_2_28_x86_64.whl"
GOOD = {
    "C extension": Good(extension(), {"path": ".", "abi": "cpython"}, f"foo-1.0-cp311-cp311-{LINUX}"),
    "version file": Good(
        {
            **extension(
                version='dynamic = ["version"]', more='[tool.setuptools.dynamic]\nversion = {file = ["src/VERSION"]}'
            ),
            "src/VERSION": "2.1.dev0\n",
        },
        {"version": {"file": "src/VERSION"}},
        f"foo-2.1.dev0-cp311-cp311-{LINUX}",
    ),
    "scikit-build-core": Good(
        {"pyproject.toml": backend("scikit_build_core.build", "scikit-build-core"), "CMakeLists.txt": ""},
        {"abi": "cpython"},
        f"foo-1.0-cp311-cp311-{LINUX}",
    ),
    "scikit-build-core, limited API": Good(
        {
            "pyproject.toml": backend(
                "scikit_build_core.build", "scikit-build-core", '[tool.scikit-build]\nwheel.py-api = "cp312"'
            )
        },
        {"abi": "abi3"},
        f"foo-1.0-cp312-abi3-{LINUX}",
    ),
    "meson-python": Good(
        {
            "pyproject.toml": backend("mesonpy", "meson-python", version='dynamic = ["version"]'),
            "meson.build": "project('foo', 'c', version: files('VERSION'))",
            "VERSION": "0.3",
            "foo.c": "",
        },
        {"abi": "cpython", "version": {"file": "VERSION"}},
        f"foo-0.3-cp311-cp311-{LINUX}",
    ),
    "maturin": Good(
        {
            "pyproject.toml": backend("maturin", "maturin>=1"),
            "Cargo.toml": '[dependencies]\npyo3 = {version = "0.26", features = ["extension-module"]}\n'
            '[features]\nstable = ["pyo3/abi3-py39"]\n',
        },
        {"abi": "cpython"},
        f"foo-1.0-cp311-cp311-{LINUX}",
    ),
    "maturin, limited API": Good(
        {
            "pyproject.toml": backend("maturin", "maturin>=1"),
            "Cargo.toml": '[dependencies]\npyo3 = {version = "0.26", features = ["abi3-py39"]}\n',
        },
        {"abi": "abi3"},
        f"foo-1.0-cp39-abi3-{LINUX}",
    ),
    "limited API": Good(
        {**extension(), "setup.cfg": "[bdist_wheel]\npy_limited_api = cp311\n"},
        {"abi": "abi3"},
        f"foo-1.0-cp311-abi3-{LINUX}",
    ),
    "pure": Good(
        {"pyproject.toml": backend("hatchling.build", "hatchling"), "src/foo/__init__.py": "", "tools/x.c": ""},
        {"abi": "none"},
        "foo-1.0-py3-none-any.whl",
    ),
    "two packages": Good(
        {
            **extension("foo", "libs/foo/", more='requires-python = ">=3.12"'),
            **extension("bar", "bar/", more='requires-python = ">=3.11"'),
            "pyproject.toml": "[tool.ruff]\n",
            "tests/broken/pyproject.toml": "[",
        },
        {"path": "bar"},
        f"bar-1.0-cp311-cp311-{LINUX}",
    ),
    "setuptools-scm": Good(
        {**extension(), "pyproject.toml": SCM + project(version=GIT)},
        {"version": {"inject": "env:SETUPTOOLS_SCM_PRETEND_VERSION"}},
        f"foo-1.4-cp311-cp311-{LINUX}",
        tag="v1.4",
    ),
    "hatch-vcs without a tag": Good(
        {"pyproject.toml": backend("hatchling.build", "hatch-vcs", '[tool.hatch.version]\nsource = "vcs"', version=GIT)},
        {"version": {"inject": "env:SETUPTOOLS_SCM_PRETEND_VERSION"}},
        "foo-0.0.post1-py3-none-any.whl",
    ),
    "cibuildwheel": Good(
        {
            **extension(more='[tool.cibuildwheel]\nbuild = "cp3{12,13}-*"\nskip = ["*-musllinux*"]'),
            ".github/workflows/wheels.yml": "on: push\nenv: {CIBW_MANYLINUX_X86_64_IMAGE: manylinux_2_34}\n"
            "jobs: {a: {env: {CIBW_ARCHS_LINUX: 'x86_64 aarch64 i686', CIBW_BUILD: '${{ matrix.build }}'}}}\n",
        },
        {},
        "foo-1.0-cp312-cp312-manylinux_2_34_x86_64.whl",
    ),
    "strange but allowed": Good(
        {
            "no/on é/pyproject.toml": SETUPTOOLS + project("No", more='requires-python = ">=3.8 , <3.13"'),
            "no/on é/setup.py": SETUP.format("x"),
            "no/on é/smoke.py": "",
            "Dockerfile\n": "",
        },
        {"path": "no/on é", "smoke": "no/on é/smoke.py"},
        f"no-1.0-cp311-cp311-{LINUX}",
    ),
}  # fmt: skip


def repository(folder: Path, files: Mapping[str, str], tag: str = "") -> Path:
    """Write files into a git repository and commit them."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.invalid", "-c", "init.defaultBranch=main"]
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message=first", "--allow-empty"]):
        subprocess.run(["git", *identity, *words], cwd=folder, check=True)
    if tag:
        subprocess.run(["git", "tag", tag], cwd=folder, check=True)
    return folder


def truewheel(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*COMMAND, *words], cwd=folder, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False, timeout=600,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a folder but those of git."""
    files = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """All good repositories after `init --yes`."""
    folders = {}
    for name, case in GOOD.items():
        folders[name] = repository(tmp_path_factory.mktemp("repository"), case.files, case.tag)
        done = truewheel(folders[name], "init", "--yes")
        assert (done.returncode, done.stderr) == (0, ""), name
    return folders


@pytest.mark.parametrize("name", GOOD)
def test_a_repository_gets_a_spec_whose_plan_holds(started: dict[str, Path], name: str):
    case, folder = GOOD[name], started[name]
    written = yaml.safe_load((folder / "truewheel.yml").read_text(encoding="utf-8"))
    (package, *_) = written["packages"].values()
    assert {key: package[key] for key in case.package} == case.package
    plan = json.loads(truewheel(folder, "plan", "--json").stdout)
    assert plan["problems"] == []
    assert plan["cells"][0]["wheel"] == case.first


@pytest.mark.parametrize("name", GOOD)
def test_its_pipeline_is_as_generated_and_a_second_init_changes_nothing(started: dict[str, Path], name: str):
    folder = started[name]
    before = content(folder)
    assert truewheel(folder, "check").returncode == 0
    done = truewheel(folder, "init", "--yes")
    assert done.returncode == 2
    assert "truewheel.yml: there is a spec already, and init overwrites nothing" in done.stderr
    assert content(folder) == before


@pytest.mark.skipif(importlib.util.find_spec("check_jsonschema") is None, reason="check-jsonschema is not installed")
def test_the_official_schema_takes_every_pipeline(started: dict[str, Path]):
    files = [str(path) for folder in started.values() for path in [folder / ".gitlab-ci.yml", *folder.glob("pipelines/*")]]
    schema = ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *schema, *files], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert len(files) > 2 * len(GOOD) - 4
