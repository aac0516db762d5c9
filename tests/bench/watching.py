"""Requests for each minute of watching, against the stand-in for GitLab.

The goal is 60 with 500 jobs.

Time is simulated: pauses take none, and the server's clock goes along with ours. Real are the
client library, the requests and their count.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from standins import Bridge, GitLab, Job

from truewheel.forges.access import Access
from truewheel.forges.base import StartRequest
from truewheel.forges.calls import Clock
from truewheel.forges.gitlab.api.client import Gitlab
from truewheel.forges.watch import Follower

GOAL = 60.0
SECONDS = 600.0
"""How long each job takes."""


def jobs(count: int, children: int) -> list[Job]:
    """Return a script of so many jobs, in one pipeline or in child pipelines."""
    jobs_ = [Job(f"wheel-{number}", seconds=SECONDS) for number in range(count)]
    if not children:
        return jobs_
    return [Bridge(f"child-{number}", child=jobs_[number::children]) for number in range(children)]


def watched(count: int, children: int) -> tuple[int, float]:
    """Return how many requests it took to watch a pipeline, and how many minutes."""
    with GitLab() as server:
        server.project("group/demo").plan(*jobs(count, children))
        slept = 0.0

        def sleep(seconds: float) -> None:
            nonlocal slept
            slept += seconds
            server.advance(seconds)

        clock = Clock(lambda: time.monotonic() + slept, sleep)
        access = Access(server.url, "private", server.token().value)
        forge = Gitlab(access, "group/demo", 10 * SECONDS, clock)
        run = forge.start(StartRequest("main", {}, "key"))
        began, sent = slept, forge.caller.requests
        Follower(forge=forge, tell=lambda _: None).to_end(run)
        return forge.caller.requests - sent, (slept - began) / 60


def main() -> int:
    """Print the table; return 1 when the goal is missed and --strict was given."""
    print(f"{'watching':34} {'requests':>9} {'minutes':>8} {'a minute':>9} {'goal':>5}")
    missed = False
    for count, children in ((14, 0), (500, 0), (500, 4), (500, 20), (3000, 20)):
        requests, minutes = watched(count, children)
        rate = requests / minutes
        is_goal = count == 500
        missed |= is_goal and rate > GOAL
        name = f"{count} jobs in {children or 'no'} children"
        print(
            f"{name:34} {requests:9} {minutes:8.1f} {rate:9.1f} {GOAL if is_goal else '-':>5}",
            flush=True,
        )
    return 1 if missed and "--strict" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
