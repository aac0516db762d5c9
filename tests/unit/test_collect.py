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
from truewheel.forge.model import Job, Look, Run
from truewheel.problems import Exit, Stop

JOB = Job("1", 7, "wheel", "wheel", "success", "", has_artifacts=True)


class Artifacts:
    """A forge that has nothing but artifacts."""

    def __init__(self, archives: Mapping[int, bytes]) -> None:
        self._archives = archives
        self.asked: list[str] = []

    def artifacts(self, job: Job, file: Path) -> None:
        self.asked.append(job.name)
        file.write_bytes(self._archives[job.id])


def archive(members: Mapping[str | zipfile.ZipInfo, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as opened:
        for name, data in members.items():
            opened.writestr(name, data)
    return content.getvalue()


def collected(out: Path, *jobs: Job, **archives: bytes) -> Artifacts:
    forge: Any = Artifacts({int(name[1:]): content for name, content in archives.items()})
    look = Look(Run("1", 1, "success", ""), tuple(jobs) or (JOB,))
    collect.collect(forge, look, out, lambda _: None)
    return forge


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_plan_wheels_and_evidence_are_taken_wherever_they_lie(tmp_path: Path):
    collected(
        tmp_path,
        j7=archive({
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
    collected(tmp_path / "out", j7=archive({name: b"x"}))
    assert files(tmp_path) == {}


def test_a_link_is_a_file(tmp_path: Path):
    link = zipfile.ZipInfo("foo.whl")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    collected(tmp_path, j7=archive({link: b"/etc/passwd"}))
    assert not (tmp_path / "foo.whl").is_symlink()


def test_jobs_that_failed_or_have_nothing_are_left_out_and_the_plan_comes_first(tmp_path: Path):
    jobs = [
        JOB,
        JOB._replace(id=8, name="failed", state="failed"),
        JOB._replace(id=9, name="none", has_artifacts=False),
        JOB._replace(id=6, name="plan", stage="plan"),
    ]
    assert collected(tmp_path, *jobs, j7=archive({}), j6=archive({})).asked == ["plan", "wheel"]


@pytest.mark.parametrize("content", [b"", b"no zip", archive({"plan.json": b"x" * 99})[:-30]])
def test_a_broken_archive_is_said_to_be_and_leaves_nothing(tmp_path: Path, content: bytes):
    with pytest.raises(Stop, match="artifacts of wheel") as stopped:
        collected(tmp_path, j7=content)
    assert stopped.value.code is Exit.WHEEL
    assert files(tmp_path) == {}
