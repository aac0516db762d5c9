"""The stand-in for GitHub.

Its repositories, its limit of requests, and the server of logs and artifacts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from standins.core import StandIn
from standins.github_repository import Repository
from standins.github_routes import DOCS, handle
from standins.http import Reply, Request

if TYPE_CHECKING:
    from typing_extensions import Self

PREFIXES = {"personal": "ghp"}
HOUR = 3600
KEPT = 60.0
"""Seconds that the address of a file is good for."""


class GitHub(StandIn):
    """A stand-in for GitHub, with its API at `url` and `url`/api/v3; the rest is as in `StandIn`.

    `details` says what it makes of `return_run_details`: given; ignored (204 without the new run)
    or refused (422), as older servers do. Logs and artifacts lie on `storage`, another server on
    another port.
    """

    prefixes = PREFIXES

    def __init__(self, *, details: str = "given", **more: Any) -> None:
        super().__init__(**more)
        self.details = details
        self.storage = Storage(clock=self.clock)
        self.storage.state.tokens = (
            self.state.tokens
        )  # so that its record names a token that came along
        self._limit: Limit | None = None

    def __enter__(self) -> Self:
        self.storage.__enter__()
        return super().__enter__()

    def stop(self) -> None:
        """Stop listening and break every open connection."""
        self.storage.stop()
        super().stop()

    def repository(self, path: str = "owner/demo", **settings: Any) -> Repository:
        """Return a repository, which is made when it is new, with a workflow wheels.yml."""
        with self.lock:
            if path not in self.state.projects:
                repository = self.state.projects[path] = Repository(self.state, path, settings)
                repository.workflow()
            return next(repo for repo in self.repositories() if repo.path == path)

    def repositories(self) -> list[Repository]:
        """Return all repositories."""
        return [
            project for project in self.state.projects.values() if isinstance(project, Repository)
        ]

    def limit(self, per_hour: int) -> None:
        """Refuse more requests an hour than this, as GitHub's primary rate limit does."""
        self._limit = Limit(per_hour)

    def behave(self) -> None:
        """Forget all faults, and the limit of requests."""
        super().behave()
        self._limit = None

    def handle(self, request: Request) -> Reply:
        """Answer a request, unless it is one too many."""
        refused, headers = self._limit.count(self.clock.now()) if self._limit else (False, {})
        if refused:
            body = {"message": "API rate limit exceeded for user ID 1.", "documentation_url": DOCS}
            return Reply.of(body, 403, headers)
        reply = handle(self, request)
        return replace(reply, headers={**reply.headers, **headers})


@dataclass
class Limit:
    """GitHub's primary limit: so many requests in each hour of the server's clock."""

    per_hour: int
    hour: int = 0
    used: int = 0

    def count(self, now: float) -> tuple[bool, dict[str, str]]:
        """Count a request.

        Returns whether it is one too many, and the headers that show the limit.
        """
        hour = int(now // HOUR)
        self.used = self.used + 1 if hour == self.hour else 1
        self.hour = hour
        headers = {
            "X-RateLimit-Limit": str(self.per_hour),
            "X-RateLimit-Remaining": str(max(self.per_hour - self.used, 0)),
            "X-RateLimit-Used": str(self.used),
            "X-RateLimit-Reset": str((hour + 1) * HOUR),
            "X-RateLimit-Resource": "core",
        }
        return self.used > self.per_hour, headers


class Storage(StandIn):
    """The server of logs and artifacts: whoever knows the address of a file may read it."""

    prefixes = PREFIXES

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self._files: list[tuple[float, Reply]] = []

    def keep(self, content: bytes, kind: str) -> str:
        """Keep a file, and return an address that is valid for a minute."""
        self._files.append((self.clock.now() + KEPT, Reply(200, content, {"Content-Type": kind})))
        return f"{self.url}/files/{len(self._files)}?sig=secret-signature"

    def handle(self, request: Request) -> Reply:
        """Return a file."""
        number = urlsplit(request.target).path.rpartition("/")[2]
        if not number.isdecimal() or not 0 < int(number) <= len(self._files):
            return Reply(404)
        until, reply = self._files[int(number) - 1]
        return reply if self.clock.now() <= until else Reply(403)
