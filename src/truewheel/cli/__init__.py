"""The command line: which command, with which arguments, and how it ends."""

from __future__ import annotations

import gc
import os
import sys

from truewheel import __version__
from truewheel.cli.commands import COMMANDS, help_text
from truewheel.cli.terminal import Unwritable, open_streams, put, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code (see `truewheel.errors.Exit`)."""
    words = list(sys.argv[1:] if argv is None else argv)
    open_streams()
    try:
        if words[:1] in (["-h"], ["--help"], ["--version"]):
            put(f"truewheel {__version__}" if words[0] == "--version" else help_text(), sys.stdout)
            return 0
        gc.set_threshold(500_000)  # most commands end before there is garbage worth looking for
        from truewheel.cli import outcome, parser  # what is above takes a tenth of their time

        chosen = next((word for word in words if word in COMMANDS), "")
        # The parsers of all commands take longer than many a command.
        names = (chosen,) if words[:1] == [chosen] else tuple(COMMANDS)
        return outcome.run(parser.parser(chosen, names).parse_args(words), os.environ)
    except Unwritable as error:
        say(str(error))
        return 1
