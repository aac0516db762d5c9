"""Truewheel's own wheel does its work in a clean environment and an empty folder."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import truewheel

ROOT = Path(__file__).parents[2]
NEEDED = ("git", "make", "gcc")
MISSING = [name for name in NEEDED if not shutil.which(name)]
# How this machine reaches its package index: a fresh one has that as well.
NETWORK = ("PIP_", "SSL_", "REQUESTS_", "http_", "https_", "no_", "HTTP_", "HTTPS_", "NO_")
ENVIRONMENT = {name: value for name, value in os.environ.items() if name.startswith(NETWORK)}
ENVIRONMENT["PATH"] = f"{sys.base_prefix}/bin:{os.defpath}"
PROJECT = {
    "pyproject.toml": (
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "foo"\nversion = "1.0"\n'
    ),
    "setup.py": (
        "from setuptools import Extension, setup\n"
        'setup(ext_modules=[Extension("foo", ["foo.c"])])\n'
    ),
    "foo.c": (
        "#include <Python.h>\n"
        'static struct PyModuleDef foo = {PyModuleDef_HEAD_INIT, "foo", NULL, -1, NULL};\n'
        "PyMODINIT_FUNC PyInit_foo(void) { return PyModule_Create(&foo); }\n"
    ),
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout"),
]


def execute(argv: list[str], folder: Path, expected: int = 0) -> tuple[str, str]:
    """Run a program that must end with the expected status; return stdout and stderr."""
    environment = {**ENVIRONMENT, "HOME": str(folder)}
    done = subprocess.run(
        argv, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == expected, f"{argv}\n{done.stdout}{done.stderr}"
    return done.stdout, done.stderr


def make_wheel(folder: Path) -> Path:
    """Return the wheel that `make wheel` makes in a copy of this checkout."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    stale = folder / "build/lib/truewheel/stale.py"
    stale.parent.mkdir(parents=True)
    stale.touch()
    (folder / ".venv").mkdir()
    shutil.copy(folder / "requirements/run.txt", folder / ".venv")  # the environment that runs us
    execute(["make", "wheel", f"VENV={sys.executable}", "SOURCE_DATE_EPOCH=1795305600"], folder)
    (wheel,) = (folder / "build/wheel").iterdir()
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Truewheel's wheel, alone in a folder with a space in its name."""
    folder = tmp_path_factory.mktemp("checkout")
    file = make_wheel(folder)
    moved = tmp_path_factory.mktemp("a wheel") / file.name
    shutil.move(file, moved)
    shutil.rmtree(folder)
    return moved


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The program `truewheel` of a clean environment, made with the README's words but no extra."""
    folder = tmp_path_factory.mktemp("environment")
    shutil.copy(wheel, folder)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = readme.partition("## Install")[2].partition("```\n")[2].partition("```")[0]
    for line in shown.splitlines():
        words = shlex.split(line.removeprefix("$ ").replace("[build]", ""))
        program = sys.executable if words[0] == "python3" else str(folder / words[0])
        execute([program, *words[1:]], folder)
    return str(folder / "tools/bin/truewheel")


def test_the_wheel_holds_the_source_and_nothing_else(wheel: Path):
    assert wheel.name == f"truewheel-{truewheel.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "src", "schema"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    files = [name for name in tracked if (ROOT / name).is_file()]
    assert names == {
        name.removeprefix("src/").replace("schema/", "truewheel/schema/", name.startswith("schema"))
        for name in files
    }


def test_the_wheel_is_reproducible(wheel: Path, tmp_path: Path):
    again = make_wheel(tmp_path)
    sums = [hashlib.sha256(file.read_bytes()).hexdigest() for file in (wheel, again)]
    assert sums[0] == sums[1]


def test_all_that_the_readme_says_to_users(program: str, tmp_path: Path):
    for name, text in PROJECT.items():
        (tmp_path / name).write_text(text)

    def run(*words: str, expected: int = 0) -> tuple[str, str]:
        return execute([program, *words], tmp_path, expected)

    def add_extra(message: str) -> None:
        """Run the line of a hint as it stands there."""
        (hint,) = (line for line in message.splitlines() if "hint:" in line)
        execute(shlex.split(hint.partition("]: ")[2]), tmp_path)

    python = str(Path(program).with_name("python"))
    origin, _ = execute([python, "-c", "import truewheel; print(truewheel.__file__)"], tmp_path)
    assert Path(origin.strip()).is_relative_to(Path(program).parents[1])
    assert "explain" in run("--help")[0]
    run("init", "--yes")
    names = [cell["wheel"] for cell in json.loads(run("plan", "--json")[0])["cells"]]
    assert names
    run("generate")
    assert "as generated" in run("check")[0]
    run("check", "--lint", ".gitlab-ci.yml")
    tags = ("--python", "cp312", "--abi", "cp312", "--platform", "manylinux_2_28_x86_64")
    name, _ = run("name", "--policy", "plain", "--package", "foo", "--base", "1.0", *tags)
    assert "foo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl" in name

    add_extra(run("completion", "bash", expected=2)[1])
    assert "_truewheel" in run("completion", "bash")[0]
    add_extra(run("run", expected=4)[1])
    assert "named as planned and proven" in run("run")[0]

    (built, *_) = sorted((tmp_path / "dist").glob("*.whl"))
    run("validate", str(built))
    run("prove", "dist", "--plan", "dist/plan.json")
    assert "foo" in run("explain", str(built))[0]
