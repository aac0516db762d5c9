"""Events: one table, and the words of the forges for them."""

from __future__ import annotations

import pytest

from truewheel.forges.github.emit import workflows
from truewheel.forges.gitlab import lint
from truewheel.forges.gitlab.emit import jobs as gitlab_jobs
from truewheel.plan import events


@pytest.mark.parametrize("name", events.EVENTS)
@pytest.mark.parametrize("forge", ["gitlab", "github"])
def test_the_word_of_a_forge_gives_the_event(name: str, forge: str):
    word = events.EVENTS[name].sources[forge]
    assert events.name_of(word, is_tag=name == "tag") == name


@pytest.mark.parametrize("word", ["", "api", "trigger", "parent_pipeline", "merge_group"])
def test_any_other_word_is_a_push(word: str):
    assert events.name_of(word, is_tag=False) == "push"
    assert events.name_of(word, is_tag=True) == "tag"


def test_the_lint_judges_all_of_them():
    assert {name: event.source for name, event in lint.EVENTS.items()} == {
        name: event.sources["gitlab"] for name, event in events.EVENTS.items()
    }


def test_the_conditions_of_both_forges_are_for_the_same_events():
    assert workflows.CONDITIONS.keys() == gitlab_jobs.CONDITIONS.keys() <= events.EVENTS.keys()
