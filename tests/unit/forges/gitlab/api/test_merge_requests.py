"""Merge requests of GitLab by python-gitlab, against the stand-in.

Whose notes they are, and what may go wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from forge_lab import Time
from standins import Bridge, GitLab, Job, faults

from truewheel.errors import Exit, Stop
from truewheel.forges import calls, reviews
from truewheel.forges.access import Access
from truewheel.forges.gitlab.api.merge_requests import GitlabReviews
from truewheel.forges.reviews import Review, stick

MARK = "<!-- truewheel:names wheels -->"
NOTES = "/projects/*/merge_requests/1/notes"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitLab]:
    monkeypatch.setattr(calls, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(reviews, "RECHECK_SECONDS", (0.0, 0.001, 0.001))
    with GitLab() as gitlab:
        project = gitlab.project("group/demo")
        project.commit({"a": b"a"}, branch="change")
        project.merge_request("change", title="feat: a", labels=["ready"])
        yield gitlab


def way(server: GitLab, user: str = "bot", seconds: float = 20.0, **more: object) -> GitlabReviews:
    token = server.token(user, **more)  # type: ignore[arg-type]
    reviews_there = GitlabReviews(Access(server.url, "private", token.value), "group/demo", seconds)
    reviews_there.caller.clock = Time().clock()
    return reviews_there


def write(there: GitlabReviews, text: str = "new", lines: list[str] | None = None) -> str:
    tell = (lines if lines is not None else []).append
    return stick(there, 1, MARK, f"{MARK}\n{text}\n", tell, is_news=True)


def bodies(server: GitLab) -> list[str]:
    return [note["body"] for note in server.project("group/demo").notes[1]]


def test_a_merge_request_is_read_as_it_is_now(server: GitLab):
    assert way(server).review(1) == Review("feat: a", ("ready",), "main")


def test_an_unchanged_note_is_not_written_again(server: GitLab):
    there = way(server)
    assert [write(there), write(there)] == ["create", "nothing"]
    assert [request.method for request in server.asked(f"* {NOTES}*")] == [
        "GET",
        "POST",
        "GET",
        "GET",
    ]


def test_a_changed_note_keeps_its_place(server: GitLab):
    there = way(server)
    write(there)
    assert write(there, "newer") == "update"
    assert bodies(server) == [f"{MARK}\nnewer\n"]


def test_our_note_is_found_on_any_page_and_others_stay_unchanged(server: GitLab):
    write(way(server, "somebody"), "of somebody")
    there = way(server)
    write(there)
    for number in range(120):
        way_of_people = server.project("group/demo").notes[1]
        way_of_people.append(
            {**way_of_people[0], "id": 9000 + number, "body": f"> {MARK} {number}"}
        )
    server.project("group/demo").notes[1].insert(0, server.project("group/demo").notes[1].pop(1))
    assert write(there, "newer") == "update"
    assert f"{MARK}\nof somebody\n" in bodies(server)
    assert f"{MARK}\nnewer\n" in bodies(server)


LOST = (
    *(faults.lost_reply(), faults.cut_reply(), faults.truncated_json()),
    *(faults.server_error(502), faults.reset(), faults.too_many_requests(0)),
)


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: fault.name)
def test_a_lost_answer_never_makes_two_notes(server: GitLab, fault: faults.Fault):
    server.misbehave(fault, on=f"POST {NOTES}")
    assert write(way(server)) == "create"
    assert bodies(server) == [f"{MARK}\nnew\n"]


@pytest.mark.parametrize("seed", range(40))
def test_random_faults_never_make_two_notes(server: GitLab, seed: int):
    server.misbehave_at_random(seed, rate=0.3, on="* /*")
    there, lines = way(server, seconds=30.0), list[str]()
    done = [write(there, text, lines) for text in ("new", "new", "newer")]
    assert done == ["create", "nothing", "update"]
    assert bodies(server) == [f"{MARK}\nnewer\n"]
    assert "glpat" not in " ".join(lines)


@pytest.mark.parametrize("attempt", range(5))
def test_two_jobs_at_once_leave_one_note(server: GitLab, attempt: int):
    token = server.token("bot").value
    there = [
        GitlabReviews(Access(server.url, "private", token), "group/demo", 20.0) for _ in range(4)
    ]
    with ThreadPoolExecutor(len(there)) as pool:
        assert len(list(pool.map(write, there))) == len(there)
    assert bodies(server) == [f"{MARK}\nnew\n"]


def test_each_spec_has_a_note_of_its_own(server: GitLab):
    there = way(server)
    other = "<!-- truewheel:names wheels examples/tree -->"
    write(there)
    stick(there, 1, other, f"{other}\nother\n", print, is_news=True)
    assert write(there, "newer") == "update"
    assert bodies(server) == [f"{MARK}\nnewer\n", f"{other}\nother\n"]


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        (faults.forbidden(), Exit.REMOTE_FAILED, "needs the scope api"),
        (faults.expired_token(), Exit.REMOTE_FAILED, "has it expired"),
        (faults.server_error(503), Exit.REMOTE_UNREACHABLE, "no answer after"),
    ],
    ids=["403", "401", "503"],
)
def test_a_note_that_cannot_be_written_says_why(
    server: GitLab, fault: faults.Fault, code: Exit, words: str
):
    server.misbehave(fault, times=None)
    with pytest.raises(Stop) as stopped:
        write(way(server, seconds=0.5))
    assert stopped.value.code is code
    assert words in str(stopped.value)


def test_times_of_jobs_include_child_pipelines_of_the_target_branch(server: GitLab):
    project = server.project("group/demo")
    project.plan(Job("plan", seconds=60), Bridge("rhel8", child=(Job("wheel:foo", seconds=600),)))
    good = project.pipeline()
    server.advance(3600)
    project.plan(Job("plan", seconds=60, result="failed"))
    project.pipeline()
    server.advance(3600)
    earlier = way(server).earlier("main")
    assert earlier
    assert earlier.id == good.id
    assert dict(earlier.taken) == {"plan": 60.0, "wheel:foo": 600.0}


def test_a_branch_without_a_pipeline_has_no_times(server: GitLab):
    assert way(server).earlier("main") is None
