"""Calls that last until they are answered, or until the deadline.

And what a server asks us to wait.
"""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from forge_lab import Script, Time, ok

from truewheel.errors import Exit, Stop
from truewheel.forges import calls
from truewheel.forges.calls import Answer, Caller, Fault

NOW = 1_800_000_000.0
DATE = formatdate(NOW, usegmt=True)


def caller(*answers: Answer | Fault, seconds: float = 600) -> tuple[Caller, Script, Time]:
    script, clock = Script(*answers), Time()
    return Caller("http://server", script, seconds, clock.clock()), script, clock


def test_a_passing_fault_is_retried_with_growing_pauses():
    faults = [Fault(0, "reset"), Fault(502, "502"), Fault(520, "520"), Fault(0, "no JSON")]
    asking, script, clock = caller(*faults, ok({"id": 1}))
    assert asking.get("/a") == {"id": 1}
    assert len(script.asked) == asking.requests == 5
    assert [round(pause, 3) <= 0.5 * 2**number for number, pause in enumerate(clock.slept)] == [
        True
    ] * 4
    assert sum(clock.slept) > 5


def test_a_lasting_fault_is_not_retried():
    asking, script, _ = caller(Fault(404, "404 Not Found"))
    with pytest.raises(Fault):
        asking.get("/a")
    assert len(script.asked) == 1


def test_a_server_that_never_answers_gets_a_few_attempts():
    asking, script, _ = caller(*[Fault(0, "refused", is_certain=True)] * 20, seconds=10_000)
    with pytest.raises(Stop, match="no answer after 6 attempts: refused") as stopped:
        asking.get("/a")
    assert stopped.value.code is Exit.REMOTE_UNREACHABLE
    assert len(script.asked) == calls.ATTEMPTS


def test_a_server_that_has_answered_is_retried_until_the_deadline():
    asking, _, clock = caller(ok({"id": 1}), *[Fault(0, "gone")] * 1000, seconds=300)
    asking.get("/a")
    with pytest.raises(Stop, match="no answer after") as stopped:
        asking.get("/a")
    assert stopped.value.code is Exit.REMOTE_UNREACHABLE
    assert 250 < sum(clock.slept) <= 300


def test_the_header_retry_after_is_respected():
    asking, _, clock = caller(Fault(429, "429", wait=17.0), ok({"id": 1}))
    asking.get("/a")
    assert clock.slept == [17.0]


def test_a_wait_beyond_the_deadline_ends_at_once():
    asking, _, clock = caller(Fault(429, "429", wait=9000.0), ok({"id": 1}))
    with pytest.raises(Stop, match="the server asks to wait 9000 s"):
        asking.get("/a")
    assert clock.slept == []


def test_after_the_last_request_of_a_rate_limit_there_is_a_pause():
    used_up = ok({"id": 1}, ratelimit_remaining="0", ratelimit_reset=str(int(NOW) + 30), date=DATE)
    asking, _, clock = caller(used_up, ok({"id": 1}))
    asking.get("/a")
    assert clock.slept == []
    asking.get("/a")
    assert clock.slept == [30.0]


def test_no_request_is_sent_after_the_deadline():
    asking, script, _ = caller(ok({"id": 1}), seconds=-1)
    with pytest.raises(Stop, match="the deadline is over"):
        asking.get("/a")
    assert script.asked == []


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "12"}, 12),
        (
            {"retry-after": formatdate(NOW + 9, usegmt=True), "date": DATE},
            9,
        ),  # by the server's clock, whatever ours is
        ({"retry-after": formatdate(NOW - 9, usegmt=True), "date": DATE}, 0),
        ({"retry-after": "soon"}, 0),
        ({"retry-after": "-5"}, 0),
        ({"retry-after": "٣"}, 0),
        ({}, 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], seconds: float):
    assert calls.retry_after(headers) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"ratelimit-remaining": "0", "ratelimit-reset": str(int(NOW) + 5), "date": DATE}, 5),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) + 5), "date": DATE}, 5),
        ({"ratelimit-remaining": "1", "ratelimit-reset": str(int(NOW) + 5), "date": DATE}, 0),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "9" * 40, "date": DATE}, 3600),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "tomorrow"}, 0),
    ],
)
def test_rate_limits_are_read_by_the_servers_clock(headers: dict[str, str], seconds: float):
    assert calls.rate_wait(headers) == seconds


def test_pages_are_read_to_the_end_and_no_record_twice():
    first = ok([{"id": 1}, {"id": 2}], x_next_page="2")
    asking, script, _ = caller(first, Fault(502, "502"), ok([{"id": 2}, {"id": 3}], x_next_page=""))
    assert [record["id"] for record in asking.pages("/a", ref="main")] == [1, 2, 3]
    assert [query["page"] for *_, query in script.asked] == ["1", "2", "2"]
    assert all(query["ref"] == "main" and query["per_page"] == 100 for *_, query in script.asked)


@pytest.mark.parametrize("data", [{"a": 1}, None, ["text"], "text"])
def test_an_answer_that_is_no_list_is_retried(data: object):
    asking, script, _ = caller(ok(data), ok([{"id": 1}], x_next_page=""))
    assert [record["id"] for record in asking.pages("/a")] == [1]
    assert len(script.asked) == 2


def test_without_headers_a_page_that_is_not_full_is_the_last():
    asking, script, _ = caller(ok([{"id": number} for number in range(100)]), ok([{"id": 100}]))
    assert len(list(asking.pages("/a"))) == 101
    assert len(script.asked) == 2


@pytest.mark.parametrize("header", ["1", "0", "x", "٢"])
def test_a_next_page_that_leads_nowhere_ends_the_list(header: str):
    asking, script, _ = caller(ok([{"id": 1}], x_next_page=header))
    assert len(list(asking.pages("/a"))) == 1
    assert len(script.asked) == 1


def test_an_endless_answer_is_cut_off():
    began = time.monotonic()
    with pytest.raises(Fault, match=r"no whole answer within 0 s") as fault:
        calls.bounded(lambda: time.sleep(30), 0.05)
    assert time.monotonic() - began < 5
    assert fault.value.may_pass
    assert not fault.value.is_certain


def test_errors_of_the_work_are_raised():
    with pytest.raises(KeyError):
        calls.bounded(lambda: {}["a"], 5)


@pytest.mark.parametrize(
    ("status", "may_pass", "is_certain"),
    [
        *((0, True, False), (429, True, True), (500, True, False), (503, True, False)),
        *((521, True, False), (408, True, False), (400, False, True), (401, False, True)),
        *((403, False, True), (404, False, True), (501, False, False)),
    ],
)
def test_statuses_say_whether_a_request_was_done(status: int, may_pass: bool, is_certain: bool):
    fault = Fault(status, "")
    assert (fault.may_pass, fault.is_certain) == (may_pass, is_certain)


def test_texts_of_servers_are_plain_short_and_without_secrets():
    assert calls.plain("a\x1b[31mb\n\tglpat-1 c", ("glpat-1",)) == "a [31mb [hidden] c"
    assert len(calls.plain("x" * 9999)) == 300
