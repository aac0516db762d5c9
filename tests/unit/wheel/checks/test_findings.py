"""The table of codes, its documentation, and lists of findings."""

from __future__ import annotations

import re

from paths import ROOT

from truewheel.wheel.checks.findings import LISTED, WARNINGS, Code, finding, is_ok, shortened

DOCS = ROOT / "docs" / "findings.md"


def test_each_code_has_its_section_in_order():
    headings = re.findall(r"(?m)^## (TW\d+)$", DOCS.read_text(encoding="utf-8"))
    assert headings == [code.name for code in Code]


def test_each_section_says_what_it_is_and_what_to_do():
    for section in DOCS.read_text(encoding="utf-8").split("\n## ")[1:]:
        assert "**" in section, section
        assert "Do: " in section, section


def test_warnings_are_told_as_such():
    sections = {part[:5]: part for part in DOCS.read_text(encoding="utf-8").split("\n## ")[1:]}
    for code in WARNINGS:
        assert "warning" in sections[code.name], code.name


def test_each_code_has_its_own_meaning():
    assert len({code.value for code in Code}) == len(list(Code))


def test_warnings_and_errors_of_one_code_are_counted_apart():
    many = [finding(Code.TW410, str(number), severity="warning") for number in range(LISTED + 3)]
    listed = shortened([*many, finding(Code.TW410, "bad")])
    assert [item.message for item in listed[-2:]] == ["bad", "and 3 more"]
    assert [item.severity for item in listed[-2:]] == ["error", "warning"]
    assert not is_ok(listed)
    assert is_ok(many)


def test_long_texts_are_cut():
    assert len(finding(Code.TW302, "x" * 10_000, "y" * 10_000).where) == 501
