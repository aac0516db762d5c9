"""Arguments of the commands that watch pipelines."""

from __future__ import annotations

import argparse
from argparse import ArgumentParser

from truewheel.cli.arguments import parse_seconds

START_SECONDS = 300.0
"""The default of --deadline, where a pipeline is only started."""
WATCH_SECONDS = 4 * 3600.0
"""The default of --deadline, where a pipeline is watched to its end."""


def add_watch_arguments(parser: ArgumentParser) -> None:
    """Add --interval and --retries."""
    parser.add_argument(
        "--interval",
        metavar="S",
        type=parse_seconds,
        default=0.0,
        help="seconds between two looks (default: 1 to 10; longer for pipelines of many requests)",
    )
    parser.add_argument(
        "--retries",
        metavar="N",
        type=_retries,
        default=1,
        help="how often a job is run again after its runner or network failed "
        "(default: %(default)s)",
    )


def _retries(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) > 10:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 10")
    return int(text)
