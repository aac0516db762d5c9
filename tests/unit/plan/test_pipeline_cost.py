"""How many jobs pipelines have, and how long they take by what earlier ones took."""

from __future__ import annotations

from specs import plan_of

from truewheel.plan.pipeline_cost import costs, times

SPEC = "packages: {foo: {smoke: t.py}}\ntargets: {rhel8: {}}\npythons: ['3.11', '3.12']\n"


def test_pushes_have_no_jobs_of_merge_requests_and_tags():
    made = plan_of(SPEC + "indexes: {own: {profile: internal, url: 'https://x/'}}\n", event="mr")
    assert {each.event: each.after.jobs for each in costs(None, made, None)} == {
        "mr": 6,
        "push": 5,
    }
    assert {each.before for each in costs(None, made, None)} == {None}


def test_a_job_takes_what_it_took_and_a_new_one_the_mean_of_its_kind():
    made = plan_of(SPEC, event="mr")
    known = times(
        [("wheel:foo:rhel8:x86_64:cp311", 60.0), ("wheel:old:rhel8:x86_64:cp311", 180.0)], "", ""
    )
    taken = {job.name: known.of(job) for job in made.jobs if job.kind == "wheel"}
    assert taken == {"wheel:foo:rhel8:x86_64:cp311": 60.0, "wheel:foo:rhel8:x86_64:cp312": 120.0}
    assert {known.of(job) for job in made.jobs if job.kind != "wheel"} == {None}
    push = costs(None, made, known)[1].after
    assert (push.minutes, push.unknown) == (3.0, ("plan", "test", "prove"))


def test_github_s_names_are_those_of_the_same_jobs():
    made = plan_of(SPEC, event="mr")
    known = times([("rhel8 x86_64 / wheel foo rhel8 x86_64 cp311", 60.0), ("plan", 30.0)], "", "")
    assert [known.of(job) for job in made.jobs[:2]] == [30.0, 60.0]


def test_a_prefix_of_the_spec_s_entry_belongs_to_no_name():
    made = plan_of(SPEC, event="mr")
    assert times([("wheels-plan", 30.0)], "wheels-", "").of(made.jobs[0]) == 30.0
