"""The start of the command line as a program; no other module imports this one.

From the first line on Ctrl-C ends the program with exit code 130 and one line, also while the
commands are imported. Relative entries of PYTHONPATH are ignored, because the files in the user's
current folder are not part of this program.
"""

# Not `signal`: its imports take longer than everything else here.
import _signal  # type: ignore[import-not-found]
import atexit
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130


def leave(*_: object) -> None:
    """End this process at once. No command runs, so there is nothing to clean up."""
    try:
        os.write(2, b"interrupted\n")
    finally:
        os._exit(INTERRUPTED)


def _leave_at(*numbers: int) -> None:
    """Let signals end this process, except ignored ones: nohup and shells ignore some."""
    for number in numbers:
        if callable(_signal.getsignal(number)):
            _signal.signal(number, leave)


_leave_at(_signal.SIGINT)

if _added := "" if sys.flags.ignore_environment else os.environ.get("PYTHONPATH", ""):
    for _entry in _added.split(os.pathsep):
        if not os.path.isabs(_entry) and os.path.abspath(_entry) in sys.path:
            sys.path.remove(os.path.abspath(_entry))


def main(argv: "Sequence[str] | None" = None) -> int:
    """Run the command line and return its exit code (see `truewheel.errors.Exit`)."""
    from truewheel import cli

    # When Python cleans up at its end, the exit code is decided: Ctrl-C must not change it.
    atexit.register(_signal.signal, _signal.SIGINT, _signal.SIG_IGN)
    try:
        return cli.main(argv)
    except KeyboardInterrupt:  # a second Ctrl-C, while the first one was handled
        leave()
        raise
    finally:
        _leave_at(_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP)


if __name__ == "__main__":
    sys.exit(main())
