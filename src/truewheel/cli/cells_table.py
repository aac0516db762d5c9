"""A live table of the cells that run builds, for a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Column, Table
from rich.text import Text

from truewheel.build.local import Progress
from truewheel.plan.model import Cell

STYLES = {"unchanged": "dim", "built": "green", "failed": "bold red", "waiting": "dim"}
ENDED = {"unchanged", "built", "failed"}


@contextmanager
def table(cells: Sequence[Cell]) -> Iterator[Callable[[Progress], None]]:
    """Show a table of the cells on stderr while the block runs.

    Yields the function that shows the progress of a cell.
    """
    known = {cell.id: Progress(cell, "waiting") for cell in cells}
    updated = dict.fromkeys(known, time.monotonic())

    def update(progress: Progress) -> None:
        known[progress.cell.id] = progress
        updated[progress.cell.id] = time.monotonic()

    def render() -> Table:
        rows = Table(Column("cell", no_wrap=True), "step", "seconds", box=None)
        for cell_id, progress in known.items():
            seconds = progress.seconds
            if progress.state not in ENDED | {"waiting"}:
                seconds += time.monotonic() - updated[cell_id]
            shown = Text(progress.state, style=STYLES.get(progress.state, "cyan"))
            rows.add_row(cell_id, shown, f"{seconds:.0f}" if seconds else "")
        return rows

    # Console reads NO_COLOR itself.
    with Live(get_renderable=render, console=Console(stderr=True), refresh_per_second=4):
        yield update
