"""truewheel name."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Run

from truewheel.cli import time_limit

NAME = (
    "name",
    "--package=foo",
    "--base=1.0",
    "--python=cp312",
    "--abi=cp312",
    "--platform=linux_x86_64",
)


def test_a_pattern_without_end_ends_the_command(
    here: Path, truewheel: Run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(time_limit, "TICK", 0.1)
    (here / "own.yml").write_text(
        "variables: {X: {}}\n"
        "channels: {a: {when: {X: '/(a+)+b/'}, version: '1'}, b: {version: '2'}}\n"
    )
    code, out, err = truewheel(*NAME, "--policy=own.yml", "-v", f"X={'a' * 60}")
    assert (code, out) == (2, "")
    assert "the regular expression (a+)+b takes too long on 'aaaa" in err


def test_a_name_that_no_file_system_takes_is_refused(truewheel: Run):
    code, out, err = truewheel(*NAME, "--policy=triton-2026.04", "-v", f"BUILD_NUMBER={'1' * 300}")
    assert (code, out) == (2, "")
    assert err.startswith("command line: a file name has more than 255 characters: foo-1.0-1111")


def test_a_value_that_plan_would_refuse_is_told(truewheel: Run):
    code, out, err = truewheel(*NAME, "--policy=triton-2026.04", "-v", "PYPI_RELEASE=yes")
    assert (code, out) == (0, "foo-1.0-cp312-cp312-linux_x86_64.whl\n")
    assert err == "warning: PYPI_RELEASE: 'yes' is none of true, false: plan refuses it\n"
