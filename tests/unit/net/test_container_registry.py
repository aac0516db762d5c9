"""Asking a registry.

What an image's name means, how to log in, and what is said when a registry misbehaves.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import registries
from registries import Registry, serving

from truewheel.errors import Exit, Stop
from truewheel.net import container_registry
from truewheel.net.container_registry import Image
from truewheel.net.http import Client

CONTENT = b'{"schemaVersion": 2}'


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def stand_in() -> Iterator[Registry]:
    with serving(Registry()) as serves:
        yield serves


def digest(stand_in: Registry, name: str = "group/base:1", **env: str) -> str | None:
    return container_registry.digest(f"{stand_in.host}/{name}", env, pause=lambda _: None)


def refused(stand_in: Registry, **env: str) -> str:
    with pytest.raises(Stop) as stopped:
        digest(stand_in, **env)
    assert stopped.value.code is Exit.REMOTE_UNREACHABLE
    assert stopped.value.problems[0].hint
    return str(stopped.value.problems[0])


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("debian", Image("docker.io", "library/debian", "latest")),
        ("debian:12", Image("docker.io", "library/debian", "12")),
        ("group/x:1", Image("docker.io", "group/x", "1")),
        ("docker.io/library/python:3.12", Image("docker.io", "library/python", "3.12")),
        ("localhost/x", Image("localhost", "x", "latest")),
        ("localhost:5000/a/b:1", Image("localhost:5000", "a/b", "1")),
        ("r.example/a/b/c", Image("r.example", "a/b/c", "latest")),
        ("r.example/a:1@sha256:0", Image("r.example", "a", "sha256:0")),
    ],
)
def test_a_name_is_read_as_container_tools_read_it(name: str, image: Image):
    assert container_registry.parse(name) == image


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("debian", "https://registry-1.docker.io"),
        ("r.example/x", "https://r.example"),
        ("127.0.0.1:5/x", "http://127.0.0.1:5"),
        ("localhost.example/x", "https://localhost.example"),
    ],
)
def test_only_a_registry_of_this_machine_needs_no_tls(name: str, address: str):
    assert container_registry.parse(name).address == address


def test_variables_in_a_name_are_filled_in():
    env = {"R": "r.example/g", "EMPTY": ""}
    assert (
        container_registry.expanded("$R/x:1", env)
        == container_registry.expanded("${R}/x:1", env)
        == "r.example/g/x:1"
    )
    with pytest.raises(Stop, match="EMPTY is not set here"):
        container_registry.expanded("$EMPTY/x", env)
    assert container_registry.local_name("$EMPTY/x:1", env) == "localhost/x:1"


@pytest.mark.parametrize("names_digest", [True, False])
def test_the_digest_of_a_tag(stand_in: Registry, names_digest: bool):
    stand_in.names_digest = names_digest
    assert digest(stand_in) is None
    expected = stand_in.keep("group/base", "1", CONTENT)
    assert digest(stand_in) == expected
    assert digest(stand_in, f"group/base@{expected}") == expected


@pytest.mark.parametrize("scheme", ["Bearer", "Basic"])
def test_a_login_is_used(scheme: str, tmp_path: Path):
    with serving(Registry(("me", "pass:word"), scheme)) as stand_in:
        expected = stand_in.keep("group/base", "1", CONTENT)
        auth = base64.b64encode(b"me:pass:word").decode()
        (tmp_path / "config.json").write_text(
            json.dumps({"auths": {stand_in.host: {"auth": auth}}})
        )
        assert digest(stand_in, DOCKER_CONFIG=str(tmp_path)) == expected
        assert digest(stand_in, REGISTRY_AUTH_FILE=str(tmp_path / "config.json")) == expected
        job = {
            "CI_REGISTRY": stand_in.host,
            "CI_REGISTRY_USER": "me",
            "CI_REGISTRY_PASSWORD": "pass:word",
        }
        assert digest(stand_in, **job) == expected
        assert "HTTP 401" in refused(stand_in, **{**job, "CI_REGISTRY": "r.example"})
        assert "pass:word" not in refused(stand_in, **{**job, "CI_REGISTRY_PASSWORD": "wrong"})


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"auths": 5}', '{"auths": {"HOST": {"auth": "***"}}}']
)
def test_a_file_of_logins_that_cannot_be_read_is_none(
    stand_in: Registry, tmp_path: Path, text: str
):
    (tmp_path / "config.json").write_text(text.replace("HOST", stand_in.host))
    assert digest(stand_in, DOCKER_CONFIG=str(tmp_path)) is None


def test_a_password_goes_nowhere_without_tls():
    with serving(Registry(("me", "secret"))) as stand_in, serving(Registry()) as thief:
        image = container_registry.parse("r.example/x")
        challenge = f'Bearer realm="{thief.realm}",service="x"'
        with pytest.raises(Stop, match="without TLS"):
            container_registry._authorization(challenge, image, ("me", "secret"), Client({}, 1))
        assert thief.seen == stand_in.seen == []


@pytest.mark.parametrize("faults", [[503], [500, "hang up"], [429]])
def test_what_passes_by_itself_is_asked_again(stand_in: Registry, faults: list[int | str]):
    expected = stand_in.keep("group/base", "1", CONTENT)
    stand_in.faults = list(faults)
    assert digest(stand_in) == expected


def test_pauses_grow(stand_in: Registry):
    stand_in.faults, pauses = [500, 500, 500], []
    with pytest.raises(Stop, match="HTTP 500"):
        container_registry.digest(f"{stand_in.host}/x", {}, pause=pauses.append)
    assert pauses == [1.0, 2.0]
    assert len(stand_in.seen) == container_registry.TRIES


def test_what_does_not_pass_ends_in_a_message(stand_in: Registry):
    stand_in.faults = ["hang up"] * 3
    assert "the registry cannot be asked" in refused(stand_in)
    stand_in.faults = [403]
    assert "the registry refuses: HTTP 403" in refused(stand_in)


def test_a_registry_that_is_not_there_ends_in_a_message(stand_in: Registry):
    gone = Registry()
    with serving(gone):
        pass
    assert "refused" in refused(gone)


def test_a_silent_registry_ends_in_a_message(stand_in: Registry, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(container_registry, "SILENCE", 0.05)
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        quiet = Registry()
        quiet.host = f"127.0.0.1:{silent.getsockname()[1]}"
        assert "timed out" in refused(quiet)


@pytest.mark.parametrize(
    ("content", "came"),
    [
        *(
            (b"<!DOCTYPE html><p>SECRET", "a page (HTML)"),
            (b"[]", "a JSON list"),
            (b"null", "nothing (null)"),
        ),
        *((b"5", "a JSON number"), (b"", "an empty answer")),
    ],
)
def test_what_is_no_manifest_has_no_digest(stand_in: Registry, content: bytes, came: str):
    stand_in.keep("group/base", "1", content, "text/html")
    told = refused(stand_in)
    assert told.startswith(f"http://{stand_in.host}/v2/group/base/manifests/1: answers with ")
    assert came in told
    assert "SECRET" not in told


def test_a_digest_must_be_that_of_the_content(stand_in: Registry):
    other = stand_in.keep("group/base", "2", CONTENT + b" ")
    stand_in.keep("group/base", "1", CONTENT)
    stand_in.manifests[f"group/base:{other}"] = stand_in.manifests["group/base:1"]
    with pytest.raises(Stop, match="a digest that is not that of its content"):
        digest(stand_in, f"group/base@{other}")


@pytest.mark.parametrize(
    ("content", "came"), [(b"<p>", "a page (HTML)"), (b"[]", "a JSON list"), (b"null", "null")]
)
def test_a_token_that_is_none(
    stand_in: Registry, content: bytes, came: str, monkeypatch: pytest.MonkeyPatch
):
    stand_in.login = ("me", "secret")
    monkeypatch.setattr(
        registries._Handler, "_token", lambda handler: handler._answer(200, {}, content)
    )
    told = refused(stand_in)
    assert told.startswith(f"{stand_in.realm}: gives no token: ")
    assert came in told


def test_a_registry_that_sends_a_byte_now_and_then_has_a_deadline(
    stand_in: Registry, monkeypatch: pytest.MonkeyPatch
):
    tick = threading.Event()

    def drip(handler: registries._Handler, *_: str) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b" ")
            tick.wait(0.02)  # time.sleep is replaced in other tests while this thread ends

    monkeypatch.setattr(registries._Handler, "_manifest", drip)
    monkeypatch.setattr(container_registry, "DEADLINE", 0.2)
    began = time.monotonic()
    assert "not complete after 0 s" in refused(stand_in)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("name", ["-v/:/h", "--privileged", "$X/a"])
def test_no_image_is_an_option(name: str):
    with pytest.raises(Stop, match="which a program would read as an option"):
        container_registry.expanded(name, {"X": "--mount=a"})
    assert not container_registry.local_name(name, {"X": "--mount=a"}).startswith("-")


def test_a_login_stays_with_the_registry_that_was_asked(tmp_path: Path):
    """Where a registry leads to another host, that one does not name the place for logins."""
    login = base64.b64encode(b"me:hush").decode()
    with serving(Registry(login=("me", "hush"))) as other, serving(Registry()) as asked:
        other.keep("group/base", "1", CONTENT)
        asked.faults = [f"http://{other.host}/v2/group/base/manifests/1"]
        (tmp_path / "config.json").write_text(
            json.dumps({"auths": {asked.host: {"auth": login}, other.host: {"auth": login}}})
        )
        text = refused(asked, DOCKER_CONFIG=str(tmp_path))
        assert "it leads to another host, which asks for a login" in text
        assert [authorization for *_, authorization in other.seen] == [""]
