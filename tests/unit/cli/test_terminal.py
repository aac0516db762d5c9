"""What goes to stdout and stderr, and what happens where they cannot be written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import COLLIDING, CUDA, process, shell
from paths import ROOT
from specs import project

pytestmark = pytest.mark.slow  # starts programs


def test_json_is_read_whatever_the_encoding_of_stdout(here: Path):
    code, out, _ = process(
        "plan", "--json", "-v", "CUDA_VERSION=13.2.é\x7f", cwd=project(here, CUDA)
    )
    assert code == 0
    assert json.loads(out.decode("ascii"))["cells"][0]["facts"]["cuda"]["raw"] == "13.2.é\x7f"


def test_a_terminal_without_unicode_gets_escapes(here: Path):
    code, out, _ = process("plan", cwd=here, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert code == 0
    assert b"channel default \\xb7 base 1.0" in out


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("plan",), 0),
        (("plan", "--json"), 0),
        (("check",), 3),
        (("check", "--json"), 3),
        (("--help",), 0),
        (("--version",), 0),
        (("plan", "--cell", "nothing"), 2),
    ],
)
def test_a_closed_pipe_on_stdout_is_no_error(here: Path, argv: tuple[str, ...], code: int):
    packages = ", ".join(f"p{number}: {{version: {{file: VERSION}}}}" for number in range(300))
    project(here, f"truewheel: 1\nsetup: [x]\npackages: {{{packages}}}\ntargets: {{rhel8: {{}}}}\n")
    done = shell('exec "$@" | :; exit ${PIPESTATUS[0]}', here, *argv)
    assert (done.returncode, done.stdout) == (code, b"")
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


@pytest.mark.parametrize(
    "argv", ["plan", "plan --json", "check", "check --json", "--help", "--version", "plan --help"]
)
@pytest.mark.parametrize(
    ("to", "why"), [("/dev/full", "No space left on device"), ("&-", "it is closed")]
)
def test_a_result_that_cannot_be_written_ends_with_1(here: Path, argv: str, to: str, why: str):
    done = shell(f'exec "$@" >{to}', here, *argv.split())
    assert done.returncode == 1
    assert done.stderr.decode().splitlines()[-1] == f"stdout: cannot be written: {why}"
    assert (
        len(done.stderr.splitlines()) <= 2
    )  # the generated files are not there: check says how to write them


def test_no_file_gets_the_number_of_a_closed_stream(here: Path):
    code = "import os; from truewheel.cli import main; main(['plan', '--output', 'plan.json'])"
    code += "; open('next', 'w'); os.write(1, b'a child'); os.write(2, b'a child')"
    command = ["bash", "-c", 'exec "$@" <&- >&- 2>&-', "bash", sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    assert (
        subprocess.run(command, cwd=here, env=environment, check=False, timeout=60).returncode == 0
    )
    assert json.loads((here / "plan.json").read_text())["cells"]
    assert (here / "next").read_text() == ""


def test_a_closed_stderr_is_no_error(here: Path):
    project(here, COLLIDING)
    for script in (
        'exec "$@" 2>&1 | :; exit ${PIPESTATUS[0]}',
        'exec "$@" 2>&-',
        'exec "$@" 2>/dev/full',
    ):
        done = shell(script, here, "check")
        assert (done.returncode, done.stdout) == (2, b"")
