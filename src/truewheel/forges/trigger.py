"""A pipeline is started once: whatever gets lost on the way, no second one has the same key."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

from truewheel.errors import Exit, Stop
from truewheel.forges.base import Forge, Run, StartRequest
from truewheel.forges.calls import Fault, attempted

KEY_PATTERN = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
RECHECK_SECONDS = (0.5, 1.5, 4.0)
"""Seconds before each search for a pipeline whose start got no good answer.

A server may list it late.
"""
UNSURE = 10
"""Starts without a good answer, at most; each is known to have come to nothing before the next."""

Tell = Callable[[str], None]
_T = TypeVar("_T")


class Started(NamedTuple):
    """The pipeline of a request; `is_new` says that it was started now."""

    run: Run
    is_new: bool


def new_key() -> str:
    """Return a key that no pipeline has yet."""
    return secrets.token_hex(8)


def key_of(project: str, ref: str, variables: Mapping[str, str]) -> str:
    """Return the key of these variables on this ref of this project; others have other keys."""
    text = json.dumps([project, ref, sorted(variables.items())])
    return f"same-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def start(forge: Forge, wanted: StartRequest, tell: Tell, *, is_fresh: bool) -> Started:
    """Start the pipeline of a request, or find the one that has its key already.

    `is_fresh` says that nothing can have the key yet. Raises `Stop`: exit 5 when the forge refuses,
    exit 6 when it cannot be reached, or cannot say whether the pipeline was started.
    """
    after = forge.newest()
    if not is_fresh and (earlier := forge.find(wanted, 0)):
        return Started(earlier[0], is_new=False)
    reasons: list[str] = []
    unsure = 0
    while True:
        run, fault = _unless_unsure(lambda: attempted(lambda: forge.start(wanted)))
        if run:
            return _settled(forge, wanted, run, tell, after if unsure or not is_fresh else run.id)
        if fault is None or not fault.may_pass:
            raise forge.refusal("the pipeline is refused", fault or Fault(0, "no answer"))
        reasons.append(fault.reason)
        tell(f"starting the pipeline: {fault.reason}")
        if not fault.is_certain:
            unsure += 1
            if late := _late(forge, wanted, after):
                return Started(_first(forge, late, tell), is_new=True)
            if unsure >= UNSURE:
                raise forge.caller.unanswered(
                    f"not started after {unsure} attempts: {fault.reason}"
                )
        forge.caller.pause(fault, reasons)


def _settled(forge: Forge, wanted: StartRequest, run: Run, tell: Tell, after: int) -> Started:
    """Return the oldest pipeline with the key, and cancel the others.

    There may be several: others start too, and an answer to our own request may be lost.
    """
    others = forge.find(wanted, after) if after < run.id else []
    first = _first(forge, [*others, run], tell)
    return Started(first, is_new=first.id == run.id)


def _late(forge: Forge, wanted: StartRequest, after: int) -> list[Run]:
    """Return what was started though its answer was lost."""
    for seconds in RECHECK_SECONDS:
        forge.caller.sleep(seconds)
        if run := _unless_unsure(lambda: forge.find(wanted, after, strictly=True)):
            return run
    return []


def _unless_unsure(work: Callable[[], _T]) -> _T:
    """Return what work returns. A forge that refuses to tell what came of a start leaves it open.

    Exit 6.
    """
    try:
        return work()
    except Stop as stopped:
        raise Stop(stopped.problems, Exit.REMOTE_UNREACHABLE) from None


def _first(forge: Forge, pipelines: list[Run], tell: Tell) -> Run:
    """Return the oldest of the pipelines with one key, and cancel the others.

    Every command that searches keeps the same one.
    """
    runs = {run.id: run for run in reversed(pipelines)}
    first = runs.pop(min(runs))
    for run in runs.values():
        tell(f"{run.url} has the key of {first.url}: it is cancelled")
        try:
            forge.cancel(run)
        except Stop as stopped:
            tell(f"{run.url}: {stopped}")
    return first
