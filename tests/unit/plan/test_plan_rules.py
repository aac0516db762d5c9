"""What a plan is refused for, with the lines of the spec and the way out."""

from __future__ import annotations

import pytest
from specs import plan_of

from truewheel.errors import select_errors

ONE_FLOOR = """
packages:
  tritonserver: {}
targets:
  rhel8: {}
  ubuntu22.04: {floor: manylinux_2_28}
"""
TWO_CUDAS = """
packages: {tritonserver: {}}
targets:
  cuda12: {floor: manylinux_2_28, provides: {CUDA_VERSION: '12.9'}}
  cuda13: {floor: manylinux_2_28, provides: {CUDA_VERSION: '13.2'}}
"""
CUDA_IS_PROVIDED = "variables: {CUDA_VERSION: {scope: image}}\n"


def problems(spec: str, **request) -> list[str]:
    return [str(problem) for problem in plan_of(spec, **request).problems]


def test_two_targets_with_one_floor_are_refused_with_cells_lines_axis_and_a_way_out():
    (problem,) = problems(ONE_FLOOR)
    assert problem == (
        "truewheel.yml:6:3: two cells get one name, "
        "tritonserver-1.0-cp312-cp312-manylinux_2_28_x86_64.whl\n"
        "    tritonserver/rhel8/x86_64/cp312 and tritonserver/ubuntu22.04/x86_64/cp312 "
        "differ only in the target,"
        " and the name has no target\n"
        "    rhel8: truewheel.yml:5:3\n"
        "    ubuntu22.04: truewheel.yml:6:3\n"
        "    hint: give ubuntu22.04 its own floor (its glibc allows up to manylinux_2_35), "
        "or build one of the two"
    )


def test_the_target_named_first_may_be_the_one_with_a_floor_of_its_own():
    (problem,) = problems(
        "packages: {foo: {}}\ntargets: {debian12: {floor: manylinux_2_28}, rhel8: {}}\n"
    )
    assert "hint: give debian12 its own floor (its glibc allows up to manylinux_2_36)" in problem


def test_two_targets_that_can_have_no_other_floor_leave_one_way_out():
    (problem,) = problems("packages: {foo: {}}\ntargets: {rhel8: {}, rocky8: {}}\n")
    assert problem.endswith("hint: build one of the two")


def test_a_hundred_packages_that_collide_are_one_problem():
    packages = ", ".join(f"p{number}: {{}}" for number in range(100))
    spec = (
        f"packages: {{{packages}}}\ntargets: {{rhel8: {{}}, rocky8: {{}}}}\n"
        "arches: [x86_64, aarch64]\n"
    )
    (problem,) = problems(spec + "pythons: ['3.12', '3.13']\n")
    assert "p0/rhel8/x86_64/cp312 and p0/rocky8/x86_64/cp312" in problem
    assert "the same happens to 399 more names" in problem


def test_each_pair_of_targets_is_told_once():
    spec = "packages: {foo: {}, bar: {}}\ntargets: {rhel8: {}, rocky8: {}, ubi8: {}}\n"
    first, second = problems(spec)
    assert "foo/rhel8/x86_64/cp312 and foo/rocky8/x86_64/cp312" in first
    assert "foo/rhel8/x86_64/cp312 and foo/ubi8/x86_64/cp312" in second


def test_targets_of_different_arches_do_not_collide():
    assert not problems(
        "packages: {foo: {}}\ntargets: {rhel8: {arches: [x86_64]}, rocky8: {arches: [aarch64]}}\n"
    )


@pytest.mark.parametrize(
    "policy", ["", "facts: {base: {from: ['package:version']}}\nchannels: {only: {}}\n"]
)
def test_two_cudas_need_a_name_that_says_which(policy: str):
    collision = problems(TWO_CUDAS + CUDA_IS_PROVIDED, policy=policy)
    assert len(collision) == 1
    assert collision[0].startswith(
        "truewheel.yml:5:3: two cells get one name, tritonserver-1.0-cp312-"
    )
    assert (
        "cuda12/x86_64/cp312 and tritonserver/cuda13/x86_64/cp312 differ only in the target"
        in collision[0]
    )
    assert "hint: they differ in CUDA_VERSION: let the policy put it into the name" in collision[0]


def test_two_cudas_have_two_names_under_a_policy_that_says_which():
    made = plan_of(TWO_CUDAS + "naming: triton-2026.04\n")
    assert not made.problems
    assert [cell.version for cell in made.cells] == ["1.0+cu129", "1.0+cu132"]


def test_two_cudas_collide_where_the_channel_leaves_cuda_out():
    spec = TWO_CUDAS + "naming: triton-2026.04\n"
    (problem,) = problems(spec, overrides={"PYPI_RELEASE": "true"})
    assert (
        "two cells get one name, tritonserver-1.0-cp312-cp312-manylinux_2_28_x86_64.whl" in problem
    )


INDEXES = """
packages: {foo: {}, bar: {}}
targets: {rhel8: {}}
naming: triton-2026.04
variables: {PUBLISH: {}}
indexes:
  internal: {}
  pypi: {profile: pypi, when: {PUBLISH: 'yes'}}
"""


def test_an_index_refuses_only_where_it_is_published_to():
    made = plan_of(INDEXES, overrides={"NVIDIA_UPSTREAM_VERSION": "26.04"})
    assert not made.problems
    internal, pypi = made.indexes
    assert (internal.active, internal.refusals) == (True, {})
    assert (pypi.active, pypi.refusals) == (False, {"local version": 2})
    (problem,) = problems(INDEXES, overrides={"NVIDIA_UPSTREAM_VERSION": "26.04", "PUBLISH": "yes"})
    assert problem.startswith(
        "truewheel.yml:8:3: the index pypi would refuse 2 wheels: local version\n"
    )
    assert (
        "hint: its upload API answers 400: PEP 440 keeps local versions off public indexes; name a"
        in problem
    )


def test_an_index_judges_the_copies_it_gets():
    spec = INDEXES.replace("{profile: pypi,", "{profile: pypi, channel: release,")
    made = plan_of(spec, overrides={"NVIDIA_UPSTREAM_VERSION": "26.04", "PUBLISH": "yes"})
    assert not made.problems
    assert [(index.name, index.active, index.refusals) for index in made.indexes] == [
        ("internal", True, {}),
        ("pypi", True, {}),
    ]


def test_an_index_that_takes_no_plain_linux_says_so():
    spec = (
        "packages: {foo: {}}\ntargets: {here: {floor: linux}}\nindexes: {pypi: {profile: pypi}}\n"
    )
    (problem,) = problems(spec)
    assert "the index pypi would refuse 1 wheel: platform linux_x86_64" in problem
    assert not problems(spec.replace("floor: linux", "floor: linux, arches: [armv7l]"))


@pytest.mark.parametrize(
    ("target", "told", "hint"),
    [
        (
            "rhel8: {floor: manylinux_2_34}",
            "3:26: manylinux_2_34 is above the glibc of rhel8, 2.28",
            "its glibc allows up to manylinux_2_28",
        ),
        (
            "here: {floor: manylinux_2_30}",
            "3:25: manylinux_2_30 cannot be audited",
            "auditwheel knows manylinux_2_X for X in 5, 12, 17, 24, 26, 27, 28, 31, 34,",
        ),
        (
            "here: {}",
            "3:11: the target here has no floor",
            "add floor: manylinux_2_28, or the glibc of its image",
        ),
        (
            "here: {floor: audited}",
            "3:11: the target here has no floor",
            "add floor: manylinux_2_28, or the glibc of its image",
        ),
        (
            "here: {floor: manylinux_2_34, glibc: '2.31'}",
            "3:25: manylinux_2_34 is above the glibc of here, 2.31",
            "its glibc allows up to manylinux_2_31",
        ),
    ],
)
def test_a_floor_that_cannot_be_kept_is_refused(target: str, told: str, hint: str):
    (problem, *_) = problems(f"packages: {{foo: {{}}}}\ntargets: {{{target}}}\n")
    assert problem.startswith(f"truewheel.yml:{told}\n    hint: {hint}")


@pytest.mark.parametrize(
    "target",
    [
        "ubuntu24.04: {floor: musllinux_1_2}",
        "here: {floor: musllinux_1_2, glibc: '2.28'}",
        "here: {floor: musllinux_1_2, family: debian}",
        "here: {floor: musllinux_1_2, base: 'docker.io/library/debian:12'}",
        "here: {floor: musllinux_1_2, base: 'quay.io/pypa/manylinux_2_28_x86_64'}",
        "here: {floor: musllinux_1_2, base: 'registry.example/cuda:13.2-devel-ubi8'}",
    ],
)
def test_a_musllinux_floor_for_a_target_with_glibc_is_refused(target: str):
    (problem,) = problems(f"packages: {{foo: {{}}}}\ntargets: {{{target}}}\n")
    name = target.partition(":")[0]
    column = target.index("floor: ") + 18
    assert problem.startswith(
        f"truewheel.yml:3:{column}: musllinux_1_2 is for systems with musl, {name} has glibc\n"
    )
    assert "an image with musl, such as quay.io/pypa/musllinux_1_2_x86_64" in problem


@pytest.mark.parametrize(
    "target",
    [
        "alpine3.20: {floor: manylinux_2_28}",
        "musllinux_1_2: {floor: manylinux2014}",
        "here: {floor: manylinux_2_17, base: 'docker.io/library/python:3.12-alpine3.20'}",
        "here: {floor: manylinux_2_17, base: 'docker.io/library/alpine@sha256:0123'}",
        "here: {floor: manylinux_2_17, base: 'quay.io/pypa/musllinux_1_2_x86_64:2026.1'}",
    ],
)
def test_a_manylinux_floor_for_a_target_with_musl_is_refused(target: str):
    (problem,) = problems(f"packages: {{foo: {{}}}}\ntargets: {{{target}}}\n")
    name, floor = target.partition(":")[0], target.partition("floor: ")[2].split(",")[0].rstrip("}")
    column = target.index("floor: ") + 18
    assert problem.startswith(
        f"truewheel.yml:3:{column}: {floor} is for systems with glibc, {name} has musl\n"
    )
    assert "write floor: musllinux_1_2" in problem


@pytest.mark.parametrize("floor", ["", "floor: audited"])
def test_a_target_with_musl_and_no_floor_is_told_of_one_with_musl(floor: str):
    (problem, *_) = problems(f"packages: {{foo: {{}}}}\ntargets: {{alpine3.20: {{{floor}}}}}\n")
    assert problem.startswith(
        "truewheel.yml:3:11: the target alpine3.20 has no floor\n    hint: add floor: musllinux_1_2"
    )


@pytest.mark.parametrize(
    "target",
    [
        "rhel8: {}",
        "rhel8: {floor: manylinux_2_17}",
        "here: {floor: musllinux_1_2}",
        "alpine3.20: {floor: musllinux_1_2}",
        "here: {floor: musllinux_1_2, base: 'quay.io/pypa/musllinux_1_2_x86_64'}",
        "here: {floor: musllinux_1_2, base: 'registry.example/debian-tools/alpine:3'}",
        "here: {floor: manylinux_2_28, base: 'registry.example/alpine/tools:3'}",
        "alpine3.20: {floor: linux}",
        "x: {floor: linux}",
    ],
)
def test_a_floor_that_can_be_kept_is_not(target: str):
    assert not problems(f"packages: {{foo: {{}}}}\ntargets: {{{target}}}\n")


def test_all_that_speaks_against_a_plan_is_told_at_once():
    spec = (
        "packages: {foo: {abi: abi3}}\n"
        "targets: {here: {pythons: ['3.13t']}}\nexclude: [{arch: s390x}]\n"
    )
    assert len(select_errors(plan_of(spec).problems)) == 3


def test_cuda_suffixes_that_sort_as_text_are_told():
    made = plan_of(
        """
        packages: {foo: {version: {file: V}}}
        targets:
          a: {floor: manylinux_2_28, provides: {CUDA_VERSION: '12.9'}}
          b: {floor: manylinux_2_28, provides: {CUDA_VERSION: '12.10'}}
        naming: triton-2026.04
        """
    )
    (problem,) = made.problems
    assert problem.severity == "warning"
    assert problem.message == "foo: installers compare cu parts as text, so that cu1210 < cu129"


def test_labels_that_sort_as_text_are_told():
    made = plan_of(
        """
        packages: {foo: {version: {file: V}}}
        targets:
          a: {floor: manylinux_2_28, provides: {CUDA_VERSION: '12.9'}}
          b: {floor: manylinux_2_28, provides: {CUDA_VERSION: '12.10'}}
        naming: triton-2026.08
        variant_labels: true
        """,
        version="1.0.0dev",
    )
    assert [problem.message for problem in made.problems] == [
        "foo: installers compare cu parts as text, so that cu1210 < cu129"
    ]
    assert [cell.wheel for cell in made.cells] == [
        "foo-1.0.0.dev0-cp312-cp312-manylinux_2_28_x86_64-cu129.whl",
        "foo-1.0.0.dev0-cp312-cp312-manylinux_2_28_x86_64-cu1210.whl",
    ]


@pytest.mark.parametrize(
    ("floor", "arch", "lowest"),
    [
        ("manylinux1", "aarch64", 17),
        ("manylinux_2_12", "s390x", 17),
        ("manylinux2014", "riscv64", 31),
    ],
)
def test_a_floor_that_an_architecture_never_had_is_refused(floor, arch, lowest):
    made = plan_of(
        f"packages: {{foo: {{version: {{file: V}}}}}}\n"
        f"targets: {{t: {{floor: {floor}, arches: [{arch}]}}}}"
    )
    (problem,) = made.problems
    assert problem.message == f"there is no {floor} for {arch}"
    assert problem.hint == f"the lowest floor for it is manylinux_2_{lowest}"


def test_audited_cells_are_judged_by_every_name_that_they_may_get():
    (problem,) = problems(
        "packages: {foo: {}}\ntargets: {rhel8: {}, ubuntu24.04: {floor: audited}}\n"
    )
    assert problem.startswith(
        "truewheel.yml:3:22: two cells may get one name, "
        "foo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl\n"
        "    foo/rhel8/x86_64/cp312 and foo/ubuntu24.04/x86_64/cp312 differ only in the target"
    )
    both = (
        "packages: {foo: {}, bar: {}}\n"
        "targets: {rhel8: {floor: audited}, ubuntu24.04: {floor: audited}}\n"
    )
    (problem,) = problems(both)
    assert "two cells may get one name" in problem
    assert "the same happens to 1 more names" in problem


def test_an_audited_floor_below_every_other_is_no_collision():
    spec = (
        "packages: {foo: {}}\ntargets: {rhel8: {floor: audited}, rhel9: {floor: manylinux_2_34}}\n"
    )
    assert not problems(spec)


@pytest.mark.parametrize(
    ("scope", "count"), [("pipeline", 1), ("forge", 1), ("image", 1), ("secret", 0)]
)
def test_a_password_stands_in_a_secret_variable(scope, count):
    problems = plan_of(
        "packages: {foo: {}}\ntargets: {rhel8: {}}\n"
        f"variables: {{KEY: {{scope: {scope}}}}}\n"
        "indexes: {own: {url: 'https://index.example/', credentials: {password: KEY}}}\n"
    ).problems
    said = f"truewheel.yml:5:72: KEY has the scope {scope}: the password would be shown\n"
    said += "    hint: declare it with scope: secret, or not at all"
    assert [str(problem) for problem in problems] == [said] * count


def test_two_copies_with_one_name_on_an_index_are_refused():
    (problem,) = plan_of("""
    packages: {foo: {}}
    targets:
      old: {floor: manylinux_2_28, provides: {CUDA_VERSION: '12.9'}}
      new: {floor: manylinux_2_28, provides: {CUDA_VERSION: '13.2'}}
    naming: triton-2026.04
    indexes: {public: {profile: pypi, channel: release}, own: {}}
    """).problems
    assert problem.message.splitlines()[:2] == [
        "two cells get one name on the index public, foo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl",
        (
            "    foo/old/x86_64/cp312 and foo/new/x86_64/cp312 differ only in the target, and "
            "the name has no target"
        ),
    ]
    assert problem.hint.startswith("they differ in CUDA_VERSION")


@pytest.mark.parametrize(
    ("target", "arch", "message"),
    [
        (
            "toolchain: zig, floor: manylinux2010",
            "x86_64",
            "zig cannot compile box for manylinux2010 on x86_64",
        ),
        (
            "toolchain: zig, floor: musllinux_1_2",
            "aarch64",
            "zig cannot compile box for musllinux_1_2 on aarch64",
        ),
        (
            "toolchain: zig, floor: manylinux_2_28",
            "s390x",
            "zig cannot compile box for manylinux_2_28 on s390x",
        ),
        (
            "runner: x86_64, floor: manylinux_2_28",
            "aarch64",
            "runners for x86_64 cannot compile box for aarch64",
        ),
    ],
)
def test_what_no_compiler_of_a_target_can_do_is_refused(target, arch, message):
    (problem,) = problems(
        f"packages: {{foo: {{}}}}\ntargets: {{box: {{{target}}}}}\narches: [{arch}]\n"
    )
    assert problem.startswith("truewheel.yml:3:")
    assert message in problem
    assert "hint: " in problem


@pytest.mark.parametrize(
    "target", ["toolchain: zig, runner: x86_64", "toolchain: zig, floor: manylinux2014"]
)
def test_zig_compiles_both_architectures(target):
    assert not problems(
        f"packages: {{foo: {{}}}}\ntargets: {{rhel8: {{{target}}}}}\narches: [x86_64, aarch64]\n"
    )


def test_runners_of_the_architecture_itself_need_no_zig():
    assert not problems(
        "packages: {foo: {}}\ntargets: {rhel8: {runner: aarch64}}\narches: [aarch64]\n"
    )


LABELLED = TWO_CUDAS + "naming: triton-2026.08\n"


def test_a_label_that_is_computed_but_not_in_the_name_is_the_way_out():
    (problem,) = problems(LABELLED, version="2.73.0dev", overrides={"CI_PIPELINE_ID": "5"})
    assert problem == (
        "truewheel.yml:5:3: two cells get one name, "
        "tritonserver-2.73.0.dev5-cp312-cp312-manylinux_2_28_x86_64.whl\n"
        "    tritonserver/cuda12/x86_64/cp312 and tritonserver/cuda13/x86_64/cp312 differ "
        "only in the target,"
        " and the name has no target\n"
        "    cuda12: truewheel.yml:4:3 (CUDA_VERSION 12.9)\n"
        "    cuda13: truewheel.yml:5:3 (CUDA_VERSION 13.2)\n"
        "    hint: no name has their labels, cu129 and cu132: add variant_labels: true, "
        "or build one of the two"
    )


def test_a_label_is_nothing_for_the_public_index():
    spec = LABELLED + "variant_labels: true\nindexes: {pypi: {profile: pypi}}\n"
    (problem,) = problems(spec, version="2.73.0dev")
    assert "the index pypi would refuse 2 wheels: variant label\n" in problem
    assert not problems(spec, version="2.73.0")[
        1:
    ]  # the release channel has no label: only the collision is left


def test_labels_that_are_in_the_names_part_them():
    assert not problems(LABELLED + "variant_labels: true\n", version="2.73.0dev")


def test_the_label_of_a_release_is_no_way_out():
    (problem,) = problems(LABELLED, version="2.73.0")
    assert "hint: they differ in CUDA_VERSION: let the policy put it into the name" in problem


def test_what_differs_comes_before_floors_that_could():
    spec = (
        "packages: {foo: {}}\ntargets:\n"
        "  debian12: {floor: manylinux_2_28, provides: {CUDA_VERSION: '12.9'}}\n"
    )
    (problem,) = problems(spec + "  rhel8: {provides: {CUDA_VERSION: '13.2'}}\n" + CUDA_IS_PROVIDED)
    assert "hint: they differ in CUDA_VERSION: let the policy put it into the name" in problem


def test_names_that_no_file_system_takes_are_refused():
    spec = (
        "packages: {foo: {}}\ntargets: {rhel8: {}}\n"
        "naming: triton-2026.04\npythons: ['3.12', '3.13']\n"
    )
    (problem,) = problems(spec, overrides={"CI_PIPELINE_ID": "1" * 300})
    assert problem.startswith(
        "truewheel.yml:4:9: 2 file names have more than 255 characters, the first: foo-1.0-1111"
    )
    assert problem.endswith(
        "…\n    hint: file systems refuse longer names: shorten a value, or leave a part out"
    )
    assert not problems(spec, overrides={"CI_PIPELINE_ID": "1" * 200})


MATRIX = """
packages: {demo: {}, other: {}}
targets: {ours: {floor: manylinux_2_28}}
pythons: ['3.10', '3.12']
"""


@pytest.mark.parametrize(
    ("spec", "required", "tags"),
    [
        (MATRIX, ">=3.12", "cp310-cp310"),
        (MATRIX, "<3.10", "cp310-cp310, cp312-cp312"),
        (MATRIX, ">=3.10,!=3.12.*", "cp312-cp312"),
        (MATRIX.replace("demo: {}", "demo: {abi: abi3}"), "<3.10", "cp310-abi3"),
        (MATRIX.replace("demo: {}", "demo: {abi: none}"), "<3", "py3-none"),
    ],
)
def test_pythons_that_the_project_does_not_allow(spec, required, tags):
    (problem,) = problems(spec, pythons={"demo": (required, "lib/pyproject.toml")})
    assert problem.startswith(
        f"truewheel.yml:2:12: demo is built for {tags}, and lib/pyproject.toml says "
        f"requires-python {required}"
    )


@pytest.mark.parametrize("required", [">=3.8", ">=3.10.4,<3.13", "nonsense", ">=3.12"])
def test_pythons_that_the_project_allows(required):
    spec = MATRIX if required != ">=3.12" else MATRIX.replace("demo: {}", "demo: {abi: abi3}")
    assert problems(spec, pythons={"demo": (required, "pyproject.toml")}) == []
