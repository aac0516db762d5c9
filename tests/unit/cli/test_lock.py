"""truewheel lock, and what a lock changes."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from command_line import Run
from registries import Registry

BUILT = ("container", "--target", "rhel8", "--arch", "aarch64")


def test_a_lock_is_written_and_a_second_time_unchanged(
    truewheel: Run, registry: Registry, tmp_path: Path
):
    digest = registry.keep("ubi", "8", b"{1}")
    assert "would write truewheel.lock" in truewheel("lock", "--dry-run")[1]
    assert not (tmp_path / "truewheel.lock").exists()
    code, out, _ = truewheel("lock")
    assert code == 0
    assert f"{registry.host}/ubi:8 {digest} (new)" in out
    assert f"FROM {registry.host}/ubi:8@{digest} AS build" in truewheel(*BUILT, "--show")[1]
    assert "can move" not in truewheel("plan")[2]
    assert truewheel("lock")[1].endswith("truewheel.lock: unchanged\n")
    registry.keep("ubi", "8", b"{2}")
    assert f"(was {digest})" in truewheel("lock")[1]


def test_without_a_lock_a_plan_warns_and_asks_nobody(truewheel: Run, registry: Registry):
    for command in ("plan", "generate", "check"):
        code, _, err = truewheel(command)
        assert code == 0
        assert "ubi:8 can move: no digest is locked" in err
    assert registry.seen == []


def test_a_lock_that_cannot_be_made_leaves_the_old_one(
    truewheel: Run, registry: Registry, tmp_path: Path
):
    truewheel("lock")
    before = (tmp_path / "truewheel.lock").read_bytes()
    registry.faults = [500] * 9
    code, _, err = truewheel("lock")
    assert code == 6
    assert "the registry cannot be asked: HTTP 500" in err
    registry.faults = []
    registry.manifests.clear()
    code, _, err = truewheel("lock")
    assert code == 2
    assert f"truewheel.yml:4:31: the registry has no {registry.host}/ubi:8" in err
    assert (tmp_path / "truewheel.lock").read_bytes() == before


def test_a_broken_lock_is_told_with_its_line(truewheel: Run, registry: Registry, tmp_path: Path):
    (tmp_path / "truewheel.lock").write_text("images: {x: latest}\n")
    code, _, err = truewheel("plan")
    assert code == 2
    assert "truewheel.lock:1:13: 'latest' is no digest" in err


def test_truewheel_itself_is_locked_with_the_hash_of_its_wheel(
    truewheel: Run, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "truewheel.yml").write_text(
        (tmp_path / "truewheel.yml").read_text().replace("scripts: scripts\n", "")
    )
    for name in ("PIP_CONFIG_FILE", "PIP_FIND_LINKS"):
        monkeypatch.setenv(name, str(tmp_path / "index") if "FIND" in name else "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    code, _, err = truewheel("lock")
    assert code == 0
    assert "no package index has truewheel==" in err
    (tmp_path / "index").mkdir()
    with zipfile.ZipFile(tmp_path / "index/truewheel-0.1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(
            "truewheel-0.1.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: truewheel\nVersion: 0.1.0\n",
        )
        wheel.writestr(
            "truewheel-0.1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
        )
    code, _, err = truewheel("lock")
    assert code == 0, err
    assert (
        "truewheel: 'truewheel==0.1.0 --hash=sha256:" in (tmp_path / "truewheel.lock").read_text()
    )
    assert "--requirement /opt/venv-wheels/truewheel.txt" in truewheel(*BUILT, "--show")[1]
    assert "has no truewheel" not in truewheel("plan")[2]
