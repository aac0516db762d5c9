"""truewheel schedules on a GitLab stand-in: created once, changed, removed; others' stay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import forges
import pytest
from forges import Place
from specs import SMALL, spec_of
from standins import faults
from standins.state import DEVELOPER

from truewheel.forges import calls, trigger
from truewheel.forges.gitlab.api import schedules as clock

SPEC = (
    SMALL
    + """\
project: demo
variables: {UPSTREAM: {pattern: '[0-9.]+'}, RELEASE: {choices: ['true', 'false']}, \
CUDA: {scope: image}}
indexes: {pypi: {profile: pypi, when: {RELEASE: 'true'}}}
schedules:
  nightly: {cron: '0 3 * * *', variables: {UPSTREAM: '26.05', RELEASE: 'false'}}
  weekly: {cron: '0 4 * * SUN', timezone: Europe/Berlin, ref: v1, description: The whole matrix}
"""
)
PATH = "/projects/*/pipeline_schedules"


@pytest.fixture
def gitlab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Place]:
    monkeypatch.setattr(trigger, "RECHECK_SECONDS", (0.01, 0.02, 0.03))
    monkeypatch.setattr("truewheel.forges.gitlab.api.schedules.RECHECK_SECONDS", (0.01, 0.02, 0.03))
    monkeypatch.setattr(calls, "FIRST_PAUSE", 0.01)
    for made in forges.place(tmp_path, monkeypatch, capsys, SPEC):
        made.project.tag("v1")
        yield made


def state(place: Place) -> list[dict[str, Any]]:
    """Return what the project has, without what only the server decides."""
    return [
        {
            **{key: each[key] for key in ("description", "ref", "cron", "cron_timezone", "active")},
            "variables": {variable["key"]: variable["value"] for variable in each["variables"]},
        }
        for each in place.project.schedules
    ]


DECLARED = [
    {
        "description": "nightly [truewheel:demo:nightly]",
        "ref": "refs/heads/main",
        "cron": "0 3 * * *",
        "cron_timezone": "UTC",
        "active": True,
        "variables": {"UPSTREAM": "26.05", "RELEASE": "false"},
    },
    {
        "description": "The whole matrix [truewheel:demo:weekly]",
        "ref": "refs/tags/v1",
        "cron": "0 4 * * SUN",
        "cron_timezone": "Europe/Berlin",
        "active": True,
        "variables": {},
    },
]


def changes(place: Place) -> list[str]:
    return [
        str(request) for request in place.server.requests if request.method not in {"GET", "HEAD"}
    ]


def foreign(place: Place, description: str = "somebody's", user: str = "alice") -> dict[str, Any]:
    """Let somebody else make a schedule by hand."""
    record = {
        "id": next(place.server.state.ids["schedule"]),
        "description": description,
        "ref": "refs/heads/main",
        "cron": "0 3 * * *",
        "cron_timezone": "UTC",
        "active": True,
        "owner": place.server.state.user(user),
        "variables": [],
        "inputs": [],
    }
    place.project.schedules.append(record)
    return record


def test_schedules_are_made_as_declared_and_a_second_time_changes_nothing(gitlab: Place):
    other = foreign(gitlab)
    before = dict(other)
    code, out, _ = gitlab.run("schedules")
    assert (code, state(gitlab)[1:]) == (0, DECLARED)
    assert out.endswith("2 created, 0 as declared\n")
    gitlab.server.requests.clear()
    assert gitlab.run("schedules") == (0, "= nightly\n= weekly\n2 as declared\n", "")
    assert changes(gitlab) == []
    assert other == before


def test_a_dry_run_shows_the_changes_and_makes_none(gitlab: Place):
    code, out, _ = gitlab.run("schedules", "--dry-run")
    assert code == 0
    assert "+ nightly\n" in out
    assert "    cron: 0 3 * * *\n" in out
    assert "    variables.UPSTREAM: 26.05\n" in out
    assert out.endswith("2 to create, 0 as declared\n")
    assert (changes(gitlab), gitlab.project.schedules) == ([], [])


def test_changed_schedules_are_changed_and_undeclared_ones_removed(gitlab: Place):
    gitlab.run("schedules")
    other = foreign(gitlab)
    gitlab.spec(
        SPEC.replace("26.05", "26.06").replace("RELEASE: 'false'}}", "}}").split("  weekly")[0]
    )
    _, dry, _ = gitlab.run("schedules", "--dry-run")
    assert (
        "~ nightly\n    variables.UPSTREAM: 26.05 → 26.06\n    variables.RELEASE: false → nothing\n"
        in dry
    )
    assert "- weekly  (the spec does not declare it)\n" in dry
    assert state(gitlab)[:2] == DECLARED
    code, out, _ = gitlab.run("schedules")
    assert (code, out) == (0, dry.replace("1 to change, 1 to remove", "1 changed, 1 removed"))
    assert state(gitlab)[:1] == [{**DECLARED[0], "variables": {"UPSTREAM": "26.06"}}]
    assert gitlab.project.schedules[1:] == [other]


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("cron", "1 1 * * *", "cron: 1 1 * * * → 0 3 * * *"),
        ("active", False, "active: false → true"),
        ("ref", "refs/heads/main2", "ref: refs/heads/main2 → main"),
        ("cron_timezone", "Europe/Berlin", "timezone: Europe/Berlin → UTC"),
        ("description", "by hand [truewheel:demo:nightly]", "description: by hand ["),
    ],
)
def test_manual_changes_are_reverted(gitlab: Place, field: str, value: object, told: str):
    gitlab.run("schedules")
    gitlab.project.schedules[0][field] = value
    _, out, _ = gitlab.run("schedules")
    assert f"~ nightly\n    {told}" in out
    assert state(gitlab) == DECLARED


def test_a_manually_added_variable_is_removed_and_its_value_is_not_shown(gitlab: Place):
    gitlab.run("schedules")
    gitlab.project.schedules[0]["variables"].append(
        {"key": "TOKEN", "value": "s3cr3t", "variable_type": "env_var"}
    )
    _, out, err = gitlab.run("schedules")
    assert "variables.TOKEN: (hidden) → nothing" in out
    assert "s3cr3t" not in out + err + gitlab.run("schedules", "--json")[1]
    assert state(gitlab) == DECLARED


def test_a_variable_that_became_a_file_is_text_again(gitlab: Place):
    gitlab.run("schedules")
    gitlab.project.schedules[0]["variables"][0]["variable_type"] = "file"
    gitlab.run("schedules")
    assert gitlab.project.schedules[0]["variables"][0]["variable_type"] == "env_var"


def test_where_pipelines_take_inputs_schedules_have_those_and_no_variables(gitlab: Place):
    gitlab.run("schedules")
    gitlab.spec(SPEC + "gitlab: {inputs: true}\n")
    gitlab.project.schedules[0]["inputs"] = [{"name": "OLD", "value": "1"}]
    gitlab.run("schedules")
    first = gitlab.project.schedules[0]
    assert {each["name"]: each["value"] for each in first["inputs"]} == {
        "UPSTREAM": "26.05",
        "RELEASE": "false",
    }
    assert (first["variables"], first["active"]) == ([], True)
    assert gitlab.run("schedules")[1].endswith("2 as declared\n")


def test_another_spec_of_the_project_has_its_own(gitlab: Place):
    other = foreign(gitlab, "theirs [truewheel:other:nightly]")
    gitlab.run("schedules")
    gitlab.spec(SMALL + "project: demo\n")
    assert gitlab.run("schedules")[:2][1].endswith("2 removed, 0 as declared\n")
    assert gitlab.project.schedules == [other]


def test_of_two_with_one_name_the_oldest_stays(gitlab: Place):
    gitlab.run("schedules")
    first = gitlab.project.schedules[0]["id"]
    foreign(gitlab, DECLARED[0]["description"])
    _, out, _ = gitlab.run("schedules")
    assert f"- nightly  (the second of one name: {first} stays)" in out
    assert [
        each["id"] for each in gitlab.project.schedules if "nightly" in each["description"]
    ] == [first]


@pytest.mark.parametrize(
    "fault",
    [
        faults.lost_reply(),
        faults.cut_reply(),
        faults.server_error(502),
        faults.truncated_json(),
        faults.reset(),
    ],
    ids=lambda fault: fault.name,
)
@pytest.mark.parametrize("verb", ["POST", "PUT", "DELETE", "GET"])
def test_whichever_answer_is_lost_there_are_never_two_schedules(
    gitlab: Place, fault: faults.Fault, verb: str
):
    gone = foreign(gitlab, "old [truewheel:demo:old]")
    gitlab.run("schedules")
    gitlab.spec(
        SPEC.replace("26.05", "26.06").replace("0 4 * * SUN", "0 5 * * SUN")
        + "  third: {cron: '1 1 * * *'}\n"
    )
    foreign(gitlab, "old [truewheel:demo:old]")
    for after in range(4):
        gitlab.server.misbehave(fault, f"{verb} {PATH}*", after=after)
    code, _, _ = gitlab.run("schedules")
    gitlab.server.behave()
    assert code == 0
    assert [each["description"].partition(" [")[0] for each in state(gitlab)] == [
        "nightly",
        "The whole matrix",
        "third",
    ]
    assert state(gitlab)[0]["variables"]["UPSTREAM"] == "26.06"
    assert gitlab.run("schedules")[1].endswith("3 as declared\n")
    assert gone not in gitlab.project.schedules


def test_a_schedule_missing_from_a_listing_is_searched_again_and_not_made_twice(
    gitlab: Place,
):
    gitlab.run("schedules")
    gitlab.server.misbehave(faults.answer(404), f"GET {PATH}/*")
    assert gitlab.run("schedules")[1].endswith("2 as declared\n")
    gitlab.server.misbehave(faults.answer(404), f"GET {PATH}/*", times=None)
    code, _, err = gitlab.run("schedules")
    assert (code, state(gitlab)) == (5, DECLARED)
    assert "the schedules cannot be read: 404" in err


def posts(place: Place) -> int:
    return len(
        [
            request
            for request in place.server.asked(f"POST {PATH}")
            if request.path.endswith("schedules")
        ]
    )


@pytest.mark.parametrize(
    "fault", [faults.lost_reply(), faults.cut_reply(), faults.truncated_json()]
)
def test_after_a_lost_answer_the_schedule_is_found_not_made_again(
    gitlab: Place, fault: faults.Fault
):
    gitlab.server.misbehave(fault, f"POST {PATH}")
    gitlab.run("schedules")
    assert (posts(gitlab), state(gitlab)) == (2, DECLARED)


def test_a_schedule_created_twice_is_removed_again(gitlab: Place):
    gitlab.monkeypatch.setattr("truewheel.forges.gitlab.api.schedules.RECHECK_SECONDS", ())
    gitlab.server.misbehave(faults.lost_reply(), f"POST {PATH}")
    gitlab.run("schedules")
    assert posts(gitlab) == 3
    assert sorted(each["description"] for each in state(gitlab)) == sorted(
        each["description"] for each in DECLARED
    )
    gitlab.run("schedules")
    assert [*state(gitlab)] == DECLARED


@pytest.mark.parametrize("seed", range(12))
def test_faults_at_random_end_in_what_is_declared_or_in_exit_6(gitlab: Place, seed: int):
    gitlab.server.misbehave_at_random(
        seed, 0.3, [fault for fault in faults.TRANSIENT if "many" not in fault.name]
    )
    code, _, _ = gitlab.run("schedules", "--deadline", "30")
    gitlab.server.behave()
    assert code in {0, 6}
    names = [each["description"] for each in state(gitlab)]
    assert len(names) == len({*names})
    assert gitlab.run("schedules")[0] == 0
    assert state(gitlab) == DECLARED or [*reversed(state(gitlab))] == DECLARED


def test_an_interrupted_change_leaves_the_schedule_inactive_and_is_resumed(gitlab: Place):
    gitlab.server.misbehave(faults.forbidden(), f"* {PATH}/*/variables*")
    code, _, err = gitlab.run("schedules")
    assert code == 5
    assert (
        "the variables of the schedule nightly, which is inactive until it has them, are refused"
        in err
    )
    assert "minimum role" in err
    assert [each["active"] for each in state(gitlab)] == [False]
    assert gitlab.run("schedules")[0] == 0
    assert state(gitlab) == DECLARED


def test_no_pipeline_can_start_with_half_of_the_variables(gitlab: Place):
    seen = []

    def look(_state: object, request: Any) -> None:
        if request.method != "GET":
            number = int(request.path.split("/")[4])
            seen.extend(each["active"] for each in gitlab.project.schedules if each["id"] == number)

    gitlab.server.misbehave(
        faults.Fault("a look", before=look), f"* {PATH}/*/variables*", times=None
    )
    gitlab.run("schedules")
    made = [
        each.json["active"]
        for each in gitlab.server.asked(f"POST {PATH}")
        if each.path.endswith("schedules")
    ]
    assert made == [False, True]  # the second has no variables
    assert len(seen) >= 2
    gitlab.spec(SPEC.replace("26.05", "26.06"))
    gitlab.run("schedules")
    assert len(seen) >= 3
    assert {*seen} == {False}
    assert gitlab.project.schedules[0]["active"] is True


def test_variables_that_are_hidden_are_taken_for_changed():
    fields = {key: value for key, value in DECLARED[1].items() if key != "variables"}
    owner = {"username": "alice", "state": "active"}
    spec = spec_of(SPEC)
    declared = {"weekly": clock.declared(spec, "main")["weekly"]}
    (step,) = clock.steps(
        declared, [clock.read_schedule({"id": 1, "owner": owner, **fields}, "demo")]
    )
    assert (step.action, [each.what for each in step.differences]) == (clock.CHANGE, ["variables"])
    (step,) = clock.steps(
        declared,
        [clock.read_schedule({"id": 1, "owner": owner, "variables": [], **fields}, "demo")],
    )
    assert step.action == clock.KEEP


def test_a_schedule_of_somebody_else_is_taken_over_to_be_changed(gitlab: Place):
    mine = foreign(gitlab, "nightly [truewheel:demo:nightly]")
    gitlab.run("schedules")
    assert mine["owner"].username == "robot"
    assert state(gitlab) == DECLARED


def test_a_schedule_of_somebody_else_that_is_as_declared_stays_theirs(gitlab: Place):
    gitlab.run("schedules")
    alice = gitlab.server.state.user("alice")
    gitlab.project.schedules[0]["owner"] = alice
    assert gitlab.run("schedules")[1].endswith("2 as declared\n")
    assert gitlab.project.schedules[0]["owner"] is alice


def test_a_user_who_may_not_take_a_schedule_over_gets_a_hint(gitlab: Place):
    foreign(gitlab, "nightly [truewheel:demo:nightly]")
    gitlab.become(gitlab.server.token("dev", DEVELOPER))
    code, _, err = gitlab.run("schedules")
    assert code == 5
    assert "the schedule nightly cannot be changed: 403" in err


@pytest.mark.parametrize(
    ("change", "place", "told"),
    [
        (("UPSTREAM: '26.05'", "UPSTREAM: new"), "9:54", "UPSTREAM: new does not match [0-9.]+"),
        (("UPSTREAM: '26.05'", "UPSTRAEM: '1'"), "9:44", "UPSTRAEM is declared neither here"),
        (("UPSTREAM: '26.05'", "CUDA: '1'"), "9:44", "CUDA is provided by the container"),
        (
            ("RELEASE: 'false'", "RELEASE: 'true'"),
            "9:3",
            "the pipelines of nightly are refused: the index pypi",
        ),
        (("0 3 * * *", "0 30 * * *"), "9:19", "30 is no hour: allowed are 0 to 23"),
    ],
)
def test_variables_that_the_spec_forbids_are_refused_before_any_call(
    gitlab: Place, change: tuple[str, str], place: str, told: str
):
    text = (
        SPEC.replace("targets: {rhel8: {}}", "targets: {rhel8: {floor: linux}}")
        if "pypi" in told
        else SPEC
    )
    gitlab.spec(text.replace(*change))
    code, _, err = gitlab.run("schedules")
    assert code == 2
    assert f"truewheel.yml:{place}: {told}" in err
    assert gitlab.server.requests == []


def test_an_unreachable_server_is_exit_6(gitlab: Place):
    gitlab.monkeypatch.setenv("CI_SERVER_URL", "http://127.0.0.1:1")
    code, _, err = gitlab.run("schedules")
    assert (code, gitlab.project.schedules) == (6, [])
    assert "no answer after 6 attempts" in err


def test_json_tells_each_step(gitlab: Place):
    told = json.loads(gitlab.run("schedules", "--json")[1])
    assert (told["version"], told["project"], told["dry_run"]) == (1, forges.PATH, False)
    assert [(each["name"], each["action"]) for each in told["schedules"]] == [
        ("nightly", "create"),
        ("weekly", "create"),
    ]
    assert {"what": "variables.UPSTREAM", "old": None, "new": "26.05"} in told["schedules"][0][
        "differences"
    ]


def test_on_github_schedules_stand_in_the_workflow(gitlab: Place):
    gitlab.spec(SPEC.replace("ref: v1, ", "") + "github: {}\n")
    code, out, _ = gitlab.run("schedules", "--forge", "github")
    assert code == 0
    assert "= nightly  0 3 * * * UTC\n" in out
    assert ".github/workflows/wheels.yml" in out
    assert gitlab.server.requests == []
