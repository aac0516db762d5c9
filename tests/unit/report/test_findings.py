"""Findings as documents for programs; text, JSON and JUnit are in test_validate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truewheel.report.findings import STYLES, render_findings
from truewheel.wheel.checks.findings import Code, Finding, finding

RESULTS = [
    (Path("dist/a.whl"), []),
    (
        Path("dist/b c:1,%.whl"),
        [
            finding(Code.TW405, "it is for aarch64\nreally: 100%", "demo/_c.so"),
            finding(Code.TW103, "Demo"),
        ],
    ),
]


def test_sarif():
    (run,) = json.loads(render_findings(RESULTS, "sarif"))["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["TW103", "TW405"]
    error, warning = run["results"]
    assert (error["ruleId"], error["ruleIndex"], error["level"]) == ("TW405", 1, "error")
    assert (warning["ruleId"], warning["ruleIndex"], warning["level"]) == ("TW103", 0, "warning")
    assert (
        error["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        == "dist/b%20c%3A1%2C%25.whl"
    )
    assert "aarch64\\nreally" in error["message"]["text"]
    assert json.loads(render_findings([], "sarif"))["runs"][0]["results"] == []


def test_code_quality():
    issues = json.loads(render_findings(RESULTS, "codequality"))
    assert [issue["severity"] for issue in issues] == ["major", "minor"]
    assert [issue["check_name"] for issue in issues] == ["TW405", "TW103"]
    assert issues[0]["location"] == {"path": "dist/b c:1,%.whl", "lines": {"begin": 1}}
    assert len({issue["fingerprint"] for issue in issues}) == 2
    assert issues == json.loads(render_findings(RESULTS, "codequality"))


def test_annotations():
    error, warning = render_findings(RESULTS, "github").splitlines()
    place = "file=dist/b c%3A1%2C%25.whl,title="
    assert error == f"::error {place}TW405::TW405 demo/_c.so: it is for aarch64\\nreally: 100%25"
    assert warning == f"::warning {place}TW103::TW103 Demo"


@given(st.text(), st.text(), st.sampled_from([style for style in STYLES if style != "junit"]))
def test_any_finding_can_be_reported_in_any_style(message, where, style):
    finding = Finding(code=Code.TW302, severity="error", message=message, where=where)
    render_findings([(Path("a.whl"), [finding])], style).encode(
        "ascii" if style in {"json", "sarif", "codequality"} else "utf-8"
    )


@pytest.mark.parametrize("style", STYLES)
def test_nothing_to_report(style):
    assert isinstance(render_findings([], style), str)


def test_a_note_is_neither_an_error_nor_a_warning():
    results = [(Path("a.whl"), [finding(Code.TW402, "pure", severity="note")])]
    assert render_findings(results, "text").startswith("a.whl: ok, 1 note\n  note TW402")
    assert render_findings(results, "github").startswith("::notice file=a.whl")
    assert json.loads(render_findings(results, "codequality"))[0]["severity"] == "info"
    (run,) = json.loads(render_findings(results, "sarif"))["runs"]
    assert run["results"][0]["level"] == "note"
    assert json.loads(render_findings(results, "json"))["wheels"][0]["ok"] is True
    assert "<failure" not in render_findings(results, "junit")
