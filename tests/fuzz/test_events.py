"""For any spec and event, the jobs that the plan names are there on both forges, and no other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from specs import plan_of, policy_of, spec_of

from truewheel.forges import pipelines
from truewheel.forges.github.actions import PINS
from truewheel.forges.github.emit import workflows as github
from truewheel.forges.gitlab.emit import children
from truewheel.forges.gitlab.lint import EVENTS, plain
from truewheel.forges.gitlab.lint.events import Presence, Variables
from truewheel.forges.gitlab.lint.resolve import resolve
from truewheel.plan.images import NO_IMAGES
from truewheel.plan.model import Job, Plan
from truewheel.spec import variables

POLICY = """
variables: {RELEASE: {choices: ['true', 'false']}, NOTE: {}}
facts: {base: {from: ['package:version']}, target: {from: ['cell:target']}}
channels: {default: {local: ['{target}']}}
"""
KNOWN = {"CI_COMMIT_REF_PROTECTED": "true", "CI_OPEN_MERGE_REQUESTS": None}
"""Of refs that are protected, and have no open merge request."""
HOSTILE = "'a''b \"c\" $(touch d) `e` ü'"


def spec(
    packages: int = 1,
    targets: int = 1,
    pythons: int = 1,
    gitlab: str = "",
    *,
    smoke: str = "smoke.py",
    more: str = "",
) -> str:
    """A spec; every third package is pure, every other target has an image."""
    kinds = ("{smoke: '%s'}", "{path: p%d}", "{abi: none, path: q%d}")
    names = [
        f"foo{number}: {kinds[number % 3] % (smoke if number % 3 == 0 else number)}"
        for number in range(packages)
    ]
    places = [
        f"t{number}: {{{'base: r.example/x' if number % 2 else ''}}}" for number in range(targets)
    ]
    versions = ", ".join(f"'3.{minor}'" for minor in range(8, 8 + pythons))
    return (
        f"truewheel: 1\npackages: {{{', '.join(names)}}}\ntargets: {{{', '.join(places)}}}\n"
        f"arches: [x86_64, aarch64]\npythons: [{versions}]\n{more}gitlab: {{{gitlab}}}\n"
        "github: {}\nschedules: {night: {cron: '0 2 * * *'}}\n"
    )


MORE = {
    "indexes": (
        "indexes: {one: {url: 'https://index.example/1'}, two: {url: "
        "'https://index.example/2'}, named: {}}\n"
    ),
    "title": "merge_requests: {types: [fix]}\n",
    "build": (
        "builds: {tree: {path: tree, command: [make], wheels: {foo0: 'f.whl', foo1: 'b.whl'}}}\n"
    ),
    "images": "images: {registry: r.example/g}\n",
    "scripts": f"scripts: {HOSTILE}\n",
}
LAYOUTS = (
    "layout: include",
    "layout: children",
    "wheels: packages",
    "inputs: true",
    "entry: ci/w.yml, layout: children",
)


def planned(text: str, event: str) -> Plan:
    parsed = spec_of(text)
    places = [(target, arch) for target in parsed.targets for arch in parsed.arches]
    builders = {
        place: f"r.example/{'-'.join(place)}:0" for place in places if parsed.images.registry
    }
    return plan_of(text, policy=POLICY, event=event, images=NO_IMAGES._replace(references=builders))


def on_gitlab(files: Mapping[str, dict[str, Any]], event: str, prefix: str) -> Iterator[str]:
    """The jobs that GitLab would have for an event, in the first pipeline and in its children."""
    documents = {path: plain(path, document) for path, document in files.items()}
    first = next(iter(documents))
    if prefix:
        own = {"include": [{"local": first}], "workflow": {"rules": [{"when": "always"}]}}
        documents["own.yml"], first = plain("own.yml", own), "own.yml"
    yield from present(documents, first, event, is_child=False)


def present(
    documents: Mapping[str, Any], entry: str, event: str, *, is_child: bool
) -> Iterator[str]:
    config = resolve(entry, documents, Variables(), each_job=True)
    found = EVENTS[event].child() if is_child else EVENTS[event]
    judged = Presence(config, found, KNOWN, is_child=is_child)
    assert judged.pipeline is True
    for name, job in config.jobs.items():
        is_there = judged.job(name)
        assert is_there is not None, f"{name} is unsure"
        if not is_there or name.startswith("."):
            continue
        if "trigger" in job:
            yield from present(
                documents, job["trigger"]["include"][0]["local"], event, is_child=True
            )
        else:
            yield name


def on_github(files: Mapping[str, dict[str, Any]], event: str) -> Iterator[tuple[str, ...]]:
    """The jobs that GitHub would have for an event.

    Those with a matrix by the names of their artifacts, the others by their own.
    """
    caller = files[github.CALLER]
    trigger = {
        "push": "push",
        "tag": "push",
        "mr": "pull_request",
        "schedule": "schedule",
        "web": "workflow_dispatch",
    }
    assert trigger[event] in caller["on"]
    for job in caller["jobs"].values():
        if not holds(job.get("if", ""), event):
            continue
        if "uses" not in job:
            yield (job["name"],)
            continue
        for inner in files[job["uses"].removeprefix("./")]["jobs"].values():
            if "strategy" not in inner:
                yield (inner["name"],)
            for entry in inner["strategy"]["matrix"]["include"] if "strategy" in inner else ():
                yield (entry["artifact"],)


def holds(condition: str, event: str) -> bool:
    """Whether a condition of GitHub's holds; it is of the few forms that we write."""
    known = {
        "github.event_name == 'pull_request'": event == "mr",
        "github.ref_type == 'tag'": event == "tag",
        "github.ref_protected": True,
    }
    return not condition or any(
        all(known[each] for each in way.split(" && ")) for way in condition.split(" || ")
    )


ATTESTING = (github.ATTEST,)
"""The job of GitHub alone that signs what is published."""


def as_github_has_it(job: Job) -> tuple[str, ...]:
    return (job.name.replace(":", "__") if job.cells else job.name,)


def check(text: str) -> int:
    """Compare every event's jobs on both forges with the plan; return how many cells there are."""
    parsed, policy = spec_of(text), policy_of(POLICY)
    whole = planned(text, "")
    made = pipelines.generated(whole, parsed, policy)
    pipelines.refuse(made, parsed)
    workflows = github.documents(whole, parsed, variables.declared_variables(parsed, policy), PINS)
    prefix = parsed.gitlab.prefix if parsed.gitlab.entry else ""
    for event in EVENTS:
        expected = planned(text, event).jobs
        found = sorted(
            name.removeprefix(prefix) for name in on_gitlab(made.documents["gitlab"], event, prefix)
        )
        planned_ones = [name for name in found if name.partition(":")[0] not in children.KINDS]
        assert planned_ones == sorted(job.name for job in expected), event
        github_jobs = Counter(on_github(workflows, event))
        is_published = any(job.index_name for job in expected)
        assert not github_jobs.pop(ATTESTING, 0) or is_published, event
        assert github_jobs == Counter(map(as_github_has_it, expected)), event
    return len(whole.cells)


@given(
    packages=st.integers(1, 4),
    targets=st.integers(1, 4),
    pythons=st.integers(1, 4),
    layout=st.sampled_from(LAYOUTS),
    smoke=st.sampled_from(["", "smoke.py", "it is $(id) `x`.py"]),
    more=st.sets(st.sampled_from(sorted(MORE))),
)
def test_the_jobs_of_every_event_are_those_of_the_plan(
    packages, targets, pythons, layout, smoke, more
):
    text = "".join(MORE[name] for name in sorted(more) if name != "build" or packages > 1)
    check(spec(packages, targets, pythons, layout, smoke=smoke, more=text))


@pytest.mark.parametrize(
    ("packages", "targets", "pythons", "gitlab", "cells"),
    [
        (1, 1, 1, "", 2),
        (1, 25, 10, "", 500),
        (2, 50, 5, "layout: children", 1000),
        pytest.param(2, 60, 12, "", 2880, marks=pytest.mark.slow),
        pytest.param(5, 40, 9, "layout: include", 2881, marks=pytest.mark.slow),
    ],
)
def test_small_and_large_specs(packages: int, targets: int, pythons: int, gitlab: str, cells: int):
    assert (
        check(spec(packages, targets, pythons, gitlab, more=MORE["indexes"] + MORE["title"]))
        == cells
    )


def test_a_job_too_many_or_too_few_is_seen(monkeypatch: pytest.MonkeyPatch):
    from truewheel.forges.gitlab.emit import jobs

    check(spec())
    monkeypatch.setitem(jobs.CONDITIONS, "mr", '$CI_PIPELINE_SOURCE == "nothing"')
    with pytest.raises(AssertionError, match="mr"):
        check(spec())
