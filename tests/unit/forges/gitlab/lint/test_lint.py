"""The whole.

Files put together, children, limits, and that nothing but findings comes of strange files.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lints import codes, files_of, found
from paths import ROOT, SOURCE

from truewheel.forges.gitlab.lint import included, lint, plain, present_jobs

CHILD = "start: {trigger: {include: [{local: child.yml}]}, rules: [{when: always}]}\n"


def test_an_included_file_lies_below_the_one_that_includes_it():
    files = files_of(
        "include: [a.yml, b.yml]\njob: {stage: build}\n",
        a="job: {script: a, image: x}\n",
        b="job: {image: y}\n",
    )
    assert lint(files) == []
    assert included(files, "ci.yml") == {"ci.yml", "a.yml", "b.yml"}


def test_a_problem_of_an_included_file_is_placed_there():
    (problem,) = found(files_of("include: parts.yml\n", parts="job:\n  script: make\n  retry: 9\n"))
    assert str(problem.where) == "parts.yml:3:3"


def test_a_problem_of_a_template_is_placed_there_and_told_once():
    text = ".t:\n  retry: 9\na: {extends: .t, script: make}\nb: {extends: .t, script: make}\n"
    assert [str(problem.where) for problem in found(files_of(text))] == ["ci.yml:2:3"]


def test_files_are_found_by_pattern():
    files = files_of("include: ['*.yml']\n", other="job: {script: make}\n")
    del files["ci.yml"]
    files = {"main.yaml": files_of("include: ['*.yml']\n")["ci.yml"], **files}
    assert present_jobs(files, "push") == ["job"]


def test_a_file_that_another_event_includes_brings_no_job_to_this_one():
    files = files_of(
        "include: [{local: tags.yml, rules: [{if: $CI_COMMIT_TAG}]}]\njob: "
        "{script: make, needs: [more]}\n",
        tags="more: {script: make}\n",
    )
    assert "missing-need" in [problem.code for problem in found(files)]
    assert set(present_jobs(files, "tag")) == {"job", "more"}


@pytest.mark.parametrize(
    "kind", ["project: g/p, file: a.yml", "template: a.yml", "component: g/c@1", "local: $A.yml"]
)
def test_what_is_not_followed_makes_missing_names_warnings(kind: str):
    text = (
        f"include: [{{{kind}}}]\njob: {{extends: .x, stage: y, needs: [z]}}\nother: "
        f"{{image: gcc}}\n"
    )
    assert found(files_of(text), "error") == []
    assert {"include-not-followed", "missing-extends", "missing-need"} <= set(codes(text))


def test_inputs_name_jobs():
    part = "spec:\n  inputs: {name: , stage: {default: build}}\n---\n"
    part += "'$[[ inputs.name ]]': {script: m, stage: '$[[ inputs.stage ]]'}\n"
    text = "include: [{local: part.yml, inputs: {name: made}}]\njob: {script: m, needs: [made]}\n"
    assert codes(text, part=part) == []
    assert codes(text.replace("name: made", "named: made"), part=part) == [
        "unknown-input",
        "missing-input",
        "missing-need",
    ]


def test_a_child_is_checked_too():
    assert codes(CHILD, child="job: {image: gcc, rules: [{when: always}]}\n") == ["no-script"]
    assert codes(CHILD) == ["child-missing"]


def test_a_child_of_a_merge_request_without_rules_is_empty():
    job = "job: {script: make}\n"
    assert codes(CHILD, child=job) == ["child-empty"]
    assert codes(CHILD, child="workflow: {rules: [{when: always}]}\n" + job) == []


def test_variables_of_the_parent_win_in_a_child():
    child = "workflow: {rules: [{when: always}]}\njob: {script: make, variables: {A: child}}\n"
    assert codes("variables: {A: parent}\n" + CHILD, child=child) == ["child-variable"]
    closed = CHILD.replace("rules:", "inherit: {variables: false}, rules:")
    assert codes("variables: {A: parent}\n" + closed, child=child) == []


def test_variables_whose_text_changes_are_warnings():
    text = (
        "variables: {PYTHON: 3.10, MODE: 0644, NEW: yes, FINE: 3.11, QUOTED: '3.10'}\njob: "
        "{script: make}\n"
    )
    assert [problem.message.split(":")[0] for problem in found(files_of(text), "warning")] == [
        "PYTHON will be 3.1", "MODE will be 420", "NEW will be true",
    ]  # fmt: skip


def test_a_dotenv_file_that_is_spelled_out_is_counted():
    lines = "".join(f"    - echo A{number}=1 >> build.env\n" for number in range(21))
    text = (
        f"job:\n  script:\n{lines}    - echo >> build.env\n  artifacts: "
        f"{{reports: {{dotenv: build.env}}}}\n"
    )
    assert [problem.message for problem in found(files_of(text))] == [
        "job job: build.env gets 22 variables, and GitLab takes at most 20",
        "job job: build.env gets an empty line",
    ]


def test_many_jobs_are_a_warning():
    text = "".join(f"j{number}: {{script: make, parallel: 100}}\n" for number in range(6))
    assert codes(text) == ["job-count"]


def test_jobs_that_differ_in_the_text_of_variables_are_one_to_judge_and_many_to_need():
    jobs = "".join(
        f"j{number}: {{extends: .t, variables: {{A: '{number}'}}}}\n" for number in range(60)
    )
    text = (
        ".t: {script: make, stage: build}\n"
        + jobs
        + "some: {script: make, needs: [j1, j59, j60]}\n"
    )
    assert [problem.message for problem in found(files_of(text))] == [
        "job some needs 'j60', and there is no such job"
    ]
    circle = ".t: {script: make, needs: [last]}\n" + jobs + "last: {script: make, needs: [j7]}\n"
    assert codes(circle) == ["cyclic-needs"]


def test_a_made_document_has_no_places():
    (problem,) = lint({"a.yml": plain("a.yml", {"job": {"image": "gcc"}})})
    assert str(problem.where) == "a.yml"


def test_a_script_is_nested_ten_deep_at_most():
    assert codes(f"job: {{script: {'[' * 10}make{']' * 10}}}\n") == []
    assert codes(f"job: {{script: {'[' * 11}make{']' * 11}}}\n") == ["too-deep"]


def codes_in(source: str) -> Iterator[str]:
    """The codes that a module gives to what it finds."""
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call):
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            texts = [
                *call.args[:2],
                *(keyword.value for keyword in call.keywords if keyword.arg == "code"),
            ]
            if name in {"Fault", "Finding", "add", "at", "missing", "_report"}:
                yield from (
                    one.value
                    for one in texts
                    if isinstance(one, ast.Constant) and re.fullmatch("[a-z-]+", str(one.value))
                )


def test_every_code_is_documented():
    package = SOURCE / "truewheel/forges/gitlab/lint"
    codes = {
        code for path in package.glob("*.py") for code in codes_in(path.read_text(encoding="utf-8"))
    }
    page = (ROOT / "docs/lint.md").read_text(encoding="utf-8")
    assert len(codes) > 45
    assert codes - set(re.findall(r"`([a-z-]+)`", page)) == set()


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 300),
    st.floats(0, 9),
    st.sampled_from(
        ["", "build", ".t", "$A", "/a b/", "1 week", "never", "a: [x]", "$[[ inputs.a ]]", "x.yml"]
    ),
)
KEYWORDS = st.sampled_from(
    [
        *(
            "script",
            "stage",
            "stages",
            "needs",
            "rules",
            "if",
            "when",
            "only",
            "except",
            "variables",
            "value",
            "options",
        ),
        *(
            "parallel",
            "matrix",
            "trigger",
            "include",
            "local",
            "job",
            "extends",
            "default",
            "inherit",
            "workflow",
        ),
        *(
            "image",
            "services",
            "cache",
            "key",
            "files",
            "artifacts",
            "paths",
            "reports",
            "dotenv",
            "environment",
        ),
        *(
            "name",
            "on_stop",
            "retry",
            "tags",
            "dependencies",
            "pipeline",
            "project",
            "release",
            "pages",
            "run",
        ),
        *("A", ".t", "build", "test"),
    ]
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYWORDS, inner, max_size=4),
    max_leaves=25,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(KEYWORDS, TREES, min_size=1, max_size=5))
def test_strange_documents_end_in_findings(data: dict[str, Any]):
    for problem in lint({"x.yml": plain("x.yml", data)}):
        assert problem.message
