"""Where the running Truewheel came from: what installers record, and what that means for `tool`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import yaml
from specs import spec_of

from truewheel.init import tool_origin
from truewheel.spec.tool import Tool

NAME = "truewheel-0.2.0-py3-none-any.whl"
COMMIT = "c" * 40
SHA256 = hashlib.sha256(b"wheel").hexdigest()


def record(url: str, **fields: object) -> str:
    return json.dumps({"url": url, **fields})


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "with space" / NAME
    path.parent.mkdir()
    path.write_bytes(b"wheel")
    return path


@pytest.mark.parametrize(
    "archive", [{}, {"hash": f"sha256={SHA256}"}, {"hashes": {"sha256": SHA256}}]
)
def test_a_wheel_file_is_copied_with_its_hash(wheel: Path, archive: dict[str, object]):
    origin = tool_origin.of_record(record(wheel.as_uri(), archive_info=archive), "0.2.0")
    assert origin.tool == Tool(file=f"ci/{NAME}", sha256=SHA256)
    assert origin.wheel == wheel
    assert f"cp {wheel} ci" in tool_origin.copy_hint(origin)


def test_a_wheel_that_is_gone_is_named(wheel: Path):
    wheel.unlink()
    archive = {"hashes": {"sha256": SHA256}}
    origin = tool_origin.of_record(record(wheel.as_uri(), archive_info=archive), "0.2.0")
    assert origin.tool == Tool()
    assert origin.reason.endswith("is no longer there")
    assert SHA256 in origin.hint


def test_a_wheel_that_was_replaced_is_not_taken(wheel: Path):
    archive = {"hashes": {"sha256": "0" * 64}}
    origin = tool_origin.of_record(record(wheel.as_uri(), archive_info=archive), "0.2.0")
    assert "is not the file from which this Truewheel was installed" in origin.reason


@pytest.mark.parametrize(
    "url", ["https://git.example/a.git", "https://me:secret@git.example/a.git"]
)
def test_a_commit_of_git_is_taken_without_the_user_of_its_address(url: str):
    vcs = {"vcs": "git", "commit_id": COMMIT, "requested_revision": "main"}
    origin = tool_origin.of_record(record(url, vcs_info=vcs), "0.2.0")
    assert origin.tool == Tool(git="https://git.example/a.git", commit=COMMIT)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            record("ssh://git@git.example/a", vcs_info={"vcs": "git", "commit_id": COMMIT}),
            "which jobs may not reach",
        ),
        (
            record("https://git.example/a", vcs_info={"vcs": "hg", "commit_id": COMMIT}),
            "which jobs may not reach",
        ),
        (record("file:///src/a", dir_info={"editable": True}), "the folder /src/a"),
        (record("file:///src/a", dir_info={}), "the folder /src/a"),
        (record(f"https://index.example/{NAME}", archive_info={}), "no file with a hash is known"),
        ("{", "is damaged"),
        ("[]", "is damaged"),
        (None, "its hashes are not known here"),
    ],
)
def test_where_jobs_cannot_get_it_the_reason_and_the_way_out_are_given(
    text: str | None, reason: str
):
    origin = tool_origin.of_record(text, "0.2.0")
    assert origin.tool == Tool()
    assert reason in origin.reason
    assert origin.hint


def test_a_version_of_an_index_is_taken_where_the_lock_has_its_hashes():
    pin = f"truewheel==0.2.0 --hash=sha256:{SHA256}"
    origin = tool_origin.of_record(None, "0.2.0", pin)
    assert origin.tool == Tool(requirement="truewheel==0.2.0", hashes=(f"sha256:{SHA256}",))
    assert tool_origin.of_record(None, "0.3.0", pin).tool == Tool()


def test_the_tests_themselves_run_from_a_checkout():
    origin = tool_origin.running()
    assert "runs from the folder" in origin.reason
    assert "make wheel" in origin.hint


@pytest.mark.parametrize(
    "tool",
    [
        Tool(file=f"ci/{NAME}", sha256="1" * 64),
        Tool(git="https://git.example/a.git", commit="1" * 40),
        Tool(requirement="truewheel==0.2.0", hashes=(f"sha256:{SHA256}",)),
    ],
)
def test_the_line_is_read_back_as_it_was(tool: Tool):
    line = tool_origin.line(tool)
    assert yaml.safe_load(line).keys() == {"tool"}
    assert spec_of(f"packages: {{foo: {{}}}}\ntargets: {{one: {{}}}}\n{line}\n").tool == tool
