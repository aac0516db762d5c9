from __future__ import annotations

import sys
from pathlib import Path

import projects
import pytest
import wheels

from truewheel.build import evidence
from truewheel.build.smoke_test import smoke_test
from truewheel.errors import Exit, Stop
from truewheel.system import interpreters

ENV = {**projects.ENV, "PIP_NO_INDEX": "1"}
GOOD = "import demo, os, sys\nprint('answer', demo.ANSWER, os.listdir(), sys.prefix)\n"


@pytest.fixture(autouse=True)
def running_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "find", lambda *_: Path(sys.executable))


def smoke(
    root: Path, script: str | None, env: dict[str, str] | None = None, *, at: str = "tests/smoke.py"
) -> None:
    """Run a smoke test on a pure wheel of the package demo."""
    cell = projects.cell()
    if script is not None:
        projects.write(root, {at: script})
    wheel = wheels.make(evidence.fresh_folder(root / "dist"), cell.wheel)
    smoke_test(projects.plan(cell, smoke=at), cell, root, wheel, {**ENV, **(env or {})})


def refusal(root: Path, script: str | None, **more: str) -> Stop:
    with pytest.raises(Stop) as stopped:
        smoke(root, script, **more)
    return stopped.value


def test_a_package_without_a_smoke_test_passes(tmp_path: Path) -> None:
    cell = projects.cell()
    smoke_test(projects.plan(cell), cell, tmp_path, tmp_path / "no.whl", ENV)
    assert list(tmp_path.iterdir()) == []


def test_the_script_sees_the_wheel_in_a_fresh_place(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "demo").mkdir()
    projects.write(tmp_path, {"elsewhere/demo.py": "ANSWER = 'that of PYTHONPATH'"})
    smoke(tmp_path, GOOD, {"PYTHONPATH": str(tmp_path / "elsewhere")})
    out, err = capfd.readouterr()
    assert out == ""
    assert f"answer 42 [] {evidence.work_folder(tmp_path, projects.cell().id)}/smoke/env\n" in err
    assert "test demo/any/any/py3: tests/smoke.py\n" in err


def test_nothing_of_an_earlier_run_is_left(tmp_path: Path) -> None:
    leave = (
        "import pathlib, sys\npathlib.Path('left').touch()\npathlib.Path(sys.prefix, "
        "'left').touch()\n"
    )
    smoke(tmp_path, leave)
    look = (
        "import os, sys\nassert 'left' not in os.listdir()\nassert 'left' not in "
        "os.listdir(sys.prefix)\n"
    )
    smoke(tmp_path, look)


def test_a_failing_script_is_told_with_the_end_of_its_output(tmp_path: Path) -> None:
    stopped = refusal(
        tmp_path,
        "import sys\nprint('\\n'.join(f'line {n}' for n in range(99)))\nsys.exit('no answer')\n",
    )
    assert stopped.code is Exit.WHEEL
    text = str(stopped)
    assert text.startswith(
        "demo/any/any/py3: tests/smoke.py failed (exit status 1):\n    line 80\n"
    )
    assert "\n    line 98\n    no answer\n" in text
    assert "output.log" in text


def test_a_crash_is_told_as_one(tmp_path: Path) -> None:
    stopped = refusal(tmp_path, "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    assert "failed (killed: Segmentation fault):\n    it said nothing" in str(stopped)


def test_a_wheel_for_another_machine_cannot_be_installed(tmp_path: Path) -> None:
    cell = projects.cell(platform_tag="manylinux_2_999_x86_64")
    projects.write(tmp_path, {"tests/smoke.py": GOOD})
    wheel = wheels.make(tmp_path, cell.wheel)
    with pytest.raises(Stop, match="pip cannot install") as stopped:
        smoke_test(projects.plan(cell, smoke="tests/smoke.py"), cell, tmp_path, wheel, ENV)
    assert stopped.value.code is Exit.WHEEL


@pytest.mark.parametrize("beside", ["demo.py", "demo/__init__.py"])
def test_a_script_beside_the_sources_would_not_test_the_wheel(tmp_path: Path, beside: str) -> None:
    projects.write(tmp_path, {f"tests/{beside}": ""})
    stopped = refusal(tmp_path, GOOD)
    assert "tests/smoke.py stands beside demo, which Python would import instead" in str(stopped)


def test_a_missing_script_is_said_plainly(tmp_path: Path) -> None:
    assert "packages.demo.smoke: there is no file tests/smoke.py" in str(refusal(tmp_path, None))


def test_a_script_out_of_the_root_is_refused(tmp_path: Path) -> None:
    assert "leaves the folder of the spec" in str(refusal(tmp_path, None, at="../smoke.py"))


def test_a_missing_wheel_is_said_plainly(tmp_path: Path) -> None:
    cell = projects.cell()
    projects.write(tmp_path, {"smoke.py": GOOD})
    with pytest.raises(Stop, match=r"no\.whl"):
        smoke_test(projects.plan(cell, smoke="smoke.py"), cell, tmp_path, tmp_path / "no.whl", ENV)
