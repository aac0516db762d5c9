"""The stand-in by plain HTTP: parameters, pages, tokens, errors, and the record of requests."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from asking import ask
from hypothesis import given
from hypothesis import strategies as st
from standins import GitLab, Job, Project, Request, Token
from standins.core import CONNECTIONS
from standins.http import nested
from standins.routes import MAX_TOTAL, ROUTES, handle
from standins.state import Clock, State


@pytest.fixture
def server() -> Iterator[GitLab]:
    with GitLab(start=1_800_000_000) as server:
        server.project()
        yield server


@pytest.fixture
def demo(server: GitLab) -> Project:
    return server.project()


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("a", "1"), ("a", "2")], {"a": "2"}),
        ([("a[b]", "1"), ("a[c]", "2")], {"a": {"b": "1", "c": "2"}}),
        ([("a[]", "1"), ("a[]", "2")], {"a": ["1", "2"]}),
        (
            [("a[][k]", "1"), ("a[][v]", "2"), ("a[][k]", "3")],
            {"a": [{"k": "1", "v": "2"}, {"k": "3"}]},
        ),
    ],
)
def test_parameters_nest_as_in_rails(pairs, expected):
    assert nested(pairs) == expected


def multipart(**fields: str) -> bytes:
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{fields[name]}\r\n'
        for name in fields
    ]
    return ("".join(parts) + "--x--\r\n").encode()


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (
            "application/json",
            json.dumps({"ref": "main", "variables": [{"key": "A", "value": "b&c"}]}).encode(),
        ),
        (
            "application/x-www-form-urlencoded",
            b"ref=main&variables[][key]=A&variables[][value]=b%26c",
        ),
        (
            "multipart/form-data; boundary=x",
            multipart(**{"ref": "main", "variables[][key]": "A", "variables[][value]": "b&c"}),
        ),
    ],
)
def test_a_pipeline_starts_whichever_way_it_is_asked_for(server, demo, kind, body):
    answer = ask(
        server,
        "/projects/group%2Fdemo/pipeline",
        "POST",
        server.token(),
        body,
        **{"Content-Type": kind},
    )
    assert answer.status == 201
    assert [(item["key"], item["value"]) for item in demo.pipelines[0].variables] == [("A", "b&c")]


def test_half_a_request_does_nothing(server, demo):
    head = f"POST /api/v4/projects/{demo.id}/pipeline?ref=main HTTP/1.1\r\nHost: x\r\n"
    head += "Content-Length: 10\r\n"
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), 10) as wire:
        wire.sendall(f"{head}PRIVATE-TOKEN: {server.token().value}\r\n\r\n{{".encode())
        wire.shutdown(socket.SHUT_WR)
        assert wire.recv(1000) == b""
    assert server.requests == []


def test_a_head_has_no_body(server, demo):
    answer = ask(server, "/projects/11", "HEAD", server.token())
    assert (answer.status, answer.body, int(answer.headers["content-length"]) > 100) == (
        200,
        b"",
        True,
    )


def test_a_chunked_body_arrives(server, demo):
    head = f"PUT /api/v4/projects/{demo.id}/packages/generic/a/1/a.bin HTTP/1.1\r\nHost: x\r\n"
    head += f"PRIVATE-TOKEN: {server.token().value}\r\n"
    head += "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), 10) as wire:
        wire.sendall(head.encode() + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n")
        assert b" 201 " in wire.recv(1000)
    assert demo.package_files[0]["content"] == b"abcde"


# Errors


@pytest.mark.parametrize(
    ("path", "method", "status", "body"),
    [
        ("/projects/no%2Fsuch", "GET", 404, {"message": "404 Project Not Found"}),
        ("/projects/group%2Fdemo/pipelines/1", "GET", 404, {"message": "404 Not found"}),
        ("/projects/group%2Fdemo/pipelines/x", "GET", 400, {"error": "pipeline_id is invalid"}),
        ("/projects/group%2Fdemo/pipeline", "POST", 400, {"error": "ref is missing"}),
        (
            "/projects/group%2Fdemo/pipeline?ref=nope",
            "POST",
            400,
            {"message": {"base": ["Reference not found"]}},
        ),
        ("/nothing", "GET", 404, {"error": "404 Not Found"}),
        ("/version", "DELETE", 405, {"error": "405 Not Allowed"}),
    ],
)
def test_errors_have_the_words_of_gitlab(server, path, method, status, body):
    answer = ask(server, path, method, server.token())
    assert (answer.status, answer.json) == (status, body)


def test_broken_json_is_refused(server):
    answer = ask(
        server,
        "/projects/11/pipeline",
        "POST",
        server.token(),
        b"{",
        **{"Content-Type": "application/json"},
    )
    assert answer.status == 400


@pytest.mark.parametrize(
    "body", [{"ref": ["main"]}, {"ref": "main", "variables": "A"}, {"ref": "main", "inputs": [1]}]
)
def test_parameters_of_a_wrong_shape_are_refused(server, demo, body):
    answer = ask(server, "/projects/11/pipeline", "POST", server.token(), body)
    assert (answer.status, "is invalid" in answer.json["error"]) == (400, True)
    assert demo.pipelines == []


def test_a_body_that_is_too_long():
    with GitLab(max_body=10) as server:
        assert ask(server, "/version", "POST", body=b"x" * 11).status == 413
        assert server.requests == []


def test_no_pipeline_without_jobs(server, demo):
    demo.plan()
    answer = ask(server, "/projects/11/pipeline?ref=main", "POST", server.token())
    assert (answer.status, "prevented any jobs" in answer.json["message"]["base"][0]) == (400, True)


# Tokens


@pytest.mark.parametrize(
    "headers", [{}, {"PRIVATE-TOKEN": "glpat-unknown"}, {"Authorization": "Bearer nonsense"}]
)
def test_nobody_gets_nothing(server, headers):
    assert ask(server, "/user", **headers).status == 401
    assert ask(server, "/projects/group%2Fdemo/pipelines", **headers).status == (
        401 if headers else 404
    )


def test_a_public_project_may_be_read_by_anyone(server, demo):
    demo.settings["visibility"] = "public"
    assert ask(server, "/projects/group%2Fdemo/pipelines").json == []
    assert ask(server, "/projects/group%2Fdemo/pipeline?ref=main", "POST").status == 401
    assert ask(server, "/projects/group%2Fdemo/variables").status == 401


def test_a_bearer_is_as_good_as_a_private_token(server):
    assert (
        ask(server, "/user", Authorization=f"Bearer {server.token('bot').value}").json["username"]
        == "bot"
    )


def test_a_token_that_may_only_read(server):
    reader = server.token(scopes=["read_api"])
    assert ask(server, "/projects/11", token=reader).status == 200
    answer = ask(server, "/projects/11/pipeline?ref=main", "POST", reader)
    assert (answer.status, answer.json["error"]) == (403, "insufficient_scope")


def test_a_token_expires_in_the_servers_time(server):
    token = server.token(expires_in=60)
    assert ask(server, "/user", token=token).status == 200
    server.advance(60)
    answer = ask(server, "/user", token=token)
    assert (answer.status, answer.json["error"]) == (401, "invalid_token")


def test_access_levels(server, demo):
    reporter, stranger = (
        server.token("reporter", 20),
        server.token("stranger", 0, levels={"other": 50}),
    )
    assert ask(server, "/projects/11/pipelines", token=reporter).status == 200
    assert ask(server, "/projects/11/pipeline?ref=main", "POST", reporter).status == 403
    assert ask(server, "/projects/11/pipelines", token=stranger).status == 404
    demo.protected_branches.append(
        {
            "name": "main",
            "push_access_levels": [{"access_level": 40}],
            "merge_access_levels": [{"access_level": 40}],
        }
    )
    answer = ask(server, "/projects/11/pipeline?ref=main", "POST", server.token("developer", 30))
    assert (answer.status, "sufficient permission" in answer.json["message"]["base"][0]) == (
        400,
        True,
    )


@pytest.mark.parametrize(
    ("level", "role", "status"),
    [(30, "developer", 201), (30, "maintainer", 400), (50, "owner", 201)],
)
def test_who_may_set_variables(server, level, role, status):
    settings = {"ci_pipeline_variables_minimum_override_role": role}
    assert ask(server, "/projects/11", "PUT", server.token(), settings).status == 200
    body = {"ref": "main", "variables": [{"key": "A", "value": "1"}]}
    answer = ask(server, "/projects/11/pipeline", "POST", server.token("someone", level), body)
    assert answer.status == status
    if status == 400:
        assert answer.json == {
            "message": {"base": ["Insufficient permissions to set pipeline variables"]}
        }


def test_variables_of_a_pipeline_are_for_maintainers_and_who_started_it(server):
    starter, other = server.token("starter", 30), server.token("other", 30)
    run = ask(server, "/projects/11/pipeline?ref=main", "POST", starter).json
    path = f"/projects/11/pipelines/{run['id']}/variables"
    assert [
        ask(server, path, token=token).status for token in (starter, other, server.token())
    ] == [200, 403, 200]


def test_what_a_job_may_do(server, demo):
    demo.plan(Job("build", seconds=60))
    build = demo.pipeline().builds[0]
    token = server.job_token(build)
    mr = demo.merge_request("main")["iid"]
    assert ask(server, "/job", token=token).json["id"] == build.id
    assert (
        ask(server, f"/projects/11/pipelines/{build.pipeline.id}/jobs", token=token).status == 200
    )
    assert ask(server, f"/projects/11/merge_requests/{mr}/notes", token=token).json == []
    assert (
        ask(server, f"/projects/11/merge_requests/{mr}/notes", "POST", token, {"body": "x"}).status
        == 401
    )
    assert (
        ask(server, "/projects/11/repository/files/README.md/raw", token=token).body == b"hello\n"
    )
    assert (
        ask(server, "/projects/11/repository/files/README.md?ref=main", token=token).status == 404
    )
    assert ask(server, "/projects/11/pipeline?ref=main", "POST", token).status == 401
    assert ask(server, "/projects/11/pipelines", token=token).status == 404
    body = {"ref": "main", "token": token.value, "variables": {"A": "1"}}
    started = ask(server, "/projects/11/trigger/pipeline", "POST", body=body)
    assert (started.status, started.json["source"]) == (201, "pipeline")
    server.advance(60)
    assert ask(server, "/job", token=token).status == 401, "the job is over"
    assert ask(server, "/projects/11/trigger/pipeline", "POST", body=body).status == 401


def test_a_job_reaches_another_project_only_by_its_allowlist(server, demo):
    token = server.job_token(demo.pipeline().builds[0])
    other = server.project("group/other")
    path = f"/projects/{other.id}/packages"
    assert ask(server, path, token=token).status == 403
    assert (
        ask(
            server,
            f"/projects/{other.id}/trigger/pipeline",
            "POST",
            body={"ref": "main", "token": token.value},
        ).status
        == 404
    )
    answer = ask(
        server,
        f"/projects/{other.id}/job_token_scope/allowlist",
        "POST",
        server.token(),
        {"target_project_id": demo.id},
    )
    assert answer.status == 201
    assert ask(server, path, token=token).status == 200


def test_a_trigger_token_starts_pipelines_and_no_more(server, demo):
    secret = ask(
        server, "/projects/11/triggers", "POST", server.token(), {"description": "bot"}
    ).json["token"]
    body = f"token={secret}&ref=main&variables[A]=1".encode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    started = ask(server, "/projects/11/trigger/pipeline", "POST", body=body, **form)
    assert (started.status, started.json["source"]) == (201, "trigger")
    assert [item["key"] for item in demo.pipelines[0].variables] == ["A", "TRIGGER_PAYLOAD"]
    assert ask(server, "/user", **{"PRIVATE-TOKEN": secret}).status == 401


# Pages


def fill(project: Project, number: int) -> None:
    for _ in range(number):
        project.pipeline(jobs=[Job("x")])


def test_pages(server, demo):
    fill(demo, 5)
    token = server.token()
    first = ask(server, "/projects/11/pipelines?per_page=2&ref=main", token=token)
    names = ("x-page", "x-per-page", "x-next-page", "x-prev-page", "x-total", "x-total-pages")
    assert [first.headers[name] for name in names] == ["1", "2", "2", "", "5", "3"]
    following = next(link for link in first.headers["link"].split(", ") if 'rel="next"' in link)
    path = following[1 : following.index(">")].removeprefix(f"{server.url}/api/v4")
    assert "ref=main" in path
    second = ask(server, path, token=token)
    assert [run["iid"] for run in first.json + second.json] == [5, 4, 3, 2]
    last = ask(server, "/projects/11/pipelines?per_page=2&page=3", token=token)
    assert (len(last.json), last.headers["x-next-page"], 'rel="next"' in last.headers["link"]) == (
        1,
        "",
        False,
    )
    assert ask(server, "/projects/11/pipelines?page=9", token=token).json == []


def test_no_more_than_a_hundred(server, demo):
    fill(demo, 101)
    assert len(ask(server, "/projects/11/pipelines?per_page=500", token=server.token()).json) == 100


def test_long_lists_have_no_totals(server, demo, monkeypatch):
    fill(demo, 3)
    monkeypatch.setattr("standins.routes.MAX_TOTAL", 2)
    headers = ask(server, "/projects/11/pipelines?per_page=1", token=server.token()).headers
    assert "x-total" not in headers
    assert 'rel="last"' not in headers["link"]
    assert MAX_TOTAL == 10_000


def test_totals_can_be_left_out(server, demo):
    fill(demo, 1)
    paths = ("/projects/11/pipelines", "/projects/11/pipelines/1001/jobs", "/projects/11/jobs")
    answers = [ask(server, path, token=server.token()) for path in paths]
    assert ["x-total" in answer.headers for answer in answers] == [True, True, False]
    server.totals = False
    assert "x-total" not in ask(server, paths[0], token=server.token()).headers


def test_an_unknown_state_is_refused(server, demo):
    fill(demo, 1)
    path = "/projects/11/pipelines/1001/jobs"
    assert (
        len(ask(server, f"{path}?scope[]=running&scope[]=pending", token=server.token()).json) == 1
    )
    assert ask(server, f"{path}?scope=failed", token=server.token()).json == []
    assert ask(server, f"{path}?scope=odd", token=server.token()).status == 400


def test_connections_are_bounded(server):
    where = ("127.0.0.1", int(server.url.rpartition(":")[2]))
    with contextlib.ExitStack() as stack:
        wires = [
            stack.enter_context(socket.create_connection(where, 10)) for _ in range(CONNECTIONS + 1)
        ]
        for wire in wires[:CONNECTIONS]:
            wire.sendall(b"GET /api/v4/version HTTP/1.1\r\n\r\n")
            assert wire.recv(1000).startswith(b"HTTP/1.1 401 ")
        with contextlib.suppress(ConnectionResetError):
            assert wires[-1].recv(1000) == b""


def test_keyset_pages_do_not_drift(server, demo):
    fill(demo, 3)
    token = server.token()
    first = ask(server, "/projects/11/jobs?pagination=keyset&per_page=2", token=token)
    fill(demo, 2)
    path = first.headers["link"].partition(">")[0][1:].removeprefix(f"{server.url}/api/v4")
    second = ask(server, path, token=token)
    ids = [job["id"] for job in first.json + second.json]
    assert (len(ids), ids, "link" in second.headers) == (3, sorted(ids, reverse=True), False)


# Time, and the record


def test_time_stands_still_until_the_test_moves_it(server, demo):
    demo.plan(Job("x", seconds=10))
    run = demo.pipeline()
    path = f"/projects/11/pipelines/{run.id}"
    before = ask(server, path, token=server.token())
    assert before.json["status"] == "running"
    assert before.headers["date"] == "Fri, 15 Jan 2027 08:00:00 GMT"
    server.advance(10)
    after = ask(server, path, token=server.token()).json
    assert (after["status"], after["duration"], after["finished_at"]) == (
        "success",
        10,
        "2027-01-15T08:00:10.000Z",
    )


def test_time_may_move_with_each_request():
    with GitLab(tick=5) as server:
        server.project().pipeline(jobs=[Job("x", seconds=10)])
        path, token = "/projects/11/pipelines/1001", server.token()
        assert [ask(server, path, token=token).json["status"] for _ in range(2)] == [
            "running",
            "success",
        ]


def test_time_may_run_and_be_wrong():
    with GitLab(speed=1000, skew=-7200) as server:
        server.project().pipeline(jobs=[Job("x", seconds=10)])
        deadline = time.monotonic() + 10
        while server.project().pipelines[0].status != "success" and time.monotonic() < deadline:
            server.advance(0)
        assert server.project().pipelines[0].status == "success"
        assert time.time() - server.clock.now() > 3600


def test_the_record_names_tokens_and_does_not_show_them(server, demo):
    token = server.token("bot")
    ask(server, "/projects/11/trigger/pipeline", "POST", body={"ref": "main", "token": token.value})
    ask(server, f"/projects/group%2Fdemo/pipelines?private_token={token.value}")
    ask(server, "/user", token=token)
    assert token.value not in repr(server.requests)
    assert [request.token for request in server.requests] == [token.name] * 3
    assert [request.status for request in server.requests] == [404, 200, 200]
    listed = server.asked("GET /projects/group/demo/pipelines")
    assert (len(listed), listed[0].query["private_token"]) == (1, f"[token {token.name}]")
    assert server.asked("POST *")[0].json["ref"] == "main"


def test_another_server_shows_what_it_was_given(server):
    """So that a test can see a secret go where it does not belong."""
    token = server.token()
    with GitLab() as elsewhere:
        ask(elsewhere, "/user", token=token)
        assert token.value in repr(elsewhere.requests)


def test_it_stops_with_connections_open():
    with GitLab() as server:
        port = int(server.url.rpartition(":")[2])
        wires = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(3)]
        for wire in wires:
            wire.sendall(b"GET /api/v4/version HTTP/1.1\r\n\r\n")
            assert wire.recv(1000).startswith(b"HTTP/1.1 401 ")
        wires[0].sendall(b"GET /api/v4/version HTTP/1.1\r\n")
        before = time.monotonic()
    assert time.monotonic() - before < 5
    for wire in wires:
        with wire, contextlib.suppress(ConnectionResetError):
            assert wire.recv(10) == b""
    assert not [thread for thread in threading.enumerate() if "_serve" in thread.name]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 10)


# Every route


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=5),
    st.lists(st.text(max_size=3), max_size=2),
)
NAMES = st.sampled_from(
    [
        *(
            "ref",
            "key",
            "value",
            "variables",
            "inputs",
            "cron",
            "cron_timezone",
            "description",
            "body",
            "state",
            "name",
        ),
        *(
            "labels",
            "title",
            "content",
            "enabled",
            "scope",
            "filter",
            "target_project_id",
            "push_access_level",
            "page",
        ),
        *(
            "per_page",
            "updated_after",
            "from",
            "to",
            "job",
            "token",
            "select",
            "pagination",
            "cursor",
            "sha",
            "masked",
        ),
    ]
)
IDS = st.sampled_from(["1", "11", "301", "1001", "50001", "7001", "main", "A", "x"])


@given(
    st.sampled_from(ROUTES), st.dictionaries(NAMES, VALUES), st.lists(IDS, min_size=4, max_size=4)
)
def test_no_request_is_too_odd(route, params, names):
    """Whatever is sent, the answer is an answer."""
    state = State(Clock(0.0), "")
    demo = state.project("group/demo", {})
    demo.pipeline()
    demo.merge_request("main")
    state.tokens["x"] = Token(1, "x", "x", state.user("x"), level=50)
    values = [*names, "11"]
    parts = []
    for place, part in enumerate(route.pattern.split("/")):
        if part[:1] in {":", "*"}:
            parts.append(values[-1 if part == ":id" else place % 4])
        else:
            parts.append(part)
    headers = {"private-token": "x", "content-type": "application/json"}
    request = Request(
        route.method, f"/api/v4{'/'.join(parts)}", headers, json.dumps(params).encode(), 0.0
    )
    assert handle(state, request).status < 500
