"""The note on a merge request, and the rule for its title."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from specs import plan_of

from truewheel.errors import Problem, Where
from truewheel.plan.pipeline_cost import costs, times
from truewheel.plan.plan_diff import changes
from truewheel.report import notes
from truewheel.report.notes import NoteContents
from truewheel.spec.model import MergeRequests

SPEC = "packages: {foo: {}, bar: {}}\ntargets: {rhel8: {}}\n"


def story(
    old: str | None, new: str, before: str = "1.0", after: str = "1.0", **more: Any
) -> NoteContents:
    plan = plan_of(new, version=after, event="mr")
    earlier = None if old is None else plan_of(old, version=before, event="mr")
    known = more.pop("times", None)
    return NoteContents(
        changes(earlier, plan),
        plan,
        earlier,
        efforts=costs(earlier, plan, known),
        times=known,
        **more,
    )


def note(old: str, new: str, before: str = "1.0", after: str = "1.0") -> str:
    return notes.render_note(story(old, new, before, after))


def test_nothing_is_reported_where_no_name_changes():
    assert note(SPEC, SPEC) == ""


def test_each_changed_name_is_a_row():
    text = note(SPEC, SPEC, "1.0", "1.1")
    assert "2 renamed" in text
    wheel = "foo-{}-cp312-cp312-manylinux_2_28_x86_64.whl"
    assert (
        f"| `foo/rhel8/x86_64/cp312` | `{wheel.format('1.0')}` | `{wheel.format('1.1')}` |" in text
    )
    assert "Not taken for newer" not in text


def test_an_older_name_and_a_refused_plan_are_reported_first():
    text = note(SPEC, SPEC, "1.1", "1.0")
    assert "**Not taken for newer** by pip, sort, uv." in text
    refused = note(SPEC, SPEC.replace("rhel8: {}", "rhel8: {}, rocky8: {}"))
    assert refused.index("**The plan is refused:**") < refused.index("| cell |")
    assert "two cells get one name" in refused


def test_many_changes_are_folded():
    pythons = f"pythons: [{', '.join(repr(f'3.{minor}') for minor in range(8, 22))}]\n"
    text = note(SPEC + pythons, SPEC + pythons, "1.0", "1.1")
    assert "<details><summary>28 changes</summary>" in text


def test_a_target_branch_without_a_plan_has_all_names_added():
    text = notes.render_note(story(None, SPEC))
    assert "2 added" in text
    assert "The target branch has no plan to compare with" in text


def test_files_that_are_not_as_generated_are_reported_though_no_name_changes():
    text = notes.render_note(story(SPEC, SPEC, drift=[("modified", ".gitlab-ci.yml")]))
    assert "- modified `.gitlab-ci.yml`" in text


def test_a_warning_that_was_there_before_is_no_news():
    old = story(SPEC, SPEC)
    warned = replace(
        old.made, problems=(Problem(Where("truewheel.yml", 1, 1), "a tag can move", "", "warning"),)
    )
    assert notes.render_note(old._replace(made=warned, before=warned)) == ""
    assert "a tag can move" in notes.render_note(old._replace(made=warned))


def test_jobs_are_counted_before_and_after():
    more = SPEC.replace("rhel8: {}", "rhel8: {}, ubuntu24.04: {}")
    text = note(SPEC, more)
    assert "| pipelines of | jobs |" in text
    assert "| merge requests | 6 → 9 |" in text
    assert "| pushes | 5 → 8 |" in text
    assert "minutes" not in text


def test_job_minutes_are_those_of_an_earlier_pipeline():
    taken = [
        ("plan", 60.0),
        ("wheel:foo:rhel8:x86_64:cp312", 600.0),
        ("wheel:bar:rhel8:x86_64:cp312", 1200.0),
    ]
    known = times(taken, "", "[pipeline 7](https://gitlab.example.com/7)")
    more = SPEC.replace("rhel8: {}", "rhel8: {}, ubuntu24.04: {}")
    text = notes.render_note(story(SPEC, more, times=known))
    assert "| pushes | 5 → 8 | about 31 → about 61 |" in text
    assert "what each job took in [pipeline 7](https://gitlab.example.com/7)" in text
    assert "Not counted, since none ran there: test, prove, names." in text


def test_what_an_index_says_is_reported_with_what_it_said_before():
    index = SPEC + "indexes: {pypi: {profile: pypi}}\n"
    text = notes.render_note(story(index, index.replace("rhel8: {}", "rhel8: {floor: linux}")))
    assert "Indexes: pypi: accepted → " in text


# What is posted


def test_a_posted_note_begins_with_its_marker_and_is_short_where_nothing_changes_any_more():
    mark = notes.make_marker("wheels", ".")
    assert mark == "<!-- truewheel:names wheels -->"
    assert notes.render_post(story(SPEC, SPEC), mark, "").startswith(
        f"{mark}\n### Wheel names\n\nNothing changes any more"
    )


@pytest.mark.parametrize("folder", ["a-->b", "a\nb", "a b"])
def test_no_folder_ends_the_hidden_comment(folder: str):
    mark = notes.make_marker("wheels", folder)
    assert mark.index("-->") == len(mark) - 3
    assert "\n" not in mark


@pytest.mark.parametrize("count", [1, 100, 400])
def test_a_posted_note_is_no_longer_than_a_forge_takes(count: int):
    packages = ", ".join(f"{'p' * 50}{number}: {{}}" for number in range(count))
    spec = f"packages: {{{packages}}}\ntargets: {{rhel8: {{}}}}\n"
    long = story(spec, spec, "1.0", "1.1")
    text = notes.render_post(
        long, notes.make_marker("wheels", "."), "names.md of [this job](https://x)"
    )
    assert len(text.encode()) <= notes.MOST
    assert ("All of them: names.md of [this job](https://x)" in text) == (count == 400)
    assert text.count("<details>") == text.count("</details>")
    assert len(notes.render_note(long).encode()) > notes.MOST or count < 400


def test_no_line_of_a_note_is_a_quick_action_of_gitlab():
    change = story(
        SPEC, SPEC.replace("rhel8: {}", "rhel8: {}, rocky8: {}"), drift=[("modified", "/merge")]
    )
    assert not [line for line in notes.render_note(change).split("\n") if line.startswith("/")]


def test_text_of_the_spec_does_not_become_markup():
    hostile = "<img src=x>`|[x](http://x)"
    assert notes._text(hostile) == "\\<img src=x\\>\\`\\|\\[x\\](http://x)"
    assert notes._code("a`|b c") == "`a__b_c`"


@pytest.mark.parametrize(
    ("title", "fits"),
    [
        ("fix: a", True),
        ("fix(build): link statically", True),
        ("feat(build)!: drop 3.9", True),
        ("Draft: fix: a", True),
        ("fix:a", False),
        ("fix(): a", False),
        ("fixes: a", False),
        ("Fix: a", False),
        ("", False),
        ("fix: ", False),
    ],
)
def test_a_title_starts_with_a_type(title: str, fits: bool):
    assert (
        notes.find_title_fault(
            title, MergeRequests(types=("fix", "feat"), changed_only=False, labels=())
        )
        == ""
    ) is fits


def test_without_types_any_title_will_do():
    assert (
        notes.find_title_fault("whatever", MergeRequests(types=(), changed_only=False, labels=()))
        == ""
    )


@pytest.mark.parametrize(
    "text",
    ["&commat;all", "&#64;all", "&num;1", "&percnt;1", "&amp;commat;all", "@all", "#1", "%1"],
)
def test_no_value_becomes_a_mention_or_a_reference(text: str):
    """Neither as it is written, nor as Markdown makes it of an entity."""
    line = notes._text(text)
    assert not re.search(r"(?<!\\)&", line), "an escaped & begins no entity"
    assert not re.search(r"[@#]\w|(?<!\\)%", line)
    assert line.replace("\\", "").replace("\u200b", "") == text
