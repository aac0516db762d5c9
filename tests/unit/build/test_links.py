"""No command reads or writes through a link in the folder of the wheels."""

from __future__ import annotations

import json
from pathlib import Path

import projects
import pytest

from truewheel.cli import main
from truewheel.system.files import remove

pytestmark = pytest.mark.slow  # each test makes a wheel, by processes

SPEC = """\
truewheel: 1
packages: {demo: {path: demo, abi: none}}
targets: {rhel8: {}}
indexes: {pypi: {profile: pypi, channel: clean}}
archives: {all: {name: all, package: demo, targets: [rhel8]}}
naming:
  variables: {LOCAL: {}, CLEAN: {}}
  facts: {base: {from: ['package:version']}, local: {from: ['env:LOCAL']}}
  channels:
    default: {when: {CLEAN: '!never'}, version: '{base}', local: ['{local}']}
    clean: {version: '{base}'}
"""
CELL = "demo/any/any/py3"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose wheel is made and proven, in dist; its plan is plan.json."""
    root = projects.make(tmp_path / "project")
    projects.write(root, {"truewheel.yml": SPEC})
    monkeypatch.chdir(root)
    assert main(["plan", "-v", "LOCAL=x1", "--output", "plan.json"]) == 0
    assert main(["compile", "--cell", CELL]) == 0
    assert main(["repair", "--cell", CELL]) == 0
    assert main(["prove", "dist"]) == 0
    return root


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that nothing may change."""
    return projects.write(tmp_path / "outside", {"marker": "kept", "other/marker": "kept"})


def state(folder: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes() if path.is_file() else b""
        for path in sorted(folder.rglob("*"))
    }


def redirect(path: Path, to: Path) -> None:
    """Put a link in the place of a file or folder, whose content moves to where it leads."""
    if not path.exists():
        path.symlink_to(to)
    elif path.is_dir():
        for inside in sorted(path.iterdir()):
            inside.rename(to / inside.name)
        path.rmdir()
        path.symlink_to(to)
    else:
        path.rename(to / path.name)
        path.symlink_to(to / path.name)


@pytest.mark.parametrize("name", ["SHA256SUMS", "evidence.json", "copies", "archives"])
def test_prove_puts_its_own_files_in_the_place_of_links(root: Path, outside: Path, name: str):
    redirect(root / "dist" / name, outside)
    before = state(outside)
    assert main(["prove", "dist"]) == 0
    assert not (root / "dist" / name).is_symlink()
    assert state(outside) == before


@pytest.mark.parametrize("name", ["SHA256SUMS", "evidence.json", "copies", "archives"])
def test_prove_leaves_what_a_hard_link_shares(root: Path, outside: Path, name: str):
    files = (
        [root / "dist" / name]
        if (root / "dist" / name).is_file()
        else list((root / "dist" / name).rglob("*"))
    )
    for file in filter(Path.is_file, files):
        file.write_bytes(b"shared")
        (outside / file.name).hardlink_to(file)
    before = state(outside)
    assert main(["prove", "dist"]) == 0
    assert state(outside) == before


@pytest.mark.parametrize("name", ["SHA256SUMS", "evidence.json"])
def test_a_folder_in_the_place_of_the_proof_goes(root: Path, name: str):
    (root / "dist" / name).unlink()
    projects.write(root / "dist" / name, {"inside": "x"})
    assert main(["prove", "dist"]) == 0
    assert (root / "dist" / name).is_file()


@pytest.mark.parametrize("command", ["prove", "repair", "validate"])
@pytest.mark.parametrize("kind", ["link", "file"])
def test_evidence_in_another_place_is_refused(
    root: Path, outside: Path, command: str, kind: str, capsys: pytest.CaptureFixture[str]
):
    folder = root / "dist/evidence"
    if kind == "link":
        redirect(folder, outside)
    else:
        for inside in folder.iterdir():
            inside.unlink()
        folder.rmdir()
        folder.write_text("x")
    before = state(outside)
    words = {
        "prove": ["dist"],
        "repair": ["--cell", CELL],
        "validate": ["--cell", CELL, "--report"],
    }[command]
    assert main([command, *words]) == 4
    assert f"dist/evidence: is a {kind}, where a folder belongs" in capsys.readouterr().err
    assert state(outside) == before


@pytest.mark.parametrize("pattern", ["*.whl", "evidence/*.json"])
def test_prove_takes_no_wheel_and_no_evidence_by_a_link(
    root: Path, outside: Path, pattern: str, capsys: pytest.CaptureFixture[str]
):
    file = next((root / "dist").glob(pattern))
    redirect(file, outside)
    before = state(outside)
    assert main(["prove", "dist"]) == 4
    assert f"{file.relative_to(root)}: is a link" in capsys.readouterr().err
    assert not (root / "dist/SHA256SUMS").exists()
    assert state(outside) == before


@pytest.mark.parametrize("variable", ["CI", "GITLAB_CI", "GITHUB_ACTIONS"])
@pytest.mark.parametrize(
    "words", [["prove", "dist"], ["repair", "--cell", CELL], ["test", "--cell", CELL]]
)
def test_a_job_has_no_link_for_its_folder(
    root: Path, outside: Path, words: list[str], variable: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    redirect(root / "dist", outside)
    before = state(outside)
    monkeypatch.setenv(variable, "true")
    assert main(words) == 4
    assert "dist: is a link, where a folder belongs" in capsys.readouterr().err
    assert state(outside) == before
    monkeypatch.delenv(variable)
    assert main(["prove", "dist"]) == 0


def test_run_removes_no_old_record_through_a_link(
    root: Path, outside: Path, capsys: pytest.CaptureFixture[str]
):
    record = {
        "version": 1,
        "cell": "old/any/any/py3",
        "wheel": "old-1.0-py3-none-any.whl",
        "sha256": "",
    }
    (root / "dist/evidence/old__any__any__py3.json").write_text(json.dumps(record))
    redirect(root / "dist/evidence", outside)
    before = state(outside)
    assert main(["run"]) == 4
    assert "dist/evidence: is a link" in capsys.readouterr().err
    assert state(outside) == before


def test_repair_puts_its_wheel_in_the_place_of_a_link(root: Path, outside: Path):
    wheel = next((root / "dist").glob("*.whl"))
    redirect(wheel, outside)
    (outside / wheel.name).write_text("kept")
    before = state(outside)
    assert main(["repair", "--cell", CELL]) == 0
    assert not wheel.is_symlink()
    assert state(outside) == before


WORKED = "demo__any__any__py3"
BUILD_LINKS = (
    "build",
    f"build/{WORKED}",
    f"build/{WORKED}/source",
    f"build/{WORKED}/made",
    f"build/{WORKED}/wheel",
    f"build/{WORKED}/smoke",
    f"build/{WORKED}/smoke/env",
    f"build/{WORKED}/smoke/empty",
    f"build/{WORKED}/smoke/output.log",
    f"build/{WORKED}/output.log",
    f"build/{WORKED}/repaired",
    f"build/{WORKED}/unpacked",
    "build/env",
)


@pytest.mark.parametrize("name", BUILD_LINKS)
def test_no_link_below_build_leads_outside(root: Path, outside: Path, name: str) -> None:
    """A repository may hold such a link: what it leads to is neither made empty nor written."""
    remove(root / "build")
    remove(root / "dist")
    projects.write(root, {"tests/smoke.py": "import demo\n"})
    spec = (root / "truewheel.yml").read_text()
    (root / "truewheel.yml").write_text(
        spec.replace("abi: none", "abi: none, smoke: tests/smoke.py")
    )
    is_file = name.endswith(".log")
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).symlink_to(outside / "marker" if is_file else outside)
    before = state(outside)
    main(["run"])
    assert state(outside) == before


def test_a_link_in_the_place_of_a_build_environment_is_refused(root: Path, outside: Path) -> None:
    environments = [path for path in (root / "build/env").iterdir() if path.is_dir()]
    before = state(outside)
    for path in environments:
        remove(path)
        path.symlink_to(outside)
    assert main(["compile", "--cell", CELL]) == 4
    assert state(outside) == before


def test_a_link_in_the_place_of_a_containers_files_is_refused(root: Path, outside: Path) -> None:
    target = "{rhel8: {base: 'docker.io/library/debian:12', family: debian}}"
    spec = (root / "truewheel.yml").read_text().replace("{rhel8: {}}", target)
    (root / "truewheel.yml").write_text(spec + "images: {registry: registry.example/x}\n")
    (root / "build/container").symlink_to(outside)
    before = state(outside)
    main(["container", "--target", "rhel8", "--engine", "docker"])
    assert state(outside) == before
