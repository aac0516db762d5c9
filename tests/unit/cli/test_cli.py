"""The command line as a whole."""

from __future__ import annotations

from command_line import Run

from truewheel import __version__


def test_version(truewheel: Run):
    assert truewheel("--version") == (0, f"truewheel {__version__}\n", "")
