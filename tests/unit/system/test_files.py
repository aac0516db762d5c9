"""Whole files at the edge."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path

import pytest

from truewheel.errors import Exit, Stop
from truewheel.system import files


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_text_is_written_as_it_is(tmp_path):
    target = tmp_path / "plan.json"
    files.write_text(target, "one\r\ntwö\n")
    assert target.read_bytes() == "one\r\ntwö\n".encode()
    files.write_text(target, "new\n")
    assert target.read_bytes() == b"new\n"
    assert names(tmp_path) == ["plan.json"]


def test_others_can_read_what_was_written(tmp_path):
    before = os.umask(0o022)
    try:
        files.write_text(tmp_path / "plan.json", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "plan.json").stat().st_mode) == 0o644


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError(errno.ENOSPC, "full")])
def test_a_failure_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, failure):
    target = tmp_path / "plan.json"
    target.write_text("old")
    seen = []

    def fail(self, content):
        seen.append(self.name)
        with self.open("wb") as stream:
            stream.write(content[:1])
        raise failure

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises((KeyboardInterrupt, Stop)):
        files.write_text(target, "new")
    assert seen[0].startswith(".")
    assert names(tmp_path) == ["plan.json"]
    assert target.read_text() == "old"


def test_a_folder_that_is_not_there_is_a_problem_not_a_traceback(tmp_path):
    with pytest.raises(Stop, match=r"none/plan\.json: cannot be written: No such file") as caught:
        files.write_text(tmp_path / "none" / "plan.json", "text")
    assert caught.value.code == Exit.REFUSED
    assert caught.value.problems[0].hint


def test_a_file_moves(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "b").write_bytes(b"old")
    files.move(tmp_path / "a", tmp_path / "b")
    assert names(tmp_path) == ["b"]
    assert (tmp_path / "b").read_bytes() == b"content"


@pytest.fixture
def two_file_systems(tmp_path, monkeypatch):
    """Two folders between which a rename is refused, as between file systems."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    rename = Path.replace

    def refuse(self, target):
        if self.parent != Path(target).parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    return tmp_path / "one", tmp_path / "two"


def test_a_file_moves_to_another_file_system(two_file_systems):
    one, two = two_file_systems
    (one / "x.whl").write_bytes(b"content")
    files.move(one / "x.whl", two / "x.whl")
    assert (names(one), names(two)) == ([], ["x.whl"])
    assert (two / "x.whl").read_bytes() == b"content"


def test_a_move_that_fails_halfway_leaves_the_source_alone(two_file_systems, monkeypatch):
    one, two = two_file_systems
    (one / "x.whl").write_bytes(b"content")

    def fail(source, hidden):
        Path(hidden).write_bytes(b"cont")
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(files.shutil, "copy2", fail)
    with pytest.raises(Stop, match=r"two/x\.whl: cannot be written: No space left"):
        files.move(one / "x.whl", two / "x.whl")
    assert (names(one), names(two)) == (["x.whl"], [])


@pytest.mark.parametrize("size", [0, 1, files.CHUNK, files.CHUNK + 1])
def test_the_digest_is_that_of_all_bytes(tmp_path, size):
    content = (b"wheel" * (size // 5 + 1))[:size]
    (tmp_path / "x").write_bytes(content)
    assert files.sha256(tmp_path / "x") == hashlib.sha256(content).hexdigest()


def test_a_file_that_is_not_there_has_no_digest(tmp_path):
    with pytest.raises(Stop, match="cannot be read: No such file"):
        files.sha256(tmp_path / "x")
