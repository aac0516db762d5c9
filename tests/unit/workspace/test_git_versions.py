"""Which builds ask git for their version."""

from __future__ import annotations

import pytest
from specs import spec_of

from truewheel.workspace.git_versions import packages_by_git
from truewheel.workspace.loading import parse_toml

SPEC = "packages: {demo: {version: {file: V%s}}}\ntargets: {ours: {floor: manylinux_2_28}}\n"
DYNAMIC = "[project]\nname = 'demo'\ndynamic = ['version']\n"
REQUIRES = "[build-system]\nrequires = ['setuptools>=61', '%s']\n"


def by_git(files: dict[str, str], inject: str = "") -> list[str]:
    spec = spec_of(SPEC % (f", inject: '{inject}'" if inject else ""))
    return packages_by_git(spec, files.get, parse_toml)


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": DYNAMIC + REQUIRES % "setuptools_scm[toml] >= 8"},
        {"pyproject.toml": DYNAMIC + REQUIRES % "hatch-vcs"},
        {"pyproject.toml": DYNAMIC + REQUIRES % "versioneer[toml]==0.29"},
        {"pyproject.toml": DYNAMIC + "[tool.pdm.version]\nsource = 'scm'\n"},
        {"setup.py": "setup(use_scm_version=True)"},
        {"setup.py": "import versioneer", "setup.cfg": "[versioneer]\nVCS = git\n"},
    ],
)
def test_a_version_of_git(files: dict[str, str]):
    assert by_git(files) == ["demo"]
    assert by_git(files, "env:SETUPTOOLS_SCM_PRETEND_VERSION") == []


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"pyproject.toml": DYNAMIC + REQUIRES % "wheel"},
        {"pyproject.toml": "[project]\nname = 'd'\nversion = '1'\n" + REQUIRES % "setuptools-scm"},
        {"pyproject.toml": "not TOML"},
        {"pyproject.toml": "[build-system]\nrequires = 7\n"},
    ],
)
def test_a_version_of_a_file(files: dict[str, str]):
    assert by_git(files) == []


def test_a_build_with_a_command_has_the_files_of_its_own_folder():
    spec = spec_of(
        "packages: {demo: {version: {file: V}}}\n"
        "builds: {b: {command: [make], path: sub/, wheels: {demo: '*.whl'}}}\n"
        "targets: {ours: {floor: manylinux_2_28}}\n"
    )
    files = {"sub/setup.py": "setup(use_scm_version=True)"}
    assert packages_by_git(spec, files.get, parse_toml) == ["demo"]
