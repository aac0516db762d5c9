"""Differences as findings: severities of a project, what it allows, and the sentence for users."""

from __future__ import annotations

import pytest

from truewheel.build.verify_rules import (
    KINDS,
    Allowance,
    Settings,
    SettingsError,
    adjust,
    compare_patterns,
    compare_planned,
    compare_set,
    judge,
    read_patterns,
    read_settings,
    sentence,
)
from truewheel.wheel.checks.findings import Code, finding
from truewheel.wheel.release_rules import Change

LOST = Change("lost", "no wheel for cp312 on Windows x86 any more", "demo-1.0-cp312-win32.whl")


def judged(settings: Settings, *changes: Change) -> list[tuple[str, str]]:
    return [(item.severity, item.where) for item in judge(changes, settings, set())]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_its_severity_and_a_project_changes_it_by_kind_or_code(kind: str):
    code, usual = KINDS[kind]
    assert judged(Settings(), Change(kind, "x", "f")) == [(usual, "f")]
    for word in kind, code.name:
        settings = read_settings({word: "note"})
        assert judged(settings, Change(kind, "x", "f")) == [("note", "f")]
        assert judged(read_settings({word: "off"}), Change(kind, "x", "f")) == []


@pytest.mark.parametrize(
    ("severity", "expected"), [("error", "note"), ("warning", "note"), ("note", "note")]
)
def test_what_is_only_a_note_stays_one(severity: str, expected: str):
    change = LOST._replace(severity="note")
    assert judged(read_settings({"lost": severity}), change)[0][0] == expected


def test_files_with_one_difference_have_one_finding_but_for_verdicts():
    same = [LOST, LOST._replace(file="other.whl"), LOST._replace(file="third.whl")]
    assert judged(Settings(), *same) == [("error", f"{LOST.file} and 2 more")]
    loaded = [Change("loaded", "loaded on cp312", file) for file in ("a.whl", "b.whl")]
    assert judged(Settings(), *loaded) == [("note", "a.whl"), ("note", "b.whl")]


@pytest.mark.parametrize(
    ("entry", "is_allowed"),
    [
        ("lost: *-win32.whl", True),
        ("lost:*", True),
        ("lost: *Windows x86*", True),
        ("TW801: *", True),
        ("lost: *-win_amd64.whl", False),
        ("floor: *", False),
    ],
)
def test_a_difference_is_allowed_by_file_or_message(entry: str, is_allowed: bool):
    settings = read_settings({"allow": [entry]})
    assert judged(settings, LOST)[0][0] == ("note" if is_allowed else "error")


def test_a_reason_is_told():
    settings = read_settings({"allow": ["lost: *  # nobody asked for it"]})
    assert settings.allowed == (Allowance("lost", "*", "nobody asked for it"),)
    used: set[Allowance] = set()
    (item,) = judge([LOST], settings, used)
    assert item.message.endswith("; allowed (nobody asked for it)")
    assert used == set(settings.allowed)


def test_findings_of_validate_are_allowed_and_changed_by_their_codes():
    findings = [finding(Code.TW326, "tests is put beside others"), finding(Code.TW404, "any")]
    settings = read_settings({"TW404": "warning", "allow": ["TW326: demo-*"]})
    result = adjust("demo-1.0-py3-none-any.whl", findings, settings, set())
    assert [item.severity for item in result] == ["note", "warning"]
    assert adjust("x", findings, read_settings({"TW326": "off"}), set()) == findings[1:]


@pytest.mark.parametrize(
    "table",
    [
        *({"lots": "error"}, {"lost": "fatal"}, {"lost": 1}, {"allow": "lost: *"}, {"allow": 1}),
        *({"allow": ["lost"]}, {"allow": ["lots: *"]}, {"allow": [1]}, {"TW999": "error"}, []),
    ],
)
def test_wrong_settings(table: object):
    with pytest.raises(SettingsError) as raised:
        read_settings(table)
    assert raised.value.hint


@pytest.mark.parametrize(
    ("patterns", "kinds"),
    [
        (["a.whl", "b.whl"], []),
        (["*.whl"], []),
        (["a.whl"], ["unexpected"]),
        (["*.whl", "c.tar.gz"], ["missing"]),
        ([], ["unexpected", "unexpected"]),
    ],
)
def test_expected_names(patterns: list[str], kinds: list[str]):
    assert [item.kind for item in compare_patterns(["a.whl", "b.whl"], patterns)] == kinds


def test_planned_names():
    planned = [["a.whl"], ["b-1.whl", "b-2.whl"]]
    assert [*compare_planned(["a.whl", "b-1.whl"], planned)] == []
    changes = [*compare_planned(["a.whl", "c.whl"], planned)]
    assert [(item.kind, item.file) for item in changes] == [
        ("missing", "b-2.whl"),
        ("unexpected", "c.whl"),
    ]


def test_a_file_of_patterns():
    assert read_patterns("a.whl # one\n\n# none\n *.whl \n") == ["a.whl", "*.whl"]


def test_a_set():
    def kinds(versions: list[str], pythons: list[str | None]) -> list[str]:
        of_files = {f"{number}.whl": version for number, version in enumerate(versions)}
        asked = {f"{number}.whl": python for number, python in enumerate(pythons)}
        return [change.kind for change in compare_set(of_files, asked, has_sdist=True)]

    assert kinds(["1.0", "1.0"], [">=3.10", ">=3.10"]) == []
    assert kinds(["1.0", "1.0"], [">=3.10", None]) == []
    assert kinds(["1.0", "1.1"], [None, None]) == ["versions", "versions"]
    assert kinds(["1.0"] * 3, [">=3.10", ">=3.10", ""]) == ["requires-python"]


def test_the_sentence():
    assert sentence("demo 1.1", "", [], 0) == "demo 1.1 can be uploaded."
    assert sentence("demo 1.1", "", [], 1) == "demo 1.1 should not be uploaded as it is."
    assert "no difference to demo 1.0" in sentence("demo 1.1", "demo 1.0", ["", ""], 0)
    many = [f"change {number}" for number in range(9)]
    text = sentence("demo 1.1", "demo 1.0", ["change 0", *many], 0)
    assert text.endswith("would notice: " + "; ".join([*many[:6], "3 other differences"]) + ".")
