"""Arguments that several commands share."""

from __future__ import annotations

import argparse

PLAN_HELP = "the plan (default: DIR/plan.json, then ./plan.json; in a job of a forge, ./plan.json)"


def add_spec(parser: argparse.ArgumentParser) -> None:
    """Add --spec."""
    parser.add_argument(
        "--spec", metavar="FILE", help="the spec (default: truewheel.yml here or above)"
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add --json."""
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def add_plan(parser: argparse.ArgumentParser) -> None:
    """Add --plan, --out and --spec, as the commands of jobs read them."""
    parser.add_argument("--plan", metavar="FILE", help=PLAN_HELP)
    parser.add_argument(
        "--out", metavar="DIR", default="dist", help="folder of the finished wheels (default: dist)"
    )
    add_spec(parser)


def add_cells(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Add --cell, as the commands of jobs read it."""
    parser.add_argument(
        "--cell",
        required=required,
        metavar="ID[,ID…]",
        help="the cell, or the cells of one build, as plan names them",
    )


def add_variables(parser: argparse.ArgumentParser) -> None:
    """Add -v and --release-version."""
    add_variable(parser)
    parser.add_argument(
        "--release-version", metavar="V", help="base version, instead of the packages' own"
    )


def add_variable(parser: argparse.ArgumentParser) -> None:
    """Add -v."""
    parser.add_argument(
        "-v",
        dest="variables",
        metavar="NAME=VALUE",
        action="append",
        type=_assignment,
        default=[],
        help="set a variable of the pipeline; may repeat",
    )


def _assignment(text: str) -> tuple[str, str]:
    """Return the name and the value of NAME=VALUE."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier() or not name.isascii():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def parse_seconds(text: str) -> float:
    """Return a number of seconds above 0."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 10**7:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds up to 10000000")
    return seconds


def parse_whole_seconds(text: str) -> float:
    """Return a whole number of seconds from 1 to 1000000."""
    if not text.isdecimal() or not 0 < int(text) <= 10**6:
        message = f"{text!r} is no number of seconds from 1 to 1000000"
        raise argparse.ArgumentTypeError(message)
    return float(text)
