"""The stand-in for GitLab: its projects and tokens, its limit of requests, and its routes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from standins import around, jobs, pipelines, projects, records, repository  # noqa: F401  (they fill the table)
from standins.ci import Build
from standins.core import StandIn
from standins.faults import Limit
from standins.http import Reply, Request
from standins.routes import handle
from standins.state import MAINTAINER, Project, Token


class GitLab(StandIn):
    """A stand-in for a GitLab server; the rest is as in `StandIn`.

    `totals=False` leaves out the totals of lists.
    """

    prefixes = {"personal": "glpat", "project": "glpat", "job": "glcbt-64"}  # noqa: RUF012 - nobody changes it

    def __init__(self, *, totals: bool = True, **more: Any) -> None:
        super().__init__(**more)
        self.totals = totals
        self._limit: Limit | None = None

    def project(self, path: str = "group/demo", **settings: Any) -> Project:
        """Return a project, which is made when it is new."""
        with self.lock:
            return self.state.project(path, settings)

    def job_token(self, build: Build, level: int = MAINTAINER) -> Token:
        """Return the CI_JOB_TOKEN of a job.

        It is valid while the job runs, with the access of the user who started it.
        """
        return self._token(build.pipeline.user.username, "job", level=level, build=build)

    def limit(self, per_minute: int) -> None:
        """Refuse more requests a minute than this, as GitLab's rate limits do."""
        self._limit = Limit(per_minute)

    def behave(self) -> None:
        """Forget all faults, and the limit of requests."""
        super().behave()
        self._limit = None

    def handle(self, request: Request) -> Reply:
        """Answer a request, unless it is one too many."""
        refused, headers = self._limit.count(self.clock.now()) if self._limit else (False, {})
        if refused:
            wait = str(60 - int(self.clock.now()) % 60)
            return Reply(
                429,
                b"Retry later\n",
                {"Content-Type": "text/plain", "Retry-After": wait, **headers},
            )
        reply = handle(self.state, request, self.totals)
        return replace(reply, headers={**reply.headers, **headers})
