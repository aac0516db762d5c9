"""What is generated works on the oldest GitLab that is supported: no keyword is newer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from paths import ROOT

from truewheel.errors import select_errors
from truewheel.forges import pipelines
from truewheel.forges.gitlab import keywords
from truewheel.plan import planner
from truewheel.plan.planner import Request
from truewheel.workspace import loading

OLDEST = (17, 11)
# With the GitLab in which each came without a feature flag, of its CI/CD YAML reference; "" for
# those of GitLab 13 and older. A keyword that is not here is looked up and added.
SINCE = {
    "default": "interruptible retry retry.max retry.when",
    "include": "local",
    "workflow": "name:15.8 rules rules.if rules.when rules.variables:14.1",
    "variables": "*.description:13.7 *.value:13.7 *.options:15.7 *.expand:16.3",
    "spec": "inputs:17.0 inputs.*.type:17.0 inputs.*.description:17.0 inputs.*.default:17.0"
    " inputs.*.options:17.0 inputs.*.regex:17.0",
    "job": "allow_failure allow_failure.exit_codes:13.8 artifacts artifacts.access:16.11"
    " artifacts.exclude:13.1 artifacts.expire_in artifacts.paths artifacts.reports"
    " artifacts.reports.codequality artifacts.reports.dotenv artifacts.reports.junit artifacts.when"
    " before_script dependencies environment environment.name extends image inherit inherit.default"
    " inherit.variables interruptible needs needs.job needs.pipeline:13.7 resource_group retry"
    " retry.max retry.when rules rules.changes rules.if script services stage tags timeout trigger"
    " trigger.forward:15.1 trigger.forward.pipeline_variables:15.1 trigger.include"
    " trigger.include.local trigger.strategy variables",
}
KNOWN = {
    f"{section}.{name}": tuple(map(int, version.split("."))) if version else ()
    for section, words in SINCE.items()
    for name, _, version in (word.partition(":") for word in words.split())
}
# Whose keys are names of variables or inputs.
NAMED = ("variables", "inputs")


class Loader(yaml.CSafeLoader):
    """Reads GitLab's files, whose `!reference` stands for the value of another key."""


Loader.add_constructor("!reference", lambda loader, node: loader.construct_sequence(node))


def generated() -> Iterator[tuple[str, str]]:
    """Yield path and text of each GitLab file of the golden cases."""
    for spec in (ROOT / "tests/cases").glob("*/truewheel.yml"):
        space = loading.load(str(spec), spec.parent)
        request = Request(
            generator="truewheel 0", versions=space.versions(), event="", images=space.images()
        )
        plan = planner.plan(space.spec, space.policy, request)
        if select_errors(plan.problems):
            continue
        texts = pipelines.texts(plan, space.spec, space.policy, None, space.job_files())
        for path, text in texts.items():
            if Path(path).suffix == ".yml" and not path.startswith(".github"):
                yield f"{spec.parent.name}: {path}", text


def used(value: Any, route: tuple[str, ...]) -> Iterator[str]:
    """Yield the keywords of a part of a file, each with those around it."""
    items = value if isinstance(value, list) else [value]
    for mapping in (item for item in items if isinstance(item, dict)):
        for key, below in mapping.items():
            is_name = route[-1] in NAMED
            inner = (*route, "*" if is_name else key)
            if not is_name:
                yield ".".join(inner)
            yield from used(below, inner)


def words_of(text: str) -> Iterator[str]:
    for document in yaml.load_all(text, Loader):
        for key, value in document.items():
            yield from used(value, (key if key in keywords.TOP_LEVEL else "job",))


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    """Every generated file by its path."""
    return dict(generated())


@pytest.fixture(scope="module")
def keywords_used(files: dict[str, str]) -> dict[str, str]:
    """Every keyword that is generated, and a file that has it."""
    return {word: path for path, text in files.items() for word in words_of(text)}


def test_no_keyword_is_newer_than_the_oldest_supported_server(keywords_used: dict[str, str]):
    assert len(keywords_used) > 50
    unknown = {word: path for word, path in keywords_used.items() if word not in KNOWN}
    assert unknown == {}
    assert {word for word in keywords_used if KNOWN[word] > OLDEST} == set()


def test_the_handbook_says_which_that_is():
    text = (ROOT / "docs/gitlab.md").read_text(encoding="utf-8")
    assert f"GitLab {OLDEST[0]}.{OLDEST[1]} or newer is supported" in text


def test_a_trigger_job_waits_by_the_word_that_every_server_knows(files: dict[str, str]):
    """`strategy: mirror` is of GitLab 18.2."""
    parent = next(text for path, text in files.items() if path.startswith("children: .gitlab"))
    assert "strategy: 'depend'" in parent
    assert "mirror" not in parent
