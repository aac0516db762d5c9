"""What trigger and watch share: wait for the end of pipelines, and show how they ended.

At a terminal there is a live table, in a log there are plain lines.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from truewheel.cli.terminal import print_json, put, say, show
from truewheel.errors import Exit, Stop, pluralize
from truewheel.forges.base import Forge, PipelineState, Run
from truewheel.forges.watch import Failure, Follower, Verdict, states
from truewheel.system.log_text import one_line


def watch(
    arguments: Namespace,
    runs: Sequence[tuple[Forge, Run]],
    data: Sequence[dict[str, Any]],
    prefix: str,
) -> Exit:
    """Watch pipelines to their end, and return how they ended.

    `data` is the JSON data of each pipeline; `prefix` begins the names of the spec's jobs.
    """
    verdicts = []
    try:
        for forge, run in runs:
            verdicts.append(_watch_one(arguments, forge, run))
    except KeyboardInterrupt:
        _offer_to_cancel(runs[len(verdicts) :])
        raise
    code = Exit.OK if all(verdict.is_good for verdict in verdicts) else Exit.REMOTE_FAILED
    if arguments.wheels and code is Exit.OK:
        code = _prove(arguments, runs, verdicts, prefix)
    if arguments.json:
        ended = [{**pipeline, **_data(verdict)} for pipeline, verdict in zip(data, verdicts)]
        print_json({"version": 1, "pipelines": ended})
    return code


def _watch_one(arguments: Namespace, forge: Forge, run: Run) -> Verdict:
    with _display() as (tell, show_state):
        follower = Follower(
            forge=forge,
            tell=tell,
            show=show_state,
            interval=arguments.interval,
            retries=arguments.retries,
        )
        verdict = follower.to_end(run)
    if not arguments.json:
        _show_verdict(verdict)
    for failure in verdict.failures:
        _show_failure(failure)
    return verdict


def _show_verdict(verdict: Verdict) -> None:
    run = verdict.snapshot.run
    if verdict.is_good:
        word = "succeeded"
    elif run.state == "success":
        word = "failed: it succeeded itself, a child pipeline did not"
    else:
        word = run.state
    show(one_line(f"{run.url or run.id} {word}: {states(verdict.snapshot)}"))


def _show_failure(failure: Failure) -> None:
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
        for snapshot in verdict.snapshot.all()
        for job in snapshot.jobs
    ]
    failures = [
        {
            "name": failure.job.name,
            "class": failure.cause.kind,
            "cause": failure.cause.told,
            "url": failure.job.url,
        }
        for failure in verdict.failures
    ]
    return {
        "verdict": "success" if verdict.is_good else "failed",
        "state": verdict.snapshot.run.state,
        "jobs": jobs,
        "failures": failures,
    }


def _prove(
    arguments: Namespace,
    runs: Sequence[tuple[Forge, Run]],
    verdicts: Sequence[Verdict],
    prefix: str,
) -> Exit:
    """Download the wheels of each pipeline and prove them; of several projects, each has a folder.

    A folder gets the wheels only when all are as planned.
    """
    from truewheel.build import collect_artifacts, prove

    code = Exit.OK
    for (forge, run), verdict in zip(runs, verdicts):
        out = arguments.wheels
        if len(runs) > 1:
            out /= run.project.replace("/", "__")
        with collect_artifacts.lend_folder(out) as folder:
            plan = collect_artifacts.collect(forge, verdict.snapshot, folder, say, prefix)
            proof = prove.prove(folder, plan)
            for problem in proof.problems:
                say(problem)
            if proof.ok:
                collect_artifacts.move_in(folder, out)
        if proof.ok and not arguments.json:
            wheels = pluralize(len(proof.data["wheels"]), "wheel")
            show(f"{wheels}, each as planned: {out}/{prove.SUMS}")
        code = code if proof.ok else Exit.WHEEL
    return code


def _offer_to_cancel(runs: Sequence[tuple[Forge, Run]]) -> None:
    """Ask at a terminal whether to cancel the pipelines too; elsewhere they go on."""
    for forge, run in runs:
        name = run.url or f"pipeline {run.id}"
        if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
            say(f"{name} goes on; to watch it again: watch {run.id} --project {run.project}")
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
def _display() -> Iterator[tuple[Callable[[str], None], Callable[[PipelineState], None]]]:
    import os

    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from truewheel.cli.pipeline_table import table

        with table() as functions:
            yield functions
    else:
        yield lambda sentence: say(one_line(sentence)), lambda _look: None
