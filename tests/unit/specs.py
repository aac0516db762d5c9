"""Specs for the tests: a spec's text in; a spec, a plan or a folder out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

from truewheel.errors import Where
from truewheel.plan import planner as planning
from truewheel.plan.model import Plan
from truewheel.plan.planner import Request
from truewheel.spec import model as specs
from truewheel.spec import policy_file
from truewheel.spec.model import Spec
from truewheel.spec.policy import Policy
from truewheel.workspace import loading

SCHEMA = loading.schema()
OWN = Where("own.yml")
SMALL = """\
truewheel: 1
packages: {foo: {version: {file: VERSION}}}
targets: {rhel8: {}}
setup: [. ci/setup.sh]
"""


def spec_of(text: str) -> Spec:
    """Return the spec of a text; `truewheel: 1` may be left out."""
    text = dedent(text).lstrip("\n")
    return specs.parse(
        text if "truewheel: 1" in text else f"truewheel: 1\n{text}",
        "truewheel.yml",
        loading.expanded_schema,
    )


def policy_of(text: str) -> Policy:
    """Return the policy of a text."""
    reader = loading.policy_reader({}.get, OWN)
    return policy_file.parse(
        dedent(text).lstrip("\n"), OWN.file, loading.expanded_schema("policy"), reader
    )


def plan_of(text: str, *, policy: str = "", version: str = "1.0", **request: Any) -> Plan:
    """Return the plan of a spec's text, under the policy that it names or the text of one."""
    spec = spec_of(text)
    rules = policy_of(policy) if policy else loading.read_policy(spec.naming, Path(), "naming")
    versions = dict.fromkeys(spec.packages, (version, "VERSION"))
    return planning.plan(
        spec, rules, Request(generator="truewheel 0", versions=versions, **request)
    )


def project(folder: Path, text: str = SMALL, files: Mapping[str, str] | None = None) -> Path:
    """Write a project of a spec, a file VERSION and further files; return its folder."""
    for path, content in {
        "truewheel.yml": dedent(text),
        "VERSION": "1.0\n",
        **(files or {}),
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, encoding="utf-8")
    return folder
