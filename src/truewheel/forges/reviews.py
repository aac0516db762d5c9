"""Merge requests of GitLab and pull requests of GitHub: their titles, and our one note."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from truewheel.errors import Stop
from truewheel.forges.base import text_of
from truewheel.forges.calls import Caller, Fault, attempted
from truewheel.forges.trigger import RECHECK_SECONDS, UNSURE


class Review(NamedTuple):
    """A merge or pull request: its title, its labels, and the branch that it is to go into."""

    title: str
    labels: tuple[str, ...]
    target: str


class Note(NamedTuple):
    """A note on a merge request, or a comment on a pull request."""

    id: int
    body: str


class Earlier(NamedTuple):
    """An earlier pipeline: its address, and the seconds of each successful job by name."""

    url: str
    id: int
    taken: tuple[tuple[str, float], ...]


class Reviews(Protocol):
    """What a project's merge or pull requests need of a forge.

    Raises `Fault` and `Stop` as `calls.Caller` does.
    """

    caller: Caller

    def refusal(self, message: str, fault: Fault) -> Stop:
        """Return the `Stop` (exit 5) for what the forge refuses."""

    def review(self, number: int) -> Review:
        """Return a merge or pull request."""

    def notes(self, number: int, marker: str) -> list[Note]:
        """Return the notes of our own user that begin with a marker, oldest first."""

    def write(self, number: int, text: str) -> Note:
        """Write a note: one request, sent once."""

    def rewrite(self, number: int, note: Note, text: str) -> None:
        """Change the text of a note."""

    def remove(self, number: int, note: Note) -> None:
        """Remove a note; one that is gone already stays gone."""

    def earlier(self, branch: str) -> Earlier | None:
        """Return the newest pipeline of a branch that went well, or None."""


def what_to_do(notes: list[Note], text: str, *, is_news: bool) -> str:
    """Return the action: create, update, or nothing if the text is there or there is no news."""
    if not notes:
        return "create" if is_news else "nothing"
    return "nothing" if len(notes) == 1 and _is_same(notes[0].body, text) else "update"


def stick(
    reviews: Reviews,
    number: int,
    marker: str,
    text: str,
    tell: Callable[[str], None],
    *,
    is_news: bool,
) -> str:
    """Let a text be the one note with a marker; returns what was done: create, update or nothing.

    Raises `Stop`: exit 5 when the forge refuses, exit 6 when it cannot be reached, or cannot say
    what it did.
    """
    notes = reviews.notes(number, marker)
    done = what_to_do(notes, text, is_news=is_news)
    if done == "create":
        notes = _written(reviews, number, marker, text, tell)
    if done != "nothing":
        _keep_first(reviews, number, notes, text)
    return done


def _keep_first(reviews: Reviews, number: int, notes: list[Note], text: str) -> None:
    """Leave the oldest of several notes, with the text: every command keeps the same one."""
    first, *others = notes
    if not _is_same(first.body, text):
        reviews.rewrite(number, first, text)
    for other in others:
        reviews.remove(number, other)


def _written(
    reviews: Reviews, number: int, marker: str, text: str, tell: Callable[[str], None]
) -> list[Note]:
    """Write a note, and return all notes of ours.

    There may be several: others write too, and an answer to our own request may be lost.
    """
    reasons: list[str] = []
    unsure = 0
    while True:
        note, fault = attempted(lambda: reviews.write(number, text))
        if note:
            known = {note_.id: note_ for note_ in [*reviews.notes(number, marker), note]}
            return [known[number_] for number_ in sorted(known)]
        if fault is None or not fault.may_pass:
            raise reviews.refusal("the note is refused", fault or Fault(0, "no answer"))
        reasons.append(fault.reason)
        tell(f"writing the note: {fault.reason}")
        if not fault.is_certain:
            unsure += 1
            if late := _late(reviews, number, marker):
                return late
            if unsure >= UNSURE:
                raise reviews.caller.unanswered(f"no note after {unsure} attempts: {fault.reason}")
        reviews.caller.pause(fault, reasons)


def _late(reviews: Reviews, number: int, marker: str) -> list[Note]:
    """Return what was written though its answer was lost; a server may list it late."""
    for seconds in RECHECK_SECONDS:
        reviews.caller.sleep(seconds)
        if notes := reviews.notes(number, marker):
            return notes
    return []


def _is_same(old: str, new: str) -> bool:
    """Return whether two texts are one to a forge, which keeps no space at the end."""
    return old.replace("\r\n", "\n").strip() == new.strip()


def id_of(record: object) -> int:
    """Return the id of a record of the API, or 0 where there is none."""
    number = record.get("id") if isinstance(record, dict) else None
    return number if isinstance(number, int) and not isinstance(number, bool) else 0


def note_of(caller: Caller, record: object) -> Note:
    """Return a note as both forges answer to writing one. Raises `Fault`."""
    if not isinstance(record, dict) or not id_of(record):
        raise caller.unexpected(record, "a note")
    return Note(id_of(record), text_of(record, "body"))


def record_at(caller: Caller, path: str) -> Mapping[str, Any]:
    """Return the record at a path. Raises `Fault`."""

    def ask() -> Mapping[str, Any]:
        record = caller.send("GET", path).data
        if not isinstance(record, dict) or not id_of(record):
            raise caller.unexpected(record, "a record")
        return record

    return caller.retry(ask)
