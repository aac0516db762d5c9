"""Child processes: an argv, never a shell, and none of them outlives an interrupted parent."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn

from truewheel.logtext import harmless
from truewheel.problems import Exit, stop

STDERR = 2
GRACE = 5.0
INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


def say(message: str) -> None:
    """Write a harmless message to stderr, in order with what children write there."""
    print(harmless(message), file=sys.stderr, flush=True)


def module(name: str, where: str) -> list[str]:
    """Return the start of an argv that runs one of the modules installed beside this one.

    Raises `Stop` (exit 4) when it is not installed; `where` names who needs it.
    """
    if importlib.util.find_spec(name) is None:
        raise stop(where, f"{name} is not installed here", "install Truewheel with the extra [build]", Exit.WHEEL)
    return [sys.executable, "-m", name]


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    log: IO[str] | None = None,
    timeout: float | None = None,
) -> int:
    """Run a program to its end and return its exit status.

    Its stdout and stderr go to `log`, or to stderr, where no runner reads commands in them. Interrupted or terminated,
    it takes everything that it started with it. Raises `Stop` (exit 4) when it cannot be started, and `TimeoutError`
    when it takes more seconds.
    """
    with _obeyed_by_nobody(is_shown=log is None), _interrupts_held() as let_go:
        try:
            child = subprocess.Popen(
                argv,
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=STDERR if log is None else log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            hint = "install it, or put its folder on PATH"
            raise stop(argv[0], f"cannot be started: {error.strerror}", hint, Exit.WHEEL) from None
        try:
            let_go()
            return child.wait(timeout)
        except subprocess.TimeoutExpired:
            _end_group(child, GRACE)
            raise TimeoutError from None
        except BaseException:
            _end_group(child, GRACE)
            raise


def output(argv: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str], timeout: float) -> str | None:
    """Return what a program writes to stdout, or None if it fails, takes more seconds or is not there."""
    try:
        child = subprocess.Popen(
            argv,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return None
    with child:
        try:
            text, _ = child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            _end_group(child, 0)
            return None
        except BaseException:
            _end_group(child, 0)
            raise
    return text.decode("utf-8", "replace") if child.returncode == 0 else None


def ending(status: int) -> str:
    """Return how a program ended, in words, from its exit status; a signal's is negative."""
    return f"exit status {status}" if status >= 0 else f"killed: {signal.strsignal(-status)}"


@contextmanager
def _obeyed_by_nobody(*, is_shown: bool) -> Iterator[None]:
    """Let GitHub's runner read no commands in what is shown meanwhile: a random word, which no child knows, ends that.

    Only stderr is kept in order with children, so both words stand there.
    """
    if not is_shown or os.environ.get("GITHUB_ACTIONS") != "true":
        yield
        return
    word = os.urandom(16).hex()
    print(f"::stop-commands::{word}", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        # A child may have left its last line open, and only the start of a line is read.
        print(f"\n::{word}::", file=sys.stderr, flush=True)


@contextmanager
def _interrupts_held() -> Iterator[Callable[[], None]]:
    """Hold Ctrl-C and SIGTERM back until the function that is lent is called: a child must be known to be ended.

    From then on SIGTERM ends this process the way Ctrl-C does, unless it has a handler already. Only the main thread
    is ever interrupted.
    """
    came: list[int] = []
    in_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in INTERRUPTS} if in_main else {}

    def let_go() -> None:
        for number, handler in before.items():
            signal.signal(number, _interrupt if handler is signal.SIG_DFL else handler)
        while came:
            signal.raise_signal(came.pop())

    for number in before:
        signal.signal(number, lambda number, _: came.append(number))
    try:
        yield let_go
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        while came:
            signal.raise_signal(came.pop())


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _end_group(child: subprocess.Popen[bytes], patience: float) -> None:
    """Ask the child's process group to end; after `patience` seconds, or interrupted again, make it."""
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
