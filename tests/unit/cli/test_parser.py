"""The arguments of commands, and what wrong usage ends with."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Run

from truewheel.cli.commands import COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_has_examples(truewheel: Run, command: str):
    code, out, _ = truewheel(command, "--help")
    assert code == 0
    assert f"\nexamples:\n  {command}" in out


@pytest.mark.parametrize(
    "argv",
    [
        (),
        ("pln",),
        ("plan", "--bogus"),
        ("plan", "--js"),
        ("plan", "--event", "full-moon"),
        ("plan", "-v"),
    ],
)
def test_wrong_usage_ends_with_2(here: Path, truewheel: Run, argv: tuple[str, ...]):
    code, out, err = truewheel(*argv)
    assert (code, out) == (2, "")
    assert err.startswith("usage: truewheel")


def test_what_was_typed_is_repeated_escaped(here: Path, truewheel: Run):
    code, _, err = truewheel("plan", "--\x1b[31m", "\udcff")
    assert code == 2
    assert "unrecognized arguments: --\\x1b[31m \\udcff" in err
