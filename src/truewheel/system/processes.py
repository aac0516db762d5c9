"""Child processes: an argv and never a shell, and no program from the current folder.

None of them outlives an interrupted parent.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO, NamedTuple, NoReturn
from weakref import WeakSet

from truewheel.errors import Exit, plain_addresses, stop
from truewheel.system.installation import install_hint
from truewheel.system.log_text import harmless

STDERR = 2
GRACE = 5.0
RELAY_SECONDS = 0.02
"""How long to wait before a silent child's output is looked at again."""
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LAUNCHER = str(Path(__file__).absolute().with_name("launch.py"))
FOLDERS = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME")
"""Variables that hold lists of folders.

An entry that is empty or relative stands for the current folder.
"""
FOLDER = ("PYTHONUSERBASE", "PYTHONPYCACHEPREFIX")
"""Variables that hold one folder."""


_started: WeakSet[subprocess.Popen[bytes]] = WeakSet()


class Ended(NamedTuple):
    """How a program ended, and what it wrote."""

    status: int
    stdout: bytes
    stderr: bytes


def say(message: str) -> None:
    """Write a harmless message to stderr, in order with what children write there."""
    print(harmless(plain_addresses(message)), file=sys.stderr, flush=True)


def python(program: str) -> list[str]:
    """Return the start of an argv that runs a module, or a script, with this interpreter.

    A script is named by its absolute path.

    Every Python program of ours starts this way: it imports nothing from the current folder, finds
    this very package, and ends when this process does. Programs of others, such as a build backend,
    start as they expect it.
    """
    return [sys.executable, LAUNCHER, str(os.getpid()), program]


def module(name: str, where: str) -> list[str]:
    """Return the start of an argv that runs one of the modules installed beside this one.

    Raises `Stop` (exit 4) when it is not installed; `where` names who needs it.
    """
    if importlib.util.find_spec(name) is None:
        raise stop(where, f"{name} is not installed here", install_hint("build"), Exit.WHEEL)
    return python(name)


def ends_with_parent(argv: Sequence[str]) -> list[str]:
    """Return the argv that runs a program of others, which ends when this process ends.

    All that it has started ends with it.
    """
    return [*python("truewheel.system.attached"), *argv]


def which(name: str, env: Mapping[str, str], *first: Path) -> str | None:
    """Return the path of a program in these folders or on PATH, never in the current folder."""
    folders = [*map(str, first), env.get("PATH", os.defpath)]
    return shutil.which(
        name, path=without_current_folder({"PATH": os.pathsep.join(folders)})["PATH"]
    )


def without_current_folder(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what leads into the current folder, whichever that will be.

    A stranger's repository or an unpacked wheel may be there, and have a `git` or a `json.py`.
    """
    clean = {
        name: value
        for name, value in env.items()
        if name not in FOLDER or Path(value).is_absolute()
    }
    for name in clean.keys() & {*FOLDERS}:
        entries = [entry for entry in clean[name].split(os.pathsep) if Path(entry).is_absolute()]
        clean[name] = os.pathsep.join(entries or ([os.defpath] if name == "PATH" else []))
        if not clean[name]:
            del clean[name]
    return clean


def start(
    argv: Sequence[str],
    *,
    cwd: Path | None,
    env: Mapping[str, str],
    stdout: IO[str] | IO[bytes] | int,
    stderr: int,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, with no input.

    Raises `OSError` when it cannot be started.
    """
    child = subprocess.Popen(
        argv,
        cwd=cwd,
        env=without_current_folder(env),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )
    _started.add(child)
    return child


def end_all() -> None:
    """Kill what threads of this process have started and wait for: only the main thread is told.

    That is what an interrupt is for them.
    """
    for child in list(_started):
        if child.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)


def wait(child: subprocess.Popen[bytes], seconds: float) -> int:
    """Return the exit status of a started program, and end all that it leaves behind.

    Raises `TimeoutError` when it takes more seconds.
    """
    try:
        return child.wait(seconds)
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    log: IO[str] | None = None,
    timeout: float | None = None,
) -> int:
    """Run a program to its end and return its exit status.

    Its stdout and stderr go to `log`, or to stderr, where no runner reads commands in them.
    Interrupted or terminated, it takes everything that it started with it. Raises `Stop` (exit 4)
    when it cannot be started, and `TimeoutError` when it takes more seconds.
    """
    # GitHub's runner reads commands in a log.
    stdout: IO[str] | int = STDERR if log is None else log
    if log is None and os.environ.get("GITHUB_ACTIONS") == "true":
        stdout = subprocess.PIPE
    with _interrupts_held() as release:
        try:
            child = start(
                argv,
                cwd=cwd,
                env=env,
                stdout=stdout,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            hint = "install it, or put its folder on PATH"
            raise stop(argv[0], f"cannot be started: {error.strerror}", hint, Exit.WHEEL) from None
        try:
            release()
            return _relayed(child, timeout)
        except subprocess.TimeoutExpired:
            _end_group(child, GRACE)
            raise TimeoutError from None
        except BaseException:
            _end_group(child, GRACE)
            raise


def output(
    argv: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str], timeout: float
) -> str | None:
    """Return what a program writes to stdout, or None if it fails, takes longer or is missing."""
    try:
        ended = captured(argv, cwd=cwd, env=env, timeout=timeout, stderr=subprocess.DEVNULL)
    except (OSError, TimeoutError):
        return None
    return ended.stdout.decode("utf-8", "replace") if ended.status == 0 else None


def captured(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str],
    timeout: float,
    stderr: int = subprocess.PIPE,
) -> Ended:
    """Run a program to its end and return what it wrote.

    Raises `OSError` when it cannot be started, and `TimeoutError` when it takes more seconds.
    """
    with start(argv, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=stderr) as child:
        try:
            stdout, errors = child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            _end_group(child, 0)
            raise TimeoutError(f"no end after {timeout:.0f} s") from None
        except BaseException:
            _end_group(child, 0)
            raise
    return Ended(child.returncode, stdout, errors or b"")


def ending(status: int) -> str:
    """Return how a program ended, in words, from its exit status; a signal's is negative."""
    return f"exit status {status}" if status >= 0 else f"killed: {signal.strsignal(-status)}"


def _relayed(child: subprocess.Popen[bytes], timeout: float | None) -> int:
    """Show what a child writes until it ends, with nothing that a runner takes for a command.

    What it leaves behind can write nothing more: the pipe is closed then. Raises `TimeoutExpired`.
    """
    if child.stdout is None:
        return child.wait(timeout)
    deadline = None if timeout is None else time.monotonic() + timeout
    pipe, status, line = child.stdout.fileno(), None, b""
    os.set_blocking(pipe, False)
    with child.stdout:
        while status is None:
            status = child.poll()  # before the read: all that it wrote itself is in the pipe then
            chunk = _available(pipe)
            *lines, line = (line + chunk).split(b"\n")
            for text in lines:
                _show(text)
            if deadline is not None and status is None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(child.args, timeout or 0)
            if not chunk and status is None:
                time.sleep(RELAY_SECONDS)
    if line:
        _show(line)
    return status


def _available(pipe: int) -> bytes:
    """Return what is in a pipe now: no pipe of an ordinary user holds more."""
    try:
        return os.read(pipe, 2**20)
    except BlockingIOError:
        return b""


def _show(line: bytes) -> None:
    text = line.decode("utf-8", "replace").removesuffix("\r").expandtabs()
    print(harmless(text), file=sys.stderr, flush=True)


@contextmanager
def _interrupts_held() -> Iterator[Callable[[], None]]:
    """Hold Ctrl-C and SIGTERM back until the yielded function is called.

    Only a child that is known can be ended. From then on SIGTERM ends this process as Ctrl-C does,
    unless it has a handler already.
    Only the main thread is ever interrupted.
    """
    pending: list[int] = []
    in_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in INTERRUPTS} if in_main else {}

    def release() -> None:
        for number, handler in before.items():
            signal.signal(number, _interrupt if handler is signal.SIG_DFL else handler)
        while pending:
            signal.raise_signal(pending.pop())

    for number in before:
        signal.signal(number, lambda number, _: pending.append(number))
    try:
        yield release
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        while pending:
            signal.raise_signal(pending.pop())


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _end_group(child: subprocess.Popen[bytes], patience: float) -> None:
    """Ask the child's process group to end; kill it after `patience` seconds or an interrupt."""
    deadline = time.monotonic() + patience
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
        try:
            while time.monotonic() < deadline:
                child.poll()  # reaps the leader: only then can the group be empty
                os.killpg(child.pid, 0)
                time.sleep(0.02)
        finally:
            os.killpg(child.pid, signal.SIGKILL)
    child.wait()
