"""What a project's own files say of the Pythons it is for."""

from __future__ import annotations

import pytest
from specs import spec_of

from truewheel.workspace.loading import parse_toml
from truewheel.workspace.required_pythons import required_pythons

PROJECT = "[project]\nname = 'demo'\nversion = '1'\n"
POETRY = "[tool.poetry]\nname = 'demo'\n[tool.poetry.dependencies]\npython = '^3.11'\n"
TARGETS = "targets: {ours: {floor: manylinux_2_28}}\n"
DEMO = "packages: {demo: {}}\n" + TARGETS
BUILT = (
    "packages: {demo: {version: {file: V}}}\n"
    "builds: {b: {command: [make], wheels: {demo: '*.whl'}}}\n" + TARGETS
)


def required(files, spec=DEMO):
    return required_pythons(spec_of(spec), files.get, parse_toml)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"pyproject.toml": f"{PROJECT}requires-python = '>=3.12'"},
            {"demo": (">=3.12", "pyproject.toml")},
        ),
        ({"pyproject.toml": PROJECT}, {}),
        ({"pyproject.toml": PROJECT, "setup.cfg": "[options]\npython_requires = >=3.12"}, {}),
        (
            {
                "pyproject.toml": f"{PROJECT}dynamic = ['requires-python']",
                "setup.cfg": "[options]\npython_requires = >=3.12\n",
            },
            {"demo": (">=3.12", "setup.cfg")},
        ),
        (
            {"setup.py": "from setuptools import setup\nsetup(name='x', python_requires='>=3.9')"},
            {"demo": (">=3.9", "setup.py")},
        ),
        ({"setup.py": "setup(python_requires=read())"}, {}),
        (
            {"pyproject.toml": POETRY},
            {"demo": (">=3.11,<4", "pyproject.toml")},
        ),
        ({"pyproject.toml": "[project\n"}, {}),
        ({"pyproject.toml": "project = 3"}, {}),
        ({}, {}),
    ],
)
def test_each_file_that_says_it(files, expected):
    assert required(files) == expected


def test_each_package_has_its_folder():
    files = {
        "one/pyproject.toml": f"{PROJECT}requires-python = '>=3.12'",
        "two/pyproject.toml": f"{PROJECT}requires-python = '>=3.10'",
    }
    spec = "packages: {demo: {path: one}, other: {path: ./two/}, third: {path: three}}\n" + TARGETS
    assert required(files, spec) == {
        "demo": (">=3.12", "one/pyproject.toml"),
        "other": (">=3.10", "two/pyproject.toml"),
    }


def test_a_command_builds_what_it_wants():
    own = {"pyproject.toml": f"{PROJECT}requires-python = '>=3.12'"}
    tools = {"pyproject.toml": own["pyproject.toml"].replace("demo", "workspace")}
    assert required(own, BUILT) == {"demo": (">=3.12", "pyproject.toml")}
    assert required(tools, BUILT) == {}
