"""No user name, password or query of an address is printed.

Whoever reads the log of a job could use it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from truewheel.errors import Problem, Stop, Where, plain_addresses
from truewheel.forges import calls
from truewheel.forges.github.actions import Pin
from truewheel.forges.github.api import action_updates
from truewheel.net import container_registry, http, package_index
from truewheel.system import processes

KEY = "s3cret"
LEADS = (
    f"http://me:{KEY}@127.0.0.1:1/x?sig={KEY}#{KEY}",
    f"http://me:{KEY}@localhost:1/x?sig={KEY}",
    f"https://me:{KEY}@127.0.0.1:1/x?sig={KEY}",
    f"http://127.0.0.1:1/x?sig={KEY}\x01",
    f"http://127.0.0.1:x/y?sig={KEY}",
    f"http://me:{KEY}@[x/y?sig={KEY}",
    f"ftp://me:{KEY}@127.0.0.1/x?sig={KEY}",
    f"mailto:me?sig={KEY}",
    f"//me:{KEY}@127.0.0.1:1/x?sig={KEY}",
    f"/x?sig={KEY}",
)


@contextmanager
def leading(location: str, status: int = 302, **headers: str) -> Iterator[str]:
    """A server that answers everything with a redirect; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if "sig" not in self.path else 500)
            for name, value in {"Location": location, "Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Write no log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def get_file(address: str, folder: Path) -> None:
    http.Client({"JOB-TOKEN": KEY}, 60).get(f"{address}/file", folder / "file", "0" * 64)


def list_files(address: str, _: Path) -> None:
    package_index.files(f"{address}/simple", "demo", None)


def ask_registry(address: str, _: Path) -> None:
    container_registry.digest(
        f"{address.partition('//')[2]}/group/x:1", {"HOME": "/nonexistent"}, pause=lambda _: None
    )


def ask_git(address: str, folder: Path) -> None:
    address = address.replace("//", f"//me:{KEY}@")
    action_updates.newest(
        {"group/x": Pin("f" * 40, "v1.0.0")}, {**calm(folder), "GITHUB_SERVER_URL": address}
    )


def calm(folder: Path) -> dict[str, str]:
    return {
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "PATH": "/usr/bin:/bin",
        "no_proxy": "127.0.0.1",
    }


@pytest.mark.parametrize("ask", [get_file, list_files, ask_registry, ask_git])
@pytest.mark.parametrize("location", LEADS)
def test_what_a_redirect_has_is_not_repeated(
    ask: Callable[[str, Path], None], location: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    with leading(location) as address:
        try:
            ask(address, tmp_path)
            said = f"{address} has none"
        except Stop as stopped:
            said = f"{stopped} {stopped.problems}"
    assert "127.0.0.1" in said
    assert KEY not in said


def test_a_registrys_place_for_tokens_is_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    challenge = f'Bearer realm="http://me:{KEY}@127.0.0.1:1/token?sig={KEY}",service="x"'
    with leading(
        "", status=401, WWW_Authenticate=challenge, **{"WWW-Authenticate": challenge}
    ) as address:
        with pytest.raises(Stop) as stopped:
            ask_registry(address, tmp_path)
        assert KEY not in str(stopped.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text, with a ? and an @", "plain text, with a ? and an @"),
        ("https://index.example/simple/", "https://index.example/simple/"),
        (
            "at https://me:pass@index.example:8080/a/b?c=d#e, too",
            "at https://index.example:8080/a/b too",
        ),
        ("'https://me@x.example?a'", "'https://x.example'"),
        ('"https://a:b@c@x.example/"', '"https://x.example/"'),
        ("git+ssh://git@x.example/a.git@main", "git+ssh://x.example/a.git@main"),
        ("two: http://a:b@x/ and https://c:d@y/?z", "two: http://x/ and https://y/"),
        ("https?://a", "https?://a"),
        ("<https://me:pass@x.example/?q>", "<https://x.example/>"),
        *((f"https://me:pa{sign}ss@x.example/a", "https://x.example/a") for sign in "'\"/ #?@:,"),
        ("'https://me:pa'ss@x.example/a' failed", "'https://x.example/a' failed"),
        ("https://x.example:80/a and me@y.example", "https://x.example:80/a and me@y.example"),
        ("https://x:80/ and https://c:d@y/?z", "https://x:80/ and https://y/"),
        ("git+ssh://x.example:22/a.git@main", "git+ssh://x.example:22/a.git@main"),
        ("https://x.example: it knows no me@y", "https://x.example: it knows no me@y"),
    ],
)
def test_an_address_keeps_its_place_alone(text: str, expected: str):
    assert plain_addresses(text) == expected


def test_a_problem_and_a_line_of_a_job_have_plain_addresses(capsys: pytest.CaptureFixture[str]):
    address = f"https://me:{KEY}@x.example/y?z={KEY}"
    problem = Problem(Where(address), f"{address} is bad", f"not {address}")
    assert problem == Problem(
        Where("https://x.example/y"), "https://x.example/y is bad", "not https://x.example/y"
    )
    processes.say(f"build environment with foo @ {address}")
    assert capsys.readouterr().err == "build environment with foo @ https://x.example/y\n"
    assert calls.plain(f"no: {address}") == "no: https://x.example/y"
