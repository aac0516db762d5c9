"""The wheels of a watched pipeline: downloaded and proven."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import projects
import pytest
import wheels
from command_line import KEPT, PIPELINE_SPEC
from specs import project
from standins import GitHub, Job, Project

from truewheel.cli import main
from truewheel.forges import watch
from truewheel.system.files import sha256


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """All that a run leaves behind: a real wheel, its evidence, verdicts, the proof, and the plan.

    Built once; no test changes it.
    """
    root = projects.make(tmp_path_factory.mktemp("built"))
    spec = "truewheel: 1\npackages: {demo: {path: demo, abi: none}}\ntargets: {rhel8: {}}\n"
    projects.write(root, {"truewheel.yml": spec})
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if not name.startswith(KEPT)]:
            patch.delenv(name)
        words = ["run", "--spec", str(root / "truewheel.yml"), "--out", str(root / "dist")]
        assert main(words) == 0
    paths = [path for path in (root / "dist").rglob("*") if path.is_file()]
    return {path.relative_to(root / "dist").as_posix(): path.read_bytes() for path in paths}


@pytest.fixture
def artifacts(built: dict[str, bytes]) -> dict[str, bytes]:
    """What the job `prove` of a pipeline leaves behind, and the plan."""
    return {f"dist/{name}": content for name, content in built.items()}


def verdicts_of(artifacts: dict[str, bytes]) -> dict[str, bytes]:
    """What a test job keeps."""
    return {name: data for name, data in artifacts.items() if name.startswith("dist/verdicts/")}


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize("is_whole", [True, False])
def test_the_wheels_of_a_pipeline_are_downloaded_and_proven(
    demo: Project,
    tmp_path: Path,
    artifacts: dict[str, bytes],
    is_whole: bool,
    capsys: pytest.CaptureFixture[str],
):
    plan = {"plan.json": artifacts.pop("dist/plan.json")}
    made = {
        name: artifacts[name]
        for name in artifacts
        if name not in {"dist/evidence.json", "dist/SHA256SUMS"}
    }
    wheel = next(name for name in made if name.endswith(".whl"))
    if not is_whole:
        made[wheel] = made[wheel][:-100] + bytes(100)
    demo.plan(
        Job("plan", stage="plan", artifacts=plan),
        Job("wheel:demo:any:any:py3", stage="wheel", artifacts=made),
        Job("test:any:any", stage="test", artifacts=verdicts_of(artifacts)),
        Job("prove", stage="prove", artifacts=artifacts),
    )
    out = tmp_path / "wheels"
    capsys.readouterr()
    assert main(["trigger", "--watch", "--wheels", str(out)]) == (0 if is_whole else 4)
    said = capsys.readouterr()
    if is_whole:
        assert f"1 wheel, each as planned: {out}/SHA256SUMS" in said.out
    assert (
        out.exists()
        == (out / wheel.removeprefix("dist/")).exists()
        == (out / "SHA256SUMS").exists()
        == is_whole
    )
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize("place", ["dist/x", "x/dist"])
def test_what_a_job_hides_in_its_artifacts_replaces_nothing(
    demo: Project, tmp_path: Path, artifacts: dict[str, bytes], place: str
):
    """A wheel, its record and a plan in a folder below dist do not replace the proven ones."""
    plan = {"plan.json": artifacts.pop("dist/plan.json")}
    made = {
        name: artifacts[name]
        for name in artifacts
        if name not in {"dist/evidence.json", "dist/SHA256SUMS"}
    }
    wheel = next(name for name in made if name.endswith(".whl")).removeprefix("dist/")
    record = next(
        name for name in made if name.startswith("dist/evidence/") and name.endswith(".json")
    ).removeprefix("dist/")
    forged = wheels.make(tmp_path, wheel, {"demo/__init__.py": b"FORGED = True\n"})
    saying = {**json.loads(made[f"dist/{record}"]), "sha256": sha256(forged)}
    hidden = {
        f"{place}/{wheel}": forged.read_bytes(),
        f"{place}/{record}": json.dumps(saying).encode(),
    }
    other = json.dumps({**json.loads(plan["plan.json"]), "project": "forged"}).encode()
    files = {**made, **hidden, "dist/plan.json": other}
    demo.plan(
        Job("plan", stage="plan", seconds=5, artifacts=plan),
        Job("wheel:demo:any:any:py3", stage="wheel", seconds=5, artifacts=files),
        Job("test:any:any", stage="test", seconds=5, artifacts=verdicts_of(artifacts)),
        Job("prove", stage="prove", seconds=5, artifacts=artifacts),
        Job("own", stage="report", seconds=5, artifacts=hidden),
    )
    out = tmp_path / "wheels"
    assert main(["trigger", "--watch", "--wheels", str(out)]) == 0
    assert (out / wheel).read_bytes() == made[f"dist/{wheel}"]
    assert (out / record).read_bytes() == made[f"dist/{record}"]
    assert (out / "plan.json").read_bytes() == plan["plan.json"]
    assert (out / "SHA256SUMS").read_bytes() == artifacts["dist/SHA256SUMS"]


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    """A repository, a spec, a server and a token."""
    with GitHub(tick=5) as server:
        repository = server.repository()
        repository.workflow(inputs={"truewheel_key": {}, "KIND": {}, "NUMBER": {}})
        monkeypatch.setenv("GITHUB_API_URL", server.url)
        monkeypatch.setenv("GITHUB_REPOSITORY", repository.path)
        monkeypatch.setenv("GITHUB_TOKEN", server.token().value)
        monkeypatch.chdir(project(tmp_path, PIPELINE_SPEC))
        monkeypatch.setattr(watch, "FIRST_PAUSE", 0.01)
        monkeypatch.setattr(watch, "REQUESTS_PER_SECOND", 1000.0)
        yield server


@pytest.mark.parametrize("is_whole", [True, False])
def test_the_wheels_of_a_run_are_downloaded_and_proven(
    github: GitHub,
    built: dict[str, bytes],
    tmp_path: Path,
    is_whole: bool,
    capsys: pytest.CaptureFixture[str],
):
    made = dict(built)
    plan = {"plan.json": made.pop("plan.json")}
    dist = dict(made)
    made = {
        name: content
        for name, content in made.items()
        if name not in {"SHA256SUMS", "evidence.json"}
    }
    wheel = next(name for name in made if name.endswith(".whl"))
    if not is_whole:
        made[wheel] = made[wheel][:-100] + bytes(100)
    tried = {name for name in made if name.startswith("verdicts/")}
    verdicts = {name.partition("/")[2]: made.pop(name) for name in tried}
    jobs = {"plan.json": plan, "wheel__demo__any__any__py3": made, "dist": dist}
    jobs["test__any__any"] = verdicts
    (repository,) = github.state.projects.values()
    repository.plan(*(Job(name, artifacts=files) for name, files in jobs.items()))
    out = tmp_path / "wheels"
    capsys.readouterr()
    assert main(["trigger", "--forge", "github", "--watch", "--wheels", str(out)]) == (
        0 if is_whole else 4
    )
    assert out.exists() == (out / wheel).exists() == (out / "SHA256SUMS").exists() == is_whole
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert not [request for request in github.storage.requests if request.token]
