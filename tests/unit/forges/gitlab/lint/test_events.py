"""Which jobs are there for an event, and needs on those that are not."""

from __future__ import annotations

import pytest
from lints import codes, files_of, found

from truewheel.forges.gitlab.lint import presence, present_jobs


def there(job: str, event: str, **variables: str) -> bool | None:
    """Whether the job `job`, written as the rest of its mapping, is there."""
    return presence(files_of(f"job: {{script: make, {job}}}\n"), event, variables)["job"]


ALL = ("push", "mr", "tag", "schedule", "web")


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        ("stage: test", (True, False, True, True, True)),
        ("rules: [{when: always}]", (True, True, True, True, True)),
        ("rules: [{when: never}]", (False, False, False, False, False)),
        ("rules: [{if: $CI_COMMIT_TAG}]", (False, False, True, False, False)),
        ("rules: [{if: $CI_COMMIT_BRANCH}]", (True, False, False, True, True)),
        ("rules: [{if: $CI_MERGE_REQUEST_IID}]", (False, True, False, False, False)),
        ("rules: [{if: $CI_MERGE_REQUEST_LABELS}]", (False, None, False, False, False)),
        ("rules: [{if: '$CI_PIPELINE_SOURCE == \"web\"'}]", (False, False, False, False, True)),
        (
            "rules: [{if: $CI_COMMIT_TAG, when: never}, {when: manual}]",
            (True, True, False, True, True),
        ),
        ("rules: [{if: $MINE}]", (None, None, None, None, None)),
        (
            "rules: [{if: $MINE, when: never}, {if: $CI_COMMIT_TAG}]",
            (False, False, None, False, False),
        ),
        (
            "rules: [{if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH}]",
            (None, False, False, None, None),
        ),
        ("rules: [{changes: [a]}]", (None, None, True, True, True)),
        ("rules: [{exists: [a]}]", (None, None, None, None, None)),
        ("variables: {A: 'b'}, rules: [{if: $A == 'b'}]", (True, True, True, True, True)),
        ("variables: {A: $B}, rules: [{if: $A}]", (None, None, None, None, None)),
        (
            "parallel: {matrix: [{A: [x, y]}]}, rules: [{if: $A == 'x'}]",
            (None, None, None, None, None),
        ),
        ("only: [tags]", (False, False, True, False, False)),
        ("only: [merge_requests]", (False, True, False, False, False)),
        ("only: [main]", (None, False, None, None, None)),
        ("only: [/^v.*/]", (None, False, None, None, None)),
        ("only: [pushes]", (True, False, True, False, False)),
        ("only: [triggers, api]", (False, False, False, False, False)),
        ("only: ['branches@group/project']", (None, False, False, None, None)),
        ("only: {variables: [$CI_COMMIT_TAG]}", (False, False, True, False, False)),
        ("only: {refs: [branches], variables: [$MINE]}", (None, False, False, None, None)),
        ("only: {kubernetes: active}", (None, False, None, None, None)),
        ("except: [tags]", (True, False, False, True, True)),
        ("except: {variables: [$MINE]}", (None, False, None, None, None)),
    ],
)
def test_a_job_for_every_event(job: str, expected: tuple[bool | None, ...]):
    assert tuple(there(job, event) for event in ALL) == expected


def test_given_variables_decide():
    assert there("rules: [{if: '$MINE == \"yes\"'}]", "push", MINE="yes") is True
    assert there("rules: [{if: '$MINE == \"yes\"'}]", "push", MINE="no") is False
    assert there("variables: {MINE: a}, rules: [{if: $MINE == 'b'}]", "push", MINE="b") is True


def test_rules_of_the_workflow_bring_jobs_without_rules_to_merge_requests():
    files = files_of("workflow: {rules: [{when: always}]}\njob: {script: make}\n")
    assert present_jobs(files, "mr") == ["job"]


def test_there_is_no_job_where_the_workflow_is_not():
    files = files_of("workflow: {rules: [{if: $CI_COMMIT_TAG}]}\njob: {script: make}\n")
    assert [present_jobs(files, event) for event in ("push", "tag")] == [[], ["job"]]


def test_what_the_workflow_sets_is_unknown():
    text = "workflow: {rules: [{if: $X, variables: {A: b}}, {when: always}]}\nvariables: {A: a}\n"
    files = files_of(text + "job: {script: make, rules: [{if: $A == 'b'}]}\n")
    assert presence(files, "push") == {"job": None}


def test_alike_jobs_are_all_listed():
    files = files_of(
        "".join(
            f"j{number}: {{script: make, variables: {{A: '{number}'}}}}\n" for number in range(3)
        )
    )
    assert present_jobs(files, "push") == ["j0", "j1", "j2"]


def test_one_message_names_all_events():
    text = (
        "build: {script: make, only: [tags]}\ntest: "
        "{script: make, needs: [build], except: [tags]}\n"
    )
    (problem,) = found(files_of(text))
    assert problem.message.startswith(
        "job test needs build, which is not there for push and schedule and web"
    )


@pytest.mark.parametrize(
    "text",
    [
        # An optional need; the same unknown; a need only where it is there; the needed one only
        # maybe absent.
        "a: {script: m, only: [tags]}\nb: {script: m, needs: [{job: a, optional: true}]}\n",
        "a: {script: m, rules: [{if: $X}]}\nb: {script: m, needs: [a], rules: [{if: $X}]}\n",
        (
            "a: {script: m, only: [tags]}\nb: "
            "{script: m, rules: [{if: $CI_COMMIT_TAG, needs: [a]}, {when: always}]}\n"
        ),
        "a: {script: m, rules: [{changes: [x]}]}\nb: {script: m, needs: [a]}\n",
        "a: {script: m, only: [tags]}\nb: {script: m, needs: [a], rules: [{if: $NIGHTLY}]}\n",
        "a: {script: m, only: [tags]}\nb: {script: m, needs: [a], only: [tags]}\n",
    ],
)
def test_only_what_is_sure_is_an_error(text: str):
    assert codes(text) == []


def test_the_needs_of_a_rule_count():
    text = (
        "a: {script: m, only: [tags]}\nb: "
        "{script: m, rules: [{if: $CI_COMMIT_BRANCH, needs: [a]}]}\n"
    )
    assert codes(text) == ["absent-need"]


def test_a_need_on_one_of_parallel_jobs():
    text = "a: {script: m, parallel: 2, only: [tags]}\nb: {script: m, needs: ['a 1/2']}\n"
    assert codes(text) == ["absent-need"]


def test_no_job_for_any_event_is_a_warning():
    assert codes("a: {script: m, rules: [{when: never}]}\n") == ["no-job-ever"]


def test_variables_of_the_workflow_decide_over_global_ones():
    text = """
    variables: {LINT: "yes"}
    workflow: {rules: [{if: $CI_COMMIT_TAG, variables: {LINT: "no"}}, {when: always}]}
    lint: {script: make, rules: [{if: $LINT == "yes"}]}
    deploy: {script: make, needs: [lint], rules: [{when: always}]}
    """
    assert codes(text) == ["absent-need"]
    assert present_jobs(files_of(text), "tag") == ["deploy"]
    assert present_jobs(files_of(text), "push") == ["lint", "deploy"]


def test_gitlab_looks_at_the_needs_of_the_job_and_not_at_those_of_its_rules():
    lint_job = "lint: {script: make, rules: [{if: $CI_COMMIT_TAG}]}\n"
    own = "deploy: {script: make, needs: [lint], rules: [{if: $CI_COMMIT_BRANCH, needs: []}]}\n"
    of_rule = "deploy: {script: make, rules: [{if: $CI_COMMIT_BRANCH, needs: [lint]}]}\n"
    assert [problem.severity for problem in found(files_of(lint_job + own))] == ["error"]
    assert [problem.severity for problem in found(files_of(lint_job + of_rule))] == ["warning"]


def test_a_child_is_checked_for_the_events_that_start_it():
    child = """
    build: {script: make, rules: [{if: $CI_COMMIT_BRANCH}]}
    deploy: {script: make, needs: [build], rules: [{when: always}]}
    """
    start = "start: {{trigger: {{include: [{{local: child.yml}}]}}, rules: [{{if: ${0}}}]}}\n"
    assert codes(start.format("CI_COMMIT_BRANCH"), child=child) == []
    assert codes(start.format("CI_COMMIT_TAG"), child=child) == ["absent-need"]
