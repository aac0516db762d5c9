"""A live table of a pipeline for a terminal: stages, running jobs, and their times."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.table import Column, Table
from rich.text import Text

from truewheel.forges.base import Job, PipelineState
from truewheel.system.log_text import one_line

STYLES = {"success": "green", "failed": "bold red", "canceled": "red", "running": "cyan"}
FIRST = ("failed", "running", "pending", "waiting_for_resource", "preparing", "manual")
"""States of the jobs that get a row, in this order, while the terminal has room."""


@contextmanager
def table() -> Iterator[tuple[Callable[[str], None], Callable[[PipelineState], None]]]:
    """Show a pipeline on stderr while the block runs.

    Yields a function that shows a sentence, and one that shows a look at the pipeline.
    """
    console = Console(stderr=True)  # reads NO_COLOR itself
    began = time.monotonic()
    snapshots: list[PipelineState] = []

    def render() -> Group:
        if not snapshots:
            return Group(Text("asking for the pipeline"))
        jobs = [job for snapshot in snapshots[-1].all() for job in snapshot.jobs]
        elapsed = time.monotonic() - began
        head = Text(
            one_line(f"{snapshots[-1].run.url}  {snapshots[-1].run.state}  {elapsed:.0f} s")
        )
        stages = len({job.stage for job in jobs})
        return Group(head, _stages(jobs), _jobs(jobs, max(3, console.height - 8 - stages)))

    with Live(get_renderable=render, console=console, refresh_per_second=2, transient=True):
        yield (lambda text: console.print(Text(one_line(text)))), snapshots.append


def _stages(jobs: list[Job]) -> Table:
    rows = Table(Column("stage", no_wrap=True), "jobs", box=None)
    for stage in dict.fromkeys(job.stage for job in jobs):
        states = Counter(job.state for job in jobs if job.stage == stage)
        counts = Text(", ").join(
            Text(f"{count} {state}", style=STYLES.get(state, "dim"))
            for state, count in states.items()
        )
        rows.add_row(Text(one_line(stage)), counts)
    return rows


def _jobs(jobs: list[Job], most: int) -> Table:
    rows = Table(Column("job", no_wrap=True), "state", "seconds", "queued", box=None)
    shown = sorted(
        (job for job in jobs if job.state in FIRST), key=lambda job: FIRST.index(job.state)
    )
    for job in shown[:most]:
        state = Text(job.state, style=STYLES.get(job.state, "dim"))
        rows.add_row(Text(one_line(job.name)), state, _seconds(job.seconds), _seconds(job.queued))
    if len(shown) > most:
        rows.add_row(Text(f"and {len(shown) - most} more"), "", "", "")
    return rows


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f}" if seconds else ""
