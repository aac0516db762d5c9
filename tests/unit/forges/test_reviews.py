"""The one note on a merge request that is ours.

Written once, whatever gets lost, and kept up to date.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from truewheel.errors import Exit, Stop, stop
from truewheel.forges import reviews
from truewheel.forges.calls import Caller, Clock, Fault
from truewheel.forges.reviews import Note, what_to_do

MARK = "<!-- truewheel:names wheels -->"
LOST, REFUSED, BUSY = Fault(0, "reset"), Fault(403, "403 Forbidden"), Fault(429, "429 Retry later")


class Board:
    """A merge request whose forge treats attempts to write a note as `script` says."""

    def __init__(self, *script: str, there: tuple[str, ...] = (), lag: int = 0) -> None:
        self.texts = dict(enumerate(there, 1))
        self.script = list(script)
        self.lag = lag
        self.writes = 0
        now = [0.0]
        clock = Clock(
            now=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds)
        )
        self.caller = Caller("https://gitlab.example.com", self, 3600.0, clock)

    def notes(self, number: int, marker: str) -> list[Note]:
        if self.lag and self.writes:
            self.lag -= 1
            return []
        return [
            Note(number, text)
            for number, text in sorted(self.texts.items())
            if text.startswith(marker)
        ]

    def write(self, number: int, text: str) -> Note:
        word = self.script.pop(0) if self.script else "good"
        self.writes += 1
        if word in {"good", "done and lost", "raced"}:
            if word == "raced":
                self._add(f"{MARK}\nby another job")
            note = self._add(text)
            if word != "done and lost":
                return note
        raise {"refused": REFUSED, "busy": BUSY}.get(word, LOST)

    def _add(self, text: str) -> Note:
        number = max(self.texts, default=0) + 1
        self.texts[number] = text
        return Note(number, text)

    def rewrite(self, number: int, note: Note, text: str) -> None:
        self.writes += 1
        self.texts[note.id] = text

    def remove(self, number: int, note: Note) -> None:
        del self.texts[note.id]

    def refusal(self, message: str, fault: Fault) -> Stop:
        return stop("gitlab", f"{message}: {fault.reason}", "", Exit.REMOTE_FAILED)


def stick(
    board: Board, text: str = "new", *, is_news: bool = True, tell: Callable[[str], None] = print
) -> str:
    return reviews.stick(board, 7, MARK, f"{MARK}\n{text}\n", tell, is_news=is_news)


def test_a_note_is_created_then_left_alone_then_updated():
    board = Board()
    assert (stick(board), stick(board), stick(board, "newer")) == ("create", "nothing", "update")
    assert board.texts == {1: f"{MARK}\nnewer\n"}
    assert board.writes == 2


def test_without_changes_no_note_is_created():
    board = Board(there=("somebody's",))
    assert stick(board, is_news=False) == "nothing"
    assert (board.writes, len(board.texts)) == (0, 1)


def test_an_existing_note_is_updated_when_nothing_changes_any_more():
    board = Board(there=(f"{MARK}\nold",))
    assert stick(board, "nothing changes", is_news=False) == "update"
    assert board.texts == {1: f"{MARK}\nnothing changes\n"}


def test_of_several_notes_the_oldest_stays():
    board = Board(there=("somebody's", f"{MARK}\nold", f"{MARK}\nnewer"))
    assert stick(board) == "update"
    assert board.texts == {1: "somebody's", 2: f"{MARK}\nnew\n"}


def test_line_ends_and_trailing_space_make_no_difference():
    assert what_to_do([Note(1, f"{MARK}\r\nnew")], f"{MARK}\nnew\n", is_news=True) == "nothing"


@pytest.mark.parametrize(
    "script", list(product(["done and lost", "lost", "busy", "raced"], repeat=3))
)
def test_whichever_answer_is_lost_there_is_one_note(script: tuple[str, ...]):
    board = Board(*script)
    assert stick(board) == "create"
    assert board.texts == {1: f"{MARK}\nnew\n"}


@pytest.mark.parametrize("lag", range(1, 4))
def test_a_note_that_is_listed_late_is_not_written_twice(lag: int):
    board = Board("done and lost", lag=lag - 1)
    stick(board)
    assert (board.writes, len(board.texts)) == (1, 1)


def test_a_second_note_goes_as_soon_as_it_is_seen():
    board = Board("done and lost", lag=3)
    stick(board)
    assert (board.writes, board.texts) == (2, {1: f"{MARK}\nnew\n"})


def test_a_refused_note_ends_in_5():
    with pytest.raises(Stop) as stopped:
        stick(Board("refused"))
    assert stopped.value.code is Exit.REMOTE_FAILED


def test_a_forge_that_never_answers_ends_in_6():
    board = Board(*["lost"] * 99)
    with pytest.raises(Stop) as stopped:
        stick(board)
    assert stopped.value.code is Exit.REMOTE_UNREACHABLE
    assert 1 < board.writes <= reviews.UNSURE
