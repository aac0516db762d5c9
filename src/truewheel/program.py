"""The start of the command line as a program of its own; nobody else imports this.

From its first line on Ctrl-C ends the program with exit code 130 and one line, while the commands are still being
imported, too. Relative entries of PYTHONPATH are not followed: they lead into whatever folder the user is in.
"""

import _signal  # type: ignore[import-not-found]  # not `signal`: its imports take longer than all that follows here
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130


def leave(*_: object) -> None:
    """End this process at once. There is nothing to be put in order: no command is at work."""
    try:
        os.write(2, b"interrupted\n")
    finally:
        os._exit(INTERRUPTED)


def _is_heeded() -> bool:
    """Return whether Ctrl-C is for this process; who starts it in the background may have it ignored."""
    return _signal.getsignal(_signal.SIGINT) is not _signal.SIG_IGN


if _is_heeded():
    _signal.signal(_signal.SIGINT, leave)

if _added := "" if sys.flags.ignore_environment else os.environ.get("PYTHONPATH", ""):
    for _entry in _added.split(os.pathsep):
        if not os.path.isabs(_entry) and os.path.abspath(_entry) in sys.path:
            sys.path.remove(os.path.abspath(_entry))


def main(argv: "Sequence[str] | None" = None) -> int:
    """Run the command line and return its exit code (see `truewheel.problems.Exit`)."""
    from truewheel import cli

    try:
        return cli.main(argv)
    except KeyboardInterrupt:  # a second Ctrl-C, while the first one was answered
        leave()
        raise
    finally:
        if _is_heeded():
            _signal.signal(_signal.SIGINT, leave)


if __name__ == "__main__":
    sys.exit(main())
