"""The commands, as --help lists them."""

from __future__ import annotations

import re

from command_line import Run

from truewheel.cli.commands import COMMANDS


def test_help_names_every_command(truewheel: Run):
    code, out, _ = truewheel("--help")
    assert code == 0
    assert re.findall(r"^ +([a-z][a-z-]+) {2,}\w", out, re.MULTILINE) == [*COMMANDS]
