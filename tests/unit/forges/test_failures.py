"""Why a job failed, and whether another attempt may help."""

from __future__ import annotations

import pytest

from truewheel.forges.base import Job
from truewheel.forges.failures import REASONS, SIGNS, Cause, find_cause

JOB = Job("1", 1, "wheel", "build", "failed", "")


def found(log: str, reason: str = "script_failure") -> Cause:
    return find_cause(JOB._replace(reason=reason), log)


@pytest.mark.parametrize(
    ("line", "kind", "message"),
    [
        (
            "curl: (6) Could not resolve host: git.example.com",
            "network",
            "a host name could not be resolved",
        ),
        ("ssh: connect to host a port 22: Connection timed out", "network", "a connection failed"),
        ("fatal: the remote end hung up: early EOF", "network", "a connection broke off"),
        (
            "error: toomanyrequests: you have reached your pull rate limit",
            "network",
            "a server was overloaded",
        ),
        ("cp: write error: No space left on device", "runner", "the runner's disk is full"),
        ("c++: fatal error: Killed signal terminated program cc1plus", "script", "memory ran out"),
        ("error: externally-managed-environment", "script", "pip refuses the system's Python"),
        (
            "auditwheel: cannot repair: too-recent versioned symbols",
            "script",
            "a library needs a newer glibc",
        ),
        (
            "ERROR: No matching distribution found for foo==9",
            "script",
            "the index has no suitable file of a Python package",
        ),
        ("HTTP 401 Unauthorized", "script", "a login was refused"),
        ("docker: manifest unknown", "script", "the image is not there"),
        ("/bin/sh: 1: cmake: command not found", "script", "a program or a file is not there"),
    ],
)
def test_the_end_of_a_log_shows_the_cause(line: str, kind: str, message: str):
    cause = found(f"$ make\n{line}\nERROR: Job failed: exit code 1\n")
    assert cause.kind == kind
    assert cause.told.startswith(message)
    assert line[:160] in cause.told


def test_only_the_end_of_a_log_is_searched():
    assert (
        found("Could not resolve host\n" + "fine\n" * 60 + "make: *** Error 2\n").kind == "script"
    )


def test_the_last_sign_in_a_log_is_the_cause():
    assert (
        found("Connection timed out\nretried and fine\nNo space left on device\n").kind == "runner"
    )


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_the_forges_own_word_goes_before_the_log(reason: str):
    assert found("No space left on device\n", reason) == REASONS[reason]


def test_an_unknown_reason_is_shown_as_it_is():
    assert found("", "some_new_failure") == Cause("script", "some new failure")
    assert found("") == Cause("script", "its script failed")
    assert found(
        "make: *** boom\nCleaning up project directory\nERROR: Job failed: exit code 1\n"
    ).told.endswith("make: *** boom")


def test_a_long_line_takes_no_time():
    assert found("denied" * 1_000_000).kind == "script"


def test_signs_name_no_class_of_their_own():
    assert {cause.kind for cause in (*SIGNS.values(), *REASONS.values())} == {
        "runner",
        "network",
        "script",
    }
