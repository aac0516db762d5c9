"""Ctrl-C at any moment from the first line of our programs on.

Exit code 130 and one line, no traceback.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from paths import ROOT
from specs import project

pytestmark = pytest.mark.slow  # a hundred processes
ENV = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("CI", "COV", "GIT", "PYTHON"))
}
# Says that it is there, then is the program; as other ways of starting do, Python itself has its
# modules by then.
READY = """\
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
del sys.argv[0]
os.write(1, b".")
"""
WAYS = {
    "gen_ci.py": [str(ROOT / "gen_ci.py")],
    "scripts": [str(ROOT / "scripts/validate_wheels.py")],
    "command": ["console"],
}
CONSOLE = "from truewheel.program import main\nif __name__ == '__main__':\n    sys.exit(main())\n"


def code_of(way: str) -> str:
    """The code of a program, in a process that tells when it begins."""
    if way == "command":
        path = f"import sys\nsys.path.insert(0, {str(ROOT / 'src')!r})\n"
        return f"{path}import truewheel\n{READY}{CONSOLE}"
    path = WAYS[way][0]
    return (
        f"{READY}__file__ = sys.argv[0]\nexec(compile(open({path!r}).read(), {path!r}, 'exec'))\n"
    )


def interrupted(way: str, folder: Path, pause: float, *words: str) -> tuple[int, str]:
    argv = [sys.executable, "-c", code_of(way), *WAYS[way], *words]
    started = subprocess.Popen(
        argv, cwd=folder, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert started.stdout
    with started:
        assert started.stdout.read(1) == "."
        time.sleep(pause)
        started.send_signal(2)
        _, errors = started.communicate(timeout=60)
    return started.returncode, errors


@pytest.mark.parametrize(
    ("way", "words"), [("gen_ci.py", ["plan"]), ("scripts", ["dist"]), ("command", ["plan"])]
)
def test_an_interrupt_at_any_moment_is_no_traceback(tmp_path: Path, way: str, words: list[str]):
    folder = project(tmp_path)
    ends = [interrupted(way, folder, 0.003 + 0.0075 * moment, *words) for moment in range(20)]
    for code, errors in ends:
        if errors.count("  File ") == errors.count('  File "<string>"') > 0:
            continue  # it came before the first line, as it can on a busy machine
        assert "Traceback" not in errors
        assert code in {0, 2, 130}
        assert code != 130 or errors.splitlines()[-1:] in ([], ["interrupted"])
    assert sum(code == 130 for code, _ in ends) > 6


def test_ignored_interrupts_stay_ignored(tmp_path: Path):
    """As a shell has it for what runs in its background."""
    argv = [
        "sh",
        "-c",
        'trap "" INT; exec "$@"',
        "sh",
        sys.executable,
        str(ROOT / "gen_ci.py"),
        "plan",
    ]
    started = subprocess.Popen(
        argv, cwd=project(tmp_path), env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with started:
        for _ in range(10):
            time.sleep(0.02)
            started.send_signal(2)
        _, errors = started.communicate(timeout=60)
    assert (started.returncode, errors) == (0, b"")


def test_the_start_of_the_command_line_is_light():
    code = (
        "import sys; before = {*sys.modules, *sys.builtin_module_names}; import truewheel.program\n"
    )
    code += "print(sorted({*sys.modules} - before))"
    env = {**ENV, "PYTHONPATH": str(ROOT / "src")}
    said = subprocess.run(
        [sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True
    ).stdout
    assert said == "['truewheel', 'truewheel.program']\n"


def test_the_installed_command_starts_there():
    assert (
        '[project.scripts]\ntruewheel = "truewheel.program:main"\n'
        in (ROOT / "pyproject.toml").read_text()
    )
