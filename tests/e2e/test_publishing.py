"""Two architectures on a real index.

Published, locked with hashes, and each installer takes the right wheel.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
import verdict_files
import wheels
from pypi_index import Index

from truewheel import cli
from truewheel.build import evidence, publish
from truewheel.errors import Exit
from truewheel.net import package_index
from truewheel.plan.model import Plan
from truewheel.system.files import sha256
from truewheel.wheel import platform_tags
from truewheel.workspace import loading

MISSING = [
    name
    for name in ("pypiserver", "uv", "twine", "piptools")
    if importlib.util.find_spec(name) is None
]
MISSING += [] if shutil.which("cc") else ["cc"]
POETRY = shutil.which(
    "poetry", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    pytest.mark.skipif(
        platform.machine() != "x86_64", reason="this machine's wheel is the x86_64 one"
    ),
]

PYTHON = f"3.{sys.version_info.minor}"
FLOOR = platform_tags.highest_floor(
    int((os.confstr("CS_GNU_LIBC_VERSION") or "").rpartition(".")[2])
)
SPEC = """\
truewheel: 1
packages: {demo: {version: {file: VERSION}}}
targets: {here: {floor: %(floor)s}}
arches: [x86_64, aarch64]
pythons: ['%(python)s']
indexes:
  own: {url: '%(url)s', credentials: {username: INDEX_USER, password: INDEX_PASSWORD}}
"""
CORE = """\
#include <Python.h>
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_core", NULL, -1, NULL};
PyMODINIT_FUNC PyInit__core(void) { return PyModule_Create(&module); }
"""


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    monkeypatch.setattr(package_index, "PAUSES", (0.1, 0.1))
    monkeypatch.setenv("INDEX_USER", "me")
    monkeypatch.setenv("INDEX_PASSWORD", "hunter2-hunter2")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    server = Index(tmp_path / "index")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A real extension module of this machine and Python."""
    folder = tmp_path_factory.mktemp("core")
    (folder / "core.c").write_text(CORE)
    include = sysconfig.get_paths()["include"]
    subprocess.run(
        ["cc", "-shared", "-fPIC", f"-I{include}", "core.c", "-o", "core.so"],
        cwd=folder,
        check=True,
    )
    return (folder / "core.so").read_bytes()


@pytest.fixture
def project(tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with its plan; it is the current folder."""
    folder = tmp_path / "project"
    (folder / "dist").mkdir(parents=True)
    words = {"floor": FLOOR, "python": PYTHON + sys.abiflags, "url": index.url}
    (folder / "truewheel.yml").write_text(SPEC % words)
    (folder / "VERSION").write_text("1.0\n")
    monkeypatch.chdir(folder)
    assert cli.main(["plan", "--output", "plan.json"]) == Exit.OK
    return folder


def plan_of(project: Path) -> Plan:
    return loading.read_plan(None, project)[0]


def made(project: Path, core: bytes) -> dict[str, Path]:
    """Make the planned wheels as their jobs would; returns them by architecture."""
    wheels_ = {}
    for cell in plan_of(project).cells:
        content = core if cell.arch == "x86_64" else wheels.elf_file(183)
        files = {"demo/__init__.py": b"", "demo/_core.so": content}
        wheels_[cell.arch] = record(
            project, cell.id, wheels.make(project / "dist", cell.wheel, files)
        )
    return wheels_


def record(project: Path, cell: str, wheel: Path) -> Path:
    data = {"version": 1, "cell": cell, "wheel": wheel.name, "sha256": sha256(wheel)}
    evidence.write(project / "dist", data)
    planned = next(one for one in plan_of(project).cells if one.id == cell)
    if wheel.name == planned.wheel:
        verdict_files.write(project / "dist", planned)
    return wheel


def run(*argv: str | Path, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        [str(word) for word in argv],
        cwd=cwd,
        env={
            **os.environ,
            "PIP_CONFIG_FILE": os.devnull,
            "UV_NO_CONFIG": "1",
            "UV_NO_CACHE": "1",
            **env,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def machine(site: Path) -> int:
    """The architecture for which the extension in a folder is, as ELF numbers it."""
    return int.from_bytes((site / "demo/_core.so").read_bytes()[18:20], "little")


def hashes(text: str) -> set[str]:
    return {*re.findall(r"sha256:([0-9a-f]{64})", text)}


def test_both_architectures_are_published_locked_and_installed(
    tmp_path: Path, project: Path, index: Index, core: bytes
):
    both = made(project, core)
    assert cli.main(["prove", "dist"]) == Exit.OK
    assert cli.main(["publish", "--index", "own"]) == Exit.OK
    assert index.has() == sorted(path.name for path in both.values())
    locked_by(tmp_path / "locks", f"{index.url}simple/", {sha256(wheel) for wheel in both.values()})


def locked_by(folder: Path, address: str, expected: set[str]) -> None:
    folder.mkdir()
    (folder / "demo.in").write_text("demo\n")
    uv, pip, python = (
        [sys.executable, "-m", "uv"],
        [sys.executable, "-m", "pip"],
        ["--python", sys.executable],
    )
    run(
        *(
            *uv,
            "pip",
            "compile",
            "--generate-hashes",
            "--universal",
            "--index-url",
            address,
            *python,
        ),
        *("demo.in", "-o", "uv.txt"),
        cwd=folder,
    )
    run(
        *(
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "piptools",
            "compile",
            "--generate-hashes",
            "--index-url",
            address,
        ),
        *("--quiet", "--strip-extras", "demo.in", "-o", "pip.txt"),
        cwd=folder,
    )
    for lock in ("uv.txt", "pip.txt"):
        assert hashes((folder / lock).read_text()) == expected
        for arch, number in (("x86_64", 62), ("aarch64", 183)):
            by_uv, by_pip = folder / f"uv-{arch}-{lock}", folder / f"pip-{arch}-{lock}"
            run(
                *(
                    *uv,
                    "pip",
                    "install",
                    "--require-hashes",
                    "--index-url",
                    address,
                    "-r",
                    lock,
                    *python,
                ),
                *("--python-platform", f"{arch}-manylinux_2_40", "--target", by_uv),
                cwd=folder,
            )
            run(
                *(
                    *pip,
                    "install",
                    "--no-cache-dir",
                    "--require-hashes",
                    "--index-url",
                    address,
                    "-r",
                    lock,
                ),
                *("--only-binary=:all:", "--platform", f"{FLOOR}_{arch}", "--target", by_pip),
                cwd=folder,
            )
            assert (machine(by_uv), machine(by_pip)) == (number, number)
        run(
            sys.executable,
            "-c",
            "import demo._core",
            cwd=folder,
            PYTHONPATH=str(folder / f"uv-x86_64-{lock}"),
        )


@pytest.mark.parametrize("tool", ["uv", "poetry"])
def test_a_project_that_depends_on_it_gets_the_right_one(
    tmp_path: Path, project: Path, index: Index, core: bytes, tool: str
):
    if tool == "poetry" and not POETRY:
        pytest.skip("poetry is not installed")
    both = made(project, core)
    assert cli.main(["prove", "dist"]) == Exit.OK
    assert cli.main(["publish", "--index", "own"]) == Exit.OK
    user, environment = tmp_path / "user", tmp_path / "environment"
    user.mkdir()
    source = {
        "uv": '[[tool.uv.index]]\ndefault = true\nname = "own"',
        "poetry": '[[tool.poetry.source]]\nname = "own"',
    }
    (user / "pyproject.toml").write_text(
        '[project]\nname = "user"\nversion = "1"\ndependencies = ["demo"]\n'
        f'requires-python = ">={PYTHON},<4"\n'
        f'{source[tool]}\nurl = "{index.url}simple/"\n'
    )
    run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=tmp_path)
    env = {
        "VIRTUAL_ENV": str(environment),
        "HOME": str(tmp_path),
        "POETRY_CACHE_DIR": str(tmp_path / "cache"),
    }
    env |= {
        "POETRY_VIRTUALENVS_CREATE": "false",
        "UV_NO_CONFIG": "0",
        "PATH": f"{environment}/bin:{os.environ['PATH']}",
    }
    if tool == "uv":
        python = ["--python", environment / "bin/python"]
        run(sys.executable, "-m", "uv", "lock", *python, cwd=user, **env)
        run(
            sys.executable,
            "-m",
            "uv",
            "sync",
            "--frozen",
            "--active",
            "--no-install-project",
            cwd=user,
            **env,
        )
    else:
        run(str(POETRY), "lock", "--no-interaction", cwd=user, **env)
        run(str(POETRY), "install", "--no-root", "--no-interaction", cwd=user, **env)
    lock = (user / f"{tool}.lock").read_text()
    assert hashes(lock) == {sha256(wheel) for wheel in both.values()}
    (site,) = environment.glob("lib/*/site-packages")
    assert machine(site) == 62
    run(environment / "bin/python", "-c", "import demo._core", cwd=tmp_path)


def test_the_mistagged_pair_is_refused_before_the_upload(
    project: Path, index: Index, core: bytes, capfd: pytest.CaptureFixture[str]
):
    """Where it all began.

    Each architecture's job calls its wheel py3-none-any, and the folder keeps one of them.
    """
    for cell in plan_of(project).cells:
        content = core if cell.arch == "x86_64" else wheels.elf_file(183)
        record(
            project,
            cell.id,
            wheels.make(project / "dist", "demo-1.0-py3-none-any.whl", {"demo/_core.so": content}),
        )
    assert cli.main(["validate", "dist"]) == Exit.WHEEL
    assert cli.main(["prove", "dist"]) == Exit.WHEEL
    assert "made by demo/here/aarch64/" in capfd.readouterr().err
    assert cli.main(["publish", "--index", "own"]) == Exit.WHEEL
    assert "these wheels did not pass" in capfd.readouterr().err
    assert index.has() == []


@pytest.mark.parametrize("uploader", publish.UPLOADERS)
def test_an_index_that_dies_in_the_middle_gets_the_rest_from_a_second_run(
    project: Path, index: Index, core: bytes, uploader: str, capfd: pytest.CaptureFixture[str]
):
    both = made(project, core)
    assert cli.main(["prove", "dist"]) == Exit.OK
    index.stop()
    index.start(uploads=1)
    publishing = ["publish", "--index", "own", "--uploader", uploader]
    assert cli.main(publishing) == Exit.REMOTE_UNREACHABLE
    assert "a second run goes on where this one ended" in capfd.readouterr().err
    assert len(index.has()) == 1
    index.stop()
    index.start()
    assert cli.main([*publishing, "--json"]) == Exit.OK
    states = [wheel["state"] for wheel in json.loads(capfd.readouterr().out)["wheels"]]
    assert sorted(states) == ["there", "uploaded"]
    assert index.has() == sorted(path.name for path in both.values())


@pytest.mark.parametrize("uploader", publish.UPLOADERS)
def test_a_wrong_password_is_refused_and_never_shown(
    project: Path,
    index: Index,
    core: bytes,
    uploader: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
):
    made(project, core)
    assert cli.main(["prove", "dist"]) == Exit.OK
    monkeypatch.setenv("INDEX_PASSWORD", "a-wrong-password")
    assert cli.main(["publish", "--index", "own", "--uploader", uploader]) == Exit.REMOTE_FAILED
    out, err = capfd.readouterr()
    assert "0 of 2 wheels are there" in err
    assert "403" in err
    assert "a-wrong-password" not in out + err
    assert index.has() == []


def test_a_file_that_is_there_is_never_overwritten(project: Path, index: Index, core: bytes):
    both = made(project, core)
    assert cli.main(["prove", "dist"]) == Exit.OK
    theirs = wheels.make(
        index.folder, both["aarch64"].name, {"demo/_core.so": wheels.elf_file(183)}
    ).read_bytes()
    assert cli.main(["publish", "--index", "own"]) == Exit.WHEEL
    assert index.has() == [both["aarch64"].name]
    assert (index.folder / both["aarch64"].name).read_bytes() == theirs
