"""The parser of the command line; only the chosen command's module is imported."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from importlib import import_module
from typing import Any, NoReturn

from truewheel.cli.commands import COMMANDS, PURPOSE, program_name
from truewheel.cli.terminal import put
from truewheel.system.log_text import harmless


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        super().error(harmless(message))

    def _print_message(self, message: str, file: Any = None) -> None:
        put(message, file, end="")


def parser(
    chosen: str | None = None, names: Iterable[str] = tuple(COMMANDS)
) -> argparse.ArgumentParser:
    """Return the parser of these commands, with the arguments of the chosen one, or of all."""
    top = _Parser(prog=program_name(), description=PURPOSE, allow_abbrev=False)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in names:
        purpose = COMMANDS[name]
        command = commands.add_parser(
            name,
            help=purpose,
            description=purpose[0].upper() + purpose[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if chosen in {None, name}:
            module = import_module(f"truewheel.cli.{name.replace('-', '_')}")
            command.epilog = module.EXAMPLES
            command.set_defaults(run=module.run)
            module.add_arguments(command)
    return top
