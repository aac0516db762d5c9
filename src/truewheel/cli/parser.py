"""The arguments of the commands; only the module of the chosen one is imported."""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import Any, NoReturn

from truewheel.cli.commands import COMMANDS, PURPOSE, front_door
from truewheel.cli.terminal import put
from truewheel.system.log_text import harmless


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        super().error(harmless(message))

    def _print_message(self, message: str, file: Any = None) -> None:
        put(message, file, end="")


def parser(chosen: str | None = None) -> argparse.ArgumentParser:
    """Return the parser; only the chosen command's own arguments are there, or all when None."""
    top = _Parser(prog=front_door(), description=PURPOSE, allow_abbrev=False)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module, purpose) in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=purpose,
            description=purpose[0].upper() + purpose[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if chosen in {None, name}:
            import_module(f"truewheel.cli.{module}").arguments(name, command)
    return top
