"""How commands end that something stops."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Run

from truewheel.workspace import loading


@pytest.fixture
def small_disk(here: Path) -> Iterator[Path]:
    """A file system of three pages with the project in two of them; unmounted afterwards."""
    disk = here / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12k", "none", str(disk)], check=False
    ).returncode:
        pytest.skip("mount is not allowed here")
    shutil.copy(here / "truewheel.yml", disk)
    shutil.copy(here / "VERSION", disk)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize(
    "argv", [("plan", "--output", "disk/plan.json"), ("generate", "--spec", "disk/truewheel.yml")]
)
def test_a_full_disk_is_named_and_ends_with_1(
    here: Path, small_disk: Path, truewheel: Run, argv: tuple[str, ...]
):
    (small_disk / "full").write_bytes(b"x" * 4096)
    code, _, err = truewheel(*argv)
    assert code == 1
    assert "disk/" in err
    assert "No space left on device" in err
    assert err.count("\n") <= 2


def test_a_read_only_disk_is_named_and_ends_with_1(here: Path, small_disk: Path, truewheel: Run):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    code, _, err = truewheel("plan", "--output", "disk/plan.json")
    assert code == 1
    assert err.startswith("disk/plan.json: cannot be written: Read-only file system\n")


def test_an_interruption_is_told_without_a_traceback(
    here: Path, truewheel: Run, monkeypatch: pytest.MonkeyPatch
):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(loading, "load", interrupted)
    assert truewheel("plan") == (130, "", "interrupted\n")


def test_a_refusal_of_the_file_system_is_shown(
    here: Path, truewheel: Run, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "pipelines")

    monkeypatch.setattr(Path, "mkdir", full)
    assert truewheel("generate") == (1, "", "pipelines: No space left on device\n")
