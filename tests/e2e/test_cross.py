"""zig compiles for aarch64 on x86_64: suffix, machine and glibc of what comes out. Real builds."""

from __future__ import annotations

import importlib.util
import json
import platform
import re
import subprocess
import sys
from pathlib import Path

import backends
import pytest

from truewheel.wheel import reader

ROOT = Path(__file__).parents[2]

PROJECTS = {name: backends.PROJECTS[name] for name in ("setup", "cmade", "mesoned", "prebuilt")}
OTHER = "x86_64" if platform.machine() == "aarch64" else "aarch64"
TAG = f"cp3{sys.version_info[1]}"
# pow has a new version since glibc 2.29: whoever compiles against this machine's own needs it.
POW = (
    "#include <math.h>\nPyMODINIT_FUNC PyInit__core(void) "
    "{\n    volatile double two = 2; (void)pow(two, two);\n"
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("ziglang") is None, reason="ziglang is not installed"
    ),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cross builds")
    for name, project in PROJECTS.items():
        for path, text in project.files.items():
            backends.write(
                folder / name / path, text.replace("PyMODINIT_FUNC PyInit__core(void) {\n", POW)
            )
    answer = folder / "prebuilt/prebuilt/libanswer.so"
    backends.write(folder / "answer.c", "int answer(void) { return 42; }\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", answer, folder / "answer.c"], check=True)
    spec = {
        "truewheel": 1,
        "packages": {name: {"path": name, **project.spec} for name, project in PROJECTS.items()},
        "targets": {"rhel8": {"toolchain": "zig", "runner": platform.machine()}},
        "arches": [OTHER],
        "pythons": [backends.PYTHON],
    }
    backends.write(folder / "truewheel.yml", json.dumps(spec))
    subprocess.run(
        truewheel("plan", "--output", "plan.json"), cwd=folder, env=backends.ENV, check=True
    )
    return folder


def truewheel(*words: str) -> list[str]:
    return [sys.executable, "-m", "truewheel", *words]


def compiled(root: Path, name: str) -> subprocess.CompletedProcess[str]:
    argv = truewheel("compile", "--cell", f"{name}/rhel8/{OTHER}/{TAG}")
    return subprocess.run(
        argv, cwd=root, env=backends.ENV, check=False, capture_output=True, text=True
    )


def glibc_of(content: bytes) -> set[tuple[int, int]]:
    """Every GLIBC version that the names in an ELF file ask for."""
    return {(int(a), int(b)) for a, b in re.findall(rb"\0GLIBC_(\d+)\.(\d+)", content)}


@pytest.mark.parametrize("name", ["setup", "cmade", "mesoned"])
def test_a_backend_cross_compiles_for_the_floor(root: Path, name: str) -> None:
    done = compiled(root, name)
    assert done.returncode == 0, done.stderr
    wheel = Path(done.stdout.strip())
    assert wheel.name == f"{name}-1.0-{TAG}-{TAG}-linux_{OTHER}.whl"
    with reader.open_wheel(wheel) as opened:
        member = f"{name}/_core.cpython-3{sys.version_info[1]}-{OTHER}-linux-gnu.so"
        assert opened.elf == {member: OTHER}
        content = opened.archive.read(member)
    assert glibc_of(content)
    assert max(glibc_of(content)) <= (2, 28)
    assert str(root).encode() not in content


def test_a_wheel_with_code_of_this_machine_is_refused(root: Path) -> None:
    done = compiled(root, "prebuilt")
    assert done.returncode == 4
    assert f"prebuilt/libanswer.so is for {platform.machine()}, not for {OTHER}" in done.stderr
