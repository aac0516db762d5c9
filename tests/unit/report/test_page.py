"""The page of a plan: its data, its graph of jobs, and that nothing in it can become markup."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from specs import plan_of

from truewheel.errors import Problem, Where
from truewheel.report import page
from truewheel.report.page import File, Parts
from truewheel.workspace import loading

SPEC = """
project: demo
packages: {foo: {}, bar: {}}
targets: {rhel8: {provides: {CUDA_VERSION: '13.2.1'}}, ubuntu24.04: {}}
arches: [x86_64, aarch64]
naming: triton-2026.04
indexes: {pypi: {profile: pypi, channel: release}}
"""
PARTS = Parts(*(loading.read_asset(f"page.{kind}") for kind in ("html", "css", "js")))
PLAN = plan_of(SPEC, overrides={"CI_PIPELINE_ID": "7", "NVIDIA_UPSTREAM_VERSION": ""})


def data_in(text: str) -> dict:
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert match
    return json.loads(match[1])


def test_the_page_has_all_cells_their_copies_and_reasons():
    data = data_in(page.render_page(PLAN, [File("GitLab", ".gitlab-ci.yml", 7)], PARTS))
    assert len(data["cells"]) == 8
    package, target, arch, python, channel, wheel, reason, copies, audited = data["cells"][0]
    assert (package, target, arch, python, channel, audited) == (
        "foo",
        "rhel8",
        "x86_64",
        "cp312",
        "default",
        0,
    )
    assert wheel == "foo-1.0+cu132-7-cp312-cp312-manylinux_2_28_x86_64.whl"
    assert copies == [["pypi", "foo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"]]
    nv, cuda = data["reasons"][reason]["local"]
    assert cuda == ["cuda", "132", "CUDA_VERSION=13.2.1 (provided by rhel8)", []]
    assert nv[3][0] == "NVIDIA_UPSTREAM_VERSION is set but empty"
    assert data["rules"]["build"].startswith("PEP 427")
    assert data["files"] == [["GitLab", ".gitlab-ci.yml", 7]]


def test_cells_share_their_reasons():
    data = page.page_data(PLAN, [])
    assert len(data["reasons"]) == 2  # one for each target


def test_jobs_of_one_place_are_one_node_and_the_longest_chain_is_reported():
    graph = page.make_graph(PLAN)
    assert graph["nodes"][0] == ["plan", 0, 1]
    assert ["wheel rhel8 x86_64", 1, 2] in graph["nodes"]
    assert [graph["nodes"][number][0] for number in graph["longest"]] == [
        "plan",
        "wheel rhel8 x86_64",
        "test rhel8 x86_64",
        "prove",
    ]
    last = len(graph["nodes"]) - 1
    tests = {number for number, node in enumerate(graph["nodes"]) if node[0].startswith("test")}
    assert {after for before, after in graph["edges"] if before in tests} == {last}


@pytest.mark.parametrize(
    ("edges", "longest"),
    [
        ((), ["a"]),
        ((("a", "b"), ("b", "c"), ("a", "c")), ["a", "b", "c"]),
        ((("a", "c"), ("b", "c")), ["a", "c"]),
    ],
)
def test_the_longest_chain_follows_the_needs(edges, longest):
    assert page.find_longest_chain("abc", edges) == longest


@pytest.mark.parametrize(
    "hostile", ["</script><script>alert(1)</script>", "<!--", "{{script}}", "\\", "\u2028'\"&"]
)
def test_nothing_in_a_plan_becomes_markup(hostile):
    plan = replace(PLAN, problems=(Problem(Where("truewheel.yml", 1, 1), hostile, hostile),))
    text = page.render_page(plan, [File("GitLab", hostile, 1)], PARTS)
    assert text.count("<script") == 2
    assert data_in(text)["files"] == [["GitLab", hostile, 1]]
    assert data_in(text)["problems"] == [["error", "truewheel.yml:1:1", hostile, hostile]]
    assert text.count('"use strict"') == 1


def test_only_the_pages_own_script_may_run_and_nothing_is_loaded():
    text = page.render_page(PLAN, [], PARTS)
    assert "default-src 'none'" in text
    assert not re.search(r"(src|href)=", text)
    assert "http" not in text.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
