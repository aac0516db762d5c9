"""Images of proven wheels: what prove has passed gets in, and nothing that was changed after it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import wheels
from specs import project

from truewheel import cli
from truewheel.build import evidence, prove
from truewheel.plan import plan_file
from truewheel.system.files import sha256

SPEC = """\
truewheel: 1
packages: {demo: {version: {file: VERSION}}, ext: {version: {file: VERSION}}}
targets:
  debian12: {family: debian, base: 'debian@sha256:0', container: {stages: {run: {wheels: [demo]}}}}
images: {registry: r.example/x}
setup: ['true']
"""
WHEEL = "demo-1.0-cp312-cp312-manylinux_2_36_x86_64.whl"
CONTAINER = (
    "container",
    "--target",
    "debian12",
    "--arch",
    "x86_64",
    "--stage",
    "run",
    "--engine",
    "podman",
)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def truewheel(capfd: pytest.CaptureFixture[str]) -> Run:
    def run(*argv: str) -> tuple[int, str, str]:
        code = cli.main(argv)
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run


@pytest.fixture
def dist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, truewheel: Run) -> Path:
    """A folder with a plan and its proven wheels, and a stand-in for podman."""
    monkeypatch.chdir(project(tmp_path, SPEC, {"bin/podman": "#!/bin/sh\nexit 0\n"}))
    (tmp_path / "bin/podman").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    folder = tmp_path / "dist"
    (folder / "evidence").mkdir(parents=True)
    assert truewheel("plan", "--output", "dist/plan.json")[0] == 0
    plan = plan_file.read((folder / "plan.json").read_text(encoding="utf-8"), "plan.json")
    for cell in plan.cells:
        wheel = wheels.make(folder, cell.wheel, {f"{cell.package}/_core.so": wheels.elf_file()})
        record = {"version": 1, "cell": cell.id, "wheel": cell.wheel, "sha256": sha256(wheel)}
        evidence.path(folder, cell.id).write_text(json.dumps(record))
    assert prove.prove(folder, plan).ok
    return folder


def test_the_context_has_the_proven_wheel_and_its_hash_alone(dist: Path, truewheel: Run):
    code, out, err = truewheel(*CONTAINER)
    assert code == 0, err
    assert out.startswith("r.example/x/run/debian12-x86_64:")
    context = dist.parent / "build/container/debian12-x86_64-run"
    files = {path.relative_to(context).as_posix() for path in context.rglob("*") if path.is_file()}
    assert files == {"Containerfile", "wheels/run.txt", f"wheels/{WHEEL}"}
    assert (
        context / "wheels/run.txt"
    ).read_text() == f"/run/wheels/{WHEEL} --hash=sha256:{sha256(dist / WHEEL)}\n"
    assert (context / "wheels" / WHEEL).read_bytes() == (dist / WHEEL).read_bytes()


def test_a_dry_run_names_the_image_and_writes_nothing(dist: Path, truewheel: Run):
    code, out, _ = truewheel(*CONTAINER, "--dry-run", "--push")
    assert code == 0
    assert "podman push r.example/x/run/debian12-x86_64:" in out
    assert not (dist.parent / "build").exists()


def test_its_containerfile_is_shown_before_anything_is_built(dist: Path, truewheel: Run):
    (dist / "plan.json").unlink()
    code, out, _ = truewheel(*CONTAINER, "--show")
    assert code == 0
    assert "COPY wheels/run.txt" in out


def moved_behind_a_link(dist: Path) -> None:
    (dist / WHEEL).rename(dist.parent / WHEEL)
    (dist / WHEEL).symlink_to(dist.parent / WHEEL)


CHANGES = {
    "link": (moved_behind_a_link, f"dist/{WHEEL}: is not there itself: dist/{WHEEL} is a link"),
    "changed": (
        lambda dist: (dist / WHEEL).write_bytes(b"x"),
        f"dist/{WHEEL}: was changed after it was proven",
    ),
    "gone": (lambda dist: (dist / WHEEL).unlink(), f"dist/{WHEEL}: is missing"),
    "never proven": (
        lambda dist: (dist / "evidence.json").unlink(),
        "dist/evidence.json: is not there",
    ),
    "sums": (
        lambda dist: (dist / "SHA256SUMS").write_text(""),
        "SHA256SUMS and evidence.json differ about it",
    ),
    "failed": (
        lambda dist: (dist / "evidence.json").write_text('{"ok": false}'),
        "these wheels did not pass",
    ),
}


@pytest.mark.parametrize(("change", "message"), CHANGES.values(), ids=CHANGES)
def test_what_is_not_as_proven_gets_into_no_image(
    dist: Path, truewheel: Run, change: Callable[[Path], None], message: str
):
    change(dist)
    code, out, err = truewheel(*CONTAINER)
    assert (code, out) == (4, "")
    assert message in err
    assert not (dist.parent / "build").exists()


def test_a_plan_without_the_image_is_told(dist: Path, truewheel: Run):
    truewheel("plan", "--event", "mr", "--output", "dist/plan.json")
    code, _, err = truewheel(*CONTAINER)
    assert code == 2
    assert "no job image:run:debian12:x86_64 in this plan" in err
