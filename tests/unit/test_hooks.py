"""The hook definition that other repositories use with pre-commit."""

from __future__ import annotations

import yaml
from paths import ROOT

from truewheel.cli.commands import COMMANDS
from truewheel.cli.parser import parser

HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))


def test_a_hook_calls_a_command_that_there_is():
    (hook,) = HOOKS
    program, command, *words = hook["entry"].split()
    assert program == "truewheel"
    assert command in COMMANDS
    assert parser(command).parse_args([command, *words])
    assert hook["pass_filenames"] is False
    assert hook["always_run"] is True, "which files count, the spec says"
