"""The plan: where a variable's value comes from, what the cells share, and what jobs there are."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from specs import plan_of

from truewheel.errors import Exit, Stop, select_errors
from truewheel.plan import plan_file
from truewheel.plan.matrix import Host
from truewheel.plan.model import CELL, SELECTION, Build

SPEC = """
packages: {foo: {}}
targets: {rhel8: {provides: {IMAGE: from image}}}
"""
POLICY = """
variables:
  FORGE: {scope: forge}
  PIPELINE: {scope: pipeline, pattern: '[a-z]+', description: Small letters.}
  IMAGE: {scope: image, default: fallback}
  RELEASE: {choices: ['true', 'false']}
facts:
  base: {from: ['option:release-version', 'package:version']}
  forge: {from: ['env:FORGE']}
  pipeline: {from: ['env:PIPELINE']}
  image: {from: ['env:IMAGE']}
channels:
  release: {when: {RELEASE: 'true'}}
  default: {local: ['{pipeline}'], build: '{forge}'}
"""
HOST = Host("x86_64", "manylinux_2_36", ("cp312",))


def fact(name: str, spec: str = SPEC, **request) -> tuple[str | None, str]:
    """Value and origin of a fact of the only cell."""
    (cell,) = plan_of(spec, policy=POLICY, **request).cells
    return cell.facts[name].value, cell.facts[name].origin


def refusal(spec: str = SPEC, policy: str = POLICY, **request) -> str:
    with pytest.raises(Stop) as stopped:
        plan_of(spec, policy=policy, **request)
    assert stopped.value.code is Exit.REFUSED
    return str(stopped.value)


def wheels(spec: str, **request) -> list[str]:
    return [cell.wheel for cell in plan_of(spec, **request).cells]


@pytest.mark.parametrize(
    ("overrides", "environment", "found"),
    [
        ({"PIPELINE": "flag"}, {"PIPELINE": "env"}, ("flag", "-v")),
        ({}, {"PIPELINE": "env"}, ("env", "environment")),
        ({"PIPELINE": ""}, {"PIPELINE": "env"}, ("env", "environment")),
        ({"PIPELINE": ""}, {"PIPELINE": ""}, (None, "")),
        ({}, {}, (None, "")),
    ],
)
def test_a_flag_beats_the_environment_and_empty_is_absent(overrides, environment, found):
    assert fact("pipeline", overrides=overrides, environment=environment) == found


@pytest.mark.parametrize(
    ("provides", "request_", "found"),
    [
        ("{IMAGE: from image}", {}, ("from image", "provided by rhel8")),
        (
            "{IMAGE: from image}",
            {"environment": {"IMAGE": "env"}},
            ("from image", "provided by rhel8"),
        ),
        ("{IMAGE: from image}", {"overrides": {"IMAGE": "flag"}}, ("flag", "-v")),
        ("{IMAGE: from image}", {"overrides": {"IMAGE": ""}}, ("from image", "provided by rhel8")),
        ("{}", {"environment": {"IMAGE": "env"}}, ("fallback", "default")),
        ("{IMAGE: ''}", {}, ("fallback", "default")),
        (
            "{IMAGE: from image}",
            {"environment": {"IMAGE": "env"}, "host": HOST},
            ("env", "environment"),
        ),
        (
            "{IMAGE: from image}",
            {"environment": {"IMAGE": ""}, "host": HOST},
            ("fallback", "default"),
        ),
    ],
)
def test_what_an_image_has_is_never_taken_from_the_planning_machine(provides, request_, found):
    spec = f"packages: {{foo: {{}}}}\ntargets: {{rhel8: {{provides: {provides}}}}}\n"
    assert fact("image", spec, **request_) == found


def test_an_empty_variable_is_told_as_the_reason():
    (cell,) = plan_of(SPEC, policy=POLICY, environment={"FORGE": " "}).cells
    assert cell.facts["forge"].skipped == (("env:FORGE", "is set but empty"),)


def test_the_default_stands_where_the_environment_is_empty():
    spec = SPEC + "variables: {PIPELINE: {default: usual}}\n"
    assert fact("pipeline", spec, environment={"PIPELINE": ""}) == ("usual", "default")


def test_an_undeclared_flag_is_refused_with_the_name_that_was_meant():
    assert "hint: did you mean PIPELINE?" in refusal(overrides={"PIPELNE": "x"})
    text = refusal(overrides={"Q": "x"})
    assert "the variable Q is declared neither here nor in the policy own" in text
    assert "hint: declared: FORGE, IMAGE, PIPELINE, RELEASE" in text


@pytest.mark.parametrize("name", ["CI_JOB_ID", "GITHUB_SHA", "GITLAB_USER_ID"])
def test_what_a_forge_sets_may_be_given_without_a_declaration(name):
    assert plan_of(SPEC, overrides={name: "1"}).cells


@pytest.mark.parametrize("origin", ["overrides", "environment"])
def test_a_value_beside_choices_or_pattern_is_refused(origin):
    text = refusal(**{origin: {"RELEASE": "yes", "PIPELINE": "x\n"}})
    said = {"overrides": "-v", "environment": "environment"}[origin]
    # What a machine's environment holds may be a secret of somebody else's spec.
    yes, x = ("its value",) * 2 if origin == "environment" else ("'yes'", "'x\\n'")
    hint = "allowed: true, false, or empty"
    assert f"RELEASE ({said}): {yes} is not allowed\n    hint: {hint}" in text
    assert f"PIPELINE ({said}): {x} does not match [a-z]+\n    hint: Small letters." in text


@pytest.mark.parametrize("value", ["\udcff", "26.04\udc80"])
def test_a_value_that_is_no_text_is_refused(value):
    spec = SPEC + "variables: {NOTE: {}}\n"
    text = refusal(spec, overrides={"NOTE": value})
    assert "NOTE (-v): " in text
    assert "is not UTF-8 text" in text
    text.encode()


def test_a_secret_is_neither_in_the_plan_nor_in_messages():
    spec = SPEC + "variables: {TOKEN: {scope: secret, pattern: '[a-z]{8}'}}\n"
    made = plan_of(spec, environment={"TOKEN": "hushhush"})
    assert "TOKEN" not in made.variables
    assert "hushhush" not in plan_file.write(made)
    text = refusal(spec, environment={"TOKEN": "Hush\udcff"})
    assert "TOKEN (environment): its value does not match" in text
    assert "Hush" not in text


def test_a_fact_that_reads_a_secret_is_refused_before_any_name_is_made():
    spec = SPEC + "variables:\n  PIPELINE: {scope: secret}\n"
    text = refusal(spec, environment={"PIPELINE": "hush", "RELEASE": "no such choice"})
    assert text.startswith("truewheel.yml:5:3: the fact pipeline reads the secret PIPELINE")
    assert "hush" not in text


def test_every_declared_value_is_written_down_with_its_origin():
    made = plan_of(
        SPEC, policy=POLICY, overrides={"FORGE": "7"}, environment={"PIPELINE": "x", "OTHER": "y"}
    )
    assert {
        name: (each.value, each.origin, each.scope) for name, each in made.variables.items()
    } == {
        "FORGE": ("7", "-v", "forge"),
        "PIPELINE": ("x", "environment", "pipeline"),
        "IMAGE": ("fallback", "default", "image"),
    }


def test_cells_of_one_target_and_version_share_their_facts():
    made = plan_of(
        "packages: {foo: {}, bar: {}}\ntargets: {rhel8: {}, debian12: {}}\n", policy=POLICY
    )
    first, second, third, fourth = made.cells
    assert first.facts is third.facts
    assert second.facts is fourth.facts
    assert first.facts is not second.facts


def test_two_problems_of_one_fact_are_told_once():
    spec = "packages: {foo: {}}\ntargets: {rhel8: {}, debian12: {}}\nnaming: triton-2026.04\n"
    made = plan_of(spec, overrides={"CUDA_VERSION": "13"})
    (warning,) = made.problems
    assert warning.severity == "warning"
    assert "the fact cuda: CUDA_VERSION is '13', which does not match" in warning.message
    assert [cell.version for cell in made.cells] == ["1.0", "1.0"]


INDEXES = """
packages: {foo: {}}
targets: {rhel8: {}}
naming: triton-2026.04
indexes:
  internal: {}
  pypi: {profile: pypi, channel: release, when: {PYPI_RELEASE: 'true'}}
  nightly: {channel: default, when: {PYPI_RELEASE: 'true'}}
"""
VALUES = {
    "CI_PIPELINE_ID": "49163608",
    "NVIDIA_UPSTREAM_VERSION": "26.04",
    "CUDA_VERSION": "13.2.1",
}
LONG = "foo-1.0+nv26.4.cu132-49163608-cp312-cp312-manylinux_2_28_x86_64.whl"
SHORT = "foo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"


def test_a_cell_lists_the_copies_that_will_be_made():
    (cell,) = plan_of(INDEXES, overrides=VALUES).cells
    assert cell.wheel == LONG
    assert [(copy.index, copy.wheel) for copy in cell.copies] == [("internal", LONG)]
    (cell,) = plan_of(INDEXES, overrides={**VALUES, "PYPI_RELEASE": "true"}).cells
    assert cell.channel == "release"
    assert cell.wheel == SHORT
    assert [(copy.index, copy.wheel) for copy in cell.copies] == [
        ("internal", SHORT),
        ("pypi", SHORT),
        ("nightly", LONG),
    ]


def test_an_index_with_a_channel_that_the_policy_lacks_is_refused():
    text = refusal(INDEXES.replace("channel: release", "channel: relaese"))
    assert "truewheel.yml:7:34: the policy own has no channel 'relaese'" in text
    assert "hint: its channels: release, default" in text


def test_a_policy_without_a_channel_that_applies_is_refused():
    policy = (
        "variables: {GO: {}}\nchannels: {only: {when: {GO: 'yes'}}}\n"
        "facts: {base: {from: ['package:version']}}\n"
    )
    assert "no channel of the policy own applies" in refusal(
        "packages: {foo: {}}\ntargets: {rhel8: {}}\n", policy
    )


@pytest.mark.parametrize(
    ("package", "python", "wheel"),
    [
        ("Foo.Bar-baz: {}", "3.12", "foo_bar_baz-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"),
        ("foo: {abi: abi3}", "3.9", "foo-1.0-cp39-abi3-manylinux_2_28_x86_64.whl"),
        ("foo: {abi: none}", "3.12", "foo-1.0-py3-none-any.whl"),
        ("foo: {}", "3.13t", "foo-1.0-cp313-cp313t-manylinux_2_28_x86_64.whl"),
    ],
)
def test_names_follow_the_abi_of_the_package(package, python, wheel):
    assert wheels(
        f"packages: {{{package}}}\ntargets: {{rhel8: {{}}}}\npythons: ['{python}']\n"
    ) == [wheel]


@pytest.mark.parametrize(
    ("floor", "platform"),
    [
        ("manylinux2014", "manylinux2014_x86_64.manylinux_2_17_x86_64"),
        ("manylinux_2_17", "manylinux2014_x86_64.manylinux_2_17_x86_64"),
        ("manylinux_2_28", "manylinux_2_28_x86_64"),
        ("musllinux_1_2", "musllinux_1_2_x86_64"),
        ("linux", "linux_x86_64"),
    ],
)
def test_names_promise_the_floor_of_the_target(floor, platform):
    assert wheels(f"packages: {{foo: {{}}}}\ntargets: {{here: {{floor: {floor}}}}}\n") == [
        f"foo-1.0-cp312-cp312-{platform}.whl"
    ]


def test_a_version_is_normalised_and_a_bad_one_is_refused():
    assert wheels(SPEC, version="1.0.0-Beta.2")[0].startswith("foo-1.0.0b2-")
    assert "'one' is no version" in refusal(version="one")


def test_every_cell_has_a_wheel_job_that_waits_for_the_plan_alone():
    made = plan_of("packages: {foo: {}, bar: {abi: none}}\ntargets: {rhel8: {}}\n")
    assert [(job.name, job.kind, job.cells, job.needs) for job in made.jobs] == [
        ("plan", "plan", (), ()),
        ("wheel:foo:rhel8:x86_64:cp312", "wheel", ("foo/rhel8/x86_64/cp312",), ("plan",)),
        ("wheel:bar:any:any:py3", "wheel", ("bar/any/any/py3",), ("plan",)),
        (
            "test:rhel8:x86_64",
            "test",
            ("foo/rhel8/x86_64/cp312",),
            ("plan", "wheel:bar:any:any:py3", "wheel:foo:rhel8:x86_64:cp312"),
        ),
        (
            "test:any:any",
            "test",
            ("bar/any/any/py3",),
            ("plan", "wheel:foo:rhel8:x86_64:cp312", "wheel:bar:any:any:py3"),
        ),
        ("prove", "prove", (), None),
    ]


def test_the_cells_of_one_command_share_a_job_where_they_share_a_target_an_arch_and_a_python():
    made = plan_of("""
    packages: {foo: {}, bar: {abi: abi3}, alone: {}, pure: {abi: none}}
    builds:
      tree: {path: src, command: [make], requires: [ninja],
        wheels: {foo: 'a/*.whl', bar: 'b/*.whl'}}
    targets: {rhel8: {}}
    pythons: ['3.11', '3.12']
    """)
    assert [(job.name, job.cells) for job in made.jobs if job.kind == "wheel"] == [
        ("wheel:tree:rhel8:x86_64:cp311", ("foo/rhel8/x86_64/cp311", "bar/rhel8/x86_64/cp311")),
        ("wheel:tree:rhel8:x86_64:cp312", ("foo/rhel8/x86_64/cp312",)),
        ("wheel:alone:rhel8:x86_64:cp311", ("alone/rhel8/x86_64/cp311",)),
        ("wheel:alone:rhel8:x86_64:cp312", ("alone/rhel8/x86_64/cp312",)),
        ("wheel:pure:any:any:py3", ("pure/any/any/py3",)),
    ]
    assert {name: (package.build, package.path) for name, package in made.packages.items()} == {
        "foo": ("tree", "src"),
        "bar": ("tree", "src"),
        "alone": ("", "."),
        "pure": ("", "."),
    }
    wheels = {"foo": "a/*.whl", "bar": "b/*.whl"}
    assert made.builds == {
        "tree": Build(name="tree", command=("make",), requires=("ninja",), wheels=wheels)
    }


def test_a_pure_package_is_built_in_the_tool_image():
    made = plan_of(
        "packages: {foo: {abi: none}}\ntargets: {rhel8: {}}\ngitlab: {tool_image: 'python:3.14'}\n"
    )
    assert made.targets["any"].base == "python:3.14"


def test_jobs_call_the_installed_command_or_the_scripts_by_path():
    def argv(spec: str) -> list[tuple[str, ...]]:
        return [command for kind in plan_of(spec).kinds.values() for command in kind.commands]

    assert argv(SPEC) == [
        ("truewheel", "check"),
        ("truewheel", "plan", "--output", "plan.json"),
        ("truewheel", "compile", "--cell", CELL),
        ("truewheel", "repair", "--cell", CELL),
        ("truewheel", "validate", "--cell", CELL, "--report"),
        ("truewheel", "test", SELECTION),
        ("truewheel", "prove", "dist", "--plan", "plan.json"),
    ]
    assert [command[:2] for command in argv(SPEC + "scripts: ci/steps/\n")] == [
        ("python", "gen_ci.py"),
        ("python", "gen_ci.py"),
        ("python", "ci/steps/compile_wheel.py"),
        ("python", "ci/steps/repair_wheel.py"),
        ("python", "ci/steps/validate_wheels.py"),
        ("python", "ci/steps/test_wheel.py"),
        ("python", "gen_ci.py"),
    ]


def test_where_names_do_not_matter_a_missing_part_is_stood_in_for():
    policy = """
    variables: {DAY: {scope: forge}}
    facts: {day: {from: ['env:DAY']}, extra: {from: ['env:DAY']}}
    channels: {nightly: {version: '1.dev{day:08}', local: ['x{extra}']}}
    """
    spec = "packages: {foo: {}}\ntargets: {rhel8: {}}\n"
    assert "no version: the channel nightly needs the fact day" in refusal(spec, policy)
    (cell,) = plan_of(spec, policy=policy, stand_in="0").cells
    assert (cell.version, cell.facts["day"].value) == ("1.dev0", None)
    (cell,) = plan_of(spec, policy=policy, stand_in="0", environment={"DAY": "20261122"}).cells
    assert cell.version == "1.dev20261122+x20261122"


def test_this_machine_reads_files_that_facts_come_from_and_a_target_does_not():
    files = {"/usr/local/cuda/version.json": json.dumps({"cuda": {"version": "12.9.1"}})}
    spec = "packages: {foo: {}}\ntargets: {rhel8: {}}\nnaming: triton-2026.04\n"
    (here,) = plan_of(spec, host=HOST, read_file=files.get).cells
    assert here.wheel == "foo-1.0+cu129-cp312-cp312-manylinux_2_36_x86_64.whl"
    (there,) = plan_of(spec).cells
    assert there.version == "1.0"


def test_the_event_and_the_place_are_written_down():
    made = plan_of(SPEC, event="tag", host=HOST)
    assert (made.event, made.local, made.spec) == ("tag", True, "truewheel.yml")
    assert set(made.targets) == {"host"}


def test_the_same_request_makes_the_same_plan():
    one, two = (plan_of(INDEXES, overrides=VALUES) for _ in range(2))
    assert one == two
    assert plan_file.write(one) == plan_file.write(replace(two))
    assert not select_errors(one.problems)


def test_an_audited_floor_plans_a_range_up_to_the_glibc_of_the_target():
    targets = "{rhel8: {floor: audited}, here: {floor: audited, glibc: '2.26', arches: [aarch64]}}"
    first, second = plan_of(f"packages: {{foo: {{}}}}\ntargets: {targets}\n").cells
    assert first.wheel == "foo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"
    assert first.platforms[0] == "manylinux1_x86_64.manylinux_2_5_x86_64"
    assert first.platforms[-1] == "manylinux_2_28_x86_64"
    assert second.platforms == (
        "manylinux2014_aarch64.manylinux_2_17_aarch64",
        "manylinux_2_24_aarch64",
        "manylinux_2_26_aarch64",
    )
    assert [cell.wheel for cell in second.possible()] == [
        f"foo-1.0-cp312-cp312-{platform}.whl" for platform in second.platforms
    ]


def test_the_glibc_of_a_target_is_its_floor():
    (cell,) = plan_of("packages: {foo: {}}\ntargets: {here: {glibc: '2.33'}}\n").cells
    assert cell.tag == "cp312-cp312-manylinux_2_31_x86_64"


def test_an_index_with_an_address_has_a_publish_job():
    spec = SPEC + "indexes: {own: {url: 'https://index.example/x'}, named: {}}\n"
    made = plan_of(spec, event="tag")
    (job,) = [job for job in made.jobs if job.kind == "publish"]
    assert (job.name, job.index_name, job.needs) == ("publish:own", "own", ("prove",))
    kind = made.kinds["publish"]
    assert kind.commands == ()
    assert (kind.events, kind.is_protected, kind.exclusive) == (("tag",), True, "publish")
    assert [index.simple for index in made.indexes] == ["https://index.example/x/simple/", ""]


def test_what_an_index_needs_to_be_published_to_is_in_the_plan():
    index = """
      url: 'https://index.example/x'
      simple: 'https://index.example/+simple'
      when: {R: 'true'}
      credentials: {username: USER_NAME, password: KEY}
    """
    (own,) = plan_of(SPEC + f"variables: {{R: {{}}}}\nindexes:\n  own:{index}").indexes
    assert (own.url, own.simple, own.active) == (
        "https://index.example/x",
        "https://index.example/+simple",
        False,
    )
    assert (own.username, own.password, own.when) == ("USER_NAME", "KEY", {"R": "true"})


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("''", 0),
        ("12 B", 12),
        ("1.9 GB", 1_900_000_000),
        ("100MB", 10**8),
        ("5 kB", 5000),
        ("1.5 GiB", 1_610_612_736),
    ],
)
def test_what_a_package_says_of_its_libraries_and_size_reaches_the_plan(size, expected):
    foo = f"{{exclude: [liba.so.*], graft: [libcudart.so.12], max_size: {size}}}"
    package = plan_of(f"packages: {{foo: {foo}}}\ntargets: {{rhel8: {{}}}}\n").packages["foo"]
    assert (package.exclude, package.graft, package.max_size) == (
        ("liba.so.*",),
        ("libcudart.so.12",),
        expected,
    )


@pytest.mark.parametrize(
    "wrong",
    [
        "max_size: 5",
        "max_size: big",
        "max_size: -1 MB",
        "exclude: liba.so",
        "exclude: [/opt/liba.so]",
        "graft: [a, a]",
    ],
)
def test_what_is_no_size_or_pattern_is_refused(wrong):
    with pytest.raises(Stop, match=rf"packages\.foo\.{wrong.split(':')[0]}"):
        plan_of(f"packages: {{foo: {{{wrong}}}}}\ntargets: {{rhel8: {{}}}}\n")


def test_what_leaves_no_names_is_told_with_all_else():
    spec = """
        packages: {foo: {}, bar: {}}
        targets: {rhel8: {floor: manylinux_2_34}, rhel9: {}}
        exclude: [{arch: s390x}]
        """
    with pytest.raises(Stop) as stopped:
        plan_of(spec, version="abc")
    assert [problem.message for problem in stopped.value.problems] == [
        "manylinux_2_34 is above the glibc of rhel8, 2.28",
        "nothing is excluded",
        "'abc' is no version",
    ]
    with pytest.raises(Stop) as stopped:
        plan_of(spec, overrides={"NOPE": "1"})
    assert [problem.message[:14] for problem in stopped.value.problems] == [
        "manylinux_2_34",
        "the variable N",
    ]


def test_every_target_that_leaves_no_name_is_told():
    spec = """
        packages: {foo: {}}
        targets:
          rhel8: {provides: {NVIDIA_TRITON_SERVER_VERSION: a/b}}
          rhel9: {provides: {NVIDIA_TRITON_SERVER_VERSION: c/d}}
        naming: triton-2026.04
        """
    with pytest.raises(Stop) as stopped:
        plan_of(spec)
    assert [problem.message for problem in stopped.value.problems] == [
        "'1.0+nva/b' is no version",
        "'1.0+nvc/d' is no version",
    ]
