"""truewheel plan."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from command_line import COLLIDING, CUDA, Run
from paths import ROOT
from specs import SMALL

from truewheel.cli import time_limit
from truewheel.workspace import loading


def test_the_reference_project_has_twelve_wheels(monkeypatch: pytest.MonkeyPatch, truewheel: Run):
    monkeypatch.chdir(ROOT)
    values = ("CI_PIPELINE_ID=49163608", "NVIDIA_UPSTREAM_VERSION=26.04", "CUDA_VERSION=13.2.1")
    code, out, _ = truewheel(
        "plan", "--json", *(word for value in values for word in ("-v", value))
    )
    data = json.loads(out)
    assert code == 0
    assert data["version"] == 1
    assert len(data["cells"]) == len({cell["wheel"] for cell in data["cells"]}) == 12
    keys = {"id", "package", "target", "arch", "python", "channel", "wheel", "copies", "facts"}
    for cell in data["cells"]:
        assert cell.keys() >= keys
        assert cell["wheel"].startswith(
            f"{cell['package']}-2.69.0.dev0+nv26.4.cu132-49163608-{cell['python']}-"
        )
        assert cell["facts"]["nv"]["value"] == "26.04"
        assert cell["facts"]["nv"]["source"] == "env:NVIDIA_UPSTREAM_VERSION"
    assert len(data["jobs"]) == 18
    assert data["problems"] == []


def test_plan_shows_facts_cells_and_verdict(here: Path, truewheel: Run):
    (here / "truewheel.yml").write_text(
        CUDA + "indexes: {pypi: {profile: pypi, when: {PYPI_RELEASE: 'true'}}}\n"
    )
    code, out, err = truewheel(
        "plan", "-v", "CI_PIPELINE_ID=7", "-v", "NVIDIA_UPSTREAM_VERSION=26.04"
    )
    assert (code, err) == (0, "")
    assert "channel default · " in out
    assert "nv 26.04 from NVIDIA_UPSTREAM_VERSION=26.04 (-v)" in out
    wheel = "foo-1.0+nv26.4-7-cp312-cp312-manylinux_2_28_x86_64.whl"
    assert f"\n  foo      rhel8   x86_64  cp312   {wheel}\n" in out
    assert out.endswith("\n1 wheel · pypi: refused, local version (plan with PYPI_RELEASE=true)\n")


def test_plan_shows_only_the_cells_that_match(here: Path, truewheel: Run):
    (here / "truewheel.yml").write_text(SMALL + "arches: [x86_64, aarch64]\n")
    code, out, _ = truewheel("plan", "--cell", "foo/*/aarch64/*", "--json")
    data = json.loads(out)
    assert code == 0
    assert [cell["id"] for cell in data["cells"]] == ["foo/rhel8/aarch64/cp312"]
    assert [job["name"] for job in data["jobs"]] == [
        "plan",
        "wheel:foo:rhel8:aarch64:cp312",
        "test:rhel8:aarch64",
        "prove",
    ]


def test_plan_is_written_whole_and_quietly(here: Path, truewheel: Run):
    assert truewheel("plan", "--output", "plan.json") == (0, "", "")
    made, path = loading.read_plan(None, here)
    assert path.name == "plan.json"
    assert [cell.id for cell in made.cells] == ["foo/rhel8/x86_64/cp312"]


def test_a_refused_plan_is_told_and_not_written(here: Path, truewheel: Run):
    (here / "truewheel.yml").write_text(COLLIDING)
    code, out, err = truewheel("plan", "--output", "plan.json")
    assert code == 2
    assert err.startswith("truewheel.yml:3:22: two cells get one name, foo-1.0-cp312-")
    assert "2 wheels, some names equal: refused" in out
    assert sorted(path.name for path in here.iterdir()) == ["VERSION", "truewheel.yml"]
    code, out, _ = truewheel("plan", "--json")
    (problem,) = json.loads(out)["problems"]
    assert (code, problem["file"], problem["line"], problem["column"]) == (
        2,
        "truewheel.yml",
        3,
        22,
    )
    assert problem["hint"] == "build one of the two"


@pytest.mark.parametrize("output", ["no/folder/plan.json", "folder", ".."])
def test_an_output_that_cannot_be_written_is_told(here: Path, truewheel: Run, output: str):
    (here / "folder").mkdir()
    code, _, err = truewheel("plan", "--output", output)
    assert code == 2
    assert "cannot be written" in err
    assert not list((here / "folder").iterdir())


@pytest.mark.parametrize("output", ["", ".", "/"])
def test_an_output_without_a_name_is_wrong_usage(here: Path, truewheel: Run, output: str):
    code, _, err = truewheel("plan", "--output", output)
    assert code == 2
    assert f"{output!r} is not the name of a file" in err


def test_a_program_gets_a_document_even_when_there_can_be_no_plan(here: Path, truewheel: Run):
    (here / "truewheel.yml").write_text("truewheel: 1\npackages: {}\n")
    code, out, err = truewheel("plan", "--json")
    data = json.loads(out)
    assert (code, data["version"], data["cells"]) == (2, 1, [])
    assert [problem["line"] for problem in data["problems"]] == [1, 2]
    assert "has no targets" in err


def test_a_pattern_without_end_is_tried_once_for_all_cells(
    here: Path, truewheel: Run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(time_limit, "TICK", 0.2)
    (here / "own.yml").write_text(
        "variables: {X: {}}\nfacts: {p: {from: ['cell:python']}}\n"
        "channels: {a: {when: {X: '/(a+)+b/'}, version: '1.{p}'}, b: {version: '2'}}\n"
    )
    (here / "truewheel.yml").write_text(
        f"{SMALL}naming: own.yml\npythons: ['3.11', '3.12', '3.13', '3.14']\n"
    )
    started = time.process_time()
    code, out, err = truewheel("plan", "-v", f"X={'a' * 60}")
    assert (code, out) == (2, "")
    assert err.count("takes too long on") == 1
    assert time.process_time() - started < 4 * time_limit.TICK
