"""Lines of a log that GitHub shows as annotations."""

from __future__ import annotations

import pytest

from truewheel.forges.github.log_commands import write


@pytest.mark.parametrize(
    ("severity", "command"), [("error", "error"), ("warning", "warning"), ("note", "notice")]
)
def test_severities_are_commands_that_github_knows(severity: str, command: str):
    assert write(severity, "a.whl", "TW1", "wrong") == f"::{command} file=a.whl,title=TW1::wrong"


def test_text_of_others_cannot_begin_a_line_or_a_property():
    line = write("error", "a,b:c", "TW1", "100%\n::error::x")
    assert line.startswith("::error file=a%2Cb%3Ac,title=TW1::100%25")
    assert "\n" not in line
    assert "::error::x" not in line
