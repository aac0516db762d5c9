"""Pull requests of GitHub by PyGithub's requester: whose comments they are, and failures."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from forge_lab import Time
from pull_requests import BOT, PullRequests, serving

from truewheel.errors import Exit, Stop
from truewheel.forges import calls, reviews
from truewheel.forges.access import Access
from truewheel.forges.github.api.pull_requests import GithubReviews
from truewheel.forges.reviews import Review, stick

MARK = "<!-- truewheel:names wheels -->"
SECRET = "ghp_0123456789abcdef"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PullRequests]:
    monkeypatch.setattr(calls, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(reviews, "RECHECK_SECONDS", (0.0, 0.001, 0.001))
    with serving() as running:
        yield running


def way(server: PullRequests, seconds: float = 20.0) -> GithubReviews:
    reviews_there = GithubReviews(Access(server.url, "oauth", SECRET), "group/demo", seconds)
    reviews_there.caller.clock = Time().clock()
    return reviews_there


def write(there: GithubReviews, text: str = "new") -> str:
    return stick(there, 7, MARK, f"{MARK}\n{text}\n", print, is_news=True)


def bodies(server: PullRequests) -> list[str]:
    return [comment["body"] for comment in server.comments.values()]


def test_a_pull_request_is_read_as_it_is_now(server: PullRequests):
    assert way(server).review(7) == Review("feat: a", ("ready",), "main")


def test_a_comment_is_created_then_left_alone_then_updated(server: PullRequests):
    there = way(server)
    assert [write(there), write(there), write(there, "newer")] == ["create", "nothing", "update"]
    assert bodies(server) == [f"{MARK}\nnewer\n"]
    verbs = [line.split()[0] for line in server.seen if "/user" not in line]
    assert verbs == ["GET", "POST", "GET", "GET", "GET", "PATCH"]


def test_a_job_s_token_knows_its_comments_by_the_bot(server: PullRequests):
    server.user = None
    server.comment(f"{MARK}\nof a person", {"id": 2, "login": "person", "type": "User"})
    there = way(server)
    assert [write(there), write(there, "newer")] == ["create", "update"]
    assert bodies(server) == [f"{MARK}\nof a person", f"{MARK}\nnewer\n"]


def test_our_comment_is_found_on_any_page_and_the_oldest_stays(server: PullRequests):
    for number in range(130):
        server.comment(f"> {MARK} {number}", BOT)
    first = server.comment(f"{MARK}\nold", server.user or BOT)
    server.comment(f"{MARK}\nold too", server.user or BOT)
    assert write(way(server)) == "update"
    assert first["body"] == f"{MARK}\nnew\n"
    assert len(server.comments) == 131


@pytest.mark.parametrize("fault", ["lost", 500, 502, 503, 429, "limited"])
def test_a_lost_answer_never_makes_two_comments(server: PullRequests, fault: int | str):
    server.faults = {"POST": [fault, fault]}
    assert write(way(server)) == "create"
    assert bodies(server) == [f"{MARK}\nnew\n"]


def test_a_token_that_only_reads_ends_in_5_with_what_it_needs(server: PullRequests):
    server.faults = {"POST": [403]}
    with pytest.raises(Stop) as stopped:
        write(way(server))
    assert stopped.value.code is Exit.REMOTE_FAILED
    assert "Resource not accessible by integration" in str(stopped.value)
    assert "pull-requests: write" in str(stopped.value)


def test_a_server_that_is_gone_ends_in_6_without_the_token():
    with pytest.raises(Stop) as stopped:
        GithubReviews(Access("http://127.0.0.1:9", "oauth", SECRET), "group/demo", 1.0).review(7)
    assert stopped.value.code is Exit.REMOTE_UNREACHABLE
    assert SECRET not in str(stopped.value)


def test_times_of_jobs_are_those_of_the_base_branch(server: PullRequests):
    times = {"started_at": "2026-11-27T10:00:00Z", "completed_at": "2026-11-27T10:10:00Z"}
    address = "https://github.com/group/demo/actions/runs/9"
    server.runs = [{"id": 9, "html_url": address, "status": "completed", "conclusion": "success"}]
    server.jobs = [
        {
            "id": 1,
            "name": "rhel8 x86_64 / wheel foo",
            "status": "completed",
            "conclusion": "success",
            **times,
        },
        {"id": 2, "name": "publish", "status": "completed", "conclusion": "skipped", **times},
        {
            "id": 3,
            "name": "plan",
            "status": "completed",
            "conclusion": "success",
            "started_at": None,
            "completed_at": None,
        },
    ]
    earlier = way(server).earlier("main")
    assert earlier
    assert (earlier.id, earlier.taken) == (9, (("rhel8 x86_64 / wheel foo", 600.0),))


def test_a_base_without_a_run_has_no_times(server: PullRequests):
    assert way(server).earlier("main") is None
