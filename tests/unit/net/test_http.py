"""Whole files in and out, whatever the server does.

And the secret stays with the host that it is for.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import packages
import pytest
from packages import TOKEN, Registry

import truewheel
from truewheel.errors import Exit, Stop
from truewheel.net import http
from truewheel.net.http import Client, OtherBytes

CONTENT = bytes(range(256)) * 20_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def registry() -> Iterator[Registry]:
    with packages.running() as registry:
        yield registry


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, none of which takes time."""
    made: list[float] = []
    monkeypatch.setattr(time, "sleep", made.append)
    return made


def client(deadline: float = 60) -> Client:
    return Client({"JOB-TOKEN": TOKEN}, deadline)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_goes_there_and_comes_back(registry: Registry, tmp_path: Path):
    (tmp_path / "a").write_bytes(CONTENT)
    client().put(tmp_path / "a", registry.api + "/a")
    assert registry.files == {"/api/v4/a": CONTENT}
    assert client().get(registry.api + "/a", tmp_path / "b", SHA256)
    assert (tmp_path / "b").read_bytes() == CONTENT


def test_an_empty_file_is_a_file(registry: Registry, tmp_path: Path):
    (tmp_path / "a").touch()
    client().put(tmp_path / "a", registry.api + "/a")
    assert client().get(registry.api + "/a", tmp_path / "b", hashlib.sha256().hexdigest())
    assert (tmp_path / "b").read_bytes() == b""


def test_another_file_than_the_one_asked_for_is_not_kept(
    registry: Registry, tmp_path: Path, pauses: list[float]
):
    registry.files["/api/v4/a"] = CONTENT + b"x"
    (tmp_path / "b").write_bytes(b"older")
    with pytest.raises(OtherBytes, match=r"[0-9a-f]{64}"):
        client().get(registry.api + "/a", tmp_path / "b", SHA256)
    assert (tmp_path / "b").read_bytes() == b"older"
    assert left(tmp_path) == ["b"]
    assert not pauses


def test_a_small_file_is_read_up_to_a_limit(registry: Registry, pauses: list[float]):
    registry.files["/api/v4/a"] = CONTENT
    registry.faults = [packages.cut]
    assert client().read(registry.api + "/a", len(CONTENT)) == CONTENT, (
        "once, though it was asked for twice"
    )
    assert client().read(registry.api + "/b", len(CONTENT)) is None
    with pytest.raises(Stop, match=f"has more than {len(CONTENT) - 1} bytes") as stopped:
        client().read(registry.api + "/a", len(CONTENT) - 1)
    assert stopped.value.code is Exit.REMOTE_FAILED
    assert len(pauses) == 1


def test_what_is_not_there_leaves_no_file(registry: Registry, tmp_path: Path):
    assert not client().get(registry.api + "/a", tmp_path / "b", SHA256)
    assert left(tmp_path) == []


FAULTS = [
    packages.status(429),
    packages.status(500),
    packages.status(503),
    packages.reset,
    packages.cut,
]


@pytest.mark.parametrize("fault", FAULTS, ids=["429", "500", "503", "reset", "cut"])
def test_what_may_pass_by_itself_is_tried_again(
    fault, registry: Registry, tmp_path: Path, pauses: list[float]
):
    registry.files["/api/v4/a"] = CONTENT
    registry.faults = [fault, fault]
    assert client().get(registry.api + "/a", tmp_path / "b", SHA256)
    assert (tmp_path / "b").read_bytes() == CONTENT
    assert pauses == [1.0, 2.0]
    assert left(tmp_path) == ["b"]


@pytest.mark.parametrize("fault", FAULTS[:4], ids=["429", "500", "503", "reset"])
def test_a_file_is_sent_again_from_its_start(
    fault, registry: Registry, tmp_path: Path, pauses: list[float]
):
    (tmp_path / "a").write_bytes(CONTENT)
    registry.faults = [fault]
    client().put(tmp_path / "a", registry.api + "/a")
    assert registry.files == {"/api/v4/a": CONTENT}
    assert pauses == [1.0]


def test_a_server_says_how_long_to_wait(registry: Registry, tmp_path: Path, pauses: list[float]):
    registry.files["/api/v4/a"] = CONTENT
    registry.faults = [
        packages.status(429, Retry_After="7"),
        packages.status(503, Retry_After="nonsense"),
    ]
    assert client().get(registry.api + "/a", tmp_path / "b", SHA256)
    assert pauses == [7.0, 2.0]


def test_nobody_waits_longer_than_the_deadline(
    registry: Registry, tmp_path: Path, pauses: list[float]
):
    registry.faults = [packages.status(429, Retry_After="3600")]
    with pytest.raises(Stop, match="after 1 attempts: 429") as stopped:
        client(60).get(registry.api + "/a", tmp_path / "b", SHA256)
    assert stopped.value.code is Exit.REMOTE_UNREACHABLE
    assert not pauses


@pytest.mark.parametrize("fault", [*FAULTS[1:3], packages.cut], ids=["500", "503", "cut"])
def test_after_some_attempts_the_server_counts_as_gone(
    fault, registry: Registry, tmp_path: Path, pauses: list[float]
):
    registry.faults = [fault] * 9
    (tmp_path / "b").write_bytes(b"old")
    with pytest.raises(Stop) as stopped:
        client().get(registry.api + "/a", tmp_path / "b", SHA256)
    assert stopped.value.code is Exit.REMOTE_UNREACHABLE
    assert pauses == [*http.PAUSES]
    assert (tmp_path / "b").read_bytes() == b"old"
    assert left(tmp_path) == ["b"]


def test_a_server_that_is_not_there_counts_as_gone(tmp_path: Path, pauses: list[float]):
    with packages.running() as registry:
        address = registry.api
    with pytest.raises(Stop, match="refused") as stopped:
        client().get(address, tmp_path / "b", SHA256)
    assert stopped.value.code is Exit.REMOTE_UNREACHABLE
    assert pauses


def test_a_file_without_an_end_is_given_up(registry: Registry, tmp_path: Path):
    registry.faults = [packages.drip] * 9
    with pytest.raises(Stop, match="deadline") as stopped:
        client(0.3).get(registry.api + "/a", tmp_path / "b", SHA256)
    assert stopped.value.code is Exit.REMOTE_UNREACHABLE
    assert left(tmp_path) == []


@pytest.mark.parametrize("code", [400, 401, 403, 413])
def test_a_refusal_is_not_tried_again_and_says_what_to_do(
    code, registry: Registry, tmp_path: Path, pauses: list[float]
):
    (tmp_path / "a").write_bytes(b"x")
    registry.faults = [packages.status(code)]
    with pytest.raises(Stop, match=f"answers {code}") as stopped:
        client().put(tmp_path / "a", registry.api + "/a")
    assert stopped.value.code is Exit.REMOTE_FAILED
    assert stopped.value.problems[0].hint
    assert TOKEN not in str(stopped.value)
    assert not pauses


def test_another_host_gets_the_question_but_not_the_secret(registry: Registry, tmp_path: Path):
    with packages.running() as storage:
        storage.files["/signed/a"] = CONTENT
        registry.faults = [
            packages.status(302, Location=storage.api.removesuffix("/api/v4") + "/signed/a")
        ]
        assert client().get(registry.api + "/a", tmp_path / "b", SHA256)
        assert storage.asked == [("GET", "/signed/a", None)]
    assert (tmp_path / "b").read_bytes() == CONTENT


def test_the_same_host_gets_the_secret_again(registry: Registry, tmp_path: Path):
    registry.files["/api/v4/b"] = CONTENT
    registry.faults = [packages.status(302, Location=registry.api + "/b")]
    assert client().get(registry.api + "/a", tmp_path / "b", SHA256)
    assert registry.asked == [("GET", "/api/v4/a", TOKEN), ("GET", "/api/v4/b", TOKEN)]


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_no_redirect_leads_out_of_http(location, registry: Registry, tmp_path: Path):
    registry.faults = [packages.status(302, Location=location)]
    with pytest.raises(Stop) as stopped:
        client().get(registry.api + "/a", tmp_path / "b", SHA256)
    assert stopped.value.code is Exit.REMOTE_FAILED
    assert left(tmp_path) == []


def test_a_file_is_sent_to_no_other_place(registry: Registry, tmp_path: Path):
    (tmp_path / "a").write_bytes(b"x")
    registry.faults = [packages.status(307, Location=registry.api + "/b")]
    with pytest.raises(Stop, match="answers 307") as stopped:
        client().put(tmp_path / "a", registry.api + "/a")
    assert stopped.value.code is Exit.REMOTE_FAILED


def test_a_folder_that_is_not_there_is_no_fault_of_the_server(registry: Registry, tmp_path: Path):
    registry.files["/api/v4/a"] = b"x"
    with pytest.raises(Stop, match="cannot be written") as stopped:
        client().get(registry.api + "/a", tmp_path / "none/b", SHA256)
    assert stopped.value.code is Exit.REFUSED
    assert len(registry.asked) == 1


def test_headers_that_come_a_byte_now_and_then_have_the_same_deadline(
    registry: Registry, tmp_path: Path
):
    def drip(handler: packages.Handler) -> None:
        for _ in range(100):
            handler.wfile.write(b"H")
            handler.wfile.flush()
            if handler.server.over.wait(0.02):
                return

    registry.faults = [drip]
    began = time.monotonic()
    with pytest.raises(Stop, match="the deadline is over") as stopped:
        client(0.3).get(registry.api + "/a", tmp_path / "b", SHA256)
    assert stopped.value.code is Exit.REMOTE_UNREACHABLE
    assert time.monotonic() - began < 1.5
    assert left(tmp_path) == []


def test_a_chunk_whose_length_comes_a_byte_now_and_then_has_the_same_deadline(
    registry: Registry, tmp_path: Path
):
    def drip(handler: packages.Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;")
        while not handler.server.over.wait(0.02):
            handler.wfile.write(b"x")

    registry.faults = [drip]
    began = time.monotonic()
    with pytest.raises(Stop, match="the deadline is over"):
        client(0.3).get(registry.api + "/a", tmp_path / "b", SHA256)
    assert time.monotonic() - began < 1.5
    assert left(tmp_path) == []


def test_a_file_in_chunks_is_a_file(registry: Registry, tmp_path: Path):
    def chunks(handler: packages.Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for start in range(0, len(CONTENT), 500_000):
            piece = CONTENT[start : start + 500_000]
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        handler.wfile.write(b"0\r\n\r\n")

    registry.faults = [chunks]
    assert client().get(registry.api + "/a", tmp_path / "b", SHA256)
    assert (tmp_path / "b").read_bytes() == CONTENT


def test_a_place_that_is_not_there_takes_no_file(registry: Registry, tmp_path: Path):
    (tmp_path / "a").write_bytes(b"x")
    registry.faults = [packages.status(404)]
    with pytest.raises(Stop, match="answers 404") as stopped:
        client().put(tmp_path / "a", registry.api + "/a")
    assert stopped.value.code is Exit.REMOTE_FAILED


def test_a_server_may_name_the_date_of_the_next_attempt(
    registry: Registry, tmp_path: Path, pauses: list[float]
):
    registry.files["/api/v4/a"] = CONTENT
    later = formatdate(time.time() + 20, usegmt=True)
    registry.faults = [packages.status(503, Retry_After=later)]
    assert client().get(registry.api + "/a", tmp_path / "b", SHA256)
    assert 15 < pauses[0] <= 21


@pytest.mark.parametrize("names_scheme", [True, False])
def test_a_proxy_of_the_environment_is_used(
    names_scheme: bool, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    place = registry.api.removeprefix("http://").removesuffix("/api/v4")
    monkeypatch.setenv("http_proxy", f"http://me:pass%40@{place}" if names_scheme else place)
    monkeypatch.setenv("no_proxy", "other.example")
    logins = []

    def proxy(handler: packages.Handler) -> None:
        logins.append(handler.headers["Proxy-Authorization"])
        handler.answer(200, CONTENT)

    registry.faults = [proxy]
    assert client().get("http://packages.example/a", tmp_path / "b", SHA256)
    assert registry.asked == [("GET", "http://packages.example/a", TOKEN)]
    assert logins == ["Basic " + b64encode(b"me:pass@").decode() if names_scheme else None]


def test_a_host_without_a_proxy_is_asked_directly(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    registry.files["/api/v4/a"] = CONTENT
    assert client().get(registry.api + "/a", tmp_path / "b", SHA256)


def test_the_login_of_a_proxy_that_is_gone_is_not_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
):
    for proxy in ("http://me:s3cret@127.0.0.1:1", "http://me:s3cret@[x", "socks5://me:s3cret@x"):
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.setenv("no_proxy", "other.example")
        with pytest.raises(Stop) as stopped:
            client().get("http://packages.example/a", tmp_path / "b", SHA256)
        assert stopped.value.code is Exit.REMOTE_UNREACHABLE
        assert "s3cret" not in str(stopped.value)


def test_a_bundle_of_certificates_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    bundle = tmp_path / "bundle.pem"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    for content in (None, "no certificate"):
        if content:
            bundle.write_text(content)
        with pytest.raises(Stop, match=r"bundle\.pem: cannot be read as certificates") as stopped:
            client().get("https://127.0.0.1:1/a", tmp_path / "b", SHA256)
        assert stopped.value.code is Exit.REFUSED


def test_no_command_pays_for_urllib3_that_sends_nothing():
    code = "import sys, truewheel.net.http, truewheel.forges.calls; print(*sorted(sys.modules))"
    env = {"PYTHONPATH": str(Path(truewheel.__file__).parents[1])}
    argv = [sys.executable, "-c", code]
    loaded = subprocess.run(argv, env=env, check=True, capture_output=True, text=True)
    assert "truewheel.net.http" in loaded.stdout.split()
    assert not {"urllib3", "urllib.request", "http.client", "ssl"} & set(loaded.stdout.split())
