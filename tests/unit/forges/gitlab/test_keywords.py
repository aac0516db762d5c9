"""The names of keywords that the emitter takes are those that the lint checks."""

from __future__ import annotations

from truewheel.forges.gitlab import keywords
from truewheel.forges.gitlab.lint import keywords as checks


def test_jobs_have_the_same_keywords_for_the_emitter_and_the_lint():
    assert {*checks.JOB, *checks.BRIDGE} == keywords.JOB


def test_files_have_the_same_keywords_for_the_emitter_and_the_lint():
    # spec stands in a document of its own; GitLab still takes types, the former name of stages.
    assert {*checks.GLOBAL, "spec", "types"} == keywords.TOP_LEVEL
