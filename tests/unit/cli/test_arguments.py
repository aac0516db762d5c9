"""Arguments that several commands share."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Run


@pytest.mark.parametrize(
    "assignment",
    ["$(touch x)=1", "=1", "X", "a b=1", "é=1", "\x1b[31m=1", "\udcff=1", "X\n=1", "1X=2"],
)
def test_a_hostile_variable_name_is_refused_and_escaped(
    here: Path, truewheel: Run, assignment: str
):
    code, out, err = truewheel("plan", "-v", assignment)
    assert (code, out) == (2, "")
    assert f"{assignment!r} is not NAME=VALUE" in err
