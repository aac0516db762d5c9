"""The spec: what is frozen of a file, and what only the file as a whole can get wrong."""

from __future__ import annotations

import pytest
from specs import spec_of

from truewheel.errors import Exit, Stop
from truewheel.spec.model import (
    Archive,
    Build,
    CellPattern,
    Container,
    Credentials,
    Gitlab,
    Images,
    Index,
    Load,
    MergeRequests,
    Package,
    Schedule,
    Stage,
    Target,
    Version,
)

PLAIN = Package(
    path=".",
    version=Version(file="", match="", inject=""),
    abi="cpython",
    smoke="",
    load=Load(skip=()),
    exclude=(),
    graft=(),
    max_size="",
    paths=(),
    secrets=(),
)
SMALL = "packages: {a: {}}\ntargets: {ubuntu24.04: {}}\n"
FULL = """\
truewheel: 1
project: triton
packages:
  server:
    {path: python/server, version: {file: V, match: ^v(.+), inject: 'env:VERSION'},
     abi: abi3, smoke: smoke.py, load: {skip: [server.tests]}, exclude: [libcuda.so.*],
     graft: [libcudart.so.12], max_size: 1.9 GB, paths: [lib],
     secrets: [A_TOKEN]}
  client: {}
builds:
  tree: {path: src, command: [make, -C, '.'], requires: [cmake==4.1.3],
    wheels: {client: 'dist/*.whl'}, secrets: [B_TOKEN]}
targets:
  rhel8:
    family: rhel
    base: example.org/el8:1
    test_image: example.org/clean:1
    floor: manylinux_2_28
    glibc: '2.28'
    arches: [aarch64]
    pythons: ['3.13t']
    provides: {CUDA_VERSION: '13.2.1'}
    container:
      file: C
      files: [f]
      interpreters: uv
      packages: [cmake]
      requirements: r.txt
      stages: {ci: {base: build, packages: [tidy], requirements: c.txt, wheels: [server]}}
    toolchain: zig
    runner: x86_64
arches: [x86_64, aarch64]
pythons: ['3.10', '3.12']
include: [{package: server, target: rhel8, arch: x86_64, python: '3.12'}]
exclude: [{target: 'rhel*'}]
named: [{arch: aarch64}]
naming: policies/own.yml
variables: {CI: {scope: forge, choices: [a, b], pattern: '[ab]', description: d, default: a}}
indexes:
  pypi:
    profile: pypi
    channel: release
    max_size: 300 MB
    when: {R: 'true'}
    verdict: named
    url: 'https://index.example/upload/'
    simple: 'https://index.example/+simple/'
    credentials: {username: INDEX_USER, password: INDEX_PASSWORD}
schedules:
  nightly:
    cron: '0  3 * * MON'
    timezone: Europe/Berlin
    ref: v1
    variables: {CI: a}
    active: false
    description: d
    forges: [gitlab]
merge_requests: {types: [fix], labels: [ci]}
archives: {all: {name: 'all-{version}', package: server, targets: [rhel8]}}
scripts: ci
compiler_cache: sccache
setup: ['. setup.sh']
images: {registry: '$R/x', credentials: {username: U, password: P}, tools: t.txt, job_image: 'b:1'}
gitlab:
  layout: include
  wheels: packages
  entry: ci/wheels.yml
  prefix: 'w:'
  stages: {wheel: build}
  own_stages: [lint]
  runners: {x86_64: [big, linux]}
  test_runners: {aarch64: [gpu]}
  tool_runner: [small]
  inputs: true
  tool_image: 'i:1'
  expire_in: 2 days
  jobs: {lint: {script: [make], retry: 2, cache: null}}
  overrides: {wheel: {timeout: 3h}}
  include: [ci/own.yml, {project: group/ci, file: [a.yml]}]
"""


NOTHING = Container(
    file="", files=(), interpreters="distribution", packages=(), requirements="", stages={}
)


def refused(text: str) -> list[str]:
    with pytest.raises(Stop) as stopped:
        spec_of(text)
    assert stopped.value.code is Exit.REFUSED
    return [str(problem) for problem in stopped.value.problems]


def test_the_smallest_spec_has_every_default():
    spec = spec_of(SMALL)
    assert spec.packages == {"a": PLAIN}
    target = Target(
        family="",
        base="",
        test_image="",
        floor="",
        glibc="",
        arches=(),
        pythons=(),
        provides={},
        container=NOTHING,
        toolchain="",
        runner="",
    )
    assert spec.targets == {"ubuntu24.04": target}
    assert (spec.truewheel, spec.project, spec.naming, spec.scripts) == (1, "wheels", "plain", "")
    assert spec.compiler_cache == ""
    assert (spec.arches, spec.pythons, spec.setup) == (("x86_64",), ("3.12",), ())
    assert (spec.include, spec.exclude, spec.variables) == ((), (), {})
    assert (spec.indexes, spec.archives, spec.builds) == ({}, {}, {})
    assert spec.images == Images(
        registry="", credentials=Credentials(username="", password=""), tools="", job_image=""
    )
    assert spec.merge_requests == MergeRequests(types=(), changed_only=False, labels=())
    assert spec.schedules == {}
    image = "docker.io/library/python:3.12-slim"
    assert spec.gitlab == Gitlab(
        layout="auto",
        wheels="artifacts",
        entry="",
        prefix="wheels:",
        stages={},
        own_stages=(),
        runners={},
        test_runners={},
        tool_runner=(),
        tool_image=image,
        inputs=False,
        expire_in="1 week",
        jobs={},
        overrides={},
        include=(),
    )


def test_every_value_of_a_full_spec_arrives():
    spec = spec_of(FULL)
    version = Version(file="V", match="^v(.+)", inject="env:VERSION")
    libraries = {"exclude": ("libcuda.so.*",), "graft": ("libcudart.so.12",), "max_size": "1.9 GB"}
    libraries |= {"paths": ("lib",), "secrets": ("A_TOKEN",)}
    server = PLAIN._replace(
        path="python/server",
        version=version,
        abi="abi3",
        smoke="smoke.py",
        load=Load(("server.tests",)),
        **libraries,
    )
    assert spec.packages == {"server": server, "client": PLAIN}
    tree = Build(
        path="src",
        command=("make", "-C", "."),
        requires=("cmake==4.1.3",),
        wheels={"client": "dist/*.whl"},
        secrets=("B_TOKEN",),
    )
    assert spec.builds == {"tree": tree}
    assert spec.targets["rhel8"] == Target(
        family="rhel",
        base="example.org/el8:1",
        test_image="example.org/clean:1",
        floor="manylinux_2_28",
        glibc="2.28",
        arches=("aarch64",),
        pythons=("3.13t",),
        provides={"CUDA_VERSION": "13.2.1"},
        container=Container(
            file="C",
            files=("f",),
            interpreters="uv",
            packages=("cmake",),
            requirements="r.txt",
            stages={
                "ci": Stage(
                    base="build", packages=("tidy",), requirements="c.txt", wheels=("server",)
                )
            },
        ),
        toolchain="zig",
        runner="x86_64",
    )
    assert spec.images == Images(
        registry="$R/x", credentials=Credentials("U", "P"), tools="t.txt", job_image="b:1"
    )
    assert spec.schedules["nightly"] == Schedule(
        cron="0 3 * * MON",
        timezone="Europe/Berlin",
        ref="v1",
        variables={"CI": "a"},
        active=False,
        description="d",
        forges=("gitlab",),
    )
    assert (spec.arches, spec.pythons) == (("x86_64", "aarch64"), ("3.10", "3.12"))
    assert spec.include == (
        CellPattern(package="server", target="rhel8", arch="x86_64", python="3.12"),
    )
    assert spec.exclude == (CellPattern(package="*", target="rhel*", arch="*", python="*"),)
    assert spec.named == (CellPattern(package="*", target="*", arch="aarch64", python="*"),)
    assert spec.variables["CI"].choices == ("a", "b")
    assert spec.indexes["pypi"] == Index(
        profile="pypi",
        channel="release",
        max_size="300 MB",
        when={"R": "true"},
        verdict="named",
        url="https://index.example/upload/",
        simple="https://index.example/+simple/",
        credentials=Credentials("INDEX_USER", "INDEX_PASSWORD"),
    )
    assert spec.merge_requests == MergeRequests(types=("fix",), changed_only=False, labels=("ci",))
    assert spec.archives == {
        "all": Archive(name=("all-{version}",), package="server", targets=("rhel8",))
    }
    assert (spec.project, spec.naming, spec.scripts, spec.setup) == (
        "triton",
        "policies/own.yml",
        "ci",
        (". setup.sh",),
    )
    assert spec.compiler_cache == "sccache"
    runners = {"x86_64": ("big", "linux")}
    assert spec.gitlab == Gitlab(
        layout="include",
        wheels="packages",
        entry="ci/wheels.yml",
        prefix="w:",
        stages={"wheel": "build"},
        own_stages=("lint",),
        runners=runners,
        test_runners={"aarch64": ("gpu",)},
        tool_runner=("small",),
        tool_image="i:1",
        inputs=True,
        expire_in="2 days",
        jobs={"lint": {"script": ["make"], "retry": 2, "cache": None}},
        overrides={"wheel": {"timeout": "3h"}},
        include=("ci/own.yml", {"project": "group/ci", "file": ["a.yml"]}),
    )


def test_a_spec_is_frozen_and_knows_its_places():
    spec = spec_of(SMALL)
    with pytest.raises(AttributeError):
        spec.project = "other"
    assert str(spec.document.where(("targets", "ubuntu24.04"), key=True)) == "truewheel.yml:3:11"


def test_included_cells_name_what_the_file_has():
    cell = "{package: b, target: rhel8, arch: x86_64, python: '3.12'}"
    assert refused(SMALL + f"include: [{cell}]\n") == [
        "truewheel.yml:4:21: no package 'b'\n    hint: packages of this file: a",
        "truewheel.yml:4:32: no target 'rhel8'\n    hint: targets of this file: ubuntu24.04",
    ]


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("{file: V, match: '('}", "not a regular expression"),
        (
            "{file: V, match: 'a'}",
            "a must have exactly one group: the version\n    hint: such as ^__version__",
        ),
        ("{file: V, match: '(a)(b)'}", "(a)(b) must have exactly one group: the version"),
        ("{match: '(a)'}", "there is no file to search\n    hint: name it: version.file"),
    ],
)
def test_what_finds_a_version_has_a_file_and_one_group(version: str, message: str):
    (problem,) = refused(f"packages: {{a: {{version: {version}}}}}\ntargets: {{rhel8: {{}}}}\n")
    assert problem.startswith("truewheel.yml:2:")
    assert message in problem


@pytest.mark.parametrize("name", ["host", "any"])
def test_the_names_of_our_own_targets_are_taken(name):
    (problem,) = refused(SMALL.replace("ubuntu24.04", name))
    assert problem.startswith(
        f"truewheel.yml:3:11: the target name {name} is reserved\n    hint: host is this machine"
    )


@pytest.mark.parametrize(("one", "two"), [("Foo.Bar", "foo_bar"), ("a-b", "a--b"), ("A", "a")])
def test_two_packages_that_an_index_takes_for_one_are_refused(one, two):
    (problem,) = refused(f"packages: {{{one}: {{}}, {two}: {{}}}}\ntargets: {{rhel8: {{}}}}\n")
    assert f": {two} and {one} are one project: indexes write both as " in problem
    assert problem.startswith(f"truewheel.yml:2:{18 + len(one)}: ")


def test_all_problems_of_the_whole_come_at_once_and_in_order():
    cell = "{package: b, target: host, arch: i686, python: '3.9'}"
    text = f"targets: {{host: {{}}}}\npackages: {{a: {{}}, A: {{}}}}\ninclude: [{cell}]\n"
    assert [problem.partition(": ")[0] for problem in refused(text)] == [
        "truewheel.yml:2:11",
        "truewheel.yml:3:19",
        "truewheel.yml:4:21",
    ]


BUILDS = """\
truewheel: 1
packages: {a: {}, b: {}, c: {}, pure: {abi: none}, own: {version: {inject: 'env:V'}}}
targets: {ubuntu24.04: {}}
builds:
"""


@pytest.mark.parametrize(
    ("builds", "problem"),
    [
        (["t: {command: [make], wheels: {a: '*.whl', d: '*.whl'}}"], "5:45: no package 'd'"),
        (
            [
                "t: {command: [make], wheels: {a: '*.whl'}}",
                "u: {command: [make], wheels: {a: '*.whl'}}",
            ],
            "6:33: a is in",
        ),
        (["t: {command: [make], wheels: {own: '*.whl'}}"], "5:33: own has version.inject"),
        (
            ["t: {command: [make], wheels: {a: '*.whl', pure: '*.whl'}}"],
            "5:45: the build t makes pure and native",
        ),
        (["c: {command: [make], wheels: {a: '*.whl'}}"], "5:3: c is also a package"),
        (["t: {command: [], wheels: {a: '*.whl'}}"], "5:16: "),
        (["t: {command: make, wheels: {a: '*.whl'}}"], "5:16: "),
        (["t: {command: [make, 4], wheels: {a: '*.whl'}}"], "5:23: "),
        (["t: {command: [make], wheels: {}}"], "5:32: "),
        (["t: {command: [make]}"], "5:6: "),
        (["t: {wheels: {a: '*.whl'}}"], "5:6: "),
        *(
            ([f"t: {{command: [make], wheels: {{a: {glob}}}}}"], "5:36: ")
            for glob in ("'../*.whl'", "'/x/*.whl'", "'a/../*.whl'", "'*'", "'dist/'", "''")
        ),
    ],
)
def test_a_build_that_cannot_be_is_refused_with_its_place(builds: list[str], problem: str) -> None:
    (found,) = refused(BUILDS + "".join(f"  {line}\n" for line in builds))
    assert found.startswith(f"truewheel.yml:{problem}")
    assert "hint: " in found


def test_a_build_may_be_called_as_a_package_that_it_makes() -> None:
    assert spec_of(
        BUILDS + "  a: {command: [make], wheels: {a: '*.whl', b: 'x/**/b-*.whl'}}\n"
    ).builds


@pytest.mark.parametrize(
    ("url", "is_taken"),
    [
        ("https://index.example/legacy/", True),
        ("http://127.0.0.1:8080/", True),
        ("http://localhost", True),
        ("", True),
        ("http://index.example/", False),
        ("http://127.0.0.1.example/", False),
        ("http://localhost:80@index.example/", False),
        ("https://me:secret@index.example/", False),
        ("https://index.example/a b", False),
        ("https://", False),
        ("file:///tmp", False),
        ("--publish-url", False),
    ],
)
def test_passwords_go_to_https_addresses_alone(url, is_taken):
    text = SMALL + f"indexes: {{own: {{url: '{url}'}}}}\n"
    if is_taken:
        assert spec_of(text).indexes["own"].url == url
    else:
        assert "an https:// address without user name" in refused(text)[0]


@pytest.mark.parametrize(
    ("schedule", "problem"),
    [
        ("{cron: 0 25 * * *}", "5:19: 25 is no hour: allowed are 0 to 23"),
        ("{cron: 3}", "5:19: schedules.nightly.cron: the number 3, where text is needed"),
        ("{cron: '* * * * *', timezone: ''}", "5:42: "),
        ("{cron: '* * * * *', variables: {A: ''}}", "5:47: "),
        ("{cron: '* * * * *', ref: a b}", "5:37: "),
        ("{cron: '* * * * *', forges: [github]}", "5:41: this file has no key github"),
        ("{ref: main}", "5:12: schedules.nightly has no cron"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_with_its_place(schedule: str, problem: str) -> None:
    (found,) = refused(SMALL + f"schedules:\n  nightly: {schedule}\n")
    assert found.startswith(f"truewheel.yml:{problem}")
    assert "hint: " in found


def test_a_schedule_is_of_all_forges_of_the_file_unless_it_names_its_own() -> None:
    spec = spec_of(
        SMALL
        + (
            "gitlab: {}\ngithub: {}\n"
            "schedules: {a: {cron: '0 1 * * *'}, b: {cron: '0 2 * * *', forges: [github]}}\n"
        )
    )
    assert [*spec.schedules_of("gitlab")] == ["a"]
    assert [*spec.schedules_of("github")] == ["a", "b"]


@pytest.mark.parametrize("registry", ["-v/:/h", "--mount=type=bind", "--privileged"])
def test_a_registry_is_no_option_of_an_engine(registry):
    text = f"packages: {{foo: {{}}}}\ntargets: {{a: {{}}}}\nimages: {{registry: '{registry}'}}\n"
    with pytest.raises(Stop, match=r"images\.registry"):
        spec_of(text)
