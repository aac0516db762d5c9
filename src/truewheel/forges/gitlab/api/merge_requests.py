"""Merge requests of GitLab: titles, our note, and how long jobs took on the target branch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from truewheel.errors import Stop, stop
from truewheel.forges.access import Access
from truewheel.forges.base import text_of
from truewheel.forges.calls import Fault
from truewheel.forges.gitlab.api.access import find_access
from truewheel.forges.gitlab.api.client import Gitlab
from truewheel.forges.kind import RemoteProject
from truewheel.forges.reviews import Earlier, Note, Review, id_of, note_of, record_at


def connect(project: RemoteProject, number: int, is_writing: bool) -> GitlabReviews:
    """Return a client for the merge requests of a project.

    Raises `Stop` (exit 2) without a token that may read them, or write to them.
    """
    known = find_access(project.environment)
    if known.kind == "job":
        use = "write notes" if is_writing else "read merge requests"
        hint = "set GITLAB_TOKEN to a project access token"
        raise stop(f"{project.name}!{number}", f"a job token cannot {use}", hint)
    return GitlabReviews(known, project.name, project.seconds)


class GitlabReviews:
    """The merge requests of a project, as `reviews.Reviews` says."""

    def __init__(self, access: Access, project: str, seconds: float) -> None:
        self._gitlab = Gitlab(access, project, seconds)
        self.caller = self._gitlab.caller
        self._own = 0

    def refusal(self, message: str, fault: Fault) -> Stop:
        """Return the `Stop` (exit 5) for what GitLab refuses."""
        return self._gitlab.refusal(message, fault)

    def review(self, number: int) -> Review:
        """Return a merge request."""
        with self._gitlab.explained(f"the merge request !{number} cannot be read"):
            record = record_at(self.caller, self._gitlab.path("merge_requests", number))
        labels = record.get("labels")
        named = (
            tuple(label for label in labels if isinstance(label, str))
            if isinstance(labels, list)
            else ()
        )
        return Review(text_of(record, "title"), named, text_of(record, "target_branch"))

    def notes(self, number: int, marker: str) -> list[Note]:
        """Return our notes that begin with a marker, oldest first."""
        with self._gitlab.explained(f"the notes of !{number} cannot be listed"):
            records = list(
                self.caller.pages(self._notes(number), sort="asc", order_by="created_at")
            )
            marked = [record for record in records if text_of(record, "body").startswith(marker)]
            ours = [note_of(self.caller, record) for record in marked if self._is_own(record)]
        return sorted(ours, key=lambda note: note.id)

    def write(self, number: int, text: str) -> Note:
        """Write a note, by one request. Raises `Fault`."""
        return note_of(
            self.caller, self.caller.send("POST", self._notes(number), body={"body": text}).data
        )

    def rewrite(self, number: int, note: Note, text: str) -> None:
        """Change the text of a note."""
        path = self._notes(number, note.id)
        with self._gitlab.explained("the note cannot be changed"):
            self.caller.retry(lambda: self.caller.change("PUT", path, body={"body": text}))

    def remove(self, number: int, note: Note) -> None:
        """Remove a note."""
        path = self._notes(number, note.id)
        with self._gitlab.explained("a second note cannot be removed"):
            try:
                self.caller.retry(lambda: self.caller.send("DELETE", path))
            except Fault as fault:
                if fault.status != 404:
                    raise

    def earlier(self, branch: str) -> Earlier | None:
        """Return the newest pipeline of a branch that went well, with the jobs of its children."""
        path = self._gitlab.path("pipelines")
        with self._gitlab.explained("pipelines cannot be listed"):
            order = {"order_by": "id", "sort": "desc"}
            record = self.caller.first(path, "", ref=branch, status="success", per_page=1, **order)
        newest = id_of(record[0]) if record else 0
        if not newest:
            return None
        snapshot = self._gitlab.read_state(self._gitlab.run(newest), None)
        jobs = [
            job
            for pipeline in snapshot.all()
            for job in pipeline.jobs
            if job.state == "success" and job.seconds
        ]
        return Earlier(
            snapshot.run.url, snapshot.run.id, tuple((job.name, job.seconds) for job in jobs)
        )

    def _is_own(self, record: Mapping[str, Any]) -> bool:
        self._own = self._own or id_of(record_at(self.caller, "/user"))
        return id_of(record.get("author")) == self._own

    def _notes(self, number: int, *parts: object) -> str:
        return self._gitlab.path("merge_requests", number, "notes", *parts)
