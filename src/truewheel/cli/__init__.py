"""The command line: which command, with which arguments, and how it ends."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from truewheel import __version__
from truewheel.cli import ending

# Command, module below this one, and what it is for. Only the module of the chosen command is imported.
COMMANDS = {
    "plan": ("planning", "list all cells with the wheel names they will get"),
    "name": ("naming", "print one wheel's file name"),
    "explain": ("naming", "say where each part of a wheel's name comes from"),
    "generate": ("generating", "write the pipeline files"),
    "check": ("generating", "compare the pipeline files with the spec"),
    "run": ("running", "build, repair, validate and prove this machine's cells"),
    "compile": ("jobs", "build a cell's wheel"),
    "repair": ("jobs", "graft and tag a cell's wheel with auditwheel"),
    "test": ("jobs", "install a cell's wheel and run its smoke test"),
    "validate": ("proving", "check wheels against their own names"),
    "prove": ("proving", "compare a folder of wheels with the plan"),
    "completion": ("completing", "print a script that completes commands with the tab key"),
}
EPILOG = """\
examples:
  {prog} plan -v CI_PIPELINE_ID=49163608
  {prog} generate
  {prog} run
  {prog} explain dist/foo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl
"""


def front_door() -> str:
    """Return the program's name as the user typed it."""
    return "./gen_ci.py" if os.path.basename(sys.argv[0]) == "gen_ci.py" else "truewheel"  # noqa: PTH119


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        super().error(ending.printable(message))

    def _print_message(self, message: str, file: Any = None) -> None:
        ending.put(message, file, end="")


def parser(chosen: str | None = None) -> argparse.ArgumentParser:
    """Return the parser; only the chosen command's own arguments are there, or all when None."""
    prog = front_door()
    top = _Parser(
        prog=prog,
        description="Wheel pipelines whose file names are known before the build and proven after it.",
        epilog=EPILOG.format(prog=prog),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"truewheel {__version__}")
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
            from importlib import import_module

            import_module(f"truewheel.cli.{module}").arguments(name, command)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code (see `truewheel.problems.Exit`)."""
    words = list(sys.argv[1:] if argv is None else argv)
    chosen = next((word for word in words if word in COMMANDS), "")
    return ending.run(parser(chosen).parse_args(words), os.environ)
