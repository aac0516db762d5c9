"""truewheel doctor on a GitLab stand-in: wrong settings, and what it may not ask."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import forges
import pytest
from forges import Place
from specs import SMALL
from standins import faults
from standins.ci import Job
from standins.state import DEVELOPER, REPORTER

from truewheel.forges import calls

SPEC = (
    SMALL
    + """\
project: demo
variables: {UPSTREAM: {}, CUDA: {scope: image}, SIGNING: {scope: secret}}
indexes: {own: {url: 'https://index.example/x', credentials: {username: USER, password: PASS}}}
schedules: {nightly: {cron: '0 3 * * *', variables: {UPSTREAM: '26.05'}}}
gitlab: {runners: {x86_64: [linux, big]}, overrides: {wheel: {timeout: null}}}
"""
)


PASS = "PASS, the password of the index own,"
WHEEL = "wheel:foo:rhel8:x86_64:cp312"


def variable(key: str, **more: Any) -> dict[str, Any]:
    fields = {
        "value": "12345678",
        "variable_type": "env_var",
        "protected": False,
        "masked": True,
        "hidden": False,
    }
    return {
        "key": key,
        **fields,
        "raw": True,
        "environment_scope": "*",
        "description": None,
        **more,
    }


@pytest.fixture
def gitlab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Place]:
    """A project in which nothing bites."""
    monkeypatch.setattr(calls, "FIRST_PAUSE", 0.01)
    for made in forges.place(tmp_path, monkeypatch, capsys, SPEC):
        project = made.project
        project.variables += [
            variable("USER", masked=False),
            variable("PASS", protected=True),
            variable("SIGNING"),
        ]
        project.protected_tags.append({"name": "v*", "create_access_levels": []})
        project.protected_branches.append(
            {"id": 1, "name": "main", "push_access_levels": [], "merge_access_levels": []}
        )
        project.runners += [
            {"id": 1, "tag_list": ["linux", "big"], "run_untagged": False},
            {"id": 2},
        ]
        project.settings["build_timeout"] = 7200
        assert made.run("schedules")[0] == 0
        yield made


def findings(place: Place, code: int = 3) -> list[str]:
    """Return what the doctor tells, but for notes."""
    ended, out, _ = place.run("doctor", "--json")
    told = json.loads(out)["findings"]
    assert ended == code
    assert all(each["step"] for each in told if each["severity"] != "note")
    return [
        f"{each['severity']} {each['topic']}: {each['message']}"
        for each in told
        if each["severity"] != "note"
    ]


def test_a_project_without_wrong_settings_has_only_notes(gitlab: Place):
    code, out, _ = gitlab.run("doctor")
    assert code == 0
    assert "not checked" not in out
    assert "note     token: the token personal 1 has no end\n" in out
    assert "note     publish: tags like v* are published\n" in out
    assert "0 errors, 0 warnings, " in out


IMAGES = (
    SPEC.replace("{rhel8: {}}", "{rhel8: {family: rhel, base: 'el8@sha256:" + "0" * 64 + "'}}")
    + "images: {registry: $CI_REGISTRY_IMAGE}\n"
)


def test_builder_images_that_everybody_may_replace_are_found(gitlab: Place):
    gitlab.spec(IMAGES)
    (told,) = findings(gitlab)
    assert told.startswith(
        "warning images: no rule protects group/demo/builder/rhel8-x86_64: every Developer,"
    )
    assert "add group/demo/builder/*, push for Maintainer" in gitlab.run("doctor")[1]
    rule = {
        "id": 1,
        "repository_path_pattern": "group/demo/builder/*",
        "minimum_access_level_for_push": "maintainer",
    }
    gitlab.project.repository_rules.append(rule)
    assert gitlab.run("doctor")[0] == 0


def test_a_server_without_rules_for_images_is_no_failure(gitlab: Place):
    gitlab.spec(IMAGES)
    gitlab.server.misbehave(
        faults.answer(404), "GET /projects/*/registry/protection/*/rules", times=None
    )
    code, out, _ = gitlab.run("doctor")
    assert code == 0
    assert "not checked: protected container repositories: the token may not ask, or" in out


def test_a_variable_in_the_place_of_an_images_digest_is_found(gitlab: Place):
    gitlab.spec(IMAGES)
    gitlab.project.variables.append(variable("TRUEWHEEL_DIGEST_RHEL8_X86_64"))
    finding = (
        "error variables: TRUEWHEEL_DIGEST_RHEL8_X86_64 of the project "
        "replaces the value that our jobs get"
    )
    assert finding in findings(gitlab)


def test_each_wrong_setting_is_found(gitlab: Place):
    project = gitlab.project
    project.protected_tags.clear()
    project.protected_branches.clear()
    project.variables[:] = [
        variable("CUDA"),
        variable("TRUEWHEEL_CELL"),
        variable("PASS", environment_scope="other/*"),
    ]
    project.runners[:] = [{"id": 1, "tag_list": ["linux"], "run_untagged": False}]
    project.settings |= {"ci_config_path": "ci/own.yml", "build_timeout": 600}
    project.settings["ci_pipeline_variables_minimum_override_role"] = "no_one_allowed"
    project.token_scope["inbound_enabled"] = False
    assert findings(gitlab) == [
        "error project: GitLab reads ci/own.yml, and not .gitlab-ci.yml, which is generated",
        (
            "error project: nobody may pass variables to a pipeline: "
            "the schedules' cannot be saved, trigger -v is refused"
        ),
        "error publish: no tag is protected: the publish jobs never run",
        "error variables: CUDA of the project hides what the images provide under that name",
        "error variables: TRUEWHEEL_CELL of the project replaces the value that our jobs get",
        "error variables: USER, the user name of the index own, is not set",
        (
            f"error variables: {PASS} is there for the environments other/* alone, "
            "and not for the environment demo/own"
        ),
        "error variables: SIGNING, a secret of the spec, is not set",
        (
            "error runners: no runner is online that takes jobs with no tags (such as plan): "
            "they stay pending"
        ),
        (
            "error runners: no runner is online that takes jobs with linux, big "
            f"(such as {WHEEL}): they stay pending"
        ),
        f"warning project: jobs such as {WHEEL} end after 10 minutes, whether done or not",
        (
            "warning project: main is not protected: "
            "everybody with the role Developer can change what is built"
        ),
        "warning job token: jobs of any project may use their token here",
    ]


def test_a_secret_may_be_in_a_group_above(gitlab: Place):
    gitlab.project.variables[:] = [
        each for each in gitlab.project.variables if each["key"] != "SIGNING"
    ]
    gitlab.server.state.group_variables["group"].append(variable("SIGNING"))
    gitlab.server.state.group_variables["group"].append(variable("CUDA"))
    assert findings(gitlab) == [
        "error variables: CUDA of the group group hides what the images provide under that name"
    ]


def test_drift_of_schedules_and_owners_who_are_gone_are_found(gitlab: Place):
    schedule = gitlab.project.schedules[0]
    schedule["cron"] = "1 1 * * *"
    blocked = replace(gitlab.server.state.user("alice"), state="blocked")
    other = {**schedule, "id": 999, "description": "theirs", "owner": blocked}
    gitlab.project.schedules.append(other)
    assert findings(gitlab) == [
        "warning schedules: the schedule nightly differs in cron",
        "warning schedules: the schedule 'theirs' belongs to a user who is blocked: it never runs",
    ]
    schedule |= {"cron": "0 3 * * *", "owner": blocked}
    assert findings(gitlab)[0] == "warning schedules: the schedule nightly differs in owner"
    gitlab.run("schedules")
    assert findings(gitlab) == [
        "warning schedules: the schedule 'theirs' belongs to a user who is blocked: it never runs"
    ]


def test_a_token_near_its_end_is_told_by_the_servers_clock(gitlab: Place):
    gitlab.become(gitlab.server.token("robot", expires_in=20 * 86400))
    (found,) = findings(gitlab)
    assert found.startswith("warning token: the token personal 2 ends on ")
    gitlab.server.advance(30 * 86400)
    assert gitlab.run("doctor")[0] == 5


def test_what_a_token_may_not_ask_is_told_and_no_failure(gitlab: Place):
    gitlab.become(gitlab.server.token("robot", DEVELOPER))
    code, out, _ = gitlab.run("doctor")
    assert code == 3
    assert "note     not checked: variables of the project: the token may not ask\n" in out
    assert "note     not checked: runners: the token may not ask\n" in out
    warning = "warning  variables: PASS, the password of the index own, is not among the variables"
    assert warning in out
    gitlab.become(gitlab.server.token("robot", REPORTER, scopes=("read_api",)))
    assert "error token: its role is below Developer: it can start no pipeline" in findings(gitlab)


def test_the_token_of_a_job_is_not_enough(gitlab: Place):
    gitlab.project.plan(Job("build", seconds=1000))
    run = gitlab.project.pipeline()
    gitlab.server.advance(60)
    gitlab.monkeypatch.delenv("GITLAB_TOKEN")
    gitlab.monkeypatch.setenv("CI_JOB_TOKEN", gitlab.server.job_token(run.builds[0]).value)
    for command in ("doctor", "schedules"):
        code, _, err = gitlab.run(command)
        assert code == 5
        assert "set GITLAB_TOKEN to a project's access token" in err


@pytest.mark.parametrize("status", [401, 403, 404, 500])
@pytest.mark.parametrize(
    "path",
    [
        *(
            "/user",
            "/version",
            "/personal_access_tokens/self",
            "/projects/*/variables",
            "/groups/*",
            "/runners/*",
        ),
        *("/projects/*/runners", "/projects/*/protected_*", "/projects/*/job_token_scope*"),
        *("/projects/*/pipeline_schedules", "/projects/*/pipeline_schedules/*"),
    ],
)
def test_no_refusal_of_a_single_question_ends_the_others(gitlab: Place, path: str, status: int):
    gitlab.server.misbehave(faults.answer(status), f"GET {path}", times=None)
    code, out, err = gitlab.run("doctor")
    assert (code in {0, 3}, err) == (True, "")
    assert "not checked: " in out


@pytest.mark.parametrize("seed", range(6))
def test_faults_at_random_change_nothing_of_what_is_found(gitlab: Place, seed: int):
    whole = gitlab.run("doctor")
    gitlab.server.misbehave_at_random(
        seed, 0.2, [each for each in faults.TRANSIENT if "many" not in each.name]
    )
    code, out, _ = gitlab.run("doctor", "--deadline", "30")
    assert (code, out) in {whole[:2], (6, "")}


def test_a_project_that_is_not_there_is_exit_5(gitlab: Place):
    gitlab.become(gitlab.server.token("stranger", 0))
    code, _, err = gitlab.run("doctor")
    assert code == 5
    assert "the project cannot be read: 404" in err
    assert "look at the name of the project" in err
