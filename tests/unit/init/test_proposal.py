"""A proposal is a spec that can be read, and quotes whatever names a repository has."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truewheel.errors import Stop, Where
from truewheel.init import proposal
from truewheel.init.build_backend import SPEC_NAME, Abi, Files, Package, Version, read_package
from truewheel.init.detect import Repository
from truewheel.spec import model
from truewheel.spec.model import Spec
from truewheel.spec.policy import Policy
from truewheel.workspace import loading

TODAY = date(2026, 11, 22)
FOO = Package(
    "foo",
    ".",
    "setuptools",
    Version("1.0", "pyproject.toml"),
    Abi("cpython", "setup.py"),
    "",
    (),
    "",
)
POLICIES = sorted(loading.builtin_policies())


def policy(name: str = "plain") -> Policy:
    return loading.read_policy(name, Path(), Where("naming"))


def survey(*packages: Package, **more: Any) -> Repository:
    return Repository(name="root", packages=packages or (FOO,), **more)


def proposed(repository: Repository, **choices: Any) -> str:
    chosen = proposal.choose_defaults(repository, TODAY)._replace(**choices)
    return proposal.render_spec(repository, chosen, policy(chosen.naming))


def read(text: str) -> Spec:
    return model.parse(text, "truewheel.yml", loading.expanded_schema)


def pythons(repository: Repository, today: date = TODAY) -> tuple[str, ...]:
    return proposal.choose_defaults(repository, today).pythons


@pytest.mark.parametrize(
    ("requires", "today", "expected"),
    [
        ("", TODAY, "3.11 3.12 3.13 3.14"),
        (">=3.8", TODAY, "3.11 3.12 3.13 3.14"),
        (">=3.8", date(2026, 10, 31), "3.10 3.11 3.12 3.13 3.14"),
        (">=3.12.4,<3.14", TODAY, "3.12 3.13"),
        ("==3.13.*", TODAY, "3.13"),
        ("<3.11", TODAY, "3.10"),  # past its end, but all that the package allows
        ("", date(2040, 1, 1), "3.14"),
    ],
)
def test_pythons_are_the_allowed_ones_with_security_fixes(
    requires: str, today: date, expected: str
):
    assert pythons(survey(FOO._replace(requires_python=requires)), today) == tuple(expected.split())


def test_classifiers_say_the_lowest_where_nothing_else_does():
    classified = FOO._replace(classified=("3.12", "3.13"))
    assert pythons(survey(classified)) == ("3.12", "3.13", "3.14")
    assert pythons(survey(classified._replace(requires_python=">=3.11"))) == (
        "3.11",
        "3.12",
        "3.13",
        "3.14",
    )


@pytest.mark.parametrize("oldest", [9, 12])
def test_a_limited_api_begins_where_its_tag_does(oldest: int):
    repository = survey(FOO._replace(abi=Abi("abi3", "setup.cfg", oldest)))
    assert pythons(repository)[0] == f"3.{oldest}"
    assert bool(proposal.make_notes(repository, proposal.choose_defaults(repository, TODAY))) == (
        oldest == 9
    )


def test_a_python_that_one_package_cannot_have_is_excluded_for_it():
    late = FOO._replace(name="late", path="late", requires_python=">=3.13")
    stable = FOO._replace(name="stable", path="stable", abi=Abi("abi3", "setup.cfg", 12))
    pure = FOO._replace(name="pure", path="pure", requires_python=">=3.14", abi=Abi("none", ""))
    excluded = [
        (pattern.package, pattern.python)
        for pattern in read(proposed(survey(FOO, late, stable, pure))).exclude
    ]
    assert excluded == [("late", "3.11"), ("late", "3.12"), ("stable", "3.11")]


def test_a_package_for_pythons_of_old_is_refused():
    with pytest.raises(Stop, match=r"requires-python <3\.8 allows none of Python 3\.10"):
        proposal.choose_defaults(survey(FOO._replace(requires_python="<3.8")), TODAY)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"BUILD": "cp31{2,3}-* pp*"}, "3.12 3.13"),
        ({"BUILD": "cp3*", "SKIP": "cp31[12]-* *-musllinux*"}, "3.13 3.14"),
        ({"BUILD": "cp38-*"}, "3.11 3.12 3.13 3.14"),  # nothing left: then all
        ({"SKIP": "*-manylinux_i686"}, "3.11 3.12 3.13 3.14"),
    ],
)
def test_cibuildwheel_selects_pythons(settings: Mapping[str, str], expected: str):
    assert pythons(survey(cibuildwheel=settings)) == tuple(expected.split())


@pytest.mark.parametrize(
    ("image", "arches", "floor", "base"),
    [
        ("", "", "manylinux_2_28", "quay.io/pypa/manylinux_2_28_x86_64"),
        ("manylinux2014", "auto", "manylinux2014", "quay.io/pypa/manylinux2014_x86_64"),
        ("manylinux_2_34", "x86_64, aarch64", "manylinux_2_34", "quay.io/pypa/manylinux_2_34"),
        ("", "aarch64", "manylinux_2_28", "quay.io/pypa/manylinux_2_28_aarch64"),
        (
            "my.example:5000/a/manylinux_2_28:1",
            "",
            "manylinux_2_28",
            "my.example:5000/a/manylinux_2_28:1",
        ),
        (
            "my.example/manylinux_2_28 \u200b",
            "",
            "manylinux_2_28",
            "quay.io/pypa/manylinux_2_28_x86_64",
        ),
        ("my.example/other", "", "manylinux_2_28", "quay.io/pypa/manylinux_2_28_x86_64"),
    ],
)
def test_the_target_is_that_of_cibuildwheel(image: str, arches: str, floor: str, base: str):
    spec = read(proposed(survey(cibuildwheel={"MANYLINUX_X86_64_IMAGE": image, "ARCHS": arches})))
    ((name, target),) = spec.targets.items()
    assert (name, target.floor, target.base) == (floor, floor, base)


def test_runners_are_named_where_there_are_two_architectures():
    both = {"ARCHS": "x86_64 aarch64"}
    assert read(proposed(survey())).gitlab.runners == {}
    assert read(proposed(survey(cibuildwheel=both))).gitlab.runners == {
        "x86_64": ("x86_64",),
        "aarch64": ("aarch64",),
    }
    hosted = read(proposed(survey(cibuildwheel=both, remote="gitlab.com"))).gitlab.runners
    assert hosted["aarch64"] == ("saas-linux-small-arm64",)


@pytest.mark.parametrize(
    ("remote", "pipelines", "expected"),
    [
        ("", (), ("gitlab",)),
        ("git.example.org", (), ("gitlab",)),
        ("gitlab.example.org", (), ("gitlab",)),
        ("github.com", (), ("github",)),
        ("git.example.org", (".github/workflows/a.yml",), ("github",)),
        ("github.com", (".gitlab-ci.yml",), ("gitlab", "github")),
    ],
)
def test_the_forges_are_those_of_the_remote_and_of_the_ci_files(
    remote: str, pipelines: tuple[str, ...], expected: Any
):
    assert read(proposed(survey(remote=remote, pipelines=pipelines))).forges() == expected


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ((), {}),
        (("lint", "build", "test", "deploy"), {}),
        (("compile", "test", "ship"), "compile compile test test test ship"),
        (("all",), "all all all all all all"),
        (("test", "build"), "build build build build build build"),  # not back to an earlier one
    ],
)
def test_our_stages_find_their_place_among_those_of_a_file_of_ones_own(
    stages: tuple[str, ...], expected: Any
):
    text = f"stages: [{', '.join(stages)}]\n" if stages else "job: {script: [make]}\n"
    gitlab = read(proposed(survey(by_hand={".gitlab-ci.yml": text}))).gitlab
    kinds = ("container", "wheel", "test", "prove", "review", "publish")
    assert gitlab.entry == "ci/wheels.yml"
    assert gitlab.stages == (dict(zip(kinds, expected.split())) if expected else {})


def test_only_another_branch_than_main_is_named():
    assert read(proposed(survey(remote="github.com", branch="main"))).github.branches == ("main",)
    assert read(proposed(survey(remote="github.com", branch="master"))).github.branches == (
        "master",
    )


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("profile", ["", "internal", "pypi"])
def test_every_policy_and_index_can_be_chosen(name: str, profile: str):
    spec = read(proposed(survey(), naming=name, profile=profile))
    assert spec.naming == name
    assert [index.profile for index in spec.indexes.values()] == ([profile] if profile else [])


def test_versions_of_git_bring_their_rules():
    by_git = survey(FOO._replace(version=Version("", "git tags", inject="env:X")), tag="v1.0")
    spec = read(proposed(by_git))
    assert spec.packages["foo"].version.inject == "env:X"
    assert not spec.gitlab.tool_image.endswith("slim")
    assert spec.naming["facts"]["base"]["from"] == ["option:release-version", "vcs:tag"]
    assert "const:0.0" in proposed(by_git._replace(tag=""))


def test_paths_are_those_of_the_root():
    deep = FOO._replace(
        path="a/b", version=Version("1", "V", file="../../V"), smoke="tests/smoke.py"
    )
    foo = read(proposed(survey(deep))).packages["foo"]
    assert (foo.path, foo.version.file, foo.smoke) == ("a/b", "V", "a/b/tests/smoke.py")


def test_every_key_has_its_comment():
    text = proposed(survey(FOO._replace(smoke="smoke.py")), profile="internal")
    for line in text.splitlines():
        if line and not line.startswith((" ", "#")) and not line.endswith(":"):
            assert "  # " in line, line


PRINTABLE = st.text(
    st.characters(exclude_categories=("C", "Zl", "Zp"))
    | st.sampled_from("'\"#:{}[]-&*!|>%@`,? ~\\$")
)
ANY = st.text() | st.sampled_from(
    ["a\nb: c", "\u2028", "\x00", "\ufeff", "#", "null", "yes", "1.0"]
)


@given(
    folder=PRINTABLE.filter(
        lambda text: text not in {"", ".", ".."} and "/" not in text and text[0] != "-"
    ),
    name=ANY,
)
def test_what_a_repository_is_called_comes_back_as_it_was(folder: str, name: str):
    odd = FOO._replace(path=folder, backend=name, abi=Abi("cpython", name), smoke=f"{folder}.py")
    spec = read(proposal_of_any_name(odd, name))
    assert spec.packages["foo"].path == folder
    assert spec.packages["foo"].smoke == f"{folder}/{folder}.py"


def proposal_of_any_name(odd: Package, name: str) -> str:
    return proposed(Repository(name=name, packages=(odd, FOO._replace(name="other", path="other"))))


@given(
    name=ANY | st.from_regex(SPEC_NAME, fullmatch=True),
    version=ANY | st.sampled_from(["", "1.0", " 1.0rc1"]),
    requires=st.just(">=3.11") | ANY,
    file=PRINTABLE,
    text=st.sampled_from(["1.0\n", "2.0.dev1"]) | ANY,
)
def test_a_project_of_any_name_is_refused_or_comes_back(
    name: str, version: str, requires: str, file: str, text: str
):
    table = {
        "project": {"name": name, "version": version, "requires-python": requires},
        "tool": {"setuptools": {"dynamic": {"version": {"file": file}}}},
    }
    read_any = Files(lambda _: text, lambda _: table, lambda: True)
    try:
        described = read_package(".", read_any)
        assert described
        proposal_text = proposed(survey(described))
    except Stop:
        return
    (packages,) = read(proposal_text).packages.items()
    assert packages[0] == name
    assert packages[1].version.file == (described.version.file and posixpath.normpath(file))
