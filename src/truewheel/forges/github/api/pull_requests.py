"""Pull requests of GitHub: titles, our comment, and how long jobs took on their base."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from truewheel.errors import Exit, Stop, stop
from truewheel.forges.access import Access
from truewheel.forges.base import text_of
from truewheel.forges.calls import Fault
from truewheel.forges.github.api.access import find_access
from truewheel.forges.github.api.client import Github
from truewheel.forges.github.emit.workflows import CALLER
from truewheel.forges.github.job import GithubJob
from truewheel.forges.kind import RemoteProject
from truewheel.forges.reviews import Earlier, Note, Review, id_of, note_of, record_at


def connect(project: RemoteProject, number: int, is_writing: bool) -> GithubReviews:
    """Return a client for the pull requests of a repository.

    Raises `Stop` (exit 2) without a token that may read them, or write to them.
    """
    if is_writing and GithubJob(project.environment).is_of_fork():
        message = "the token of a pull request from a fork may not write comments"
        hint = "see the summary of its run: it has the names"
        raise stop(f"{project.name}#{number}", message, hint)
    return GithubReviews(find_access(project.environment), project.name, project.seconds)


class GithubReviews:
    """The pull requests of a repository, as `reviews.Reviews` says."""

    def __init__(self, access: Access, project: str, seconds: float) -> None:
        self._github = Github(access, project, seconds)
        self.caller = self._github.caller
        self._own: int | None = None

    def refusal(self, message: str, fault: Fault) -> Stop:
        """Return the `Stop` (exit 5) for what GitHub refuses."""
        if fault.status == 403:
            hint = (
                "a job needs permissions: {pull-requests: write}; the token of a fork's only reads"
            )
            return stop(self.caller.server, f"{message}: {fault.reason}", hint, Exit.REMOTE_FAILED)
        return self._github.refusal(message, fault)

    def review(self, number: int) -> Review:
        """Return a pull request."""
        with self._github.explained(f"the pull request #{number} cannot be read"):
            record = record_at(self.caller, self._github.path("pulls", number))
        labels = record.get("labels")
        listed = labels if isinstance(labels, list) else []
        named = tuple(text_of(label, "name") for label in listed if isinstance(label, dict))
        base = record.get("base")
        return Review(
            text_of(record, "title"), named, text_of(base, "ref") if isinstance(base, dict) else ""
        )

    def notes(self, number: int, marker: str) -> list[Note]:
        """Return our comments that begin with a marker, oldest first."""
        with self._github.explained(f"the comments of #{number} cannot be listed"):
            records = list(self.caller.pages(self._comments(number)))
            marked = [record for record in records if text_of(record, "body").startswith(marker)]
            ours = [note_of(self.caller, record) for record in marked if self._is_own(record)]
        return sorted(ours, key=lambda note: note.id)

    def write(self, number: int, text: str) -> Note:
        """Write a comment, by one request. Raises `Fault`."""
        return note_of(
            self.caller, self.caller.send("POST", self._comments(number), body={"body": text}).data
        )

    def rewrite(self, number: int, note: Note, text: str) -> None:
        """Change the text of a comment."""
        del number  # a comment is known by its own
        with self._github.explained("the comment cannot be changed"):
            self.caller.retry(
                lambda: self.caller.change("PATCH", self._comment(note), body={"body": text})
            )

    def remove(self, number: int, note: Note) -> None:
        """Remove a comment."""
        del number
        with self._github.explained("a second comment cannot be removed"):
            try:
                self.caller.retry(lambda: self.caller.send("DELETE", self._comment(note)))
            except Fault as fault:
                if fault.status not in {404, 410}:
                    raise

    def earlier(self, branch: str) -> Earlier | None:
        """Return the newest run of a branch that went well."""
        path = self._github.path("actions", "workflows", CALLER.rpartition("/")[2], "runs")
        query = {"branch": branch, "event": "push", "status": "success", "per_page": 1}
        with self._github.explained("runs cannot be listed"):
            runs = self.caller.first(path, "workflow_runs", **query)
        newest = id_of(runs[0]) if runs else 0
        if not newest:
            return None
        snapshot = self._github.read_state(self._github.run(newest), None)
        jobs = [job for job in snapshot.jobs if job.state == "success" and job.seconds]
        return Earlier(
            snapshot.run.url, snapshot.run.id, tuple((job.name, job.seconds) for job in jobs)
        )

    def _is_own(self, record: Mapping[str, Any]) -> bool:
        """Return whether the token's user wrote a comment.

        A job's token has no user: its comments are those of a bot.
        """
        author = record.get("user")
        if self._own is None:
            try:
                self._own = id_of(record_at(self.caller, "/user"))
            except Fault as fault:
                if fault.status != 403:
                    raise
                self._own = 0
        if self._own:
            return id_of(author) == self._own
        return isinstance(author, dict) and author.get("type") == "Bot"

    def _comments(self, number: int) -> str:
        return self._github.path("issues", number, "comments")

    def _comment(self, note: Note) -> str:
        return self._github.path("issues", "comments", note.id)
