"""Pull requests of GitHub by PyGithub: their titles, our comment on them, and how long jobs took on their base."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from truewheel.forge.access import Access
from truewheel.forge.calls import Answer, Caller, Fault, Transport, plain, rate_wait, retry_after
from truewheel.forge.model import text_of
from truewheel.forge.reviews import Earlier, Note, Review, id_of, note_of, record_at
from truewheel.problems import Exit, Stop, stop

WORKFLOW = "wheels.yml"
HINTS = {
    401: "the token is not accepted: has it expired, is it of this server?",
    403: "the token may not do this: a job needs permissions: {pull-requests: write}, and that of a fork only reads",
    404: "look at the name of the repository, and whether the token may see it",
}


class Requester:
    """The transport: one request of PyGithub's requester, which neither waits nor tries again by itself."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def send(self, verb: str, path: str, query: Mapping[str, Any], body: Any, seconds: float) -> Answer:
        """Send one request; lists that GitHub wraps into a record come without it."""
        status, headers, text = self._ask(verb, path, query, body, seconds)
        data = None
        if text:
            try:
                data = json.loads(text)
            except ValueError:
                if status < 400:
                    raise Fault(0, "the answer is no JSON") from None
        if status >= 300:
            raise self._refused(status, headers, data)
        return Answer(status, headers, _unwrapped(data))

    def tail(self, path: str, most: int, seconds: float) -> bytes:
        """Nothing of a pull request is read as a file."""
        raise NotImplementedError

    def fetch(self, path: str, file: Path, seconds: float) -> None:
        """Nothing of a pull request is read as a file."""
        raise NotImplementedError

    def _ask(
        self, verb: str, path: str, query: Mapping[str, Any], body: Any, seconds: float
    ) -> tuple[int, Mapping[str, str], str]:
        import github  # takes half a second, which only calls should pay
        import requests

        client = github.Github(
            auth=github.Auth.Token(self._access.token),
            base_url=self._access.server,
            timeout=max(1, int(seconds)),
            verify=self._access.verify,
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
        )
        try:
            status, headers, text = client.requester.requestJson(verb, path, dict(query), None, body)
        except requests.RequestException as error:
            raise Fault(0, plain(f"{type(error).__name__}: {error}", (self._access.token,))) from None
        except (RuntimeError, github.GithubException) as error:  # a redirect to another server, for one
            raise Fault(400, plain(str(error), (self._access.token,))) from None
        finally:
            client.close()
        return status, {name: str(value) for name, value in headers.items()}, text if isinstance(text, str) else ""

    def _refused(self, status: int, headers: Mapping[str, str], data: Any) -> Fault:
        reason = text_of(data, "message") if isinstance(data, dict) else ""
        told = plain(f"{status} {reason or 'an error page'}", (self._access.token,))
        wait = max(retry_after(headers), rate_wait(headers))
        is_limit = status == 403 and (wait or "rate limit" in reason)  # GitHub's limits are no refusals
        return Fault(429 if is_limit else status, told, wait=wait)


def _unwrapped(data: Any) -> Any:
    lists = [value for value in data.values() if isinstance(value, list)] if isinstance(data, dict) else []
    return lists[0] if len(lists) == 1 and "total_count" in data else data


class GithubReviews:
    """The pull requests of a repository, as `reviews.Reviews` says."""

    def __init__(self, access: Access, project: str, seconds: float, transport: Transport | None = None) -> None:
        self.caller = Caller(access.server, transport or Requester(access), seconds)
        self._root = "/repos/" + quote(project)
        self._own: int | None = None

    def refusal(self, message: str, fault: Fault) -> Stop:
        """Return the `Stop` (exit 5) for what GitHub refuses."""
        return stop(self.caller.server, f"{message}: {fault.reason}", HINTS.get(fault.status, ""), Exit.REMOTE_FAILED)

    def review(self, number: int) -> Review:
        """Return a pull request."""
        try:
            record = record_at(self.caller, f"{self._root}/pulls/{number}")
        except Fault as fault:
            raise self.refusal(f"the pull request #{number} cannot be read", fault) from None
        labels = record.get("labels")
        named = (
            (text_of(label, "name") for label in labels if isinstance(label, dict)) if isinstance(labels, list) else ()
        )
        base = record.get("base")
        return Review(text_of(record, "title"), tuple(named), text_of(base, "ref") if isinstance(base, dict) else "")

    def notes(self, number: int, marker: str) -> list[Note]:
        """Return our comments that begin with a marker, oldest first."""
        try:
            found = list(self.caller.pages(f"{self._root}/issues/{number}/comments"))
            ours = [record for record in found if text_of(record, "body").startswith(marker) and self._is_own(record)]
        except Fault as fault:
            raise self.refusal(f"the comments of #{number} cannot be listed", fault) from None
        return sorted((note_of(record) for record in ours), key=lambda note: note.id)

    def write(self, number: int, text: str) -> Note:
        """Write a comment, by one request. Raises `Fault`."""
        return note_of(self.caller.once("POST", f"{self._root}/issues/{number}/comments", body={"body": text}).data)

    def rewrite(self, number: int, note: Note, text: str) -> None:
        """Change the text of a comment."""
        del number  # a comment is known by its own
        try:
            self.caller.insist(lambda: self.caller.once("PATCH", self._comment(note), body={"body": text}))
        except Fault as fault:
            raise self.refusal("the comment cannot be changed", fault) from None

    def remove(self, number: int, note: Note) -> None:
        """Remove a comment."""
        del number
        try:
            self.caller.insist(lambda: self.caller.once("DELETE", self._comment(note)))
        except Fault as fault:
            if fault.status not in {404, 410}:
                raise self.refusal("a second comment cannot be removed", fault) from None

    def earlier(self, branch: str) -> Earlier | None:
        """Return the newest run of a branch that went well."""
        asked = {"branch": branch, "event": "push", "status": "success", "per_page": 1}
        try:
            runs = self.caller.get(f"{self._root}/actions/workflows/{WORKFLOW}/runs", **asked)
            newest = runs[0] if isinstance(runs, list) and runs else {}
            if not id_of(newest):
                return None
            jobs = list(self.caller.pages(f"{self._root}/actions/runs/{id_of(newest)}/jobs"))
        except Fault as fault:
            raise self.refusal("runs cannot be listed", fault) from None
        return Earlier(text_of(newest, "html_url"), id_of(newest), tuple(_taken(jobs)))

    def _is_own(self, record: Mapping[str, Any]) -> bool:
        """Return whether a comment is of the token's user; a job's token has none, and speaks as a bot."""
        author = record.get("user")
        if self._own is None:
            try:
                self._own = id_of(record_at(self.caller, "/user"))
            except Fault as fault:
                if fault.status != 403:
                    raise
                self._own = 0
        return id_of(author) == self._own if self._own else isinstance(author, dict) and author.get("type") == "Bot"

    def _comment(self, note: Note) -> str:
        return f"{self._root}/issues/comments/{note.id}"


def _taken(jobs: list[dict[str, Any]]) -> Iterator[tuple[str, float]]:
    for job in jobs:
        try:
            start, end = (datetime.fromisoformat(text_of(job, key)[:19]) for key in ("started_at", "completed_at"))
        except ValueError:
            continue
        if job.get("conclusion") == "success" and end > start:
            yield text_of(job, "name"), (end - start).total_seconds()
