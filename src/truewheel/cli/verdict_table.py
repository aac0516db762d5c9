"""Verdicts on wheels as lines at a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from truewheel.cli.terminal import say
from truewheel.plan.model import Plan

if TYPE_CHECKING:
    from truewheel.build.verdicts import Verdict


def say_verdict(verdict: Verdict) -> None:
    """Print a verdict, with all that is wrong."""
    for line in verdict.lines():
        say(line)


def rows(proof: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each wheel of a proof: its file name and the verdict."""
    width = max((len(entry["wheel"]) for entry in proof["wheels"]), default=0)
    for entry in proof["wheels"]:
        yield f"  {entry['wheel']:<{width}}  {entry['verdict']}"


def obstacles(plan: Plan, reasons: Mapping[str, str]) -> Iterator[str]:
    """Yield why wheels cannot be loaded on this machine, once for each target and reason."""
    counts = Counter(
        (cell.target, cell.arch, reasons[cell.id]) for cell in plan.cells if cell.id in reasons
    )
    for (target, arch, reason), count in counts.items():
        yield f"not loaded here: {count} cells of {target}/{arch}: {reason}"
