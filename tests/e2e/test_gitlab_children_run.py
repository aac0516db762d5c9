"""Child pipelines run: each child file directly, as gitlab-ci-local cannot start children.

Then the parent's proof.

The package registry between them is a stand-in on this machine.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import packages
import pytest
import wheels
from gitlab_ci_local import MARKS, commit, make_repository, pipeline
from packages import Registry

from truewheel.build import evidence
from truewheel.build.hand_over import Store
from truewheel.net.http import Client
from truewheel.system.files import sha256
from truewheel.workspace import loading

ROOT = Path(__file__).parents[2]
ELF_MACHINES = {"x86_64": 62, "aarch64": 183}

pytestmark = MARKS


@pytest.fixture
def children(tmp_path: Path) -> Path:
    """A committed copy of this checkout whose pipeline has a child."""
    repository = make_repository(tmp_path)
    spec = repository / "truewheel.yml"
    spec.write_text(spec.read_text() + "gitlab: {layout: children}\n")
    subprocess.run([sys.executable, "gen_ci.py", "generate"], cwd=repository, check=True)
    commit(repository)
    return repository


def prepared(children: Path) -> tuple[Path, list[str]]:
    """The child's file, and the parent's plan and key where the child's needs would put them."""
    artifacts = children / ".gitlab-ci-local/artifacts"
    for job, file in (("plan", "plan.json"), ("key", "truewheel.key")):
        status, log = pipeline(children, job)
        assert status == 0, log
        shutil.copy2(artifacts / job / file, children)
    assert (children / "truewheel.key").read_text().strip() not in log
    (children / ".gitignore").write_text("/.gitlab-ci-local/\n/build/\n/dist/\n")
    commit(children)
    (child,) = (children / "pipelines").glob("here-*.yml")
    return child.relative_to(children), sorted(
        cell.wheel for cell in loading.read_plan(None, children)[0].cells
    )


def variables(registry: Registry) -> list[str]:
    """What GitLab sets in the jobs of a pipeline, and a trigger job in those of its children."""
    values = {
        "CI_API_V4_URL": registry.api,
        "CI_JOB_TOKEN": packages.TOKEN,
        "CI_PROJECT_ID": "42",
        "TRUEWHEEL_PIPELINE_ID": "49163608",
    }
    return [word for name, value in values.items() for word in ("--variable", f"{name}={value}")]


def write_as_another_job(registry: Registry, children: Path) -> None:
    """Put other wheels, and records of them, in the place of this pipeline's.

    With a token that may write packages.
    """
    folder = children / "another"
    (folder / "evidence").mkdir(parents=True)
    shutil.copy2(children / "plan.json", folder)
    plan, _ = loading.read_plan(None, folder)
    for cell in plan.cells:
        wheel = wheels.make(
            folder, cell.wheel, {"marker/_core.so": wheels.elf_file(ELF_MACHINES[cell.arch])}
        )
        record = {"version": 1, "cell": cell.id, "wheel": cell.wheel, "sha256": sha256(wheel)}
        evidence.write(folder, record)
    client = Client({"JOB-TOKEN": packages.TOKEN}, 60)
    place = Store(
        f"{registry.api}/projects/42/packages/generic/{plan.project}-handover/49163608",
        client,
        "49163608",
    )
    for file in [*folder.glob("*.whl"), *folder.glob("evidence/*")]:
        client.put(file, place.url(file.relative_to(folder).as_posix()))
    shutil.rmtree(folder)


@pytest.mark.parametrize("another", ["before", "after"])
def test_the_parent_proves_the_wheels_of_its_child_and_no_others(children: Path, another: str):
    artifacts = children / ".gitlab-ci-local/artifacts"
    child, expected = prepared(children)
    with packages.running() as registry:
        words = variables(registry)
        if another == "before":
            write_as_another_job(registry, children)
        status, log = pipeline(children, "--file", str(child), *words)
        assert status == 0, log
        assert len(registry.files) == 6, "a wheel, its record and its verdict for each cell"
        if another == "after":
            write_as_another_job(registry, children)
        status, log = pipeline(children, "prove", *words)
    assert packages.TOKEN not in log
    assert (children / "truewheel.key").read_text().strip() not in log
    assert len(expected) == 2
    if another == "after":
        assert status != 0
        assert "of the package registry is not signed" in log
        assert "truewheel prove dist" not in log.partition("is not signed")[2]
        assert not [*(artifacts / "prove").rglob("*.whl")]
        return
    assert status == 0, log
    assert sorted(path.name for path in (artifacts / "prove/dist").glob("*.whl")) == expected
    sums = (artifacts / "prove/dist/SHA256SUMS").read_text().splitlines()
    assert {f"{sha256(artifacts / 'prove/dist' / name)}  {name}" for name in expected} <= {*sums}
    assert not [*(artifacts / "prove").rglob("truewheel.key")]
