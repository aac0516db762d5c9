from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from children import is_gone, wait_for
from paths import SOURCE

from truewheel.errors import Exit, Stop
from truewheel.system import processes

pytestmark = pytest.mark.slow  # starts programs

# A shell with a child of its own, as compilers have them; both would sleep on.
FAMILY = "echo $$ > leader; sleep 60 & echo $! > child; wait"


def parent(folder: Path, script: str) -> subprocess.Popen[bytes]:
    # Started in the background, a process ignores SIGINT, and so would its children.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code += f"from truewheel.system import processes; from pathlib import Path; import os\n{script}"
    env = {**os.environ, "PYTHONPATH": str(SOURCE)}
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=folder, env=env, stderr=subprocess.PIPE
    )


def test_run_returns_the_exit_status(tmp_path: Path) -> None:
    assert processes.run(["sh", "-c", "exit 7"], cwd=tmp_path, env=os.environ) == 7


def test_run_writes_both_streams_to_the_log(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        processes.run(["sh", "-c", "echo one; echo two >&2"], cwd=tmp_path, env=os.environ, log=log)
    assert (tmp_path / "log").read_text() == "one\ntwo\n"


def test_run_leaves_stdout_to_results(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    processes.run(["sh", "-c", "echo said"], cwd=tmp_path, env=os.environ)
    assert capfd.readouterr() == ("", "said\n")


def test_a_program_that_takes_too_long_is_ended_with_all_it_started(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError):
        processes.run(["sh", "-c", FAMILY], cwd=tmp_path, env=os.environ, timeout=0.5)
    assert is_gone(wait_for(tmp_path / "leader"))
    assert is_gone(wait_for(tmp_path / "child"))


def test_no_shell_reads_an_argument(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        processes.run(
            ["echo", "$(touch evil); `touch evil`"], cwd=tmp_path, env=os.environ, log=log
        )
    assert (tmp_path / "log").read_text() == "$(touch evil); `touch evil`\n"
    assert not (tmp_path / "evil").exists()


def test_the_environment_is_the_one_given(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        processes.run(["/usr/bin/env"], cwd=tmp_path, env={"ONLY": "this"}, log=log)
    assert (tmp_path / "log").read_text() == "ONLY=this\n"


def test_a_missing_program_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(Stop) as stopped:
        processes.run(["no-such-program"], cwd=tmp_path, env=os.environ)
    assert stopped.value.code is Exit.WHEEL
    assert "no-such-program: cannot be started: No such file" in str(stopped.value)


def test_a_module_that_is_not_installed_names_what_to_install() -> None:
    with pytest.raises(Stop, match=r"nosuchmodule is not installed here\n.*extra \[build\]"):
        processes.module("nosuchmodule", "cell")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_takes_its_whole_family_with_it(tmp_path: Path, number: int) -> None:
    script = f"processes.run(['sh', '-c', {FAMILY!r}], cwd=Path('.'), env=os.environ)"
    with parent(tmp_path, script) as running:
        family = [wait_for(tmp_path / "leader"), wait_for(tmp_path / "child")]
        running.send_signal(number)
        _, errors = running.communicate(timeout=30)
    assert b"KeyboardInterrupt" in errors
    assert all(map(is_gone, family))


def test_a_child_that_ignores_termination_is_killed(tmp_path: Path) -> None:
    stubborn = "trap '' TERM; echo $$ > leader; while :; do sleep 0.05; done"
    argv = ["sh", "-c", stubborn]
    script = f"processes.GRACE = 0.2; processes.run({argv!r}, cwd=Path('.'), env=os.environ)"
    with parent(tmp_path, script) as running:
        leader = wait_for(tmp_path / "leader")
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=30)
    assert is_gone(leader)


def test_an_interrupt_while_the_child_is_starting_ends_it_too(tmp_path: Path) -> None:
    script = f"""
import signal, subprocess
class Slow(subprocess.Popen):
    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        while not (Path('child').exists() and Path('child').read_text().strip()): pass
        signal.raise_signal(signal.SIGTERM)
subprocess.Popen = Slow
processes.run(['sh', '-c', {FAMILY!r}], cwd=Path('.'), env=os.environ)
"""
    with parent(tmp_path, script) as running:
        family = [wait_for(tmp_path / "leader"), wait_for(tmp_path / "child")]
        _, errors = running.communicate(timeout=30)
    assert b"KeyboardInterrupt" in errors
    assert all(map(is_gone, family))


def test_an_interrupt_is_not_lost_when_the_program_is_missing(tmp_path: Path) -> None:
    script = """
import signal, subprocess
def missing(*_, **__):
    signal.raise_signal(signal.SIGINT)
    raise FileNotFoundError(2, 'No such file')
subprocess.Popen = missing
processes.run(['x'], cwd=Path('.'), env=os.environ)
"""
    with parent(tmp_path, script) as running:
        _, errors = running.communicate(timeout=30)
    assert b"KeyboardInterrupt" in errors


def test_the_handler_of_a_caller_is_left_alone(tmp_path: Path) -> None:
    def own(_number: int, _frame: object) -> None: ...

    before = signal.signal(signal.SIGTERM, own)
    try:
        processes.run(
            ["sh", "-c", f"kill -TERM {os.getpid()}; sleep 0.1"], cwd=tmp_path, env=os.environ
        )
        assert signal.getsignal(signal.SIGTERM) is own
    finally:
        signal.signal(signal.SIGTERM, before)


def test_output_is_the_text_of_a_program_that_succeeds() -> None:
    assert processes.output(["echo", "text"], env=os.environ, timeout=10) == "text\n"


@pytest.mark.parametrize(
    "argv", [["false"], ["no-such-program"], ["sh", "-c", "echo half; exit 3"]]
)
def test_output_of_a_program_that_fails_is_none(argv: list[str]) -> None:
    assert processes.output(argv, env=os.environ, timeout=10) is None


def test_output_of_a_program_that_hangs_is_none_and_nothing_of_it_stays(tmp_path: Path) -> None:
    assert processes.output(["sh", "-c", FAMILY], cwd=tmp_path, env=os.environ, timeout=0.5) is None
    assert is_gone(wait_for(tmp_path / "child"))
