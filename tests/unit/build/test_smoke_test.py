"""A package's own smoke test, where its wheel is installed."""

from __future__ import annotations

import sys
from pathlib import Path

import projects
import pytest
import wheels

from truewheel.build import evidence
from truewheel.build.smoke_test import smoke_test
from truewheel.errors import Stop

GOOD = "import os, sys\nprint('here', os.listdir(), sys.path[0])\n"


def smoke(
    root: Path, script: str | None, env: dict[str, str] | None = None, *, at: str = "tests/smoke.py"
) -> str:
    """Run a smoke test of the package demo with the interpreter of the tests."""
    cell = projects.cell()
    if script is not None:
        projects.write(root, {at: script})
    wheel = wheels.make(evidence.fresh_folder(root / "dist"), cell.wheel)
    folder = root / "work"
    return smoke_test(
        projects.plan(cell, smoke=at),
        cell,
        root,
        wheel,
        Path(sys.executable),
        evidence.fresh_folder(folder),
        {**projects.ENV, **(env or {})},
    )


def refusal(root: Path, script: str | None, **more: str) -> str:
    with pytest.raises(Stop) as stopped:
        smoke(root, script, **more)
    return str(stopped.value)


def test_the_script_runs_in_an_empty_place(tmp_path: Path) -> None:
    projects.write(tmp_path, {"elsewhere/demo.py": "ANSWER = 'that of PYTHONPATH'"})
    assert smoke(tmp_path, GOOD, {"PYTHONPATH": str(tmp_path / "elsewhere")}) == ""
    output = (tmp_path / "work/smoke.log").read_text()
    assert output == f"here [] {tmp_path / 'tests'}\n"
    lost = "import demo\n"
    assert "No module named" in smoke(tmp_path, lost, {"PYTHONPATH": str(tmp_path / "elsewhere")})


def test_a_failing_script_is_told_with_the_end_of_its_output(tmp_path: Path) -> None:
    script = (
        "import sys\nprint('\\n'.join(f'line {n}' for n in range(99)))\nsys.exit('no answer')\n"
    )
    text = smoke(tmp_path, script)
    assert text.startswith("tests/smoke.py failed (exit status 1):\n    line 80\n")
    assert text.endswith("\n    line 98\n    no answer")


def test_a_crash_is_told_as_one(tmp_path: Path) -> None:
    text = smoke(tmp_path, "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    assert text == "tests/smoke.py failed (killed: Segmentation fault):\n    it said nothing"


@pytest.mark.parametrize("beside", ["demo.py", "demo/__init__.py"])
def test_a_script_beside_the_sources_would_not_test_the_wheel(tmp_path: Path, beside: str) -> None:
    projects.write(tmp_path, {f"tests/{beside}": ""})
    text = refusal(tmp_path, GOOD)
    assert "tests/smoke.py stands beside demo, which Python would import instead" in text


def test_a_missing_script_is_said_plainly(tmp_path: Path) -> None:
    assert "packages.demo.smoke: there is no file tests/smoke.py" in refusal(tmp_path, None)


def test_a_script_out_of_the_root_is_refused(tmp_path: Path) -> None:
    assert "leaves the folder of the spec" in refusal(tmp_path, None, at="../smoke.py")
