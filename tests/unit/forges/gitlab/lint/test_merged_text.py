"""What GitLab's own lint gets of files that are not pushed, and the places of its findings."""

from __future__ import annotations

import pytest
import yaml

from truewheel.errors import Where
from truewheel.forges.gitlab import limits
from truewheel.forges.gitlab.lint import merged_text
from truewheel.forges.gitlab.lint.load import load
from truewheel.forges.gitlab.lint.merged_text import Sent


class _Reader(yaml.SafeLoader):
    pass


_Reader.add_constructor(
    "!reference", lambda loader, node: ("reference", *loader.construct_sequence(node))
)


def sent(**texts: str) -> list[Sent]:
    """Files by their names without .yml; the first is the beginning."""
    raw = {f"{name}.yml": text for name, text in texts.items()}
    files = {path: load(text.encode(), path) for path, text in raw.items()}
    return list(merged_text.pipelines(files, next(iter(raw)), raw.__getitem__))


def read(text: str) -> object:
    return yaml.load(text, Loader=_Reader)  # noqa: S506 - a safe loader with one more tag


def test_a_file_that_includes_nothing_is_sent_as_it_is():
    (one,) = sent(root="# as typed\njob: {script: &a make}\n")
    assert (one.name, one.text) == ("root.yml", "# as typed\njob: {script: &a make}\n")


def test_included_files_are_put_in_below_the_own_text():
    (one,) = sent(
        root="include: [/a.yml, {local: b.yml}]\n.base: {image: mine}\n",
        a="include: c.yml\n.base: {image: theirs, tags: [x]}\n",
        b="job: {extends: .base, script: [!reference [.base, script]]}\n",
        c="stages: [one]\n",
    )
    assert read(one.text) == {
        "stages": ["one"],
        ".base": {"image": "mine", "tags": ["x"]},
        "job": {"extends": ".base", "script": [("reference", ".base", "script")]},
    }


@pytest.mark.parametrize(
    "item",
    [
        "{project: group/other, file: a.yml}",
        "https://example.com/a.yml",
        "{local: a.yml, rules: [{if: $X}]}",
        "'*.yml'",
    ],
)
def test_what_only_gitlab_can_follow_is_left_to_it(item: str):
    (one,) = sent(
        root=f"include: [{item}, b.yml]\n", a="x: {script: y}\n", b="job: {script: make}\n"
    )
    assert read(one.text) == {"job": {"script": "make"}, "include": [yaml.safe_load(item)]}


def test_each_child_is_a_pipeline_of_its_own():
    bodies = sent(
        root=(
            "start: {trigger: {include: child.yml}}\n"
            "again: {trigger: {include: [{local: child.yml}]}}\n"
            "two: {trigger: {include: [{local: a.yml}, {local: b.yml}]}}\n"
            "made: {trigger: {include: [{artifact: x, job: y}]}}\n"
        ),
        child="include: a.yml\njob: {script: make}\n",
        a="a: {script: make}\n",
        b="b: {script: make}\n",
    )
    assert [one.name for one in bodies] == ["root.yml", "child.yml", "root.yml (two)"]
    assert [set(read(one.text)) for one in bodies[1:]] == [{"job", "a"}, {"a", "b"}]


def test_a_pipeline_too_large_for_one_text_is_sent_part_by_part(monkeypatch: pytest.MonkeyPatch):
    files = {name: f"{name}: {{extends: .base}}\n" for name in "ab"}
    files = {"root": "include: [a.yml, b.yml]\n.base: {script: make}\n", **files}
    assert len(sent(**files)) == 1
    monkeypatch.setattr(limits, "YAML_BYTES", 100)
    assert [set(read(one.text)) for one in sent(**files)] == [{".base", "a"}, {".base", "b"}]


@pytest.mark.parametrize(
    "word", ["yes", "1,000", "012", "1:30", "null", "~", "é\n  b", "a: b", "- x", "!x", "@x", ""]
)
def test_every_text_stays_a_text(word: str):
    script = yaml.safe_dump(word, default_style='"')
    (one,) = sent(root=f"include: a.yml\njob:\n  script: {script}\n", a="stages: [x]\n")
    assert one.text.count("!!") == 0
    assert read(one.text) == {"stages": ["x"], "job": {"script": word}}


# Where what GitLab says belongs

FILES = {
    "root": "include: [a.yml]\n\nwheel: {script: make}\n",
    "a": "\n\nwheel:foo:rhel8: {script: make, nonsense: 1}\n",
}


@pytest.mark.parametrize(
    ("message", "where"),
    [
        ("jobs:wheel:foo:rhel8 config contains unknown keys: nonsense", Where("a.yml", 3, 1)),
        ("jobs:wheel config should be a hash", Where("root.yml", 3, 1)),
        ("`wheel` job: chosen stage x does not exist", Where("root.yml", 3, 1)),
        ("jobs:wheels config should be a hash", Where("root.yml", 1, 1)),
        ("no visible job", Where("root.yml", 1, 1)),
    ],
)
def test_a_message_stands_at_the_job_it_names(message: str, where: Where):
    (one,) = sent(**FILES)
    assert one.finding(message).where == where
    assert str(one.finding(message)).endswith(f"{message} [gitlab]")


def test_a_place_in_the_text_is_told_where_the_text_is_the_file():
    (one,) = sent(root="job: {script: make}\n")
    assert one.finding("(<unknown>): did not find expected key at line 7 column 3").where == Where(
        "root.yml", 7, 3
    )


def test_a_place_in_a_text_that_was_put_together_is_none_in_a_file():
    (one,) = sent(**FILES)
    assert one.finding("(<unknown>): did not find expected key at line 7 column 3").where == Where(
        "root.yml", 1, 1
    )
