"""How `run` ends.

With all that it started, however it is ended, and never beside another one in its folders.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import projects
import pytest
from children import is_gone, wait_for
from paths import ROOT

pytestmark = pytest.mark.slow  # each test starts runs
SPEC = """\
truewheel: 1
packages: {demo: {path: demo, abi: none}}
targets: {rhel8: {base: 'r.example/el8:1'}}
"""
# A backend that waits, with a child of its own, as compilers have them.
SLOW = """
import os, pathlib, subprocess, time
told = pathlib.Path(os.environ["TOLD"])
if not (told / "go").exists():
    child = subprocess.Popen(["sleep", "120"])
    (told / "child").write_text(str(child.pid))
    (told / "backend").write_text(str(os.getpid()))
    time.sleep(120)
"""
# Stands for an engine whose command goes on until it is told to end.
ENGINE = """\
#!/bin/sh
case "$*" in *inspect*) exit 1 ;; esac
sleep 120 & echo $! >"$TOLD/child"
echo $$ >"$TOLD/backend"
wait
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    projects.make(tmp_path / "root")
    backend = {"demo/backend.py": SLOW + projects.BACKEND, "truewheel.yml": SPEC}
    return projects.write(tmp_path / "root", backend)


def environment(root: Path) -> dict[str, str]:
    return {
        **projects.ENV,
        "TOLD": str(root.parent),
        "PATH": f"{root.parent}{os.pathsep}{os.environ['PATH']}",
    }


def start(root: Path, *words: str) -> subprocess.Popen[str]:
    # Started in the background by some shells, the tests ignore SIGINT and SIGQUIT, and so would
    # what they start.
    code = "import signal, sys, runpy; del sys.argv[0]\n"
    code += "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code += "for number in (signal.SIGHUP, signal.SIGQUIT): signal.signal(number, signal.SIG_DFL)\n"
    code += "runpy.run_path(sys.argv[0], run_name='__main__')"
    argv = [sys.executable, "-c", code, str(ROOT / "gen_ci.py"), "run", *words]
    return subprocess.Popen(
        argv, cwd=root, env=environment(root), stderr=subprocess.PIPE, text=True
    )


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, str(ROOT / "gen_ci.py"), "run", *words]
    return subprocess.run(
        argv, cwd=root, env=environment(root), check=False, capture_output=True, text=True
    )


def with_engine(root: Path) -> list[str]:
    (root.parent / "podman").write_text(ENGINE)
    (root.parent / "podman").chmod(0o755)
    machine = f"targets: {{rhel8: {{base: 'r.example/el8:1', arches: [{projects.ARCH}]}}}}"
    spec = f"truewheel: 1\npackages: {{demo: {{path: demo}}}}\n{machine}\n"
    projects.write(root, {"truewheel.yml": spec, "demo/native.bin": projects.ELF})
    return ["--engine", "podman"]


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT]
)
@pytest.mark.parametrize("engine", [False, True])
def test_a_run_that_is_ended_takes_all_along(root: Path, number: signal.Signals, engine: bool):
    words = with_engine(root) if engine else []
    with start(root, *words) as running:
        family = [wait_for(root.parent / "backend"), wait_for(root.parent / "child")]
        running.send_signal(number)
        _, errors = running.communicate(timeout=30)
    assert all(map(is_gone, family))
    if number in {signal.SIGTERM, signal.SIGHUP, signal.SIGINT}:
        assert running.returncode == 130
        assert errors.endswith("interrupted\n")
    assert "Traceback" not in errors


@pytest.mark.parametrize("words", [[], ["--out", "elsewhere"]])
def test_a_second_run_in_a_folder_ends_with_a_message_and_harms_nothing(
    root: Path, words: list[str]
):
    with start(root) as running:
        wait_for(root.parent / "backend")
        second = run(root, *words)
        assert second.returncode == 2
        assert second.stderr.splitlines()[-2:] == [
            f"{root}/build: another run is at work in this folder",
            "    hint: wait for its end, or run in another checkout with another --out",
        ]
        assert running.poll() is None
        running.kill()
    assert is_gone(wait_for(root.parent / "backend"))
    (root.parent / "go").touch()
    assert run(root, *words).returncode == 0, "a lock ends with its process"


def test_two_runs_may_not_share_the_folder_of_the_wheels(root: Path, tmp_path: Path):
    projects.make(tmp_path / "other")
    other = projects.write(tmp_path / "other", {"truewheel.yml": SPEC})
    with start(root, "--out", str(tmp_path / "out")) as running:
        wait_for(root.parent / "backend")
        second = run(other, "--out", "../out")
        running.kill()
    assert second.returncode == 2
    assert f"{tmp_path}/out: another run is at work" in second.stderr.replace("/other/..", "")


def test_one_folder_may_be_both(root: Path):
    (root.parent / "go").touch()
    assert run(root, "--out", "build").returncode == 0


def test_a_parent_that_is_gone_already_ends_a_child_at_once(tmp_path: Path):
    launcher = ROOT / "src/truewheel/system/launch.py"
    argv = [sys.executable, str(launcher), "1", "truewheel.program", "--version"]
    done = subprocess.run(argv, check=False, capture_output=True, timeout=30)
    assert (done.returncode, done.stdout) == (128 + signal.SIGTERM, b"")
