"""The way of every variable from the forge to the script.

What cannot arrive is refused with its line and hop.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from specs import plan_of, policy_of, spec_of

from truewheel.errors import Stop
from truewheel.spec import variables as contract
from truewheel.workspace.loading import Workspace

SPEC = """\
truewheel: 1
packages: {foo: {version: {file: V, inject: 'env:VERSION'}}}
targets: {rhel8: {provides: {CUDA_VERSION: '13.2.1'}}, ubi9: {}}
indexes: {pypi: {profile: pypi, when: {RELEASE: 'true'}}}
"""
POLICY = """\
variables:
  CUDA_VERSION: {scope: image, pattern: '[0-9.]+', description: CUDA of the container.}
  CI_PIPELINE_ID: {scope: forge}
  RELEASE: {choices: ['true', 'false'], default: 'false'}
  TOKEN: {scope: secret}
facts:
  base: {from: ['package:version']}
  cuda: {from: ['env:CUDA_VERSION', 'json:/usr/local/cuda/version.json#/cuda/version']}
  id: {from: ['option:id', 'env:CI_PIPELINE_ID'], when: {RELEASE: 'false'}}
channels:
  release: {when: {RELEASE: 'true'}}
  default: {version: '{base}', local: ['cu{cuda}'], build: '{id}'}
"""


def way(name: str) -> dict[str, str]:
    return dict(contract.trace_variable(spec_of(SPEC), policy_of(POLICY), name))


def test_what_arrives_is_no_problem():
    assert not plan_of(SPEC, policy=POLICY).problems


def test_the_way_of_an_image_s_variable_starts_in_the_container():
    hops = way("CUDA_VERSION")
    assert tuple(hops) == contract.HOPS
    assert hops["forge"] == "never forwarded, never prefilled"
    assert hops["container"] == "provided by rhel8 (13.2.1)"
    assert "compared with the plan" in hops["script"]


@pytest.mark.parametrize(
    ("name", "trigger", "child"),
    [
        ("PIPE", "forward: pipeline_variables: true", "a pipeline variable there too"),
        ("FORGE", "TRUEWHEEL_PIPELINE_ID: $CI_PIPELINE_ID", "the child has its own value"),
        ("IMAGE", "never forwarded", "never declared"),
        ("SECRET", "never forwarded", "the settings of the project"),
    ],
)
def test_child_pipelines_add_the_trigger_and_the_child(name: str, trigger: str, child: str):
    scopes = ", ".join(
        f"{scope.upper()}: {{scope: {scope}}}" for scope in ("forge", "image", "secret")
    )
    spec = spec_of(SPEC + f"variables: {{PIPE: {{}}, {scopes}}}\n")
    hops = dict(contract.trace_variable(spec, policy_of(POLICY), name, children=True))
    assert [*hops] == ["forge", "trigger", "child", "job", "container", "script"]
    assert trigger in hops["trigger"]
    assert child in hops["child"]


def test_the_way_of_a_pipeline_s_variable_leads_through_plan_json():
    hops = way("RELEASE")
    assert hops["forge"] == "set by people, schedules and the API; prefilled with false"
    assert "plan.json" in hops["job"]
    assert hops["container"] == "passed as -e RELEASE=VALUE, unless empty"


def test_a_secret_is_handed_to_nothing():
    assert way("TOKEN")["container"] == "never passed"
    assert way("TOKEN")["script"] == "in no name and in no plan.json"


def test_readers_are_facts_and_conditions():
    asked = spec_of(SPEC), policy_of(POLICY)
    assert contract.find_readers(*asked, "CUDA_VERSION") == ["the fact cuda"]
    assert contract.find_readers(*asked, "RELEASE") == [
        "the condition of the fact id",
        "the condition of the channel release",
        "the condition of the index pypi",
    ]
    assert contract.find_readers(*asked, "TOKEN") == []


DECLARE = "declare it under variables with scope: image, or remove it"
LOST = {
    "3:74: RELEASE has the scope pipeline: the image's value would not be read": (
        ("ubi9: {}", "ubi9: {provides: {RELEASE: 'true'}}"),
        ("container and script", DECLARE),
    ),
    "3:74: CUDA is not declared by the policy own: the image's value would not be read": (
        ("ubi9: {}", "ubi9: {provides: {CUDA: '13'}}"),
        ("container and script", DECLARE),
    ),
    "1:1: CUDA_VERSION has a default, but only an image can set it": (
        ("{scope: image,", "{scope: image, default: '13.0',"),
        ("job and container", "write the value of each image in targets.NAME.provides"),
    ),
    "4:40: RELEASES is declared neither here nor in the policy own: nobody can set it": (
        ("when: {RELEASE: 'true'}}}\n", "when: {RELEASES: 'true'}}}\n"),
        ("forge and job", "did you mean RELEASE?"),
    ),
    "2:45: the build of foo sets CUDA_VERSION itself: the pipeline's value is lost": (
        ("env:VERSION", "env:CUDA_VERSION"),
        ("job and script", "pass the version in another variable, which is not declared"),
    ),
    "1:1: the fact id comes only from --id, which a pipeline's jobs do not get": (
        (", 'env:CI_PIPELINE_ID'", ""),
        ("forge and job", "add a variable to its sources: env:NAME"),
    ),
    "1:1: the fact cuda comes only from a file of the image, which no plan can read": (
        ("'env:CUDA_VERSION', ", ""),
        (
            "forge and container",
            "put a variable with scope: image before it, and its value into targets.NAME.provides",
        ),
    ),
}


@pytest.mark.parametrize("told", LOST)
def test_what_cannot_arrive_is_refused_with_its_line_and_hop(told: str):
    edit, (hop, hint) = LOST[told]
    assert SPEC.count(edit[0]) + POLICY.count(edit[0]) == 1
    problems = plan_of(SPEC.replace(*edit), policy=POLICY.replace(*edit)).problems
    assert [str(problem) for problem in problems] == [
        f"truewheel.yml:{told} (lost between {hop})\n    hint: {hint}"
    ]


@pytest.mark.parametrize(
    ("sources", "forges", "told"),
    [
        (
            "'env:CI_PIPELINE_ID'",
            "github: {}",
            "the fact id comes from CI_PIPELINE_ID, which GitHub does not set",
        ),
        ("'env:CI_PIPELINE_ID'", "gitlab: {}\ngithub: {}", "which GitHub does not set"),
        (
            "'option:id', 'env:GITHUB_RUN_ID', 'env:GITHUB_SHA'",
            "gitlab: {}",
            "which GitLab does not set",
        ),
        ("'env:CI_PIPELINE_ID'", "gitlab: {}", ""),
        ("'env:CI_PIPELINE_ID', 'env:GITHUB_RUN_ID'", "gitlab: {}\ngithub: {}", ""),
        ("'env:TRUEWHEEL_PIPELINE_ID', 'env:CI_PIPELINE_ID'", "github: {}", ""),
        ("'env:CI_PIPELINE_ID', 'env:BUILD_NUMBER'", "github: {}", ""),
        ("'env:CI_PIPELINE_ID', 'const:0'", "github: {}", ""),
    ],
)
def test_a_fact_that_a_forge_cannot_give_is_refused(sources: str, forges: str, told: str):
    names = (
        "CI_PIPELINE_ID",
        "GITHUB_RUN_ID",
        "GITHUB_SHA",
        "TRUEWHEEL_PIPELINE_ID",
        "BUILD_NUMBER",
    )
    declared = ", ".join(f"{name}: {{scope: forge}}" for name in names)
    policy = f"extends: plain\nvariables: {{{declared}}}\nfacts: {{id: {{from: [{sources}]}}}}\n"
    found = [
        str(each)
        for each in plan_of(
            f"packages: {{foo: {{}}}}\ntargets: {{rhel8: {{}}}}\n{forges}\n", policy=policy
        ).problems
    ]
    assert len(found) == bool(told)
    assert all(
        told in each and "(lost between forge and job)\n    hint: " in each for each in found
    )
    if told and "'env:CI_PIPELINE_ID'" in sources:
        assert (
            "put env:TRUEWHEEL_PIPELINE_ID before it, which has the pipeline's id on both forges"
            in found[0]
        )


def test_a_provided_value_must_be_one_that_the_variable_may_have():
    (problem,) = plan_of(SPEC.replace("13.2.1", "thirteen"), policy=POLICY).problems
    told = (
        "truewheel.yml:3:44: CUDA_VERSION: thirteen does not match [0-9.]+\n"
        "    hint: CUDA of the container."
    )
    assert str(problem) == told


def test_the_place_of_a_default_is_the_spec_where_the_spec_has_it():
    spec = SPEC + "variables:\n  CUDA_VERSION: {scope: image, default: '13.0'}\n"
    (problem,) = plan_of(spec, policy=POLICY).problems
    assert str(problem).startswith("truewheel.yml:6:3: CUDA_VERSION has a default")


@pytest.mark.parametrize(
    ("credentials", "told"),
    [
        (
            "{username: U, password: NOTE}",
            "NOTE has the scope pipeline: the password would be shown",
        ),
        ("{password: TOKEN}", "a registry needs a user name and a password, and only one is named"),
        ("{username: U}", "a registry needs a user name and a password, and only one is named"),
    ],
)
def test_the_login_of_a_registry_is_two_variables_and_its_password_is_no_open_one(
    credentials: str, told: str
):
    text = "packages: {foo: {}}\ntargets: {rhel8: {}}\nvariables: {NOTE: {}}\n"
    found = plan_of(
        f"{text}images: {{registry: r.example/x, credentials: {credentials}}}\n"
    ).problems
    assert [problem.message for problem in found] == [told]


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        (
            "RELEASED: x",
            "52: RELEASED is declared neither here nor in the policy own: nothing would read it",
        ),
        ("CI_PIPELINE_ID: '1'", "52: CI_PIPELINE_ID is set by the forge itself"),
        ("CUDA_VERSION: '13'", "52: CUDA_VERSION is provided by the container"),
        ("TOKEN: x", "52: TOKEN is a secret, and this file is readable for all"),
        ("RELEASE: maybe", "61: RELEASE: maybe is none of true, false"),
    ],
)
def test_a_schedule_sets_what_people_may_set_alone(variables: str, told: str):
    spec = SPEC + f"schedules: {{night: {{cron: '0 3 * * *', variables: {{{variables}}}}}}}\n"
    (problem,) = plan_of(spec, policy=POLICY).problems
    assert str(problem).startswith(f"truewheel.yml:5:{told}")
    assert problem.hint


SHOWN = ("GITLAB_TOKEN", "CI_JOB_TOKEN", "PIP_INDEX_URL", "https_proxy", "DEPLOY_KEY", "dbPassword")


@pytest.mark.parametrize("name", SHOWN)
@pytest.mark.parametrize("scope", ["pipeline", "forge", "image"])
@pytest.mark.parametrize("place", ["variables", "naming"])
def test_a_credential_is_no_variable_that_is_shown(name: str, scope: str, place: str):
    variables = f"variables: {{{name}: {{scope: {scope}}}}}"
    text = variables if place == "variables" else f"naming: {{extends: plain, {variables}}}"
    spec = f"packages: {{foo: {{}}}}\ntargets: {{rhel8: {{}}}}\n{text}\n"
    with pytest.raises(Stop) as stopped:
        assert Workspace(Path(), spec_of(spec), lambda _: None).policy
    message = str(stopped.value)
    assert message.startswith(f"truewheel.yml:4:{text.index(name) + 1}: ")
    assert f"{name} is named like a credential, and the scope {scope} would show" in message
    assert "hint: declare it with scope: secret" in message
