"""truewheel completion: print a script for the tab key."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping

from truewheel.cli import parser as command_line
from truewheel.cli.terminal import send
from truewheel.errors import Exit, stop
from truewheel.system.installation import install_hint

EXAMPLES = """\
examples:
  completion bash > ~/.local/share/bash-completion/completions/truewheel
  completion zsh > ~/.zfunc/_truewheel
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of completion."""
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"), help="shell to complete in")


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Print the script that completes commands and options with the tab key."""
    del environment
    try:
        import shtab
    except ImportError:
        hint = install_hint("completion")
        raise stop("completion", "shtab is not installed", hint) from None
    send(shtab.complete(command_line.parser(), shell=arguments.shell))
    return Exit.OK
