"""What an index has of a project: good answers of both forms, and all the bad ones."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
from collections.abc import Iterator

import pytest
import standin
from hypothesis import given
from hypothesis import strategies as st
from standin import Index

from truewheel.errors import Exit, Problem, Stop
from truewheel.net import package_index
from truewheel.net.package_index import Login, files

WHEEL = "demo-1.0+nv26.4-cp312-cp312-manylinux_2_28_x86_64.whl"
SHA = hashlib.sha256(b"bytes").hexdigest()


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    monkeypatch.setattr(package_index, "PAUSES", (0.0, 0.0))
    with standin.running() as made:
        made.files[WHEEL] = b"bytes"
        yield made


def ask(index: Index, login: Login | None = None, project: str = "demo") -> package_index.Files:
    return files(f"{index.url}simple/", project, login)


def refused(index: Index, code: Exit, login: Login | None = None) -> Problem:
    with pytest.raises(Stop) as stopped:
        ask(index, login)
    assert stopped.value.code is code
    (problem,) = stopped.value.problems
    assert problem.where.file == f"{index.url}simple/demo/"
    assert problem.hint
    return problem


@pytest.mark.parametrize("is_json", [True, False])
def test_files_are_listed_with_their_hashes(index: Index, is_json: bool):
    index.is_json = is_json
    assert ask(index) == {WHEEL: {"sha256": SHA}}


def test_an_index_may_give_no_hash(index: Index):
    index.algorithm = ""
    assert ask(index) == {WHEEL: {}}


def test_a_project_is_asked_for_by_its_normalised_name(index: Index):
    assert ask(index, project="De_Mo.x") == {}
    assert index.asked == [("GET", "/simple/de-mo-x/", None)]


@pytest.mark.parametrize("code", [404, 410])
def test_a_project_that_is_not_there_has_no_files(index: Index, code: int):
    index.gets = [standin.status(code)]
    assert ask(index) == {}


def test_an_index_that_sends_us_to_another_host_does_not_have_it_and_our_password_stays(
    index: Index,
):
    with standin.running() as other:
        other.files[WHEEL] = b"theirs"
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        index.gets = [standin.status(303, Location=f"{elsewhere}simple/demo/")]
        assert ask(index, Login("me", "secret")) == {}
        assert other.asked == []


def test_a_redirect_on_the_same_index_is_followed(index: Index):
    index.gets = [standin.status(301, Location="/simple/demo/")]
    assert ask(index, Login("me", "secret")) == {WHEEL: {"sha256": SHA}}
    assert [authorization for _, _, authorization in index.asked] == ["Basic bWU6c2VjcmV0"] * 2


def test_a_redirect_to_another_port_or_scheme_is_named(index: Index):
    index.gets = [standin.status(301, Location="https://127.0.0.1/simple/demo/")]
    problem = refused(index, Exit.REMOTE_FAILED)
    assert "301 Moved Permanently, to https://127.0.0.1/simple/demo/" in problem.message
    assert "simple" in problem.hint


def test_a_redirect_in_circles_ends(index: Index):
    index.gets = [standin.status(302, Location="/simple/demo/")] * 100
    assert "302" in refused(index, Exit.REMOTE_FAILED).message


@pytest.mark.parametrize("code", [401, 403])
def test_a_refusal_names_the_credentials(index: Index, code: int):
    index.gets = [standin.status(code)]
    problem = refused(index, Exit.REMOTE_FAILED, Login("me", "secret"))
    assert str(code) in problem.message
    assert "credentials" in problem.hint
    assert "secret" not in str(problem)


FAULTS = [
    *(standin.status(code) for code in (408, 429, 500, 502, 503, 504)),
    standin.status(
        200, "<form><input name=user><INPUT TYPE=password></form><a href=/help>help</a>"
    ),
    standin.status(200, "<!DOCTYPE html><a href=/help>help</a><a href=/>home</a>"),
    *(standin.cut, standin.status(200, "{", kind="application/json")),
    *(
        standin.status(200, text, kind="application/json")
        for text in ("[]", "[" * 99999, '{"files": 5}', '{"files": [{}]}')
    ),
]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_passing_fault_is_asked_again(index: Index, fault):
    index.gets = [fault, fault]
    assert ask(index) == {WHEEL: {"sha256": SHA}}
    assert len(index.asked) == 3


@pytest.mark.parametrize("fault", FAULTS)
def test_a_lasting_fault_ends_after_some_attempts(index: Index, fault):
    index.gets = [fault] * 9
    assert "no answer after 3 attempts: " in refused(index, Exit.REMOTE_UNREACHABLE).message
    assert len(index.asked) == 3


def test_silence_is_a_passing_fault(index: Index, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(package_index, "SILENCE", 1.0)  # an answer takes less on a busy machine too
    index.gets = [standin.hang]
    assert ask(index) == {WHEEL: {"sha256": SHA}}


def test_lasting_silence_ends_after_some_attempts(index: Index, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(package_index, "SILENCE", 0.05)
    index.gets = [standin.hang] * 9
    assert "no answer after 3 attempts: " in refused(index, Exit.REMOTE_UNREACHABLE).message


def test_an_index_that_sends_a_byte_now_and_then_has_a_deadline(
    index: Index, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(package_index, "DEADLINE", 0.2)
    index.gets = [standin.drip] * 3
    assert "not complete after" in refused(index, Exit.REMOTE_UNREACHABLE).message


def test_an_answer_without_end_is_not_read(index: Index, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(package_index, "LIMIT", 20)
    assert "more than 20 bytes" in refused(index, Exit.REMOTE_UNREACHABLE).message


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(package_index, "PAUSES", (0.0,))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(Stop, match=r"no answer after 2 attempts: .*refused") as stopped:
            files(f"http://127.0.0.1:{taken.getsockname()[1]}/simple/", "demo", None)
    assert stopped.value.code is Exit.REMOTE_UNREACHABLE


@pytest.mark.parametrize("address", ["file:///etc/", "ftp://127.0.0.1/"])
def test_no_other_scheme_is_opened(address: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(package_index, "PAUSES", ())
    with pytest.raises(Stop, match="unknown url type"):
        files(address, "demo", None)


@given(
    st.binary(max_size=80)
    | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps)
)
def test_any_answer_is_a_list_or_is_none(content: bytes | str):
    body = content if isinstance(content, bytes) else content.encode()
    assert isinstance(package_index._from_html(body, "https://index.example/simple/demo/"), dict)
    with contextlib.suppress(ValueError, RecursionError):
        package_index._from_json(body)


def test_a_link_that_is_no_address_is_passed_over():
    links = b"<a href='http://[/x.whl'></a><a name=x></a><a href='y.whl'></a>"
    assert package_index._from_html(links, "https://index.example/simple/demo/") == {"y.whl": {}}


def listed(*entries: dict[str, object]) -> bytes:
    return json.dumps({"files": entries}).encode()


@pytest.mark.parametrize(
    "entry",
    [
        {"filename": 1, "hashes": {}},
        {"filename": WHEEL, "hashes": {"sha256": 1}},
        {"filename": WHEEL, "hashes": {"sha256": None}},
        {"filename": WHEEL, "hashes": [["sha256", SHA]]},
    ],
)
def test_names_and_hashes_are_texts(entry: dict[str, object]):
    with pytest.raises(ValueError, match="no list of files"):
        package_index._from_json(listed(entry))


def test_what_an_index_says_twice_and_differently_is_no_hash():
    twice = [{"filename": WHEEL, "hashes": {"sha256": value}} for value in ("0", SHA)]
    assert package_index._from_json(listed(*twice)) == {WHEEL: {"sha256": f"0 and {SHA}"}}
    links = f'<a href="a/{WHEEL}#sha256=0">x</a><a href="b/{WHEEL}#sha256={SHA}">x</a>'.encode()
    assert package_index._from_html(links, "http://127.0.0.1/")[WHEEL] == {"sha256": f"0 and {SHA}"}
    same = [{"filename": WHEEL, "hashes": {"sha256": SHA}}] * 2
    assert package_index._from_json(listed(*same)) == {WHEEL: {"sha256": SHA}}
