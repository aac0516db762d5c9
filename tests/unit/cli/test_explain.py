"""truewheel explain."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from command_line import COPIED, CUDA, Run


def test_the_path_of_a_variable_is_shown_hop_by_hop(here: Path, truewheel: Run):
    (here / "truewheel.yml").write_text(
        CUDA.replace("rhel8: {}", "rhel8: {provides: {CUDA_VERSION: '13.2.1'}}")
    )
    code, out, _ = truewheel("explain", "CUDA_VERSION")
    assert code == 0
    assert re.findall(r"^  (\w+)", out, re.MULTILINE) == [
        "scope",
        "forge",
        "job",
        "container",
        "script",
        "read",
        "now",
    ]
    assert "provided by rhel8 (13.2.1)" in out
    code, out, _ = truewheel(
        "explain", "NVIDIA_UPSTREAM_VERSION", "-v", "NVIDIA_UPSTREAM_VERSION=26.04", "--json"
    )
    told = json.loads(out)
    assert (code, told["scope"], told["readers"]) == (0, "pipeline", ["the fact nv"])
    assert told["value"] == {"value": "26.04", "origin": "-v", "scope": "pipeline"}
    code, out, _ = truewheel("explain", "TRUEWHEEL_KEY", "-v", "TRUEWHEEL_KEY=a:b")
    assert code == 0
    assert "a:b (-v)" in out


def test_a_copy_for_an_index_is_explained_with_its_channel(here: Path, truewheel: Run):
    (here / "truewheel.yml").write_text(COPIED)
    copy = "foo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"
    code, out, _ = truewheel("explain", copy, "-v", "CI_PIPELINE_ID=7")
    assert code == 0
    assert "cell foo/rhel8/x86_64/cp312 · channel release of the policy triton-2026.04" in out
    (here / "dist").mkdir()
    truewheel("plan", "-v", "CI_PIPELINE_ID=7", "--output", "dist/plan.json")
    code, out, _ = truewheel("explain", f"dist/copies/pypi/{copy}")
    assert "channel release of the policy triton-2026.04" in out
    assert "build" not in out
    code, out, _ = truewheel("explain", "dist/foo-1.0-7-cp312-cp312-manylinux_2_28_x86_64.whl")
    assert "CI_PIPELINE_ID=7 (-v)" in out


def test_an_explanation_for_programs_has_the_facts_of_the_plan(here: Path, truewheel: Run):
    (here / "truewheel.yml").write_text(COPIED)
    (cell,) = json.loads(truewheel("plan", "--json", "-v", "CI_PIPELINE_ID=7")[1])["cells"]
    told = json.loads(truewheel("explain", cell["id"], "--json", "-v", "CI_PIPELINE_ID=7")[1])
    assert (told["wheel"], told["cell"], told["channel"]) == (cell["wheel"], cell["id"], "default")
    assert told["facts"] == cell["facts"]
    told = json.loads(truewheel("explain", "x-1.0-py3-none-any.whl", "--json")[1])
    assert (told["cell"], told["channel"], told["facts"], told["parts"][0]["value"]) == (
        None,
        None,
        {},
        "x",
    )


MANY_PACKAGES = ", ".join(f"p{number}: {{version: {{file: VERSION}}}}" for number in range(300))
MANY = f"packages: {{{MANY_PACKAGES}}}"


@pytest.mark.parametrize(
    ("rest", "hops"),
    [
        ("gitlab: {layout: children}", ["forge", "trigger", "child", "job"]),
        ("gitlab: {layout: include}", ["forge", "job"]),
        (MANY, ["forge", "trigger", "child", "job"]),  # too many jobs for one pipeline
        ("github: {}", ["forge", "job"]),
    ],
)
def test_the_path_has_the_child_pipelines_where_there_are_any(
    here: Path, truewheel: Run, rest: str, hops: list[str]
):
    spec = (
        CUDA.replace("packages: {foo: {version: {file: VERSION}}}", MANY)
        if rest is MANY
        else f"{CUDA}{rest}\n"
    )
    (here / "truewheel.yml").write_text(spec.replace("rhel8: {}", "rhel8: {}, rhel9: {}"))
    code, out, _ = truewheel("explain", "NVIDIA_UPSTREAM_VERSION", "--json")
    assert code == 0
    assert [hop["place"] for hop in json.loads(out)["way"]] == [*hops, "container", "script"]


def test_a_variable_that_is_not_declared_is_refused(here: Path, truewheel: Run):
    (here / "truewheel.yml").write_text(CUDA)
    code, _, err = truewheel("explain", "CUDA_VERSIO")
    assert code == 2
    assert "no variable 'CUDA_VERSIO' in this file or in the policy triton-2026.04" in err
    assert "hint: did you mean CUDA_VERSION?" in err
