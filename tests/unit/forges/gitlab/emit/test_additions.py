"""What a project adds survives: keys of generated jobs, jobs and files of its own.

And what fits nowhere is refused.
"""

from __future__ import annotations

from typing import Any

import pytest
from gitlab_documents import documents, merged, refused

PARENT, RHEL = ".gitlab-ci.yml", "pipelines/rhel8-x86_64.yml"
SPEC = """\
truewheel: 1
project: demo
packages: {foo: {smoke: s.py}, bar: {smoke: s.py}}
targets: {rhel8: {floor: manylinux_2_28, base: 'registry.example/el:8'}, deb: {floor: linux}}
pythons: ['3.12', '3.13']
indexes: {one: {url: 'https://index.example/1'}, two: {url: 'https://index.example/2'}}
gitlab:
"""
WHEELS = [
    f"wheel:{name}:{place}:x86_64:cp3{minor}"
    for place in ("rhel8", "deb")
    for name in ("foo", "bar")
    for minor in (12, 13)
]
TESTS = [f"test:{place}:x86_64" for place in ("rhel8", "deb")]


def patched(overrides: str, *more: str) -> dict[str, dict[str, Any]]:
    """Every job that is not hidden, as GitLab merges it."""
    found = documents(SPEC + "".join(f"  {line}\n" for line in [f"overrides: {overrides}", *more]))
    files = [*found.values()]
    names = [
        name
        for file in files
        for name in file
        if name[0] != "." and (":" in name or name in {"plan", "prove"})
    ]
    return {name: merged(name, *files) for name in names}


PLAIN = patched("{}")


def changed(overrides: str) -> list[str]:
    """The jobs that a patch changes."""
    return [name for name, job in patched(overrides).items() if job != PLAIN[name]]


@pytest.mark.parametrize(
    ("selector", "jobs"),
    [
        ("wheel", WHEELS),
        ("test", TESTS),
        ("plan", ["plan"]),
        ("publish", ["publish:one", "publish:two"]),
        ("'wheel:rhel8:x86_64'", [name for name in WHEELS if "rhel8" in name]),
        ("'test:deb:x86_64'", [name for name in TESTS if "deb" in name]),
        ("'*:foo:*:cp312'", [name for name in WHEELS if "foo" in name and "cp312" in name]),
        ("'*:deb:*'", [name for name in WHEELS + TESTS if "deb" in name]),
        (
            "'wheel:bar:deb:x86_64:cp31?'",
            ["wheel:bar:deb:x86_64:cp312", "wheel:bar:deb:x86_64:cp313"],
        ),
        ("'publish:two'", ["publish:two"]),
    ],
)
def test_a_patch_reaches_the_jobs_that_it_names_and_no_other(selector: str, jobs: list[str]):
    assert sorted(changed(f"{{{selector}: {{timeout: 3h}}}}")) == sorted(jobs)


KEYS = """
after_script: [cleanup]
allow_failure: {exit_codes: [3]}
artifacts: {expire_in: 1 month}
before_script: ['. ci/env.sh']
cache: [{key: pip, paths: [.pip], policy: pull}]
environment: {name: lab}
id_tokens: {ID: {aud: 'https://vault.example'}}
image: {name: 'registry.example/x', entrypoint: ['']}
inherit: {default: [retry]}
interruptible: false
needs: [plan]
resource_group: gpu
retry: {max: 1, when: [runner_system_failure], exit_codes: [137]}
rules: [{changes: [src/**/*], when: always}]
script: [make]
secrets: {T: {vault: a/b/c, file: false}}
services: [{name: 'registry.example/pg', alias: db}]
stage: test
tags: [gpu, linux]
timeout: 3h
variables: {SSL_CERT_FILE: $CI_SERVER_TLS_CA_FILE, PIP_INDEX_URL: 'https://index.example', N: 3}
when: manual
""".strip().splitlines()


@pytest.mark.parametrize(
    "selector", ["wheel", "'wheel:rhel8:x86_64'", "'wheel:foo:rhel8:x86_64:cp312'", "test", "plan"]
)
@pytest.mark.parametrize("line", KEYS, ids=lambda line: line.partition(":")[0])
def test_every_key_of_every_job_can_be_changed(selector: str, line: str):
    import yaml

    (key, value), *_ = yaml.safe_load(line).items()
    files = patched(f"{{{selector}: {{{line}}}}}")
    name = {"wheel": WHEELS[0], "test": TESTS[0], "plan": "plan"}.get(selector, WHEELS[0])
    made = files[name][key]
    if isinstance(value, dict) and isinstance(PLAIN[name].get(key), dict):
        value = {**PLAIN[name][key], **value}
    assert made == value
    assert type(made) is type(value)
    assert {name: {**job, key: PLAIN[name].get(key)} for name, job in files.items()} == {
        name: {**job, key: job.get(key)} for name, job in PLAIN.items()
    }, "and no other key is touched"


def test_the_narrower_selector_wins_whatever_comes_first():
    files = patched(
        "{'wheel:foo:*': {timeout: 3h}, 'wheel:rhel8:x86_64': {timeout: 2h}, wheel: {timeout: 1h}}"
    )
    assert files["wheel:foo:rhel8:x86_64:cp312"]["timeout"] == "3h"
    assert files["wheel:bar:rhel8:x86_64:cp312"]["timeout"] == "2h"
    assert files["wheel:bar:deb:x86_64:cp312"]["timeout"] == "1h"


def test_null_removes_a_key_wherever_it_comes_from():
    for selector in ("wheel", "'wheel:rhel8:x86_64'", "'wheel:foo:rhel8:x86_64:cp312'"):
        job = patched(f"{{{selector}: {{image: null, artifacts: {{reports: null}}}}}}")[WHEELS[0]]
        assert "image" not in job
        assert job["artifacts"].keys() == {"paths", "expire_in"}


def test_a_kind_is_patched_in_its_hidden_job_alone():
    files = documents(SPEC + "  overrides: {wheel: {timeout: 3h}}\n")
    assert files[PARENT][".wheel"]["timeout"] == "3h"
    assert "timeout" not in str(files[RHEL])


def test_a_job_can_extend_one_of_the_project():
    project_jobs = "jobs: {.gpu: {tags: [gpu]}}"
    for selector in ("wheel", "'wheel:rhel8:x86_64'", f"'{WHEELS[0]}'"):
        job = patched(f"{{{selector}: {{extends: .gpu}}}}", project_jobs)[WHEELS[0]]
        assert (job["tags"], job["script"]) == (["gpu"], PLAIN[WHEELS[0]]["script"])


def test_jobs_that_start_children_can_be_changed():
    files = documents(
        SPEC + "  layout: children\n  overrides: {trigger: {rules: [{changes: [src/*]}]}}\n"
    )
    for name, job in files[PARENT].items():
        if name.startswith("trigger:"):
            assert job["rules"] == [{"changes": ["src/*"]}]


def test_a_kind_is_patched_in_every_child():
    files = documents(SPEC + "  layout: children\n  overrides: {wheel: {timeout: 3h}}\n")
    assert [file[".wheel"]["timeout"] for path, file in files.items() if path != PARENT] == [
        "3h",
        "3h",
    ]


def test_jobs_stages_and_files_of_the_project_are_there_as_written():
    added = "own_stages: [lab]\n  include: [ci/own.yml, {project: g/ci, file: [a.yml]}]\n"
    jobs = (
        "  jobs:\n"
        "    lab: {stage: lab, script: ['make lab'], retry: 2, allow_failure: true}\n"
        "    .base: {tags: [x]}\n"
    )
    files = documents(SPEC + "  " + added + jobs)[PARENT]
    assert files["lab"] == {
        "stage": "lab",
        "script": ["make lab"],
        "retry": 2,
        "allow_failure": True,
    }
    assert files[".base"] == {"tags": ["x"]}
    assert files["stages"][-1] == "lab"
    assert files["include"][-2:] == [
        {"local": "ci/own.yml"},
        {"project": "g/ci", "file": ["a.yml"]},
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "overrides: {whel: {timeout: 3h}}",
            "8:15: no job is 'whel'\n    hint: did you mean wheel?",
        ),
        ("overrides: {'wheel:baz:*': {timeout: 3h}}", "8:15: no job is 'wheel:baz:*'"),
        ("overrides: {container: {timeout: 3h}}", "8:15: no job is 'container'"),
        ("overrides: {trigger: {rules: []}}", "8:15: no job is 'trigger'"),
        (
            "overrides: {wheel: {time_out: 3h}}",
            "8:23: jobs have no key 'time_out'\n    hint: did you mean timeout?",
        ),
        ("overrides: {wheel: {retry: null}}", "8:23: wheel has no retry to remove"),
        (
            "overrides: {wheel: {artifacts: {when: null}}}",
            "8:35: wheel has no artifacts.when to remove",
        ),
        (
            "overrides: {wheel: {variables: {V: 3.10}}}",
            "8:38: 3.10 is read as the number 3.1\n    hint: quote it: '3.10'",
        ),
        (
            "overrides: {wheel: {variables: {TRUEWHEEL_CELL: x}}}",
            "8:35: TRUEWHEEL_CELL is Truewheel's own",
        ),
        (
            "overrides: {wheel: 3h}",
            "8:22: gitlab.overrides.wheel: the text '3h', where a mapping is needed",
        ),
        ("overrides: {wheel: {}}", "8:22: gitlab.overrides.wheel: must not be empty"),
        ("jobs: {plan: {script: [make]}}", "8:10: the job 'plan' is generated"),
        (
            f"jobs: {{'{WHEELS[0]}': {{script: [make]}}}}",
            f"8:10: the job '{WHEELS[0]}' is generated",
        ),
        ("jobs: {workflow: {script: [make]}}", "8:10: workflow is a key of a pipeline, not a job"),
        (
            "jobs: {lint: {scrpt: [make]}}",
            "8:17: jobs have no key 'scrpt'\n    hint: did you mean script?",
        ),
        (
            "jobs: {lint: {script: [make], stage: tset}}",
            "8:40: no stage 'tset'\n    hint: did you mean test?",
        ),
        ("jobs: {lint: {script: [make], retry: 010}}", "8:40: 010 is read as the number 8"),
        ("include: [{project: g, ref: 1.10}]", "8:31: 1.10 is read as the number 1.1"),
    ],
)
def test_what_fits_nowhere_is_refused_with_its_place(line: str, message: str):
    assert f"truewheel.yml:{message}" in refused(SPEC + f"  {line}\n")


def test_all_that_is_wrong_is_said_at_once():
    problems = refused(SPEC + "  overrides: {whel: {a: 1}, tset: {b: 1}}\n")
    assert problems.count("truewheel.yml:8:") == 4


def test_a_job_may_have_inputs():
    added = "jobs: {lint: {script: [make], inputs: {level: {default: high}}}}"
    job = documents(SPEC + f"  {added}\n")[PARENT]["lint"]
    assert job["inputs"] == {"level": {"default": "high"}}
