"""One spec, four ways.

The plan's names, and the wheels of GitLab's jobs, of GitHub's, and of `run` on this machine.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import act
import gitlab_ci_local as gitlab
import pytest
from checkout import copy_checkout

from truewheel.wheel import platform_tags

pytestmark = [*act.MARKS, *gitlab.MARKS]

ROOT = Path(__file__).parents[2]
VALUES = gitlab.VALUES
SPEC = """\
truewheel: 1
packages:
  native: {path: native}
  stable: {path: stable, abi: abi3}
  pure: {path: pure, abi: none}
targets: {here: {floor: %(floor)s}}
arches: [%(arch)s]
pythons: ['%(python)s']
naming: triton-2026.04
indexes:
  internal: {profile: internal}
  public: {profile: pypi, channel: release}
scripts: scripts
setup: ['. scripts/setup_job.sh']
gitlab: {}
github: {runners: {%(arch)s: [ubuntu-latest]}}
"""
PROJECT = (
    "[build-system]\nrequires = ['setuptools']\n[project]\nname = '{name}'\nversion = "
    "'1.0'\nlicense-files = []\n"
)
SETUP = "from setuptools import Extension, setup\nsetup({})\n"
EXTENSION = "packages=['{0}'], ext_modules=[Extension('{0}._core', ['core.c']{1})]{2}"
CORE = """\
#include <Python.h>
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_core", NULL, -1, NULL};
PyMODINIT_FUNC PyInit__core(void) { return PyModule_Create(&module); }
"""


def package(folder: Path, setup: str) -> None:
    name = folder.name
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").touch()
    (folder / "pyproject.toml").write_text(PROJECT.format(name=name))
    (folder / "setup.py").write_text(SETUP.format(setup))
    (folder / "core.c").write_text(CORE)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A committed project with a wheel of each ABI, and the pipelines of both forges."""
    folder = tmp_path / "project"
    copy_checkout(folder, "src", "schema", "scripts")
    package(folder / "native", EXTENSION.format("native", "", ""))
    limited = ", define_macros=[('Py_LIMITED_API', '0x030A0000')], py_limited_api=True"
    oldest = f"cp3{sys.version_info.minor}"
    package(
        folder / "stable",
        EXTENSION.format(
            "stable", limited, f", options={{'bdist_wheel': {{'py_limited_api': '{oldest}'}}}}"
        ),
    )
    package(folder / "pure", "packages=['pure']")
    glibc = int((os.confstr("CS_GNU_LIBC_VERSION") or "").rpartition(".")[2])
    words = {"floor": platform_tags.highest_floor(glibc), "arch": platform.machine()}
    (folder / "truewheel.yml").write_text(
        SPEC % {**words, "python": f"3.{sys.version_info.minor}{sys.abiflags}"}
    )
    (folder / ".gitignore").write_text("/.gitlab-ci-local/\n/build/\n/dist/\n/plan.json\n")
    here(folder, "generate")
    gitlab.commit(folder)
    return folder


def here(folder: Path, *words: str) -> str:
    command = [sys.executable, "gen_ci.py", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def wheels(folder: Path) -> set[str]:
    """The proven wheels below a folder, with the copies for indexes, as paths below it."""
    assert (folder / "SHA256SUMS").is_file()
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.whl")}


def made_by_run(folder: Path) -> set[str]:
    flags = [word for name, value in VALUES.items() for word in ("-v", f"{name}={value}")]
    here(folder, "run", *flags, "--out", str(folder.parent / "run"))
    return wheels(folder.parent / "run")


def made_by_gitlab(folder: Path) -> set[str]:
    status, log = gitlab.pipeline(folder)
    assert status == 0, log
    return wheels(folder / ".gitlab-ci-local/artifacts/prove/dist")


def made_by_github(folder: Path) -> set[str]:
    environment = ["--env", f"GITHUB_RUN_ID={VALUES['CI_PIPELINE_ID']}"]
    variables = ["--var", f"NVIDIA_UPSTREAM_VERSION={VALUES['NVIDIA_UPSTREAM_VERSION']}"]
    status, log = act.run(folder, "push", *environment, *variables)
    assert status == 0, log[-8000:]
    return wheels(folder.parent / "store/dist")


def test_both_forges_and_this_machine_make_what_the_plan_names(repository: Path):
    flags = [word for name, value in VALUES.items() for word in ("-v", f"{name}={value}")]
    cells = json.loads(here(repository, "plan", "--json", *flags))["cells"]
    planned = {cell["wheel"] for cell in cells}
    assert len(planned) == 3
    assert all("+nv26.4-49163608-" in wheel for wheel in planned)
    planned |= {
        f"copies/public/{copy['wheel']}"
        for cell in cells
        for copy in cell["copies"]
        if "+" not in copy["wheel"]
    }
    assert len(planned) == 6
    wheels_by_place = {
        "GitLab": made_by_gitlab(repository),
        "GitHub": made_by_github(repository),
        "run": made_by_run(repository),
    }
    assert wheels_by_place == dict.fromkeys(wheels_by_place, planned)
