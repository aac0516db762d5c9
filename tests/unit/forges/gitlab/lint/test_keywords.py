"""The values of keywords, by the sources that keywords.py names."""

from __future__ import annotations

import pytest
from lints import codes

JOB = "job: {{script: make, {0}}}\n"


@pytest.mark.parametrize(
    "keyword",
    [
        "environment: {name: a, kubernetes: {agent: 'g/p:n'}}",
        "environment: {name: a, kubernetes: {namespace: n}}",
        "environment: {name: a, kubernetes: {agent: x, namespace: n, flux_resource_path: p}}",
        "environment: {name: a, kubernetes: {agent: x, managed_resources: {enabled: true}}}",
        "environment: {name: a, kubernetes: {managed_resources: {enabled: false}}}",
        "environment: {name: a, kubernetes: {agent: x, dashboard: {namespace: n}}}",
        "image: {name: a, docker: {platform: arm64/v8, user: dave}}",
        "image: {name: a, kubernetes: {user: 1001}}",
        "services: [{name: a, docker: {user: dave}}]",
        "secrets: {A: {vault: a/b@c, token: $T, file: false}}",
        "secrets: {A: {vault: {engine: {name: kv-v2, path: p}, path: a, field: b}}}",
        "secrets: {A: {gcp_secret_manager: {name: n, version: 1}, token: $T}}",
        "secrets: {A: {azure_key_vault: {name: n}}}",
        "release: {tag_name: v2, description: notes, released_at: '2026-11-29T08:00:00Z'}",
        "release: {tag_name: v2, description: notes, released_at: '2026-11-29'}",
        "pages: {publish: site, expire_in: 1 day}",
        "timeout: 2 hours",
        "needs: [{pipeline: $UPSTREAM, job: build}]",
    ],
)
def test_what_gitlab_takes(keyword: str):
    assert codes(JOB.format(keyword)) == []


@pytest.mark.parametrize(
    ("keyword", "code"),
    [
        ("environment: {name: a, kubernetes: {}}", "missing-value"),
        ("environment: {name: a, kubernetes: {agents: x}}", "unknown-key"),
        ("environment: {name: a, kubernetes: {agent: [x]}}", "wrong-type"),
        ("environment: {name: a, kubernetes: {namespace: n, flux_resource_path: p}}",
         "missing-value"),
        ("environment: {name: a, kubernetes: {agent: x, flux_resource_path: p}}", "missing-value"),
        ("environment: {name: a, kubernetes: {managed_resources: {enabled: true}}}",
         "missing-value"),
        ("environment: {name: a, kubernetes: {agent: x, managed_resources: true}}", "wrong-type"),
        ("environment: {name: a, kubernetes: {agent: x, dashboard: {path: n}}}", "unknown-key"),
        ("environment: {name: a, kubernetes: {dashboard: {namespace: n}}}", "missing-value"),
        ("image: {name: a, docker: {privileged: true}}", "unknown-key"),
        ("image: {name: a, docker: {user: 5}}", "wrong-type"),
        ("image: {name: a, kubernetes: {platform: x}}", "unknown-key"),
        ("services: [{name: a, kubernetes: {user: [a]}}]", "wrong-type"),
        ("secrets: {A: {vaults: a/b}}", "unknown-key"),
        ("secrets: {A: {vault: a, azure_key_vault: {name: n}}}", "exclusive-keys"),
        ("secrets: {A: {token: $T}}", "missing-value"),
        ("secrets: {A: {vault: a, file: 'no'}}", "wrong-type"),
        ("secrets: {A: {vault: a, token: 5}}", "wrong-type"),
        ("secrets: {A: {gcp_secret_manager: {name: n}}}", "missing-value"),
        ("release: {tag_name: v2, description: notes, released_at: next week}", "wrong-value"),
        ("release: {tag_name: v2, description: notes, released_at: '2026-13-01'}", "wrong-value"),
        ("publish: out, pages: {publish: site}", "exclusive-keys"),
        ("timeout: a few days", "not-duration"),
        ("needs: {pipeline: g/p}", "trigger-keys"),
    ],
)  # fmt: skip
def test_what_gitlab_refuses(keyword: str, code: str):
    assert code in codes(JOB.format(keyword))


@pytest.mark.parametrize(
    "step",
    [
        "{name: a, script: make}",
        "{name: a, step: ./here, inputs: {a: [1]}, env: {B: c}}",
        "{name: a, func: {git: {url: u, rev: main, dir: d}}}",
        "{name: a, step: {oci: {registry: r, repository: p, tag: t}}}",
    ],
)
def test_steps_that_gitlab_takes(step: str):
    assert codes(f"job: {{run: [{step}]}}\n") == []


@pytest.mark.parametrize(
    "step",
    [
        "{name: 1st, script: make}",
        "{script: make}",
        "{name: a}",
        "{name: a, script: make, step: ./here}",
        "{name: a, step: x, func: y}",
        "{name: a, script: [make]}",
        "{name: a, script: make, env: {B: 1}}",
        "{name: a, script: make, image: gcc}",
        "{name: a, script: make, inputs: {b: c}}",
        "{name: a, step: {git: {url: u}}}",
        "{name: a, step: {file: x}}",
    ],
)
def test_steps_that_gitlab_refuses(step: str):
    assert codes(f"job: {{run: [{step}]}}\n")


@pytest.mark.parametrize(
    "job",
    [
        "{trigger: , when: manual}",
        "{trigger: {include: [{local: a.yml}], inputs: {b: c}}}",
        "{trigger: g/p, needs: [{pipeline: $P, job: build}]}",
        "{trigger: g/p, needs: [{project: g/p, job: build, ref: main}]}",
    ],
)
def test_triggers_that_gitlab_refuses(job: str):
    part = "job: {script: make, rules: [{when: always}]}\n"
    assert [code for code in codes(f"start: {job}\n", a=part) if code != "child-empty"]


def test_an_unknown_key_of_an_include_is_only_warned_of():
    text = "include: [{local: more.yml, description: rest}]\njob: {script: make}\n"
    assert codes(text, more="other: {script: make}\n") == ["unknown-key"]
