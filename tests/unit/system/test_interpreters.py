from __future__ import annotations

import json
import os
import platform
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from projects import TAG

from truewheel.errors import Exit, Stop
from truewheel.system import interpreters

GOOD = {"implementation": "cpython", "machine": platform.machine(), "pointer": struct.calcsize("P")}


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No interpreter is found but those that a test makes, and the running one."""
    monkeypatch.setattr(interpreters, "MANYLINUX", tmp_path / "opt")


def env(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"PATH": "/nonexistent", "HOME": str(tmp_path / "home"), **more}


def fake(path: Path, tag: str, /, **answer: object) -> Path:
    """A program that answers the probe as an interpreter of this tag would."""
    told = {**GOOD, "tag": tag, "version": "3.99.1", "path": str(path), **answer}
    return program(path, f"echo '{json.dumps(told)}'")


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_the_running_interpreter_is_found_for_its_own_tag_and_for_a_pure_package(
    tmp_path: Path,
) -> None:
    base = interpreters.find(TAG, env(tmp_path))
    assert base is not None
    assert base.samefile(Path(sys.base_prefix) / "bin" / base.name)
    assert interpreters.find("py3", env(tmp_path)) == base


@pytest.mark.parametrize(
    ("place", "tag"),
    [
        ("opt/cp399/bin/python", "cp399"),
        ("opt/cp399-cp399/bin/python", "cp399"),
        ("opt/cp399-cp399t/bin/python", "cp399t"),
        ("path/python3.99", "cp399"),
        ("path/python3.99t", "cp399t"),
        ("pyenv/versions/3.99.0/bin/python", "cp399"),
        ("pyenv/versions/3.99.0t/bin/python", "cp399t"),
        ("pyenv/versions/3.99.0rc2/bin/python", "cp399"),
        ("pyenv/versions/3.99-dev/bin/python", "cp399"),
        ("pyenv/versions/3.99t-dev/bin/python", "cp399t"),
        ("home/.pyenv/versions/3.99.1/bin/python", "cp399"),
        ("home/.local/share/uv/python/cpython-3.99.1-linux-x86_64-gnu/bin/python", "cp399"),
        (
            "home/.local/share/uv/python/cpython-3.99.1+freethreaded-linux-x86_64-gnu/bin/python",
            "cp399t",
        ),
    ],
)
def test_every_usual_place_is_searched(tmp_path: Path, place: str, tag: str) -> None:
    python = fake(tmp_path / place, tag)
    where = env(tmp_path, PATH=str(tmp_path / "path"))
    if not place.startswith("home"):
        where["PYENV_ROOT"] = str(tmp_path / "pyenv")
    assert interpreters.find(tag, where) == python
    assert interpreters.found(where)[tag] == python
    assert interpreters.find("cp398", where) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"implementation": "pypy"},
        {"tag": "cp398"},
        {"tag": "cp399t"},
        {"tag": "cp399d"},
        {"machine": "sparc"},
        {"pointer": 4},
    ],
)
def test_an_interpreter_that_is_not_what_its_name_says_is_passed_over(
    tmp_path: Path, wrong: dict[str, object]
) -> None:
    fake(tmp_path / "one/python3.99", "cp399", **wrong)
    where = env(tmp_path, PATH=f"{tmp_path}/one:{tmp_path}/two")
    assert interpreters.find("cp399", where) is None
    good = fake(tmp_path / "two/python3.99", "cp399")
    assert interpreters.find("cp399", where) == good


@pytest.mark.parametrize(
    "script", ["echo command not found >&2; exit 127", "echo hello", "echo 3", "sleep 60"]
)
def test_a_program_that_only_looks_like_python_is_passed_over(
    tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreters, "PROBE_SECONDS", 0.5)
    program(tmp_path / "path/python3.99", script)
    (tmp_path / "path/python3.98").write_text("not executable")
    where = env(tmp_path, PATH=str(tmp_path / "path"))
    assert interpreters.find("cp399", where) is None
    assert set(interpreters.found(where)) == {TAG}


def test_shims_of_pyenv_are_not_run(tmp_path: Path) -> None:
    program(tmp_path / "pyenv/shims/python3.99", f": > {tmp_path}/ran; exit 127")
    real = fake(tmp_path / "pyenv/versions/3.99.1/bin/python", "cp399")
    where = env(tmp_path, PATH=str(tmp_path / "pyenv/shims"), PYENV_ROOT=str(tmp_path / "pyenv"))
    assert interpreters.find("cp399", where) == real
    assert not (tmp_path / "ran").exists()


def test_the_newest_of_several_releases_is_taken(tmp_path: Path) -> None:
    for release in ("3.99.2", "3.99.10", "3.99.9"):
        fake(tmp_path / f"pyenv/versions/{release}/bin/python", "cp399")
    newest = interpreters.find("cp399", env(tmp_path, PYENV_ROOT=str(tmp_path / "pyenv")))
    assert newest == tmp_path / "pyenv/versions/3.99.10/bin/python"


def test_found_is_sorted_by_version_and_starts_at_3_10(tmp_path: Path) -> None:
    for name in ("3.9", "3.99", "3.99t", "3.100"):
        fake(tmp_path / f"path/python{name}", f"cp{name.replace('.', '')}")
    tags = list(interpreters.found(env(tmp_path, PATH=str(tmp_path / "path"))))
    assert tags == [TAG, "cp399", "cp399t", "cp3100"]


def test_an_environment_stands_for_the_interpreter_it_was_made_from(tmp_path: Path) -> None:
    made = interpreters.make_environment(
        Path(sys.executable), tmp_path / "venv", os.environ, "cell"
    )
    named = made.parent / f"python3.{sys.version_info[1]}"
    found = interpreters.find("py3", env(tmp_path))
    assert found is not None
    where = env(tmp_path, PATH=str(named.parent))
    assert named.exists()
    assert interpreters._probed(named, TAG, where) == found


def test_require_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(Stop, match="no interpreter for cp399 on this machine") as stopped:
        interpreters.require("cp399", env(tmp_path), "demo/box/x86_64/cp399")
    assert stopped.value.code is Exit.WHEEL
    assert "PATH" in stopped.value.problems[0].hint


def test_version_is_the_whole_one() -> None:
    assert interpreters.version(Path(sys.executable)) == platform.python_version()
    assert interpreters.version(Path("/nonexistent")) == ""


def test_a_folder_that_cannot_hold_an_environment_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Stop, match="cannot make a virtual environment"):
        interpreters.make_environment(
            Path(sys.executable), tmp_path / "file" / "venv", os.environ, "cell"
        )


def test_other_modules_cannot_get_in(tmp_path: Path) -> None:
    (tmp_path / "intruder.py").write_text("")
    inherited = {**os.environ, "PYTHONPATH": str(tmp_path)}
    own = interpreters.make_environment(Path(sys.executable), tmp_path / "venv", inherited, "cell")
    active = interpreters.activated(inherited, own)
    code = (
        "import importlib.util as u, shutil; print(u.find_spec('intruder'), shutil.which('python'))"
    )
    answer = subprocess.run(
        [own, "-c", code], env=active, stdout=subprocess.PIPE, check=True, text=True
    )
    assert answer.stdout.split() == ["None", str(own)]


def test_install_reports_what_pip_cannot_find(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    own = interpreters.make_environment(Path(sys.executable), tmp_path / "venv", os.environ, "cell")
    offline = {**os.environ, "PIP_NO_INDEX": "1"}
    with pytest.raises(Stop, match=r"cell: pip cannot install \./none-1\.0-py3-none-any\.whl"):
        interpreters.install(own, ["./none-1.0-py3-none-any.whl"], offline, "cell")
    assert "none-1.0" in capfd.readouterr().err


def test_a_requirement_is_never_an_option_of_pip(tmp_path: Path) -> None:
    own = interpreters.make_environment(Path(sys.executable), tmp_path / "venv", os.environ, "cell")
    with pytest.raises(Stop, match="pip cannot install --help"):
        interpreters.install(own, ["--help"], {**os.environ, "PIP_NO_INDEX": "1"}, "cell")
