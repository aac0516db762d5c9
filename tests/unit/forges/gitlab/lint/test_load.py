"""Hand-written files: anchors, merge keys, references, headers, and what cannot be read."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lints import files_of

from truewheel.errors import Stop
from truewheel.forges.gitlab import limits
from truewheel.forges.gitlab.lint.document import GitlabFile, Reference
from truewheel.forges.gitlab.lint.load import load


def read(text: str) -> GitlabFile:
    return files_of(text)["ci.yml"]


def refused(raw: bytes) -> str:
    with pytest.raises(Stop) as stopped:
        load(raw, "ci.yml")
    return str(stopped.value)


def test_what_an_alias_stands_for_is_there_twice():
    assert read("a: &x [1, two]\nb: *x\n").data == {"a": [1, "two"], "b": [1, "two"]}


def test_what_is_merged_wins_over_keys_before_it_and_loses_against_those_after():
    file = read(
        "base: &b {image: gcc, stage: build}\njob:\n  image: clang\n  <<: *b\n  stage: test\n"
    )
    assert file.data["job"] == {"image": "gcc", "stage": "test"}


def test_of_several_merged_the_first_wins():
    file = read("a: &a {x: 1}\nb: &b {x: 2, y: 2}\njob: {<<: [*a, *b]}\n")
    assert file.data["job"] == {"x": 1, "y": 2}


def test_merging_what_is_no_mapping_leaves_a_key():
    assert read("a: &a [1]\njob: {<<: *a}\n").data["job"] == {"<<": [1]}


def test_a_reference_knows_its_place():
    reference = read("job:\n  script:\n    - !reference [.setup, script]\n").data["job"]["script"][
        0
    ]
    assert isinstance(reference, Reference)
    assert reference.path == (".setup", "script")
    assert str(reference.where) == "ci.yml:3:7"


def test_the_last_of_two_keys_is_kept_with_a_warning():
    file = read("job: {script: a}\njob: {script: b}\n")
    assert file.data == {"job": {"script": "b"}}
    (problem,) = map(str, file.problems)
    assert problem.startswith(
        "ci.yml:2:1: warning: the key 'job' is here twice, first on line 1: GitLab keeps this one"
    )


def test_a_header_stands_before_the_content():
    file = read("spec:\n  inputs: {stage: {default: test}}\n---\njob: {script: a}\n")
    assert file.header == {"inputs": {"stage": {"default": "test"}}}
    assert file.data == {"job": {"script": "a"}}
    assert str(file.where(("job",), key=True)) == "ci.yml:4:1"


def test_a_document_that_gitlab_does_not_read_is_a_warning():
    (problem,) = read("job: {script: a}\n---\nother: {script: b}\n").problems
    assert "does not read" in problem.message
    assert problem.severity == "warning"


def test_a_leading_mark_and_comments_are_nothing_special():
    assert read("---\n# hello\njob: {script: a}\n").data == {"job": {"script": "a"}}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "the file is empty"),
        (b"# nothing\n", "the file is empty"),
        (b"- a\n", "must be a mapping"),
        (b"job: [a\n", "not YAML"),
        (b"job:\n\tscript: a\n", "a tab"),
        (b"job: \xff\n", "not UTF-8"),
        (b"job: \x07\n", "U+0007"),
        (b"a: " + b"[" * 5000, "nested more than 100"),
        (b"a: " + b"{a: " * 5000, "nested more than 100"),
        (b"a: x\n" * 500_000, "at most 2 MiB"),
    ],
)
def test_what_cannot_be_read(raw: bytes, message: str):
    assert message in refused(raw)


def test_a_hundred_levels_are_read():
    load(b"a: " + b"[" * (limits.YAML_DEPTH - 2) + b"]" * (limits.YAML_DEPTH - 2), "ci.yml")


@given(st.text("ab:-&*!<>[]{} \n'\"#,|?1.~", max_size=60))
def test_any_text_is_read_or_refused(text: str):
    with contextlib.suppress(Stop):
        assert isinstance(load(text.encode(), "ci.yml").data, dict)
