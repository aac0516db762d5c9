"""The wheels of a pipeline out of the artifacts of its jobs."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from truewheel.forge import collect
from truewheel.forge.model import Archive, Look, Run
from truewheel.problems import Exit, Stop

LOOK = Look(Run("1", 1, "success", ""), ())


class Artifacts:
    """A forge that has nothing but archives."""

    def __init__(self, archives: Mapping[str, bytes]) -> None:
        self._archives = archives

    def archives(self, look: Look) -> list[Archive]:
        assert look is LOOK
        return [Archive("1", number, name) for number, name in enumerate(self._archives)]

    def fetch(self, archive: Archive, file: Path) -> None:
        file.write_bytes(self._archives[archive.name])


def archive(members: Mapping[str | zipfile.ZipInfo, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as opened:
        for name, data in members.items():
            opened.writestr(name, data)
    return content.getvalue()


def collected(out: Path, **archives: bytes) -> None:
    forge: Any = Artifacts(archives)
    collect.collect(forge, LOOK, out, lambda _: None)


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_plan_wheels_and_evidence_are_taken_wherever_they_lie(tmp_path: Path):
    collected(
        tmp_path,
        wheel=archive({
            "plan.json": b"plan",
            "dist/foo-1.0-py3-none-any.whl": b"wheel",
            "build/out/bar-1.0-py3-none-any.whl": b"other",
            "dist/evidence/foo__any.json": b"record",
            "dist/evidence/foo__any.xml": b"report",
            "dist/copies/pypi/foo-1.0-py3-none-any.whl": b"copy",
            "names.md": b"note",
        }),
    )  # fmt: skip
    assert files(tmp_path) == {
        "plan.json": b"plan",
        "foo-1.0-py3-none-any.whl": b"wheel",
        "bar-1.0-py3-none-any.whl": b"other",
        "evidence/foo__any.json": b"record",
    }


@pytest.mark.parametrize(
    "name",
    ["../foo.whl", "/foo.whl", "a/../../foo.whl", "a\\..\\foo.whl", "evidence/../../x.json", "foo.whl/", "plan.json/x"],
)
def test_nothing_is_written_outside(tmp_path: Path, name: str):
    collected(tmp_path / "out", wheel=archive({name: b"x"}))
    assert files(tmp_path) == {}


def test_a_link_is_a_file(tmp_path: Path):
    link = zipfile.ZipInfo("foo.whl")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    collected(tmp_path, wheel=archive({link: b"/etc/passwd"}))
    assert not (tmp_path / "foo.whl").is_symlink()


@pytest.mark.parametrize("content", [b"", b"no zip", archive({"plan.json": b"x" * 99})[:-30]])
def test_a_broken_archive_is_said_to_be_and_leaves_nothing(tmp_path: Path, content: bytes):
    with pytest.raises(Stop, match="artifacts of wheel") as stopped:
        collected(tmp_path, wheel=content)
    assert stopped.value.code is Exit.WHEEL
    assert files(tmp_path) == {}
