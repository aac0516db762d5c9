"""How a followed pipeline is shown: a live table where a terminal watches, plain lines in a log.

And its verdict.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from truewheel.cli import arguments as common
from truewheel.cli.terminal import put, say, show
from truewheel.errors import Exit, Stop, counted
from truewheel.forges.base import Forge, Look, Run
from truewheel.forges.watch import Failure, Follower, Verdict, states
from truewheel.system.log_text import one_line


def follow(
    arguments: Namespace,
    runs: Sequence[tuple[Forge, Run]],
    told: Sequence[dict[str, Any]],
    prefix: str,
) -> Exit:
    """Follow pipelines to their end, and return how they ended.

    `prefix` is what the spec's jobs begin with.
    """
    verdicts = []
    try:
        for forge, run in runs:
            verdicts.append(_to_end(arguments, forge, run))
    except KeyboardInterrupt:
        _ask_to_cancel(runs[len(verdicts) :])
        raise
    code = Exit.OK if all(verdict.is_good for verdict in verdicts) else Exit.REMOTE_FAILED
    if arguments.wheels and code is Exit.OK:
        code = _prove(arguments, runs, verdicts, prefix)
    if arguments.json:
        ended = [{**each, **_data(verdict)} for each, verdict in zip(told, verdicts)]
        common.print_json({"version": 1, "pipelines": ended})
    return code


def _to_end(arguments: Namespace, forge: Forge, run: Run) -> Verdict:
    with _display() as (tell, look):
        follower = Follower(
            forge=forge,
            tell=tell,
            show=look,
            interval=arguments.interval,
            retries=arguments.retries,
        )
        verdict = follower.to_end(run)
    if not arguments.json:
        _tell(verdict)
    for failure in verdict.failures:
        _tell_failure(failure)
    return verdict


def _tell(verdict: Verdict) -> None:
    run = verdict.look.run
    word = (
        "succeeded"
        if verdict.is_good
        else run.state
        if run.state != "success"
        else "failed, below a green parent"
    )
    show(one_line(f"{run.url or run.id} {word}: {states(verdict.look)}"))


def _tell_failure(failure: Failure) -> None:
    job = failure.job
    say("\n" + one_line(f"{job.name} failed ({failure.cause.kind}): {failure.cause.told}"))
    say(f"    {one_line(job.url)}")
    if failure.log:
        say("\n".join(f"    | {line}" for line in failure.log.split("\n")))


def _data(verdict: Verdict) -> dict[str, Any]:
    jobs = [
        {
            "name": job.name,
            "stage": job.stage,
            "state": job.state,
            "url": job.url,
            "seconds": job.seconds,
        }
        for each in verdict.look.all()
        for job in each.jobs
    ]
    failures = [
        {
            "name": each.job.name,
            "class": each.cause.kind,
            "cause": each.cause.told,
            "url": each.job.url,
        }
        for each in verdict.failures
    ]
    return {
        "verdict": "success" if verdict.is_good else "failed",
        "state": verdict.look.run.state,
        "jobs": jobs,
        "failures": failures,
    }


def _prove(
    arguments: Namespace,
    runs: Sequence[tuple[Forge, Run]],
    verdicts: Sequence[Verdict],
    prefix: str,
) -> Exit:
    """Download the wheels of each pipeline, and prove them; several projects get a folder each.

    A folder gets them only when all are as planned.
    """
    from truewheel.build import collect_artifacts, prove

    code = Exit.OK
    for (forge, run), verdict in zip(runs, verdicts):
        out = (
            arguments.wheels
            if len(runs) == 1
            else arguments.wheels / run.project.replace("/", "__")
        )
        with collect_artifacts.lend_folder(out) as folder:
            plan = collect_artifacts.collect(forge, verdict.look, folder, say, prefix)
            proof = prove.prove(folder, plan)
            for problem in proof.problems:
                say(problem)
            if proof.ok:
                collect_artifacts.move_in(folder, out)
        if proof.ok and not arguments.json:
            show(
                f"{counted(len(proof.data['wheels']), 'wheel')}, each as planned: {out}/{prove.SUMS}"
            )
        code = code if proof.ok else Exit.WHEEL
    return code


def _ask_to_cancel(runs: Sequence[tuple[Forge, Run]]) -> None:
    """Ask at a terminal whether pipelines are to end too; elsewhere they go on."""
    for forge, run in runs:
        name = run.url or f"pipeline {run.id}"
        if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
            say(f"{name} goes on; to follow it again: watch {run.id} --project {run.project}")
            continue
        put(one_line(f"cancel {name} too? [y/N] "), sys.stderr, end="")
        if sys.stdin.readline().strip().lower() in {"y", "yes"}:
            try:
                forge.cancel(run)
                say(f"{name} is cancelled")
            except Stop as stopped:
                say(str(stopped))
        else:
            say(f"{name} goes on")


@contextmanager
def _display() -> Iterator[tuple[Callable[[str], None], Callable[[Look], None]]]:
    import os

    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from truewheel.cli.live_pipeline import table

        with table() as shown:
            yield shown
    else:
        yield lambda sentence: say(one_line(sentence)), lambda _look: None
