"""What pipelines need of a project, read off the generated documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from specs import plan_of, spec_of

from truewheel.forges.gitlab.api.requirements import (
    OLDEST,
    OLDEST_WITH_INPUTS,
    OLDEST_WITH_KEYS,
    Needs,
    Secret,
    needs,
)
from truewheel.forges.gitlab.emit import pipeline
from truewheel.spec import variables
from truewheel.workspace import loading

SPEC = """
project: p
packages: {foo: {max_size: 2 kB}, bar: {max_size: 3 kB}}
targets: {rhel8: {}, ubuntu24.04: {arches: [aarch64]}}
indexes:
  own: {url: 'https://index.example/x', credentials: {username: USER, password: PASS}}
  named: {credentials: {password: NEVER}}
variables: {SIGNING: {scope: secret}, UPSTREAM: {}, PASS: {scope: secret}}
schedules: {night: {cron: '0 3 * * *', variables: {UPSTREAM: a}}}
gitlab:
  runners: {x86_64: [linux, big]}
  overrides: {'wheel:rhel8:x86_64': {timeout: 3h}, prove: {tags: [large]}}
  jobs: {lint: {stage: review, script: [make], tags: [small]}}
"""


def needed(text: str = SPEC, **more: Any) -> Needs:
    spec, plan = spec_of(text), plan_of(text, event="")
    policy = loading.read_policy(spec.naming, Path(), "naming")
    documents = pipeline.documents(plan, spec, variables.declared_variables(spec, policy))
    return needs(spec, policy, plan, documents, **more)


def test_tags_come_from_runners_overrides_and_jobs_of_ones_own():
    assert dict(needed().tags) == {
        (): "plan",
        ("large",): "prove",
        ("small",): "lint",
        ("linux", "big"): "wheel:foo:rhel8:x86_64:cp312",
    }


def test_timeouts_of_overrides_are_known_and_a_job_that_has_none():
    needs = needed()
    assert needs.limits["wheel:foo:rhel8:x86_64:cp312"] == 3 * 3600
    assert needs.limits["wheel:foo:ubuntu24.04:aarch64:cp312"] == 6 * 3600
    assert needs.unlimited == ""
    assert (
        needed(SPEC.replace("timeout: 3h", "timeout: null")).unlimited
        == "wheel:foo:rhel8:x86_64:cp312"
    )


def test_secrets_are_credentials_of_published_indexes_and_declared_ones():
    assert needed().secrets == (
        Secret("USER", "the user name of the index own", "p/own", is_hidden=False, is_late=True),
        Secret("PASS", "the password of the index own", "p/own", is_late=True),
        Secret("SIGNING", "a secret of the spec"),
    )


def test_what_gitlab_sets_itself_is_no_secret_of_the_settings():
    needs = needed(
        SPEC.replace(
            "username: USER, password: PASS", "username: CI_REGISTRY_USER, password: CI_JOB_TOKEN"
        )
    )
    assert {secret.name for secret in needs.secrets} == {"PASS", "SIGNING"}


def test_children_hand_wheels_over_by_the_registry_and_have_tags_too():
    needs = needed(SPEC + "  layout: children\n")
    assert needs.uses_packages
    assert needs.version == OLDEST_WITH_KEYS
    assert ("linux", "big") in needs.tags
    assert "TRUEWHEEL_PIPELINE_ID" in needs.job_variables
    assert not needed().uses_packages


def test_variables_versions_and_publishing_are_requirements():
    needs = needed()
    assert {"TRUEWHEEL_CELL", "GIT_DEPTH"} <= needs.job_variables
    assert (needs.publishes, needs.config, needs.largest) == (True, ".gitlab-ci.yml", 3000)
    assert (needs.sends_variables, needs.by_inputs, needs.version) == (True, False, OLDEST)
    needs = needed(SPEC + "  entry: ci/wheels.yml\n", by_inputs=True)
    assert (needs.config, needs.sends_variables, needs.version) == ("", False, OLDEST_WITH_INPUTS)
