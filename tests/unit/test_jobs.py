"""The jobs of a pipeline: which there are for each event, and on which Pythons a wheel is tested."""

from __future__ import annotations

import pytest
from specs import plan_of

from truewheel.plan import EVENTS

SPEC = """\
truewheel: 1
packages: {foo: {smoke: smoke.py}, bar: {}}
targets: {rhel8: {}}
merge_requests: {types: [fix, feat]}
indexes: {own: {url: 'https://index.example/x'}}
"""


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_has_the_jobs_that_make_and_prove_and_some_their_own(event: str):
    names = [job.name for job in plan_of(SPEC, event=event).jobs]
    built = ["plan", "wheel:foo:rhel8:x86_64:cp312", "wheel:bar:rhel8:x86_64:cp312", "test:foo:rhel8:x86_64:cp312"]
    assert names == [*built, "prove", *{"tag": ["publish:own"], "mr": ["names", "title"]}.get(event, [])]


def test_the_files_are_generated_from_the_jobs_of_all_events():
    names = [job.name for job in plan_of(SPEC, event="").jobs]
    assert names[-4:] == ["prove", "publish:own", "names", "title"]


def test_a_title_is_judged_where_the_spec_asks_something_of_it():
    assert "title" not in [job.name for job in plan_of(SPEC.replace("types: [fix, feat]", ""), event="mr").jobs]


def test_a_plan_knows_just_the_kinds_of_its_jobs():
    assert list(plan_of(SPEC).kinds) == ["plan", "wheel", "test", "prove"]


@pytest.mark.parametrize(
    ("abi", "tested"),
    [
        ("cpython", ["cp311", "cp313t", "cp315", "cp315t", "cp316t"]),
        ("abi3", ["cp311", "cp315"]),
        ("abi3t", ["cp315t", "cp316t"]),
        ("abi3.abi3t", ["cp315", "cp315t", "cp316t"]),
        ("none", ["py3"]),
    ],
)
def test_a_wheel_for_many_pythons_is_tested_on_each(abi: str, tested: list[str]):
    pythons = "pythons: ['3.11', '3.13t', '3.15', '3.15t', '3.16t']\n"
    spec = f"packages: {{foo: {{abi: {abi}, smoke: s.py}}}}\ntargets: {{rhel8: {{}}}}\n{pythons}"
    made = plan_of(spec)
    tests = [job for job in made.jobs if job.kind == "test"]
    assert [job.python for job in tests] == tested
    makers = {cell: job.name for job in made.jobs if job.kind == "wheel" for cell in job.cells}
    assert all(job.needs == ("plan", makers[job.cells[0]]) for job in tests)
    assert len({job.name for job in tests}) == len(tests)
