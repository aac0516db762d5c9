"""The stand-in misbehaves exactly as the test says."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime

import pytest
from asking import Answer, ask
from standins import GitLab, Job, Project, Token, faults
from standins.faults import Dice, Fault
from standins.http import Request

LOST = (ConnectionError, http.client.HTTPException)


@pytest.fixture
def server() -> Iterator[GitLab]:
    with GitLab(start=1_800_000_000) as server:
        server.project().plan(Job("x", seconds=60))
        yield server


@pytest.fixture
def demo(server: GitLab) -> Project:
    return server.project()


@pytest.fixture
def token(server: GitLab) -> Token:
    return server.token()


@pytest.fixture
def start(server: GitLab, token: Token) -> Callable[[], Answer]:
    return lambda: ask(server, "/projects/11/pipeline?ref=main", "POST", token)


@pytest.mark.parametrize("status", [500, 502, 503, 520])
def test_an_error_page_changes_nothing(server, demo, start, status):
    server.misbehave(faults.server_error(status))
    answer = start()
    assert (answer.status, answer.headers["content-type"], answer.body[:9]) == (
        status,
        "text/html",
        b"<!DOCTYPE",
    )
    assert demo.pipelines == []
    assert start().status == 201, "only once"


@pytest.mark.parametrize("as_date", [True, False])
def test_too_many_requests(server, token, as_date):
    server.misbehave(faults.too_many_requests(30, as_date=as_date))
    answer = ask(server, "/user", token=token)
    text = answer.headers["retry-after"]
    seconds = parsedate_to_datetime(text).timestamp() - server.clock.now() if as_date else int(text)
    assert (answer.status, seconds, answer.headers["ratelimit-remaining"]) == (429, 30, "0")
    server.misbehave(faults.too_many_requests(None))
    assert "retry-after" not in ask(server, "/user", token=token).headers


def test_a_limit_of_requests_each_minute(server, token):
    server.limit(2)
    answers = [ask(server, "/user", token=token) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["1", "0", "0"]
    server.advance(int(answers[2].headers["retry-after"]))
    assert ask(server, "/user", token=token).status == 200


@pytest.mark.parametrize(
    ("fault", "pipelines"),
    [
        (faults.reset(), 0),
        (faults.lost_reply(), 1),
        (faults.cut_reply(), 1),
        (faults.silence(0.01), 1),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_connection_that_breaks_before_or_after(server, demo, start, fault, pipelines):
    server.misbehave(fault, on="POST *")
    with pytest.raises(ConnectionResetError) as raised:
        start()
    assert not isinstance(raised.value, http.client.RemoteDisconnected), "a reset, no orderly end"
    assert len(demo.pipelines) == pipelines
    assert server.requests[-1].fault == fault.name


def test_json_that_ends_too_early(server, start):
    server.misbehave(faults.truncated_json())
    answer = start()
    assert (answer.status, int(answer.headers["content-length"])) == (201, len(answer.body))
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.body)


def test_more_is_promised_than_comes(server, start):
    server.misbehave(faults.wrong_length())
    with pytest.raises(http.client.IncompleteRead):
        start()


def test_slow_bytes_arrive_in_the_end(server, start):
    server.misbehave(faults.slow(0.002, 50))
    before = time.monotonic()
    assert start().json["status"] == "running"
    assert time.monotonic() - before > 0.02


@pytest.mark.parametrize(
    ("fault", "status", "word"),
    [
        (faults.expired_token(), 401, "invalid_token"),
        (faults.forbidden(), 403, "403 Forbidden"),
        (faults.variables_refused(), 403, "Insufficient permissions to set pipeline variables"),
        (faults.answer(409, "409 Conflict"), 409, "409 Conflict"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_refusals(server, start, fault, status, word):
    server.misbehave(fault)
    answer = start()
    assert (answer.status, word in answer.body.decode()) == (status, True)


def test_another_host(server, token):
    server.misbehave(faults.redirect("http://127.0.0.1:1/elsewhere"))
    answer = ask(server, "/user", token=token)
    assert (answer.status, answer.headers["location"]) == (302, "http://127.0.0.1:1/elsewhere")


def test_a_record_comes_twice(server, demo, token):
    demo.pipeline()
    demo.pipeline()
    server.misbehave(faults.repeated(), on="GET */pipelines")
    assert [run["iid"] for run in ask(server, "/projects/11/pipelines", token=token).json] == [
        2,
        2,
        1,
    ]


def test_pages_move_when_a_pipeline_comes_in_between(server, demo, token):
    demo.pipeline()
    demo.pipeline()
    server.misbehave(faults.drift(demo), on="GET */pipelines", after=1)
    pages = [
        ask(server, f"/projects/11/pipelines?per_page=1&page={page}", token=token).json
        for page in (1, 2)
    ]
    assert [page[0]["iid"] for page in pages] == [2, 2]


def test_a_new_pipeline_is_not_in_the_list_at_once(server, start, token):
    server.lag(requests=2)
    number = start().json["id"]
    assert ask(server, f"/projects/11/pipelines/{number}", token=token).status == 200
    assert [len(ask(server, "/projects/11/pipelines", token=token).json) for _ in range(3)] == [
        0,
        0,
        1,
    ]
    server.lag(seconds=5)
    assert ask(server, "/projects/11/pipelines", token=token).json == []
    server.advance(5)
    assert len(ask(server, "/projects/11/pipelines", token=token).json) == 1


def test_which_requests_a_fault_meets(server, token):
    server.misbehave(faults.server_error(), on="GET /projects/*/pipelines", times=2, after=1)
    paths = ["/user", "/projects/group%2Fdemo/pipelines", *["/projects/11/pipelines"] * 3]
    assert [ask(server, path, token=token).status for path in paths] == [200, 200, 502, 502, 200]
    server.misbehave(faults.forbidden(), times=None)
    assert {ask(server, path, token=token).status for path in paths} == {403}
    server.behave()
    assert {ask(server, path, token=token).status for path in paths} == {200}


def drawn(seed: int, rate: float = 0.5) -> list[Fault | None]:
    dice = Dice(random.Random(seed), rate, faults.TRANSIENT, "GET *")  # noqa: S311
    return [dice.draw(Request("GET", "/user", {}, b"", 0.0)) for _ in range(200)]


def test_chance_is_the_same_each_time():
    assert drawn(1) == drawn(1) != drawn(2)
    assert set(drawn(1)) == {None, *faults.TRANSIENT}
    assert set(drawn(1, 0)) == {None}
    assert None not in drawn(1, 1)


@pytest.mark.parametrize("seed", range(5))
def test_a_patient_client_gets_through(server, demo, token, seed):
    """The server itself survives its own faults."""
    server.misbehave_at_random(seed, rate=0.6)

    def succeeds() -> bool:
        with contextlib.suppress(*LOST, ValueError):
            answer = ask(server, "/projects/11/pipelines", token=token)
            return answer.status == 200 and answer.json == []
        return False

    assert 5 < sum(succeeds() for _ in range(60)) < 55
    server.behave()
    assert ask(server, "/user", token=token).status == 200
